"""
Looks documents of one collection up for many requests at once.

Requests are answered side by side and know nothing of one another. What they look up by an index at the
same moment becomes one query. What has no index costs a pass over the whole collection: such look-ups wait a
moment for others, and for the pass that is under way, and one pass answers them all.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from services.fulfillment.search import caseless
from services.fulfillment.search.paths import key_of, tuples_at
from shared.coalescing import Coalescer
from shared.mongo import Collection as Stored
from shared.mongo import Document, translated

VALUES_PER_QUERY = 2_000
VALUES_PER_SCAN = 50_000
DOCUMENTS_PER_READ = 2_000
SCAN_WINDOW = 0.02
"""Seconds that a look-up without an index waits for others. What comes later joins the next pass."""
PATIENCE_MS = 120_000
"""How long a query may run on the server."""
INDEXES_KNOWN_FOR = 60.0
"""Seconds after which an index may have been made or dropped."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One value looked for at one path, or the values of a composite key at several."""

    path: str
    caseless: bool
    key: Hashable
    value: Any = field(compare=False)
    others: tuple[tuple[str, Any], ...] = field(default=(), compare=False)
    tagged: bool = False

    @classmethod
    def of(
        cls,
        path: str,
        value: Any,
        *,
        caseless: bool,
        others: tuple[tuple[str, Any], ...] = (),
        tagged: bool = False,
    ) -> "Probe":
        """
        Return the probe for *value*.

        Args:
            path: Where it may stand.
            value: What is looked for.
            caseless: Whether case does not count; where *value* is no text, it has none.
            others: What else must stand in the same document, path by path.
            tagged: Whether an address is the same with and without a part after a plus sign.
        """
        ignores = caseless and isinstance(value, str)
        found = key_of(value, caseless=ignores, tagged=tagged)
        if others:
            found = (found, *(key_of(v) for _, v in others))
        return cls(path, ignores, found, value, others, ignores and tagged)

    @property
    def paths(self) -> tuple[str, ...]:
        """Where the values may stand."""
        return (self.path, *(path for path, _ in self.others))

    @property
    def condition(self) -> Document:
        """What a document must fulfil."""
        return {self.path: {"$eq": self.value}, **{path: {"$eq": value} for path, value in self.others}}


Take: TypeAlias = Callable[[Document], None]


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """What one request looks up at one moment, and who takes what is found. Two are never the same."""

    probes: Sequence[Probe]
    take: Take


