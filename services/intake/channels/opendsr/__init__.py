"""Takes instructions from controllers by OpenDSR 2.0, its 3.0 dialect, OpenGDPR 1.0 (docs/protocols.md)."""
