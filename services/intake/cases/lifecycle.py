"""Operations on a registered request: proofs, fees, withdrawals, extensions, appeals, forwarding."""

from collections.abc import Sequence
from datetime import timedelta

from services.intake.cases import follow_ups
from services.intake.cases.clock import (
    DECIDED,
    Arrival,
    extended_deadline,
    received_appeal,
    received_request,
    scope_question,
)
from services.intake.cases.deadline_handlers import scope_facts
from services.intake.cases.deadlines import (
    APPEAL,
    ERASURE_PROPOSED,
    SCOPE_UNANSWERED,
    appeal_timers,
    extension_timers,
    timer_at,
)
from services.intake.cases.fingerprint import merged_with, same_person
from services.intake.cases.registration import forwarding, register_request
from services.intake.cases.sealed_content import appeal_item, seal_proofs, seal_request, sealed_request
from services.intake.context import IntakeContext, must_be_own, rejected, set_timers
from services.intake.domain import CaseStatus, ContentReadable
from shared.contract import events
from shared.contract.answer import SUBMISSION, scope_entries
from shared.contract.case_openings import EVERYTHING, OPENED_FOR
from shared.contract.envelope import derived_id
from shared.contract.events import Fact, Proof, Remedy, SubmissionError
from shared.contract.sources import ChannelSource, channel_source
from shared.contract.staff import written_text
from shared.contract.staff_texts import check_text
from shared.errors import Destroyed, RefusedDecision, TooEarly
from shared.law import Right

LONGEST_PERMISSION = timedelta(days=30)
"""Longest permission to read the content of a customer."""
APPEAL_OPEN = SubmissionError(path="data.request", message="an appeal is open already")
COMPANION = channel_source(ChannelSource.HABEAS, "child")
"""CloudEvents source of the opt-out that accompanies a child's request."""
ON_CONSENT = "consent"
"""Scope of an erasure: the data that rests on consent alone."""
RENEWAL = channel_source(ChannelSource.HABEAS, "appeal")
"""CloudEvents source of a renewed request."""
REOPENING = channel_source(ChannelSource.HABEAS, "reopened")
"""CloudEvents source of a request that takes up another one that has ended."""
ENDED = frozenset({CaseStatus.ANSWERED, CaseStatus.REFUSED, CaseStatus.WITHDRAWN, CaseStatus.CLOSED})
"""Statuses of requests that can be taken up again."""


async def accept_fee(ctx: IntakeContext) -> Sequence[Fact]:
    """Return that the requester agreed to the fee; nothing if no fee awaits agreement."""
    return [events.FeeAgreed(request_id=ctx.case_id)] if ctx.case.awaits_agreement else []


async def withdraw(ctx: IntakeContext) -> Sequence[Fact]:
    """Return the withdrawal of the request; nothing if it is too late."""
    return [events.RequestWithdrawn(request_id=ctx.case_id)] if ctx.case.withdrawable_at(ctx.now) else []


async def receive_proofs(
    proofs: Sequence[Proof], ctx: IntakeContext, *, sender: events.SenderCheck | None = None
) -> Sequence[Fact]:
    """Seal proofs of identity and pass them to the verifier; return nothing if none is awaited."""
    if ctx.case.stopped is not None or not ctx.case.awaits_proof:
        return []
    # An event's id is unique only together with its source: two systems may use the same one.
    refs = await seal_proofs(proofs, ctx.vault, ctx.case_id, f"{ctx.source} {ctx.event_id}")
    checked = tuple(ref.model_copy(update={"sender": sender}) for ref in refs)
    return [events.ProofReceived(request_id=ctx.case_id, proofs=checked)]


