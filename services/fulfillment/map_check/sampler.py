"""
Samples databases for the comparison with a data map.

Only this module queries the stores. Documents are taken at random; no value of theirs is reported.

The query plan of a look-up shows whether it uses an index or reads the whole collection.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from services.fulfillment.datamap.graph import Graph, Lookup
from services.fulfillment.datamap.model import Collection, CollectionPlace
from services.fulfillment.datamap.paths import values_at
from services.fulfillment.erasure.expiry import is_limited
from services.fulfillment.map_check.observations import LookupSpeed, Observed, Unique
from services.fulfillment.search.bson_equality import refers
from services.fulfillment.stores.batch_lookup import PATIENCE_MS
from services.fulfillment.stores.caseless import CASELESS, MOST_SPELLED, Query, queries
from services.fulfillment.stores.mongodb import Stores, older_than
from services.fulfillment.stores.rules import Rules
from shared.errors import ConfigurationError, PermanentError
from shared.runtime.mongo import Collection as Stored
from shared.runtime.mongo import Document, translated

SAMPLE = 200
"""Random documents read per collection."""

ADDRESS = "person@example.org"
"""A sample value for look-ups; the plan does not depend on it."""


async def observe(collection: Collection, graph: Graph, stores: Stores) -> Observed:
    """
    Return the sampled contents of *collection*.

    Raises:
        StoreUnavailable: The store did not answer.
    """
    place = collection.place
    with translated(f"read the options of {place.database}.{place.name}"):
        listed = await stored(stores, place).database.list_collections(filter={"name": place.name})
        found = (await listed.to_list(None) or [{}])[0]
    kind, options = found.get("type", "collection"), found.get("options", {})
    documents = await stores.sample(place, SAMPLE)
    if kind == "view":
        return Observed(collection, documents, kind)
    with translated(f"read the indexes of {place.database}.{place.name}"):
        indexes = (await stored(stores, place).index_information()).values()
    unique = tuple(
        Unique(
            paths=tuple(path for path, _ in index["key"]),
            sparse=bool(index.get("sparse")),
            partial=index.get("partialFilterExpression", {}),
        )
        for index in indexes
        if index.get("unique")
    )
    lookups = [lookup for lookup in graph.lookups if lookup.key == collection.key]
    speeds = await asyncio.gather(*(speed_of(each, place, stores, documents) for each in lookups))
    validator = options.get("validator", {})
    enforced = options.get("validationLevel") != "off" and options.get("validationAction", "error") == "error"
    return Observed(
        collection=collection,
        documents=documents,
        kind=kind,
        rules=Rules(validator, frozenset(path for index in unique for path in index.paths)),
        refuses=bool(validator) and enforced,
        unique=unique,
        speeds=dict(zip(lookups, speeds, strict=True)),
        scans_for_periods=await _scans_for_periods(collection, stores),
        nowhere=await _nowhere(stores, place, {lookup.path for lookup in lookups}),
    )


async def _nowhere(stores: Stores, place: CollectionPlace, paths: Iterable[str]) -> frozenset[str]:
    """Return those of *paths* that no document has: a sample may miss rare ones."""
    wanted = sorted(paths)
    found = await asyncio.gather(*(_first(stores, place, path) for path in wanted))
    return frozenset(path for path, there in zip(wanted, found, strict=True) if not there)


async def _first(stores: Stores, place: CollectionPlace, path: str) -> bool:
    with translated(f"search {place.database}.{place.name}"):
        wanted = {path: {"$exists": True}}
        return await stored(stores, place).find_one(wanted, {"_id": 1}, max_time_ms=PATIENCE_MS) is not None


async def passing(
    stores: Stores, place: CollectionPlace, condition: Mapping[str, Any], documents: Sequence[Document]
) -> int:
    """Return how many of *documents*, stored or not, fulfil *condition* by the database's evaluation."""
    pipeline: list[Mapping[str, Any]] = [
        {"$limit": 1},
        {"$project": {"_id": 0, "given": {"$literal": list(documents)}}},
        {"$unwind": "$given"},
        {"$replaceRoot": {"newRoot": "$given"}},
        {"$match": condition},
        {"$count": "passing"},
    ]
    if not documents:
        return 0
    with translated(f"try the rules of {place.database}.{place.name}"):
        found = await stored(stores, place).aggregate(pipeline).to_list(None)
    return int(found[0]["passing"]) if found else 0


