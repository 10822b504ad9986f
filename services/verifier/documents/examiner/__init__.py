"""Examines the proofs that take time: documents, and tokens of the company's log-in."""
