"""
Decisions on a case: those that are offered to an account, their preview, and their making.

Pages and API call the same functions.
"""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, TypeAlias

from fastapi import HTTPException

from services.console.context import ConsoleParts
from services.console.decisions.forms import (
    CaseView,
    Choices,
    DecisionDraft,
    DecisionOffer,
    FieldKind,
    InvalidEntry,
    offers_for,
)
from services.console.decisions.offers import OFFERS
from services.console.decisions.submission import StepUp, WrongPassword, decide, noted
from services.console.domain import HistoryEntry, in_order
from services.console.http.guard import Visitor
from services.console.read_model.cases import CaseFilter
from services.console.state import CaseRow
from shared.contract.events import Decision
from shared.contract.previews import NO_LETTER, DecisionPreview
from shared.contract.references import references_in
from shared.contract.refusals import REFUSALS
from shared.contract.staff import TEXT_SALT_BYTES
from shared.errors import HabeasError
from shared.pages.translation import mark as _
from shared.runtime.staff_api import DecisionNotAccepted, EffectUnknown, StaffApiProblem

EnteredTexts: TypeAlias = Mapping[str, Sequence[str]]
"""Field → the texts that were entered in it."""
NUMBER = re.compile("[0-9a-f]{32}")
"""An id of a decision."""
ONE_TIME_CODE = re.compile("[0-9]{6}|[a-z2-7]{16}")
CODE, PASSWORD = "code", "password"
NO_CASE = "there is no such case"
NOT_OFFERED = "this decision is not possible now, or not for your roles"
REFUSED = _("Nothing was changed: %(reason)s.")
WRONG_PASSWORD = _("The password is wrong.")
NO_CODE = _("Write the six digits of the one-time code, or a recovery code.")
NO_PREVIEW = _("No preview is possible in this session. Open the content of the case first.")
NO_PREVIEW_NOW = _("No preview is possible now. Try again shortly.")
NOT_TAKEN = _("Nothing was changed. Reload the page and try again.")
UNANSWERED = _("The decision is recorded, and no service has answered it yet. Reload the page shortly.")
NO_SINGLE_REQUEST = _("This reference is not that of exactly one request. Check it, or write the id.")
RECORDED = _("Your decision is recorded. A second account has to decide the same.")


@dataclass(frozen=True, slots=True)
class EnteredDecision:
    """A decision that an account makes on a case, as it was entered."""

    offer: DecisionOffer
    view: CaseView
    visitor: Visitor
    values: EnteredTexts

    def draft(self) -> DecisionDraft:
        """Return the unsigned decision; raises InvalidEntry if the values do not fit."""
        entered = self.offer.entered(lambda name: self.values.get(name, ()), self.view)
        salt = secrets.token_bytes(TEXT_SALT_BYTES)
        return self.offer.draft(entered, self.view, self.visitor.member.name, salt)


async def offered(
    parts: ConsoleParts, visitor: Visitor, case: str, name: str
) -> tuple[DecisionOffer, CaseView]:
    """Return the decision *name* on *case*; answer 404 or 409 if it is not offered to *visitor*."""
    view, _history = await case_view(parts, case)
    offer = OFFERS.get(name)
    if offer is None or offer.page:
        raise HTTPException(404, NOT_OFFERED)
    if not offer.offered_to(visitor.member.name, visitor.member.roles, view):
        raise HTTPException(409, NOT_OFFERED)
    return offer, view


async def made(parts: ConsoleParts, entered: EnteredDecision, code: str, password: str) -> str:
    """Make the decision that was *entered*; return the id of its event."""
    draft = (await _with_ids(parts, entered)).draft()
    return await decide(parts, entered.visitor, draft, step_up_of(code, password))


async def _with_ids(parts: ConsoleParts, entered: EnteredDecision) -> EnteredDecision:
    """Return *entered* with the ids of requests for their short references; raises InvalidEntry."""
    values = dict(entered.values)
    for one in entered.offer.fields:
        if one.kind is FieldKind.REQUEST:
            values[one.name] = [await _id_of(parts, one.name, text) for text in values.get(one.name, ())]
    return replace(entered, values=values)


async def _id_of(parts: ConsoleParts, name: str, text: str) -> str:
    """Return the id of the request with the short reference in *text*; *text* itself if it has none."""
    if not any(references_in(text)):
        return text
    found = (await parts.cases.page(CaseFilter(text=text), parts.today())).rows
    if len(found) != 1:
        raise InvalidEntry(name, NO_SINGLE_REQUEST)
    return found[0].id


def step_up_of(code: str, password: str) -> StepUp:
    """Return a one-time code and a password as entered; raises InvalidEntry if the code is none."""
    digits = "".join(code.split())
    if not ONE_TIME_CODE.fullmatch(digits):
        raise InvalidEntry(CODE, NO_CODE)
    return StepUp(digits, password)


async def previewed(parts: ConsoleParts, entered: EnteredDecision) -> Mapping[str, Any]:
    """Return the letters that the entered decision would send, or why none."""
    draft = (await _with_ids(parts, entered)).draft()
    if not entered.offer.letter:
        return no_letter()
    return await preview_of(parts, entered.visitor, draft)


def no_letter() -> Mapping[str, Any]:
    """Return the preview of a decision that no letter follows from."""
    return DecisionPreview(reason=NO_LETTER).model_dump(mode="json")


