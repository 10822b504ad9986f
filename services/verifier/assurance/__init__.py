"""Levels of assurance and the evidence for them."""
