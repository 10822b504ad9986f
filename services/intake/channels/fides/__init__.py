"""Takes requests in the form that clients of Fides send them (docs/protocols.md)."""
