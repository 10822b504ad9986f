"""
A message without its addressee, encoded once for all recipients. Pure.

Quoted-printable is encoded line by line: so the line with a name can be put in between others that were
encoded before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from markupsafe import escape

from services.notifier.letters import mime

NAME = "\x00"
"""Stands where the name belongs."""


@dataclass(frozen=True, slots=True)
class EncodedBody:
    """A text in quoted-printable, with room for one line."""

    before: bytes
    line: tuple[str, ...]
    """The pieces of the line between which the name stands; none: nothing does."""
    after: bytes
    finish: Callable[[bytes], bytes]
    """Applied to all that is encoded."""

    @classmethod
    def of(cls, text: str, finish: Callable[[bytes], bytes]) -> "EncodedBody":
        """Encode *text*, in which :data:`NAME` stands in one line at most."""
        before, found, after = text.partition(NAME)
        if not found:
            return cls(finish(mime.quoted_printable(text)), (), b"", finish)
        lines, _, lead = before.rpartition("\n")
        rest, _, below = after.partition("\n")
        encoded = [finish(mime.quoted_printable(part)) for part in (f"{lines}\n", below)]
        return cls(encoded[0], (lead, *rest.split(NAME)), encoded[1], finish)

    def filled(self, name: str) -> bytes:
        """Return the whole text, with *name* in its place."""
        if not self.line:
            return self.before
        line = self.finish(mime.quoted_printable(f"{name.join(self.line)}\n"))
        return b"".join((self.before, line, self.after))


@dataclass(frozen=True, slots=True)
class MessageForm:
    """A message in pieces, between which recipient and id are filled in."""

    head: bytes
    rest: bytes
    text: EncodedBody
    between: bytes
    html: EncodedBody
    end: bytes

    @classmethod
    def of(cls, body: mime.Alternatives, headers: dict[str, str], *, wired: bool) -> "MessageForm":
        """Return *body* with *headers* as a message for anybody; *wired*: as it goes over the wire."""
        finish: Callable[[bytes], bytes] = mime.stuffed if wired else bytes
        boundary = f"=_{sha256((body.text + headers['Subject']).encode()).hexdigest()[:24]}"
        rest = [f"{name}: {value}" for name, value in headers.items() if name != "From"]
        rest += ["MIME-Version: 1.0", f'Content-Type: multipart/alternative; boundary="{boundary}"', "", ""]
        return cls(
            head=finish(f"From: {headers['From']}\r\n".encode()),
            rest=finish("\r\n".join(rest).encode() + mime.part_head(boundary, "plain")),
            text=EncodedBody.of(body.text, finish),
            between=finish(b"\r\n" + mime.part_head(boundary, "html")),
            html=EncodedBody.of(body.html, finish),
            end=finish(f"\r\n--{boundary}--\r\n".encode()) + (mime.END if wired else b""),
        )

    def filled(self, to: str, name: str, message_id: str) -> bytes:
        """Return the message; *to* is the value of the header, encoded, and *name* stands in the greeting."""
        addressed = f"To: {to}\r\nMessage-ID: {message_id}\r\n".encode()
        text, html = self.text.filled(name), self.html.filled(str(escape(name)))
        return b"".join((self.head, addressed, self.rest, text, self.between, html, self.end))
