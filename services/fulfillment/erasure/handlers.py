"""Handlers for a planned erasure: execute it, verify it, and publish the result."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial

from services.fulfillment.certificate.document import CertificateProof
from services.fulfillment.certificate.issue import Issue
from services.fulfillment.context import FulfillmentContext
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.domain import (
    LEGAL_HOLD,
    MENTIONED_ELSEWHERE,
    NOT_CHANGEABLE,
    OUT_OF_SCOPE,
    SHARED_IDENTITY,
    UNCONFIRMED_IDENTITY,
    answer_due_on,
    laws_answered,
)
from services.fulfillment.erasure.act_marks import ActMark
from services.fulfillment.erasure.completion import (
    Registers,
    Round,
    complete,
    final_plan,
    held_back,
    plan_next_round,
    take_round,
    verify_plans,
)
from services.fulfillment.erasure.execution import Residue, records_naming
from services.fulfillment.erasure.outline import outlined, sealed_plan
from services.fulfillment.erasure.planner import grounds_of, per_ground, plan
from services.fulfillment.erasure.steps import Disposition, RecordPlan, Steps, alike, run_of_line, runs_of
from services.fulfillment.erasure.window import TIMER, round_timer, scheduled, window_end
from services.fulfillment.holds.check import retained
from services.fulfillment.package import answers
from services.fulfillment.package.labels import locale_of, map_in
from services.fulfillment.recipients.handlers import notifications_of
from services.fulfillment.search.confirmed_aliases import offered, window_name
from services.fulfillment.search.findings import Findings
from services.fulfillment.search.identities import Identities
from services.fulfillment.search.named_mailboxes import not_notified, notices
from services.fulfillment.state import (
    FulfillmentCase,
    FulfillmentStatus,
    needs_approval_again,
    outcome_of_erasure,
    united,
)
from shared.contract.answer import Answer
from shared.contract.events import (
    ErasureApproved,
    ErasureDue,
    ErasurePlanned,
    ErasureRetried,
    ErasureScheduled,
    Fact,
    RequestFulfilled,
    RequestWithdrawn,
    SubjectErased,
)
from shared.errors import RefusedDecision, TooEarly
from shared.law import Policy, Right
from shared.runtime.dataloader import in_thread

CERTIFICATE = "erasure_certificate"
MENTIONS = "erasure_mentions"
BEGUN = "erasure_begun"
"""First part of the name of the mark of an erasure in 0.1.0."""
WAITING_FOR_APPROVAL = (FulfillmentStatus.AWAITING_APPROVAL, FulfillmentStatus.AWAITING_FURTHER_APPROVAL)


async def erase(event: ErasurePlanned, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Execute a planned erasure, unless it waits for a second person or its window, or was withdrawn.

    An erasure that has begun is finished and certified, also after a stop or a crash. Its mark in the vault
    says whether it has begun. If a stop comes before a later round begins, the rounds before are certified.
    """
    known = ctx.known
    if known.status not in {FulfillmentStatus.EXECUTING, FulfillmentStatus.WITHDRAWN} or not known.plans:
        return []
    newest = _mark(known.plans[-1], ctx)
    if known.stopped or known.withdrawn:
        begun = known.rounds > 0 and await newest.has_begun()
        return await (_executed if begun else _certified_without)(event, ctx)
    return await _executed(event, ctx) if await newest.begins() else []


