"""The privacy centre: forms for requests in plain words (docs/privacy-centre.md)."""
