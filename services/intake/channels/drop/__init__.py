"""Fetches California's deletion lists (DROP) and says what became of each request (docs/protocols.md)."""
