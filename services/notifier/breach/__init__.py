"""Notices of a breach."""
