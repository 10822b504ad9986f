"""Establishes that a requester is the data subject."""
