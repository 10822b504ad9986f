"""
Which way the values of a reference flow that names no direction and stands in an array. Pure.

Where they flow in, people are told apart by them, and a document's own person is not led on by what others
have in it. But a list of orders in the record of who gave them tells nobody apart. A list of members does:
whatever says more of people beside the reference is taken to be about another one in each element.
"""

from collections.abc import Callable
from dataclasses import replace

from services.fulfillment.datamap.graph import graph_of
from services.fulfillment.datamap.model import Collection, DataMap, Direction, MappedField, Reference


def directed(data_map: DataMap) -> DataMap:
    """
    Return *data_map* where values flow out of a bare list by references to what nothing else leads to.

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


def _changed(
    collection: Collection, field: MappedField, change: Callable[[Reference], Reference | None]
) -> MappedField:
    if not field.references or not _is_bare(collection, field):
        return field
    changed = [change(r) if r.direction is Direction.BOTH else r for r in field.references]
    return replace(field, references=tuple(reference for reference in changed if reference is not None))


def _is_bare(collection: Collection, field: MappedField) -> bool:
    """Tell whether *field* is, or is in, an array whose elements say nothing else of people."""
    unit = collection.unit(field.path)
    others = (leaf for leaf in collection.leaves if leaf is not field and collection.unit(leaf.path) == unit)
    return unit is not None and not any(leaf.categories or leaf.identity for leaf in others)
