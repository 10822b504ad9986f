"""
Limits of letters per mailbox and day, for letters that a stranger can cause.

A stranger can make requests in the name of a mailbox, and each causes letters; `count_of` returns the limit
of a letter. Letters are counted in the database, for all replicas, by a keyed hash of the mailbox.
"""

import hmac
from datetime import datetime, timedelta
from hashlib import sha256

from services.notifier.domain import LetterCount
from shared.runtime.mongo import Database, ReturnDocument, translated

KEEP = timedelta(days=2)


class MailboxLimits:
    """The letters that mailboxes were sent today."""

    def __init__(self, database: Database, key: bytes, *, per_day: int) -> None:
        """Count in *database*; mailboxes are hashed with *key* and are sent *per_day* limited letters."""
        self._sent = database["mailbox_letters"]
        self._key = key
        self._per_day = per_day

    async def prepare(self) -> None:
        """Create the index by which old counts are removed."""
        with translated("index the letters of mailboxes"):
            await self._sent.create_index("at", expireAfterSeconds=int(KEEP.total_seconds()))

    async def admit(self, counted: LetterCount, mailbox: str, letter: str, now: datetime) -> bool:
        """
        Count *letter* and return whether *mailbox* may get it; a repeated letter is counted once.

        Args:
            counted: The limit that it counts towards.
            mailbox: Its address.
            letter: Distinguishes one letter from all others.
            now: The present moment.
        """
        name = hmac.new(self._key, mailbox.strip().casefold().encode(), sha256).hexdigest()
        with translated("count the letters of a mailbox"):
            row = await self._sent.find_one_and_update(
                {"_id": f"{name}/{counted}/{now:%Y-%m-%d}"},
                {"$addToSet": {"letters": letter}, "$setOnInsert": {"at": now}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return bool(row["letters"].index(letter) < self._per_day)
