"""
Where a letter comes back to: an address of its own, which nobody but us can make (VERP). Pure.

``bounces+<letter><seal>@example.com``: the letter's id and a keyed hash over it. Not the case's id: envelopes
stand in the logs of all mail servers on the way, and who knows a case's id can read its page.
"""

import hmac
from dataclasses import dataclass, field
from hashlib import sha256

from shared.tagged import room_for, tag_in, tagged

LETTER_BYTES, SEAL_BYTES = 16, 10
LONGEST_NAME = room_for(LETTER_BYTES + SEAL_BYTES)
"""Characters before the plus sign."""


@dataclass(frozen=True, slots=True)
class ReturnPaths:
    """The addresses that letters come back to."""

    address: str
    """What they are made of: ``bounces@example.com``."""
    key: bytes = field(repr=False)

    def of(self, letter: str) -> str:
        """Return the address of *letter*, ``<case>:<event>``; an event's id is 32 hexadecimal digits."""
        sealed = bytes.fromhex(letter.rpartition(":")[2])
        return tagged(self.address, sealed + self._seal(sealed))

    def letter(self, address: str) -> str | None:
        """Return the id of the letter that *address* was made for; None where we have not made it."""
        content = tag_in(address, self.address)
        letter, seal = content[:LETTER_BYTES], content[LETTER_BYTES:]
        return letter.hex() if hmac.compare_digest(seal, self._seal(letter)) else None

    def _seal(self, letter: bytes) -> bytes:
        return hmac.new(self.key, letter, sha256).digest()[:SEAL_BYTES]
