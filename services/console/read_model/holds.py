"""
Legal holds on requests, people and collections, as the facts of their cases state them.

A hold outlives the case that it was placed on: its row stays when the case is purged, since fulfillment keeps
the records on. Each filter has an index in the order of the list, standing holds first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime
from typing import Any, Final

from services.console.domain import HistoryEntry, in_order
from services.console.read_model.marks import IndexKeys, page_by_place
from services.console.state import LAST_DAY, Document, HoldState
from shared.contract import events
from shared.runtime.mongo import Database, IndexModel, translated
from shared.vocabulary import HoldScope

MOST_KEPT: Final = 1_000
"""Held requests that are read for a page."""
BY_HOLD: Final = [("holds", 1)]
HELD: Final[Document] = {"holds.0": {"$exists": True}}
"""Requests that a hold kept records of."""


@dataclass(frozen=True, slots=True)
class PlacedHold:
    """A legal hold."""

    id: str
    """Of the event that placed it."""
    hold: str
    case: str
    """The request that it was placed on; of a hold on a collection, its own id."""
    scope: HoldScope
    matter: str
    account: str
    at: datetime
    until: date | None = None
    collection: str | None = None
    lifted_by: str | None = None
    lifted_at: datetime | None = None
    reason: str | None = None
    """Why it was lifted."""
    erasures: tuple[str, ...] = ()
    """Requests and purges that it kept records from, as known at its end."""

    def state_on(self, day: date) -> HoldState:
        """Return its state on *day*."""
        if self.lifted_at is not None:
            return HoldState.LIFTED
        return HoldState.ENDED if self.until is not None and self.until < day else HoldState.STANDING

    def document(self) -> Document:
        """Return it as it is stored, without its id."""
        stored = {name: value for name, value in asdict(self).items() if name != "id"}
        until = self.until and self.until.isoformat()
        return {**stored, "scope": self.scope.value, "until": until, "place": self.place}

    @property
    def place(self) -> str:
        """Its place in the list, from the end: by its last day, then by time; lifted ones have no day."""
        last_day = "" if self.lifted_at is not None else self.until.isoformat() if self.until else LAST_DAY
        return f"{last_day} {self.at.isoformat(timespec='milliseconds')} {self.id}"

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "PlacedHold":
        """Return the hold of a stored *document*."""
        known = {one.name: document[one.name] for one in fields(cls) if one.name != "id"}
        until = document["until"]
        known |= {"until": until and date.fromisoformat(until), "scope": HoldScope(document["scope"])}
        return cls(id=document["_id"], **{**known, "erasures": tuple(document["erasures"])})


@dataclass(frozen=True, slots=True)
class HoldFilter:
    """The holds that a page shows; empty fields filter nothing."""

    standing: bool = False
    collection: str = ""

    def query(self, today: date) -> Document:
        """Return the filter of the database."""
        wanted: Document = {"collection": self.collection} if self.collection else {}
        return wanted | ({"place": {"$gte": today.isoformat()}} if self.standing else {})

    def index(self) -> IndexKeys:
        """Return the index to read in."""
        return [*([("collection", 1)] if self.collection else []), ("place", -1)]


@dataclass(frozen=True, slots=True)
class HoldPage:
    """One page of holds."""

    holds: Sequence[PlacedHold]
    next: str | None
    """Mark of the next page; None for the last one."""
    requests: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Hold → requests whose answer names it."""

    def kept_from(self, hold: PlacedHold) -> Sequence[str]:
        """Return the requests and purges that *hold* kept records from."""
        return list(dict.fromkeys([*self.requests.get(hold.hold, ()), *hold.erasures]))


class HoldList:
    """Reads the holds of all cases."""

    def __init__(self, database: Database) -> None:
        """Read them in *database*."""
        self._holds, self._cases = database["holds"], database["cases"]

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the holds"):
            filters = (HoldFilter(), HoldFilter(collection="any"))
            indexes = [*(one.index() for one in filters), [("case", 1)]]
            await self._holds.create_indexes([IndexModel(one) for one in indexes])
            await self._cases.create_indexes([IndexModel(BY_HOLD, partialFilterExpression=HELD)])

    async def page(self, wanted: HoldFilter, today: date, after: str = "") -> HoldPage:
        """
        Return the page of *wanted* that begins after the mark *after*: standing holds first.

        Raises:
            ValueError: *after* is no mark.
            StoreUnavailable: The server did not answer.
        """
        with translated("list holds"):
            documents, mark = await page_by_place(self._holds, wanted.query(today), wanted.index(), after)
        shown = [PlacedHold.read(one) for one in documents]
        return HoldPage(shown, mark, await self._requests([one.hold for one in shown]))

    async def standing(self, today: date) -> Sequence[PlacedHold]:
        """Return the holds that stand, up to a number; those without a last day first."""
        wanted = HoldFilter(standing=True)
        with translated("read standing holds"):
            found = self._holds.find(wanted.query(today), hint=wanted.index()).sort("place", -1)
            return [PlacedHold.read(one) for one in await found.to_list(MOST_KEPT)]

    async def _requests(self, holds: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Return the requests that name each of *holds* in their answer, up to a number."""
        kept: dict[str, list[str]] = {hold: [] for hold in holds}
        with translated("read held requests"):
            found = self._cases.find({"holds": {"$in": list(holds)}, **HELD}, {"holds": 1}, hint=BY_HOLD)
            async for one in found.limit(MOST_KEPT):
                for hold in kept.keys() & one["holds"]:
                    kept[hold].append(one["_id"])
        return kept


def holds_of(_case: str, history: Iterable[HistoryEntry]) -> list[PlacedHold]:
    """Return the holds in the *history* of a case, without those that a service refused."""
    ordered = in_order(history)
    lifted = {one.fact.hold: one for one in ordered if isinstance(one.fact, events.HoldLifted)}
    ended = {one.fact.hold: one.fact for one in ordered if isinstance(one.fact, events.HoldEnded)}
    return [
        _hold(one, one.fact, lifted.get(one.fact.hold), ended.get(one.fact.hold))
        for one in ordered
        if isinstance(one.fact, events.HoldPlaced)
    ]


def _lifting(lifted: HistoryEntry | None) -> tuple[str | None, datetime | None, str | None]:
    """Return account, time and reason of the end of a hold."""
    if lifted is None or not isinstance(lifted.fact, events.HoldLifted):
        return None, None, None
    return lifted.fact.by, lifted.at, lifted.fact.reason


def _hold(
    placed: HistoryEntry,
    fact: events.HoldPlaced,
    lifted: HistoryEntry | None,
    ended: events.HoldEnded | None,
) -> PlacedHold:
    return PlacedHold(
        placed.id,
        fact.hold,
        fact.request_id,
        fact.scope,
        fact.matter,
        fact.by,
        placed.at,
        fact.until,
        fact.collection,
        *_lifting(lifted),
        ended.erasures if ended else (),
    )
