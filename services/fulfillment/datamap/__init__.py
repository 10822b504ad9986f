"""Data maps: their format, reader and checks, and the graph of their references."""
