"""
Queries in addresses: filters of lists and openings, views of the inbox, and figures.

Pages and API read them alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from fastapi import HTTPException
from pydantic import TypeAdapter, ValidationError

from services.console.context import ConsoleParts
from services.console.http.guard import Visitor
from services.console.http.permissions import work_of
from services.console.read_model.cases import CaseFilter, CaseOrder, CasePage, DueFilter, WaitingWork
from services.console.read_model.figures import (
    FigureCell,
    FigureField,
    FigureLine,
    FigurePeriod,
    ccpa_lines,
    lines,
)
from services.console.read_model.holds import HoldFilter, HoldPage
from services.console.read_model.openings import OpeningFilter, OpeningPage
from services.console.read_model.recipients import NoticePage
from services.console.state import CaseKind, HoldState, WaitKind
from shared.contract.references import IdRange, references_in

PLAIN = ("text", "stage", "outcome", "right", "law", "country", "source", "incident", "owner")
FILTERS = frozenset({*PLAIN, "kind", "due", "meant_by", "order", "from", "to", "waiting", "open"})
"""Names in the address of a list."""
INBOX_VIEWS = ("me", "own", "all")
EARLIEST, LATEST = 2018, 2100
LAST_YEAR = 9999
YEARS_SHOWN = 4
DAY: TypeAdapter[date] = TypeAdapter(date)


def filter_of(given: Mapping[str, str]) -> CaseFilter:
    """Return the filter that an address names. Raises HTTPException if a value is none, or a mail address."""
    if "@" in given.get("text", ""):
        raise HTTPException(422, "an address of a page must not have a mail address")
    plain: dict[str, Any] = {name: given.get(name, "")[:200] for name in PLAIN}
    try:
        return CaseFilter(
            **plain,
            kind=CaseKind(given.get("kind") or CaseKind.REQUEST),
            due=DueFilter(given["due"]) if given.get("due") else None,
            order=CaseOrder(given.get("order") or CaseOrder.DUE),
            meant_by=DAY.validate_python(given["meant_by"]) if given.get("meant_by") else None,
            received_from=DAY.validate_python(given["from"]) if given.get("from") else None,
            received_to=DAY.validate_python(given["to"]) if given.get("to") else None,
            waiting=given.get("waiting", "") if given.get("waiting") in {"any", *WaitKind} else "",
            open={"yes": True, "no": False}.get(given.get("open", "")),
        )
    except (ValueError, ValidationError):
        raise HTTPException(400, "the address names a filter that does not exist") from None


def query_of(given: Mapping[str, str]) -> str:
    """Return the filters of an address, without the place in the list."""
    return urlencode([(name, value) for name, value in given.items() if name in FILTERS and value])


def saved_query(given: Mapping[str, str]) -> str:
    """Return the filters of an address that a view keeps: all but the text. Raises as :func:`filter_of`."""
    filter_of(given)
    return query_of({name: value for name, value in given.items() if name != "text"})


async def page_of(parts: ConsoleParts, wanted: CaseFilter, after: str) -> CasePage:
    """Return the page of *wanted* after the mark *after*; answer 400 if it is none."""
    try:
        return await parts.cases.page(wanted, parts.today(), after)
    except ValueError:
        raise HTTPException(400, "not a mark of a page") from None


@dataclass(frozen=True, slots=True)
class InboxView:
    """A view of the waiting work of an account."""

    name: str
    """``me``: what the account can do; ``own``: what it owns; ``all``."""
    work: str
    """A kind of work; empty for all."""
    visitor: Visitor

    @classmethod
    def of(cls, visitor: Visitor, name: str, work: str) -> "InboxView":
        """Return the view *name*; by default what the account can do, if its roles can do something."""
        known = name if name in INBOX_VIEWS else cls.usual(visitor)
        return cls(known, work if work in set(WaitKind) else "", visitor)

    @staticmethod
    def usual(visitor: Visitor) -> str:
        """Return the view that an account starts with."""
        return "me" if work_of(visitor.member.roles) else "all"

    @property
    def owner(self) -> str:
        """The account whose cases are shown; empty for all."""
        return self.visitor.member.name if self.name == "own" else ""

    @property
    def account(self) -> str:
        """The account that must be able to do the work; empty for any."""
        return self.visitor.member.name if self.name == "me" else ""

    def filter(self) -> CaseFilter:
        """Return the filter of the list."""
        kinds, waiting = work_of(self.visitor.member.roles), self.work or "any"
        return CaseFilter(kind=None, waiting=waiting, owner=self.owner, doable=kinds, account=self.account)

    @property
    def kinds(self) -> Sequence[WaitKind]:
        """The kinds of work that the view shows: for an account, those that its roles can do."""
        return work_of(self.visitor.member.roles) if self.account else tuple(WaitKind)

    def counts(self, known: WaitingWork) -> Mapping[str, int]:
        """Return the numbers of the view, of the *known* work."""
        return known.counts(self.kinds, self.account)


@dataclass(frozen=True, slots=True)
class FigureView:
    """The choices in the address of figures."""

    year: int
    period: FigurePeriod
    divided: FigureField

    @classmethod
    def of(cls, given: Mapping[str, str], today: date) -> "FigureView":
        """Read the address; raise HTTPException if it names something else."""
        try:
            year = int(given.get("year") or today.year)
            period = FigurePeriod(given.get("period") or FigurePeriod.MONTH)
            divided = FigureField(given.get("by") or FigureField.RIGHT)
        except ValueError:
            raise HTTPException(400, "the address names figures that do not exist") from None
        if not EARLIEST <= year <= LATEST:
            raise HTTPException(400, "the address names a year that is too far")
        return cls(year, period, divided)

    @property
    def first(self) -> date:
        """The first day: years are shown beside those before."""
        return date(self.year - (YEARS_SHOWN if self.period is FigurePeriod.YEAR else 0), 1, 1)

    @property
    def last(self) -> date:
        """The last day."""
        return date(self.year, 12, 31)

    def of_year(self, cells: Sequence[FigureCell]) -> list[FigureCell]:
        """Return the *cells* of the year itself."""
        return [cell for cell in cells if cell.month.startswith(f"{self.year}-")]


def chosen(table: str, view: FigureView, cells: Sequence[FigureCell]) -> list[FigureLine]:
    """Return the lines of a table of the page."""
    match table:
        case "ccpa":
            return ccpa_lines(view.of_year(cells))
        case "periods":
            return lines(cells, lambda cell: (cell.period(view.period),))
        case _:
            return lines(view.of_year(cells), lambda cell: cell.values(view.divided))


HOLD_FIELDS = ("state", "collection")
"""Fields of an address that filter holds."""


async def holds_of_query(parts: ConsoleParts, given: Mapping[str, str], after: str) -> HoldPage:
    """Return the holds of an address after the mark *after*; answer 400 to a wrong mark or state."""
    state, collection = given.get("state", ""), given.get("collection", "").strip()
    if state not in {"", HoldState.STANDING}:
        raise HTTPException(400, "not a state of a filter")
    wanted = HoldFilter(standing=bool(state), collection=collection)
    try:
        return await parts.holds.page(wanted, parts.today(), after)
    except ValueError:
        raise HTTPException(400, "not a mark of a page") from None


async def notices_of_query(parts: ConsoleParts, after: str, *, failed: bool) -> NoticePage:
    """Return the notices to recipients after the mark *after*; answer 400 if it is none."""
    try:
        return await parts.notices.page(failed=failed, after=after)
    except ValueError:
        raise HTTPException(400, "not a mark of a page") from None


OPENING_FIELDS = ("account", "case", "from", "to")
"""Fields of an address that filter openings."""


async def openings_of(parts: ConsoleParts, given: Mapping[str, str], after: str) -> OpeningPage:
    """Return the openings of an address after the mark *after*; answer 400 if it is none."""
    try:
        return await parts.openings.page(wanted_openings(given), after)
    except ValueError:
        raise HTTPException(400, "not a mark of a page") from None


def wanted_openings(given: Mapping[str, str]) -> OpeningFilter:
    """Read the address; raise HTTPException if a day is none."""
    text = given.get("case", "").strip()
    try:
        first, last = (
            date.fromisoformat(day) if (day := given.get(name)) else None for name in OPENING_FIELDS[2:]
        )
    except ValueError:
        raise HTTPException(400, "not a day") from None
    if last is not None and last.year >= LAST_YEAR:
        raise HTTPException(400, "the day is too far")
    return OpeningFilter(given.get("account", "").strip(), _case_named(text) if text else None, first, last)


def _case_named(text: str) -> IdRange:
    """Return the ids that *text* names: a short reference, or an id."""
    return next(references_in(text), IdRange(text.lower(), text.lower()))
