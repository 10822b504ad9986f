"""Forms of the decisions on a case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from services.console.context import ConsoleParts
from services.console.decisions.case_decisions import (
    CODE,
    PASSWORD,
    EnteredDecision,
    form_errors,
    is_locked,
    made,
    offered,
    previewed,
)
from services.console.decisions.forms import CaseView, DecisionOffer
from services.console.decisions.standing_holds import StandingHolds, holds_on
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.pages.site import ConsoleSite
from services.console.state import WaitKind
from shared.contract.events import RequestId
from shared.contract.refusals import REFUSALS
from shared.errors import HabeasError

PREVIEW = "preview"


@dataclass(frozen=True, slots=True)
class OfferForm:
    """A form as it is drawn."""

    offer: DecisionOffer
    view: CaseView
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Field → its values that were entered before."""
    errors: Mapping[str, str] = field(default_factory=dict)
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

    async def page(request: Request, visitor: Visitor, form: OfferForm, status: int = 200) -> Response:
        approves = form.offer.answers is WaitKind.APPROVAL
        content = {
            "form": form,
            "holds": await holds_on(parts, form.view) if approves else StandingHolds(),
            "row": form.view.row,
            "locked": is_locked(parts, visitor),
            "refusals": REFUSALS,
        }
        return site.draw(request, "decision.html.jinja", content, visitor=visitor, status=status)

    @router.get("/requests/{case}/decisions/{name}")
    async def show(request: Request, visitor: deciding, case: RequestId, name: str) -> Response:
        offer, view = await offered(parts, visitor, case, name)
        return await page(request, visitor, OfferForm(offer, view))

    @router.post("/requests/{case}/decisions/{name}")
    async def make(request: Request, visitor: deciding, case: RequestId, name: str) -> Response:
        given = await guard.form(request, visitor)
        offer, view = await offered(parts, visitor, case, name)
        values = {one: [str(text) for text in given.getlist(one)] for one in given}
        entered = EnteredDecision(offer, view, visitor, values)
        try:
            if PREVIEW in values:
                preview = await previewed(parts, entered)
                return await page(request, visitor, OfferForm(offer, view, values, preview=preview))
            code, password = ("".join(values.get(name, ())) for name in (CODE, PASSWORD))
            id_ = await made(parts, entered, code, password)
        except HabeasError as error:
            errors = form_errors(error, site.words(request).say)
            if errors is None:
                raise
            return await page(request, visitor, OfferForm(offer, view, values, errors), 409)
        return RedirectResponse(f"/requests/{case}?{urlencode({'decision': id_})}", 303)

    return router
