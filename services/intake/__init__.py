"""Takes requests in, keeps the register of cases and their clocks."""
