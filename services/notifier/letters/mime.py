"""
Messages as bytes (RFC 5322, MIME), and their form on the wire to a mail server (RFC 5321 4.5.2). Pure.

``email.message.EmailMessage`` costs half a millisecond a letter; the parts of a letter are built here in a
few microseconds. Two rules: no header ever carries a line break that came from outside, and the same
input gives the same bytes, so that a letter sent twice in doubt is recognised as one. On the wire, the only
line that consists of a dot is the end of the message.
"""

import binascii
import re
from base64 import b64encode, encodebytes
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from typing import NewType

from shared.errors import MailRefused
from shared.law.company import media_type_of
from shared.mail.domains import fits, looked_up

LONGEST_ADDRESS = 254
"""Octets of an address that a mail server must take (RFC 5321 4.5.3.1.3)."""

ENCODED_WORD_BYTES = 45
"""Bytes that fit, in base64, into one encoded word of 75 characters (RFC 2047 2)."""

NOT_IN_AN_ADDRESS = re.compile(r"[\s@<>()\[\],;:\\\"\x00-\x1f\x7f]")
CONTROL_OR_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
"""White space, control characters, and those that make text run backwards."""

ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")


LINE_BREAK = re.compile(rb"\r\n|\r|\n")
END = b".\r\n"
Wired = NewType("Wired", bytes)
"""A message with CRLF at each line's end, a dot more before each line that begins with one, and its end."""


@dataclass(frozen=True, slots=True)
class Alternatives:
    """The same words twice: as plain text and as HTML."""

    text: str
    html: str


def addr_spec(address: str) -> str:
    """
    Return *address* with its domain in the ASCII form that mail servers look up.

    Raises:
        MailRefused: No mail server could take this for an address.
    """
    local, _, domain = address.strip().rpartition("@")
    domain = domain.removesuffix(".") if domain.isascii() else looked_up(domain)
    spec = f"{local}@{domain}"
    if not local or not fits(domain) or NOT_IN_AN_ADDRESS.search(f"{local}{domain}"):
        raise MailRefused("the mail address is invalid")
    if len(spec.encode()) > LONGEST_ADDRESS:
        raise MailRefused("the mail address is too long")
    return spec


def one_line(text: str) -> str:
    """Return *text* with every run of white space and control characters made one space, in valid Unicode."""
    return CONTROL_OR_SPACE.sub(" ", text).strip().encode("utf-8", "replace").decode()


def unstructured(text: str) -> str:
    """Return *text* as the value of a header, in encoded words when it is not ASCII."""
    text = one_line(text)
    return text if text.isascii() else "\r\n ".join(_encoded_words(text))


def mailbox(name: str, address: str) -> str:
    """Return the value of an address header."""
    spec, shown = addr_spec(address), one_line(name)
    return f"{_phrase(shown)} <{spec}>" if shown else spec


def message(headers: dict[str, str], body: Alternatives, *, message_id: str, logo: bytes = b"") -> bytes:
    """
    Return a ``multipart/alternative`` message with *headers* and *body*, whose HTML may show *logo*.

    Quoted-printable: it passes every relay unchanged (which signatures need), stays readable in a log of
    the wire, and no line of it can be mistaken for the boundary, which contains ``=_``.
    """
    boundary = f"=_{sha256(message_id.encode()).hexdigest()[:24]}"
    head = [f"{name}: {value}" for name, value in headers.items()]
    head += [f"Message-ID: {message_id}", "MIME-Version: 1.0"]
    head += [f'Content-Type: multipart/alternative; boundary="{boundary}"', "", ""]
    text, html = map(quoted_printable, (body.text, body.html))
    before = part_head(boundary, "plain"), text, b"\r\n", html_head(boundary, logo)
    return b"".join(("\r\n".join(head).encode(), *before, html, end(boundary, logo)))


def html_head(boundary: str, logo: bytes) -> bytes:
    """Return the head before the HTML, which is the root of ``multipart/related`` (RFC 2387) with *logo*."""
    if not logo:
        return part_head(boundary, "html")
    inner = _inner(boundary)
    related = f'Content-Type: multipart/related; type="text/html";\r\n boundary="{inner}"'
    return f"--{boundary}\r\n{related}\r\n\r\n".encode() + part_head(inner, "html")


def end(boundary: str, logo: bytes) -> bytes:
    """Return all that follows the HTML: *logo*, if there is one, and the end of the message."""
    inner = _inner(boundary)
    parts = f"\r\n--{inner}\r\n".encode() + _logo_part(logo) + f"--{inner}--".encode() if logo else b""
    return parts + f"\r\n--{boundary}--\r\n".encode()


def _inner(boundary: str) -> str:
    """Return a second boundary, which does not begin with *boundary* (RFC 2046 5.1.1)."""
    return boundary.replace("=_", "=_r")


def logo_id(logo: bytes) -> str:
    """Return the content id of *logo*; its domain is reserved (RFC 2606) and reads as no file name."""
    return f"{sha256(logo).hexdigest()[:24]}@logo.invalid"


@lru_cache(maxsize=4)
def _logo_part(logo: bytes) -> bytes:
    """Return *logo* as an inline part (RFC 2392): the HTML refers to it, and nothing is loaded."""
    head = (
        f"Content-Type: {media_type_of(logo)}",
        "Content-Transfer-Encoding: base64",
        f"Content-ID: <{logo_id(logo)}>",
        "Content-Disposition: inline",
    )
    return "\r\n".join((*head, "", "")).encode() + encodebytes(logo).replace(b"\n", b"\r\n")


def part_head(boundary: str, subtype: str) -> bytes:
    """Return the head before the text of a part."""
    type_ = f"Content-Type: text/{subtype}; charset=utf-8"
    return f"--{boundary}\r\n{type_}\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n".encode()


def quoted_printable(text: str) -> bytes:
    """Return *text* in quoted-printable; whole lines may be encoded one by one."""
    return binascii.b2a_qp(text.encode(), istext=True).replace(b"\n", b"\r\n")


@lru_cache(maxsize=1024)
def date_header(moment: datetime) -> str:
    """Return *moment* as the value of a ``Date`` header."""
    return format_datetime(moment.replace(microsecond=0))


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


def _phrase(name: str) -> str:
    if not name.isascii():
        return "\r\n ".join(_encoded_words(name))
    if ATOMS.fullmatch(name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _encoded_words(text: str) -> list[str]:
    """Return *text* as encoded words, none of which splits a character (RFC 2047 5)."""
    chunks = [b""]
    for character in text:
        encoded = character.encode()
        if len(chunks[-1]) + len(encoded) > ENCODED_WORD_BYTES:
            chunks.append(b"")
        chunks[-1] += encoded
    return [f"=?utf-8?b?{b64encode(chunk).decode()}?=" for chunk in chunks]
