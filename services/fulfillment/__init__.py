"""Gathers or erases a person's records across the collections of a data map."""
