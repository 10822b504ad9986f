"""The page of figures: tables and charts that can be printed, and the same as CSV."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from services.console import labels
from services.console.context import ConsoleParts
from services.console.http.guard import SessionGuard, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.http.queries import YEARS_SHOWN, FigureView, chosen
from services.console.pages.site import ConsoleSite
from services.console.read_model.figures import (
    FigureField,
    FigureLine,
    FigurePeriod,
    ccpa_lines,
    lines,
)
from services.console.registers import RegisterFileFormat, register_file
from shared.pages.spreadsheets import csv_row
from shared.pages.translation import mark as _

PERIODS: Mapping[str, str] = {
    FigurePeriod.MONTH: _("Month"),
    FigurePeriod.QUARTER: _("Quarter"),
    FigurePeriod.YEAR: _("Year"),
}
FIELDS: Mapping[str, str] = {
    FigureField.RIGHT: _("Right"),
    FigureField.LAW: _("Law"),
    FigureField.SOURCE: _("Source"),
    FigureField.GROUND: _("Ground of a refusal"),
    FigureField.LIMIT: _("Ground of a part withheld"),
}
CCPA_KINDS: Mapping[str, str] = {
    "delete": _("Requests to delete"),
    "correct": _("Requests to correct"),
    "know": _("Requests to know"),
    "opt_out": _("Requests to opt out of sale"),
    "limit": _("Requests to limit"),
}
COLUMNS = (
    *("group", "received", "open", "answered", "in_time_percent", "median_days", "p95_days"),
    *("granted", "partly_granted", "nothing_held", "refused", "lapsed"),
    *("withdrawn", "forwarded", "duplicate"),
)
CHART_HEIGHT = 120


@dataclass(frozen=True, slots=True)
class ChartBar:
    """A bar of a chart, in its own units."""

    name: str
    count: int
    x: int
    y: int
    height: int


def figure_routes(parts: ConsoleParts, guard: SessionGuard, site: ConsoleSite) -> APIRouter:
    """Return the routes of figures."""
    router = APIRouter(include_in_schema=False)
    reading = Annotated[Visitor, Depends(guard.allowed(ConsoleAction.FIGURES))]

    @router.get("/figures")
    async def show(request: Request, visitor: reading) -> Response:
        view = FigureView.of(request.query_params, parts.today())
        all_cells = await parts.figures.cells(view.first, view.last)
        periods = lines(all_cells, lambda cell: (cell.period(view.period),))
        cells = view.of_year(all_cells)
        content = {
            "view": view,
            "periods": periods,
            "bars": bars(periods),
            "groups": lines(cells, lambda cell: cell.values(view.divided)),
            "ccpa": ccpa_lines(cells) if any(cell.of_california for cell in cells) else [],
            "ages": await parts.figures.ages(parts.today()),
            "period_names": PERIODS,
            "field_names": FIELDS,
            "ccpa_names": CCPA_KINDS,
            "years": range(parts.today().year, parts.today().year - YEARS_SHOWN, -1),
            "shown": name_of,
        }
        return site.draw(request, "figures.html.jinja", content, visitor=visitor)

    @router.get("/figures.csv")
    async def export(request: Request, visitor: reading, table: str = "groups") -> Response:
        del visitor
        headers = {"Content-Disposition": 'attachment; filename="figures.csv"', "Cache-Control": "no-store"}
        if table == "ages":
            text = ages_sheet(await parts.figures.ages(parts.today()))
        else:
            view = FigureView.of(request.query_params, parts.today())
            text = sheet(chosen(table, view, await parts.figures.cells(view.first, view.last)))
        return Response(text, media_type="text/csv; charset=utf-8", headers=headers)

    @router.get("/register.csv")
    async def export_register(request: Request, visitor: reading) -> Response:
        del visitor
        year = FigureView.of(request.query_params, parts.today()).year
        return register_file(parts, year, "", RegisterFileFormat.CSV)

    return router


def name_of(view: FigureView, line: FigureLine) -> str:
    """Return the name of a group, to be translated unless it is a source."""
    match view.divided:
        case FigureField.RIGHT:
            return labels.RIGHTS.get(line.name, line.name)
        case FigureField.LAW:
            return labels.law(line.name)
        case FigureField.GROUND | FigureField.LIMIT:
            return labels.named(line.name)
        case FigureField.SOURCE:
            return line.name


def bars(periods: Sequence[FigureLine]) -> list[ChartBar]:
    """Return the bars of a chart of volumes: 40 units apart, the highest 120 high."""
    most = max((line.received for line in periods), default=0) or 1
    heights = [max(1, line.received * CHART_HEIGHT // most) for line in periods]
    return [
        ChartBar(line.name, line.received, 40 * number, CHART_HEIGHT - height, height)
        for number, (line, height) in enumerate(zip(periods, heights, strict=True))
    ]


def sheet(found: Iterable[FigureLine]) -> str:
    """Return *found* as CSV; no cell is a formula."""
    rows = [csv_row(COLUMNS)]
    for line in found:
        outcomes = (line.results[name] for name in COLUMNS[7:])
        days = "" if line.median is None else f"{line.median:g}"
        numbers = (line.received, line.open, line.answered, line.share_in_time, days, line.p95)
        rows.append(csv_row((line.name, *numbers, *outcomes)))
    return "".join(rows)


def ages_sheet(ages: Mapping[str, int]) -> str:
    """Return the open requests by age as CSV."""
    return "".join(csv_row(cells) for cells in (("age_days", "open"), *ages.items()))
