"""Diagrams of a data map: entry points, waves of the search, and effects of an erasure."""
