"""Marks and corrections: planned, carried out and looked at again, as an erasure is."""
