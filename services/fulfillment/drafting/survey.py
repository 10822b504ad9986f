"""
Surveys live stores: the fields of every collection, its people, and references.

Everything is bounded: a number of documents per collection, a time per query, secondaries first.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.fulfillment.datamap.model import Direction
from services.fulfillment.datamap.paths import below, leads_through, values_at
from services.fulfillment.drafting.ownership import (
    EMAIL,
    NAME,
    PHONE,
    IdentityField,
    beside,
    followed,
    identities,
    is_person,
    marks_of,
    own_key,
)
from services.fulfillment.drafting.references import (
    PLAUSIBLE,
    End,
    Overlap,
    ReferenceLink,
    candidates,
    chosen,
    scored,
)
from services.fulfillment.drafting.schema import CollectionOutline, Inference, RecordKey, key_of, spellings
from shared.errors import HabeasError
from shared.portions import portions
from shared.runtime.mongo import Client, Document, secondary_first, translated

SAMPLE = 1_000
CROWDS = 20
"""Records that are checked for references from several people's."""
JOINED = 60
"""Records that are joined to compare their people."""
PATIENCE_MS = 20_000
"""Time limit of one query on the server; after it, less is known, and nothing is wrong."""
VALUES_PER_QUERY = 1_000
MOST_PER_KEY = 4
"""Records read for one value; a value of so many names none of them."""
Said = Callable[[Any, Sequence[str]], set[Any]]
"""Returns what a document, or an element, says at some paths."""
OWN = frozenset({"admin", "config", "local"})
COLLECTIONS = {"type": "collection"}


