"""Tells people of a breach: hundreds of thousands of letters, nobody missed and nobody written to twice."""
