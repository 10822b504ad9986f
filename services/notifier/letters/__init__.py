"""Letters: their contents and their composition."""
