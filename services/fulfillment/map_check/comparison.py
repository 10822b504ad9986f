"""Compares a data map with its databases, collection by collection, and sorts the findings."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from services.fulfillment.datamap.graph import Graph, graph_of
from services.fulfillment.datamap.model import FROM_ERASURE, Collection, DataMap, Erasure
from services.fulfillment.datamap.yaml_loader import MapError
from services.fulfillment.map_check import declared, findable, masks, open_points, sampler
from services.fulfillment.map_check.observations import LookupSpeed, Observed
from services.fulfillment.map_check.sampler import observe
from services.fulfillment.package.labels import LANGUAGES
from services.fulfillment.stores.caseless import CASELESS
from services.fulfillment.stores.existence import NoSeenCollections, lacking_collections
from services.fulfillment.stores.mongodb import Stores
from shared.errors import ConfigurationError, PermanentError
from shared.labels import covers

DATES = frozenset({"date", "datetime"})
"""Declared types of a field with a day."""


async def check(data_map: DataMap, stores: Stores) -> tuple[MapError, ...]:
    """
    Return the errors in *data_map*, given the databases' contents; remarks are marked as such.

    No finding contains a value. Documents are sampled, except for fields that people are looked up by.

    Raises:
        StoreUnavailable: A store did not answer: the result would be incomplete.
    """
    graph, today = graph_of(data_map), datetime.now(UTC).date()
    looked = await asyncio.gather(
        *(_observed(collection, data_map, graph, stores) for collection in data_map.collections)
    )
    sampled = [seen for seen in looked if isinstance(seen, Observed)]
    observed = {seen.collection.key: seen for seen in sampled if not seen.collection.skipped}
    flaws = [*data_map.remarks, *unreached_collections(data_map, graph), *reference_circles(data_map, graph)]
    flaws += [*untranslated_texts(data_map), *open_points.unreviewed(data_map)]
    flaws += [flaw for flaw in looked if isinstance(flaw, MapError)]
    for seen in sampled:
        flaws += open_points.skipped_personal_data(seen) if seen.collection.skipped else []
    for collection in data_map.collections:
        flaws += [] if collection.skipped else period_from_erasure(collection)
        documents = observed[collection.key].documents if collection.key in observed else ()
        flaws += [] if collection.skipped else open_points.unstated_ownership(collection, documents)
    for seen in observed.values():
        flaws += _compared(seen, observed, today)
        flaws += [flaw async for flaw in _tried(seen, data_map, today, stores)]
        flaws += [flaw async for flaw in _dangling(seen, observed, stores)]
    there = frozenset(seen.collection.key for seen in sampled)
    flaws += [flaw async for flaw in _undeclared_collections(data_map, there, stores)]
    return tuple(sorted(dict.fromkeys(flaws), key=lambda flaw: (flaw.place, flaw.remark)))


@dataclass(frozen=True, slots=True)
class MapCoverage:
    """Numbers of documents in the collections of a map, by their use in a search."""

    searched: int = 0
    skipped: int = 0
    """In skipped collections; a sample was looked through for personal data."""
    unexamined: Mapping[str, int] = field(default_factory=dict)
    """Those of them in collections with personal data, by the collection's key."""

    @property
    def whole(self) -> bool:
        """Whether there were documents to compare, and none with personal data is outside the search."""
        return self.searched > 0 and not self.unexamined


async def coverage(data_map: DataMap, flaws: Iterable[MapError], stores: Stores) -> MapCoverage:
    """
    Return how many documents the check of *data_map*, which found *flaws*, was about.

    Raises:
        StoreUnavailable: A store did not answer.
    """
    places = {flaw.where for flaw in flaws if flaw.undecided}
    counts = {one: await sampler.count(stores, one.place) for one in data_map.collections}
    skipped = {one: count for one, count in counts.items() if one.skipped and count}
    return MapCoverage(
        searched=sum(count for one, count in counts.items() if not one.skipped),
        skipped=sum(skipped.values()),
        unexamined={one.key: count for one, count in skipped.items() if one.where in places},
    )


