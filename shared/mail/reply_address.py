"""
Reply addresses: an address for each case, which only this installation can make. Pure.

``privacy+<tag>@example.com``. The tag is the case's id, hidden and sealed: envelopes stand in the logs of all
mail servers on the way, and a known case id opens its page. It follows from the case alone, so that
the notifier and the reader of answers need not ask one another.
"""

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from shared.mail.address_tags import room_for, tag_bytes, tag_in, tag_text, tagged

CASE_BYTES, SEAL_BYTES = 16, 10
LONGEST_NAME = room_for(CASE_BYTES + SEAL_BYTES)
"""Characters before the plus sign."""
MESSAGE_ID = re.compile(r"[0-9a-f]{32}\.([a-z2-7]{42})@")


@dataclass(frozen=True, slots=True)
class ReplyAddresses:
    """The addresses of cases."""

    address: str
    """The base of the addresses: ``privacy@example.com``."""
    key: bytes = field(repr=False)

    def of(self, case: str) -> str:
        """Return the address of *case*, an id of 32 hexadecimal digits."""
        return tagged(self.address, self._tag(case))

    def case(self, address: str) -> str | None:
        """Return the case that *address* was made for; None where we have not made it."""
        return self._case(tag_in(address, self.address))

    def message_id(self, event: str, case: str, domain: str) -> str:
        """Return the ``Message-ID`` of the letter about *case* that *event* calls for."""
        return f"<{event}.{tag_text(self._tag(case))}@{domain}>"

    def case_answered(self, message_ids: Iterable[str]) -> str | None:
        """Return the case of the first letter of ours among *message_ids*; None where there is none."""
        tags = (tag_bytes(found[1]) for text in message_ids for found in MESSAGE_ID.finditer(text))
        return next(filter(None, map(self._case, tags)), None)

    def _tag(self, case: str) -> bytes:
        content = bytes.fromhex(case)
        seal = self._hash(b"seal", content)[:SEAL_BYTES]
        return self._hidden(content, seal) + seal

    def _case(self, tag: bytes) -> str | None:
        hidden, seal = tag[:CASE_BYTES], tag[CASE_BYTES:]
        content = self._hidden(hidden, seal)
        sealed = hmac.compare_digest(seal, self._hash(b"seal", content)[:SEAL_BYTES])
        return content.hex() if sealed else None

    def _hidden(self, content: bytes, seal: bytes) -> bytes:
        """Return *content* hidden, or out of hiding: the seal is of the content, so no mask serves twice."""
        return bytes(a ^ b for a, b in zip(content, self._hash(b"hide", seal), strict=False))

    def _hash(self, purpose: bytes, content: bytes) -> bytes:
        return hmac.new(self.key, purpose + content, sha256).digest()
