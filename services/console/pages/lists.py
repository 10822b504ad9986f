"""The inbox and the list of all requests."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter, ValidationError

from services.console.context import ConsoleParts
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.pages import labels
from services.console.pages.site import ConsoleSite
from services.console.read_model.cases import MOST_COUNTED, CaseFilter, CaseOrder, DueFilter
from services.console.state import CaseRow, WaitKind
from shared.contract.references import short_reference
from shared.pages.spreadsheets import safe_cell
from shared.pages.translation import mark as _

DUES: Mapping[str, str] = {
    DueFilter.LATE: _("Overdue"),
    DueFilter.TODAY: _("Today"),
    DueFilter.WEEK: _("Within 7 days"),
    DueFilter.MONTH: _("Within 30 days"),
}
ORDERS: Mapping[str, str] = {CaseOrder.DUE: _("Last day"), CaseOrder.NEWEST: _("Newest first")}
PLAIN = ("text", "stage", "right", "law", "country", "source", "incident", "owner")
DAY: TypeAdapter[date] = TypeAdapter(date)
COLUMNS = (
    *("id", "reference", "right", "law", "country", "source", "incident", "state", "received_on"),
    *("last_day", "outcome", "answered_at", "owner", "waits_for_staff"),
)


def list_routes(desk: ConsoleParts, guard: SessionGuard, site: ConsoleSite) -> APIRouter:
    """Return the routes of lists."""
    router = APIRouter(include_in_schema=False)
    listing = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.LIST))]

    @router.get("/")
    async def inbox(
        request: Request, visitor: listing, work: str = "", mine: str = "", after: str = ""
    ) -> Response:
        chosen = work if work in set(WaitKind) else ""
        owner = visitor.member.name if mine else ""
        wanted = CaseFilter(kind=None, waiting=chosen or "any", owner=owner)
        page = await desk.cases.page(wanted, desk.today(), marked(after))
        counts = await desk.cases.counts(desk.today(), owner)
        content = {"page": page, "counts": counts, "work": chosen, "mine": bool(mine), "today": desk.today()}
        return site.draw(request, "inbox.html.jinja", content, visitor=visitor)

    @router.get("/requests")
    async def requests(request: Request, visitor: listing, after: str = "") -> Response:
        wanted = filter_of(request.query_params)
        page = await desk.cases.page(wanted, desk.today(), marked(after))
        query = urlencode([(name, value) for name, value in request.query_params.items() if name != "after"])
        content = {
            "page": page,
            "wanted": wanted,
            "query": query,
            "today": desk.today(),
            "most": MOST_COUNTED,
        }
        content |= await _choices(desk, site, request)
        return site.draw(request, "requests.html.jinja", content, visitor=visitor)

    @router.get("/requests.csv")
    async def export(request: Request, visitor: listing) -> Response:
        del visitor
        rows = desk.cases.all(filter_of(request.query_params), desk.today())
        headers = {"Content-Disposition": 'attachment; filename="requests.csv"', "Cache-Control": "no-store"}
        return StreamingResponse(sheet(rows), media_type="text/csv; charset=utf-8", headers=headers)

    return router


def filter_of(given: Mapping[str, str]) -> CaseFilter:
    """Return the filter that an address names. Raises HTTPException if a value is none."""
    plain: dict[str, Any] = {name: given.get(name, "")[:200] for name in PLAIN}
    try:
        return CaseFilter(
            **plain,
            due=DueFilter(given["due"]) if given.get("due") else None,
            order=CaseOrder(given.get("order") or CaseOrder.DUE),
            received_from=DAY.validate_python(given["from"]) if given.get("from") else None,
            received_to=DAY.validate_python(given["to"]) if given.get("to") else None,
            waiting=given.get("waiting", "") if given.get("waiting") in {"any", *WaitKind} else "",
        )
    except (ValueError, ValidationError):
        raise HTTPException(400, "the address names a filter that does not exist") from None


def marked(after: str) -> str:
    """Return the mark *after*; raise HTTPException if it is too long to be one."""
    if len(after) > 500:  # noqa: PLR2004 - of base64
        raise HTTPException(400, "not a mark of a page")
    return after


async def _choices(desk: ConsoleParts, site: ConsoleSite, request: Request) -> dict[str, Any]:
    """Return the values of each filter, with the names that pages show."""
    say = site.words(request).say
    laws = sorted({labels.law_of(one) for one in await desk.cases.values("laws")})
    people = [(one.name, one.title) for one in await desk.accounts.members()]
    return {
        "stages": [(one, say(name)) for one, name in labels.STAGES.items()],
        "rights": [(one, say(name)) for one, name in labels.RIGHTS.items()],
        "laws": _same(laws),
        "countries": _same(await desk.cases.values("country")),
        "sources": _same(await desk.cases.values("source")),
        "incidents": _same(await desk.cases.values("incident")),
        "owners": [("-", say(_("No owner"))), *people],
        "dues": [(one, say(name)) for one, name in DUES.items()],
        "orders": [(one, say(name)) for one, name in ORDERS.items()],
    }


def _same(values: Iterable[str]) -> Sequence[tuple[str, str]]:
    return [(value, value) for value in values]


async def sheet(rows: AsyncIterator[CaseRow]) -> AsyncIterator[str]:
    """Yield *rows* as CSV; no cell is a formula."""
    yield _line(COLUMNS)
    async for row in rows:
        yield _line(_cells(row))


def _cells(row: CaseRow) -> Sequence[str]:
    days = (row.received_on, row.next_due, row.outcome, row.answered_at)
    plain = (row.id, short_reference(row.id), row.right, row.law, row.country, row.source, row.incident)
    cells = (*plain, row.stage, *days, row.owner, " ".join(row.waiting))
    return ["" if cell is None else safe_cell(str(cell)) for cell in cells]


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
