"""Handlers of intake: registration, proofs, withdrawals, stops, pauses, closing, declared breaches."""

from collections.abc import Sequence

from pydantic import ValidationError

from services.intake.cases import deadline_handlers, follow_ups, lifecycle, sealed_content
from services.intake.cases.clock import resumed_deadline
from services.intake.cases.deadlines import fee_timers
from services.intake.cases.errors import TooManyAttempts
from services.intake.cases.inquiries import handle_message
from services.intake.cases.registration import begin
from services.intake.context import IntakeContext, end_waiting, must_be_own, rejected, set_timers
from services.intake.domain import (
    CLOSED_BY,
    DECIDED_ELSEWHERE,
    CaseStatus,
    IntakeCase,
    RequestLodged,
    evolve,
    outcome_of,
)
from shared.contract import events
from shared.contract.affected_people import declaration_item
from shared.contract.codes import CodeVerdict
from shared.contract.envelope import FACTS, Unreadable, derived_id
from shared.contract.events import NO_PERSON, EmailCode, Fact, LetterKind, SubmissionError
from shared.contract.events.breaches import BreachDeclared, BreachLodged
from shared.contract.register import OWED
from shared.contract.sources import ChannelSource, channel_source
from shared.contract.staff import written_text
from shared.contract.suggestions import suggestions_for
from shared.errors import Destroyed, RefusedDecision, TooEarly
from shared.runtime.service import Subscription, noted, on

SET_ASIDE = "set_aside"
"""Name of an unreadable message in the vault."""
ENDING = frozenset({*CLOSED_BY.values(), LetterKind.FEE_QUOTED})
"""Letters that close a case or start a deadline."""
EMPTY = SubmissionError(path="data.subject", message=NO_PERSON)
REUSED = SubmissionError(
    path="data.reference", message="names another request of this source; choose another"
)
USED_BEFORE = SubmissionError(
    path="data.reference", message="names a request that was purged; choose another"
)

INCIDENT_PURGED = SubmissionError(
    path="data.reference", message="names an incident that was purged; choose another"
)


async def register(event: events.RequestSubmitted, ctx: IntakeContext) -> Sequence[Fact]:
    """Seal a request of an upstream system, and start its clock, once; a used reference is ``Unreadable``."""
    if ctx.case.status is CaseStatus.PURGED:
        raise Unreadable((USED_BEFORE,))
    if ctx.case.status is not CaseStatus.UNKNOWN:
        _must_be_the_same(await sealed_content.sealed_request(ctx.vault, ctx.case_id), event)
        return []
    if event.subject.is_empty:
        raise Unreadable((EMPTY,))
    sealed = (await sealed_content.seal_request(event, ctx.vault, ctx.case_id)).request
    _must_be_the_same(sealed, event)
    proofs = await sealed_content.seal_proofs(
        event.proofs, ctx.vault, ctx.case_id, f"{ctx.source} {ctx.event_id}"
    )
    lodged = RequestLodged(
        request_id=ctx.case_id,
        source=ctx.source,
        occurred_at=ctx.occurred_at,
        proofs=proofs,
        submitted=True,
        publisher_id=ctx.event_id,
    )
    return await begin(sealed, lodged, ctx)


async def register_taken(event: events.RequestTaken, ctx: IntakeContext) -> Sequence[Fact]:
    """
    Register a request that the staff wrote down; its clock runs from the day on which it was made.

    Law:
        GDPR Art. 12(2)-(3): a request in any form counts from its receipt.
        11 CCR § 7020(a)-(b): a toll-free telephone number is a way to ask.

    Raises:
        RefusedDecision: The id is taken, or the request is not the signed one, or is none.
    """
    if ctx.case.status is not CaseStatus.UNKNOWN:
        raise RefusedDecision("request_exists")
    request = await _written_request(event, ctx)
    if request.subject.is_empty:
        raise RefusedDecision("no_person")
    sealed = (await sealed_content.seal_request(request, ctx.vault, ctx.case_id)).request
    source = channel_source(ChannelSource.HABEAS, event.manner)
    lodged = RequestLodged(request_id=ctx.case_id, source=source, occurred_at=event.received_at)
    facts = await begin(sealed, lodged, ctx)
    return [lodged, *facts] if facts else []


