"""Forms with files that never reach a disk: what people upload is in clear until it is sealed."""

from starlette.formparsers import MultiPartParser


class MemoryFormParser(MultiPartParser):
    """Parses a body of limited size in memory."""

    spool_max_size = 0
    """Of a temporary file: without a maximum it is never moved from memory to a disk."""
