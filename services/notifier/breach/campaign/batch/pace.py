"""
The pace of notices to a limited mail domain: evenly spread, for all replicas together.

Ordinary letters wait for another minute, in the broker; a campaign would come in one burst
a minute, and most of it would wait too long. A domain may be a person's own: it is kept hashed.
"""

import asyncio
import hmac
from collections.abc import Mapping
from datetime import timedelta

from services.notifier.letters.mime import addr_spec
from services.notifier.smtp.letter_limits import OTHERS
from shared.errors import MailRefused
from shared.runtime.mongo import Database, Document, ReturnDocument, translated

MINUTE_MS = 60_000
AHEAD_MS = 1_000
"""How early a place is taken: a stopped turn wastes no more than a second's worth."""
ASK_AGAIN_S = 5.0
KEEP = timedelta(hours=1)


class NoticePace:
    """The limits of notices."""

    def __init__(self, database: Database, key: bytes, per_minute: Mapping[str, int]) -> None:
        """Keep count in *database*; *per_minute*: domain → letters, ``*``: each other domain."""
        self._places = database["paces"]
        self._key = key
        self._per_minute = per_minute

    async def prepare(self) -> None:
        """Create the index by which old places go."""
        with translated("index the paces"):
            await self._places.create_index("due", expireAfterSeconds=int(KEEP.total_seconds()))

    def limited(self, address: str | None) -> str | None:
        """Return the domain of *address* if it is limited."""
        if not self._per_minute or not address:
            return None
        try:
            domain = addr_spec(address).rpartition("@")[2].lower()
        except MailRefused:
            return None
        return domain if domain in self._per_minute or OTHERS in self._per_minute else None

    async def place(self, domain: str) -> None:
        """
        Return when a letter to *domain* may go.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        most = self._per_minute.get(domain) or self._per_minute[OTHERS]
        key = hmac.digest(self._key, domain.encode(), "sha256").hex()
        while True:
            with translated("take a letter's place"):
                taken = await self._places.find_one_and_update(
                    {"_id": key},
                    _one_more(MINUTE_MS / most),
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
            wait_s = (taken["place"] - taken["now"]).total_seconds()
            if taken["given"]:
                return await asyncio.sleep(wait_s)
            await asyncio.sleep(min(wait_s - AHEAD_MS / 2_000, ASK_AGAIN_S))


def _one_more(spacing_ms: float) -> list[Document]:
    """Return the update that takes the next place, unless it is too far ahead by the database's clock."""
    after = {"$add": [{"$ifNull": ["$due", {"$subtract": ["$$NOW", spacing_ms]}]}, spacing_ms]}
    given = {"$lte": ["$place", {"$add": ["$$NOW", AHEAD_MS]}]}
    return [
        {"$set": {"place": {"$max": ["$$NOW", after]}, "now": "$$NOW"}},
        {"$set": {"given": given}},
        {"$set": {"due": {"$cond": ["$given", "$place", "$due"]}}},
    ]
