"""Client of California's deletion lists (DROP): fetches lists, reports statuses (docs/protocols.md)."""
