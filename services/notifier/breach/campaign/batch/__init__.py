"""Writes to the people of one chunk after the other."""
