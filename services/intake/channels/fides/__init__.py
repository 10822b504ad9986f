"""The API of Fides, for its clients (docs/reference/protocols.md)."""
