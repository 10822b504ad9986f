"""Work on many cases at once: an owner for all, or one decision on each, with one code."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from fastapi import HTTPException

from services.console.case_work import NoSessionKey
from services.console.context import ConsoleParts
from services.console.decisions.forms import DecisionDraft
from services.console.decisions.submission import MadeDecision, make_batch
from services.console.http.guard import Visitor
from services.console.read_model.cases import CaseFilter
from services.console.signin.sessions import UnlockedKey
from services.console.state import CaseKind, CaseRow, WaitKind
from shared.contract.events import (
    Decision,
    ErasureApproved,
    ExtensionDecided,
    ReferralDecided,
    RefusalGround,
    StopDecided,
)
from shared.errors import HabeasError
from shared.pages.translation import mark as _
from shared.runtime.staff_api import DecisionNotAccepted, EffectUnknown, StaffApiProblem
from shared.vocabulary import ExtensionReason, Outcome

MOST_CASES = 100
NOT_WAITING = "not_waiting_for_this"
DONE, REFUSED, UNKNOWN = "done", "refused", "unknown"


@dataclass(frozen=True, slots=True)
class BulkDecision:
    """A decision that can be made about many cases."""

    name: str
    label: str
    kind: type[Decision]
    work: WaitKind | None
    """Work that it ends; None: it fits every open request."""
    make: Callable[[str, str], Decision]
    """Id of a case and account → the decision, unsigned."""

    def fits(self, row: CaseRow, account: str) -> bool:
        """Return whether the case of *row* waits for this decision, and *account* may make it."""
        if self.work is None:
            return row.kind is CaseKind.REQUEST and row.open and row.extension is None
        return any(wait.kind is self.work and account not in wait.by for wait in row.waits)


def _extended(case: str, by: str, reason: ExtensionReason) -> Decision:
    return ExtensionDecided(request_id=case, by=by, reason=reason)


def _unfounded(case: str, by: str) -> Decision:
    grounds = (RefusalGround.MANIFESTLY_UNFOUNDED,)
    return ReferralDecided(request_id=case, by=by, outcome=Outcome.REFUSED, grounds=grounds)


DECISIONS: Mapping[str, BulkDecision] = {
    one.name: one
    for one in (
        BulkDecision(
            "approve",
            _("Approve the erasures"),
            ErasureApproved,
            WaitKind.APPROVAL,
            lambda case, by: ErasureApproved(request_id=case, by=by),
        ),
        BulkDecision(
            "extend_number",
            _("Extend: number of requests"),
            ExtensionDecided,
            None,
            lambda case, by: _extended(case, by, ExtensionReason.NUMBER_OF_REQUESTS),
        ),
        BulkDecision(
            "extend_complexity",
            _("Extend: complexity"),
            ExtensionDecided,
            None,
            lambda case, by: _extended(case, by, ExtensionReason.COMPLEXITY),
        ),
        BulkDecision(
            "refuse",
            _("Refuse as manifestly unfounded"),
            ReferralDecided,
            WaitKind.REFERRED,
            _unfounded,
        ),
        BulkDecision(
            "close",
            _("Close the stopped requests"),
            StopDecided,
            WaitKind.STOPPED,
            lambda case, by: StopDecided(request_id=case, by=by, resume=False),
        ),
    )
}


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


def bulk_offers(visitor: Visitor, rows: Sequence[CaseRow]) -> list[tuple[BulkDecision, int]]:
    """Return the decisions that the roles of *visitor* allow, and how many of *rows* each fits."""
    name, allowed = visitor.member.name, visitor.member.has
    offers = (one for one in DECISIONS.values() if allowed(*one.kind.ROLES))
    return [(one, sum(one.fits(row, name) for row in rows)) for one in offers]


async def owned_by(
    parts: ConsoleParts, visitor: Visitor, rows: Sequence[CaseRow], owner: str | None
) -> Sequence[BulkResult]:
    """Set the owner of each of *rows*; raises NoSessionKey."""
    unlocked = _unlocked(parts, visitor)
    return await asyncio.gather(*(_assigned(parts, unlocked, row, owner) for row in rows))


async def decided_together(
    parts: ConsoleParts, visitor: Visitor, name: str, rows: Sequence[CaseRow], code: str
) -> Sequence[BulkResult]:
    """
    Make the decision *name* on those of *rows* that wait for it, with one *code*.

    Raises NoSessionKey; HTTPException if there is no such decision, or not for the roles of *visitor*.
    """
    kind, account = DECISIONS.get(name), visitor.member.name
    if kind is None:
        raise HTTPException(400, "there is no such decision")
    if not visitor.member.has(*kind.kind.ROLES):
        raise HTTPException(403, "your roles do not allow this decision")
    fitting = [row for row in rows if kind.fits(row, account)]
    others = [BulkResult(row, REFUSED, NOT_WAITING) for row in rows if row not in fitting]
    made = await _decided(parts, visitor, kind, fitting, "".join(code.split())) if fitting else []
    return [*made, *others]


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


async def _decided(
    parts: ConsoleParts, visitor: Visitor, kind: BulkDecision, rows: Sequence[CaseRow], code: str
) -> Sequence[BulkResult]:
    """Sign a decision about each of *rows* with one *code*, and return their effects."""
    unlocked = _unlocked(parts, visitor)
    drafts = [DecisionDraft(kind.make(row.id, visitor.member.name)) for row in rows]
    try:
        made = await make_batch(parts, unlocked, drafts, code)
    except HabeasError as error:
        return [_failed(row, error) for row in rows]
    return [_result(row, one) for row, one in zip(rows, made, strict=True)]


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
