"""
Proofs, withdrawals and appeals of upstream systems that come before their request, and wait for it.

Each is a row in the journal of the case that its reference names, and its content is sealed under its final
name. The row that registers the request has their facts as well: so they take effect once, or not at all.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import reduce

from services.intake.cases.clock import received_appeal
from services.intake.cases.deadlines import FOLLOW_UP, CaseTimer, appeal_timers
from services.intake.cases.sealed_content import appeal_item, seal_proofs
from services.intake.context import NOT_KNOWN, IntakeContext, end_waiting, rejected, set_timers
from services.intake.domain import FollowUpKept, FollowUpKind, IntakeCase, evolve
from shared.contract.events import (
    AppealSubmitted,
    Fact,
    ProofReceived,
    ProofSubmitted,
    RequestRejected,
    RequestWithdrawn,
    SubmissionError,
    WithdrawalSubmitted,
)
from shared.runtime.service import stored_precision

WAIT = timedelta(days=1)
"""How long a follow-up waits for its request."""
DESTROYED_AFTER = timedelta(hours=1)
"""Time from the end of the wait to the destruction of the content: its rejection is a row by then."""
MOST = 10
"""Follow-ups that wait for one request."""
TOO_MANY = SubmissionError(
    path="data.reference", message="too many events wait for requests that have not come; try again later"
)
NOT_COME = "no request with this reference came within a day"


async def keep(
    event: ProofSubmitted | WithdrawalSubmitted | AppealSubmitted, ctx: IntakeContext
) -> Sequence[Fact]:
    """
    Keep *event* until its request comes, at most for :data:`WAIT`; reject it if too many wait.

    An id is assigned to requests that have come: without one, the event is rejected.
    """
    if event.request is None or await _waits_as_own(ctx):
        await end_waiting(ctx)
    if event.request is not None or event.reference is None:
        return [rejected(ctx, NOT_KNOWN)]
    if len(ctx.case.follow_ups) >= MOST or not await ctx.queue.admits_follow_up(ctx.source, ctx.now):
        return [rejected(ctx, TOO_MANY)]
    at = stored_precision(ctx.now)
    await ctx.vault.create(ctx.case_id)
    ends = (at + WAIT, at + WAIT + DESTROYED_AFTER)
    await set_timers([CaseTimer(f"{FOLLOW_UP}_{end:%Y%m%d%H%M%S%f}", end) for end in ends], ctx)
    kept = FollowUpKept(request_id=ctx.case_id, source=ctx.source, publisher_id=ctx.event_id, at=at)
    return [await _sealed(event, kept, ctx)]


async def _waits_as_own(ctx: IntakeContext) -> bool:
    """Return whether the request waits in the queue and is of the source of the event."""
    waiting = await ctx.queue.lodged(ctx.case_id)
    return waiting is not None and waiting.source == ctx.source


async def _sealed(
    event: ProofSubmitted | WithdrawalSubmitted | AppealSubmitted, kept: FollowUpKept, ctx: IntakeContext
) -> FollowUpKept:
    """Seal the content of *event*, and return *kept* with its kind and the names of the content."""
    cause = f"{ctx.source} {ctx.event_id}"
    match event:
        case ProofSubmitted():
            proofs = await seal_proofs(event.proofs, ctx.vault, ctx.case_id, cause)
            return kept.model_copy(update={"kind": FollowUpKind.PROOFS, "proofs": proofs})
        case AppealSubmitted():
            item = appeal_item(cause)
            await ctx.vault.seal(ctx.case_id, item, event.statement.encode())
            return kept.model_copy(update={"kind": FollowUpKind.APPEAL, "statement": item})
        case _:
            return kept


async def resume(facts: Sequence[Fact], ctx: IntakeContext) -> Sequence[Fact]:
    """Return what the waiting follow-ups lead to, after the *facts* that register their request."""
    case, found = reduce(evolve, facts, ctx.case), list[Fact]()
    for kept in ctx.case.follow_ups:
        fact = await _effect(kept, case, ctx) or _rejected(kept, f"the request is {case.status}")
        case = evolve(case, fact)
        found.append(fact)
    if ctx.case.follow_ups:
        await ctx.timers.cancel(ctx.case_id, FOLLOW_UP)
    return found


async def _effect(kept: FollowUpKept, case: IntakeCase, ctx: IntakeContext) -> Fact | None:
    if kept.kind is FollowUpKind.PROOFS and case.awaits_proof and case.stopped is None:
        return ProofReceived(request_id=ctx.case_id, proofs=kept.proofs)
    if kept.kind is FollowUpKind.WITHDRAWAL and case.withdrawable:
        return RequestWithdrawn(request_id=ctx.case_id)
    if kept.kind is FollowUpKind.APPEAL and kept.statement is not None:
        received = received_appeal(case, kept.statement, ctx.now, ctx.practice)
        if received is not None:
            await set_timers(appeal_timers(received, ctx.practice), ctx)
        return received
    return None


async def overdue(ctx: IntakeContext) -> Sequence[Fact]:
    """
    Return the rejections of follow-ups without a request in time; destroy the content of rejected ones.

    A row rejects them first, so that a request that comes at the same time still finds the content.

    Law:
        GDPR Art. 5(1)(c), (e): a copy of an identity document without a request serves no purpose.
    """
    if ctx.case.unmatched:
        await ctx.vault.discard(ctx.case_id, ctx.case.unmatched)
    return [_rejected(kept, NOT_COME) for kept in ctx.case.follow_ups if kept.at + WAIT <= ctx.occurred_at]


def _rejected(kept: FollowUpKept, reason: str) -> RequestRejected:
    flaw = SubmissionError(path="data.reference", message=reason)
    return RequestRejected(
        request_id=kept.request_id,
        publisher_source=kept.source,
        publisher_id=kept.publisher_id,
        errors=(flaw,),
    )