@dataclass(frozen=True, slots=True)
class SampleReader:
    """Reads the store *name* through *client*."""

    name: str
    client: Client
    sample: int = SAMPLE
    ours: str = ""
    """Prefix of the names of our own databases, which are no business data."""

    async def places(self, databases: Sequence[str]) -> list[tuple[str, str]]:
        """
        Return database and name of every collection; views, time series and system collections are left out.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        with translated(f"list the collections of the store {self.name}"):
            known = set(databases) or {
                name
                for name in set(await self.client.list_database_names()) - OWN
                if not self.ours or not name.startswith(self.ours)
            }
            return [
                (database, name)
                for database in sorted(known)
                for name in sorted(await self.client[database].list_collection_names(filter=COLLECTIONS))
                if not name.startswith("system.")
            ]

    async def outline(self, database: str, name: str) -> CollectionOutline:
        """Return the outline of the collection from a sample."""
        seen = Inference()
        async for document in self._sample(database, name):
            seen.add(document)
        stored = self._stored(database, name)
        with translated(f"read the indexes of {database}.{name}"):
            total = await stored.estimated_document_count(maxTimeMS=PATIENCE_MS)
            indexes = (await stored.index_information()).values()
        single = (index for index in indexes if index.get("unique") and len(index["key"]) == 1)
        unique = frozenset(str(index["key"][0][0]) for index in single)
        return CollectionOutline(
            self.name, database, name, total, seen.documents, seen.properties(), unique, seen.repeated()
        )

    async def _sample(self, database: str, name: str) -> AsyncIterator[Document]:
        stored, taken = self._stored(database, name), False
        try:
            with translated(f"sample {database}.{name}"):
                random = [{"$sample": {"size": self.sample}}]
                options = {"maxTimeMS": PATIENCE_MS, "allowDiskUse": True, "batchSize": 50}
                async for document in stored.aggregate(random, **options):
                    taken = True
                    yield document
        except HabeasError:
            if taken:
                return
            # Too large for a random sample in time: the first documents are better than none.
            with translated(f"read {database}.{name}"):
                first = stored.find({}, batch_size=50).limit(self.sample).max_time_ms(PATIENCE_MS)
                async for document in first:
                    yield document

    async def found(self, end: End, keys: Sequence[RecordKey]) -> Mapping[RecordKey, int] | None:
        """Return how often each of *keys* stands in the field *end*; ``None`` if that takes too long."""
        counts: Counter[RecordKey] = Counter()
        try:
            for some in portions(keys, VALUES_PER_QUERY):
                counts.update(await self._found(end, frozenset(some)))
        except HabeasError:
            return None
        return counts

    async def _found(self, end: End, keys: frozenset[RecordKey]) -> list[RecordKey]:
        path, values = end.field.path, [value for key in keys for value in spellings(key)]
        stored = self._stored(end.outline.database, end.outline.name)
        with translated(f"look for values in {end.outline.key}"):
            cursor = stored.find({path: {"$in": values}}, {path: 1}, max_time_ms=PATIENCE_MS)
            cursor.limit(MOST_PER_KEY * len(keys))
            return [
                key
                async for document in cursor
                for key in map(key_of, values_at(document, path))
                if key is not None and key in keys
            ]

    async def pairs(
        self,
        link: ReferenceLink,
        ours: Sequence[str],
        theirs: Sequence[str],
        target: "SampleReader",
        said: Said | None = None,
    ) -> list[tuple[set[Any], set[Any]]]:
        """
        Return for some records what is *said* at *ours*, and in the referred records at *theirs*: texts.

        Only for comparison: it is personal data, and must not be passed on.
        """
        try:
            rows = await self._rows(link.source, ours, said=said)
            known = await target._said(link.target, {key for key, _ in rows}, theirs, said)  # noqa: SLF001 - its twin
        except HabeasError:
            return []
        return [(values, known[key]) for key, values in rows if key in known]

    async def crowd(self, link: ReferenceLink, ours: Sequence[str]) -> list[list[set[str]]]:
        """Return for some records of the target the texts at *ours* of each record that refers to it."""
        said: defaultdict[RecordKey, list[set[str]]] = defaultdict(list)
        try:
            keys = dict.fromkeys(key for key, _ in await self._rows(link.source, ours))
            values = [value for key in list(keys)[:CROWDS] for value in spellings(key)]
            for key, words in await self._rows(link.source, ours, {"$in": values}, MOST_PER_KEY * CROWDS):
                said[key].append(words)
        except HabeasError:
            return []
        return list(said.values())

    async def _rows(
        self,
        end: End,
        paths: Sequence[str],
        wanted: object = None,
        most: int = JOINED,
        said: Said | None = None,
    ) -> list[tuple[RecordKey, set[Any]]]:
        """Return keys and values of some documents, or of each element of the array that *end* lies in."""
        path = end.field.path
        unit = "" if end.field.unit in (None, path) else end.field.unit or ""
        names = [below(name, unit) if leads_through(name, unit) else name for name in paths]
        stored = self._stored(end.outline.database, end.outline.name)
        with translated(f"read {end.outline.key}"):
            cursor = stored.find({path: wanted or {"$nin": [None, []]}}, dict.fromkeys((path, *paths), 1))
            cursor.limit(most).max_time_ms(PATIENCE_MS)
            return [
                (key, (said or _texts)(element, names))
                async for document in cursor
                for element in values_at(document, unit)
                if isinstance(element, Mapping)
                for key in map(key_of, values_at(element, below(path, unit)))
                if key is not None
            ]

    async def _said(
        self, end: End, keys: set[RecordKey], paths: Sequence[str], said: Said | None
    ) -> dict[RecordKey, set[Any]]:
        found: dict[RecordKey, set[Any]] = {}
        path, values = end.field.path, [value for key in keys for value in spellings(key)]
        stored = self._stored(end.outline.database, end.outline.name)
        with translated(f"read {end.outline.key}"):
            cursor = stored.find({path: {"$in": values}}, dict.fromkeys((path, *paths), 1))
            async for document in cursor.max_time_ms(PATIENCE_MS).limit(MOST_PER_KEY * len(keys)):
                for key in map(key_of, values_at(document, path)):
                    if key is not None:
                        found.setdefault(key, set()).update((said or _texts)(document, paths))
        return found

    def _stored(self, database: str, name: str) -> Any:
        return secondary_first(self.client[database][name])


def _texts(value: Any, paths: Sequence[str]) -> set[str]:
    return {
        " ".join(text.casefold().split())
        for path in paths
        for text in values_at(value, path)
        if isinstance(text, str)
    }


def _keys(value: Any, paths: Sequence[str]) -> set[RecordKey | None]:
    return {key for path in paths for key in map(key_of, values_at(value, path))} - {None}


TOGETHER = 4
LEAST_CROWDS = 3
LEAST_PAIRS = 4
"""Fewest joined records with names on both sides that mean something."""
KEYS_PER_SOURCE = 60
"""Different values of a field that are looked up elsewhere."""
MOSTLY, SURE, AGREED, ONCE = 0.5, 0.75, 0.8, 0.95
NAMING = (EMAIL, PHONE, NAME)
"""Categories that show whether two records name the same person."""

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class StoreSurvey:
    """The result of a survey."""

    outlines: tuple[CollectionOutline, ...]
    identities: Mapping[str, tuple[IdentityField, ...]]
    """By ``database.collection``."""
    links: tuple[ReferenceLink, ...]

    @property
    def reached(self) -> Mapping[str, frozenset[str | None]]:
        """One person's units in each collection: the document (None), or elements of these arrays."""
        reached: dict[str, set[str | None]] = {
            outline.key: {one.unit for one in self.identities[outline.key]} for outline in self.outlines
        }
        for link in self.links:
            end = link.target if link.direction is Direction.TO else link.source
            if link.direction is not None:
                reached[end.outline.key].add(end.field.unit)
        return {key: frozenset(units) for key, units in reached.items()}


