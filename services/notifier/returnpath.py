"""
Where a letter comes back to: an address of its own, which nobody but us can make (VERP). Pure.

``bounces+<letter><seal>@example.com``: the letter's id and a keyed hash over it. Not the case's id: envelopes
stand in the logs of all mail servers on the way, and who knows a case's id can read its page.
"""

import hmac
from base64 import b32decode, b32encode
from binascii import Error
from dataclasses import dataclass, field
from hashlib import sha256

LETTER_BYTES, SEAL_BYTES = 16, 10
LONGEST_NAME = 64 - len("+") - -(-(LETTER_BYTES + SEAL_BYTES) * 8 // 5)
"""Characters before the plus sign, so that all before the ``@`` are 64 at most (RFC 5321 4.5.3.1.1)."""


@dataclass(frozen=True, slots=True)
class ReturnPaths:
    """The addresses that letters come back to."""

    address: str
    """What they are made of: ``bounces@example.com``."""
    key: bytes = field(repr=False)

    def of(self, letter: str) -> str:
        """Return the address of *letter*, ``<case>:<event>``; an event's id is 32 hexadecimal digits."""
        name, _, domain = self.address.rpartition("@")
        sealed = bytes.fromhex(letter.rpartition(":")[2])
        return f"{name}+{_text(sealed + self._seal(sealed))}@{domain}"

    def letter(self, address: str) -> str | None:
        """Return the id of the letter that *address* was made for; None where we have not made it."""
        name, _, domain = address.rpartition("@")
        own, _, text = name.rpartition("+")
        # Whoever passes mail on may change capitals.
        if f"{own}@{domain}".lower() != self.address.lower():
            return None
        content = _bytes(text)
        letter, seal = content[:LETTER_BYTES], content[LETTER_BYTES:]
        return letter.hex() if hmac.compare_digest(seal, self._seal(letter)) else None

    def _seal(self, letter: bytes) -> bytes:
        return hmac.new(self.key, letter, sha256).digest()[:SEAL_BYTES]


def _text(content: bytes) -> str:
    return b32encode(content).decode().rstrip("=").lower()


def _bytes(text: str) -> bytes:
    try:
        return b32decode(text.upper() + "=" * (-len(text) % 8))
    except (Error, ValueError):
        return b""
