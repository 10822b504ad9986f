"""
Handlers for marks and corrections: planned, executed, verified, and reported truthfully.

Without a proof of identity, the answer must not disclose whether the person is known: the suppression list
takes every person, and the letter is the same.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import chain
from typing import Any

from services.fulfillment.changes.change import Change, MissingChange, corrected
from services.fulfillment.changes.planner import NOT_MARKABLE, lifted, plan_corrections, plan_marks, restricts
from services.fulfillment.changes.suppressions import SuppressionPurpose, suppressed_purposes
from services.fulfillment.context import FoundRequest, FulfillmentContext
from services.fulfillment.datamap.graph import EMAIL
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.domain import LEGAL_HOLD
from services.fulfillment.erasure.act_marks import ActMark
from services.fulfillment.erasure.steps import Disposition, RecordPlan
from services.fulfillment.package import answers
from services.fulfillment.package.labels import locale_of, map_in
from services.fulfillment.recipients.handlers import notifications_of, notifications_to
from services.fulfillment.search.confirmed_aliases import offered, with_confirmed
from services.fulfillment.search.identities import Identities, identities_of
from services.fulfillment.state import outcome_of_change
from shared.contract.events import (
    Assurance,
    ChangePlanned,
    DisclosureScheduled,
    Fact,
    IdentityVerified,
    Outcome,
    RequestFulfilled,
    RequestSubmitted,
    RestrictionAnnounced,
    SubjectConsentWithdrawn,
    SubjectObjected,
    SubjectOptedOut,
    SubjectRectified,
    SubjectRestricted,
    SubjectUnrestricted,
)
from shared.errors import PermanentError
from shared.law import Right, needs_proof, opt_in_locked_until
from shared.law.library import policies
from shared.vocabulary import ReferralReason

CHANGE = "change_plan"
AS_SURE_AS_FOR_ACCESS = frozenset(
    {Assurance.VOUCHED, Assurance.ACCOUNT, Assurance.MAILBOX, Assurance.REASONABLY_HIGH}
)
"""
Proof enough for a correction without the staff: a correction is as sensitive as a disclosure.

Law:
    11 CCR § 7062(d): the proof of a correction depends on the effects of a wrong one.
