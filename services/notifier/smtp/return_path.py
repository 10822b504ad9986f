"""
Return paths of letters: an address of its own, which only this installation can make (VERP). Pure.

``bounces+<letter><seal>@example.com``: the letter's id and a keyed hash over it. Not the case's id: envelopes
stand in the logs of all mail servers on the way, and a known case id opens its page.
"""

import hmac
import struct
from dataclasses import dataclass, field
from hashlib import sha256

from shared.mail.reply_address import CONTENT_BYTES, SEAL_BYTES, HiddenTags, tag_in, tagged

NOTICE, NUMBERS = struct.Struct(">8sHIH"), 8
"""Campaign, phase, batch and number; the bytes of all but the first. As long as any other letter's id."""
MESSAGE_ID = 32
"""Hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class ReturnPaths:
    """The addresses that letters come back to."""

    address: str
    """The base of the addresses: ``bounces@example.com``."""
    key: bytes = field(repr=False)

    def of(self, letter: str) -> str:
        """Return the address of *letter*, ``<case>:<event>``; an event's id is 32 hexadecimal digits."""
        sealed = bytes.fromhex(letter.rpartition(":")[2])
        return tagged(self.address, sealed + self._seal(sealed))

    def letter(self, address: str) -> str | None:
        """Return the id of the letter that *address* was made for; None where we have not made it."""
        content = tag_in(address, self.address)
        letter, seal = content[:CONTENT_BYTES], content[CONTENT_BYTES:]
        return letter.hex() if hmac.compare_digest(seal, self._seal(letter)) else None

    def _seal(self, letter: bytes) -> bytes:
        return hmac.new(self.key, letter, sha256).digest()[:SEAL_BYTES]


@dataclass(frozen=True, slots=True)
class CampaignNotice:
    """One of the letters of a campaign."""

    campaign: str
    """Pseudonym of the incident: see :meth:`NoticePaths.campaign`."""
    phase: int
    chunk: int
    number: int


@dataclass(frozen=True, slots=True)
class NoticePaths(HiddenTags):
    """
    The addresses that breach notices come back to, and their message ids.

    Hidden as well as sealed: the number of a batch would reveal how many people a breach affects.
    """

    def campaign(self, incident: str) -> str:
        """Return the pseudonym of *incident* in addresses: 16 hexadecimal digits."""
        return self.digest(b"campaign", bytes.fromhex(incident))[: NOTICE.size - NUMBERS].hex()

    def of(self, notice: CampaignNotice) -> str:
        """Return the address of *notice*."""
        content = NOTICE.pack(bytes.fromhex(notice.campaign), notice.phase, notice.chunk, notice.number)
        return tagged(self.address, self.tag(content))

    def notice(self, address: str) -> CampaignNotice | None:
        """Return the notice that *address* was made for; None where we have not made it."""
        content = self.content(tag_in(address, self.address))
        if content is None:
            return None
        campaign, *numbers = NOTICE.unpack(content)
        return CampaignNotice(campaign.hex(), *numbers)

    def message_id(self, notice: CampaignNotice, domain: str) -> str:
        """Return the ``Message-ID`` of *notice*: the same for each attempt."""
        name = f"{notice.campaign}.{notice.phase}.{notice.chunk}.{notice.number}"
        return f"<{self.digest(b'message', name.encode()).hex()[:MESSAGE_ID]}@{domain}>"
