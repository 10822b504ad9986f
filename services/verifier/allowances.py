"""
How often a mailbox may be sent a code, over all requests that name it: each would be new tries, and new mail.

Kept in the database, so that it counts for all replicas, and by a keyed hash, so that it names nobody.
"""

import hmac
from datetime import datetime, timedelta
from hashlib import sha256

from shared.mongo import Database, ReturnDocument, translated

KEEP = timedelta(days=2)


class Allowances:
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
        Tell whether *mailbox* may be sent *what* within this hour; asking again for the same changes nothing.

        Args:
            mailbox: The address; it is hashed.
            what: Tells one code from all others.
            now: The present moment.
        """
        who = hmac.new(self._key, mailbox.strip().casefold().encode(), sha256).hexdigest()
        hour = now.strftime("%Y-%m-%dT%H")
        with translated("count codes"):
            document = await self._sent.find_one_and_update(
                {"_id": f"{who}/{hour}"},
                {"$addToSet": {"sent": what}, "$setOnInsert": {"at": now}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return bool(document["sent"].index(what) < self._per_hour)
