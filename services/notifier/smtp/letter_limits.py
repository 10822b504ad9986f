"""
Lanes for letters, and their limits per mail domain and minute, and per mailbox and day, for all replicas.

Codes, which people wait for on a page, are one lane, all others another. Each has a queue, a journal,
connections to the mail server and a part of each domain's limit of its own, so that none can use up the
capacity of the other (docs/adr/0015-lanes.md).

A letter beyond the limit of its domain is put off like one that a mail server does not take now: it waits in
the broker, holds no connection, and lets those for other domains pass. A domain may be a person's own: it is
kept hashed.

The limit per mailbox is for letters that a stranger can cause, by requests in its name; `count_of` returns
the limit of a letter. They are counted by a keyed hash of the mailbox.
"""

import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from services.notifier.domain import LetterCount
from services.notifier.letters.mime import addr_spec
from shared.errors import MailUnavailable
from shared.runtime.mongo import Database, ReturnDocument, create_compressed, translated

KEEP = timedelta(hours=1)
OTHERS = "*"
"""Each domain that is not named."""

KEEP_COUNTS = timedelta(days=2)
KEPT_FOR_CODES = 4
"""One in so many connections, and letters of a limit; one at the least."""
KEPT_FOR_NOTICES = 4
"""One in so many letters of a limit; one at the least. Their connections are their own."""


class PutOff(MailUnavailable):
    """The letters that a domain is sent in this minute are used up."""


class MailLane(StrEnum):
    """A lane, by the name of its queue."""

    CODES = "codes"
    LETTERS = "notifier"

    def part_of(self, whole: int) -> int:
        """Return this lane's part of *whole*, which is at least two."""
        codes = max(1, whole // KEPT_FOR_CODES)
        return codes if self is MailLane.CODES else whole - codes

    def limit_of(self, whole: int) -> int:
        """Return this lane's part of a limit, which is at least three; breach notices have the rest."""
        return self.part_of(whole) - (notices_of(whole) if self is MailLane.LETTERS else 0)


def notices_of(whole: int) -> int:
    """Return the part of a limit that is for breach notices alone."""
    return max(1, whole // KEPT_FOR_NOTICES)


class DomainLimits:
    """The limits of one lane; those of another do not count for it."""

    def __init__(
        self,
        database: Database,
        key: bytes,
        lane: str,
        per_minute: Mapping[str, int],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """
        Count in *database*; domains are hashed with *key*.

        *per_minute* has the letters of a domain, and under ``*`` those of each other domain. Where neither is
        there, any number goes out.
        """
        self._counted = database["minutes"]
        self._key, self._lane, self._per_minute, self._clock = key, lane, per_minute, clock

    async def prepare(self) -> None:
        """Create the index by which old minutes go."""
        with translated("index the minutes"):
            await self._counted.create_index("at", expireAfterSeconds=int(KEEP.total_seconds()))

    async def admit(self, recipient: str) -> None:
        """
        Count a letter to *recipient*.

        Raises:
            PutOff: It must wait for another minute.
            MailRefused: That is no address.
        """
        if not self._per_minute:
            return
        domain = addr_spec(recipient).rpartition("@")[2].lower()
        most = self._per_minute.get(domain, self._per_minute.get(OTHERS))
        if most is not None and await self._count(domain) > most:
            raise PutOff("the domain is sent no more letters in this minute (HABEAS_MAIL_LIMITS)")

    async def _count(self, domain: str) -> int:
        now = self._clock()
        key = hmac.new(self._key, domain.encode(), sha256).hexdigest()
        with translated("count letters"):
            minute = await self._counted.find_one_and_update(
                {"_id": f"{self._lane}/{key}/{now:%Y-%m-%dT%H:%M}"},
                {"$inc": {"letters": 1}, "$setOnInsert": {"at": now}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return int(minute["letters"])


class MailboxLimits:
    """The letters that mailboxes were sent today."""

    def __init__(self, database: Database, key: bytes, *, per_day: int) -> None:
        """Count in *database*; mailboxes are hashed with *key* and are sent *per_day* limited letters."""
        self._sent = database["mailbox_letters"]
        self._key = key
        self._per_day = per_day

    async def prepare(self) -> None:
        """Create the index by which old counts are removed."""
        await create_compressed(self._sent)
        with translated("index the letters of mailboxes"):
            await self._sent.create_index("at", expireAfterSeconds=int(KEEP_COUNTS.total_seconds()))

    async def admit(self, counted: LetterCount, mailbox: str, letter: str, now: datetime) -> bool:
        """Count *letter*, once, towards *counted* and return whether *mailbox* may get it."""
        name = hmac.new(self._key, mailbox.strip().casefold().encode(), sha256).hexdigest()
        with translated("count the letters of a mailbox"):
            row = await self._sent.find_one_and_update(
                {"_id": f"{name}/{counted}/{now:%Y-%m-%d}"},
                {"$addToSet": {"letters": letter}, "$setOnInsert": {"at": now}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return bool(row["letters"].index(letter) < self._per_day)