class Seeker:
    """Looks up in one collection."""

    def __init__(self, stored: Stored, name: str) -> None:
        """Look up in *stored*, called *name* in messages."""
        self._stored = stored
        self._name = name
        self._direct: Coalescer[Search, None] = Coalescer(lambda s: self._load(s, VALUES_PER_QUERY))
        self._scans: Coalescer[Search, None] = Coalescer(
            lambda s: self._load(s, VALUES_PER_SCAN), window=SCAN_WINDOW
        )
        self._index_reads = Coalescer(self._read_indexes)
        self._indexes = caseless.Indexes(frozenset(), {}, frozenset())
        self._indexes_read_at = -INDEXES_KNOWN_FOR

    async def seek(self, probes: Iterable[Probe], take: Take) -> None:
        """
        Hand every document that one of *probes* finds to *take*, once or more often.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        known = await self.indexes()
        indexed: list[Probe] = []
        others: list[Probe] = []
        for probe in probes:
            answered_by_index = known.answer(probe.path, ignoring_case=probe.caseless) and not probe.tagged
            (indexed if answered_by_index else others).append(probe)
        waiting = [(self._direct, indexed), (self._scans, others)]
        await asyncio.gather(*(lane(Search(some, take)) for lane, some in waiting if some))

    async def indexes(self) -> caseless.Indexes:
        """Return the indexes there, as they were a moment ago."""
        if time.monotonic() - self._indexes_read_at > INDEXES_KNOWN_FOR:
            self._indexes = await self._index_reads(self._name)
            self._indexes_read_at = time.monotonic()
        return self._indexes

    async def _read_indexes(self, names: Sequence[str]) -> dict[str, caseless.Indexes]:
        with translated(f"read the indexes of {self._name}"):
            found = caseless.indexes(await self._stored.index_information())
        return dict.fromkeys(names, found)

    async def _load(self, searches: Sequence[Search], most: int) -> dict[Search, None]:
        whose: dict[Probe, list[Search]] = defaultdict(list)
        for search in searches:
            for probe in search.probes:
                whose[probe].append(search)
        probes = list(whose)
        for start in range(0, len(probes), most):
            await asyncio.gather(
                *(self._read(query, whose) for query in self._queries(probes[start : start + most]))
            )
        return dict.fromkeys(searches)

    def _queries(self, probes: Sequence[Probe]) -> Iterator[caseless.Query]:
        exact = [*_together(p for p in probes if not p.caseless)]
        exact += [caseless.with_any_tag(probe.path, probe.value) for probe in probes if probe.tagged]
        if exact:
            yield caseless.Query(exact, None)
        wanted: dict[str, list[str]] = defaultdict(list)
        for probe in probes:
            if probe.caseless and not probe.others and not probe.tagged:
                wanted[probe.path].append(probe.value)
        yield from caseless.queries(wanted, self._indexes)
        composite = [probe.condition for probe in probes if probe.caseless and probe.others]
        if composite:
            yield caseless.Query(composite, caseless.CASELESS)

    async def _read(self, query: caseless.Query, whose: Mapping[Probe, Sequence[Search]]) -> None:
        branches = list(query.branches)
        condition = branches[0] if len(branches) == 1 else {"$or": branches}
        with translated(f"search {self._name}"):
            cursor = self._stored.find(condition, batch_size=DOCUMENTS_PER_READ, max_time_ms=PATIENCE_MS)
            if query.collation is not None:
                cursor = cursor.collation(query.collation)
            some: list[Document] | None = None
            while some is None or len(some) == DOCUMENTS_PER_READ:
                some = await cursor.to_list(DOCUMENTS_PER_READ)
                _deliver(some, whose)


Way: TypeAlias = tuple[tuple[str, ...], bool, bool]
"""Paths at which values are compared, and whether without case, and without tags."""


def ways(probes: Iterable[Probe]) -> frozenset[Way]:
    """Return where *probes* look."""
    return frozenset((probe.paths, probe.caseless, probe.tagged) for probe in probes)


def answered(document: Document, probes: Mapping[Probe, Any], looked: Iterable[Way]) -> Iterator[Probe]:
    """Yield those of *probes* that find *document*; they look the ways of *looked*."""
    for paths, ignores, tagged in looked:
        for first, *others in tuples_at(document, paths):
            pairs = tuple(zip(paths[1:], others, strict=True))
            probe = Probe.of(paths[0], first, caseless=ignores, others=pairs, tagged=tagged)
            if probe in probes:
                yield probe


def _deliver(documents: Sequence[Document], whose: Mapping[Probe, Sequence[Search]]) -> None:
    searches = {search for some in whose.values() for search in some}
    if len(searches) == 1:
        take = searches.pop().take
        for document in documents:
            take(document)
        return
    looked = ways(whose)
    for document in documents:
        takers = {search for probe in answered(document, whose, looked) for search in whose[probe]}
        for search in takers:
            search.take(document)


def _together(probes: Iterable[Probe]) -> Iterator[Document]:
    """Yield conditions that *probes* find by, one for each path where that can be."""
    wanted: dict[str, list[Any]] = defaultdict(list)
    for probe in probes:
        if probe.others:
            yield probe.condition
        else:
            wanted[probe.path].append(probe.value)
    yield from ({path: {"$in": values}} for path, values in wanted.items())
