"""Pages for auditors: openings, chains of the journals, and the trail of one case."""

from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from services.console.context import ConsoleParts
from services.console.decisions.case_decisions import CODE, PASSWORD, case_view, is_locked
from services.console.decisions.submission import StepUp
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.http.queries import OPENING_FIELDS, openings_of, wanted_openings
from services.console.pages.site import ConsoleSite
from services.console.read_model.openings import Opening, OpeningFilter, OpeningKind
from services.console.signin.local import SignInRefused
from services.console.state import CaseKind
from services.console.trails import exported_trail
from shared.contract.events import RequestId
from shared.contract.references import IdRange
from shared.pages.spreadsheets import csv_row
from shared.pages.translation import mark as _

COLUMNS = ("at", "account", "opened", "case", "reason")
KIND_NAMES: Mapping[str, str] = {
    OpeningKind.CONTENT: _("Content of a request"),
    OpeningKind.EVIDENCE: _("Proofs of identity"),
    OpeningKind.INCIDENT: _("Letters and lists of an incident"),
    OpeningKind.TRAIL: _("Trail exported"),
    OpeningKind.SEARCH: _("Search"),
}


def audit_routes(parts: ConsoleParts, guard: SessionGuard, site: ConsoleSite) -> APIRouter:
    """Return the routes for auditors."""
    router = APIRouter(include_in_schema=False)
    auditing = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.AUDIT))]

    @router.get("/audit")
    async def show(request: Request, visitor: auditing, after: str = "") -> Response:
        page = await openings_of(parts, request.query_params, after)
        given = {name: request.query_params.get(name, "") for name in OPENING_FIELDS}
        content = {
            "page": page,
            "given": given,
            "query": urlencode({name: value for name, value in given.items() if value}),
            "kinds": KIND_NAMES,
            "chains": await parts.chains.all(),
        }
        return site.draw(request, "audit.html.jinja", content, visitor=visitor)

    @router.get("/audit.csv")
    async def export(request: Request, visitor: auditing) -> Response:
        del visitor
        rows = sheet(parts.openings.all(wanted_openings(request.query_params)))
        headers = {"Content-Disposition": 'attachment; filename="openings.csv"', "Cache-Control": "no-store"}
        return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=headers)

    _add_trail(router, parts, guard, site)
    return router


def _add_trail(router: APIRouter, parts: ConsoleParts, guard: SessionGuard, site: ConsoleSite) -> None:
    """Add the page of one case: its openings, and the export of its trail."""
    auditing = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.AUDIT))]

    async def drawn(request: Request, visitor: Visitor, case: str, error: str = "") -> Response:
        view, _history = await case_view(parts, case)
        content = {
            "row": view.row,
            "page": await parts.openings.page(OpeningFilter(case=IdRange(case, case))),
            "kinds": KIND_NAMES,
            "exportable": view.row.kind is CaseKind.REQUEST and view.row.received_on is not None,
            "locked": is_locked(parts, visitor),
            "errors": {"": error} if error else {},
        }
        status = HTTPStatus.CONFLICT if error else HTTPStatus.OK
        return site.draw(request, "case_audit.html.jinja", content, visitor=visitor, status=status)

    @router.get("/requests/{case}/audit")
    async def show_case(request: Request, visitor: auditing, case: RequestId) -> Response:
        return await drawn(request, visitor, case)

    @router.post("/requests/{case}/audit")
    async def export_trail(request: Request, visitor: auditing, case: RequestId) -> Response:
        form = await guard.form(request, visitor)
        try:
            code, password = "".join(str(form.get(CODE, "")).split()), str(form.get(PASSWORD, ""))
            return await exported_trail(parts, visitor, case, StepUp(code, password))
        except SignInRefused as refused:
            return await drawn(request, visitor, case, str(refused))


async def sheet(openings: AsyncIterator[Opening]) -> AsyncIterator[str]:
    """Yield *openings* as CSV; no cell is a formula."""
    yield csv_row(COLUMNS)
    async for one in openings:
        at = one.at.isoformat(timespec="seconds")
        yield csv_row((at, one.account, one.kind.value, one.shown_case or "", one.reason or ""))
