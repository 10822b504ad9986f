"""
Repeats every erasure of the journal in stores that were restored from a backup.

For each erasure: the records that the journal names, and those that a search from the person's identities
finds; the identities themselves are found by their hashes in the restored data. Returned records are planned,
erased and verified as in any erasure. Others are left alone, so that a replay may be stopped and repeated at
any point, and an unneeded one changes nothing.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Container, Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, tzinfo
from functools import partial
from itertools import chain
from typing import Any, TypeAlias

from services.fulfillment.datamap.model import CollectionPlace, DataMap
from services.fulfillment.erasure.execution import execute
from services.fulfillment.erasure.journal.entries import ErasureEntry, Fingerprints
from services.fulfillment.erasure.journal.returned import (
    ReturnVerdict,
    ScanProgress,
    SearchTarget,
    Sightings,
    find_sightings,
    found_again,
    in_doubt,
    judge,
    newer,
    remaining,
)
from services.fulfillment.erasure.planner import has_contract, plan_records
from services.fulfillment.erasure.steps import RecordName, RecordPlan, RecordStep
from services.fulfillment.holds.check import NO_HOLDS, HoldCheck, HoldReader
from services.fulfillment.search.bson_equality import key_of
from services.fulfillment.search.findings import FoundRecord
from services.fulfillment.search.walk import gather
from services.fulfillment.stores.batch_lookup import Probe
from services.fulfillment.stores.mongodb import Stores
from services.fulfillment.stores.registers import EARLIEST, ErasureJournal
from services.fulfillment.stores.rules import Rules
from shared.errors import StoreUnavailable
from shared.portions import portions

ReplayedRecord: TypeAlias = tuple[str, Hashable]
"""Key of a collection, and the comparison key of a record's ``_id``."""


def record_of(key: str, document_id: Any) -> ReplayedRecord:
    """Return the unique name of a record of the collection *key*."""
    return key, key_of(document_id)


def record_of_step(step: RecordStep) -> ReplayedRecord:
    """Return the unique name of the record of *step*."""
    return record_of(step.key, step.id["_id"])


@dataclass
class Examined:
    """The returned records of one erasure."""

    plan: RecordPlan
    unnamed: set[ReplayedRecord] = field(default_factory=set)
    """Its records that the journal does not name."""
    left: dict[ReplayedRecord, ReturnVerdict | None] = field(default_factory=dict)
    """Records left alone, and why; None: a law requires it."""
    seen: frozenset[ReplayedRecord] = frozenset()
    """All records that exist, in any state."""


@dataclass
class ReplayCounts:
    """Numbers of records of one collection by result."""

    deleted: int = 0
    masked: int = 0
    pulled: int = 0
    """Records from which elements were removed again."""
    unnamed: int = 0
    """Those of the above that the journal did not name: found by the person's identities."""
    kept: int = 0
    """Returned, and retained now because of a law."""
    newer: int = 0
    """Left, because they were made after the erasure."""
    unsure: int = 0
    """Left, because they do not state when they were made: for the staff to check."""
    failed: int = 0
    """Still there after all rounds."""


@dataclass
class ReplayReport:
    """The result of a replay."""

    erasures: int = 0
    collections: dict[str, ReplayCounts] = field(default_factory=lambda: defaultdict(ReplayCounts))
    unmapped: set[str] = field(default_factory=set)
    """Collections of the journal that the data map no longer names."""
    stopped: str = ""
    """Why the replay ended early."""

    def note(self, rounds: Sequence[Examined], failed: AbstractSet[ReplayedRecord]) -> None:
        """Add the results of an erasure's *rounds*; the *failed* records are still there."""
        steps = {record_of_step(step): step for examined in rounds for step in examined.plan.steps}
        unnamed = {record for examined in rounds for record in examined.unnamed}
        for record, step in steps.items():
            counts = self.collections[step.key]
            if record in failed:
                counts.failed += 1
                continue
            counts.deleted += step.deleted
            counts.pulled += bool(step.pulls)
            counts.masked += bool(step.masks) and not step.pulls
            counts.unnamed += record in unnamed
        for (key, _), verdict in rounds[0].left.items():
            counts = self.collections[key]
            counts.kept += verdict is None
            counts.newer += verdict is ReturnVerdict.NEWER
            counts.unsure += verdict is ReturnVerdict.UNSURE

    @property
    def done(self) -> bool:
        """Whether nothing had returned, or everything was erased again."""
        left = any(tally.unsure or tally.failed for tally in self.collections.values())
        return not (left or self.unmapped or self.stopped)

    def plain(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "done": self.done,
            "erasures": self.erasures,
            "collections": {key: asdict(tally) for key, tally in self.collections.items()},
            "unmapped": sorted(self.unmapped),
            "stopped": self.stopped,
        }


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
    def record(self) -> ReplayedRecord:
        """Its unique name."""
        return record_of(self.found.collection.key, self.found.document["_id"])


