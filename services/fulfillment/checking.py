"""Compares a data map with the databases it speaks of: what ``habeas map check`` tells."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.fulfillment.datamap.categories import PERSONAL, covered
from services.fulfillment.datamap.graph import Graph, Lookup, graph_of
from services.fulfillment.datamap.loading import Flaw
from services.fulfillment.datamap.model import Collection, DataMap, Erasure
from services.fulfillment.erasure.masking import NULL, constant
from services.fulfillment.search.paths import places
from services.fulfillment.search.stores import Stores
from shared.errors import ConfigurationError

SAMPLE = 200
"""Documents looked at per collection, taken at random."""
MOST_NAMED = 10
"""Undeclared fields named one by one."""


async def check(data_map: DataMap, stores: Stores) -> tuple[Flaw, ...]:
    """
    Return what is wrong with *data_map*, given what the databases hold; remarks are marked as such.

    Raises:
        StoreUnavailable: A store did not answer: nothing can be said.
    """
    graph = graph_of(data_map)
    told = await asyncio.gather(*(_check(c, graph, stores) for c in data_map.collections))
    flaws = [flaw for flaws in told for flaw in flaws]
    return (*data_map.remarks, *_unreached(data_map, graph), *flaws, *_circles(data_map, graph))


async def _check(collection: Collection, graph: Graph, stores: Stores) -> list[Flaw]:
    try:
        there = await stores.exists(collection.place)
    except ConfigurationError as error:
        return [Flaw(collection.where, str(error), "add the store or correct `meta.habeas.store`")]
    if not there:
        what = f"the database `{collection.dataset}` has no collection `{collection.name}`"
        return [Flaw(collection.where, what, "correct the name; with a wrong one nobody is ever found")]
    if collection.skipped:
        return []
    documents = await stores.sample(collection.place, SAMPLE)
    lookups = [lookup for lookup in graph.lookups if lookup.key == collection.key]
    known = await stores.indexes(collection.place)
    return [
        *_unseen(collection, documents, lookups),
        *_undeclared(collection, documents),
        *_undeclared_arrays(collection, documents),
        *_unindexed(collection, lookups, known.plain, known.caseless),
        *_unmaskable(collection, known.unique),
    ]


def _unreached(data_map: DataMap, graph: Graph) -> Iterator[Flaw]:
    reached = graph.reached(graph.entries)
    for collection in data_map.collections:
        if collection.skipped or collection.key in reached:
            continue
        what = f"no identity and no reference leads to `{collection.key}`"
        if any(covered(c, PERSONAL) for field in collection.fields for c in field.categories):
            yield Flaw(collection.where, what, "declare an `identity` or a reference: nobody is found in it")
        else:
            yield Flaw(collection.where, what, "say so with `skip_processing: true`", remark=True)


def _unseen(
    collection: Collection, documents: Sequence[Mapping[str, Any]], lookups: Sequence[Lookup]
) -> Iterator[Flaw]:
    if not documents:
        yield Flaw(collection.where, f"`{collection.key}` is empty", "nothing to compare with", remark=True)
        return
    ways = {lookup.path for lookup in lookups}
    for field in collection.leaves:
        if not any(True for document in documents for _ in places(document, field.path)):
            what = f"none of {len(documents)} documents of `{collection.key}` has `{field.path}`"
            yield Flaw(field.where, what, "correct the name if it is wrong", remark=field.path not in ways)


def _undeclared(collection: Collection, documents: Sequence[Mapping[str, Any]]) -> Iterator[Flaw]:
    paths = sorted({path for document in documents for path in _unknown(collection, document, "")})
    for path in paths[:MOST_NAMED]:
        what = f"documents of `{collection.key}` hold `{path}`, which is not declared"
        yield Flaw(collection.where, what, "declare it: an erasure by masking leaves it as it is")
    if len(paths) > MOST_NAMED:
        what = f"and {len(paths) - MOST_NAMED} more undeclared fields in `{collection.key}`"
        yield Flaw(collection.where, what, "declare the object that holds them as one field if they vary")


def _unknown(collection: Collection, value: Any, above: str) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _unknown(collection, item, above)
    elif isinstance(value, Mapping):
        for name, member in value.items():
            path = f"{above}.{name}" if above else name
            field = collection.by_path.get(path)
            if field is None and path != "_id":
                yield path
            elif field is not None and field.container:
                yield from _unknown(collection, member, path)


def _undeclared_arrays(collection: Collection, documents: Sequence[Mapping[str, Any]]) -> Iterator[Flaw]:
    for field in collection.fields:
        if field.type is None or field.array:
            continue
        values = (value for document in documents for _, value in places(document, field.path))
        if any(isinstance(value, list) for value in values):
            what = f"`{field.path}` holds arrays, not a single `{field.type}`"
            yield Flaw(field.where, what, f"declare it as `{field.type}[]`")


def _unindexed(
    collection: Collection,
    lookups: Sequence[Lookup],
    plain: frozenset[str],
    caseless: Mapping[str, Mapping[str, Any]],
) -> Iterator[Flaw]:
    for path, ignores in sorted({(lookup.path, lookup.caseless) for lookup in lookups}):
        where = collection.by_path[path].where
        index = f'createIndex({{"{path}": 1}}'
        if ignores and path not in caseless:
            remedy = f"{index}, {{collation: {{locale: 'en', strength: 2}}}})"
            how = "slow for many people at once" if path in plain else "reads the whole collection"
            what = f"looking up `{path}` whatever its case {how}"
            yield Flaw(where, what, remedy, remark=True)
        elif not ignores and path not in plain:
            yield Flaw(where, f"looking up `{path}` reads the whole collection", f"{index})", remark=True)


def _unmaskable(collection: Collection, unique: frozenset[str]) -> Iterator[Flaw]:
    """Yield what a unique index would refuse: the second person's null."""
    if collection.erasure is not Erasure.MASK:
        return
    for field in collection.leaves:
        personal = any(covered(category, PERSONAL) for category in field.categories)
        if field.path in unique and personal and constant(field.masking or NULL) and not field.primary_key:
            what = f"`{field.path}` is unique, so that only one document can be masked with the same value"
            yield Flaw(field.where, what, "add `masking_strategy_override: { strategy: hash }`")


def _circles(data_map: DataMap, graph: Graph) -> Iterator[Flaw]:
    """Yield a remark for collections that references lead back to; the walk asks for each value once."""
    after = {
        collection.key: _from(graph, [edge.target.key for edge in graph.edges.get(collection.key, ())])
        for collection in data_map.collections
    }
    told: set[str] = set()
    for collection in data_map.collections:
        circle = sorted(key for key in after[collection.key] if collection.key in after[key])
        if circle and not told.intersection(circle):
            told.update(circle)
            what = f"references go round in a circle: {', '.join(circle)}"
            yield Flaw(collection.where, what, "fine if all of it is one person's", remark=True)


def _from(graph: Graph, keys: Sequence[str]) -> frozenset[str]:
    seen: set[str] = set()
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        if key not in seen:
            seen.add(key)
            waiting += [edge.target.key for edge in graph.edges.get(key, ())]
    return frozenset(seen)