async def _written_request(event: events.RequestTaken, ctx: IntakeContext) -> events.RequestSubmitted:
    text = written_text(event.content, await ctx.vault.open(ctx.case_id, event.content))
    if text is None:
        raise RefusedDecision("text_differs")
    try:
        request = events.RequestSubmitted.model_validate_json(text)
    except ValidationError:
        raise RefusedDecision("unreadable") from None
    own = {"reference": f"{event.manner}-{ctx.case_id}", "received_at": event.received_at, "proofs": ()}
    return request.model_copy(update=own)


def _must_be_the_same(sealed: events.RequestSubmitted, event: events.RequestSubmitted) -> None:
    if not sealed_content.is_equal_request(sealed, event):
        raise Unreadable((REUSED,))


async def accept_proofs(event: events.ProofSubmitted, ctx: IntakeContext) -> Sequence[Fact]:
    """Seal proofs of identity for the verifier."""
    must_be_own(ctx)
    codes = sum(isinstance(proof, EmailCode) for proof in event.proofs)
    try:
        await ctx.codes.take_of_source(ctx.source, codes, ctx.now)
    except TooManyAttempts as error:
        return [rejected(ctx, SubmissionError(path="data.proofs", message=str(error)))]
    if ctx.case.status is CaseStatus.UNKNOWN:
        return await follow_ups.keep(event, ctx)
    if ctx.case.stopped is not None:
        return [rejected(ctx, SubmissionError(path="data.proofs", message="the request is stopped"))]
    return await lifecycle.receive_proofs(event.proofs, ctx) or [rejected(ctx, _late("data.proofs", ctx))]


async def withdraw_submitted(event: events.WithdrawalSubmitted, ctx: IntakeContext) -> Sequence[Fact]:
    """Withdraw a request of an upstream system that has no answer."""
    if ctx.case.status is CaseStatus.UNKNOWN:
        return await follow_ups.keep(event, ctx)
    must_be_own(ctx)
    return await lifecycle.withdraw(ctx) or [rejected(ctx, _late("data.request", ctx))]


def _late(path: str, ctx: IntakeContext) -> SubmissionError:
    return SubmissionError(path=path, message=f"the request is {ctx.case.status}")


async def decide_stop(event: events.StopDecided, ctx: IntakeContext) -> Sequence[Fact]:
    """
    Let a stopped request go on, or end it; one that is answered and has no window stays stopped.

    Raises RefusedDecision if it is not stopped.
    """
    if ctx.case.stopped is None:
        raise RefusedDecision("not_stopped")
    if event.resume:
        return [events.RequestReleased(request_id=ctx.case_id)]
    if not ctx.case.withdrawable_at(ctx.now):
        return []
    return [events.RequestWithdrawn(request_id=ctx.case_id, stopped=True)]


async def decide_withdrawal(_event: events.WithdrawalDecided, ctx: IntakeContext) -> Sequence[Fact]:
    """Take a request back, as the privacy staff decided, unless it is answered already."""
    if ctx.case.status is CaseStatus.UNKNOWN:
        await end_waiting(ctx)
        raise TooEarly("the withdrawal came before its request")
    facts = await lifecycle.withdraw(ctx)
    if not facts:
        raise RefusedDecision("too_late_to_withdraw")
    return facts


async def declare_burst(event: events.BurstDeclared, ctx: IntakeContext) -> Sequence[Fact]:
    """Mark the requests during a declared incident, from now on."""
    await ctx.queue.declare(event)
    return []


async def sign_in(_event: events.StaffSignedIn, ctx: IntakeContext) -> Sequence[Fact]:
    """Begin a session of a staff account. Raises RefusedDecision if its number is taken."""
    if ctx.case != IntakeCase():
        raise RefusedDecision("session_exists")
    return []


