"""
Lists of cases: filters, order, pages and counts.

Each filter has an index in each order, so that a page costs as much as it shows; so have law and country
together, which exclude each other most often. The other filters are verified in the same index: rows that do
not fit are not read. The index is named in each query: a server that
must choose among so many tries them all first. A page begins after the last row of the one before, not at a
number: new rows shift nothing.
"""

import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import takewhile
from typing import Any, Self

from services.console.read_model.marks import PAGE, IndexKeys, mark_of, values_of
from services.console.state import CaseKind, CaseRow, CaseStage, Document, WaitKind, work_in
from shared.contract.references import references_in
from shared.contract.register import RequestResult
from shared.errors import StoreUnavailable
from shared.runtime.mongo import Database, IndexModel, translated

MOST_COUNTED = 1_000
"""Matches are counted up to this number."""
COUNTED_FOR_MS = 15
"""How long matches are counted at most."""
A_DAY = timedelta(days=1)
SHORT_SPAN = timedelta(days=7)
"""Receipts within so many days are read first and sorted."""
MOST_VALUES = 300
"""Choices of a filter; of more, the first by name."""
VALUES_FOR_S = 60.0
"""How long the choices of a filter are used before they are read again."""
EXPORTED_AT_ONCE = 200
"""Rows of an export that the server sends at once: decoding thousands holds up all other pages."""


FILTERED = ("stage", "outcome", "right", "law_name", "country", "source", "owner", "incident")
"""Fields with an index of their own in each order."""
RANGED = ("open", "received_on")
"""Fields that are verified in the indexes of others."""
LAW_AND_COUNTRY = ("law_name", "country")
"""A law follows from the country, so that most pairs have no case."""
DUE_ORDER: IndexKeys = [("sort_due", 1), ("_id", 1)]
BY_RECEIPT: IndexKeys = [("kind", 1), ("received_on", 1), *DUE_ORDER]
WORK: IndexKeys = [("waits_for_staff", 1), ("owner", 1), ("work", 1)]
"""Waiting work is counted in the index alone."""
FOLLOWING: IndexKeys = [("follows", 1)]
FOLLOWS: Document = {"follows": {"$type": "string"}}
"""Requests that were made of an earlier one."""
OPEN: Document = {"kind": CaseKind.REQUEST.value, "open": True}
OPEN_BY_RECEIPT = "open_by_receipt_and_days"
"""Index of the open requests alone, for their age; they are counted in it alone."""


class CaseOrder(StrEnum):
    """Order of a list."""

    DUE = "due"
    """The earliest last day first."""
    NEWEST = "newest"
    """The newest receipt first."""


class DueFilter(StrEnum):
    """Last days of a list."""

    LATE = "late"
    TODAY = "today"
    WEEK = "week"
    MONTH = "month"


