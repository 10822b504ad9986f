"""Checks the references of a map: unreached collections, circles, and slow look-ups. Pure."""

from collections.abc import Iterator, Sequence

from services.fulfillment.datamap.graph import Graph, Lookup
from services.fulfillment.datamap.model import Collection, DataMap, MapError
from services.fulfillment.map_check.observations import LookupSpeed, Observed
from services.fulfillment.search.caseless import CASELESS


def unreached(data_map: DataMap, graph: Graph) -> Iterator[MapError]:
    """Yield the collections that no identity leads to; errors if they hold personal data."""
    reached = graph.reached(graph.entries)
    for collection in data_map.collections:
        if collection.skipped or collection.key in reached:
            continue
        what = f"no identity and no reference leads to `{collection.key}`"
        if any(field.personal for field in collection.fields):
            yield MapError(
                collection.where, what, "declare an `identity` or a reference: no search reaches it"
            )
        else:
            yield MapError(collection.where, what, "say so with `skip_processing: true`", remark=True)


def circles(data_map: DataMap, graph: Graph) -> Iterator[MapError]:
    """Yield a remark for circles of references; a search looks up each value once."""
    after = {
        collection.key: _reached_from(
            graph, [edge.target.key for edge in graph.edges.get(collection.key, ())]
        )
        for collection in data_map.collections
    }
    done: set[str] = set()
    for collection in data_map.collections:
        circle = sorted(key for key in after[collection.key] if collection.key in after[key])
        if circle and not done.intersection(circle):
            done.update(circle)
            what = f"references go round in a circle: {', '.join(circle)}"
            yield MapError(collection.where, what, "fine if all of it is one person's", remark=True)


def _reached_from(graph: Graph, keys: Sequence[str]) -> frozenset[str]:
    seen: set[str] = set()
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        if key not in seen:
            seen.add(key)
            waiting += [edge.target.key for edge in graph.edges.get(key, ())]
    return frozenset(seen)


def slow(observed: Observed) -> Iterator[MapError]:
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
        yield MapError(collection.by_path[lookup.path].where, what, _index(collection, lookup), remark=True)


def _index(collection: Collection, lookup: Lookup) -> str:
    """Return the command for the database's shell."""
    keys = ", ".join(f'"{path}": 1' for path in lookup.paths)
    collation = f", {{collation: {{locale: '{CASELESS['locale']}', strength: {CASELESS['strength']}}}}}"
    where = f'db.getSiblingDB("{collection.dataset}").getCollection("{collection.name}")'
    return f"{where}.createIndex({{{keys}}}{collation if lookup.caseless else ''})"
