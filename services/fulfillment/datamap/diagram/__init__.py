"""Draws a data map: where a search starts, what it reaches in which wave, and what an erasure does there."""
