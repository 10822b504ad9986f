"""Mail addresses and messages."""
