"""Handlers that release, stop and resume notices."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.notifier.breach.campaign.checks import check_notices, write_samples
from services.notifier.breach.campaign.filings import write_filings
from services.notifier.breach.campaign.ledgers import Ledgers, OpenedBatch
from services.notifier.breach.campaign.proofs import prove_notice
from services.notifier.breach.campaign.states import CampaignState, Standings
from services.notifier.breach.campaign.unreached import list_unreached
from services.notifier.breach.notices.documents import FormContext
from services.notifier.breach.notices.samples import SampleNotice
from services.notifier.context import SenderSettings
from services.notifier.smtp.return_path import NoticePaths
from shared.contract.affected_people import NoticeBatch, batch_item, notified_elsewhere
from shared.contract.events import DeliveryAction, Fact, RequestPurged
from shared.contract.events.breaches import (
    BreachDeclared,
    BreachNoticeReturned,
    BreachNotified,
    BreachOpened,
    BreachScoped,
    CampaignAborted,
    CampaignPaused,
    CampaignResumed,
    ChunkDue,
    FilingsAsked,
    NoticeProofAsked,
    NoticesReleased,
    SamplesAsked,
)
from shared.contract.ports import VaultPort
from shared.errors import RefusedDecision
from shared.law import CompanyProfile
from shared.law.library import breach_policies
from shared.runtime.journal import Journal
from shared.runtime.log import logger
from shared.runtime.service import on

AT_ONCE = 16
"""Batches that are opened at the same time."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """The notices of an incident."""

    released: tuple[NoticesReleased, ...] = ()
    turn: int = 0
    """How often its notices were resumed or aborted."""


def evolve(known: Campaign, fact: Fact) -> Campaign:
    """Return the state after *fact*."""
    match fact:
        case NoticesReleased():
            return replace(known, released=(*known.released, fact))
        case CampaignResumed() | CampaignAborted():
            return replace(known, turn=known.turn + 1)
        case _:
            return known


@dataclass(frozen=True, slots=True)
class Steering:
    """The context of the handlers."""

    incident: str
    known: Campaign
    ledgers: Ledgers
    standings: Standings
    vault: VaultPort = field(repr=False)
    paths: NoticePaths
    said_at: datetime
    """When the staff said it, by their clock."""
    journal: Journal
    """Where each notice that came back is a case of its own."""
    house: SenderSettings
    company: CompanyProfile

    def forms(self) -> FormContext:
        """Return company, moment and laws of documents."""
        return FormContext(self.company, self.house, breach_policies(), self.said_at)

    def notice(self, declared: BreachDeclared) -> SampleNotice:
        """Return the notice in the words of *declared*, as it would be written now."""
        further = bool(self.known.released)
        return SampleNotice(declared, self.incident, self.house, self.said_at, further=further)


async def release(event: NoticesReleased, ctx: Steering) -> Sequence[Fact]:
    """Open a ledger for each batch, and publish that its notices are due."""
    await ctx.standings.begin(ctx.incident, ctx.paths.campaign(ctx.incident))
    for first in range(0, event.chunks, AT_ONCE):
        some = range(first, min(first + AT_ONCE, event.chunks))
        opened = await asyncio.gather(*(_opened(event, number, ctx) for number in some))
        await ctx.ledgers.open(opened, domain=ctx.house.domain)
    if not event.chunks:
        return [BreachNotified(request_id=ctx.incident, phase=event.phase, sent=0, doubtful=0, failed=0)]
    return [_due(event, number, ctx.known.turn) for number in range(event.chunks)]


async def _opened(event: NoticesReleased, number: int, ctx: Steering) -> OpenedBatch:
    case, phase = ctx.incident, event.phase
    sealed, elsewhere = await asyncio.gather(
        ctx.vault.open(case, batch_item(phase, number)),
        notified_elsewhere(ctx.vault, case, phase, number, event.along),
    )
    batch = NoticeBatch.model_validate_json(sealed)
    contents = (batch.to, batch.laws, batch.language, len(batch.people))
    return OpenedBatch(case, phase, number, *contents, event.declaration, sorted(elsewhere))


async def pause(_event: CampaignPaused, ctx: Steering) -> Sequence[Fact]:
    """
    Pause the notices; batches under way stop within a second, and record their progress.

    Raises RefusedDecision if none are out, or a later order holds.
    """
    if not await _note(CampaignState.PAUSED, ctx):
        raise RefusedDecision("order_outdated")
    return []


async def resume(_event: CampaignResumed, ctx: Steering) -> Sequence[Fact]:
    """Resume each batch that is not through; raises as :func:`pause`."""
    if not await _note(CampaignState.ON, ctx):
        raise RefusedDecision("order_outdated")
    return await _again(ctx)


async def abort(_event: CampaignAborted, ctx: Steering) -> Sequence[Fact]:
    """Abort the notices: each batch that is not through is closed as it is."""
    await _note(CampaignState.ABORTED, ctx)
    return await _again(ctx)


async def _note(standing: CampaignState, ctx: Steering) -> bool:
    """Record an order of the staff and return whether it holds; one that does not is logged."""
    if await ctx.standings.set(ctx.incident, standing, ctx.said_at):
        return True
    reason = f"`{standing.value}` is older than the order that holds, or no notices are out"
    logger().warning("order of the staff does not hold", request_id=ctx.incident, reason=reason)
    return False


async def _again(ctx: Steering) -> Sequence[Fact]:
    through = await ctx.ledgers.numbers_through(ctx.incident)
    return [
        _due(released, number, ctx.known.turn + 1)
        for released in ctx.known.released
        for number in range(released.chunks)
        if (released.phase, number) not in through
    ]


def _due(released: NoticesReleased, number: int, turn: int) -> ChunkDue:
    return ChunkDue(
        request_id=released.request_id,
        phase=released.phase,
        declaration=released.declaration,
        chunk=number,
        chunks=released.chunks,
        turn=turn,
        held_by_police=released.held_by_police,
        further=released.further,
    )


async def note_return(event: BreachNoticeReturned, ctx: Steering) -> Sequence[Fact]:
    """Record the later report on a letter that a mail server had taken."""
    await ctx.ledgers.returned(event)
    if event.action is DeliveryAction.FAILED:
        await ctx.standings.note_late(event.request_id, event.phase)
    return []


async def forget(event: RequestPurged, ctx: Steering) -> Sequence[Fact]:
    """Forget the notices of an incident with a purged record; a request has none here."""
    await ctx.ledgers.forget(event.request_id)
    await ctx.standings.forget(event.request_id)
    await ctx.journal.forget_parts(event.request_id)
    return []


SUBSCRIPTIONS = (
    on(BreachScoped, check_notices),
    on(NoticesReleased, release),
    on(BreachOpened, list_unreached),
    on(NoticeProofAsked, prove_notice),
    on(FilingsAsked, write_filings),
    on(SamplesAsked, write_samples),
    on(BreachNoticeReturned, note_return),
    on(CampaignPaused, pause),
    on(CampaignResumed, resume),
    on(CampaignAborted, abort),
    on(RequestPurged, forget),
)
