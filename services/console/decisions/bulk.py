"""Work on many cases at once: an owner for all, or one decision on each, with one code."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException

from services.console.case_work import NoSessionKey
from services.console.context import ConsoleParts
from services.console.decisions.bulk_forms import BULK, JointDecision
from services.console.decisions.case_decisions import (
    NO_PREVIEW,
    EnteredTexts,
    no_letter,
    preview_of,
    step_up_of,
    views_of,
)
from services.console.decisions.forms import CaseView, DecisionOffer, InvalidEntry
from services.console.decisions.submission import MadeDecision, make_batch
from services.console.http.guard import Visitor
from services.console.read_model.cases import CaseFilter
from services.console.signin.sessions import UnlockedKey
from services.console.state import CaseRow
from shared.contract.events import ContentOpened
from shared.errors import HabeasError
from shared.runtime.staff_api import DecisionNotAccepted, EffectUnknown, StaffApiProblem

MOST_TRIED = 5
"""Opened cases of which a preview is tried, at most: an opening ends after a while."""
MOST_CASES = 100
NOT_WAITING = "not_waiting_for_this"
DONE, REFUSED, UNKNOWN = "done", "refused", "unknown"


@dataclass(frozen=True, slots=True)
class BulkResult:
    """The result for one case."""

    row: CaseRow
    state: str
    """``done``, ``refused`` or ``unknown``."""
    reason: str = ""


async def chosen_cases(parts: ConsoleParts, given: Iterable[str]) -> Sequence[CaseRow]:
    """Return the rows of the chosen cases; raise HTTPException without one, or with too many."""
    ids = tuple(dict.fromkeys(one[:32] for one in given))
    if not 0 < len(ids) <= MOST_CASES:
        raise HTTPException(400, "choose between one and a hundred cases")
    page = await parts.cases.page(CaseFilter(ids=ids), parts.today(), size=MOST_CASES)
    return page.rows


async def bulk_offers(parts: ConsoleParts, visitor: Visitor, rows: Sequence[CaseRow]) -> list[JointDecision]:
    """Return the decisions that the roles of *visitor* allow, each on those of *rows* that wait for it."""
    views = await views_of(parts, rows)
    return [_joint(one, views, visitor, {}) for one in BULK.values() if visitor.member.has(*one.kind.ROLES)]


async def joint_decision(
    parts: ConsoleParts, visitor: Visitor, name: str, rows: Sequence[CaseRow], values: EnteredTexts
) -> JointDecision:
    """
    Return the decision *name* on those of *rows* that wait for it.

    Raises HTTPException if there is no such decision, or not for the roles of *visitor*.
    """
    offer = BULK.get(name)
    if offer is None:
        raise HTTPException(400, "there is no such decision")
    if not visitor.member.has(*offer.kind.ROLES):
        raise HTTPException(403, "your roles do not allow this decision")
    return _joint(offer, await views_of(parts, rows), visitor, values)


def _joint(
    offer: DecisionOffer, views: Sequence[CaseView], visitor: Visitor, values: EnteredTexts
) -> JointDecision:
    name, roles = visitor.member.name, visitor.member.roles
    fitting = [view for view in views if offer.offered_to(name, roles, view)]
    ids = {view.row.id for view in fitting}
    return JointDecision(offer, fitting, [view.row for view in views if view.row.id not in ids], values)


async def owned_by(
    parts: ConsoleParts, visitor: Visitor, rows: Sequence[CaseRow], owner: str | None
) -> Sequence[BulkResult]:
    """Set the owner of each of *rows*; raises NoSessionKey."""
    unlocked = _unlocked(parts, visitor)
    return await asyncio.gather(*(_assigned(parts, unlocked, row, owner) for row in rows))


async def decided_together(
    parts: ConsoleParts, visitor: Visitor, form: JointDecision, code: str
) -> Sequence[BulkResult]:
    """Make the decision of *form* with one *code*; raises NoSessionKey, or InvalidEntry."""
    if not form.views:
        return left_out(form)
    drafts, given = form.drafts(visitor.member.name), step_up_of(code, "")
    _unlocked(parts, visitor)
    rows = [view.row for view in form.views]
    try:
        made = await make_batch(parts, visitor.session, drafts, given.code)
    except HabeasError as error:
        return [*(_failed(row, error) for row in rows), *left_out(form)]
    return [*(_result(row, one) for row, one in zip(rows, made, strict=True)), *left_out(form)]


def left_out(form: JointDecision) -> Sequence[BulkResult]:
    """Return the results for the cases that do not wait for the decision."""
    return [BulkResult(row, REFUSED, NOT_WAITING) for row in form.others]


async def previewed_together(parts: ConsoleParts, visitor: Visitor, form: JointDecision) -> Mapping[str, Any]:
    """Return the letters of the first case that the account has opened; raises InvalidEntry without one."""
    drafts = form.drafts(visitor.member.name)
    if not form.offer.letter:
        return no_letter()
    name, pairs = visitor.member.name, zip(form.views, drafts, strict=True)
    opened = [draft for view, draft in pairs if any(one.by == name for one in view.all(ContentOpened))]
    for draft in opened[:MOST_TRIED]:
        with suppress(InvalidEntry):
            return await preview_of(parts, visitor, draft)
    raise InvalidEntry("", NO_PREVIEW)


def _unlocked(parts: ConsoleParts, visitor: Visitor) -> UnlockedKey:
    unlocked = visitor.session.unlocked
    if unlocked is None or unlocked.until <= parts.clock():
        raise NoSessionKey
    return unlocked


async def _assigned(
    parts: ConsoleParts, unlocked: UnlockedKey, row: CaseRow, owner: str | None
) -> BulkResult:
    path = f"/v1/staff/cases/{row.id}/owner"
    try:
        await parts.intake.call("POST", path, unlocked.bearer, json={"owner": owner})
    except HabeasError as error:
        return _failed(row, error)
    return BulkResult(row, DONE)


def _result(row: CaseRow, made: MadeDecision) -> BulkResult:
    if made.reason is not None:
        return BulkResult(row, REFUSED, made.reason)
    return BulkResult(row, DONE if made.answered else UNKNOWN)


def _failed(row: CaseRow, error: HabeasError) -> BulkResult:
    match error:
        case DecisionNotAccepted():
            return BulkResult(row, REFUSED, str(error))
        case StaffApiProblem():
            return BulkResult(row, REFUSED, "not_taken")
        case EffectUnknown():
            return BulkResult(row, UNKNOWN, "not_answered_yet")
        case _:
            return BulkResult(row, UNKNOWN, "intake_does_not_answer")
