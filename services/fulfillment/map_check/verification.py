"""Finds identity fields of a map that do not state whether their values are verified. Pure."""

from collections.abc import Iterator

from services.fulfillment.datamap.model import Collection, MapError

REMEDY = "add `verified: always`, `never`, or the field that states it: without it, a value is a claim"


def unstated(collection: Collection) -> Iterator[MapError]:
    """Yield the identity fields of *collection* without a declared verification."""
    for field in collection.identifying:
        if field.verified is None:
            what = f"`{field.path}` does not state whether its value is verified"
            yield MapError(field.where, what, REMEDY, remark=True)
