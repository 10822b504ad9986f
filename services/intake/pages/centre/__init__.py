"""The privacy centre: people say in plain words what they want (docs/privacy-centre.md)."""
