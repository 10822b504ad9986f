"""Drafts a data map of a live store: what it holds, whose it is, and how its records hang together."""
