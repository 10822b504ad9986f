"""California's DROP: looks people up by hashes in the stores of the data map."""
