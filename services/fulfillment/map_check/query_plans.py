"""Query plans of look-ups: through an index, or by reading the whole collection."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.fulfillment.datamap.graph import Lookup
from services.fulfillment.datamap.model import CollectionPlace
from services.fulfillment.datamap.paths import values_at
from services.fulfillment.map_check.observations import LookupSpeed
from services.fulfillment.search.bson_equality import refers
from services.fulfillment.stores.caseless import CASELESS, MOST_SPELLED, Indexes, Query, queries
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.mongo import Collection as Stored
from shared.runtime.mongo import Document, translated

ADDRESS = "person@example.org"
"""A sample value for look-ups; the plan does not depend on it."""


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
        for query in _caseless(lookup, known, number):
            if await _scans(stores, place, query):
                return speed
    return LookupSpeed.INDEXED


def _example(path: str, documents: Sequence[Document]) -> Any:
    """Return a value of the stored type, without personal data."""
    found = (value for document in documents for value in values_at(document, path) if refers(value))
    value = next(found, ADDRESS)
    return ADDRESS if isinstance(value, str) else value


def _caseless(lookup: Lookup, known: Indexes, number: int) -> Iterator[Query]:
    return queries({lookup.path: [ADDRESS] * number}, known)


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
