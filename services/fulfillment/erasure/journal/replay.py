"""
Repeats every erasure of the journal in stores that were restored from a backup.

For each erasure: the records that the journal names, and those that a search from the person's identities
finds; the identities themselves are found by their hashes in the restored data. Returned records are planned,
erased and verified as in any erasure. Others are left alone, so that a replay may be stopped and repeated at
any point, and an unneeded one changes nothing.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from services.fulfillment.datamap.model import CollectionPlace, DataMap
from services.fulfillment.erasure.execution import execute
from services.fulfillment.erasure.journal.entries import ErasureEntry
from services.fulfillment.erasure.journal.fingerprints import Fingerprints
from services.fulfillment.erasure.journal.report import (
    Examined,
    Record,
    ReplayReport,
    record_of,
    record_of_step,
)
from services.fulfillment.erasure.journal.returned import (
    ReturnVerdict,
    found_again,
    in_doubt,
    judge,
    newer,
    remaining,
)
from services.fulfillment.erasure.journal.sightings import Progress, SearchTarget, Sightings, find_sightings
from services.fulfillment.erasure.planner import plan_records
from services.fulfillment.erasure.steps import RecordStep
from services.fulfillment.search.findings import FoundRecord
from services.fulfillment.search.walk import gather
from services.fulfillment.stores.batch_lookup import Probe
from services.fulfillment.stores.erasure_journal import EARLIEST, ErasureJournal
from services.fulfillment.stores.mongodb import Stores
from shared.errors import StoreUnavailable
from shared.runtime.mongo import Document

MOST_ROUNDS = 3
"""Rounds of one erasure before its remaining records count as failed."""
IDS_PER_LOOK = 1_000


@dataclass(frozen=True, slots=True)
class ReplayScope:
    """The erasures to repeat, and the stores."""

    since: datetime = EARLIEST
    store: str | None = None
    dry_run: bool = False

    def covers(self, place: CollectionPlace) -> bool:
        """Return whether records at *place* are in scope."""
        return self.store in (None, place.store)


@dataclass(frozen=True, slots=True)
class ReplayCandidate:
    """A record in which something is, or was, the person's."""

    found: FoundRecord
    entry: ErasureEntry | None
    """The journal entry that names it, if any."""

    @property
    def record(self) -> Record:
        """Its unique name."""
        return record_of(self.found.collection.key, self.found.document["_id"])


@dataclass(frozen=True, slots=True)
class TimeSinceErasure:
    """The time of an erasure, and the person's later state."""

    erased_at: datetime
    back: bool
    """Whether the person has newer records."""


