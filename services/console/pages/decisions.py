"""Forms of the decisions on a case, and their effects."""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from services.console.context import ConsoleParts
from services.console.decisions.forms import CaseView, DecisionDraft, DecisionOffer, InvalidEntry, offers_for
from services.console.decisions.offers import OFFERS
from services.console.decisions.submission import StepUp, WrongPassword, decide, noted
from services.console.domain import HistoryEntry, in_order
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.pages.site import ConsoleSite
from services.console.state import CaseRow
from shared.contract.events import RequestId
from shared.contract.refusals import REFUSALS
from shared.contract.staff import TEXT_SALT_BYTES
from shared.errors import HabeasError
from shared.pages.translation import mark as _
from shared.runtime.staff_api import DecisionNotAccepted, EffectUnknown, StaffApiProblem

NUMBER = re.compile("[0-9a-f]{32}")
"""An id of a decision."""
ONE_TIME_CODE = re.compile("[0-9]{6}|[a-z2-7]{16}")
CODE, PASSWORD, PREVIEW = "code", "password", "preview"
NO_CASE = "there is no such case"
NOT_OFFERED = "this decision is not possible now, or not for your roles"
REFUSED = _("Nothing was changed: %(reason)s.")
WRONG_PASSWORD = _("The password is wrong.")
NO_CODE = _("Write the six digits of the one-time code, or a recovery code.")
NO_PREVIEW = _("No preview is possible in this session. Open the content of the case first.")
NOT_TAKEN = _("Nothing was changed. Reload the page and try again.")
UNANSWERED = _("The decision is recorded, and no service has answered it yet. Reload the page shortly.")
RECORDED = _("Your decision is recorded. A second account has to decide the same.")


