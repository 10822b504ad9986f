"""
Batched look-ups of documents of one collection for many requests.

Requests are answered side by side. Their look-ups by an index at the same moment become one query. A look-up
without an index costs a pass over the whole collection: it waits a moment for others, and for the pass under
way, and one pass answers them all.
"""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

from services.fulfillment.datamap.paths import tuples_at
from services.fulfillment.search.bson_equality import AS_IT_IS, key_of
from services.fulfillment.search.forms import forms
from services.fulfillment.search.mentions import LONGEST_PATTERN, branches
from services.fulfillment.search.phones import canonical, integers, longhand
from services.fulfillment.stores import caseless
from shared.portions import portions
from shared.runtime.dataloader import DataLoader, LoadOrder, side_by_side
from shared.runtime.mongo import Collection as Stored
from shared.runtime.mongo import Document, each_with_bson, translated

VALUES_PER_QUERY = 2_000
VALUES_PER_SCAN = 20_000
DOCUMENTS_PER_READ = 1_000
LARGE_READS_AT_ONCE = 4
"""Queries with more documents than one read that run at once: the documents lie in memory."""
SCAN_WINDOW = 0.02
"""Seconds that a look-up without an index waits for others. A later one joins the next pass."""
PATIENCE_MS = 120_000
"""How long a query may run on the server, unless the URL of its store says so (``timeoutMS``)."""
_GAP = r"[^0-9]{0,4}"
_AROUND = r"[^0-9]{0,8}"
INDEXES_KNOWN_FOR = 60.0
"""Seconds after which the indexes are read again."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One value looked for at one path, or the values of a composite key at several."""

    path: str
    caseless: bool
    key: Hashable
    value: Any = field(compare=False)
    others: tuple[tuple[str, Any], ...] = field(default=(), compare=False)
    tagged: bool = False
    phone: bool = False
    ignoring: tuple[bool, ...] = ()
    """Of *others*, whether case does not count."""

    @classmethod
    def of(  # noqa: PLR0913 - each says how values compare
        cls,
        path: str,
        value: Any,
        *,
        caseless: bool,
        others: tuple[tuple[str, Any], ...] = (),
        tagged: bool = False,
        phone: bool = False,
        ignoring: tuple[bool, ...] = (),
    ) -> "Probe":
        """
        Return the probe for *value* at *path*.

        Args:
            path: The path in the document.
            value: The value to look for.
            caseless: Whether case does not count; ignored where *value* is no text.
            others: Further values in the same document, path by path.
            tagged: Whether an address is the same with and without a part after a plus sign.
            phone: Whether *value*, if it is a telephone number, is looked for in any notation.
            ignoring: Of each of *others*, whether case does not count.
        """
        ignores = caseless and isinstance(value, str)
        dials = phone and canonical(value) is not None
        found = key_of(value, caseless=ignores, tagged=tagged, phone=dials)
        if others:
            ignoring = ignoring or (False,) * len(others)
            parts = zip(others, ignoring, strict=True)
            found = (found, *((at, key_of(part, caseless=ignored)) for (at, part), ignored in parts))
        return cls(path, ignores, found, value, others, ignores and tagged, dials, ignoring)

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the values."""
        return (self.path, *(path for path, _ in self.others))

    @property
    def condition(self) -> Document:
        """A condition that matches every wanted document; it may match others, too."""
        first: Document = {"$in": written(self.value)} if self.phone else {"$eq": self.value}
        if self.caseless:
            first = {"$in": list(caseless.padded([self.value]))}
        condition = {self.path: first}
        for (path, value), ignores in zip(self.others, self.ignoring, strict=True):
            in_any_case = ignores and isinstance(value, str)
            condition[path] = caseless.in_any_case(value) if in_any_case else {"$eq": value}
        return condition


Take: TypeAlias = Callable[[Document, bytes], None]
"""Takes a document, and its BSON as it was read."""


@dataclass(frozen=True, slots=True, eq=False)
class BatchSearch:
    """The look-ups of one request at one moment, and the receiver of the documents. No two are equal."""

    probes: Sequence[Probe]
    take: Take
    due: date


class CollectionLookup:
    """Looks up documents of one collection."""

    def __init__(self, stored: Stored, name: str, large: asyncio.Semaphore, patience_ms: int) -> None:
        """Look up in *stored*, called *name* in messages; *large* limits the large reads at a time."""
        self._stored = stored
        self._name = name
        self._large = large
        self._patience_ms = patience_ms
        self._direct: DataLoader[BatchSearch, None] = DataLoader(lambda s: self._load(s, VALUES_PER_QUERY))
        self._scans: DataLoader[BatchSearch, None] = DataLoader(
            lambda s: self._load(s, VALUES_PER_SCAN),
            window=SCAN_WINDOW,
            turns=LoadOrder(VALUES_PER_SCAN, lambda search: len(search.probes), lambda search: search.due),
        )
        self._index_reads = DataLoader(self._read_indexes)
        self._indexes = caseless.Indexes(frozenset(), {}, frozenset())
        self._indexes_read_at = -INDEXES_KNOWN_FOR

    async def seek(self, probes: Iterable[Probe], take: Take, due: date = date.max) -> None:
        """
        Pass every document that one of *probes* finds to *take*, once or more often.

        Where not all look-ups fit into one pass, those of requests *due* first go first.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        known = await self.indexes()
        indexed: list[Probe] = []
        others: list[Probe] = []
        for probe in probes:
            found_by_index = known.answer(probe.path, ignoring_case=probe.caseless)
            # Numbers and tags are found by pattern, for which an index is read from end to end.
            passing = probe.tagged or (probe.phone and not probe.others)
            (indexed if found_by_index and not passing else others).append(probe)
        waiting = [(self._direct, indexed), (self._scans, others)]
        await side_by_side([lane(BatchSearch(some, take, due)) for lane, some in waiting if some])

    async def indexes(self) -> caseless.Indexes:
        """Return the collection's indexes, cached for a moment."""
        if time.monotonic() - self._indexes_read_at > INDEXES_KNOWN_FOR:
            self._indexes = await self._index_reads(self._name)
            self._indexes_read_at = time.monotonic()
        return self._indexes

    async def _read_indexes(self, names: Sequence[str]) -> dict[str, caseless.Indexes]:
        with translated(f"read the indexes of {self._name}"):
            found = caseless.indexes(await self._stored.index_information())
        return dict.fromkeys(names, found)

    async def _load(self, searches: Sequence[BatchSearch], most: int) -> dict[BatchSearch, None]:
        deliver = _deliver_to(searches)
        probes = list(dict.fromkeys(probe for search in searches for probe in search.probes))
        for some in portions(probes, most):
            await side_by_side([self._read(query, deliver) for query in self._queries(some)])
        return dict.fromkeys(searches)

    def _queries(self, probes: Sequence[Probe]) -> Iterator[caseless.Query]:
        exact = [*_together(p for p in probes if not p.caseless and (p.others or not p.phone))]
        exact += [caseless.with_any_tag(probe.path, probe.value) for probe in probes if probe.tagged]
        exact += _phones(probe for probe in probes if probe.phone and not probe.others)
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

    async def _read(self, query: caseless.Query, deliver: "_Deliver") -> None:
        asked = list(query.branches)
        condition = asked[0] if len(asked) == 1 else {"$or": asked}
        with translated(f"search {self._name}"):
            # Raw: the size of each document is needed; encoding it again takes as long as reading it.
            batches = self._stored.find_raw_batches(
                condition,
                batch_size=DOCUMENTS_PER_READ,
                max_time_ms=self._patience_ms,
                # Always given: a collection may have a collation in which other people's values are equal.
                collation=query.collation or AS_IT_IS,
            )
            deliver(await anext(batches, b""))  # type: ignore[arg-type]  # Motor declares single documents
            if batches.delegate.alive:
                async with self._large:
                    async for batch in batches:
                        deliver(batch)


