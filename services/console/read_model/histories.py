"""
The facts of each case, and the row that follows from them.

A fact is added to the document of its case under the id of its event: a repetition changes nothing. Then the
row is made of all facts of the case. A row is replaced only by one of as many or more facts, so that of two
writers the one who saw less does not win. Nothing depends on the order of deliveries.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from services.console.domain import HistoryEntry, is_purged, refusals_in, row_of, time_of
from services.console.read_model.figures import figure_value
from services.console.read_model.holds import PlacedHold, holds_of
from services.console.read_model.openings import Opening, openings_of
from services.console.read_model.recipients import RecipientNotice, notices_of
from services.console.read_model.register import register_entry
from services.console.state import CaseRow
from shared.contract.envelope import FACTS
from shared.contract.events import Fact, RecipientConcerned, RequestReceived
from shared.errors import PermanentError, StoreUnavailable
from shared.portions import portions
from shared.runtime.journal import PURGE_KEPT, JournalRow, NotedFact, correlation_from, stored_correlation
from shared.runtime.mongo import (
    DUPLICATE_KEY,
    Database,
    Document,
    UpdateOne,
    create_compressed,
    translated,
    write_each,
)

PURGED = "purged_at"
"""Field of a purged case: facts that come late must not bring it back."""
DELETED_AT_ONCE = 1_000
MOST_FACTS = 2**31
"""More facts than a case has: the row of a purged case is never replaced."""
CaseEntry: TypeAlias = Opening | PlacedHold | RecipientNotice
ROWS: Mapping[str, Callable[[str, Iterable[HistoryEntry]], Sequence[CaseEntry]]] = {
    "openings": openings_of,
    "holds": holds_of,
    "notices": notices_of,
}
"""Collection → its rows, which follow from the facts of a case."""
OF_DECISIONS = ("openings", "holds")
"""Collections with a row for a decision."""
ENDING_WITH_CASES = ("openings", "notices")


class CaseHistories:
    """The histories and rows of all cases."""

    def __init__(self, database: Database, zone: ZoneInfo) -> None:
        """Keep them in *database*; figures count days of *zone*."""
        self._zone = zone
        self._histories = database["histories"]
        self._cases = database["cases"]
        self._others = {name: database[name] for name in ROWS}

    async def prepare(self) -> None:
        """Create the indexes that purged cases need; :mod:`.cases` has the others."""
        kept = int(PURGE_KEPT.total_seconds())
        await create_compressed(self._histories, self._cases)
        with translated("index the histories"):
            for collection in (self._histories, self._cases):
                await collection.create_index(PURGED, expireAfterSeconds=kept, sparse=True)

    async def note(self, facts: Sequence[NotedFact]) -> None:
        """
        Add *facts* to their cases, and renew the rows; it may be repeated.

        Raises:
            StoreUnavailable: The server did not answer.
            PermanentError: A fact does not fit.
        """
        entries: dict[str, dict[str, Document]] = {}
        for one in facts:
            entries.setdefault(one.case, {})[one.id] = stored_entry(one)
        await self._add(entries)
        await self.renew(entries.keys())

    async def renew(self, cases: Collection[str]) -> None:
        """Make the rows of *cases* anew from their facts, those of the cases last: they show the facts."""
        histories = await self.of(cases)
        await self._renew_others(histories)
        changes = [_change(case, history, self._zone) for case, history in histories.items()]
        await self._write(self._cases, changes, "renew the rows of cases")
        purged = {case: history for case, history in histories.items() if is_purged(history)}
        forgotten = [_forgotten(case, history) for case, history in purged.items()]
        await self._write(self._histories, forgotten, "forget purged cases")

    async def _renew_others(self, histories: Mapping[str, Sequence[HistoryEntry]]) -> None:
        """Make openings, holds and notices anew; those of refused decisions and of purged cases go."""
        for name, rows_of in ROWS.items():
            changes = [
                _unless_newer(one.id, one.document(), len(history))
                for case, history in histories.items()
                for one in rows_of(case, history)
            ]
            await self._write(self._others[name], changes, f"renew the {name} of cases")
        purged = [case for case, history in histories.items() if is_purged(history)]
        refused = [one for history in histories.values() for one in refusals_in(history)]
        with translated("remove rows of cases"):
            for name in OF_DECISIONS if refused else ():
                await self._others[name].delete_many({"_id": {"$in": refused}})
            for name in ENDING_WITH_CASES if purged else ():
                await self._others[name].delete_many({"case": {"$in": purged}})

    async def is_purged(self, case: str) -> bool:
        """Return whether *case* was purged in the last days."""
        with translated("look for a purged case"):
            return await self._histories.find_one({"_id": case, PURGED: {"$ne": None}}) is not None

    async def remove_others(self, cases: Collection[str]) -> int:
        """Remove all cases but *cases* and those that are purged; return how many that were."""
        with translated("remove cases"):
            known = [one["_id"] async for one in self._histories.find({PURGED: None}, {"_id": 1})]
            others = list(set(known) - set(cases))
            for some in portions(others, DELETED_AT_ONCE):
                wanted = {"$in": some}
                await self._histories.delete_many({"_id": wanted})
                await self._cases.delete_many({"_id": wanted})
                for rows in self._others.values():
                    await rows.delete_many({"case": wanted})
        return len(others)

    async def of(self, cases: Collection[str]) -> dict[str, list[HistoryEntry]]:
        """Return the facts of each of *cases* that has some, in no order."""
        with translated("read the histories"):
            found = self._histories.find({"_id": {"$in": list(cases)}})
            return {one["_id"]: entries_of(one) async for one in found}

    async def shown(self, case: str) -> list[HistoryEntry]:
        """Return the facts of *case*, in no order; none while its row shows fewer."""
        history = (await self.of([case])).get(case, [])
        with translated("read the row of a case"):
            row = await self._cases.find_one({"_id": case, "facts_seen": {"$gte": len(history)}}, {"_id": 1})
        return history if row is not None else []

    async def _add(self, entries: Mapping[str, Mapping[str, Document]]) -> None:
        changes = [
            UpdateOne(
                {"_id": case, PURGED: None},
                {"$set": {f"facts.{id_}": stored for id_, stored in some.items()}},
                upsert=True,
            )
            for case, some in entries.items()
        ]
        await self._write(self._histories, changes, "add facts")

    async def _write(self, collection: Any, changes: Sequence[UpdateOne], what: str) -> None:
        """Make *changes*; one that meets a newer document has no effect."""
        codes = await write_each(collection, changes) if changes else {}
        others = [code for code in codes.values() if code != DUPLICATE_KEY]
        if others:
            raise PermanentError(f"{what}: MongoDB refused (code {others[0]})")

    # --- what the runtime calls on a journal, and a read model does not need ------------------------------

    async def histories(self, cases: set[str]) -> dict[str, list[JournalRow]]:
        """Return nothing: no handler of the console decides on a history."""
        del cases
        return {}

    async def append(self, rows: Sequence[JournalRow]) -> frozenset[str]:
        """Refuse: the console has no rows of a journal."""
        raise StoreUnavailable(f"{len(rows)} rows of a journal, which the console does not keep")

    async def forget(self, cases: set[str]) -> None:
        """Do nothing: the fact of the purge has removed the case."""


def stored_entry(noted: NotedFact) -> Document:
    """Return a fact as it is stored, without the id of its case."""
    data = noted.fact.model_dump(mode="json", exclude={"request_id"}, exclude_defaults=True)
    if isinstance(noted.fact, RecipientConcerned):
        data["identifiers"] = {}  # keyed hashes of the person, for the recipient alone
    at = time_of(noted.fact, noted.occurred_at or noted.at)
    stored = {"type": noted.fact.TYPE, "data": data, "at": at}
    if isinstance(noted.fact, RequestReceived) and noted.correlation is not None:
        stored["publisher"] = stored_correlation(noted.correlation)
    return stored


def entries_of(document: Document) -> list[HistoryEntry]:
    """Return the facts in the *document* of a case; those that a newer version noted may be left out."""
    case = document["_id"]
    return [
        HistoryEntry(id_, one["at"], fact, correlation_from(one.get("publisher")))
        for id_, one in document.get("facts", {}).items()
        if (fact := _known_fact(case, one)) is not None
    ]


def _known_fact(case: str, stored: Document) -> Fact | None:
    try:
        return FACTS[stored["type"]].model_validate({"request_id": case, **stored["data"]})
    except (KeyError, ValidationError):
        return None


def _change(case: str, history: Sequence[HistoryEntry], zone: ZoneInfo) -> UpdateOne:
    """Return the change that stores the row of *case*."""
    count = len(history)
    row = row_of(case, history)
    if row is None and is_purged(history):
        emptied = {"_id": case, "facts_seen": MOST_FACTS, PURGED: _last(history)}
        return UpdateOne({"_id": case}, [{"$replaceWith": {"$literal": emptied}}], upsert=True)
    return _unless_newer(case, stored_row(row, history, zone) if row is not None else {}, count)


def _unless_newer(id_: str, stored: Document, count: int) -> UpdateOne:
    """Return the change of a document that *count* facts make, unless more facts have made it."""
    seen = {"_id": id_, "$or": [{"facts_seen": {"$lte": count}}, {"facts_seen": None}]}
    return UpdateOne(seen, {"$set": {**stored, "facts_seen": count}}, upsert=True)


def stored_row(row: CaseRow, history: Iterable[HistoryEntry], zone: ZoneInfo) -> Document:
    """Return *row* as it is stored, without its id, and with its entry in the register of requests."""
    document = row.document()
    del document["_id"]
    entry = register_entry(history, zone)
    return {**document, "figure": entry and figure_value(entry), "register": entry and entry.plain()}


def _forgotten(case: str, history: Sequence[HistoryEntry]) -> UpdateOne:
    emptied = {"_id": case, PURGED: _last(history)}
    return UpdateOne({"_id": case, PURGED: None}, [{"$replaceWith": {"$literal": emptied}}])


def _last(history: Iterable[HistoryEntry]) -> datetime:
    return max(one.at for one in history)
