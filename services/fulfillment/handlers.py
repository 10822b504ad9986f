"""Handlers of fulfillment: claims, searches, disclosures and the planning of erasures."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial

from services.fulfillment.changes.handlers import (
    change,
    lift_restriction,
    plan_change,
    restricted_records,
    suppress_at_once,
    waits,
)
from services.fulfillment.context import (
    CopyCounterPort,
    FoundRequest,
    FulfillmentContext,
    PastRequestsPort,
)
from services.fulfillment.datamap.model import PERSONAL
from services.fulfillment.domain import CLAIMABLE, CONTRACT, answer_due_on, lacking_names, laws_answered
from services.fulfillment.drop.hash_lists import HashListBatch
from services.fulfillment.erasure.expiry import order_purge
from services.fulfillment.erasure.handlers import (
    approve,
    await_window,
    begin,
    begin_released,
    certify_withdrawn,
    contents_of,
    erase,
    erase_approved,
    expect_erasure,
    later_window,
    plan_confirmed,
    retry,
    search_again,
)
from services.fulfillment.erasure.outline import outlined, sealed_plan
from services.fulfillment.erasure.planner import grounds_of, per_ground, plan
from services.fulfillment.erasure.steps import RecordPlan
from services.fulfillment.erasure.window import (
    HeldAct,
    disclosure_timer,
    held_back,
    releases,
    scheduled,
    stop,
    unless_stopped,
    while_in,
)
from services.fulfillment.holds.handlers import lift_hold, place_hold
from services.fulfillment.package import answers
from services.fulfillment.package.handlers import (
    decide_fee,
    disclose_package,
    fee_by_staff,
    must_be_reviewable,
    store_copy,
)
from services.fulfillment.package.labels import locale_of, map_in
from services.fulfillment.package.survey import PastRequest
from services.fulfillment.package.withheld import releasable
from services.fulfillment.recipients.handlers import notify, notify_again, transfer
from services.fulfillment.search.comparison import compare, disputed
from services.fulfillment.search.confirmed_aliases import (
    objection,
    offered,
    own_mailbox,
    window_name,
    with_confirmed,
)
from services.fulfillment.search.findings import Findings, SearchAnswer
from services.fulfillment.search.identities import (
    Identities,
    identity_to_look_up,
    proven_identities,
    stated_identities,
    vouched_identities,
)
from services.fulfillment.search.named_mailboxes import not_notified, notices, spelling_of
from services.fulfillment.search.scope import scope_of, within
from services.fulfillment.state import (
    CHANGING,
    DISCLOSING,
    NOT_BEGUN,
    FulfillmentCase,
    FulfillmentStatus,
    needs_approval,
)
from shared.contract.answer import Answer
from shared.contract.events import (
    AliasConfirmed,
    AliasProven,
    ChangePlanned,
    CorrectionApproved,
    DataPoints,
    DisclosureDue,
    DisclosureScheduled,
    DropListed,
    ErasureApproved,
    ErasureDue,
    ErasureGroundDecided,
    ErasurePlanned,
    ErasureRetried,
    ErasureScheduled,
    Fact,
    FeeAgreed,
    FeeDecided,
    HoldLifted,
    HoldPlaced,
    IdentityClaimed,
    IdentityCompared,
    IdentityVerified,
    Outcome,
    PackageReviewed,
    PackageReviewNeeded,
    PreviewAsked,
    PreviewDrafted,
    PurgeApproved,
    RecipientConcerned,
    RecipientRetried,
    ReferralDecided,
    Requester,
    RequestFulfilled,
    RequestPurged,
    RequestReleased,
    RequestStopped,
    RequestSubmitted,
    RequestWithdrawn,
    RestrictionAnnounced,
    ScopeAnswered,
    ScopeAsked,
    TransferOrdered,
    ValuesReleased,
)
from shared.contract.previews import NoTimers, PreviewVault
from shared.contract.staff import packed_item
from shared.contract.staff_texts import check_text
from shared.errors import InvalidDataMap, RefusedDecision, TooEarly
from shared.law import GivenCopies, Policy, ReasonCode, Right, needs_proof
from shared.law.library import policies, refusal_grounds
from shared.runtime.dataloader import in_thread
from shared.runtime.log import logger
from shared.runtime.service import on
from shared.vocabulary import ReferralReason


async def compare_claims(event: IdentityClaimed, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Compare claimed data points with the records, unless the case is decided already.

    A record counts only where the identity stands verified: a stranger could write another person's address
    into a record of their own, beside data points that they know.

    Law:
        11 CCR § 7060(h): a value that a request to correct disputes is no data point.
    """
    if ctx.known.status is not FulfillmentStatus.UNDECIDED or not all(
        [await ctx.vault.holds(ctx.case_id, proof.ref) for proof in event.proofs]
    ):
        return []
    submitted = await ctx.submission()
    identities = identity_to_look_up(submitted, ctx.maps.current)
    findings = _whole(await ctx.records.gather_verified(ctx.maps.current, identities))
    points: dict[str, str] = {}
    for proof in event.proofs:
        content = await ctx.vault.open(ctx.case_id, proof.ref)
        points |= DataPoints.model_validate_json(content).points
    ignored = disputed(submitted.details.corrections, ctx.maps.current)
    agreement = compare(points, findings.found, identities, ignored)
    return [
        IdentityCompared(
            request_id=ctx.case_id,
            **asdict(agreement),
            identities=tuple(identities),
            proofs=tuple(proof.ref for proof in event.proofs),
        )
    ]