SPANS: Mapping[DueFilter, int] = {DueFilter.TODAY: 0, DueFilter.WEEK: 7, DueFilter.MONTH: 30}


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFilter:
    """The cases that a list shows; empty fields filter nothing."""

    kind: CaseKind | None = CaseKind.REQUEST
    text: str = ""
    """An id, its beginning, a short reference or the reference of the publisher."""
    ids: tuple[str, ...] | None = None
    """Only these: of a search that intake answers."""
    stage: str = ""
    outcome: str = ""
    right: str = ""
    law: str = ""
    country: str = ""
    source: str = ""
    incident: str = ""
    owner: str = ""
    """An account; ``-`` for cases without an owner."""
    waiting: str = ""
    """A kind of work, or ``any``."""
    doable: tuple[WaitKind, ...] = ()
    """Work that :attr:`account` can do, unless it decided before."""
    account: str = ""
    due: DueFilter | None = None
    meant_by: date | None = None
    """Requests whose target day is this one or before."""
    received_from: date | None = None
    received_to: date | None = None
    open: bool | None = None
    order: CaseOrder = CaseOrder.DUE

    def query(self, today: date) -> Document:
        """Return the filter of the database."""
        plain = {
            "kind": None if self._names() else self.kind,
            "stage": self.stage,
            "outcome": self.outcome,
            "right": self.right,
            "country": self.country,
            "source": self.source,
            "incident": self.incident,
            "law_name": self.law,
        }
        wanted: Document = {name: str(value) for name, value in plain.items() if value}
        if self.owner:
            wanted["owner"] = None if self.owner == "-" else self.owner
        if self.open is not None:
            wanted["open"] = self.open
        return wanted | self._waits() | self._days(today) | self._names()

    def index(self) -> IndexKeys | str | None:
        """Return the index to read in: of the filter that leaves the fewest rows; None if text decides."""
        if self.ids is not None or self.text.strip():
            return None
        if self.open and self.meant_by is not None and self.kind is CaseKind.REQUEST:
            return OPEN_BY_RECEIPT
        if self.waiting:
            return _keys(CaseOrder.DUE, "waits_for_staff" if self.waiting == "any" else "waiting")
        first, last = self.received_from, self.received_to
        short = first is not None and last is not None and last - first <= SHORT_SPAN
        if short and self.order is CaseOrder.DUE:
            return BY_RECEIPT
        return _keys(self.order, *self._rarest())

    def _rarest(self) -> tuple[str, ...]:
        """Return the filter, or filters, that probably leave the fewest rows; none without filters."""
        common = {
            "outcome": self.outcome if self.outcome == RequestResult.GRANTED else "",
            "stage": self.stage if self.stage == CaseStage.CLOSED else "",
            "owner": self.owner if self.owner == "-" else "",
        }
        rare = {
            "incident": self.incident,
            "stage": self.stage if not common["stage"] else "",
            "outcome": self.outcome if not common["outcome"] else "",
            "owner": self.owner if not common["owner"] else "",
            "country": self.country,
            "law_name": self.law,
            "source": self.source,
            "right": self.right,
        }
        found = next((name for name, value in [*rare.items(), *common.items()] if value), "")
        if found == "country" and self.law:
            return LAW_AND_COUNTRY
        return (found,) if found else ()

    def _waits(self) -> Document:
        if not self.waiting:
            return {}
        waits: Document = {"waits_for_staff": True} if self.waiting == "any" else {"waiting": self.waiting}
        if self.account:
            kinds = [kind.value for kind in self.doable if self.waiting in {"any", kind.value}]
            waits["waits"] = {"$elemMatch": {"kind": {"$in": kinds}, "by": {"$ne": self.account}}}
        return waits

    def _days(self, today: date) -> Document:
        days: Document = {}
        if self.due is DueFilter.LATE:
            days["sort_due"] = {"$lt": today.isoformat()}
        elif self.due is not None:
            last = today + timedelta(days=SPANS[self.due])
            days["sort_due"] = {"$gte": today.isoformat(), "$lte": last.isoformat()}
        if self.meant_by is not None:
            days["meant_for"] = {"$lte": self.meant_by.isoformat()}
        span = {"$gte": self.received_from, "$lte": self.received_to}
        received = {sign: day.isoformat() for sign, day in span.items() if day is not None}
        if received:
            days |= {"received_on": received, "received_at": self._moments()}
        return days

    def _moments(self) -> Document:
        """Return times that the days of receipt lie within, in all zones: the newest are read from there."""
        moments: Document = {}
        if self.received_from is not None:
            moments["$gte"] = _midnight(self.received_from - A_DAY)
        if self.received_to is not None:
            moments["$lt"] = _midnight(self.received_to + 2 * A_DAY)
        return moments

    def _names(self) -> Document:
        if self.ids is not None:
            return {"_id": {"$in": list(self.ids)}}
        text = self.text.strip()
        if not text:
            return {}
        ranges = [{"_id": {"$gte": one.first, "$lte": one.last}} for one in references_in(text)]
        ids = [{"_id": {"$gte": text.lower(), "$lt": f"{text.lower()}g"}}, {"reference": text}]
        return {"$or": ranges or ids}


@dataclass(frozen=True, slots=True)
class CasePage:
    """One page of a list."""

    rows: Sequence[CaseRow]
    total: int
    """Number of matches, or a smaller one."""
    counted: bool
    """Whether all matches were counted; they are up to :data:`MOST_COUNTED`, for a moment."""
    next: str | None
    """Where the next page begins; None for the last one."""


