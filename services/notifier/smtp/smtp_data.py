"""
The wire form of a message to a mail server (RFC 5321 4.5.2). Pure.

One rule: the only line that consists of a dot is the end of the message.
"""

import re
from typing import NewType

Wired = NewType("Wired", bytes)
"""A message with CRLF at each line's end, a dot more before each line that begins with one, and its end."""

LINE_BREAK = re.compile(rb"\r\n|\r|\n")
END = b".\r\n"


def wired(message: bytes) -> Wired:
    """Return *message* as it goes over the wire."""
    return Wired(stuffed(in_lines(message)) + END)


def stuffed(lines: bytes) -> bytes:
    """Return whole *lines* with a dot more before each that begins with one; parts may be stuffed alone."""
    more = lines.replace(b"\r\n.", b"\r\n..")
    return b"." + more if more.startswith(b".") else more


def in_lines(message: bytes) -> bytes:
    """Return *message* with CRLF at each line's end: a lone break could smuggle in another message."""
    breaks = message.count(b"\r\n")
    if message.count(b"\n") == breaks == message.count(b"\r") and message.endswith(b"\r\n"):
        return message
    return LINE_BREAK.sub(b"\r\n", message).removesuffix(b"\r\n") + b"\r\n"
