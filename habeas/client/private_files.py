"""Files with personal data, which only their owner may read."""

import os


def open_private(file: str, flags: int) -> int:
    """Open *file* for its owner alone (mode 0600); pass it to :func:`open` as its opener."""
    descriptor = os.open(file, flags, mode=0o600)
    os.fchmod(descriptor, 0o600)  # an existing file keeps its mode
    return descriptor