async def set_aside(event: events.UnreadableSubmission, ctx: IntakeContext) -> Sequence[Fact]:
    """Seal an unreadable message, and report its errors to its publisher."""
    await ctx.vault.create(ctx.case_id)
    await ctx.vault.seal_stream(ctx.case_id, SET_ASIDE, sealed_content.single_piece(event.body))
    source, id_ = (ctx.correlation.source, ctx.correlation.event) if ctx.correlation else (None, None)
    rejected = events.RequestRejected(
        request_id=ctx.case_id, publisher_source=source, publisher_id=id_, errors=event.flaws
    )
    return [rejected]


async def handle_submission(_event: events.SubmissionHandled, ctx: IntakeContext) -> Sequence[Fact]:
    """Record that the staff has handled a submission. Raises RefusedDecision if none is set aside."""
    if not ctx.case.set_aside:
        raise RefusedDecision("no_open_submission")
    return []


async def note_informed(event: events.RecipientInformed, ctx: IntakeContext) -> Sequence[Fact]:
    """Record that the staff has notified a recipient. Raises RefusedDecision if it was not to."""
    if event.recipient not in ctx.case.unnotified:
        raise RefusedDecision("no_such_recipient")
    return []


async def record_only(_event: Fact, _ctx: IntakeContext) -> Sequence[Fact]:
    """Record a fact of another service."""
    return []


async def note_approval(event: events.ErasureApproved, ctx: IntakeContext) -> Sequence[Fact]:
    """
    Record an approval of the erasure.

    Raises RefusedDecision if the account decided on the requester, or has approved while others have to.
    """
    approved = ctx.case.awaits_approval and event.by in ctx.case.approvals
    if approved or event.by in ctx.case.deciders:
        raise RefusedDecision("decider_decided_before")
    return []


async def resume(event: events.RequestResumed, ctx: IntakeContext) -> Sequence[Fact]:
    """Resume the clock, and move the last day by the length of the pause."""
    if ctx.case.paused_since is None:
        raise TooEarly("resume received before pause")
    moved = resumed_deadline(ctx.case, event.at, ctx.practice)
    return [] if moved is None else [moved]


async def close(event: events.NoticeSent, ctx: IntakeContext) -> Sequence[Fact]:
    """Close a case when its last letter is sent; wait for the decision that the letter may have overtaken."""
    if ctx.case.is_overtaken_by(event.letter):
        raise TooEarly(f"the request is {ctx.case.status}: its last letter came before the decision")
    if event.letter is LetterKind.FEE_QUOTED and ctx.case.quoted is not None:
        await set_timers(fee_timers(ctx.case.quoted, ctx.occurred_at, ctx.case, ctx.practice), ctx)
    if not ctx.case.is_closed_by(event.letter):
        if event.letter in CLOSED_BY.values():
            await deadline_handlers.settle_timers(event.letter, evolve(ctx.case, event), ctx)
        return []
    closed = events.RequestClosed(request_id=ctx.case_id, outcome=outcome_of(ctx.case))
    await deadline_handlers.cancel_if_answered(evolve(evolve(ctx.case, event), closed), ctx)
    return [closed]


def ends_a_step(event: events.NoticeSent) -> bool:
    """Return whether a letter can close a case, starts a deadline, or is owed by law."""
    return event.letter in ENDING | OWED


async def count_wrong_code(event: events.ProofRefused, ctx: IntakeContext) -> Sequence[Fact]:
    """Count a wrong code over all requests: guesses at many look like one mistake at each."""
    if event.reason == CodeVerdict.WRONG:
        await ctx.codes.failed(ctx.event_id, ctx.now)
    return []


async def lodge_breach(event: BreachDeclared, ctx: IntakeContext) -> Sequence[Fact]:
    """
    Seal a declaration in the vault of its incident, and have it registered; refuse obvious mistakes at once.

    A declaration has letters sent: only upstream systems and staff accounts make one. Its declarer counts if
    the proof was verified (shared.runtime.service); a declaration without one needs two approvals.
    """
    slips = [flaw.model_copy(update={"path": f"data.{flaw.path}"}) for flaw in suggestions_for(event)]
    if slips:
        return [rejected(ctx, *slips)]
    # An event's id is unique only together with its source.
    item = declaration_item(derived_id(f"{ctx.source} {ctx.event_id}", 0))
    declared = event.model_copy(update={"by": event.by if event.proof else None, "proof": None})
    await ctx.vault.create(ctx.case_id)
    try:
        await ctx.vault.seal(ctx.case_id, item, declared.model_dump_json(exclude_defaults=True).encode())
    except Destroyed:
        return [rejected(ctx, INCIDENT_PURGED)]
    return [BreachLodged(request_id=ctx.case_id, declaration=item)]