async def appeal(statement: str, ctx: IntakeContext) -> Sequence[Fact]:
    """Seal and register an appeal or a complaint; return nothing if one is open already."""
    name = appeal_item(f"{ctx.source} {ctx.event_id}")
    begun = ctx.case.received.received_at if ctx.case.received else ctx.now
    at = max(begun, min(ctx.occurred_at, ctx.now))  # a wrong clock moves no deadline
    received = received_appeal(ctx.case, name, at, ctx.practice)
    if received is None:
        return []
    await ctx.vault.seal(ctx.case_id, name, statement.encode())
    await set_timers(appeal_timers(received, ctx.practice), ctx)
    return [received]


async def register_appeal(event: events.AppealSubmitted, ctx: IntakeContext) -> Sequence[Fact]:
    """Register an appeal or a complaint of an upstream system."""
    if ctx.case.received is None:
        return await follow_ups.keep(event, ctx)
    must_be_own(ctx)
    return await appeal(event.statement, ctx) or [rejected(ctx, APPEAL_OPEN)]


async def decide_appeal(event: events.AppealDecided, ctx: IntakeContext) -> Sequence[Fact]:
    """
    Publish the staff's decision of an appeal, with reasons; a granted one renews the request.

    Law:
        Va. Code § 59.1-577(C): in writing, what is done or not done, and why.

    Raises:
        RefusedDecision: No appeal is open, the explanation is not the signed text, or the account decided on
          the request: the letter promises another person.
    """
    opened, case = ctx.case.open_appeal, ctx.case
    if opened is None:
        raise RefusedDecision("no_appeal_open")
    if opened.remedy is Remedy.APPEAL and event.by in case.answer_deciders.union(case.deciders):
        raise RefusedDecision("decider_decided_before")
    await check_text(event.explanation, ctx.case_id, ctx.vault)
    await ctx.timers.cancel(ctx.case_id, APPEAL)
    taken_up = event.granted and ctx.case.status in DECIDED  # an undecided request continues unchanged
    renewed = derived_id(f"renewed {ctx.case_id}", len(ctx.case.appeals)) if taken_up else None
    answered = events.AppealAnswered(
        request_id=ctx.case_id,
        remedy=opened.remedy,
        received_on=opened.received_on,
        granted=event.granted,
        reasons=event.reasons,
        explanation=event.explanation,
        renewed=renewed,
    )
    if renewed is None:
        return [answered]
    return [answered, events.RequestRenewed(request_id=renewed, follows=ctx.case_id)]


async def open_content(event: events.ContentOpened, ctx: IntakeContext) -> Sequence[Fact]:
    """
    Record that a staff account reads the submission, a text, a listing, or for a time the whole case.

    Law:
        GDPR Art. 28(3)(a): a processor processes the content of its customers on instructions alone.

    Raises:
        RefusedDecision: There is no such content, or it is a customer's and the account has no permission.
    """
    mail = ctx.case.has_mail and event.item == EVERYTHING
    if ctx.case.received is None and not mail:  # whose content it is shows the registration
        raise TooEarly("the reading came before its request")
    listed = [ctx.case.review.listing] if ctx.case.review else []
    known = {SUBMISSION, EVERYTHING, *listed, *(appeal.statement for appeal in ctx.case.appeals)}
    if event.item not in known:
        raise RefusedDecision("no_such_content")
    if not ctx.case.may_read(event.by, ctx.now):
        raise RefusedDecision("no_permission")
    if event.item != EVERYTHING:
        return []
    return [ContentReadable(request_id=ctx.case_id, by=event.by, until=ctx.now + OPENED_FOR)]


async def grant_permission(event: events.PermissionGranted, ctx: IntakeContext) -> Sequence[Fact]:
    """
    Record that an account may read the content of a customer's end user for a time.

    Raises:
        RefusedDecision: Not such a request, its own permission, or a time that is past or too far.
    """
    if ctx.case.received is None:
        raise TooEarly("the permission came before its request")
    if not ctx.case.of_end_user:
        raise RefusedDecision("no_customer_content")
    if event.account == event.by:
        raise RefusedDecision("own_permission")
    if not ctx.now < event.until <= ctx.now + LONGEST_PERMISSION:
        raise RefusedDecision("permission_time")
    return []


