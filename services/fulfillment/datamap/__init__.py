"""Data maps: their words, how they are read and checked, and the graph they make."""
