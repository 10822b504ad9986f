"""Finds out whom a breach concerns, by the data map, and seals what each is told."""