"""


async def suppress_at_once(
    event: IdentityVerified, submitted: RequestSubmitted, ctx: FulfillmentContext
) -> None:
    """
    Add a requester who needs no proof to the suppression list, even if the marks fail later. May be repeated.

    Law:
        GDPR Art. 21(3): no direct marketing after the objection.
        11 CCR § 7026(f)(1): as soon as feasible.
    """
    await _suppress(event.right, _everything(submitted), event, ctx)


def waits(right: Right, ctx: FulfillmentContext) -> bool:
    """
    Return whether consents that services depend on are withdrawn only at the end of a window.

    Nothing is proven: a stranger could end a service by the person's address. All else is withdrawn at once.

    Law:
        GDPR Art. 7(3); Art. 32(1)(b): the availability of processing services is protected.
    """
    services = right is Right.CONSENT_WITHDRAWAL and any(one.serves for one in ctx.maps.current.collections)
    return services and bool(ctx.house.erasure_window) and ctx.known.disclosure_window is None


async def plan_change(found: FoundRequest, ctx: FulfillmentContext) -> Sequence[Fact]:
    """Plan the marks or corrections of a request, or refer it to the staff."""
    event = found.event
    known_by = _everything(found.submitted) if event.proven is None else found.identities
    decided = _decided(found, ctx)
    reason = _reason_for_staff(found, decided, known_by, ctx.maps.current)
    if reason == ReferralReason.IDENTITY_CHANGE and not ctx.known.corrections_approved:
        mailbox = _new_mailbox(decided, ctx.maps.current)
        if not mailbox or mailbox not in (await with_confirmed({}, ctx)).get(EMAIL, ()):
            offer = await offered({EMAIL: (mailbox,)}, ctx) if mailbox else None
            referred = ctx.referred(event.right, ReferralReason.IDENTITY_CHANGE)
            return [referred.model_copy(update={"aliases": offer})]
    elif reason is not None and reason != ReferralReason.IDENTITY_CHANGE:
        return [ctx.referred(event.right, reason)]
    named = {name: tuple(spellings) for name, spellings in known_by.items()}
    planned = replace(decided, plan=replace(decided.plan, identities=named))
    return [
        ChangePlanned(
            request_id=ctx.case_id,
            right=event.right,
            plan=await ctx.sealed_lines(CHANGE, planned.lines()),
            regulation=event.regulation,
            received_on=event.received_on,
        )
    ]


async def change(event: ChangePlanned, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Stop, mark and correct as planned, verify, and publish the result.

    What has begun is finished and reported, also after a stop or a withdrawal.

    Raises:
        PermanentError: A mark for a person without proof failed. An answer about it would disclose that the
          person is known; the staff must look.
    """
    mark = ActMark(event.plan, ctx)
    ends = ctx.known.stopped or ctx.known.withdrawn
    if not await (mark.has_begun() if ends else mark.begins()):
        return []
    planned = await _opened(event.plan, ctx)
    submitted = await ctx.submission()
    await _suppress(event.right, planned.plan.identities, ctx.known.verified, ctx)
    done = planned.after(await _changed(planned.plan, ctx))
    notices = _notices(event.right, done, submitted, ctx)
    if not needs_proof(event.right, direct_marketing=submitted.direct_marketing):
        if not done.whole:
            raise PermanentError(
                "not every record could be marked: refused by the store, or changed meanwhile"
            )
        if waits(event.right, ctx):
            return _withdrawn_in_part(notices, done.plan.identities, ctx)
        return await _granted_without_proof(event.right, notices, done.plan.identities, ctx)
    if event.right is Right.OBJECTION:
        referred = ctx.referred(event.right, ReferralReason.TO_BE_WEIGHED)
        return [referred, *await _with_recipients(notices, done.plan, ctx)]
    if done.disputed:
        return await _disputed(done, notices, ctx)
    if event.right is Right.RESTRICTION and not done.done:
        return [ctx.referred(event.right, next(iter(done.reasons()), NOT_MARKABLE))]
    fulfilled = await _fulfilled(event.right, done, submitted, ctx)
    return [fulfilled, *await _with_recipients(notices, done.plan, ctx)]


async def _changed(plan: RecordPlan, ctx: FulfillmentContext) -> Sequence[MissingChange]:
    """Write the values of *plan*, but correct no evidence; return those that are not written."""
    if not any(step.disposition is Disposition.CORRECTED for step in plan.steps):
        return await ctx.records.change(plan)
    held = await ctx.holding.planned([plan])
    kept = [step for step in plan.steps if step.disposition is Disposition.CORRECTED and step.record in held]
    rest = replace(plan, steps=tuple(step for step in plan.steps if step not in kept))
    missing = await ctx.records.change(rest)
    return [*(MissingChange(step, part, LEGAL_HOLD) for step in kept for part in step.sets), *missing]


async def _disputed(done: Change, notices: Sequence[Fact], ctx: FulfillmentContext) -> Sequence[Fact]:
    """Refer a correction to the staff, with the answer so far: what is corrected, disputed and restricted."""
    data_map = map_in(await ctx.maps.of(done.plan.version), locale_of(await ctx.submission()))
    answer = answers.change(done, data_map, statement_kept=False, agreed=ctx.house.recipients)
    referred = ctx.referred(Right.RECTIFICATION, ReferralReason.ACCURACY_DISPUTED)
    facts: list[Fact] = [referred.model_copy(update={"answer": await ctx.sealed_answer(answer)})]
    for notice in notices:
        restricted = isinstance(notice, SubjectRestricted)
        plan = done.only(Disposition.MARKED if restricted else Disposition.CORRECTED)
        facts += await _with_recipients([notice], plan, ctx)
    return facts


async def restricted_records(ctx: FulfillmentContext) -> dict[str, int]:
    """Return the number of records that the change of this request restricts, as a disposition."""
    if not ctx.known.change:
        return {}
    marked = (await _opened(ctx.known.change, ctx)).only(Disposition.MARKED).steps
    return {Disposition.MARKED: len(marked)} if marked else {}


