"""Reads the machine-readable zones of passports, identity cards, visas and French licences."""
