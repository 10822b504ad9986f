"""Writes to the people of one batch after the other."""