async def lift_restriction(event: RestrictionAnnounced, ctx: FulfillmentContext) -> Sequence[Fact]:
    """
    Remove the marks of a restriction, after the person was informed.

    Law:
        GDPR Art. 18(3): the person is informed before the restriction is lifted.

    Raises:
        PermanentError: The case restricts nothing, or a mark is still there; the staff must look.
    """
    if not ctx.known.change:
        raise PermanentError(f"{event.request_id} restricts nothing")
    planned = await _opened(ctx.known.change, ctx)
    lifting = lifted(planned.plan, await ctx.maps.of(planned.plan.version))
    undone = await ctx.records.change(lifting)
    if undone:
        raise PermanentError(f"{len(undone)} records are still marked as restricted")
    identifiers = ctx.pseudonyms_of(planned.plan.identities)
    unrestricted = SubjectUnrestricted(request_id=ctx.case_id, identifiers=identifiers)
    return await _with_recipients([unrestricted], lifting, ctx)


async def _with_recipients(
    notices: Sequence[Fact], done: RecordPlan, ctx: FulfillmentContext
) -> Sequence[Fact]:
    """Return *notices* and, for each, the events for the recipients it concerns."""
    data_map = await ctx.maps.of(done.version)
    return [*notices, *chain.from_iterable(notifications_of(one, done, data_map, ctx) for one in notices)]


async def _suppress(
    right: Right, identities: Identities, verified: IdentityVerified | None, ctx: FulfillmentContext
) -> None:
    purposes = (SuppressionPurpose.MARKETING,) if waits(right, ctx) else suppressed_purposes(right)
    for purpose in purposes:
        await ctx.suppressions.add(identities, purpose, ctx.occurred_at, _locked_until(right, verified, ctx))


def _locked_until(right: Right, verified: IdentityVerified | None, ctx: FulfillmentContext) -> date | None:
    """Return the last day without a question to opt in again; None where no law of the person sets one."""
    laws = [policies().named(id_) for id_ in verified.laws] if verified else []
    return opt_in_locked_until(laws, right, ctx.occurred_at.astimezone(ctx.house.zone).date())


async def _opened(ref: str, ctx: FulfillmentContext) -> Change:
    return Change.of_lines([line async for line in ctx.opened_lines(ref)])


def _everything(submitted: RequestSubmitted) -> Identities:
    """Return all identities of the person, in the data map or not: the suppression list needs no map."""
    residence = submitted.residence
    return identities_of(submitted.subject, country=residence.country if residence else None)


def _decided(found: FoundRequest, ctx: FulfillmentContext) -> Change:
    data_map, today, submitted = ctx.maps.current, ctx.today(), found.submitted
    if found.event.right is Right.RECTIFICATION:
        return plan_corrections(found.findings, data_map, submitted.details.corrections, today)
    right, marketing = found.event.right, submitted.direct_marketing
    services = not waits(right, ctx)
    return Change(
        plan_marks(found.findings, data_map, today, right, direct_marketing=marketing, services=services)
    )


def _reason_for_staff(
    found: FoundRequest, decided: Change, identities: Identities, data_map: DataMap
) -> str | None:
    """Return why the staff must answer, as a code; None if it need not."""
    match found.event.right:
        case Right.RECTIFICATION if not found.submitted.details.corrections:
            return ReferralReason.NOTHING_NAMED
        case Right.RECTIFICATION if found.event.assurance not in AS_SURE_AS_FOR_ACCESS:
            return ReferralReason.UNSURE
        case Right.RECTIFICATION if _changed_identities(decided, data_map):
            return ReferralReason.IDENTITY_CHANGE
        case Right.RESTRICTION if not decided.done:
            return NOT_MARKABLE
        case _:
            return None if identities else ReferralReason.NOTHING_DECLARED


def _changed_identities(decided: Change, data_map: DataMap) -> list[tuple[str, Any]]:
    """Return the corrected identities, by which records are found, with their new values."""
    return [
        (field.identity, part.value)
        for step, part in corrected(decided)
        if (field := data_map.by_key[step.key].by_path.get(part.path)) is not None and field.identity
    ]


def _new_mailbox(decided: Change, data_map: DataMap) -> str:
    """Return the new mailbox of the corrections; empty if several, or another identity, change."""
    changed = _changed_identities(decided, data_map)
    mailboxes = [value for name, value in changed if name == EMAIL and isinstance(value, str)]
    return mailboxes[0] if len(mailboxes) == len(changed) and len(set(mailboxes)) == 1 else ""


