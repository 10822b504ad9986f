"""Bills and statements as proof of an address."""
