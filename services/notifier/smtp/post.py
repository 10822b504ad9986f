"""
Hands letters to the mail server: admit, claim, sign, send.

The row in the journal says that a letter was sent. A claim is recorded before it is handed over, so that a
crash in between is seen: one without a row is a letter in doubt. A letter is named ``<case>:<event>``, by its
case and by the event that called for it; its claim is found by the event.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from services.notifier.domain import LetterCount
from services.notifier.smtp.server import (
    Barred,
    LetterUnderWay,
    MailboxFull,
    MailInDoubt,
    NoSuchMailbox,
    SenderBlamed,
)
from shared.contract.events import Code, NoticeSent
from shared.errors import HabeasError, MailRefused, MailUnavailable, StoreUnavailable
from shared.runtime.dataloader import DataLoader
from shared.runtime.log import logger
from shared.runtime.metrics import counter
from shared.runtime.mongo import (
    Database,
    Document,
    ReturnDocument,
    UpdateOne,
    create_compressed,
    insert_new,
    translated,
)

KEEP = timedelta(days=30)
"""Far longer than a message is retried, and than mail servers take to give a letter back."""
GIVES_WAY_FOR = timedelta(seconds=5)
"""
How long a process waits for another one that has begun a letter, after its own first try or the last sign of
the other. Two replicas may have the same message, so the other one may be about to write the row; if it has
ended, the letter is in doubt.
"""
_LETTERS = counter(  # labels come from closed vocabularies; never an address or a domain
    "habeas_letters_total", "Outcomes of letters, each time that they were tried.", "outcome"
)
_REPORTS = counter(
    "habeas_mail_reports_total",
    "Messages to the port for returned mail: `no_report` and `unknown_letter` were dropped.",
    "outcome",
)


def count_letter(outcome: str, count: int = 1) -> None:
    """Count letters that were tried."""
    _LETTERS.labels(outcome).inc(count)


def begin_counts() -> None:
    """Begin the counts of outcomes at 0, so that the first refused letter is a rise."""
    for outcome in Posted:
        _LETTERS.labels(outcome)


def count_report(outcome: str) -> None:
    """Count a message that came back."""
    _REPORTS.labels(outcome).inc()


class Posted(StrEnum):
    """The outcome of posting a letter."""

    SENT = "sent"
    SENT_PERHAPS_TWICE = "sent_perhaps_twice"
    REFUSED = "refused"
    UNKNOWN_MAILBOX = "unknown_mailbox"
    FULL = "full"

    @property
    def failure(self) -> Code | None:
        """Why the person must be notified by other means; None where the letter went out."""
        return FAILURES.get(self)


FAILURES = {
    Posted.REFUSED: "mail_refused",
    Posted.UNKNOWN_MAILBOX: "mailbox_unknown",
    Posted.FULL: "mailbox_full",
}


class MailServerPort(Protocol):
    """A mail server."""

    async def send(self, sender: str, recipient: str, message: bytes) -> object:
        """Return when the server has taken *message*."""


class LetterClaim(StrEnum):
    """The state of a letter when it is claimed."""

    NEW = "new"
    IN_DOUBT = "in_doubt"
    """It was begun, and may have been handed over."""
    SENT = "sent"
    """It was handed over once, and lacks its row."""
    SENT_IN_DOUBT = "sent_in_doubt"
    """It was handed over, perhaps twice, and lacks its row."""


SENT_BEFORE: Mapping[LetterClaim, Posted] = {
    LetterClaim.SENT: Posted.SENT,
    LetterClaim.SENT_IN_DOUBT: Posted.SENT_PERHAPS_TWICE,
}
"""The outcome of a letter that was handed over before."""


class LetterClaimPort(Protocol):
    """Records of letters begun."""

    async def claim(self, letter: str, notice: str) -> LetterClaim:
        """
        Claim *letter*, with the *notice* that its row is to have.

        Raises:
            LetterUnderWay: Another process has begun it, and may be about to record it.
        """

    async def hand_over(self, letter: str, sending: Awaitable[object]) -> bool:
        """Await *sending*, and note it; return whether *letter* was surely handed over only this once."""

    async def is_begun(self, letter: str) -> bool:
        """Return whether *letter* is claimed."""

    async def release(self, letter: str) -> None:
        """Take the claim back."""

    async def put_off(self, letter: str, now: datetime) -> datetime:
        """Note that *letter* is not let in for now; return when that was first so."""


class DomainLimitPort(Protocol):
    """Limits on letters to a domain."""

    async def admit(self, recipient: str) -> None:
        """Count a letter to *recipient*, or raise ``MailUnavailable``."""


class MailboxLimitPort(Protocol):
    """Limits on letters to a mailbox."""

    async def admit(self, counted: LetterCount, mailbox: str, letter: str, now: datetime) -> bool:
        """Count *letter* towards the limit *counted* and return whether *mailbox* may get it."""


@dataclass(frozen=True, slots=True)
class LetterPost:
    """The way out for letters."""

    channel: MailServerPort
    claims: LetterClaimPort
    limits: DomainLimitPort
    mailboxes: MailboxLimitPort
    return_path: Callable[[str], str]
    """Letter → envelope sender."""
    sign: Callable[[bytes], bytes]
    wait_for: timedelta
    """How long a full mailbox, or a policy, is waited for before the person is notified by other means."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def admit(self, counted: LetterCount, letter: str, recipient: str) -> bool:
        """
        Return whether *recipient* may get one more of the letters *counted* today.

        A letter that was begun was admitted on its day: it may be sent already, and lack its row.
        """
        admitted = await self.mailboxes.admit(counted, recipient, letter, self.clock())
        admitted = admitted or await self.claims.is_begun(letter)
        if not admitted:
            count_letter("limited")
        return admitted

    async def send(self, letter: str, recipient: str, message: bytes, notice: str = "", /) -> Posted:
        """
        Hand over *message*, known as *letter* and not signed yet, at most once as far as that can be known.

        *notice* is the NoticeSent of its row as JSON: another row may overtake it, and lead to no letter.

        A letter that was begun and never recorded goes out again with the same Message-ID.

        Raises:
            MailUnavailable: The mail server does not take it now, the domain is sent no more for now, or
                another process is sending it.
        """
        try:
            posted = await self._send(letter, recipient, message, notice)
        except MailUnavailable as error:
            count_letter("later")
            if isinstance(error, SenderBlamed):  # every letter waits until the operator sees to it
                logger().error("the mail server blames the sender", reason=str(error))
            raise
        count_letter(posted)
        return posted

    async def _send(self, letter: str, recipient: str, message: bytes, notice: str) -> Posted:
        await self.limits.admit(recipient)
        claim = await self.claims.claim(letter, notice)
        if claim in SENT_BEFORE:
            return SENT_BEFORE[claim]
        sending = self.channel.send(self.return_path(letter), recipient, self.sign(message))
        try:
            held = await self.claims.hand_over(letter, sending)
        except MailInDoubt:
            raise
        except MailUnavailable as error:
            if claim is LetterClaim.NEW:
                await self.claims.release(letter)
            if isinstance(error, MailboxFull | Barred) and await self._waits_for_long(letter):
                return Posted.FULL if isinstance(error, MailboxFull) else Posted.REFUSED
            raise
        except NoSuchMailbox:
            return Posted.UNKNOWN_MAILBOX
        except MailRefused:
            return Posted.REFUSED
        return Posted.SENT if claim is LetterClaim.NEW and held else Posted.SENT_PERHAPS_TWICE

    async def _waits_for_long(self, letter: str) -> bool:
        now = self.clock()
        return now - await self.claims.put_off(letter, now) >= self.wait_for


