"""Measurements: each beside the raw floor measured in the same run."""
