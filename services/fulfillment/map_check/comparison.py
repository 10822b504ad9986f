"""Compares a data map with its databases, collection by collection, and sorts the findings."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, date, datetime

from services.fulfillment.datamap.graph import Graph, graph_of
from services.fulfillment.datamap.model import Collection, DataMap, MapError
from services.fulfillment.map_check import (
    declared,
    drift,
    findable,
    masks,
    references,
    sampler,
    verification,
    ways,
)
from services.fulfillment.map_check.observations import Observed
from services.fulfillment.map_check.sampler import observe
from services.fulfillment.stores.mongodb import Stores
from shared.errors import ConfigurationError, PermanentError


async def check(data_map: DataMap, stores: Stores) -> tuple[MapError, ...]:
    """
    Return the errors in *data_map*, given the databases' contents; remarks are marked as such.

    No finding contains a value. Documents are sampled, except for fields that people are looked up by.

    Raises:
        StoreUnavailable: A store did not answer: the result would be incomplete.
    """
    graph, today = graph_of(data_map), datetime.now(UTC).date()
    looked = await asyncio.gather(
        *(_observed(collection, graph, stores) for collection in data_map.collections)
    )
    observed = {seen.collection.key: seen for seen in looked if isinstance(seen, Observed)}
    flaws = [*data_map.remarks, *ways.unreached(data_map, graph), *ways.circles(data_map, graph)]
    flaws += [flaw for flaw in looked if isinstance(flaw, MapError)]
    for collection in data_map.collections:
        flaws += [] if collection.skipped else verification.unstated(collection)
    for seen in observed.values():
        flaws += _compared(seen, observed, today)
        flaws += [flaw async for flaw in _tried(seen, data_map, today, stores)]
        flaws += [flaw async for flaw in _dangling(seen, observed, stores)]
    flaws += [flaw async for flaw in _undeclared_collections(data_map, observed, stores)]
    return tuple(sorted(dict.fromkeys(flaws), key=lambda flaw: (flaw.place, flaw.remark)))


async def _observed(collection: Collection, graph: Graph, stores: Stores) -> Observed | MapError | None:
    try:
        there = await stores.exists(collection.place)
    except ConfigurationError as error:
        return MapError(collection.where, str(error), "add the store or correct `meta.habeas.store`")
    if not there:
        what = f"the database `{collection.dataset}` has no collection `{collection.name}`"
        return MapError(collection.where, what, "correct the name; a search finds nothing there")
    try:
        return None if collection.skipped else await observe(collection, graph, stores)
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
    for pair in references.pairs(seen, observed):
        yield from references.unlike(pair)
    yield from declared.unwritable(seen)
    yield from drift.undeclared_fields(seen)
    yield from ways.slow(seen)


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
    for pair in references.pairs(seen, observed):
        followed = pair.followed()
        values = [form for forms in followed.values() for form in forms]
        if values:
            place, path = pair.there.collection.place, pair.reference.path
            found = await sampler.partners(stores, place, path, values, caseless=pair.caseless)
            for flaw in references.dangling(pair, followed, found):
                yield flaw


async def _undeclared_collections(
    data_map: DataMap, observed: Mapping[str, Observed], stores: Stores
) -> AsyncIterator[MapError]:
    """Yield the collections in the map's databases that it does not name."""
    databases = {(c.store, c.dataset): c for c in reversed(data_map.collections) if c.key in observed}
    for (store, dataset), first in sorted(databases.items()):
        known = [c.name for c in data_map.collections if (c.store, c.dataset) == (store, dataset)]
        samples = await sampler.undeclared(stores, first.place, known)
        for flaw in drift.undeclared_collections(first, samples):
            yield flaw
