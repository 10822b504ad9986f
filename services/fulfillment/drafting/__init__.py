"""Drafts of a data map from a live store: personal data, its people, and references."""
