"""Checks tokens of the company's own log-in; documents that are read for seconds must not hold them up."""
