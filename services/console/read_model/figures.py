"""
Figures about requests: volume, time to the answer, share in time, by period and by a field.

The database counts; durations are whole days, so that medians follow from counts. Each row has its fields of
figures in one value, so that an index alone is counted. A reading is kept for a minute.

Law:
    11 CCR § 7102(a)(1): requests to delete, correct, know, opt out and limit: received, complied with in
    whole or in part, denied; median days to the answer, for a calendar year. `habeas report` counts alike.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

import orjson

from services.console.read_model.cases import OPEN, OPEN_BY_RECEIPT, IndexKeys
from services.console.state import CaseKind, CaseRow, Document, name_of
from shared.errors import StoreUnavailable
from shared.quantiles import median, quantile
from shared.runtime.mongo import Database, IndexModel, translated
from shared.vocabulary import Outcome, Right

KEPT_S = 60.0
"""How long a reading is used again."""
FIGURE: IndexKeys = [("figure", 1)]
CCPA = "us-ca-ccpa"
CCPA_RIGHTS: Mapping[str, tuple[Right, ...]] = {
    "delete": (Right.ERASURE,),
    "correct": (Right.RECTIFICATION,),
    "know": (Right.ACCESS, Right.PORTABILITY, Right.KNOW_CATEGORIES),
    "opt_out": (Right.OPT_OUT_OF_SALE,),
    "limit": (Right.LIMIT_SENSITIVE_USE,),
}
"""Kinds of requests that 11 CCR § 7102 counts → rights."""


class FigurePeriod(StrEnum):
    """Length of a period."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class FigureField(StrEnum):
    """Field that figures are divided by."""

    RIGHT = "right"
    LAW = "law"
    SOURCE = "source"
    GROUND = "ground"


@dataclass(frozen=True, slots=True)
class FigureCell:
    """Requests that agree in all fields of figures, and their number."""

    month: str
    right: str
    law: str
    of_california: bool
    """Whether the law of California protects the person, beside others."""
    source: str
    outcome: str
    grounds: tuple[str, ...]
    days: int | None
    """Days from receipt to the letter with the answer; None without one."""
    in_time: bool | None
    """Whether that letter came by the last day; None while the request is open."""
    open: bool
    count: int

    @classmethod
    def read(cls, value: str, count: int) -> "FigureCell":
        """Return *count* requests with the fields of *value*, from :func:`figure_value`."""
        month, right, law, of_california, source, outcome, grounds, days, in_time, is_open = orjson.loads(
            value
        )
        plain = (month, right, law, of_california, source, outcome)
        return cls(*plain, tuple(grounds), days, in_time, is_open, count)

    def values(self, divided: FigureField) -> Sequence[str]:
        """Return the values of a field: of grounds there may be several."""
        if divided is FigureField.GROUND:
            return self.grounds
        return (str(getattr(self, divided.value)),)

    def period(self, length: FigurePeriod) -> str:
        """Return the name of the period: ``2026-03``, ``2026-Q1``, ``2026``."""
        year, month = self.month.split("-")
        match length:
            case FigurePeriod.MONTH:
                return self.month
            case FigurePeriod.QUARTER:
                return f"{year}-Q{(int(month) + 2) // 3}"
            case FigurePeriod.YEAR:
                return year


@dataclass(slots=True)
class FigureLine:
    """The figures of one group of requests."""

    name: str
    received: int = 0
    open: int = 0
    answered: int = 0
    in_time: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    durations: Counter[int] = field(default_factory=Counter)

    def add(self, cell: FigureCell) -> None:
        """Count *cell*."""
        self.received += cell.count
        self.open += cell.count if cell.open else 0
        self.outcomes[cell.outcome] += cell.count
        if cell.days is not None:
            self.durations[cell.days] += cell.count
        if cell.in_time is not None:
            self.answered += cell.count
            self.in_time += cell.count if cell.in_time else 0

    @property
    def median(self) -> float | None:
        """Median of days to the answer."""
        return median(self.durations)

    @property
    def p95(self) -> int | None:
        """Days within which 95 of 100 answers came."""
        return quantile(self.durations, 0.95)

    @property
    def share_in_time(self) -> float | None:
        """Percentage of answers that came by the last day."""
        return None if not self.answered else round(100 * self.in_time / self.answered, 1)

    @property
    def complied(self) -> int:
        """Requests granted in whole or in part; one for which nothing is held counts apart."""
        return self.outcomes[Outcome.GRANTED] + self.outcomes[Outcome.PARTLY_GRANTED]

    @property
    def nothing_held(self) -> int:
        """Requests whose search found nothing."""
        return self.outcomes[Outcome.NOTHING_HELD]

    @property
    def denied(self) -> int:
        """Requests that were refused."""
        return self.outcomes[Outcome.REFUSED]


