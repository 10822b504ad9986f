"""Client of California's deletion lists, DROP: fetches, reports statuses (docs/reference/protocols.md)."""