@dataclass(frozen=True, slots=True)
class OfferForm:
    """A form as it is drawn."""

    offer: DecisionOffer
    view: CaseView
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Field → its values that were entered before."""
    flaws: Mapping[str, str] = field(default_factory=dict)
    """Field → its error; the empty name stands for the whole form."""

    preview: Mapping[str, Any] | None = None
    """The letters that would be sent, or why none."""

    def value(self, name: str, preset: str = "") -> str:
        """Return the value that was entered in the field *name*."""
        return next(iter(self.values.get(name, ())), preset)

    def chosen(self, name: str) -> Sequence[str]:
        """Return the choices that were made in the field *name*."""
        return self.values.get(name, ())


def decision_routes(parts: ConsoleParts, guard: SessionGuard, site: ConsoleSite) -> APIRouter:
    """Return the routes of decisions on a case."""
    router = APIRouter(include_in_schema=False)
    deciding = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.DECIDE))]

    async def offered(name: str, case: str, visitor: Visitor) -> tuple[DecisionOffer, CaseView]:
        view, _history = await case_view(parts, case)
        offer = OFFERS.get(name)
        if offer is None or offer.page:
            raise HTTPException(404, NOT_OFFERED)
        if not offer.offered_to(visitor.member.name, visitor.member.roles, view):
            raise HTTPException(409, NOT_OFFERED)
        return offer, view

    def page(request: Request, visitor: Visitor, form: OfferForm, status: int = 200) -> Response:
        content = {
            "form": form,
            "row": form.view.row,
            "locked": is_locked(parts, visitor),
            "refusals": REFUSALS,
        }
        return site.draw(request, "decision.html.jinja", content, visitor=visitor, status=status)

    @router.get("/requests/{case}/decisions/{name}")
    async def show(request: Request, visitor: deciding, case: RequestId, name: str) -> Response:
        offer, view = await offered(name, case, visitor)
        return page(request, visitor, OfferForm(offer, view))

    @router.post("/requests/{case}/decisions/{name}")
    async def make(request: Request, visitor: deciding, case: RequestId, name: str) -> Response:
        given = await guard.form(request, visitor)
        offer, view = await offered(name, case, visitor)
        values = {one: [str(text) for text in given.getlist(one)] for one in given}
        try:
            if PREVIEW in values:
                preview = await _previewed(parts, visitor, offer, view, values)
                return page(request, visitor, OfferForm(offer, view, values, preview=preview))
            id_ = await _made(parts, visitor, offer, view, values)
        except HabeasError as error:
            flaws = flaws_of(error, site.words(request).say)
            if flaws is None:
                raise
            return page(request, visitor, OfferForm(offer, view, values, flaws), 409)
        return RedirectResponse(f"/requests/{case}?{urlencode({'decision': id_})}", 303)

    return router


async def _made(
    parts: ConsoleParts,
    visitor: Visitor,
    offer: DecisionOffer,
    view: CaseView,
    values: Mapping[str, Sequence[str]],
) -> str:
    """Make the decision that was entered; return the id of its event."""

    def given(name: str) -> Sequence[str]:
        return values.get(name, ())

    draft = _draft(visitor, offer, view, given)
    code = "".join("".join(given(CODE)).split())
    if not ONE_TIME_CODE.fullmatch(code):
        raise InvalidEntry(CODE, NO_CODE)
    return await decide(parts, visitor, draft, StepUp(code, "".join(given(PASSWORD))))


def _draft(
    visitor: Visitor, offer: DecisionOffer, view: CaseView, given: Callable[[str], Sequence[str]]
) -> DecisionDraft:
    entered = offer.entered(given, view)
    return offer.draft(entered, view, visitor.member.name, secrets.token_bytes(TEXT_SALT_BYTES))


async def _previewed(
    parts: ConsoleParts,
    visitor: Visitor,
    offer: DecisionOffer,
    view: CaseView,
    values: Mapping[str, Sequence[str]],
) -> Mapping[str, Any]:
    """Return the letters that the entered decision would send, or why none."""

    def given(name: str) -> Sequence[str]:
        return values.get(name, ())

    unlocked = visitor.session.unlocked
    if unlocked is None or is_locked(parts, visitor):
        raise InvalidEntry("", NO_PREVIEW)
    draft = _draft(visitor, offer, view, given)
    try:
        return await parts.intake.preview(draft.decision, draft.text, unlocked.bearer)
    except StaffApiProblem as problem:
        if problem.status == HTTPStatus.UNAUTHORIZED:
            await parts.sessions.lock(visitor.session)
        raise InvalidEntry("", NO_PREVIEW) from None


def flaws_of(error: HabeasError, say: Callable[..., str]) -> Mapping[str, str] | None:
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
    unlocked = visitor.session.unlocked
    return unlocked is None or unlocked.until <= parts.clock()


async def case_view(parts: ConsoleParts, case: str) -> tuple[CaseView, list[HistoryEntry]]:
    """Return a case and its history; answer 404 if there is none."""
    row = await parts.cases.row(case)
    if row is None:
        raise HTTPException(404, NO_CASE)
    history = in_order((await parts.histories.of([case])).get(case, []))
    return await view_of(parts, row, history), history


async def view_of(parts: ConsoleParts, row: CaseRow, history: Sequence[HistoryEntry]) -> CaseView:
    """Return a case as forms need it."""
    people = [(one.name, one.title) for one in await parts.accounts.members()]
    return CaseView(row, [one.fact for one in history], parts.clock(), parts.today(), people)


def offers_to(visitor: Visitor, view: CaseView) -> list[DecisionOffer]:
    """Return the decisions that *visitor* may make on a case."""
    return list(offers_for(OFFERS.values(), visitor.member.name, visitor.member.roles, view))


async def message(parts: ConsoleParts, decision: str, view: CaseView, history: Sequence[HistoryEntry]) -> str:
    """Return the sentence about a *decision* that was made on this case; empty if the case has none."""
    entry = noted(history, decision)
    if entry is None:
        return await _unseen(parts, decision)
    fitting = (one for one in OFFERS.values() if one.made(entry.fact))
    offer = max(fitting, key=lambda one: len(one.constants), default=None)
    wait = None if offer is None else view.wait(offer.answers)
    first = wait is not None and entry.actor in wait.by
    return RECORDED if first else offer.done if offer else ""


async def _unseen(parts: ConsoleParts, decision: str) -> str:
    """Return the sentence about a decision that the read model does not have."""
    if not NUMBER.fullmatch(decision):
        return ""
    try:
        await parts.intake.effect(decision, within_s=0)
    except EffectUnknown:
        return UNANSWERED
    except (DecisionNotAccepted, StaffApiProblem):
        return ""
    return ""
