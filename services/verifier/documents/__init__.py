"""Reads identity documents and bills, and says what speaks for and against them."""