async def revoke_permission(event: events.PermissionRevoked, ctx: IntakeContext) -> Sequence[Fact]:
    """Record that an account may no longer read the content; raise RefusedDecision if it might not."""
    if event.account not in {one.account for one in ctx.case.permissions}:
        raise RefusedDecision("permission_unknown")
    return []


async def renew(event: events.RequestRenewed, ctx: IntakeContext) -> Sequence[Fact]:
    """Register a request made from another one, once, with its own id and key."""
    if ctx.case.status is not CaseStatus.UNKNOWN:
        return []
    first = events.RequestSubmitted.model_validate_json(await ctx.vault.open(event.follows, SUBMISSION))
    changes: dict[str, object] = {"received_at": None, "right": event.right or first.right}
    if event.scope:
        changes["details"] = events.Details(scope=event.scope)
    again = (await seal_request(first.model_copy(update=changes), ctx.vault, ctx.case_id)).request
    source = COMPANION if event.right else REOPENING if event.reopened else RENEWAL
    if event.manner is not None:
        source = channel_source(ChannelSource.HABEAS, event.manner)
    arrival = Arrival(ctx.case_id, source, ctx.occurred_at, ctx.now, follows=event.follows)
    return await register_request(again, received_request(again, arrival, ctx.practice), ctx)


async def reopen(event: events.ReopeningDecided, ctx: IntakeContext) -> Sequence[Fact]:
    """
    Take up a request that has ended, once, as a new one of the same person that follows it.

    Its own record stays as it is. The new one has a clock and a proof of its own.

    Raises:
        RefusedDecision: It has not ended, is a customer's, has an open appeal, or was taken up before.
    """
    del event
    case = ctx.case
    if case.received is None:
        raise TooEarly("the reopening came before its request")
    if case.status not in ENDED or case.not_ours:
        raise RefusedDecision("not_ended")
    if case.open_appeal is not None:
        raise RefusedDecision("appeal_open")
    if case.reopened_as is not None:
        raise RefusedDecision("reopened_before")
    again = derived_id(f"reopened {ctx.case_id}", 0)
    return [events.RequestRenewed(request_id=again, follows=ctx.case_id, reopened=True)]


async def decide_proposal(event: events.ErasureProposalDecided, ctx: IntakeContext) -> Sequence[Fact]:
    """
    Register the erasure that a person accepts after a withdrawn consent, or record that they do not.

    Law:
        GDPR Art. 7(3), 17(1)(b): data that rested on the consent alone is erased.

    Raises:
        RefusedDecision: Nothing is proposed, or the proposal was answered before.
    """
    if not ctx.case.proposes_erasure:
        raise RefusedDecision("no_proposal")
    await ctx.timers.cancel(ctx.case_id, ERASURE_PROPOSED)
    if not event.accepted:
        return []
    erasure = events.RequestRenewed(
        request_id=derived_id(f"proposal {ctx.case_id}", 0),
        follows=ctx.case_id,
        right=Right.ERASURE,
        scope=(ON_CONSENT,),
        manner=event.manner,
    )
    return [erasure]


async def forward(event: events.ForwardingDecided, ctx: IntakeContext) -> Sequence[Fact]:
    """
    Forward an end user's request to the customer that the staff named; again if the letter did not arrive.

    Law:
        GDPR Art. 28(3)(e), 11 CCR § 7050(c): a processor does not answer itself.

    Raises:
        RefusedDecision: No customer decides it, or the customer is notified already; or the text differs.
    """
    if ctx.case.received is None:
        raise TooEarly("the forwarding came before its request")
    if not ctx.case.forwardable:
        raise RefusedDecision("not_forwardable")
    await check_text(event.controller, ctx.case_id, ctx.vault)
    return [await forwarding(event.controller, ctx)]


