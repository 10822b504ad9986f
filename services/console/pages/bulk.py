"""Pages of work on many cases at once."""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.datastructures import FormData

from services.console.case_work import owners
from services.console.context import ConsoleParts
from services.console.decisions.bulk import (
    DONE,
    BulkResult,
    bulk_offers,
    chosen_cases,
    decided_together,
    joint_decision,
    left_out,
    owned_by,
    previewed_together,
)
from services.console.decisions.bulk_forms import JointDecision
from services.console.decisions.case_decisions import CODE, form_errors
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.pages.site import ConsoleSite
from services.console.state import CaseRow
from shared.contract.refusals import REFUSALS
from shared.errors import HabeasError

PREVIEW = "preview"


def bulk_routes(parts: ConsoleParts, guard: SessionGuard, site: ConsoleSite) -> APIRouter:
    """Return the routes of work on many cases."""
    router = APIRouter(include_in_schema=False)
    working = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.WORK))]
    deciding = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.DECIDE))]

    def shown(request: Request, visitor: Visitor, results: Sequence[BulkResult]) -> Response:
        done = sum(one.state == DONE for one in results)
        content = {"results": results, "done": done, "refusals": REFUSALS}
        return site.draw(request, "bulk_results.html.jinja", content, visitor=visitor)

    def asked(request: Request, visitor: Visitor, form: JointDecision) -> Response:
        rows = [*(one.row for one in form.views), *form.others]
        content = {"form": form, "refusals": REFUSALS, "rows": rows}
        status = HTTPStatus.CONFLICT if form.errors else HTTPStatus.OK
        return site.draw(request, "bulk_decision.html.jinja", content, visitor=visitor, status=status)

    async def rows_of(given: FormData) -> Sequence[CaseRow]:
        return await chosen_cases(parts, map(str, given.getlist("case")))

    @router.post("/bulk")
    async def choose(request: Request, visitor: working) -> Response:
        content = await _choices(parts, visitor, await rows_of(await guard.form(request, visitor)))
        return site.draw(request, "bulk.html.jinja", content, visitor=visitor)

    @router.post("/bulk/owner")
    async def assign(request: Request, visitor: working) -> Response:
        given = await guard.form(request, visitor)
        owner = str(given.get("owner", "")) or None
        return shown(request, visitor, await owned_by(parts, visitor, await rows_of(given), owner))

    @router.post("/bulk/decide")
    async def decide(request: Request, visitor: deciding) -> Response:
        given = await guard.form(request, visitor)
        values = {one: [str(text) for text in given.getlist(one)] for one in given}
        name, rows = str(given.get("decision", "")), await rows_of(given)
        form = await joint_decision(parts, visitor, name, rows, values)
        try:
            answered = await _answered(parts, visitor, form)
        except HabeasError as error:
            if (errors := form_errors(error, site.words(request).say)) is None:
                raise
            return asked(request, visitor, replace(form, errors=errors))
        if isinstance(answered, JointDecision):
            return asked(request, visitor, answered)
        return shown(request, visitor, answered)

    return router


async def _choices(parts: ConsoleParts, visitor: Visitor, rows: Sequence[CaseRow]) -> dict[str, Any]:
    """Return what the page offers for *rows*."""
    offers = [(one.offer, len(one.views)) for one in await bulk_offers(parts, visitor, rows)]
    known = {"rows": rows, "today": parts.today(), "decisions": offers}
    return {**known, "owners": await owners(parts)}


async def _answered(
    parts: ConsoleParts, visitor: Visitor, form: JointDecision
) -> Sequence[BulkResult] | JointDecision:
    """Decide on all cases of *form*; return it to be filled in, or with the letters that would follow."""
    if not form.views:
        return left_out(form)
    if CODE not in form.values:
        return form
    if PREVIEW in form.values:
        return replace(form, preview=await previewed_together(parts, visitor, form))
    return await decided_together(parts, visitor, form, form.value(CODE))