@dataclass(frozen=True, slots=True)
class WaitingWork:
    """Numbers of cases by waiting work."""

    groups: Sequence[tuple[WaitKind, frozenset[str], int]]
    """Kind of work, accounts that may not do it, number of cases."""
    late: int

    def counts(self, kinds: Iterable[WaitKind] = WaitKind, account: str = "") -> Mapping[str, int]:
        """Return the number of waits that *account* may do, by kind of *kinds*, and that of late cases."""
        wanted = frozenset(kinds)
        counted = dict.fromkeys(map(str, WaitKind), 0)
        for kind, barred, count in self.groups:
            if kind in wanted and account not in barred:
                counted[kind.value] += count
        return {**counted, "late": self.late}


@dataclass(frozen=True, slots=True)
class OpenCount:
    """Open requests that agree in stage and day of receipt."""

    stage: str
    received_on: date
    near: bool
    """Whether their target day has come, and their last day is not over."""
    count: int

    @classmethod
    def read(cls, stored: Document) -> Self:
        """Return the count of a group of the database."""
        key = stored["_id"]
        return cls(key["stage"], date.fromisoformat(key["received_on"]), key["near"], int(stored["count"]))


class CaseList:
    """Reads the rows of cases."""

    def __init__(self, database: Database) -> None:
        """Read them in *database*."""
        self._cases = database["cases"]
        self._values: dict[str, tuple[float, Sequence[str]]] = {}

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the cases"):
            await self._cases.create_indexes(list(_indexes()))

    async def page(self, wanted: CaseFilter, today: date, after: str = "", size: int = PAGE) -> CasePage:
        """
        Return the page of *wanted* that begins after the mark *after*.

        Raises:
            ValueError: *after* is no mark.
            StoreUnavailable: The server did not answer.
        """
        query, hint = wanted.query(today), wanted.index()
        name, step = _ordering(wanted.order)
        from_here = {"$and": [query, _after(name, step, after)]} if after else query
        with translated("list cases"):
            found = self._cases.find(from_here, hint=hint).sort([(name, step), ("_id", 1)]).limit(size + 1)
            documents = await found.to_list(size + 1)
        rows = [CaseRow.read(one) for one in documents[:size]]
        more = len(documents) > size
        total = await self._total(query, hint) if more or after else len(rows)
        mark = mark_of(documents[size - 1][name], documents[size - 1]["_id"]) if more else None
        return CasePage(rows, len(rows) if total is None else total, total not in {None, MOST_COUNTED}, mark)

    async def _total(self, query: Document, hint: IndexKeys | str | None) -> int | None:
        """Return the number of matches, up to a limit; None if that takes long."""
        options: dict[str, Any] = {"limit": MOST_COUNTED, "maxTimeMS": COUNTED_FOR_MS}
        if hint is not None:
            options["hint"] = hint
        try:
            with translated("count cases"):
                return int(await self._cases.count_documents(query, **options))
        except StoreUnavailable:
            return None

    async def all(self, wanted: CaseFilter, today: date) -> AsyncIterator[CaseRow]:
        """Yield every row of *wanted*, in its order."""
        name, step = _ordering(wanted.order)
        with translated("export cases"):
            found = self._cases.find(wanted.query(today), hint=wanted.index())
            async for one in found.sort([(name, step), ("_id", 1)]).batch_size(EXPORTED_AT_ONCE):
                yield CaseRow.read(one)

    async def row(self, case: str) -> CaseRow | None:
        """Return the row of *case*; None if there is none, or no longer."""
        with translated("read a case"):
            document = await self._cases.find_one({"_id": case})
        return None if document is None or document.get("kind") is None else CaseRow.read(document)

    async def following(self, case: str) -> Sequence[str]:
        """Return the requests that were made of *case*, the first one first."""
        wanted = {"$and": [{"follows": case}, FOLLOWS]}
        with translated("read the requests that follow"):
            found = self._cases.find(wanted, {"received_at": 1}, hint=FOLLOWING).limit(MOST_VALUES)
            return [one["_id"] for one in await found.sort([("received_at", 1), ("_id", 1)]).to_list()]

    async def work(self, today: date, owner: str = "") -> "WaitingWork":
        """Return the number of cases by waiting work, and of those that are late; of *owner* alone."""
        mine: Document = {"owner": owner} if owner else {}
        counted: list[Document] = [
            {"$match": {"waits_for_staff": True, **mine}},
            {"$group": {"_id": "$work", "count": {"$sum": 1}}},
        ]
        late = CaseFilter(due=DueFilter.LATE, owner=owner)
        with translated("count waiting work"):
            found = [one async for one in self._cases.aggregate(counted, hint=dict(WORK))]
            overdue = await self._cases.count_documents(late.query(today), hint=late.index())
        groups = [(*work, int(one["count"])) for one in found for work in work_in(one["_id"])]
        return WaitingWork(groups, overdue)

    async def open_counts(self, today: date) -> Sequence["OpenCount"]:
        """Return the number of open requests by stage, day of receipt, and whether their target day came."""
        day = today.isoformat()
        meant = [{"$gt": ["$meant_for", ""]}, {"$lte": ["$meant_for", day]}]
        near = {"$and": [*meant, {"$gte": ["$sort_due", day]}]}
        key = {"stage": "$stage", "received_on": "$received_on", "near": near}
        counted: list[Document] = [{"$match": OPEN}, {"$group": {"_id": key, "count": {"$sum": 1}}}]
        with translated("count open requests"):
            found = await self._cases.aggregate(counted, hint=OPEN_BY_RECEIPT).to_list(None)
        return [OpenCount.read(one) for one in found]

    async def values(self, field: str) -> Sequence[str]:
        """
        Return the values of a *field* among requests, for the choices of a filter; at most a minute old.

        Each value is one step in the index: the server's own `distinct` reads every key.
        """
        read_at, known = self._values.get(field, (-VALUES_FOR_S, ()))
        if time.monotonic() - read_at < VALUES_FOR_S:
            return known
        keys = _keys(CaseOrder.DUE, field)
        found: list[str] = []
        with translated("read the values of a filter"):
            while len(found) < MOST_VALUES:
                beyond = {"kind": CaseKind.REQUEST.value, field: {"$gt": found[-1] if found else ""}}
                first = await self._cases.find_one(beyond, {field: 1}, sort=[(field, 1)], hint=keys)
                if first is None:
                    break
                found.append(first[field])
        self._values[field] = (time.monotonic(), found)
        return found


