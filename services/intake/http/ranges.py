"""Ranges of a download (RFC 9110, section 14). Pure."""

import re
from dataclasses import dataclass

ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class NotSatisfiable(Exception):
    """The range begins behind the end."""

    def __init__(self, size: int) -> None:
        super().__init__("the range begins behind the end of the package")
        self.size = size


@dataclass(frozen=True, slots=True)
class RangeRequest:
    """The range headers of a request."""

    range: str = ""
    if_range: str = ""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes from *first* up to, and without, *end*."""

    first: int
    end: int

    @property
    def length(self) -> int:
        """The number of bytes."""
        return self.end - self.first


def span(wanted: RangeRequest, *, size: int, etag: str) -> ByteRange:
    """
    Return the bytes to send of *size* bytes with *etag*: all, unless a single range is requested.

    Invalid ranges, several ranges, and a range of another version (``If-Range``) are ignored.

    Raises:
        NotSatisfiable: The range begins behind the end.
    """
    match = ONE_RANGE.fullmatch(wanted.range.strip().lower())
    if match is None or match[0] == "bytes=-" or wanted.if_range not in {"", etag}:
        return ByteRange(0, size)
    if not match[1]:
        return _last(int(match[2]), size)
    first, end = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
    if first >= size:
        raise NotSatisfiable(size)
    return ByteRange(first, end) if first < end else ByteRange(0, size)


def _last(length: int, size: int) -> ByteRange:
    if length == 0:
        raise NotSatisfiable(size)
    return ByteRange(max(size - length, 0), size)