def _notices(
    right: Right, done: Change, submitted: RequestSubmitted, ctx: FulfillmentContext
) -> Sequence[Fact]:
    """Return the notices to the recipients of the person's data (GDPR Art. 19; 11 CCR § 7026(f)(2))."""
    case, identifiers = ctx.case_id, ctx.pseudonyms_of(done.plan.identities)
    facts: list[Fact] = []
    wanted = right is Right.RECTIFICATION or restricts(right, direct_marketing=submitted.direct_marketing)
    if wanted and done.only(Disposition.MARKED).steps:
        facts.append(SubjectRestricted(request_id=case, identifiers=identifiers))
    if right is Right.OBJECTION:
        facts.append(SubjectObjected(request_id=case, identifiers=identifiers))
    if right in {Right.OPT_OUT_OF_SALE, Right.LIMIT_SENSITIVE_USE}:
        last = _locked_until(right, ctx.known.verified, ctx)
        again = None if last is None else last + timedelta(days=1)
        facts.append(
            SubjectOptedOut(request_id=case, right=right, identifiers=identifiers, ask_again_from=again)
        )
    if right is Right.CONSENT_WITHDRAWAL:
        facts.append(SubjectConsentWithdrawn(request_id=case, identifiers=identifiers))
    if right is Right.RECTIFICATION and done.only(Disposition.CORRECTED).steps:
        fields = tuple(dict.fromkeys(f"{step.key}.{part.path}" for step, part in corrected(done)))
        facts.append(SubjectRectified(request_id=case, identifiers=identifiers, fields=fields))
    return facts


def _withdrawn_in_part(
    notices: Sequence[Fact], identities: Identities, ctx: FulfillmentContext
) -> Sequence[Fact]:
    """Return the window of the consents that services depend on, and the events for all other recipients."""
    at = ctx.now + ctx.house.erasure_window
    window = DisclosureScheduled(request_id=ctx.case_id, at=at, consent=True)
    named = answers.stopped(
        Right.CONSENT_WITHDRAWAL, ctx.maps.current, agreed=ctx.house.recipients, services=False
    ).recipients
    concern = (notifications_to(notice, named, identities, ctx) for notice in notices)
    return [window, *notices, *chain.from_iterable(concern)]


async def _granted_without_proof(
    right: Right, notices: Sequence[Fact], identities: Identities, ctx: FulfillmentContext
) -> Sequence[Fact]:
    """Return the answer without facts about the person, and the events for all recipients of such data."""
    agreed, said = ctx.house.recipients, map_in(ctx.maps.current, locale_of(await ctx.submission()))
    answer = answers.stopped(right, said, agreed=agreed)
    named = answers.stopped(right, ctx.maps.current, agreed=agreed).recipients
    name, outcome = await ctx.sealed_answer(answer), Outcome.GRANTED
    fulfilled = RequestFulfilled(
        request_id=ctx.case_id,
        number=ctx.answer_number,
        right=right,
        outcome=outcome,
        answer=name,
        erasable=bool(answer.erasable),
        recipients=len(answer.recipients),
    )
    concern = (notifications_to(notice, named, identities, ctx) for notice in notices)
    return [fulfilled, *notices, *chain.from_iterable(concern)]


async def _fulfilled(
    right: Right, done: Change, submitted: RequestSubmitted, ctx: FulfillmentContext
) -> RequestFulfilled:
    stated = bool(done.declined) and submitted.details.statement is not None
    if stated:
        await ctx.disagreements.keep(ctx.case_id, done.plan.identities, ctx.occurred_at)
    data_map = map_in(await ctx.maps.of(done.plan.version), locale_of(submitted))
    answer = answers.change(done, data_map, statement_kept=stated, agreed=ctx.house.recipients)
    return RequestFulfilled(
        request_id=ctx.case_id,
        number=ctx.answer_number,
        right=right,
        outcome=outcome_of_change(done),
        dispositions=done.plan.counts(),
        reasons=done.reasons(),
        answer=await ctx.sealed_answer(answer),
        statement_kept=stated,
        recipients=len(answer.recipients),
        absent=done.plan.missing,
    )