async def certify_withdrawn(_event: RequestWithdrawn, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Certify the earlier rounds when a withdrawal ends the window of a later one."""
    known = ctx.known
    waits = known.status is FulfillmentStatus.AWAITING_WINDOW and known.later_round
    return await _certified_without(known.planned, ctx) if waits and known.planned is not None else []


async def approve(event: ErasureApproved, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Execute or schedule an erasure that waited for a second person, or for two of them.

    The deciding account is checked even while the request is stopped and nothing else is done.

    Raises:
        RefusedDecision: The account approved already, or decided that the requester is the person, or no
            erasure waits.
    """
    if not ctx.known.may_approve(event.by):
        raise RefusedDecision("decider_decided_before")
    planned = ctx.known.planned
    if planned is None or ctx.known.status not in WAITING_FOR_APPROVAL:
        raise RefusedDecision("no_approval_waits")
    if event.by in ctx.known.approvals:
        raise RefusedDecision("decider_decided_before")
    if not ctx.known.approved_with(event.by):
        return []
    if ctx.known.stopped and not await _mark(ctx.known.plans[-1], ctx).stands():
        return await _certified_without(planned, ctx)
    return [_window(ctx) or _start_event(planned)]


async def expect_erasure(event: ErasureApproved, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Return the window that follows from the last approval, or the answer if the erasure goes as planned.

    It is for a preview: nothing is erased.

    Raises:
        RefusedDecision: As :func:`approve`.
    """
    await approve(event, ctx)
    planned = ctx.known.planned
    if planned is None or ctx.known.stopped:
        return []
    return [_window(ctx) or await _expected(planned, ctx)]


async def erase_approved(event: ErasureApproved, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Begin an erasure that another account than the deciders approved while its request was stopped."""
    planned = ctx.known.planned
    due = ctx.known.may_approve(event.by) and ctx.known.status is FulfillmentStatus.EXECUTING
    return [_window(ctx) or _start_event(planned)] if due and planned is not None else []


async def await_window(event: ErasureScheduled, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Set the timer for the end of the window; after the answer it is the window of a confirmed alias."""
    name = round_timer(event) if ctx.known.later_round else TIMER
    name = window_name(event) if ctx.known.status is FulfillmentStatus.FULFILLED else name
    await ctx.timers.set(ctx.case_id, name, event.at)
    return []


async def begin(_event: ErasureDue, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Start an erasure at the end of its window, unless it was stopped.

    The journal records the start before the first record is erased: a withdrawal comes either before it, and
    stops the erasure, or after it, and is too late.

    Raises:
        TooEarly: The window has not ended by the clock of this process.
    """
    known = ctx.known
    if known.status is not FulfillmentStatus.AWAITING_WINDOW:
        return []
    if known.erasure_window is not None and ctx.now < known.erasure_window.at:
        raise TooEarly("the window of the erasure has not ended")
    return [] if known.stopped or known.planned is None else [_start_event(known.planned)]


async def begin_released(_event: Fact, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Start an erasure at the release of its request, if it was planned or its window ended meanwhile."""
    planned = ctx.known.planned
    executing = ctx.known.status is FulfillmentStatus.EXECUTING
    return [_start_event(planned)] if executing and planned is not None else []


def _start_event(planned: ErasurePlanned) -> ErasurePlanned:
    """Return the event at which an erasure that waits for nothing any more is carried out."""
    # No other handler erases: the journal says that nothing stops it any more before the first record goes.
    return planned.model_copy(update={"approval": False})


async def retry(_event: ErasureRetried, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Retry the records that an erasure has left, unless that waits for a second person already."""
    planned, done_before = ctx.known.planned, ctx.known.fulfilled
    waits = ctx.known.status in WAITING_FOR_APPROVAL
    if waits or planned is None or done_before is None or not done_before.dispositions.get(Disposition.LEFT):
        return []
    plans, data_map = await _plans(ctx)
    done = held_back(await verify_plans(plans, data_map, ctx.records), await ctx.holding.planned(plans))
    if done.remains.clean:
        return await _certified(planned, done, data_map, ctx)
    again = await ctx.records.plan_again(done, data_map, ctx.today())
    return await _next_round(planned, done, plans, again, data_map, ctx)


async def _executed(event: ErasurePlanned, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Execute the newest plan and verify: certify the erasure, or plan another round."""
    plans, data_map = await _plans(ctx)
    records = ctx.records.due_on(answer_due_on(event.regulation, Right.ERASURE, event.received_on))
    done = await take_round(plans, data_map, records, await ctx.holding.planned(plans))
    again = await plan_next_round(done, ctx.known.rounds, data_map, ctx.records, ctx.today())
    if again is not None:
        return await _next_round(event, done, plans, again, data_map, ctx)
    return await _certified(event, done, data_map, ctx)


async def search_again(identities: Identities, claimed: Identities, ctx: FulfillmentContext) -> Findings:
    """Return the records that *identities* lead to, of which some were confirmed after the erasure."""
    plans, data_map = await _plans(ctx)
    whole = await asyncio.to_thread(united, plans)
    return await ctx.records.gather(data_map, identities, claimed, verified=whole.verified)


async def plan_confirmed(
    identities: Identities, findings: Findings, ctx: FulfillmentContext, *, approval: bool = False
) -> Sequence[Fact]:
    """
    Plan another round of an erasure, of what confirmed aliases lead to.

    *approval* demands a second person in any case.
    """
    planned = ctx.known.planned
    if planned is None or not findings.total:
        return []
    plans, data_map = await _plans(ctx)
    first = plans[0]
    limited = partial(
        plan, targets=first.targets, areas=first.areas, ground=first.ground, zone=ctx.house.zone
    )
    made = await asyncio.to_thread(limited, findings, data_map, ctx.today())
    found_by = {name: tuple(spellings) for name, spellings in identities.items()}
    further = replace(made, identities=found_by)
    asked = await asyncio.to_thread(needs_approval_again, further, plans, ctx.house.approval_above)
    news = {
        "plan": await sealed_plan(further, ctx),
        "approval": approval or asked,
        "aliases": await offered(findings.claims, ctx),
    }
    return [await outlined(planned.model_copy(update=news), further, data_map, _laws(planned, ctx)[0], ctx)]


def _uncertified(known: FulfillmentCase) -> Sequence[str]:
    """Return the plans of rounds without a certificate."""
    return known.plans[len(known.plans) - known.rounds :]


def _mark(plan: str, ctx: FulfillmentContext) -> ActMark:
    return ActMark(plan, ctx, earlier=f"{BEGUN}_{plan}")


async def _plans(ctx: FulfillmentContext) -> tuple[Sequence[RecordPlan], DataMap]:
    """Return the plans of all rounds, and the data map that they were made with."""

    async def opened(ref: str) -> RecordPlan:
        lines = ctx.opened_lines(ref)
        decided = RecordPlan.of_line(await anext(lines))
        return replace(decided, steps=Steps([run_of_line(line) async for line in lines]))

    plans = await asyncio.gather(*map(opened, ctx.known.plans))
    return plans, await ctx.maps.of(plans[0].version)


async def _next_round(  # noqa: PLR0913, PLR0917 - a round and its place in the erasure
    event: ErasurePlanned,
    done: Round,
    plans: Sequence[RecordPlan],
    again: RecordPlan,
    data_map: DataMap,
    ctx: FulfillmentContext,
) -> Sequence[Fact]:
    """Return the plan of another round; it may contain records that were not approved."""
    # They may name mailboxes, too: their owners are notified, and if there are too many a second person
    # must approve.
    approval = await asyncio.to_thread(needs_approval_again, again, plans, ctx.house.approval_above)
    verified = ctx.known.verified
    mailboxes = await not_notified(done.remains.findings, data_map, verified, ctx) if verified else ()
    news = {"plan": await sealed_plan(again, ctx), "approval": approval or mailboxes is None}
    planned = await outlined(event.model_copy(update=news), again, data_map, _laws(event, ctx)[0], ctx)
    window = () if planned.approval else later_window(mailboxes or (), ctx)
    return [*await notices(mailboxes or (), Right.ERASURE, ctx), planned, *window]


def _window(ctx: FulfillmentContext) -> ErasureScheduled | None:
    """Return the window of an approved erasure; that of a later round has no letter of its own."""
    window = scheduled(ctx)
    return window and window.model_copy(update={"letter": window.letter and not ctx.known.later_round})


def later_window(mailboxes: Sequence[str], ctx: FulfillmentContext) -> Sequence[ErasureScheduled]:
    """Return the window of a later round of an erasure; none without new *mailboxes* to notify."""
    at = window_end(ctx)
    wanted = mailboxes and at > ctx.now
    return [ErasureScheduled(request_id=ctx.case_id, at=at, letter=False)] if wanted else []


async def _certified_without(event: ErasurePlanned, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Certify the finished rounds, with the records of the newest round as left."""
    if not any([await _mark(plan, ctx).stands() for plan in _uncertified(ctx.known)]):
        return []
    plans, data_map = await _plans(ctx)
    done = held_back(await verify_plans(plans, data_map, ctx.records), await ctx.holding.planned(plans))
    return await _certified(event, done, data_map, ctx)


async def _certified(
    event: ErasurePlanned, done: Round, data_map: DataMap, ctx: FulfillmentContext
) -> Sequence[Fact]:
    """Certify the erasure; a retry that has erased nothing more gets no further letter."""
    decided = await final_plan(done)
    before = ctx.known.fulfilled
    if before is not None and before.dispositions == decided.counts():
        return []
    submitted = await ctx.submission()
    laws = _laws(event, ctx)
    counts = grounds_of(decided, data_map, laws[0], child=submitted.child)
    grounds = {key: ground.value for key, ground in counts}
    completed = await complete(
        decided,
        done,
        data_map,
        ctx.records,
        Registers(ctx.kept, ctx.erasures, ctx.suppressions, ctx.case_id, ctx.now, asked=True),
        name=submitted.subject.name,
        details=replace(_issue(ctx), grounds=grounds, laws=laws),
        signer=ctx.house.signer,
    )
    answer = await _answer_of(event, decided, completed.residues, data_map, ctx)
    certified, places = await asyncio.gather(
        ctx.sealed(CERTIFICATE, completed.certificate, like=completed.template),
        _places(completed.residues, ctx),
    )
    fulfilled = await _fulfilled(event, decided, answer, per_ground(counts), ctx)
    stated = {
        "outcome": outcome_of_erasure(decided, mentions=records_naming(completed.residues)),
        "reasons": _reasons(decided, completed.residues, done.remains.findings.shared),
        "certificate": certified,
        "mentions": places,
        "absent": done.remains.findings.absent,
    }
    return [fulfilled.model_copy(update=stated), *_announcements(decided, data_map, ctx)]


async def _expected(event: ErasurePlanned, ctx: FulfillmentContext) -> RequestFulfilled:
    """Return the answer to an erasure of which every round goes as planned."""
    plans, data_map = await _plans(ctx)
    decided = await in_thread(united, plans, small=all(plan.is_small for plan in plans))
    held = await ctx.holding.planned(plans)
    steps = (retained(step) if step.record in held else step for step in decided.steps)
    decided = replace(decided, steps=Steps(runs_of(steps)))
    answer = await _answer_of(event, decided, (), data_map, ctx)
    expected = await _fulfilled(event, decided, answer, {}, ctx)
    return expected.model_copy(update={"certificate": CERTIFICATE})


async def _answer_of(
    event: ErasurePlanned,
    decided: RecordPlan,
    residues: Sequence[Residue],
    data_map: DataMap,
    ctx: FulfillmentContext,
) -> Answer:
    """Return the answer to an erasure by *decided* that has left *residues*."""
    submitted = await ctx.submission()
    counts = grounds_of(decided, data_map, _laws(event, ctx)[0], child=submitted.child)
    grounds = {key: ground.value for key, ground in counts}
    said, copied = map_in(data_map, locale_of(submitted)), await _copied(event, ctx)
    agreed = {} if decided.limited else ctx.house.recipients
    stated = {"backups_until": _backups_until(ctx), "scope": answers.scope_labels(submitted, said)}
    answer = answers.erasure(decided, residues, said, copied, agreed=agreed, grounds=grounds)
    return answer.model_copy(update=stated)


async def _fulfilled(
    event: ErasurePlanned,
    decided: RecordPlan,
    answer: Answer,
    grounds: dict[str, int],
    ctx: FulfillmentContext,
) -> RequestFulfilled:
    """Return that the erasure by *decided* is answered by *answer*."""
    reasons = _reasons(decided)
    return RequestFulfilled(
        request_id=ctx.case_id,
        number=ctx.answer_number,
        right=Right.ERASURE,
        outcome=outcome_of_erasure(decided, mentions=0),
        dispositions=decided.counts(),
        reasons=reasons,
        holds=await ctx.holding.standing() if LEGAL_HOLD in reasons else (),
        grounds=grounds,
        answer=await ctx.sealed_answer(answer),
        package=event.package,
        package_expires_at=ctx.now + ctx.house.package_lifetime if event.package else None,
        recipients=len(answer.recipients),
        withheld=answers.withheld_values(answer),
    )


def _announcements(decided: RecordPlan, data_map: DataMap, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Return the facts for recipients; none of a limited erasure, as a recipient would erase everything."""
    if decided.limited:
        return []
    erased = SubjectErased(request_id=ctx.case_id, identifiers=ctx.pseudonyms_of(decided.identities))
    return [erased, *notifications_of(erased, decided, data_map, ctx)]


async def _copied(event: ErasurePlanned, ctx: FulfillmentContext) -> Answer:
    """Return the answer in the copy that the person gets before the erasure; an empty one without a copy."""
    if event.package is None:
        return Answer()
    return Answer.model_validate_json(await ctx.vault.open(ctx.case_id, contents_of(event.package)))


def _backups_until(ctx: FulfillmentContext) -> date | None:
    """Return the last day on which a backup may hold the erased data; None if no period is declared."""
    kept = ctx.house.backup_retention
    return None if kept is None else (ctx.now + kept).astimezone(ctx.house.zone).date()


async def _places(residues: Sequence[Residue], ctx: FulfillmentContext) -> str | None:
    """Seal the places that still name the person, for the staff; None if there are none."""
    lines = [line for residue in residues for line in residue.lines()]
    return await ctx.sealed_lines(MENTIONS, lines) if lines else None


def _reasons(
    decided: RecordPlan, residues: Sequence[Residue] = (), shared: Sequence[str] = ()
) -> dict[str, int]:
    """Return the number of records per reason for which data of the person stays, or may stay."""
    more = {
        NOT_CHANGEABLE: sum(records for step, records in alike(decided.steps) if step.unchangeable),
        MENTIONED_ELSEWHERE: records_naming(residues),
        SHARED_IDENTITY: len(shared),
        UNCONFIRMED_IDENTITY: len(decided.unconfirmed),
    }
    reasons = {reason: records for reason, records in decided.reasons().items() if reason != OUT_OF_SCOPE}
    return {**reasons, **{reason: records for reason, records in more.items() if records}}


def _laws(event: ErasurePlanned, ctx: FulfillmentContext) -> Sequence[Policy]:
    ids = ctx.known.verified.laws if ctx.known.verified else ()
    return laws_answered(ids, event.regulation, event.received_on)


def _issue(ctx: FulfillmentContext) -> Issue:
    verified = ctx.known.verified
    proof = (
        None
        if verified is None
        else CertificateProof(
            right=verified.right,
            regulation=verified.regulation,
            received_on=verified.received_on,
            assurance=verified.assurance,
            by=verified.proven or (),
            reasons=verified.reasons,
            approved_by=", ".join(dict.fromkeys(ctx.known.approved_by)) or None,
        )
    )
    return Issue(
        number=ctx.case_id,
        request_id=ctx.case_id,
        controller=ctx.house.controller,
        begun_at=ctx.occurred_at,
        completed_at=ctx.now,
        proof=proof,
        agreed=ctx.house.recipients,
    )


def contents_of(package: str) -> str:
    """Return the vault name of the description of *package*."""
    return f"{package}_contents"
