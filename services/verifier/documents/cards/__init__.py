"""The printed side of cards and licences; print and machine-readable part may both be forged. Pure."""
