"""Breach campaigns: hundreds of thousands of notices, each person written to exactly once."""
