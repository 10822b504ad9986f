"""Clients of other projects, run unchanged against an installation."""