def written(value: Any) -> list[Any]:
    """Return the conditions for the telephone number *value*: itself, as a number, and in any grouping."""
    dialled = canonical(value) or ""
    pattern = re.compile(_around(longhand(dialled)), re.ASCII)
    return [*dict.fromkeys([*forms(value, None), *integers(dialled)]), pattern]


def _phones(probes: Iterable[Probe]) -> Iterator[Document]:
    wanted: dict[str, list[Any]] = defaultdict(list)
    for probe in probes:
        wanted[probe.path].append(probe.value)
    for path, values in wanted.items():
        yield from phone_patterns(path, values)


def phone_patterns(path: str, values: Iterable[Any]) -> Iterator[Document]:
    """Yield conditions that find the telephone numbers *values* at *path* in any grouping, perhaps others."""
    # Only their digits get into a pattern.
    values = list(values)
    dialled = [digits for value in values if (digits := canonical(value)) is not None]
    numbers = [number for digits in dialled for number in integers(digits)]
    yield {path: {"$in": list(dict.fromkeys([*(v for v in values if not isinstance(v, str)), *numbers]))}}
    words: list[str] = []
    for digits in sorted({digits for one in dialled for digits in longhand(one)}):
        if words and (len(words) + 1) * (len(digits) + 1) * len(_GAP) > LONGEST_PATTERN:
            yield {path: {"$regex": _around(words)}}
            words = []
        words.append(digits)
    if words:
        yield {path: {"$regex": _around(words)}}


