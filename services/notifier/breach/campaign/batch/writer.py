"""The writer of a chunk, its parts, and its letters, which are made when their turn comes."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from services.notifier.breach.campaign.batch.ledger import BatchLedger
from services.notifier.breach.campaign.batch.pace import NoticePace
from services.notifier.breach.campaign.batch.retries import Persistence
from services.notifier.breach.campaign.batch.run import ConnectionPool, ReadyNotice, SendingPorts, Turn
from services.notifier.breach.campaign.ledgers import LedgerPage, Ledgers
from services.notifier.breach.campaign.outcomes import Failed, LeasedBatch, NoticeSentOutcome, Outcome
from services.notifier.breach.campaign.states import CampaignState, Standings
from services.notifier.breach.notices import mailboxes
from services.notifier.breach.notices.writer import Notices
from services.notifier.context import SenderSettings
from services.notifier.smtp import metrics
from services.notifier.smtp.return_path import CampaignNotice, NoticePaths
from services.notifier.smtp.smtp_data import Wired, wired
from shared.contract.affected_people import Chunk, NoticeRecipient, chunk_item
from shared.contract.events.breaches import BreachDeclared, ChunkDue
from shared.contract.ports import VaultPort
from shared.errors import MailRefused
from shared.runtime.journal import Journal

SIDE_BY_SIDE = 2
"""Chunks that share the connections: letters of one go while records of the other become durable."""


@dataclass(frozen=True, slots=True)
class BatchLetters:
    """Makes a letter to each of the people of a chunk; the same one however often it is made."""

    people: Sequence[NoticeRecipient] = field(repr=False)
    notices: Notices = field(repr=False)
    first: CampaignNotice
    """The letter to the first of them."""
    paths: NoticePaths
    domain: str
    """The domain of message ids."""
    sender: str
    """Where letters come back to; empty: each to an address of its own."""
    sign: Callable[[bytes], bytes] | None
    """Signs a letter; None: letters are not signed."""
    pace: NoticePace

    def limited(self, number: int) -> str | None:
        """Return the mail domain of the person *number* if it is limited."""
        return self.pace.limited(self._addresses(number)[0])

    def others(self, number: int) -> int:
        """Return at how many further addresses the person *number* is written to if the first is given up."""
        return len(self._addresses(number)) - 1

    def _addresses(self, number: int) -> Sequence[str | None]:
        """
        Return the addresses of the person *number*, each for when the one before is given up; at least one.

        Mailboxes with a breached password are left out, where there are others. At a limited domain there is
        no place for further addresses.
        """
        person = self.people[number]
        if not person.others:
            return [person.email]
        first, *others = mailboxes.addresses(person, self.notices.declared) or (person.email,)
        return [first, *(address for address in others if self.pace.limited(address) is None)]

    def make(self, number: int, *, gone: int = 0) -> ReadyNotice | Failed:
        """Return the letter to the person *number*, without their first *gone* addresses; or the failure."""
        person, first = self.people[number], self.first
        if not person.email:
            return Failed(number, "no_address", "the records hold no mail address")
        if person.others:
            person = person.model_copy(update={"email": self._addresses(number)[gone]})
        notice = CampaignNotice(first.campaign, first.phase, first.chunk, number)
        try:
            message = self._message(person, self.paths.message_id(notice, self.domain))
        except mailboxes.BreachedMailbox as error:
            return Failed(number, "mailbox_breached", str(error))
        except MailRefused as error:
            return Failed(number, "mail_refused", str(error))
        return ReadyNotice(self.sender or self.paths.of(notice), str(person.email), message)

    def _message(self, person: NoticeRecipient, message_id: str) -> Wired:
        if self.sign is None:
            return self.notices.wired(person, message_id=message_id)
        return wired(self.sign(self.notices.of(person, message_id=message_id)))


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes to chunks of people."""

    ledgers: Ledgers
    standings: Standings
    vault: VaultPort = field(repr=False)
    channel: ConnectionPool
    connections: int
    house: SenderSettings
    paths: NoticePaths
    sender: str
    """Where letters come back to; empty: each to an address of its own."""
    sign: Callable[[bytes], bytes] | None
    persistence: Persistence
    pace: NoticePace
    journal: Journal
    """Where each chunk is a case of its own."""

    async def standing(self, incident: str) -> CampaignState:
        """Return the state of *incident* now: a resumed campaign must not be found paused."""
        return await self.standings.of(incident)

    async def write(self, event: ChunkDue, taken: LeasedBatch) -> Turn:
        """Write the letters left of a chunk, as far as it goes; return the turn that is over."""
        book = BatchLedger(self.ledgers, taken, on_page=_count)
        means = SendingPorts(
            self.channel,
            math.ceil(self.connections / SIDE_BY_SIDE),
            self.persistence,
            self.pace,
            goes_on=lambda: self._goes_on(event.request_id),
        )
        turn = Turn(taken, await self._letters(event, taken), book, means)
        await turn.run()
        if not turn.left:
            await book.close()
        return turn

    async def give_up(self, taken: LeasedBatch) -> None:
        """Close a chunk as it is."""
        await BatchLedger(self.ledgers, taken, on_page=_count).close()

    async def _goes_on(self, incident: str) -> bool:
        return await self.standings.lately(incident) is CampaignState.ON

    async def _letters(self, event: ChunkDue, taken: LeasedBatch) -> BatchLetters:
        case = event.request_id
        declared, sealed = await asyncio.gather(
            self.vault.open(case, event.declaration),
            self.vault.open(case, chunk_item(event.phase, event.chunk)),
        )
        chunk = Chunk.model_validate_json(sealed)
        notices = Notices(
            BreachDeclared.model_validate_json(declared),
            case,
            chunk,
            self.house,
            written_at=taken.begun_at,
            held_by_police=event.held_by_police,
            further=event.further,
        )
        first = CampaignNotice(self.paths.campaign(case), event.phase, event.chunk, 0)
        return BatchLetters(
            chunk.people, notices, first, self.paths, taken.domain, self.sender, self.sign, self.pace
        )


def _count(page: LedgerPage) -> None:
    for outcome, count in Counter(map(_kind, page.outcomes)).items():
        metrics.letter(outcome, count)


def _kind(outcome: Outcome) -> str:
    match outcome:
        case NoticeSentOutcome():
            return "sent_perhaps_twice" if outcome.doubtful else "sent"
        case Failed():
            return "refused"
        case _:
            return "later"
