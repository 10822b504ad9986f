"""Looks people up by the hashes of California's DROP, in whatever stores the data map names."""