def _around(words: Iterable[str]) -> str:
    return f"^{_AROUND}{branches(words, between=_GAP)}{_AROUND}$"


Comparison: TypeAlias = tuple[tuple[str, ...], bool, bool, bool, tuple[bool, ...]]
"""
Paths at which values are compared; whether without case, without tags, and as telephone numbers; and for each
further path, whether without case.
"""


def ways(probes: Iterable[Probe]) -> frozenset[Comparison]:
    """Return the ways in which *probes* compare."""
    return frozenset((p.paths, p.caseless, p.tagged, p.phone, p.ignoring) for p in probes)


def answered(
    document: Document, probes: Mapping[Probe, Any], looked: Iterable[Comparison]
) -> Iterator[Probe]:
    """Yield the *probes* that find *document*; their ways of comparing are *looked*."""
    for paths, ignores, tagged, phone, ignoring in looked:
        for first, *others in tuples_at(document, paths):
            pairs = tuple(zip(paths[1:], others, strict=True))
            probe = Probe.of(
                paths[0], first, caseless=ignores, others=pairs, tagged=tagged, phone=phone, ignoring=ignoring
            )
            if probe in probes:
                yield probe


_Deliver: TypeAlias = Callable[[bytes], None]
"""Receives documents as they were read, one after the other."""


def _deliver_to(searches: Sequence[BatchSearch]) -> _Deliver:
    searches_of: dict[Probe, list[BatchSearch]] = defaultdict(list)
    for search in searches if len(searches) > 1 else ():
        for probe in search.probes:
            searches_of[probe].append(search)
    looked = ways(searches_of)

    def deliver(batch: bytes) -> None:
        for document, bson in each_with_bson(batch):
            takers: Iterable[BatchSearch] = searches
            if searches_of:
                found = answered(document, searches_of, looked)
                takers = {search for probe in found for search in searches_of[probe]}
            for search in takers:
                search.take(document, bson)

    return deliver


def _together(probes: Iterable[Probe]) -> Iterator[Document]:
    """Yield the conditions of *probes*, one for each path where possible."""
    wanted: dict[str, list[Any]] = defaultdict(list)
    for probe in probes:
        if probe.others:
            yield probe.condition
        else:
            wanted[probe.path].append(probe.value)
    yield from ({path: {"$in": values}} for path, values in wanted.items())
