"""Keeps the register of breaches: their phases, who is told and by when, and what lets the notices out."""
