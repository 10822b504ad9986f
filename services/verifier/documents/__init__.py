"""Reads and checks identity documents and bills."""
