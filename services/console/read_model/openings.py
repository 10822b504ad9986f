"""
Openings of sealed content, exports of trails and searches at intake: account, case, time and reason.

They follow from the facts of a case, as its row does, and end with it. Each filter has an index in the order
of time, so that a page costs as much as it shows.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from services.console.domain import HistoryEntry, in_order
from services.console.read_model.marks import PAGE, mark_of, values_of
from services.console.state import Document
from shared.contract import events
from shared.contract.events import Fact, breaches
from shared.contract.references import IdRange
from shared.runtime.mongo import Database, IndexModel, translated

A_DAY: Final = timedelta(days=1)


class OpeningKind(StrEnum):
    """What was opened or exported."""

    CONTENT = "content"
    EVIDENCE = "evidence"
    INCIDENT = "incident"
    TRAIL = "trail"
    SEARCH = "search"


KINDS: Mapping[type[Fact], OpeningKind] = {
    events.ContentOpened: OpeningKind.CONTENT,
    events.EvidenceShown: OpeningKind.EVIDENCE,
    breaches.BreachOpened: OpeningKind.INCIDENT,
    breaches.RegisterOpened: OpeningKind.INCIDENT,
    breaches.NoticeProofAsked: OpeningKind.INCIDENT,
    events.TrailExported: OpeningKind.TRAIL,
    events.CasesSearched: OpeningKind.SEARCH,
}


@dataclass(frozen=True, slots=True)
class Opening:
    """An opening of sealed content, or an export."""

    id: str
    """Id of its event."""
    case: str
    """Of a search the session, which is no case to show."""
    account: str
    at: datetime
    kind: OpeningKind
    reason: str | None = None

    @property
    def shown_case(self) -> str | None:
        """The case; None for a search."""
        return None if self.kind is OpeningKind.SEARCH else self.case

    def document(self) -> Document:
        """Return it as it is stored, without its id."""
        return {name: value for name, value in asdict(self).items() if name != "id"}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "Opening":
        """Return the opening of a stored *document*."""
        known = {one.name: document[one.name] for one in fields(cls) if one.name != "id"}
        return cls(id=document["_id"], **{**known, "kind": OpeningKind(document["kind"])})


@dataclass(frozen=True, slots=True)
class OpeningFilter:
    """The openings that a page shows; empty fields filter nothing."""

    account: str = ""
    case: IdRange | None = None
    """The cases that an id or a short reference names."""
    first: date | None = None
    last: date | None = None

    def query(self) -> Document:
        """Return the filter of the database; days are those of UTC."""
        wanted: Document = {"account": self.account} if self.account else {}
        if self.case is not None:
            first, last = self.case
            wanted["case"] = first if first == last else {"$gte": first, "$lte": last}
        moments: Document = {}
        if self.first is not None:
            moments["$gte"] = _midnight(self.first)
        if self.last is not None:
            moments["$lt"] = _midnight(self.last + A_DAY)
        return {**wanted, "at": moments} if moments else wanted

    def index(self) -> list[tuple[str, int]]:
        """Return the index to read in."""
        return _keys("case" if self.case is not None else "account" if self.account else "")


@dataclass(frozen=True, slots=True)
class OpeningPage:
    """One page of openings, the newest first."""

    openings: Sequence[Opening]
    next: str | None
    """Mark of the next page; None for the last one."""


class OpeningLog:
    """Reads the openings of all cases."""

    def __init__(self, database: Database) -> None:
        """Read them in *database*."""
        self._openings = database["openings"]

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the openings"):
            await self._openings.create_indexes([IndexModel(_keys(one)) for one in ("", "account", "case")])

    async def page(self, wanted: OpeningFilter, after: str = "") -> OpeningPage:
        """
        Return the page of *wanted* that begins after the mark *after*.

        Raises:
            ValueError: *after* is no mark.
            StoreUnavailable: The server did not answer.
        """
        query = {"$and": [wanted.query(), _after(after)]} if after else wanted.query()
        with translated("list openings"):
            found = self._openings.find(query, hint=wanted.index()).sort([("at", -1), ("_id", -1)])
            documents = await found.limit(PAGE + 1).to_list(PAGE + 1)
        shown = [Opening.read(one) for one in documents[:PAGE]]
        last = shown[-1:] if len(documents) > PAGE else []
        return OpeningPage(shown, next((mark_of(one.at, one.id) for one in last), None))

    async def all(self, wanted: OpeningFilter) -> AsyncIterator[Opening]:
        """Yield every opening of *wanted*, the newest first."""
        with translated("export openings"):
            found = self._openings.find(wanted.query(), hint=wanted.index())
            async for one in found.sort([("at", -1), ("_id", -1)]):
                yield Opening.read(one)


def openings_of(case: str, history: Iterable[HistoryEntry]) -> list[Opening]:
    """Return the openings in a *history*, without those that a service refused or that showed no proof."""
    return [
        Opening(one.id, case, one.actor, one.at, kind, getattr(one.fact, "reason", None))
        for one in in_order(history)
        if (kind := KINDS.get(type(one.fact))) is not None and one.actor is not None
        if not isinstance(one.fact, events.EvidenceShown) or one.fact.refs
    ]


def _keys(name: str) -> list[tuple[str, int]]:
    """Return the keys of the index of a filter; the empty *name* is that of no filter."""
    return [*([(name, 1)] if name else []), ("at", -1), ("_id", -1)]


def _after(mark: str) -> Document:
    match values_of(mark):
        case [str(at), str(last)]:
            moment = datetime.fromisoformat(at)
        case _:
            raise ValueError("not a mark of a page")
    beyond = [{"at": {"$lt": moment}}, {"_id": {"$lt": last}}]
    return {"at": {"$lte": moment}, "$or": beyond}  # the index begins at the moment


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
