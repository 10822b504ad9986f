"""The page of legal holds: all of them, and the form that places one on a collection."""

from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from services.console.context import ConsoleParts
from services.console.decisions.case_decisions import CODE, PASSWORD, UNANSWERED, form_errors, is_locked
from services.console.decisions.collection_holds import new_hold, place, placing
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.http.queries import HOLD_FIELDS, holds_of_query
from services.console.pages.decisions import OfferForm
from services.console.pages.site import ConsoleSite
from shared.errors import HabeasError

PENDING = "pending"


def hold_routes(parts: ConsoleParts, guard: SessionGuard, site: ConsoleSite) -> APIRouter:
    """Return the routes of legal holds."""
    router = APIRouter(include_in_schema=False)
    listing = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.LIST))]
    holding = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.HOLD))]

    async def page(
        request: Request,
        visitor: Visitor,
        values: Mapping[str, Sequence[str]],
        errors: Mapping[str, str],
    ) -> Response:
        given = {name: request.query_params.get(name, "") for name in HOLD_FIELDS}
        content = {
            "page": await holds_of_query(parts, given, request.query_params.get("after", "")),
            "form": OfferForm(await placing(parts), new_hold(parts), values, errors),
            "given": given,
            "query": urlencode({name: value for name, value in given.items() if value}),
            "today": parts.today(),
            "locked": is_locked(parts, visitor),
            "message": UNANSWERED if PENDING in request.query_params else "",
        }
        status = 409 if errors else 200
        return site.draw(request, "holds.html.jinja", content, visitor=visitor, status=status)

    @router.get("/holds")
    async def show(request: Request, visitor: listing) -> Response:
        return await page(request, visitor, {}, {})

    @router.post("/holds")
    async def make(request: Request, visitor: holding) -> Response:
        form = await guard.form(request, visitor)
        values = {name: [str(text) for text in form.getlist(name)] for name in form}
        code, password = ("".join(values.get(name, ())) for name in (CODE, PASSWORD))
        try:
            hold, decision = await place(parts, visitor, values, code, password)
        except HabeasError as error:
            errors = form_errors(error, site.words(request).say)
            if errors is None:
                raise
            return await page(request, visitor, values, errors)
        known = await parts.cases.row(hold) is not None
        there = f"/requests/{hold}?{urlencode({'decision': decision})}"
        return RedirectResponse(there if known else f"/holds?{PENDING}=1", 303)

    return router
