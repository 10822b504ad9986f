"""The inbox and the list of all requests."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from services.console import labels
from services.console.case_work import cases_named
from services.console.context import ConsoleParts
from services.console.domain import UNDECIDED
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction, can_do
from services.console.http.queries import InboxView, filter_of, page_of, query_of, saved_query
from services.console.pages.site import ConsoleSite
from services.console.read_model.cases import CaseOrder, DueFilter
from services.console.saved_views import LONGEST_NAME
from services.console.state import CaseRow, CaseStage
from services.console.system.queue_states import parked_count
from shared.contract.references import short_reference
from shared.errors import TransientError
from shared.law.places import folded
from shared.pages.spreadsheets import csv_row
from shared.pages.translation import Words
from shared.pages.translation import mark as _

DUES: Mapping[str, str] = {
    DueFilter.LATE: _("Overdue"),
    DueFilter.TODAY: _("Today"),
    DueFilter.WEEK: _("Within 7 days"),
    DueFilter.MONTH: _("Within 30 days"),
}
VIEW_NAMES: Mapping[str, str] = {"me": _("For me"), "own": _("My cases"), "all": _("All work")}
DUTIES: Mapping[str, str] = {"yes": _("Open"), "no": _("Closed")}
LASTING = (*UNDECIDED, CaseStage.CLOSED)
"""Stages that cases stay in; the others last until the letter with the answer is sent."""
ORDERS: Mapping[str, str] = {CaseOrder.DUE: _("Last day"), CaseOrder.NEWEST: _("Newest first")}
SEE_OTHER = 303
COLUMNS = (
    *("id", "reference", "right", "law", "country", "source", "incident", "state", "received_on"),
    *("last_day", "outcome", "answered_at", "owner", "waits_for_staff"),
)


def list_routes(parts: ConsoleParts, guard: SessionGuard, site: ConsoleSite) -> APIRouter:
    """Return the routes of lists."""
    router = APIRouter(include_in_schema=False)
    listing = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.LIST))]

    @router.get("/")
    async def inbox(
        request: Request, visitor: listing, work: str = "", view: str = "", after: str = ""
    ) -> Response:
        shown = InboxView.of(visitor, view, work)
        content = {
            "page": await page_of(parts, shown.filter(), after),
            "counts": shown.counts(await parts.cases.work(parts.today(), shown.owner)),
            "work": shown.work,
            "kinds": shown.kinds,
            "view": shown.name,
            "views": VIEW_NAMES,
            "live": shown.name == InboxView.usual(visitor),
            "today": parts.today(),
            "can_do": can_do,
            "parked": await _parked(parts) if visitor.may(ConsoleAction.REPAIR) else 0,
        }
        return site.draw(request, "inbox.html.jinja", content, visitor=visitor)

    @router.get("/requests")
    async def requests(request: Request, visitor: listing, after: str = "") -> Response:
        views = await parts.views.of(visitor.member.name)
        default = next((one for one in views if one.default), None)
        if default is not None and not request.query_params:
            return RedirectResponse(f"/requests?{default.query}", SEE_OTHER)
        wanted = filter_of(request.query_params)
        page = await page_of(parts, wanted, after)
        content = {
            "page": page,
            "wanted": wanted,
            "query": query_of(request.query_params),
            "saved": saved_query(request.query_params),
            "views": views,
            "today": parts.today(),
        }
        content |= await _choices(parts, site, request)
        return site.draw(request, "requests.html.jinja", content, visitor=visitor)

    _add_export(router, parts, guard)
    _add_search(router, parts, guard, site)
    _add_views(router, parts, guard)
    return router


def _add_export(router: APIRouter, parts: ConsoleParts, guard: SessionGuard) -> None:
    """Add the list as CSV."""

    @router.get("/requests.csv")
    async def export(
        request: Request, visitor: Annotated[Visitor, Depends(guard.allowed(ConsoleAction.LIST))]
    ) -> Response:
        del visitor
        rows = parts.cases.all(filter_of(request.query_params), parts.today())
        headers = {"Content-Disposition": 'attachment; filename="requests.csv"', "Cache-Control": "no-store"}
        return StreamingResponse(sheet(rows), media_type="text/csv; charset=utf-8", headers=headers)


def _add_search(router: APIRouter, parts: ConsoleParts, guard: SessionGuard, site: ConsoleSite) -> None:
    """Add the search at intake, too."""

    @router.post("/search")
    async def search(
        request: Request, visitor: Annotated[Visitor, Depends(guard.allowed(ConsoleAction.WORK))]
    ) -> Response:
        given = await guard.form(request, visitor)
        found = await cases_named(parts, visitor, str(given.get("term", "")).strip())
        content = {"page": found.page, "unregistered": len(found.unregistered), "today": parts.today()}
        return site.draw(request, "found.html.jinja", content, visitor=visitor)


def _add_views(router: APIRouter, parts: ConsoleParts, guard: SessionGuard) -> None:
    """Add the saved views of an account."""
    listing = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.LIST))]

    @router.post("/views")
    async def save(request: Request, visitor: listing) -> Response:
        given = await guard.form(request, visitor)
        name = str(given.get("name", "")).strip()[:LONGEST_NAME]
        query = saved_query(dict(parse_qsl(str(given.get("query", ""))[:2000])))
        if not name or not query:
            raise HTTPException(400, "a view needs a name and a filter")
        default = bool(given.get("default"))
        if not await parts.views.save(visitor.member.name, name, query, default=default):
            raise HTTPException(413, "the account has too many views")
        return RedirectResponse(f"/requests?{query}", SEE_OTHER)

    @router.post("/views/delete")
    async def delete(request: Request, visitor: listing) -> Response:
        given = await guard.form(request, visitor)
        await parts.views.delete(visitor.member.name, str(given.get("view", "")))
        return RedirectResponse(f"/requests?order={CaseOrder.DUE}", SEE_OTHER)


async def _parked(parts: ConsoleParts) -> int:
    """Return the number of parked messages; 0 if the broker does not answer, which the system page shows."""
    try:
        return await parked_count(parts.settings.amqp_url.get_secret_value())
    except TransientError:
        return 0


async def _choices(parts: ConsoleParts, site: ConsoleSite, request: Request) -> dict[str, Any]:
    """Return the values of each filter, with the names that pages show."""
    words = site.words(request)
    say = words.say
    stage = request.query_params.get("stage", "")
    people = [(one.name, one.title) for one in await parts.accounts.members()]
    return {
        "stages": [(one, say(name)) for one, name in labels.STAGES.items() if one in {*LASTING, stage}],
        "outcomes": [(one, say(name)) for one, name in labels.OUTCOMES.items()],
        "rights": [(one, say(name)) for one, name in labels.RIGHTS.items()],
        "laws": law_choices(await parts.cases.values("law_name"), words),
        "countries": sorted(
            ((code, labels.place(code, words)) for code in await parts.cases.values("country")),
            key=lambda one: folded(one[1]),
        ),
        "sources": _same(await parts.cases.values("source")),
        "incidents": _same(await parts.cases.values("incident")),
        "owners": [("-", say(_("No owner"))), *people],
        "dues": [(one, say(name)) for one, name in DUES.items()],
        "works": [("any", say(_("Any work"))), *((one, say(name)) for one, name in labels.WAITS.items())],
        "duties": [(one, say(name)) for one, name in DUTIES.items()],
        "orders": [(one, say(name)) for one, name in ORDERS.items()],
    }


def law_choices(laws: Iterable[str], words: Words) -> Sequence[tuple[str, str]]:
    """Return *laws* with their names in the language of *words*, in the order of names."""
    return sorted(((law, words.say(labels.law(law))) for law in laws), key=lambda one: folded(one[1]))


def _same(values: Iterable[str]) -> Sequence[tuple[str, str]]:
    return [(value, value) for value in values]


async def sheet(rows: AsyncIterator[CaseRow]) -> AsyncIterator[str]:
    """Yield *rows* as CSV; no cell is a formula."""
    yield csv_row(COLUMNS)
    async for row in rows:
        yield csv_row(_cells(row))


def _cells(row: CaseRow) -> Sequence[object]:
    days = (row.received_on, row.next_due, row.outcome, row.answered_at)
    plain = (row.id, short_reference(row.id), row.right, row.law, row.country, row.source, row.incident)
    return (*plain, row.stage, *days, row.owner, " ".join(row.waiting))