async def count(stores: Stores, place: CollectionPlace) -> int:
    """Return about how many documents the collection holds; 0 for one that cannot be read."""
    try:
        with translated(f"count {place.database}.{place.name}"):
            return await stored(stores, place).estimated_document_count(maxTimeMS=PATIENCE_MS)
    except (ConfigurationError, PermanentError):
        return 0


async def partners(
    stores: Stores, place: CollectionPlace, path: str, values: Sequence[Any], *, caseless: bool
) -> list[Any]:
    """Return the values at *path* in the documents with one of *values* there."""
    collation = dict(CASELESS) if caseless else None
    with translated(f"search {place.database}.{place.name}"):
        found: list[Any] = await stored(stores, place).distinct(
            path, {path: {"$in": list(values)}}, collation=collation, maxTimeMS=PATIENCE_MS
        )
    return found


async def undeclared(
    stores: Stores, place: CollectionPlace, known: Iterable[str]
) -> dict[str, list[Document]]:
    """Return samples of the collections beside *place* that are not *known*, by name."""
    with translated(f"list the collections of {place.database}"):
        names = await stored(stores, place).database.list_collection_names()
    others = sorted(name for name in set(names) - set(known) if not name.startswith("system."))
    samples = await asyncio.gather(*(stores.sample(place._replace(name=name), SAMPLE) for name in others))
    return dict(zip(others, samples, strict=True))


def stored(stores: Stores, place: CollectionPlace) -> Stored:
    """Return the driver's collection at *place*."""
    return stores._stored(place)  # noqa: SLF001  # the explained collection must be the search's own


async def speed_of(
    lookup: Lookup, place: CollectionPlace, stores: Stores, documents: Sequence[Document]
) -> LookupSpeed:
    """
    Return the cost of the search's query for *lookup*, by the database's query plan.

    Raises:
        StoreUnavailable: The store did not answer.
    """
    if lookup.others or not lookup.caseless:
        condition = {path: {"$in": [_example(path, documents)]} for path in lookup.paths}
        query = Query([condition], CASELESS if lookup.caseless else None)
        return LookupSpeed.SCANS if await _scans(stores, place, query) else LookupSpeed.INDEXED
    known = await stores.indexes(place)
    for number, speed in ((1, LookupSpeed.SCANS), (MOST_SPELLED + 1, LookupSpeed.SCANS_FOR_MANY)):
        for query in queries({lookup.path: [ADDRESS] * number}, known):
            if await _scans(stores, place, query):
                return speed
    return LookupSpeed.INDEXED


async def _scans_for_periods(collection: Collection, stores: Stores) -> bool:
    rule = collection.retention
    if rule is None or not is_limited(collection):
        return False
    old = older_than(rule.start, datetime.now(UTC).date())
    return await _scans(stores, collection.place, Query([old], None))


def _example(path: str, documents: Sequence[Document]) -> Any:
    """Return a value of the stored type, without personal data."""
    found = (value for document in documents for value in values_at(document, path) if refers(value))
    value = next(found, ADDRESS)
    return ADDRESS if isinstance(value, str) else value


async def _scans(stores: Stores, place: CollectionPlace, query: Query) -> bool:
    collection = stored(stores, place)
    find: Document = {"find": collection.name, "filter": {"$or": list(query.branches)}}
    if query.collation is not None:
        find["collation"] = dict(query.collation)
    with translated(f"explain a search of {place.database}.{place.name}"):
        plan = await collection.database.command("explain", find, verbosity="queryPlanner")
    return "COLLSCAN" in stages(plan["queryPlanner"]["winningPlan"])


def stages(plan: Any) -> frozenset[str]:
    """Return the names of all stages of a query *plan*, at any depth."""
    match plan:
        case Mapping():
            own = {str(plan["stage"])} if "stage" in plan else set()
            return frozenset(own).union(*map(stages, plan.values()))
        case list():
            return frozenset().union(*map(stages, plan))
        case _:
            return frozenset()
