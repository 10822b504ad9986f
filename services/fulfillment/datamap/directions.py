"""
Which way the values of a reference flow that names no direction and stands in an array. Pure.

Where they flow in, people are told apart by them, and a document's own person is not led on by what others
have in it. But a list of orders in the record of who gave them tells nobody apart.
"""

from collections.abc import Callable
from dataclasses import replace

from services.fulfillment.datamap.graph import graph_of
from services.fulfillment.datamap.model import Collection, DataMap, Direction, Field, Reference


def directed(data_map: DataMap) -> DataMap:
    """
    Return *data_map* where values flow out of an array by references to what nothing else leads to.

    Nothing could flow in that has not flowed out before.
    """
    kept = graph_of(_mapped(data_map, _none))
    reached = kept.reached(kept.entries)

    def outward(reference: Reference) -> Reference:
        return reference if reference.key in reached else replace(reference, direction=Direction.TO)

    return _mapped(data_map, outward)


def _none(_: Reference) -> None:
    return None


def _mapped(data_map: DataMap, change: Callable[[Reference], Reference | None]) -> DataMap:
    """Return *data_map* with its undirected references in arrays as *change* has them; none: without it."""
    collections = tuple(
        replace(collection, fields=tuple(_changed(collection, field, change) for field in collection.fields))
        for collection in data_map.collections
    )
    return replace(data_map, collections=collections)


def _changed(collection: Collection, field: Field, change: Callable[[Reference], Reference | None]) -> Field:
    if not field.references or collection.unit(field.path) is None:
        return field
    changed = [change(r) if r.direction is Direction.BOTH else r for r in field.references]
    return replace(field, references=tuple(reference for reference in changed if reference is not None))