def _ordering(order: CaseOrder) -> tuple[str, int]:
    return ("sort_due", 1) if order is CaseOrder.DUE else ("received_at", -1)


def _after(name: str, step: int, mark: str) -> Document:
    match values_of(mark):
        case [str(text), str(last)]:
            value: str | datetime = text if step > 0 else datetime.fromisoformat(text)
        case _:
            raise ValueError("not a mark of a page")
    sign = "$gt" if step > 0 else "$lt"
    return {"$or": [{name: {sign: value}}, {name: value, "_id": {"$gt": last}}]}


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _keys(order: CaseOrder, *names: str) -> IndexKeys:
    """Return the keys of the index of the filters *names* in an order."""
    if names and names[0].startswith("wait"):
        return [(names[0], 1), *DUE_ORDER]
    ordered = DUE_ORDER if order is CaseOrder.DUE else [("received_at", -1), ("_id", 1)]
    others = [(one, 1) for one in (*FILTERED, *RANGED) if one not in names]
    return [("kind", 1), *((one, 1) for one in names), *ordered, *others]


def _indexes() -> Sequence[IndexModel]:
    filters = ((), LAW_AND_COUNTRY, *((one,) for one in FILTERED))
    ordered = [_keys(order, *names) for names in filters for order in CaseOrder]
    waits = [_keys(CaseOrder.DUE, name) for name in ("waiting", "waits_for_staff")]
    keys = [*ordered, *waits, WORK, BY_RECEIPT, [("reference", 1)]]
    counted = [(name, 1) for name in (*OPEN, "received_on", "stage", "sort_due", "meant_for")]
    ages = IndexModel(counted, name=OPEN_BY_RECEIPT, partialFilterExpression=OPEN)
    following = IndexModel(FOLLOWING, partialFilterExpression=FOLLOWS)
    return [*(IndexModel(one, name=_name(one)) for one in keys), ages, following]


def _name(keys: IndexKeys) -> str:
    """Return the name of an index: its filters and its order."""
    return "_".join(takewhile(lambda name: name != "_id", (name for name, _ in keys)))