async def survey(readers: Sequence[SampleReader], databases: Sequence[str], report: Report) -> StoreSurvey:
    """
    Survey every collection of *databases*, or of all, and *report* the progress; each store has a reader.

    Raises:
        StoreUnavailable: A store did not answer.
    """
    outlines = await _outlines(readers, databases, report)
    named = {outline.key: identities(outline) for outline in outlines}
    outlines = tuple(beside(outline, named[outline.key]) for outline in outlines)
    links = await _links(outlines, named, {reader.name: reader for reader in readers}, report)
    return _completed(StoreSurvey(outlines, named, followed(links, named)))


def _completed(found: StoreSurvey) -> StoreSurvey:
    """Return *found* with people's own keys as identities, if they have no other."""
    # People first: their key leads to the records that only name them by a number.
    for outline in sorted(found.outlines, key=lambda outline: not is_person(outline)):
        if found.reached[outline.key]:
            continue
        referring = {link.source.field.path for link in found.links if link.source.outline is outline}
        key = own_key(outline, referring)
        if key is not None:
            named = {**found.identities, outline.key: (key,)}
            undecided = [replace(link, direction=None, because="") for link in found.links]
            found = StoreSurvey(found.outlines, named, followed(undecided, named))
    return found


async def _outlines(
    readers: Sequence[SampleReader], databases: Sequence[str], report: Report
) -> tuple[CollectionOutline, ...]:
    places = [(reader, place) for reader in readers for place in await reader.places(databases)]
    gate = asyncio.Semaphore(TOGETHER)

    async def outline(reader: SampleReader, database: str, name: str) -> CollectionOutline:
        async with gate:
            report(f"sampling {database}.{name}")
            return await reader.outline(database, name)

    return tuple(await asyncio.gather(*(outline(reader, *place) for reader, place in places)))


async def _links(
    outlines: Sequence[CollectionOutline],
    named: Mapping[str, Sequence[IdentityField]],
    readers: Mapping[str, SampleReader],
    report: Report,
) -> tuple[ReferenceLink, ...]:
    by_target: defaultdict[str, list[tuple[End, End]]] = defaultdict(list)
    for source, target in candidates(outlines):
        by_target[target.name].append((source, target))
    people = frozenset(key for key, found in named.items() if any(one.unit is None for one in found))
    names = sorted({outline.name for outline in outlines})
    likely: list[ReferenceLink] = []
    for name, some in by_target.items():
        report(f"looking for values in {name}")
        target = some[0][1]
        found = await _found(readers[target.outline.store], target, [source for source, _ in some])
        likely += [scored(*pair, _overlap(pair[0], found), people, names) for pair in some]
    plausible = [link for link in likely if link.confidence >= PLAUSIBLE]
    report(f"comparing {len(plausible)} possible references")
    best = chosen([await _compared(link, readers) for link in plausible])
    owned = [await _with_owners(link, best, people, readers) for link in best]
    return tuple([await _crowded(link, readers) for link in owned])


async def _found(reader: SampleReader, target: End, sources: Sequence[End]) -> Mapping[RecordKey, int]:
    """Return how often keys of *sources* stand in *target*; if that takes too long, by the sample."""
    wanted = {key: None for source in sources for key in source.field.keys[:KEYS_PER_SOURCE]}
    found = await reader.found(target, list(wanted))
    return dict.fromkeys(target.field.keys, 1) if found is None else found