class LetterClaims:
    """The claims of all notifiers."""

    def __init__(self, database: Database, *, gives_way_for: timedelta = GIVES_WAY_FOR) -> None:
        """Keep claims in *database*; leave a letter to another process for as long as it *gives way*."""
        self._claims = database["claims"]
        self._process = secrets.token_hex(8)
        self._gives_way_for = gives_way_for
        self._claim = DataLoader(self._insert)
        self._sent = DataLoader(self._note_sent)

    async def prepare(self) -> None:
        """Create the index by which old claims go."""
        await create_compressed(self._claims)
        with translated("index the claims"):
            await self._claims.create_index("at", expireAfterSeconds=int(KEEP.total_seconds()))

    async def claim(self, letter: str, notice: str = "") -> LetterClaim:
        """
        Claim *letter*, durably, with the *notice* that its row is to have.

        Raises:
            LetterUnderWay: Another process has begun it, and had not the time to record it since this was
                first asked. A letter that this process has begun itself is in doubt at once.
        """
        if await self._claim((letter, notice)):
            return LetterClaim.NEW
        known = await self._taken_over(_event(letter))
        if known.get("sent"):
            return LetterClaim.SENT_IN_DOUBT if known.get("doubt") else LetterClaim.SENT
        if known.get("by") != self._process:
            raise LetterUnderWay("another process has begun the letter")
        return LetterClaim.IN_DOUBT

    async def hand_over(self, letter: str, sending: Awaitable[object]) -> bool:
        """
        Await *sending*, and note it; return whether *letter* was surely handed over only this once.

        Meanwhile other processes go on waiting. One takes the claim over if this process stands still; once
        the letter is noted as sent, none sends it again.
        """
        event = _event(letter)
        renewing = asyncio.create_task(self._renew(event))
        try:
            await sending
        finally:
            renewing.cancel()
        with suppress(StoreUnavailable):
            return await self._sent(event)
        return False

    async def _note_sent(self, events: Sequence[str]) -> Mapping[str, bool]:
        """Note that the letters for *events* are sent; return which were surely handed over only once."""
        notes = [UpdateOne({**self._own(event), "doubt": None}, {"$set": {"sent": True}}) for event in events]
        # Each on its own: the driver repeats such writes after a failover.
        with translated("note that letters are sent"):
            noted = await self._claims.bulk_write(notes, ordered=False)
            if noted.matched_count == len(events):
                return dict.fromkeys(events, True)
            held = {"_id": {"$in": list(events)}, "by": self._process, "doubt": None}
            sure = [one["_id"] async for one in self._claims.find(held, {"_id": 1})]
            doubtful = {"$set": {"sent": True, "doubt": True}}
            others = [UpdateOne({"_id": event}, doubtful) for event in events if event not in sure]
            await self._claims.bulk_write(others, ordered=False)
        return {event: event in sure for event in events}

    async def _renew(self, event: str) -> None:
        """Have other processes begin their wait anew, for ever; an outage only delays it."""
        while True:
            await asyncio.sleep(self._gives_way_for.total_seconds() / 3)
            with suppress(HabeasError), translated("renew a claim"):
                await self._claims.update_one(self._own(event), {"$unset": {"wanted_at": ""}})

    async def _taken_over(self, event: str) -> Document:
        """
        Return the claim: this process's, from now on if the wait for another one is over.

        One that was begun and is not noted as sent is in doubt for good.
        """
        waited = {"$subtract": ["$$NOW", {"$ifNull": ["$wanted_at", "$$NOW"]}]}
        over = {"$gte": [waited, self._gives_way_for / timedelta(milliseconds=1)]}
        takes = {"$or": [{"$eq": ["$by", self._process]}, over]}
        doubt = {"$cond": ["$sent", "$doubt", True]}
        taken = {"by": self._process, "wanted_at": "$$REMOVE", "doubt": doubt}
        waits = {"by": "$by", "wanted_at": {"$ifNull": ["$wanted_at", "$$NOW"]}, "doubt": "$doubt"}
        changes = {name: {"$cond": [takes, taken[name], waits[name]]} for name in taken}
        with translated("wait for the process of a letter"):
            claim = await self._claims.find_one_and_update(
                {"_id": event}, [{"$set": changes}], return_document=ReturnDocument.AFTER
            )
        return claim or {}  # taken back at this moment

    def _own(self, event: str) -> Document:
        return {"_id": event, "by": self._process}

    async def release(self, letter: str) -> None:
        """Take back the claim of a *letter* that was surely not handed over, unless it was taken over."""
        with translated("release a claim"):
            await self._claims.delete_one(self._own(_event(letter)))

    async def put_off(self, letter: str, now: datetime) -> datetime:
        """Note that *letter* is not let in for now; return when that was first so."""
        with translated("note a letter that waits"):
            noted = await self._claims.find_one_and_update(
                {"_id": f"{_event(letter)}/full"},
                {"$setOnInsert": {"at": now}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        at: datetime = noted["at"]
        return at

    async def is_begun(self, letter: str) -> bool:
        """Return whether *letter* is claimed."""
        return await self.case_of(_event(letter)) is not None

    async def case_of(self, event: str) -> str | None:
        """Return the case of the letter that *event* called for; None where none was begun, or long ago."""
        with translated("look up a claim"):
            claim = await self._claims.find_one({"_id": event})
        return claim["case"] if claim else None

    async def lost_notice(self, letter: str) -> NoticeSent | None:
        """
        Return the notice of a *letter* that was handed over; None where no letter was.

        Raises:
            LetterUnderWay: Another process has begun it, and may be handing it over.
        """
        with translated("look up a claim"):
            known = await self._claims.find_one({"_id": _event(letter)})
        if known and not known.get("sent"):
            known = await self._taken_over(_event(letter))
            if not known.get("sent") and known.get("by") != self._process:
                raise LetterUnderWay("another process has begun the letter")
        if not known or not known.get("sent") or not known.get("notice"):
            return None
        notice = NoticeSent.model_validate_json(known["notice"])
        return notice.model_copy(update={"doubtful": bool(known.get("doubt"))})

    async def _insert(self, letters: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], bool]:
        now = datetime.now(UTC)
        claims = [
            {
                "_id": _event(letter),
                "case": letter.partition(":")[0],
                "at": now,
                "by": self._process,
                "notice": notice,
            }
            for letter, notice in letters
        ]
        begun = await insert_new(self._claims, claims)
        return {one: _event(one[0]) not in begun for one in letters}


def _event(letter: str) -> str:
    return letter.rpartition(":")[2]
