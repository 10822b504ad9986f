"""The API of Fides, for its clients (docs/protocols.md)."""
