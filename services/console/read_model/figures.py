"""
Figures about requests: volume, time to the answer, share in time, by period and by a field.

Each request counts as its entry in the register (:mod:`shared.contract.register`). The database counts;
durations are whole days, so that medians follow from counts. Each row has its fields of figures in one value,
so that an index alone is counted. A reading is kept for a minute.

Law:
    11 CCR § 7102(a)(1): requests to delete, correct, know, opt out and limit: received, complied with in
    whole or in part, denied; median days to the answer, for a calendar year.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import orjson

from services.console.read_model.cases import OPEN, OPEN_BY_RECEIPT
from services.console.read_model.marks import IndexKeys
from services.console.state import Document, name_of
from shared.contract.register import DENIED, RESPONSES, RegisterEntry, RequestResult, laws_of
from shared.quantiles import median, quantile
from shared.runtime.mongo import Database, IndexModel, translated
from shared.vocabulary import Right

KEPT_S = 60.0
"""How long a reading is used again."""
FIGURE: IndexKeys = [("figure", 1)]
CCPA = "us-ca-ccpa"
RIGHTS = tuple(Right)
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
    """Of a request that was denied."""
    LIMIT = "limit"
    """Ground of a part that was withheld from a granted one."""


GROUNDED: Mapping[FigureField, Container[str]] = {
    FigureField.GROUND: DENIED,
    FigureField.LIMIT: {RequestResult.PARTLY_GRANTED},
}
"""Field of grounds → results whose grounds it has."""


@dataclass(frozen=True, slots=True)
class FigureCell:
    """Requests that agree in all fields of figures, and their number."""

    month: str
    right: str
    law: str
    laws: tuple[str, ...]
    """All laws that protect the person."""
    source: str
    result: str
    grounds: tuple[str, ...]
    days: int | None
    """Days from receipt to the answer; None without one."""
    late: bool
    """Whether the last day passed before the answer was sent."""
    count: int

    @classmethod
    def read(cls, value: str, count: int) -> "FigureCell":
        """Return *count* requests with the fields of *value*, from :func:`figure_value`."""
        month, right, law, laws, source, result, grounds, days, late = orjson.loads(value)
        return cls(month, right, law, tuple(laws), source, result, tuple(grounds), days, late, count)

    @property
    def of_california(self) -> bool:
        """Whether the law of California protects the person, perhaps beside others."""
        return CCPA in self.laws

    def values(self, divided: FigureField) -> Sequence[str]:
        """Return the values of a field: of grounds there may be several."""
        if divided in GROUNDED:
            return self.grounds if self.result in GROUNDED[divided] else ()
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
    answered: int = 0
    late: int = 0
    """Requests whose last day passed before the answer was sent, open ones as well."""
    answered_late: int = 0
    results: Counter[str] = field(default_factory=Counter)
    durations: Counter[int] = field(default_factory=Counter)
    denied_for: Counter[str] = field(default_factory=Counter)
    """Ground → requests denied for it; one that was denied on two grounds counts under each."""
    limited_for: Counter[str] = field(default_factory=Counter)
    """The same of requests that were complied with in part."""

    def add(self, cell: FigureCell) -> None:
        """Count *cell*."""
        self.received += cell.count
        self.results[cell.result] += cell.count
        self.late += cell.count if cell.late else 0
        if cell.days is not None:
            self.answered += cell.count
            self.answered_late += cell.count if cell.late else 0
        if cell.days is not None and cell.result in RESPONSES:
            self.durations[cell.days] += cell.count
        limits = {RequestResult.PARTLY_GRANTED: self.limited_for} | dict.fromkeys(DENIED, self.denied_for)
        for ground in cell.grounds:
            limits[RequestResult(cell.result)][ground] += cell.count

    @property
    def open(self) -> int:
        """Requests whose answer is not sent."""
        return self.results[RequestResult.OPEN]

    @property
    def in_time(self) -> int:
        """Answers that came by the last day."""
        return self.answered - self.answered_late

    @property
    def median(self) -> float | None:
        """Median of days to the answer."""
        return median(self.durations)

    @property
    def mean(self) -> float | None:
        """Mean of days to the answer, to one decimal place."""
        total = self.durations.total()
        return round(sum(days * n for days, n in self.durations.items()) / total, 1) if total else None

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
        return self.results[RequestResult.GRANTED] + self.results[RequestResult.PARTLY_GRANTED]

    @property
    def nothing_held(self) -> int:
        """Requests whose search found nothing."""
        return self.results[RequestResult.NOTHING_HELD]

    @property
    def denied(self) -> int:
        """Requests that were refused, or lapsed without proof."""
        return sum(self.results[result] for result in DENIED)


@dataclass(frozen=True, slots=True)
class LawFigure:
    """The figures of one right under one law."""

    law: str
    right: Right
    line: FigureLine


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


def law_figures(cells: Iterable[FigureCell]) -> list[LawFigure]:
    """Return the figures by law and right; a request counts under each law that protects the person."""
    found: dict[tuple[str, int], LawFigure] = {}
    for cell in cells:
        for law in cell.laws:
            right = Right(cell.right)
            into = found.setdefault((law, RIGHTS.index(right)), LawFigure(law, right, FigureLine(law)))
            into.line.add(cell)
    return [found[key] for key in sorted(found)]


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

        Calls while they are counted get the same ones.
        """
        key, now = (first.isoformat()[:7], last.isoformat()[:7]), asyncio.get_running_loop().time()
        self._known = {one: kept for one, kept in self._known.items() if now - kept[0] < KEPT_S}
        if key not in self._known:
            self._known[key] = now, asyncio.create_task(self._read(*key))
        counting = self._known[key][1]
        try:
            return await asyncio.shield(counting)
        finally:
            if counting.done() and (counting.cancelled() or counting.exception()):
                self._known.pop(key, None)  # the next call has them counted again

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


def figure_value(entry: RegisterEntry) -> str:
    """Return the fields of figures of the *entry* of a request as one value."""
    received, laws = entry.received, laws_of(entry)
    plain = (received.right, name_of(received.policy), laws, received.source, entry.result)
    counted = [f"{received.received_on:%Y-%m}", *plain, entry.grounds, entry.days, entry.late]
    return orjson.dumps(counted).decode()
