"""Mails codes, past all other letters."""