def lines(cells: Iterable[FigureCell], names: Callable[[FigureCell], Sequence[str]]) -> list[FigureLine]:
    """Return the figures of each group, by name; a cell may belong to several."""
    found: dict[str, FigureLine] = {}
    for cell in cells:
        for name in names(cell):
            found.setdefault(name, FigureLine(name)).add(cell)
    return [found[name] for name in sorted(found)]


def ccpa_lines(cells: Iterable[FigureCell]) -> list[FigureLine]:
    """
    Return the figures of 11 CCR § 7102: a line for each kind of request, also without any.

    A request counts if the law protects the person, also where it is answered under another one.
    """
    found = {kind: FigureLine(kind) for kind in CCPA_RIGHTS}
    kinds = {right.value: kind for kind, rights in CCPA_RIGHTS.items() for right in rights}
    for cell in cells:
        if cell.of_california and cell.right in kinds:
            found[kinds[cell.right]].add(cell)
    return list(found.values())


AGES: Sequence[tuple[str, int]] = (("0-7", 7), ("8-14", 14), ("15-30", 30), ("31-45", 45), ("46-90", 90))
OLDEST = "91+"


class FigureReader:
    """Reads the figures of an installation."""

    def __init__(self, database: Database) -> None:
        """Read them in *database*."""
        self._cases = database["cases"]
        self._known: dict[tuple[str, str], tuple[float, asyncio.Task[list[FigureCell]]]] = {}

    async def prepare(self) -> None:
        """Create the index."""
        with translated("index the figures"):
            await self._cases.create_indexes([IndexModel(FIGURE, sparse=True)])

    async def cells(self, first: date, last: date) -> list[FigureCell]:
        """
        Return the counts of requests received in the months from *first* to *last*, not older than a minute.

        Who asks while they are counted gets the same ones.
        """
        key, now = (first.isoformat()[:7], last.isoformat()[:7]), asyncio.get_running_loop().time()
        self._known = {one: kept for one, kept in self._known.items() if now - kept[0] < KEPT_S}
        if key not in self._known:
            self._known[key] = now, asyncio.create_task(self._read(*key))
        try:
            return await asyncio.shield(self._known[key][1])
        except StoreUnavailable:
            self._known.pop(key, None)
            raise

    async def ages(self, today: date) -> Mapping[str, int]:
        """Return the number of open requests by age in days."""
        counted = dict.fromkeys([*(name for name, _ in AGES), OLDEST], 0)
        days = {"$group": {"_id": "$received_on", "count": {"$sum": 1}}}
        with translated("count open requests"):
            async for one in self._cases.aggregate([{"$match": OPEN}, days], hint=OPEN_BY_RECEIPT):
                age = (today - date.fromisoformat(one["_id"])).days
                counted[next((name for name, most in AGES if age <= most), OLDEST)] += one["count"]
        return counted

    async def _read(self, first: str, last: str) -> list[FigureCell]:
        received = {"figure": {"$gte": f'["{first}', "$lt": f'["{last}~'}}
        group = {"$group": {"_id": "$figure", "count": {"$sum": 1}}}
        pipeline: list[Document] = [{"$match": received}, group]
        with translated("count requests"):
            counted = self._cases.aggregate(pipeline, hint=dict(FIGURE))
            return [FigureCell.read(one["_id"], one["count"]) async for one in counted]


def figure_value(row: CaseRow, zone: ZoneInfo) -> str | None:
    """Return the fields of figures of *row* as one value, days of *zone*; None if it is no request."""
    if row.kind is not CaseKind.REQUEST or row.received_on is None or row.received_at is None:
        return None
    sent_on = row.sent_at.astimezone(zone).date() if row.sent_at else None
    days = (sent_on - row.received_at.astimezone(zone).date()).days if sent_on else None
    in_time = (row.due_on is not None and sent_on <= row.due_on) if sent_on else None
    of_california = any(name_of(law) == CCPA for law in row.laws)
    plain = (row.right or "", name_of(row.law or ""), of_california, row.source or "", row.outcome or "")
    return orjson.dumps([f"{row.received_on:%Y-%m}", *plain, row.grounds, days, in_time, row.open]).decode()
