"""The package that a person gets: written, laid out, explained, and verified."""