async def answer(event: IdentityVerified, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Answer a verified request, or refer it to the staff; if the answer costs a fee, quote it first."""
    if ctx.known.withdrawn or ctx.known.awaits_scope:
        return []
    quoted = fee_by_staff(event, ctx)
    return [quoted] if quoted else await _search_and_answer(event, ctx)


async def answer_after_fee(event: FeeAgreed, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Answer a request after the agreement to its fee; a request for the staff stays with the staff."""
    if ctx.known.status is not FulfillmentStatus.QUOTED or ctx.known.verified is None:
        return []
    return await answer_agreed(event, ctx.after(event))


async def hold_for_scope(_event: ScopeAsked, _ctx: FulfillmentContext) -> Sequence[Fact]:
    """Record that nothing is disclosed before the person has said which data the request means."""
    return []


async def answer_in_scope(event: ScopeAnswered, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Answer a request that waited for its scope; one that waits for anything else goes on waiting."""
    return await answer_specified(event, ctx.after(event))


async def answer_specified(_event: ScopeAnswered, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Answer a request whose scope was answered; a package that waits for a review is listed anew."""
    open_ones = {FulfillmentStatus.UNDECIDED, FulfillmentStatus.AWAITING_REVIEW}
    if ctx.known.status not in open_ones or ctx.known.verified is None:
        return []
    return await answer(ctx.known.verified, ctx)


async def answer_agreed(_event: FeeAgreed, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Answer a request with a fee that was agreed to while the request was stopped."""
    if ctx.known.status is not FulfillmentStatus.UNDECIDED or ctx.known.verified is None:
        return []
    return await _search_and_answer(ctx.known.verified, ctx)


async def _search_and_answer(event: IdentityVerified, ctx: FulfillmentContext) -> Sequence[Fact]:
    if ctx.known.awaits_scope:
        return []
    if event.right not in {*DISCLOSING, *CHANGING, Right.ERASURE}:
        return [ctx.referred(event.right, ReferralReason.BY_STAFF)]
    submitted = await ctx.submission()
    proofless = not needs_proof(event.right, direct_marketing=submitted.direct_marketing)
    if proofless:
        await suppress_at_once(event, submitted, ctx)
    records = ctx.records.due_on(answer_due_on(event.regulation, event.right, event.received_on))
    identities = _sure(event, submitted, ctx)
    if not proofless and event.requester is not Requester.CONTROLLER:
        await ctx.past.note(event, identities, submitted.subject.name)
    findings = await _gather(submitted, identities, replace(ctx, records=records))
    found = FoundRequest(event, submitted, identities, findings)
    match findings.answer:
        case _ if proofless:
            return await _plan_without_proof(found, ctx)
        case SearchAnswer.NOTHING_DECLARED:
            return [ctx.referred(event.right, ReferralReason.NOTHING_DECLARED)]
        case SearchAnswer.NOTHING_FOUND:
            return [await _nothing_held(found, ctx)]
        case SearchAnswer.FOUND:
            return await _announce(found, ctx)


async def _plan_without_proof(found: FoundRequest, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Plan the change of a request that needs no proof.

    Where it ends a service, the requester may have named another person by a number: the owners of mailboxes
    in the records are notified, too, and can stop it within its window.
    """
    facts, data_map = await plan_change(found, ctx), ctx.maps.current
    ended = (
        one for one in data_map.collections if one.serves and any(True for _ in found.findings.of(one.key))
    )
    if not waits(found.event.right, ctx) or next(ended, None) is None:
        return facts
    others = await not_notified(found.findings, ctx.maps.current, found.event, ctx)
    if others is None:
        return [ctx.referred(found.event.right, ReferralReason.MANY_MAILBOXES)]
    return [*await notices(others, found.event.right, ctx), *facts]


async def _nothing_held(found: FoundRequest, ctx: FulfillmentContext) -> RequestFulfilled:
    data_map = map_in(ctx.maps.current, locale_of(found.submitted))
    answer = answers.nothing_held(found.findings, data_map)
    answer = answer.model_copy(update={"scope": answers.scope_labels(found.submitted, data_map)})
    right, name = found.event.right, await ctx.sealed_answer(answer)
    return RequestFulfilled(
        request_id=ctx.case_id,
        number=ctx.answer_number,
        right=right,
        outcome=Outcome.NOTHING_HELD,
        answer=name,
        absent=found.findings.absent,
    )


async def _announce(found: FoundRequest, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Notify the owners of other mailboxes, then disclose, or plan an erasure or a change."""
    event = found.event
    others = await not_notified(found.findings, ctx.maps.current, event, ctx)
    if others is None:
        return [ctx.referred(event.right, ReferralReason.MANY_MAILBOXES)]
    if event.right is Right.ERASURE:
        facts = await _plan_erasure(found, ctx)
    elif event.right in CHANGING:
        facts = await plan_change(found, ctx)
    else:
        facts = await disclose_package(found, ctx, held_back(ctx.after(event)) if others else None)
    if not any(map(_concerns_others, facts)):
        return facts
    return [*await notices(others, event.right, ctx), *facts]


def _concerns_others(fact: Fact) -> bool:
    """Return whether *fact* discloses records or plans to: a quoted fee or a refusal does not."""
    if isinstance(fact, RequestFulfilled):
        return fact.package is not None and fact.right is not Right.KNOW_CATEGORIES
    concerning = DisclosureScheduled | ErasurePlanned | ChangePlanned | TransferOrdered | PackageReviewNeeded
    return isinstance(fact, concerning)


async def await_disclosure(event: DisclosureScheduled, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Set the timer for the end of the window before a disclosure."""
    await ctx.timers.set(ctx.case_id, disclosure_timer(event), event.at)
    return []


async def disclose(event: DisclosureDue, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Answer a request at the end of its window before a disclosure, unless it was stopped.

    The records are searched again. If they name a new mailbox that was not notified, the answer waits again.

    Raises:
        TooEarly: The window has not ended by the clock of this process.
    """
    window = ctx.known.disclosure_window
    if window is not None and ctx.now < window.at:
        raise TooEarly("the window before the disclosure has not ended")
    scheduled_or_done = {FulfillmentStatus.DISCLOSURE_SCHEDULED, FulfillmentStatus.FULFILLED}
    if ctx.known.stopped or ctx.known.status not in scheduled_or_done:
        return []
    return await disclose_released(event, ctx.after(event))


async def disclose_released(event: DisclosureDue, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Answer a released request if its window before the disclosure ended meanwhile."""
    if ctx.known.status is FulfillmentStatus.FULFILLED:
        return await _disclose_further(event, ctx)
    if ctx.known.status is not FulfillmentStatus.UNDECIDED or ctx.known.verified is None:
        return []
    return await _search_and_answer(ctx.known.verified, ctx)


async def end_referral(event: ReferralDecided, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Answer a request as the staff decided: by hand, refused, or nothing held.

    It waits for the staff, or its answer has not begun. There is no certificate: nothing was erased, changed
    or searched by this service. If two must decide, the first decision proposes the answer, and the same one
    by another account gives it. The verifier refuses a request without a proven identity.

    Law:
        GDPR Art. 12(3)-(4): the action taken, or the reasons for not taking action; Art. 12(5): manifestly
        unfounded or excessive requests.

    Raises:
        RefusedDecision: The request is answered, its answer is under way or its identity is not proven, it is
          stopped, none of its laws has a ground for its right, the decision lacks a part, or its account made
          the same decision before.
    """
    if event.unproven:
        return []
    right = _right_by_hand(ctx.known)
    if ctx.known.stopped:
        raise RefusedDecision("request_stopped")
    if not event.is_complete:
        raise RefusedDecision("incomplete")
    laws = ctx.known.verified.laws if ctx.known.verified else ()
    if laws and not set(event.grounds) <= refusal_grounds(right, laws).keys():
        raise RefusedDecision("ground_unlawful")
    if event.by in ctx.known.proposers_of(event):
        raise RefusedDecision("decider_decided_before")
    await _must_be_signed(event, ctx)
    if ctx.house.two_deciders and not ctx.known.proposers_of(event):
        return []
    stated = event.outcome is not Outcome.GRANTED and await _statement_kept(ctx)
    return [
        RequestFulfilled(
            request_id=ctx.case_id,
            number=ctx.answer_number,
            right=right,
            outcome=event.outcome,
            dispositions=await restricted_records(ctx),
            statement_kept=stated,
            reasons=dict.fromkeys(event.grounds, 1),
            answer=await ctx.sealed_answer(Answer()),
            package=event.package,
            package_expires_at=ctx.now + ctx.house.package_lifetime if event.package else None,
            explanation=event.explanation,
            deciders=(*sorted(ctx.known.proposers_of(event)), event.by),
        )
    ]


def _right_by_hand(known: FulfillmentCase) -> Right:
    """Return the right of a request that the staff can still answer; raises RefusedDecision if it cannot."""
    if known.status is FulfillmentStatus.REFERRED and known.referred is not None:
        return known.referred.right
    if known.status in {FulfillmentStatus.FULFILLED, FulfillmentStatus.WITHDRAWN}:
        raise RefusedDecision("not_referred")
    if known.verified is None:
        raise RefusedDecision("not_proven")
    if known.status is FulfillmentStatus.QUOTED:
        raise RefusedDecision("fee_waits")
    # A withdrawn consent has ended services before its window.
    partly = known.later_round or (
        known.status is FulfillmentStatus.DISCLOSURE_SCHEDULED and known.verified.right not in DISCLOSING
    )
    if known.status not in NOT_BEGUN or partly:
        raise RefusedDecision("under_way")
    return known.verified.right


async def _statement_kept(ctx: FulfillmentContext) -> bool:
    """Keep the statement of a person whose data the staff does not correct; return whether there is one."""
    verified = ctx.known.verified
    if verified is None or verified.right is not Right.RECTIFICATION:
        return False
    submitted = await ctx.submission()
    if submitted.details.statement is None:
        return False
    await ctx.disagreements.keep(ctx.case_id, _sure(verified, submitted, ctx), ctx.occurred_at)
    return True


async def _must_be_signed(event: ReferralDecided, ctx: FulfillmentContext) -> None:
    """Refuse a decision whose text or package in the vault is missing, or differs from the signed one."""
    await check_text(event.explanation, ctx.case_id, ctx.vault)
    if event.package is None:
        return
    try:
        package = b"".join([piece async for piece in ctx.vault.open_stream(ctx.case_id, event.package)])
    except KeyError:
        package = b""
    if packed_item(package) != event.package:
        raise RefusedDecision("text_differs")


async def approve_correction(event: CorrectionApproved, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Correct an identity after the approval of the staff, or of the second account if two must decide.

    Raises:
        RefusedDecision: No such correction waits, the request is stopped, or the account decided before.
    """
    known = ctx.known
    if not known.awaits_correction or known.verified is None:
        raise RefusedDecision("no_correction_waits")
    if known.stopped:
        raise RefusedDecision("request_stopped")
    if not known.may_approve(event.by) or event.by in known.corrections_approved:
        raise RefusedDecision("decider_decided_before")
    if ctx.house.two_deciders and not known.corrections_approved:
        return []
    return await _search_and_answer(known.verified, ctx.after(event))


async def decide_ground(event: ErasureGroundDecided, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Record the ground of an erasure; answer a request that waits for it, unless a second account must decide.

    Law:
        GDPR Art. 17(1)(d), (e), 5(2).

    Raises:
        RefusedDecision: It is no erasure, it is planned or stopped, none of its laws has the ground, or the
          account made the same decision before.
    """
    known = ctx.known
    claimed = known.referred is not None and known.referred.reason == ReferralReason.GROUND_CLAIMED
    waits = known.status is FulfillmentStatus.REFERRED and claimed
    if not waits and known.status is not FulfillmentStatus.UNDECIDED:
        raise RefusedDecision("not_possible")
    if known.stopped:
        raise RefusedDecision("request_stopped")
    if (await ctx.submission()).right is not Right.ERASURE:
        raise RefusedDecision("no_erasure")
    laws = [policies().named(id_) for id_ in known.verified.laws] if known.verified else []
    if event.ground and laws and not any(law.citation(ReasonCode(event.ground)) for law in laws):
        raise RefusedDecision("ground_unlawful")
    if any((one.by, one.ground) == (event.by, event.ground) for one in known.grounds_decided):
        raise RefusedDecision("decider_decided_before")
    ctx = ctx.after(event)
    if not waits or known.verified is None or not ctx.known.ground_decision(two=ctx.house.two_deciders):
        return []
    return await _search_and_answer(known.verified, ctx)


async def confirm_alias(event: AliasConfirmed, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Answer with the records of an alias that the staff confirms, or the second account if two must decide.

    A disclosure is repeated, and waits if owners of mailboxes are notified; an erasure gets another round,
    after a window of its own.

    Raises:
        RefusedDecision: The request, the alias or the account does not allow it.
    """
    reason = objection(event, ctx.known, two=ctx.house.two_deciders)
    if reason is not None:
        raise RefusedDecision(reason)
    ctx = ctx.after(event)
    verified = ctx.known.verified
    if verified is None or len(ctx.known.confirmations_of(event)) <= ctx.house.two_deciders:
        return []
    if verified.right is Right.ERASURE and (await ctx.submission()).details.with_copy:
        raise RefusedDecision("copy_wanted")
    mailboxes = await own_mailbox(event, verified.requester, ctx)
    facts = await _further(verified, mailboxes, ctx, waits=True)
    if facts is None:
        raise RefusedDecision(ReferralReason.MANY_MAILBOXES)
    if not facts:
        raise RefusedDecision("nothing_found")
    return facts


async def release_values(event: ValuesReleased, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Answer again with the values that were masked, after the staff releases them, or the second account.

    Values stay withheld that the law of the answer, or a rule of the map with a provision, forbids to show.

    Raises:
        RefusedDecision: The request, its answer or the account does not allow it.
    """
    known, two = ctx.known, ctx.house.two_deciders
    if known.stopped:
        raise RefusedDecision("request_stopped")
    if known.fulfilled is None or known.verified is None or known.status is not FulfillmentStatus.FULFILLED:
        raise RefusedDecision("not_answered")
    if known.verified.right is Right.ERASURE or not any(map(releasable, known.fulfilled.withheld)):
        raise RefusedDecision("nothing_masked")
    if not known.may_approve(event.by) or event.by in known.values_released_by:
        raise RefusedDecision("decider_decided_before")
    ctx = ctx.after(event)
    if not ctx.known.values_released(two=two):
        return []
    facts = await _further(known.verified, (), ctx, waits=False)
    if not facts:
        raise RefusedDecision(ReferralReason.MANY_MAILBOXES if facts is None else "nothing_found")
    return facts


async def review_package(event: PackageReviewed, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Send a package as the staff has reviewed it, or as both accounts did if two must decide.

    If the records have changed since the listing, nothing is sent, and there is a new listing.

    Raises:
        RefusedDecision: No package waits, its listing is another one, or the redactions do not fit.
    """
    await must_be_reviewable(event, ctx)
    ctx = ctx.after(event)
    if ctx.known.verified is None or not ctx.known.released_review(two=ctx.house.two_deciders):
        return []
    if ctx.known.status is not FulfillmentStatus.FULFILLED:
        return await _search_and_answer(ctx.known.verified, ctx)
    facts = await _further(ctx.known.verified, (), ctx, waits=False)
    if not facts:
        raise RefusedDecision(ReferralReason.MANY_MAILBOXES if facts is None else "nothing_found")
    return facts


async def answer_proven_alias(event: AliasProven, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Answer with the records of an alias that its owner has proven by a code, or correct an identity to it.

    Raises:
        TooEarly: The request is not answered yet, or an earlier round of its erasure is not done.
    """
    known = ctx.known
    if known.verified is None or not known.offers(event):
        return []
    if known.awaits_correction:
        return await _search_and_answer(known.verified, ctx.after(event))
    if known.withdrawn or known.status is FulfillmentStatus.REFERRED:
        return []
    if known.status is not FulfillmentStatus.FULFILLED:
        raise TooEarly("the answer that a proven alias adds to is not given yet")
    return await _answer_further(known.verified, ctx.after(event), waits=bool(known.confirmations))


async def _answer_further(
    event: IdentityVerified, ctx: FulfillmentContext, *, waits: bool = False
) -> Sequence[Fact]:
    facts = await _further(event, (), ctx, waits=waits)
    if facts is None:
        logger().warning("not answered further", request_id=ctx.case_id, reason=ReferralReason.MANY_MAILBOXES)
    return facts or []


async def _further(
    event: IdentityVerified, mailboxes: Sequence[str], ctx: FulfillmentContext, *, waits: bool
) -> Sequence[Fact] | None:
    """
    Return the further answer for confirmed aliases, or its window; None if the staff must decide.

    While the window of an alias is open, records of another alias wait as well: the search uses both. The
    owners of *mailboxes* are notified, beside those in the records. If it *waits*, a disclosure waits even if
    no owner is notified now.
    """
    waits = waits or (ctx.known.disclosure_window is not None and ctx.now < ctx.known.disclosure_window.at)
    submitted = await ctx.submission()
    identities, findings = await _search_confirmed(event, submitted, ctx)
    data_map = await ctx.maps.of(findings.version)
    mailboxes = [spelling_of(mailbox, findings, data_map) for mailbox in mailboxes]
    others = await not_notified(findings, data_map, event, ctx, *mailboxes)
    if others is None:
        return None
    if not findings.total:
        return []
    mailboxes, at = (*mailboxes, *others), ctx.now + ctx.house.erasure_window
    if event.right is Right.ERASURE:
        facts: Sequence[Fact] = [ErasureScheduled(request_id=ctx.case_id, at=at, letter=False)]
        if at <= ctx.now:
            facts = await plan_confirmed(identities, findings, ctx)
    else:
        wanted = at > ctx.now and (waits or bool(mailboxes))
        window = DisclosureScheduled(request_id=ctx.case_id, at=at) if wanted else None
        # Further answers go to the person, also those of a transfer.
        details = submitted.details.model_copy(update={"transfer_to": None})
        submitted = submitted.model_copy(update={"details": details})
        completed = FoundRequest(event, submitted, identities, findings)
        # A completed answer is no further copy: it costs no fee.
        free = replace(ctx, house=replace(ctx.house, further_copy_fee=None))
        facts = await disclose_package(completed, free, window)
        mailboxes = mailboxes if any(map(_concerns_others, facts)) else ()
    return [*await notices(mailboxes, event.right, ctx), *facts]


async def _search_confirmed(
    event: IdentityVerified, submitted: RequestSubmitted, ctx: FulfillmentContext
) -> tuple[Identities, Findings]:
    """Return the proven and confirmed identities of the person, and the records found by them."""
    identities = await with_confirmed(_sure(event, submitted, ctx), ctx)
    if event.right is Right.ERASURE:
        claimed = stated_identities(submitted, ctx.maps.current)
        return identities, _whole(await search_again(identities, claimed, ctx))
    return identities, await _gather(submitted, identities, ctx)


async def handle_window_end(event: ErasureDue, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Start an erasure at the end of its window, or the round for confirmed aliases.

    Raises:
        TooEarly: The window has not ended by the clock of this process, or an earlier round is not done.
    """
    window = ctx.known.alias_window
    if window is None or event.name != window_name(window):
        return await begin(event, ctx)
    if ctx.now < window.at or ctx.known.status is not FulfillmentStatus.FULFILLED:
        raise TooEarly("the window of a confirmed alias has not ended, or the erasure is not done")
    return [] if ctx.known.stopped else await _erase_further(event, ctx)


async def handle_released_window(event: ErasureDue, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Start the erasure of a window that ended while the request was stopped."""
    window = ctx.known.alias_window
    ours = window is not None and event.name == window_name(window)
    return await (_erase_further if ours else begin_released)(event, ctx)


async def _erase_further(_event: ErasureDue, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Plan the round of an erasure for confirmed aliases."""
    if ctx.known.verified is None:
        return []
    event = ctx.known.verified
    identities, findings = await _search_confirmed(event, await ctx.submission(), ctx)
    data_map = await ctx.maps.of(findings.version)
    others = await not_notified(findings, data_map, event, ctx)
    facts = await plan_confirmed(identities, findings, ctx, approval=others is None)
    waits = bool(facts) and not any(isinstance(fact, ErasurePlanned) and fact.approval for fact in facts)
    window = later_window(others or (), ctx) if waits else ()
    return [*await notices(others or (), event.right, ctx), *facts, *window]


async def _disclose_further(event: DisclosureDue, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Disclose the records of confirmed aliases at the end of the window."""
    window, verified = ctx.known.disclosure_window, ctx.known.verified
    two = ctx.house.two_deciders
    confirmed = ctx.known.confirmed(two=two) or ctx.known.values_released(two=two)
    if not confirmed or verified is None or window is None or event.name != disclosure_timer(window):
        return []
    return await _answer_further(verified, ctx)


async def draft_letter(event: PreviewAsked, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Decide as for a decision that is not made, and keep the facts that would follow for its preview."""
    place = PreviewVault(ctx.vault, event.preview)
    decision = await place.decision(ctx.case_id)
    if decision is None or (isinstance(decision, ReferralDecided) and decision.unproven):
        return []
    # The letter follows the last of two decisions.
    alone = replace(ctx.house, two_deciders=False)
    apart = replace(
        ctx,
        vault=place,
        timers=NoTimers(),
        house=alone,
        disagreements=NoDisagreements(),
        past=PastOnly(ctx.past),
        copies=CopiesOnly(ctx.copies),
    )
    drafted = await place.draft(ctx.case_id, PREVIEWED[type(decision)](decision, apart))
    return [PreviewDrafted(request_id=ctx.case_id, preview=event.preview)] if drafted else []


class NoDisagreements:
    """Statements of people during a preview: none is kept."""

    async def keep(self, case: str, identities: Identities, at: datetime) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class PastOnly:
    """The past requests of people during a preview: the request is not added to them."""

    past: PastRequestsPort

    async def note(self, event: IdentityVerified, identities: Identities, name: str | None) -> None:
        """Do nothing."""

    async def before(self, case: str, identities: Identities, name: str | None) -> Sequence[PastRequest]:
        """Return the past requests of the person but *case*."""
        return await self.past.before(case, identities, name)

    async def forget(self, case: str) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class CopiesOnly:
    """The copies that people were given, during a preview: it gives none."""

    copies: CopyCounterPort

    async def given(self, case: str, identities: Identities, at: datetime, content: bytes) -> GivenCopies:
        """Return the copies that other cases than *case* gave the person."""
        return await self.copies.given(case, identities, at, content)

    async def count(
        self, case: str, identities: Identities, at: datetime, content: bytes | None = None
    ) -> int:
        """Return the number of the person's copies with this one."""
        given = await self.copies.given(case, identities, at, content or b"")
        return given.total + 1


async def forget_request(event: RequestPurged, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Remove a purged case from the past requests of its person; the runtime removes its rows."""
    await ctx.past.forget(event.request_id)
    return []


async def look_up_lists(event: DropListed, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Enqueue the hashes of California's DROP; the look-up takes long and runs in the background."""
    await ctx.listed.take(HashListBatch(event.request_id, event.lists))
    return []


PREVIEWED: Mapping[type[Fact], HeldAct] = {
    AliasConfirmed: confirm_alias,
    CorrectionApproved: approve_correction,
    ErasureApproved: expect_erasure,
    ErasureGroundDecided: decide_ground,
    FeeDecided: decide_fee,
    PackageReviewed: review_package,
    ReferralDecided: end_referral,
    ValuesReleased: release_values,
}
"""The handlers of decisions that letters follow from; what they write lies in the place of the preview."""
RELEASED: Mapping[type[Fact], HeldAct] = {
    AliasProven: answer_proven_alias,
    IdentityVerified: answer,
    FeeAgreed: answer_agreed,
    ScopeAnswered: answer_specified,
    ErasurePlanned: begin_released,
    ErasureApproved: erase_approved,
    ErasureDue: handle_released_window,
    ErasureRetried: retry,
    ChangePlanned: while_in(FulfillmentStatus.EXECUTING, change),
    DisclosureDue: disclose_released,
    TransferOrdered: while_in(FulfillmentStatus.TRANSFERRING, transfer),
}
"""The handler of each event of ``HELD`` once its request is released."""
SUBSCRIPTIONS = (
    on(IdentityClaimed, compare_claims),
    on(IdentityVerified, unless_stopped(answer)),
    on(FeeDecided, decide_fee),
    on(FeeAgreed, unless_stopped(answer_after_fee)),
    on(ScopeAsked, hold_for_scope),
    on(ScopeAnswered, unless_stopped(answer_in_scope)),
    on(ErasurePlanned, erase),
    on(ErasureApproved, approve),
    on(ErasureScheduled, await_window),
    on(ErasureDue, handle_window_end),
    on(DisclosureScheduled, await_disclosure),
    on(DisclosureDue, disclose),
    on(ErasureRetried, unless_stopped(retry)),
    on(ChangePlanned, change),
    on(CorrectionApproved, approve_correction),
    on(ErasureGroundDecided, decide_ground),
    on(ReferralDecided, end_referral),
    on(AliasConfirmed, confirm_alias),
    on(ValuesReleased, release_values),
    on(PackageReviewed, review_package),
    on(PreviewAsked, draft_letter, ignored=lambda asked: asked.type not in {kind.TYPE for kind in PREVIEWED}),
    on(AliasProven, unless_stopped(answer_proven_alias)),
    on(RestrictionAnnounced, lift_restriction),
    on(TransferOrdered, transfer),
    on(RequestStopped, stop),
    on(RequestReleased, releases(RELEASED)),
    on(RecipientConcerned, notify),
    on(RecipientRetried, notify_again),
    on(RequestWithdrawn, certify_withdrawn),
    on(DropListed, look_up_lists),
    on(PurgeApproved, order_purge),
    on(HoldPlaced, place_hold),
    on(HoldLifted, lift_hold),
    on(RequestPurged, forget_request),
)


def _sure(event: IdentityVerified, submitted: RequestSubmitted, ctx: FulfillmentContext) -> Identities:
    """Return the person's identities that *event* names as proven, or the vouched ones if it names none."""
    if event.proven is None:
        return vouched_identities(submitted, ctx.maps.current)
    return proven_identities(submitted, event.proven, ctx.maps.current)


async def _gather(submitted: RequestSubmitted, identities: Identities, ctx: FulfillmentContext) -> Findings:
    """
    Return the person's records, in the scope of the request; raises like :func:`_whole`.

    An erasure needs the others as well: the search after it finds them.
    """
    claimed = stated_identities(submitted, ctx.maps.current)
    findings = _whole(await ctx.records.gather(ctx.maps.current, identities, claimed))
    if submitted.right not in {*DISCLOSING, Right.RESTRICTION}:
        return findings
    return within(scope_of(submitted.details.scope, ctx.maps.current), findings, ctx.maps.current)


def _whole(findings: Findings) -> Findings:
    """Return *findings*; if a collection is missing, they are incomplete: an :class:`InvalidDataMap`."""
    if findings.missing:
        raise InvalidDataMap(
            f"{lacking_names(findings.missing)}; start fulfillment again, "
            "then `habeas dead-letters replay fulfillment`"
        )
    return findings


def _known_by(found: FoundRequest) -> Identities:
    """Return the identities that the records were found by, and those that stand in them."""
    names = dict.fromkeys((*found.identities, *found.findings.aliases))
    return {n: (*found.identities.get(n, ()), *found.findings.aliases.get(n, ())) for n in names}


def _claims_more(found: FoundRequest, decided: RecordPlan, laws: Sequence[Policy]) -> bool:
    """
    Return whether the person claims a ground on which more would be erased than *decided*.

    Law:
        GDPR Art. 17(1)(d), (e): neither a contract nor a purpose of the company prevails over them.
    """
    claim = found.submitted.details.erasure_claim
    provided = claim is not None and any(law.citation(ReasonCode(claim)) for law in laws)
    return provided and not CLAIMABLE.isdisjoint(decided.reasons())


async def _plan_erasure(found: FoundRequest, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Plan an erasure; if a copy is requested, store it first."""
    event, findings, package = found.event, found.findings, None
    scope = scope_of(found.submitted.details.scope, ctx.maps.current)
    if scope.unknown or (scope.areas and scope.categories):
        return [ctx.referred(event.right, ReferralReason.SCOPE_UNCLEAR)]
    inside = replace(found, findings=within(scope, findings, ctx.maps.current))
    if not inside.findings.total:
        return [await _nothing_held(inside, ctx)]
    decision = ctx.known.ground_decision(two=ctx.house.two_deciders)
    found_by = {name: tuple(spellings) for name, spellings in found.identities.items()}
    ground = (decision.ground or "") if decision else ""
    held = await ctx.holding.found(findings.found, _known_by(found))
    limited = partial(plan, targets=scope.categories or PERSONAL, areas=scope.areas, ground=ground, held=held)
    dated = partial(limited, zone=ctx.house.zone)
    made = await in_thread(dated, findings, ctx.maps.current, ctx.today(), small=findings.is_small)
    decided = replace(made, identities=found_by)
    law, *others = laws_answered(event.laws, event.regulation, event.received_on)
    if decision is None and _claims_more(found, decided, (law, *others)):
        return [ctx.referred(event.right, ReferralReason.GROUND_CLAIMED)]
    if found.submitted.details.with_copy:
        copied = await store_copy(inside, ctx)
        if isinstance(copied, PackageReviewNeeded):
            return [copied]
        package, contents = copied
        await ctx.vault.seal(ctx.case_id, contents_of(package), contents.model_dump_json().encode())
    counts = grounds_of(decided, ctx.maps.current, law, child=found.submitted.child)
    planned = ErasurePlanned(
        request_id=ctx.case_id,
        plan=await sealed_plan(decided, ctx),
        package=package,
        regulation=event.regulation,
        received_on=event.received_on,
        approval=needs_approval(decided, ctx.house.approval_above),
        approvers=ctx.house.approvers,
        aliases=await offered(findings.claims, ctx),
        contract=CONTRACT in decided.reasons(),
        grounds=per_ground(counts),
    )
    await outlined(planned, decided, ctx.maps.current, law, ctx)
    before = () if ctx.known.verified else (event,)  # a referred request has noted it
    window = None if planned.approval else scheduled(ctx.after(*before, planned))
    return list(filter(None, (planned, window)))
