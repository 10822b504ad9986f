"""Marks and corrections: planned, executed and verified, like an erasure."""
