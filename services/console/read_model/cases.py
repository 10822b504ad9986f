"""
Lists of cases: filters, order, pages and counts.

Each filter has an index that begins with it, so that a page costs as much as it shows. A page begins after
the last row of the one before, not at a number: new rows shift nothing.
"""

import base64
import binascii
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson

from services.console.state import CaseKind, CaseRow, Document, WaitKind
from shared.contract.references import references_in
from shared.runtime.mongo import Database, IndexModel, translated

PAGE = 50
MOST_COUNTED = 10_000
"""Matches are counted up to this number."""


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
    """Only these: of a search by mailbox, which intake answers."""
    stage: str = ""
    right: str = ""
    law: str = ""
    country: str = ""
    source: str = ""
    incident: str = ""
    owner: str = ""
    """An account; ``-`` for cases without an owner."""
    waiting: str = ""
    """A kind of work, or ``any``."""
    due: DueFilter | None = None
    received_from: date | None = None
    received_to: date | None = None
    open: bool | None = None
    order: CaseOrder = CaseOrder.DUE

    def query(self, today: date) -> Document:
        """Return the filter of the database."""
        plain = {
            "kind": self.kind,
            "stage": self.stage,
            "right": self.right,
            "country": self.country,
            "source": self.source,
            "incident": self.incident,
        }
        wanted: Document = {name: str(value) for name, value in plain.items() if value}
        if self.law:
            wanted["laws"] = {"$regex": f"^{_plain(self.law)}(@|$)"}
        if self.owner:
            wanted["owner"] = None if self.owner == "-" else self.owner
        if self.open is not None:
            wanted["open"] = self.open
        return wanted | self._waits() | self._days(today) | self._names()

    def _waits(self) -> Document:
        if not self.waiting:
            return {}
        return {"waits_for_staff": True} if self.waiting == "any" else {"waiting": self.waiting}

    def _days(self, today: date) -> Document:
        days: Document = {}
        if self.due is DueFilter.LATE:
            days["sort_due"] = {"$lt": today.isoformat()}
        elif self.due is not None:
            last = today + timedelta(days=SPANS[self.due])
            days["sort_due"] = {"$gte": today.isoformat(), "$lte": last.isoformat()}
        span = {"$gte": self.received_from, "$lte": self.received_to}
        received = {sign: day.isoformat() for sign, day in span.items() if day is not None}
        return days | ({"received_on": received} if received else {})

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
    """Number of matches, counted up to :data:`MOST_COUNTED`."""
    next: str | None
    """Where the next page begins; None for the last one."""


class CaseList:
    """Reads the rows of cases."""

    def __init__(self, database: Database) -> None:
        """Read them in *database*."""
        self._cases = database["cases"]

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
        query = wanted.query(today)
        name, step = _ordering(wanted.order)
        from_here = {"$and": [query, _after(name, step, after)]} if after else query
        with translated("list cases"):
            found = self._cases.find(from_here).sort([(name, step), ("_id", 1)]).limit(size + 1)
            documents = await found.to_list(size + 1)
            total = await self._cases.count_documents(query, limit=MOST_COUNTED)
        rows = [CaseRow.read(one) for one in documents[:size]]
        more = len(documents) > size
        return CasePage(rows, total, _mark(documents[size - 1], name) if more else None)

    async def all(self, wanted: CaseFilter, today: date) -> AsyncIterator[CaseRow]:
        """Yield every row of *wanted*, in its order."""
        name, step = _ordering(wanted.order)
        with translated("export cases"):
            async for one in self._cases.find(wanted.query(today)).sort([(name, step), ("_id", 1)]):
                yield CaseRow.read(one)

    async def row(self, case: str) -> CaseRow | None:
        """Return the row of *case*; None if there is none, or no longer."""
        with translated("read a case"):
            document = await self._cases.find_one({"_id": case, "kind": {"$ne": None}})
        return None if document is None else CaseRow.read(document)

    async def counts(self, today: date, owner: str = "") -> Mapping[str, int]:
        """Return the number of cases by kind of waiting work, and those that are late; of *owner* alone."""
        mine: Document = {"owner": owner} if owner else {}
        waits: list[Document] = [
            {"$match": {"waits_for_staff": True, **mine}},
            {"$unwind": "$waiting"},
            {"$group": {"_id": "$waiting", "count": {"$sum": 1}}},
        ]
        late = {"kind": CaseKind.REQUEST.value, "open": True, "due_on": {"$lt": today.isoformat()}, **mine}
        with translated("count waiting work"):
            found = {one["_id"]: one["count"] async for one in self._cases.aggregate(waits)}
            overdue = await self._cases.count_documents(late)
        counted = {kind.value: int(found.get(kind.value, 0)) for kind in WaitKind}
        return {**counted, "late": overdue}

    async def values(self, field: str) -> Sequence[str]:
        """Return the values of a *field* among requests, for the choices of a filter."""
        with translated("read the values of a filter"):
            found = await self._cases.distinct(field, {"kind": CaseKind.REQUEST.value})
        return sorted(str(one) for one in found if one)


def _ordering(order: CaseOrder) -> tuple[str, int]:
    return ("sort_due", 1) if order is CaseOrder.DUE else ("since", -1)


def _mark(document: Document, name: str) -> str:
    """Return the mark of the page after *document*."""
    value: Any = document[name]
    return base64.urlsafe_b64encode(orjson.dumps([value, document["_id"]])).decode()


def _after(name: str, step: int, mark: str) -> Document:
    try:
        value, last = orjson.loads(base64.urlsafe_b64decode(mark))
        value = value if step > 0 else datetime.fromisoformat(value)
    except (binascii.Error, TypeError, ValueError):
        raise ValueError("not a mark of a page") from None
    sign = "$gt" if step > 0 else "$lt"
    return {"$or": [{name: {sign: value}}, {name: value, "_id": {"$gt": str(last)}}]}


def _plain(law: str) -> str:
    """Return *law* without what an expression would read as a sign."""
    return "".join(letter for letter in law if letter.isalnum() or letter in "-_")


def _indexes() -> Sequence[IndexModel]:
    filtered = ("stage", "right", "laws", "country", "source", "incident", "owner")
    dues = [IndexModel([("kind", 1), (name, 1), ("sort_due", 1), ("_id", 1)]) for name in filtered]
    news = [IndexModel([("kind", 1), (name, 1), ("since", -1), ("_id", 1)]) for name in filtered]
    return [
        *dues,
        *news,
        IndexModel([("kind", 1), ("sort_due", 1), ("_id", 1)]),
        IndexModel([("kind", 1), ("since", -1), ("_id", 1)]),
        IndexModel([("kind", 1), ("received_on", 1)]),
        IndexModel([("kind", 1), ("open", 1), ("due_on", 1)]),
        IndexModel([("kind", 1), ("open", 1), ("sort_due", 1), ("_id", 1)]),
        IndexModel([("waiting", 1), ("sort_due", 1), ("_id", 1)]),
        IndexModel([("waits_for_staff", 1), ("sort_due", 1), ("_id", 1)]),
        IndexModel([("reference", 1)]),
    ]
