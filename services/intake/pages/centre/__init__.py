"""The privacy centre: forms for requests in plain words (docs/reference/privacy-centre.md)."""
