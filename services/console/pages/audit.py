"""Pages for auditors: openings, chains of the journals, and the trail of one case."""

from collections.abc import AsyncIterator, Mapping
from datetime import date, timedelta
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import ValidationError
from starlette.datastructures import FormData

from services.console.context import ConsoleParts
from services.console.decisions.case_decisions import CODE, PASSWORD, case_view, is_locked
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.pages.site import ConsoleSite
from services.console.read_model.openings import Opening, OpeningFilter, OpeningKind
from services.console.signin.local import BUSY, WRONG, Credentials, SignInRefused, unlocked_by
from services.console.signin.sessions import UnlockedKey
from services.console.state import CaseKind
from shared.contract.events import RequestId
from shared.contract.references import IdRange, references_in, short_reference
from shared.pages.spreadsheets import csv_row
from shared.pages.translation import mark as _
from shared.runtime.staff_api import DecisionNotAccepted, StaffApiProblem

LATEST = 9999
COLUMNS = ("at", "account", "opened", "case", "reason")
KIND_NAMES: Mapping[str, str] = {
    OpeningKind.CONTENT: _("Content of a request"),
    OpeningKind.EVIDENCE: _("Proofs of identity"),
    OpeningKind.INCIDENT: _("Letters and lists of an incident"),
    OpeningKind.TRAIL: _("Trail exported"),
}


def audit_routes(parts: ConsoleParts, guard: SessionGuard, site: ConsoleSite) -> APIRouter:
    """Return the routes for auditors."""
    router = APIRouter(include_in_schema=False)
    auditing = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.AUDIT))]

    @router.get("/audit")
    async def show(request: Request, visitor: auditing, after: str = "") -> Response:
        wanted = wanted_openings(request.query_params)
        try:
            page = await parts.openings.page(wanted, after)
        except ValueError:
            raise HTTPException(HTTPStatus.BAD_REQUEST, "no such page") from None
        given = {name: request.query_params.get(name, "") for name in FIELDS}
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
            bearer = (await _unlocked(parts, visitor, form)).bearer
            archive = await exported(parts, visitor, case, bearer)
        except SignInRefused as refused:
            return await drawn(request, visitor, case, str(refused))
        name = f"trail-{short_reference(case)}.zip"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return Response(archive, media_type="application/zip", headers=headers)


FIELDS = ("account", "case", "from", "to")
"""Fields of an address that filter openings."""


def wanted_openings(given: Mapping[str, str]) -> OpeningFilter:
    """Read the address; raise HTTPException if a day is none."""
    text = given.get("case", "").strip()
    try:
        first, last = (date.fromisoformat(day) if (day := given.get(name)) else None for name in FIELDS[2:])
    except ValueError:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "not a day") from None
    if last is not None and last.year >= LATEST:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "the day is too far")
    return OpeningFilter(given.get("account", "").strip(), _case_named(text) if text else None, first, last)


def _case_named(text: str) -> IdRange:
    """Return the ids that *text* names: a short reference, or an id."""
    return next(references_in(text), IdRange(text.lower(), text.lower()))


async def _unlocked(parts: ConsoleParts, visitor: Visitor, form: FormData) -> UnlockedKey:
    """
    Return the session of *visitor* at intake; begin it with password and code where a provider signed in.

    Raises SignInRefused as :func:`unlocked_by`.
    """
    known, now = visitor.session.unlocked, parts.clock()
    if known is not None and known.until > now:
        return known
    if not parts.passwords.take(visitor.member.name):  # a thief of the provider's session would try many
        raise SignInRefused(BUSY)
    code = "".join(str(form.get(CODE, "")).split())
    try:
        given = Credentials(visitor.member.name, str(form.get(PASSWORD, "")), code)
        found = await unlocked_by(parts, given, visitor.session.ends_at - timedelta(seconds=1))
    except ValidationError:
        raise SignInRefused(WRONG) from None
    await parts.sessions.unlock(visitor.session, found)
    return found


async def exported(parts: ConsoleParts, visitor: Visitor, case: str, bearer: str) -> bytes:
    """Return the signed archive of a trail from intake; raises HTTPException as intake answers."""
    try:
        answer = await parts.intake.response("POST", f"/v1/staff/cases/{case}/trail", bearer)
    except StaffApiProblem as problem:
        if problem.status == HTTPStatus.UNAUTHORIZED:
            await parts.sessions.lock(visitor.session)
        raise HTTPException(problem.status, str(problem)) from None
    except DecisionNotAccepted as refused:
        raise HTTPException(HTTPStatus.FORBIDDEN, str(refused)) from None
    return bytes(answer.content)


async def sheet(openings: AsyncIterator[Opening]) -> AsyncIterator[str]:
    """Yield *openings* as CSV; no cell is a formula."""
    yield csv_row(COLUMNS)
    async for one in openings:
        at = one.at.isoformat(timespec="seconds")
        yield csv_row((at, one.account, one.kind.value, one.case, one.reason or ""))
