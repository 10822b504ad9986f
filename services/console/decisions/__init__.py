"""Decisions of staff on a case: which the console offers, their forms, and their submission."""