async def preview_of(parts: ConsoleParts, visitor: Visitor, draft: DecisionDraft) -> Mapping[str, Any]:
    """Return the letters of *draft*; raises InvalidEntry if the session has not opened the case."""
    session = visitor.session
    if session.unlocked is None or is_locked(parts, visitor) or not isinstance(draft.decision, Decision):
        raise InvalidEntry("", NO_PREVIEW)
    try:
        return await parts.intake.preview(draft.decision, draft.text, session.unlocked.bearer)
    except StaffApiProblem as problem:
        if problem.status == HTTPStatus.UNAUTHORIZED:
            await parts.sessions.lock(session)
            raise InvalidEntry("", NO_PREVIEW) from None
        raise InvalidEntry("", NO_PREVIEW_NOW) from None
    except DecisionNotAccepted:  # the account has not opened the case
        raise InvalidEntry("", NO_PREVIEW) from None


def form_errors(error: HabeasError, say: Callable[..., str]) -> Mapping[str, str] | None:
    """Return the errors of a form by field; None if *error* is no error of the form."""
    match error:
        case InvalidEntry():
            return {error.name: say(str(error))}
        case WrongPassword():
            return {PASSWORD: say(WRONG_PASSWORD)}
        case DecisionNotAccepted():
            reason = str(error)
            return {"": say(REFUSED, reason=say(REFUSALS.get(reason, reason)))}
        case StaffApiProblem():
            return {"": say(NOT_TAKEN)}
        case _:
            return None


def is_locked(parts: ConsoleParts, visitor: Visitor) -> bool:
    """Return whether the session lacks the account's key, so that a decision needs the password as well."""
    return visitor.session.bearer(parts.clock()) is None


async def case_view(parts: ConsoleParts, case: str) -> tuple[CaseView, list[HistoryEntry]]:
    """Return a case and its history; answer 404 if there is none."""
    row = await parts.cases.row(case)
    if row is None:
        raise HTTPException(404, NO_CASE)
    history = in_order((await parts.histories.of([case])).get(case, []))
    return await view_of(parts, row, history), history


async def view_of(parts: ConsoleParts, row: CaseRow, history: Sequence[HistoryEntry]) -> CaseView:
    """Return a case as forms need it."""
    return _view(parts, row, history, await _people(parts))


async def views_of(parts: ConsoleParts, rows: Sequence[CaseRow]) -> list[CaseView]:
    """Return the cases of *rows* as forms need them."""
    found, people = await parts.histories.of([row.id for row in rows]), await _people(parts)
    return [_view(parts, row, in_order(found.get(row.id, [])), people) for row in rows]


def _view(parts: ConsoleParts, row: CaseRow, history: Sequence[HistoryEntry], people: Choices) -> CaseView:
    return CaseView(row, [one.fact for one in history], parts.clock(), parts.today(), people)


async def _people(parts: ConsoleParts) -> Choices:
    return [(one.name, one.title) for one in await parts.accounts.members()]


def offers_to(visitor: Visitor, view: CaseView) -> list[DecisionOffer]:
    """Return the decisions that *visitor* may make on a case."""
    return list(offers_for(OFFERS.values(), visitor.member.name, visitor.member.roles, view))


async def message(
    parts: ConsoleParts, visitor: Visitor, decision: str, view: CaseView, history: Sequence[HistoryEntry]
) -> str:
    """
    Return the sentence about a *decision* that was made on this case; empty if the case has none.

    Intake is asked in the session of *visitor* alone: without one, a page that is read again and again would
    use up the calls of everybody in its network.
    """
    entry = noted(history, decision)
    if entry is None:
        return await _unseen(parts, visitor, decision)
    fitting = (one for one in OFFERS.values() if one.made(entry.fact))
    offer = max(fitting, key=lambda one: len(one.constants), default=None)
    wait = None if offer is None else view.wait(offer.answers)
    waits = wait is not None and entry.actor in wait.by
    if waits and not await _results(parts, visitor, decision):
        return RECORDED
    return offer.done if offer else ""


async def _results(parts: ConsoleParts, visitor: Visitor, decision: str) -> Sequence[str]:
    """Return the types of the events that a *decision* has caused: none if a second account must decide."""
    try:
        return await _effect(parts, visitor, decision)
    except (EffectUnknown, DecisionNotAccepted, StaffApiProblem):
        return ()


async def _unseen(parts: ConsoleParts, visitor: Visitor, decision: str) -> str:
    """Return the sentence about a decision that the read model does not have."""
    if not NUMBER.fullmatch(decision):
        return ""
    try:
        await _effect(parts, visitor, decision)
    except EffectUnknown:
        return UNANSWERED
    except DecisionNotAccepted:  # a service refused it after the page had stopped waiting
        return NOT_TAKEN
    except StaffApiProblem:
        return ""
    return ""


async def _effect(parts: ConsoleParts, visitor: Visitor, decision: str) -> Sequence[str]:
    """Return the effect of a *decision* as intake knows it now; none if *visitor* has no session there."""
    bearer = visitor.session.bearer(parts.clock())
    if bearer is None:
        return ()
    try:
        return await parts.intake.effect(decision, within_s=0, bearer=bearer)
    except StaffApiProblem as problem:
        if problem.status == HTTPStatus.UNAUTHORIZED:
            await parts.sessions.lock(visitor.session)
        raise