def decided_elsewhere(refused: events.DecisionRefused) -> bool:
    """Return whether intake has noted the refused decision, for the trail of its case."""
    return FACTS.get(refused.type) in DECIDED_ELSEWHERE


def acted_on_here(refused: events.DecisionRefused) -> bool:
    """Return whether the refused decision is no note of intake."""
    return not decided_elsewhere(refused)


SUBSCRIPTIONS = (
    on(events.RequestSubmitted, register),
    on(events.ProofSubmitted, accept_proofs),
    on(events.WithdrawalSubmitted, withdraw_submitted),
    on(events.UnreadableSubmission, set_aside),
    noted(events.IdentityChallenged, record_only),
    noted(events.IdentityVerified, record_only),
    on(events.IdentityRefused, record_only),
    noted(events.EvidenceShown, record_only),
    noted(events.EvidenceDestroyed, record_only),
    noted(events.IdentityReminded, record_only),
    noted(events.ProofExamined, record_only),
    noted(events.RequestLapsed, record_only),
    Subscription(events.DecisionRefused, record_only, decided_elsewhere, acted_on_here),
    on(events.ProofRefused, count_wrong_code),
    noted(events.ErasurePlanned, record_only),
    on(events.ErasureApproved, note_approval),
    noted(events.ErasureScheduled, record_only),
    noted(events.DisclosureScheduled, record_only),
    on(events.PackageReviewNeeded, record_only),
    on(events.PackageReviewed, record_only),
    on(events.RequestFulfilled, deadline_handlers.schedule_package_expiry),
    on(events.FeeQuoted, deadline_handlers.schedule_fee_deadline),
    on(events.RequestReferred, record_only),
    noted(events.NoticeSent, close, acted_on=ends_a_step),
    on(events.NoticeFailed, deadline_handlers.note_letter_failure),
    on(events.NoticeReported, deadline_handlers.note_report),
    on(events.AnswerDelivered, deadline_handlers.note_delivery),
    noted(events.RecipientAcknowledged, record_only),
    noted(events.RecipientFailed, record_only),
    on(events.IdentityReviewNeeded, record_only),
    on(events.RequestPaused, record_only),
    on(events.RequestResumed, resume),
    on(events.AppealSubmitted, lifecycle.register_appeal),
    on(events.AppealDecided, lifecycle.decide_appeal),
    on(events.ContentOpened, lifecycle.open_content),
    on(events.PermissionGranted, lifecycle.grant_permission),
    on(events.PermissionRevoked, lifecycle.revoke_permission),
    on(events.RequestTaken, register_taken),
    on(events.RequestRenewed, lifecycle.renew),
    on(events.ReopeningDecided, lifecycle.reopen),
    on(events.ForwardingDecided, lifecycle.forward),
    on(events.ErasureProposalDecided, lifecycle.decide_proposal),
    on(events.MessageHandled, handle_message),
    on(events.SubmissionHandled, handle_submission),
    on(events.MessageRepaired, record_only),
    on(events.RecipientInformed, note_informed),
    on(events.PauseDecided, lifecycle.pause),
    on(events.DuplicateDecided, lifecycle.merge),
    on(events.ExtensionDecided, lifecycle.extend),
    on(events.NarrowingDecided, lifecycle.narrow),
    on(events.AnswerExpected, deadline_handlers.expect),
    on(events.DeadlineCame, deadline_handlers.handle_deadline),
    on(events.SubjectUnrestricted, record_only),
    on(events.DropMatched, record_only),
    on(events.StopDecided, decide_stop),
    on(events.WithdrawalDecided, decide_withdrawal),
    on(events.BurstDeclared, declare_burst),
    on(events.StaffSignedIn, sign_in),
    on(BreachDeclared, lodge_breach),
)