async def _observed(
    collection: Collection, data_map: DataMap, graph: Graph, stores: Stores
) -> Observed | MapError:
    try:
        lacking = await lacking_collections(data_map, [collection.key], stores, NoSeenCollections())
    except ConfigurationError as error:
        return MapError(collection.where, str(error), "add the store or correct `meta.habeas.store`")
    what = f"the database `{collection.dataset}` has no collection `{collection.name}`"
    if lacking.missing:
        return MapError(collection.where, what, "correct the name; a search finds nothing there")
    if lacking.absent:
        what += ": it counts as empty until it exists, unless it disappeared"
        return MapError(collection.where, what, "create it, or correct the name", remark=True, undecided=True)
    try:
        if collection.skipped:
            return Observed(collection, await stores.sample(collection.place, sampler.SAMPLE))
        return await observe(collection, graph, stores)
    except PermanentError as error:
        return MapError(
            collection.where, str(error), "let the store's user read documents, indexes and options"
        )


def _compared(seen: Observed, observed: Mapping[str, Observed], today: date) -> Iterator[MapError]:
    yield from declared.absent(seen)
    yield from declared.mistyped(seen)
    yield from findable.unfindable(seen)
    yield from findable.buried(seen)
    yield from findable.pointed(seen)
    yield from declared.undated(seen, today)
    for pair in findable.pairs(seen, observed):
        yield from findable.unlike(pair)
    yield from open_points.doubtful_ownership(seen)
    yield from declared.unwritable(seen)
    yield from declared.undeclared_fields(seen)
    yield from slow_lookups(seen)
    yield from slow_periods(seen)


async def _tried(seen: Observed, data_map: DataMap, today: date, stores: Stores) -> AsyncIterator[MapError]:
    """Yield the masks that the database would refuse."""
    asked = masks.masks_of(seen, data_map, today, yielding=False)
    for flaw in masks.clashing(seen, asked):
        yield flaw
    if seen.refuses:
        fitted = masks.trial_pairs(masks.masks_of(seen, data_map, today, yielding=True))
        reported = False
        for path, pairs in masks.trial_pairs(asked).items():
            if not (reported and path == masks.ALL) and await _refused(seen, pairs, stores):
                reported = True
                saved = not await _refused(seen, fitted.get(path, ()), stores)
                yield masks.refused(seen, path, saved=saved)


async def _refused(seen: Observed, pairs: masks.Pairs, stores: Stores) -> bool:
    """Return whether the database accepts the first of some of *pairs* and not the second."""
    place, condition = seen.collection.place, seen.rules.validator
    before = await sampler.passing(stores, place, condition, [old for old, _ in pairs])
    return await sampler.passing(stores, place, condition, [new for _, new in pairs]) < before


async def _dangling(
    seen: Observed, observed: Mapping[str, Observed], stores: Stores
) -> AsyncIterator[MapError]:
    """Yield the references with values without a partner at the other end."""
    for pair in findable.pairs(seen, observed):
        followed = pair.followed()
        values = [form for forms in followed.values() for form in forms]
        if values:
            place, path = pair.there.collection.place, pair.reference.path
            found = await sampler.partners(stores, place, path, values, caseless=pair.caseless)
            for flaw in findable.dangling(pair, followed, found):
                yield flaw


async def _undeclared_collections(
    data_map: DataMap, there: frozenset[str], stores: Stores
) -> AsyncIterator[MapError]:
    """Yield the collections in the map's databases that it does not name."""
    databases = {(c.store, c.dataset): c for c in reversed(data_map.collections) if c.key in there}
    for (store, dataset), first in sorted(databases.items()):
        known = [c.name for c in data_map.collections if (c.store, c.dataset) == (store, dataset)]
        samples = await sampler.undeclared(stores, first.place, known)
        for flaw in declared.undeclared_collections(first, samples):
            yield flaw


def period_from_erasure(collection: Collection) -> Iterator[MapError]:
    """Yield *collection* if only an erasure begins its retention period (GDPR Art. 5(1)(e))."""
    rule = collection.retention
    if rule is not None and rule.start == FROM_ERASURE and collection.erasure is not Erasure.KEEP:
        what = f"the period of `{collection.key}` begins with an erasure: no record becomes due without one"
        dates = [f"`{one.path}`" for one in collection.leaves if one.type in DATES]
        remedy = f"name the field with the day of a record in `from`{': ' if dates else ''}{', '.join(dates)}"
        yield MapError(collection.where, what, remedy, remark=True)


