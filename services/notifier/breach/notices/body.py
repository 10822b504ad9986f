"""
The body of a notice as bytes, encoded once for all recipients except for the line with a name in it. Pure.

Quoted-printable is encoded line by line: so a line can be put in between others that were encoded before.
"""

from collections.abc import Callable
from dataclasses import dataclass

from services.notifier.letters.mime import quoted_printable
from services.notifier.smtp.smtp_data import stuffed

NAME = "\x00"
"""Stands where the name belongs."""


@dataclass(frozen=True, slots=True)
class EncodedBody:
    """A text in quoted-printable, with room for one line."""

    before: bytes
    line: tuple[str, ...] = ()
    """The pieces of the line between which the name stands; none: nothing does."""
    after: bytes = b""
    finish: Callable[[bytes], bytes] = bytes
    """Applied to the line when it is encoded."""

    @classmethod
    def of(cls, text: str) -> "EncodedBody":
        """Encode *text*, in which :data:`NAME` stands in one line at most."""
        before, found, after = text.partition(NAME)
        if not found:
            return cls(quoted_printable(text))
        lines, _, lead = before.rpartition("\n")
        rest, _, below = after.partition("\n")
        return cls(quoted_printable(f"{lines}\n"), (lead, *rest.split(NAME)), quoted_printable(below))

    def on_the_wire(self) -> "EncodedBody":
        """Return the same as it goes over the wire."""
        return EncodedBody(stuffed(self.before), self.line, stuffed(self.after), stuffed)

    def filled(self, name: str, escape: Callable[[str], str] = str) -> bytes:
        """Return the whole text, with *name* in its place."""
        if not self.line:
            return self.before
        line = self.finish(quoted_printable(f"{escape(name).join(self.line)}\n"))
        return b"".join((self.before, line, self.after))
