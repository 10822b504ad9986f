"""
Limits on letters to a mailbox in a day before its owner has proven their identity.

A stranger can lodge requests in the name of a mailbox, and each causes letters. Answers, refusals and notices
that a law demands are not limited. Counted in the database, for all replicas, by a keyed hash of the mailbox.
"""

import hmac
from datetime import datetime, timedelta
from hashlib import sha256

from shared.contract.events import LetterKind
from shared.runtime.mongo import Database, ReturnDocument, translated

KEEP = timedelta(days=2)
LIMITED = frozenset(
    {
        LetterKind.ACKNOWLEDGEMENT,
        LetterKind.CLARIFICATION,
        LetterKind.CODE,
        LetterKind.DUPLICATE,
        LetterKind.IN_REVIEW,
        LetterKind.PROOF_WANTED,
        LetterKind.REMINDER,
        LetterKind.WITHDRAWN,
    }
)
"""Letters that a stranger can cause."""


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

    async def admit(self, kind: LetterKind, mailbox: str, letter: str, now: datetime) -> bool:
        """
        Count *letter* and return whether *mailbox* may be sent it; the same letter again is counted once.

        Args:
            kind: Of the letter; one that is not in :data:`LIMITED` is always admitted.
            mailbox: Its address.
            letter: Distinguishes one letter from all others.
            now: The present moment.
        """
        if kind not in LIMITED:
            return True
        name = hmac.new(self._key, mailbox.strip().casefold().encode(), sha256).hexdigest()
        with translated("count the letters of a mailbox"):
            counted = await self._sent.find_one_and_update(
                {"_id": f"{name}/{now:%Y-%m-%d}"},
                {"$addToSet": {"letters": letter}, "$setOnInsert": {"at": now}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return bool(counted["letters"].index(letter) < self._per_day)
