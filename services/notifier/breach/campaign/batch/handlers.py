"""
Handlers that write to a batch of people.

The journal knows a batch's events; only its ledger knows the letters sent. So the same event may come
as often as it likes.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from services.notifier.breach.campaign.batch.ledger import BatchLedger
from services.notifier.breach.campaign.batch.letters import BatchLetters
from services.notifier.breach.campaign.batch.run import Persistence, SendingPorts, Turn
from services.notifier.breach.campaign.batch.send_queue import NoticePace
from services.notifier.breach.campaign.ledgers import LedgerPage, Ledgers
from services.notifier.breach.campaign.outcomes import Failed, LeasedBatch, NoticeOutcome, NoticeSentOutcome
from services.notifier.breach.campaign.states import CampaignState, Standings
from services.notifier.breach.notices.facts import Circumstances
from services.notifier.breach.notices.writer import Notices
from services.notifier.context import SenderSettings
from services.notifier.smtp.mail_channel import SmtpChannel
from services.notifier.smtp.post import count_letter
from services.notifier.smtp.return_path import CampaignNotice, NoticePaths
from shared.contract.affected_people import NoticeBatch, batch_item
from shared.contract.events import Fact, RequestPurged
from shared.contract.events.breaches import (
    BreachDeclared,
    BreachNotified,
    CampaignProgressed,
    ChunkDue,
)
from shared.contract.ports import VaultPort
from shared.errors import MailUnavailable
from shared.runtime.journal import Journal
from shared.runtime.service import on

TWENTIETHS = 20
"""Reports on the progress of a phase, at most."""
SIDE_BY_SIDE = 2
"""Batches that share the connections: letters of one go while records of the other become durable."""


class NotAllTaken(MailUnavailable):
    """An error: some letters of a batch are not taken now."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes to batches of people; the context of the handlers."""

    ledgers: Ledgers
    standings: Standings
    vault: VaultPort = field(repr=False)
    channel: SmtpChannel
    connections: int
    house: SenderSettings
    paths: NoticePaths
    sender: str
    """Where letters come back to; empty: each to an address of its own."""
    sign: Callable[[bytes], bytes] | None
    persistence: Persistence
    pace: NoticePace
    journal: Journal
    """Where each batch is a case of its own."""

    async def write(self, event: ChunkDue, taken: LeasedBatch) -> Turn:
        """Write the letters left of a batch, as far as it goes; return the turn that is over."""
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

    async def _goes_on(self, incident: str) -> bool:
        return await self.standings.lately(incident) is CampaignState.ON

    async def _letters(self, event: ChunkDue, taken: LeasedBatch) -> BatchLetters:
        case = event.request_id
        declared, sealed = await asyncio.gather(
            self.vault.open(case, event.declaration),
            self.vault.open(case, batch_item(event.phase, event.chunk)),
        )
        batch = NoticeBatch.model_validate_json(sealed)
        circumstances = Circumstances(case, event.further, event.held_by_police, taken.begun_at)
        declaration = BreachDeclared.model_validate_json(declared)
        return BatchLetters(
            batch.people,
            Notices.to_batch(declaration, circumstances, batch, self.house),
            CampaignNotice(self.paths.campaign(case), event.phase, event.chunk, 0),
            self.paths,
            taken.domain,
            self.sender,
            self.sign,
            self.pace,
        )


async def write_batch(event: ChunkDue, ctx: Writer) -> Sequence[Fact]:
    """
    Write to the people of a batch without a letter yet.

    Raises:
        BeingWritten: Another replica writes to it.
        NotAllTaken: Mail servers do not take all letters now; it is tried again, after longer and longer.
    """
    standing = await ctx.standings.of(event.request_id)  # now: a resumed campaign must not be found paused
    if standing is CampaignState.PAUSED:
        return []
    taken = await ctx.ledgers.take(event.case)
    if taken is None:
        return await _notified(event, ctx)
    if standing is CampaignState.ABORTED:
        await BatchLedger(ctx.ledgers, taken, on_page=_count).close()  # as it is
        return await _notified(event, ctx)
    return await _write(event, taken, ctx)


async def _write(event: ChunkDue, taken: LeasedBatch, ctx: Writer) -> Sequence[Fact]:
    turn = await ctx.write(event, taken)
    if not turn.left:
        return await _notified(event, ctx)
    if await ctx.standings.of(event.request_id) is CampaignState.PAUSED:
        return []
    if turn.may_go_on or _left_are_fresh(taken):
        return [event]
    raise NotAllTaken(f"{turn.left} letters of the batch are not taken now")


def _left_are_fresh(taken: LeasedBatch) -> bool:
    """
    Return whether the people left were first tried in the turn that is over, which tried all.

    A letter that waits counts its time from the first failure of its server, which may be long before its
    own: without a fresh message they would be parked before they are given up.
    """
    return taken.taken_before and not taken.all_tried


async def _notified(event: ChunkDue, ctx: Writer) -> Sequence[Fact]:
    """Report the end of the phase once, if no batch of it is left: resuming makes spare events."""
    incident, phase = event.request_id, event.phase
    through = await ctx.ledgers.through(incident, phase)
    if through < event.chunks:
        return await _progressed(event, through, ctx)
    if not await ctx.standings.claim_end(incident, phase, f"{event.chunk}.{event.turn}"):
        return []
    return [
        BreachNotified(
            request_id=incident,
            phase=phase,
            **await ctx.ledgers.sums(incident, phase),
            missed=await ctx.ledgers.missed(incident, phase),
            aborted=await ctx.standings.of(incident) is CampaignState.ABORTED,
            last=event.chunk,
        )
    ]


async def _progressed(event: ChunkDue, through: int, ctx: Writer) -> Sequence[Fact]:
    """Report the progress when a further twentieth of the batches is through: many batches, few events."""
    before = (through - 1) * TWENTIETHS // event.chunks
    if through * TWENTIETHS // event.chunks == before:
        return []
    incident, phase = event.request_id, event.phase
    sums = await ctx.ledgers.sums(incident, phase)
    parts = {"through": through, "chunks": event.chunks, "chunk": event.chunk}
    return [CampaignProgressed(request_id=incident, phase=phase, **parts, **sums)]


async def forget(event: RequestPurged, ctx: Writer) -> Sequence[Fact]:
    """Forget the batches of an incident with a purged record: each is a case of its own."""
    await ctx.journal.forget_parts(event.request_id)
    return []


SUBSCRIPTIONS = (on(ChunkDue, write_batch), on(RequestPurged, forget))


def _count(page: LedgerPage) -> None:
    for outcome, count in Counter(map(_kind, page.outcomes)).items():
        count_letter(outcome, count)


def _kind(outcome: NoticeOutcome) -> str:
    match outcome:
        case NoticeSentOutcome():
            return "sent_perhaps_twice" if outcome.doubtful else "sent"
        case Failed():
            return "refused"
        case _:
            return "later"
