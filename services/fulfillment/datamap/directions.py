"""
Default direction of references in arrays without a declared direction. Pure.

Where values flow in, elements belong to different people, and the document's person is not followed into the
elements of others. In a list of order numbers alone, elements are the document person's. If the elements hold
more data about people beside the reference, each is taken to be about another person.
"""

from collections.abc import Callable
from dataclasses import replace

from services.fulfillment.datamap.graph import graph_of
from services.fulfillment.datamap.model import Collection, DataMap, Direction, MappedField, Reference


def directed(data_map: DataMap) -> DataMap:
    """
    Return *data_map* in which bare lists have outward references to collections without another entry.

    No inward reference is added.
    """
    kept = graph_of(_mapped(data_map, _none))
    reached = kept.reached(kept.entries)

    def outward(reference: Reference) -> Reference:
        return reference if reference.key in reached else replace(reference, direction=Direction.TO)

    return _mapped(data_map, outward)


def _none(_: Reference) -> None:
    return None


def _mapped(data_map: DataMap, change: Callable[[Reference], Reference | None]) -> DataMap:
    """Return *data_map* with *change* applied to its undirected references in arrays; None: removed."""
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
    """Return whether *field* is, or is in, an array without other data about people in its elements."""
    unit = collection.unit(field.path)
    others = (leaf for leaf in collection.leaves if leaf is not field and collection.unit(leaf.path) == unit)
    return unit is not None and not any(leaf.categories or leaf.identity for leaf in others)
