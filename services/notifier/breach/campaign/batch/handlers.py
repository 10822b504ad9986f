"""
Handlers that write to a chunk of people.

The journal knows a chunk's events; only its ledger knows the letters sent. So the same event may come
as often as it likes.
"""

from collections.abc import Sequence

from services.notifier.breach.campaign.batch.run import Turn
from services.notifier.breach.campaign.batch.writer import Writer
from services.notifier.breach.campaign.outcomes import LeasedBatch
from services.notifier.breach.campaign.states import CampaignState
from shared.contract.events import Fact, RequestPurged
from shared.contract.events.breaches import BreachNotified, ChunkDue
from shared.errors import MailUnavailable
from shared.runtime.service import on


class NotAllTaken(MailUnavailable):
    """An error: some letters of a chunk are not taken now."""


async def write_chunk(event: ChunkDue, ctx: Writer) -> Sequence[Fact]:
    """
    Write to the people of a chunk without a letter yet.

    Raises:
        BeingWritten: Another replica writes to it.
        NotAllTaken: Mail servers do not take all letters now; it is tried again, after longer and longer.
    """
    standing = await ctx.standing(event.request_id)
    if standing is CampaignState.PAUSED:
        return []
    taken = await ctx.ledgers.take(event.case)
    if taken is None:
        return await _notified(event, ctx)
    if standing is CampaignState.ABORTED:
        await ctx.give_up(taken)
        return await _notified(event, ctx)
    return await _write(event, taken, ctx)


async def _write(event: ChunkDue, taken: LeasedBatch, ctx: Writer) -> Sequence[Fact]:
    turn = await ctx.write(event, taken)
    if not turn.left:
        return await _notified(event, ctx)
    if await ctx.standing(event.request_id) is CampaignState.PAUSED:
        return []
    if turn.may_go_on or _left_are_fresh(taken, turn):
        return [event]
    raise NotAllTaken(f"{turn.left} letters of the chunk are not taken now")


def _left_are_fresh(taken: LeasedBatch, turn: Turn) -> bool:
    """
    Return whether the people left were first tried in this turn.

    A letter that waits counts its time from the first failure of its server, which may be long before its
    own: without a fresh message they would be parked before they are given up.
    """
    return taken.taken_before and turn.all_tried and not taken.all_tried


async def _notified(event: ChunkDue, ctx: Writer) -> Sequence[Fact]:
    """Report the end of the phase once, if no chunk of it is left: resuming makes spare events."""
    if await ctx.ledgers.through(event.request_id, event.phase) < event.chunks:
        return []
    if not await ctx.standings.claim_end(event.request_id, event.phase, f"{event.chunk}.{event.turn}"):
        return []
    sums = await ctx.ledgers.sums(event.request_id, event.phase)
    return [
        BreachNotified(
            request_id=event.request_id,
            phase=event.phase,
            **sums,
            missed=await ctx.ledgers.missed(event.request_id, event.phase),
            aborted=await ctx.standing(event.request_id) is CampaignState.ABORTED,
            last=event.chunk,
        )
    ]


async def forget(event: RequestPurged, ctx: Writer) -> Sequence[Fact]:
    """Forget the chunks of an incident with a purged record: each is a case of its own."""
    await ctx.journal.forget_parts(event.request_id)
    return []


SUBSCRIPTIONS = (on(ChunkDue, write_chunk), on(RequestPurged, forget))