class Replay:
    """One replay of the erasure journal."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a replay
        self,
        erasures: ErasureJournal,
        fingerprints: Fingerprints,
        data_map: DataMap,
        stores: Stores,
        today: date,
        zone: tzinfo = UTC,
        holds: HoldReader = NO_HOLDS,
    ) -> None:
        """Replay *erasures* by *data_map* in *stores*, but for *holds*; *today* is the day in *zone*."""
        self._erasures = erasures
        self._fingerprints = fingerprints
        self._map = data_map
        self._stores = stores
        self._today, self._zone, self._holds = today, zone, holds
        self._done: defaultdict[ReplayedRecord, set[bytes]] = defaultdict(set)
        """Records with hashes from a later erasure of the same person, which decides on their state."""

    async def run(
        self, scope: ReplayScope = ReplayScope(), progress: ScanProgress = lambda _what, _by: None
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

    async def _run(self, scope: ReplayScope, progress: ScanProgress, report: ReplayReport) -> None:
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
        """Repeat one erasure until none of its records is back, and add the result to *report*."""
        # Search finds the unmasked half of the data; the next round finds the rest by the journal.
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
        found = (candidate.found for candidate in candidates)
        held = await HoldCheck(self._holds, entries[0].erasure, self._today).found(found, {})
        planned = self._planned(candidates, entries[0].targets, rules, held)
        back = any(newer(candidate.found, entries[0].at) for candidate in candidates)
        examined = Examined(planned, seen=frozenset(candidate.record for candidate in candidates))
        due = [
            self._due(step, candidate, entries[0].at, examined, back=back)
            for step, candidate in zip(planned.steps, candidates, strict=True)
        ]
        examined.plan = replace(planned, steps=tuple(step for step in due if step.changes))
        return examined

    def _planned(
        self,
        candidates: Sequence[ReplayCandidate],
        targets: Sequence[str],
        rules: Mapping[str, Rules],
        held: Container[RecordName],
    ) -> RecordPlan:
        """
        Return the plan for *candidates*: what the journal names is erased as before.

        A record that it does not name may be one that the erasure has retained for a running contract.
        """
        plan = partial(plan_records, zone=self._zone, rules=rules, held=held)
        found = [candidate.found for candidate in candidates]
        running = has_contract(one.found for one in candidates if one.entry is None)
        whole = plan(found, self._map, self._today, targets, running=running)
        named = [candidate.found for candidate in candidates if candidate.entry is not None]
        again = iter(plan(named, self._map, self._today, targets).steps)
        steps = [
            step if candidate.entry is None else next(again)
            for step, candidate in zip(whole.steps, candidates, strict=True)
        ]
        return replace(whole, steps=tuple(steps))

    def _due(
        self, step: RecordStep, candidate: ReplayCandidate, at: datetime, examined: Examined, *, back: bool
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
        verdict = judge(candidate.found, at, named=entry is not None, back=back)
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

    def _named(
        self, entries: Sequence[ErasureEntry], sightings: Sightings
    ) -> dict[ReplayedRecord, ErasureEntry]:
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
            key, place = entry.treatment.key, entry.treatment.place
            ids = [one for one in sightings.ids_of(entry) if named.get(record_of(key, one)) is entry]
            for some in portions(ids, IDS_PER_LOOK):
                probes = [Probe.of("_id", one, caseless=False) for one in some]
                for document in chain.from_iterable((await self._stores.find(place, probes)).values()):
                    found = found_again(entry, document, self._map.by_key[key], self._fingerprints)
                    yield ReplayCandidate(found, entry)


def _person(entries: Sequence[ErasureEntry]) -> frozenset[bytes]:
    return frozenset(one for hashes in entries[0].identities.values() for one in hashes)
