"""Sample letters of a breach and documents for authorities, for operators."""
