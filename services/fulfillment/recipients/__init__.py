"""Recipients of data and their notifications."""
