"""The search: everything a person is known by, followed through every store."""
