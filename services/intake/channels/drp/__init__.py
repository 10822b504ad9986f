"""Takes requests from authorised agents by the Data Rights Protocol 1.0 (docs/protocols.md)."""