async def narrow(event: events.NarrowingDecided, ctx: IntakeContext) -> Sequence[Fact]:
    """
    Ask the person, once, which data the request means, or record their answer by telephone or letter.

    Raises:
        RefusedDecision: It cannot be asked, or no answer is awaited, or the scope is not the signed text.
    """
    if ctx.case.received is None:
        raise TooEarly("the question came before its request")
    if not event.answered:
        asked = scope_question(ctx.case, ctx.now, ctx.practice)
        await set_timers([timer_at(SCOPE_UNANSWERED, asked.until)], ctx)
        return [asked]
    if not ctx.case.awaits_scope:
        raise RefusedDecision("scope_not_asked")
    await check_text(event.scope, ctx.case_id, ctx.vault)
    entries = scope_entries(await _signed(event.scope, ctx)) if event.scope else ()
    return scope_facts(ctx, scope=await _sealed_scope(entries, ctx), by=event.by)


async def answer_scope(entries: Sequence[str], ctx: IntakeContext) -> Sequence[Fact]:
    """Seal the named data, or record that everything is meant; return nothing if that was not asked."""
    if not ctx.case.awaits_scope:
        return []
    return scope_facts(ctx, scope=await _sealed_scope(entries, ctx))


async def _sealed_scope(entries: Sequence[str], ctx: IntakeContext) -> events.Code | None:
    if not entries:
        return None
    name = f"scope_{derived_id(f'{ctx.source} {ctx.event_id}', 0)}"
    await ctx.vault.seal(ctx.case_id, name, "\n".join(entries).encode())
    return name


async def _signed(item: events.Code, ctx: IntakeContext) -> str:
    return written_text(item, await ctx.vault.open(ctx.case_id, item)) or ""


async def pause(_event: events.PauseDecided, ctx: IntakeContext) -> Sequence[Fact]:
    """
    Stop an open request until the staff continues it; no deadline moves.

    Law:
        GDPR Art. 12(3), (6): only a question to the person about their identity can stop the clock.

    Raises:
        RefusedDecision: The request is stopped already, has ended, or a customer decides about it.
    """
    if ctx.case.received is None:
        raise TooEarly("the pause came before its request")
    if ctx.case.stopped is not None:
        raise RefusedDecision("request_stopped")
    if not ctx.case.withdrawable or ctx.case.not_ours:
        raise RefusedDecision("not_possible")
    return [events.RequestStopped(request_id=ctx.case_id, reason=events.StopReason.PAUSED_BY_STAFF)]


async def merge(event: events.DuplicateDecided, ctx: IntakeContext) -> Sequence[Fact]:
    """
    Close a request as a duplicate of an earlier open one of the same person, which is answered.

    Raises:
        RefusedDecision: It is stopped, as :func:`merged_with`, or the requests name different mailboxes.
    """
    if ctx.case.received is None:
        raise TooEarly("the merging came before its request")
    if ctx.case.stopped is not None:
        raise RefusedDecision("request_stopped")
    first, today = await ctx.duplicates.case(event.first), ctx.now.astimezone(ctx.practice.zone).date()
    duplicated = merged_with(first, ctx.case, today)
    try:
        both = [await sealed_request(ctx.vault, one) for one in (event.first, ctx.case_id)]
    except (KeyError, Destroyed):
        raise RefusedDecision("first_not_open") from None
    if not same_person(*both):
        raise RefusedDecision("other_person")
    return [duplicated]


async def extend(event: events.ExtensionDecided, ctx: IntakeContext) -> Sequence[Fact]:
    """
    Extend the deadline of an answer, once, while the law allows it and the person can be notified.

    Raises RefusedDecision if it cannot be extended.
    """
    if ctx.case.received is None:
        raise TooEarly("the extension came before its request")
    longer = extended_deadline(ctx.case, event.reason, ctx.now, ctx.practice)
    if longer is None:
        raise RefusedDecision("no_extension")
    await set_timers(extension_timers(longer, ctx.case, ctx.practice), ctx)
    return [longer]
