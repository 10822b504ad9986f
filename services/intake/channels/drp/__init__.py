"""The Data Rights Protocol 1.0, for authorised agents (docs/reference/protocols.md)."""
