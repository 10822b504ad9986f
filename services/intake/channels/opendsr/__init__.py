"""OpenDSR 2.0, its 3.0 dialect, and OpenGDPR 1.0, for controllers (docs/reference/protocols.md)."""
