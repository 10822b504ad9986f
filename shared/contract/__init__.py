"""The events and sealed documents that services exchange."""
