"""Surveys live stores: the fields of every collection, its people, and references."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from services.fulfillment.datamap.model import Direction
from services.fulfillment.drafting.identities import IdentityField, beside, identities, own_key
from services.fulfillment.drafting.keys import Key
from services.fulfillment.drafting.ownership import followed
from services.fulfillment.drafting.references import (
    PLAUSIBLE,
    End,
    Overlap,
    ReferenceLink,
    candidates,
    chosen,
    scored,
)
from services.fulfillment.drafting.samples import SampleReader
from services.fulfillment.drafting.schema import CollectionOutline

TOGETHER = 4
"""Collections read at the same time."""
LEAST_CROWDS = 3
LEAST_PAIRS = 4
"""Fewest joined records with names on both sides that mean something."""
KEYS_PER_SOURCE = 60
"""Different values of a field that are looked up elsewhere."""
MOSTLY, SURE, AGREED, ONCE = 0.5, 0.75, 0.8, 0.95
NAMING = ("user.contact.email", "user.contact.phone_number", "user.name")
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
    for outline in found.outlines:
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
    return tuple([await _crowded(link, readers) for link in best])


async def _found(reader: SampleReader, target: End, sources: Sequence[End]) -> Mapping[Key, int]:
    """Return how often keys of *sources* stand in *target*; if that takes too long, by the sample."""
    wanted = {key: None for source in sources for key in source.field.keys[:KEYS_PER_SOURCE]}
    found = await reader.found(target, list(wanted))
    return dict.fromkeys(target.field.keys, 1) if found is None else found


def _overlap(source: End, found: Mapping[Key, int]) -> Overlap:
    keys = source.field.keys[:KEYS_PER_SOURCE]
    matched = [key for key in keys if key in found]
    once = sum(found[key] == 1 for key in matched)
    return Overlap(len(keys), len(matched), once >= ONCE * len(matched))


async def _compared(link: ReferenceLink, readers: Mapping[str, SampleReader]) -> ReferenceLink:
    """Return *link* with the comparison of joined records: the same person on both sides, or two."""
    for category in NAMING:
        ours, theirs = _naming(link.source, category), _naming(link.target, category)
        if not ours or not theirs or link.source.outline is link.target.outline:
            continue
        reader = readers[link.source.outline.store]
        pairs = await reader.pairs(link, ours, theirs, readers[link.target.outline.store])
        said = [bool(one & other) for one, other in pairs if one and other]
        if len(said) >= LEAST_PAIRS:
            agreement, sure, why = sum(said) / len(said), link.confidence, link.why
            if agreement >= AGREED:
                sure = round(1 - (1 - sure) * 0.25, 2)
                why += f"; {agreement:.0%} of joined records name the same person"
            return replace(link, confidence=sure, why=why, agreement=agreement)
    return link


async def _crowded(link: ReferenceLink, readers: Mapping[str, SampleReader]) -> ReferenceLink:
    """Return *link* with the share of target records that several people's records refer to."""
    if not link.source.root or not link.target.root or link.source.outline is link.target.outline:
        return link
    ours = next((paths for category in NAMING if (paths := _naming(link.source, category))), [])
    if not ours or link.source.field.unique:
        return link
    groups = await readers[link.source.outline.store].crowd(link, ours)
    several = [said for group in groups if len(said := [words for words in group if words]) > 1]
    if len(several) < LEAST_CROWDS:
        return link
    crowded = sum(any(said[0].isdisjoint(other) for other in said) for said in several)
    return replace(link, crowd=crowded / len(several))


def _naming(end: End, category: str) -> list[str]:
    """Return the paths beside *end* that name a person in *category*."""
    beside = [one for one in end.outline.properties if one.unit == end.field.unit and one is not end.field]
    return [
        one.path
        for one in (beside if end.field.unit != end.field.path else ())
        if (top := one.category) is not None and top.category.startswith(category)
        if top.confidence >= SURE and one.shared < MOSTLY
    ]