class Replay:
    """One replay of the erasure journal."""

    def __init__(
        self,
        erasures: ErasureJournal,
        fingerprints: Fingerprints,
        data_map: DataMap,
        stores: Stores,
        today: date,
    ) -> None:
        """Replay *erasures* by *data_map* in *stores*."""
        self._erasures = erasures
        self._fingerprints = fingerprints
        self._map = data_map
        self._stores = stores
        self._today = today
        self._done: defaultdict[Record, set[bytes]] = defaultdict(set)
        """Records with hashes from a later erasure of the same person, which decides on their state."""

    async def run(
        self, scope: ReplayScope = ReplayScope(), progress: Progress = lambda _what, _by: None
    ) -> ReplayReport:
        """
        Repeat the erasures in *scope* for returned records; a dry run only reports them.

        A database that does not answer ends it early; the report says so, and the call may be repeated.

        Raises:
            ConfigurationError: A store of the map has no URL.
        """
        report = ReplayReport()
        try:
            await self._run(scope, progress, report)
        except StoreUnavailable as error:
            report.stopped = str(error)
        return report

    async def _run(self, scope: ReplayScope, progress: Progress, report: ReplayReport) -> None:
        entries = self._erasures.since(scope.since, store=scope.store)
        collections = [each for each in self._map.collections if scope.covers(each.place)]
        wanted = await SearchTarget.of(entries, self._fingerprints)
        sightings = await find_sightings(wanted, collections, self._stores, progress)
        async for erasure in self._in_turn(scope):
            report.erasures += 1
            report.unmapped |= {entry.treatment.key for entry in erasure if not self._mapped(entry)}
            await self._again(erasure, sightings, scope, report)
            progress("erasures", 1)

    async def _in_turn(self, scope: ReplayScope) -> AsyncIterator[list[ErasureEntry]]:
        """Yield the entries erasure by erasure, the latest first: it decides on the final state."""
        entries: list[ErasureEntry] = []
        async for entry in self._erasures.since(scope.since, store=scope.store):
            if entries and entries[0].erasure != entry.erasure:
                yield entries
                entries = []
            entries.append(entry)
        if entries:
            yield entries

    async def _again(
        self, entries: Sequence[ErasureEntry], sightings: Sightings, scope: ReplayScope, report: ReplayReport
    ) -> None:
        """
        Repeat one erasure until none of its records is back, and add the result to *report*.

        Search finds the unmasked half of the data; the next round finds the rest by the journal.
        """
        rounds = [await self._examine(entries, sightings, scope)]
        refused: set[str] = set()
        while rounds[-1].plan.steps and not scope.dry_run and len(rounds) <= MOST_ROUNDS:
            refused |= {key for key, _ in await execute(rounds[-1].plan, self._stores)}
            rounds.append(await self._examine(entries, sightings, scope, refused))
        failed = () if scope.dry_run else rounds[-1].plan.steps
        if len(rounds) > 1:
            await self._erasures.prolong(entries[0].erasure)
        report.note(rounds, {record_of_step(step) for step in failed})
        for record in rounds[0].seen:
            self._done[record] |= _person(entries)

    async def _examine(
        self,
        entries: Sequence[ErasureEntry],
        sightings: Sightings,
        scope: ReplayScope,
        refused: Iterable[str] = (),
    ) -> Examined:
        """Return the returned records of the erasure with *entries*."""
        candidates = [
            candidate
            async for candidate in self._candidates(entries, sightings)
            if self._done.get(candidate.record, set()).isdisjoint(_person(entries))
            and scope.covers(candidate.found.collection.place)
        ]
        rules = {key: await self._stores.rules(self._map.by_key[key].place) for key in refused}
        planned = plan_records(
            [candidate.found for candidate in candidates],
            self._map,
            self._today,
            entries[0].targets,
            rules=rules,
        )
        back = any(newer(candidate.found, entries[0].at) for candidate in candidates)
        examined = Examined(planned, seen=frozenset(candidate.record for candidate in candidates))
        due = [
            self._due(step, candidate, TimeSinceErasure(entries[0].at, back), examined)
            for step, candidate in zip(planned.steps, candidates, strict=True)
        ]
        examined.plan = replace(planned, steps=tuple(step for step in due if step.changes))
        return examined

    def _due(
        self, step: RecordStep, candidate: ReplayCandidate, since: TimeSinceErasure, examined: Examined
    ) -> RecordStep:
        """Return the part of *step* to repeat; note the records left alone."""
        entry, document = candidate.entry, candidate.found.document
        due = remaining(step, document, entry, self._fingerprints)
        if not due.changes:
            if entry is not None and in_doubt(entry, candidate.found, self._fingerprints):
                examined.left[candidate.record] = ReturnVerdict.UNSURE
            elif entry is not None and entry.treatment.deleted:
                examined.left[candidate.record] = None
            return due
        named = entry is not None
        verdict = judge(candidate.found, since.erased_at, named=named, back=since.back)
        if verdict is not ReturnVerdict.RETURNED:
            examined.left[candidate.record] = verdict
            return replace(due, deleted=False, masks=(), pulls=())
        if entry is None:
            examined.unnamed.add(candidate.record)
        return due

    def _mapped(self, entry: ErasureEntry) -> bool:
        """Return whether the map still knows the collection of *entry*."""
        collection = self._map.by_key.get(entry.treatment.key)
        return collection is not None and collection.place == entry.treatment.place

    def _named(self, entries: Sequence[ErasureEntry], sightings: Sightings) -> dict[Record, ErasureEntry]:
        """Return the records that *entries* name, in the collections that the map still knows."""
        return {
            record_of(entry.treatment.key, document_id): entry
            for entry in entries
            if self._mapped(entry)
            for document_id in sightings.ids_of(entry)
        }

    async def _candidates(
        self, entries: Sequence[ErasureEntry], sightings: Sightings
    ) -> AsyncIterator[ReplayCandidate]:
        """Yield the records that a search finds, then those that only the journal names."""
        named = self._named(entries, sightings)
        identities = sightings.identities_of(entries[0])
        if identities:
            for found in (await gather(self._map, self._stores, identities)).found:
                record = record_of(found.collection.key, found.document["_id"])
                yield ReplayCandidate(found, named.pop(record, None))
        for entry in entries:
            ids = [
                one
                for one in sightings.ids_of(entry)
                if named.get(record_of(entry.treatment.key, one)) is entry
            ]
            async for document in self._read(entry.treatment.place, ids):
                collection = self._map.by_key[entry.treatment.key]
                yield ReplayCandidate(found_again(entry, document, collection, self._fingerprints), entry)

    async def _read(self, place: CollectionPlace, ids: Sequence[Any]) -> AsyncIterator[Document]:
        """Yield the documents at *place* that have one of *ids*."""
        for start in range(0, len(ids), IDS_PER_LOOK):
            probes = [Probe.of("_id", one, caseless=False) for one in ids[start : start + IDS_PER_LOOK]]
            for documents in (await self._stores.find(place, probes)).values():
                for document in documents:
                    yield document


def _person(entries: Sequence[ErasureEntry]) -> frozenset[bytes]:
    """Return the hashes of the identities of the person of *entries*."""
    return frozenset(one for hashes in entries[0].identities.values() for one in hashes)