def _overlap(source: End, found: Mapping[RecordKey, int]) -> Overlap:
    keys = source.field.keys[:KEYS_PER_SOURCE]
    matched = [key for key in keys if key in found]
    once = sum(found[key] == 1 for key in matched)
    return Overlap(len(keys), len(matched), once >= ONCE * len(matched))


async def _compared(link: ReferenceLink, readers: Mapping[str, SampleReader]) -> ReferenceLink:
    """Return *link* with the comparison of joined records: the same person on both sides, or two."""
    # Colleagues share a mailbox, and a parcel goes to another number: the best agreement counts.
    if link.source.outline is link.target.outline:
        return link
    shares = [await _agreement(link, category, readers) for category in NAMING]
    agreement = max((share for share in shares if share is not None), default=None)
    sure, why = link.confidence, link.why
    if agreement is not None and agreement >= AGREED:
        sure = round(1 - (1 - sure) * 0.25, 2)
        why += f"; {agreement:.0%} of joined records name the same person"
    return replace(link, confidence=sure, why=why, agreement=agreement)


async def _agreement(link: ReferenceLink, category: str, readers: Mapping[str, SampleReader]) -> float | None:
    """Return the share of joined records with the same *category* on both sides; None if few have it."""
    ours, theirs = _naming(link.source, category), _naming(link.target, category)
    if not ours or not theirs:
        return None
    pairs = await readers[link.source.outline.store].pairs(
        link, ours, theirs, readers[link.target.outline.store]
    )
    compared = [(marks_of(category, one), marks_of(category, other)) for one, other in pairs]
    alike = [not one.isdisjoint(other) for one, other in compared if one and other]
    return sum(alike) / len(alike) if len(alike) >= LEAST_PAIRS else None


async def _with_owners(
    link: ReferenceLink,
    links: Sequence[ReferenceLink],
    people: frozenset[str],
    readers: Mapping[str, SampleReader],
) -> ReferenceLink:
    """Return *link* with the share of joined records that refer to the same person, if both sides refer."""
    alone = link.source.field.unique or link.source.outline is link.target.outline
    if alone or link.target.outline.key in people:
        return link
    ends = [other for other in links if other.target.outline.key in people]
    ours, theirs = _referring(link.source, ends), _referring(link.target, ends)
    source, target = readers[link.source.outline.store], readers[link.target.outline.store]
    pairs = [
        pair
        for person in ours.keys() & theirs.keys()
        for pair in await source.pairs(link, ours[person], theirs[person], target, _keys)
        if all(pair)
    ]
    alike = sum(not one.isdisjoint(other) for one, other in pairs)
    return replace(link, owners=alike / len(pairs)) if len(pairs) >= LEAST_PAIRS else link


def _referring(end: End, links: Sequence[ReferenceLink]) -> Mapping[str, list[str]]:
    """Return the fields of *end*'s document that name a person by their key, by the name of that key."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for link in links:
        if link.source.outline is end.outline and link.source.root and link.source.field is not end.field:
            found[link.target.name].append(link.source.field.path)
        if link.target.outline is end.outline:
            found[link.target.name] = [link.target.field.path]
    return found if end.field.unit in {None, end.field.path} else {}


async def _crowded(link: ReferenceLink, readers: Mapping[str, SampleReader]) -> ReferenceLink:
    """Return *link* with the share of target records that several people's records refer to."""
    if not link.source.root or not link.target.root or link.source.outline is link.target.outline:
        return link
    category = next((category for category in NAMING if _naming(link.source, category)), None)
    if category is None or link.source.field.unique:
        return link
    groups = await readers[link.source.outline.store].crowd(link, _naming(link.source, category))
    marked = ([marks_of(category, texts) for texts in group] for group in groups)
    several = [said for group in marked if len(said := [marks for marks in group if marks]) > 1]
    if len(several) < LEAST_CROWDS:
        return link
    crowded = sum(any(said[0].isdisjoint(other) for other in said) for said in several)
    return replace(link, crowd=crowded / len(several))


def _naming(end: End, category: str) -> list[str]:
    """Return the paths beside *end* that name a person in *category*."""
    beside = [one for one in end.outline.properties if one.unit == end.field.unit and one is not end.field]
    named = [one.path for one in beside if one.seems(category, SURE) and one.shared < MOSTLY]
    return named if end.field.unit != end.field.path else []