def untranslated_texts(data_map: DataMap) -> Iterator[MapError]:
    """Yield the languages of letters that texts of *data_map* lack, with the number of these texts."""
    places = reversed(list(data_map.texts.items()))
    found = {text: where for where, texts in places for text in reversed(texts)}
    lacking: dict[tuple[str, ...], list[str]] = {}
    for language in LANGUAGES:
        missing = tuple(text for text in found if not covers(text, language))
        lacking.setdefault(missing, []).append(f"`{language}`")
    for texts, languages in lacking.items():
        if texts:
            what = f"{len(texts)} texts for people have no {', '.join(languages)}"
            remedy = "translate them, as in `{ en: …, de: … }`: letters show the default instead"
            yield MapError(found[texts[0]], what, remedy, remark=True)


def unreached_collections(data_map: DataMap, graph: Graph) -> Iterator[MapError]:
    """Yield the collections that no identity leads to; errors if they hold personal data."""
    reached = graph.reached(graph.entries)
    for collection in data_map.collections:
        if collection.skipped or collection.key in reached:
            continue
        what = f"no identity and no reference leads to `{collection.key}`"
        personal = any(one.personal for one in collection.fields)
        missed, unsaid = (
            "declare an `identity` or a reference: no search reaches it",
            "say so with `skip_processing: true`",
        )
        yield MapError(collection.where, what, missed if personal else unsaid, remark=not personal)


def reference_circles(data_map: DataMap, graph: Graph) -> Iterator[MapError]:
    """Yield a remark for circles of references; a search looks up each value once."""
    after = {
        collection.key: graph.reached_from(edge.target.key for edge in graph.edges.get(collection.key, ()))
        for collection in data_map.collections
    }
    done: set[str] = set()
    for collection in data_map.collections:
        circle = sorted(key for key in after[collection.key] if collection.key in after[key])
        if circle and not done.intersection(circle):
            done.update(circle)
            what = f"references go round in a circle: {', '.join(circle)}"
            yield MapError(collection.where, what, "fine if all of it is one person's", remark=True)


def slow_lookups(observed: Observed) -> Iterator[MapError]:
    """Yield the look-ups for which the database reads the whole collection."""
    collection = observed.collection
    speeds = {(lookup.paths, lookup.caseless): (lookup, speed) for lookup, speed in observed.speeds.items()}
    for (paths, ignores), (lookup, speed) in sorted(speeds.items(), key=lambda item: item[0]):
        if speed is LookupSpeed.INDEXED:
            continue
        many = speed is LookupSpeed.SCANS_FOR_MANY
        how = "is slow for many people at once" if many else "reads the whole collection"
        named = " with ".join(f"`{path}`" for path in paths) + (" ignoring case" if ignores else "")
        what = f"looking up {named} in `{collection.key}` {how}"
        remedy = _index(collection, *lookup.paths, caseless=lookup.caseless)
        yield MapError(collection.by_path[lookup.path].where, what, remedy, remark=True)


def slow_periods(observed: Observed) -> Iterator[MapError]:
    """Yield a collection that is read as a whole to find its records past their retention period."""
    collection, rule = observed.collection, observed.collection.retention
    if rule is not None and observed.scans_for_periods:
        what = f"finding records of `{collection.key}` past their period reads the whole collection"
        yield MapError(collection.where, what, _index(collection, rule.start), remark=True)


def _index(collection: Collection, *paths: str, caseless: bool = False) -> str:
    """Return the command for the database's shell."""
    keys = ", ".join(f'"{path}": 1' for path in paths)
    collation = f", {{collation: {{locale: '{CASELESS['locale']}', strength: {CASELESS['strength']}}}}}"
    where = f'db.getSiblingDB("{collection.dataset}").getCollection("{collection.name}")'
    return f"{where}.createIndex({{{keys}}}{collation if caseless else ''})"
