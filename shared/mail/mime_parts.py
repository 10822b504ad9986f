"""
Splits a message into its parts, in time linear in its length. Pure.

Strangers send them. The library's own parser calls itself for every level, and takes time with long fields
that grows with the square of their length: here parts are cut at boundaries alone, one level at a call, and
fields that are longer than any of use are not read.
"""

import re
from collections.abc import Callable, Iterator
from email.message import Message
from email.parser import BytesHeaderParser

from shared.errors import ErrorNet

LONGEST_TYPE = 1024
"""Characters of a field with parameters. A boundary has 70 (RFC 2046 section 5.1.1)."""
WITH_PARAMETERS = ("content-type", "content-disposition")


def split(content: bytes, *, largest_head: int) -> tuple[Message, bytes]:
    """Return the fields of a message or part, and the bytes behind them; no fields if they are too large."""
    if content.startswith((b"\r\n", b"\n")):  # a part without fields
        return Message(), content
    head, _, body = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    return fields(head, largest_head=largest_head), body


def fields(head: bytes, *, largest_head: int) -> Message:
    """Return the fields in *head*; none where there is more than *largest_head* bytes."""
    found = BytesHeaderParser().parsebytes(head + b"\n\n") if len(head) <= largest_head else Message()
    for name in WITH_PARAMETERS:
        if len(str(found.get(name, ""))) > LONGEST_TYPE:
            del found[name]
    return found


def boundary(headers: Message) -> str:
    """Return the boundary between the parts; empty where none can be read."""
    return _parameter(headers.get_boundary)


def charset(headers: Message) -> str:
    """Return the charset that is named; empty where none is that can be read."""
    return _parameter(headers.get_content_charset)


def filename(headers: Message) -> str:
    """Return the name of a file; empty where there is none that can be read."""
    return _parameter(headers.get_filename)


def _parameter(read: Callable[[], object]) -> str:
    """Return the result of *read*: over pieces and charsets of parameters (RFC 2231) the library stumbles."""
    found: object = ""
    with ErrorNet():
        found = read()
    return found if isinstance(found, str) else ""


def pieces(headers: Message, body: bytes, *, most: int) -> Iterator[bytes]:
    """Yield the parts that *body* is cut into where *headers* name a boundary, *most* of them at most."""
    limit = boundary(headers)
    if headers.get_content_maintype() != "multipart" or not limit:
        return
    delimiter = re.compile(
        rb"(?:^|\r?\n)--" + re.escape(limit.encode(errors="replace")) + rb"(?:--)?[ \t]*\r?\n"
    )
    yield from delimiter.split(body + b"\r\n", maxsplit=most)[1:]
