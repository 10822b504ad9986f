"""Limits on the codes mailed to a mailbox, over all requests and replicas; kept by a keyed hash of it."""

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from shared.runtime.mongo import Database, ReturnDocument, translated

KEEP = timedelta(days=2)
HOUR = timedelta(hours=1)


class CodeAllowances:
    """The codes that were sent lately."""

    def __init__(self, database: Database, key: bytes, *, per_hour: int) -> None:
        """Count in *database*; mailboxes are hashed with *key* and may be sent *per_hour* codes."""
        self._sent = database["allowances"]
        self._per_hour = per_hour
        self._key = key

    async def prepare(self) -> None:
        """Create the index."""
        with translated("index the allowances"):
            await self._sent.create_index("at", expireAfterSeconds=int(KEEP.total_seconds()))

    async def take(self, mailbox: str, what: str, now: datetime) -> bool:
        """
        Return whether *mailbox* may be sent *what* within this hour; a repetition changes nothing.

        A code above the limit gets a place in the next hour, if there is one: else a stranger could use up
        the codes of every hour as it begins, and keep the person's own away for ever.
        """
        key = hmac.new(self._key, mailbox.strip().casefold().encode(), sha256).hexdigest()
        place = (await self._asked_for(key, what, now)).index(what)
        if self._per_hour <= place < 2 * self._per_hour:
            await self._asked_for(key, what, now + HOUR)
        return place < self._per_hour

    async def _asked_for(self, key: str, what: str, at: datetime) -> Sequence[str]:
        """Record the request of *what* in the hour of *at*, and return all of the hour, in order."""
        with translated("count codes"):
            document = await self._sent.find_one_and_update(
                {"_id": f"{key}/{at:%Y-%m-%dT%H}"},
                {"$addToSet": {"sent": what}, "$setOnInsert": {"at": at}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        sent: list[str] = document["sent"]
        return sent
