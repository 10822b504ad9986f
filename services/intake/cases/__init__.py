"""Cases: registration, lifecycle, duplicates, deadlines, retention."""
