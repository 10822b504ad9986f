"""Data read from a database for the comparison with a data map, and the types of its values. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from services.fulfillment.datamap.declarations import kind_of
from services.fulfillment.datamap.graph import Lookup
from services.fulfillment.datamap.model import Collection
from services.fulfillment.datamap.paths import values_at
from services.fulfillment.stores.rules import Rules
from shared.runtime.mongo import Document

_WHOLE = frozenset({"integer", "long"})
_FRACTIONAL = _WHOLE | {"double"}
_ALLOWED = {
    "binary": frozenset({"binary", "uuid"}),
    "date": frozenset({"datetime"}),
    "double": _FRACTIONAL,
    "float": _FRACTIONAL,
    "integer": _WHOLE,
    "long": _WHOLE,
}
_NUMBERS = _FRACTIONAL | {"decimal"}


def allows(declared: str, kind: str) -> bool:
    """Return whether a field declared as a single *declared* may hold a *kind*; null is always allowed."""
    return kind == "null" or kind in _ALLOWED.get(declared, {declared})


def comparable(kind: str) -> str:
    """Return a name that *kind* shares with the types that MongoDB compares with it."""
    return "number" if kind in _NUMBERS else "binary" if kind == "uuid" else kind


def kinds_at(documents: Iterable[Document], path: str) -> Counter[str]:
    """Return how many of *documents* hold each type at *path*; elements of an array count singly."""
    return Counter(kind for document in documents for kind in set(map(kind_of, values_at(document, path))))


def counted(number: int, whole: int) -> str:
    """Return *number* of *whole* documents in words."""
    return f"in {number} of {whole} documents"


class LookupSpeed(IntEnum):
    """The cost of a look-up."""

    SCANS = 0
    """Every document of the collection is read."""
    SCANS_FOR_MANY = 1
    """An index answers for few people at once, not for many."""
    INDEXED = 2


@dataclass(frozen=True, slots=True)
class Unique:
    """An index that refuses two documents with the same values."""

    paths: tuple[str, ...]
    sparse: bool
    partial: Mapping[str, Any]
    """The filter of the documents in it; empty: all."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The contents of a collection of the map in its database."""

    collection: Collection
    documents: Sequence[Document]
    kind: str = "collection"
    """Or ``view``, or ``timeseries``."""
    rules: Rules = field(default_factory=Rules)
    refuses: bool = False
    """Whether it has a validator that refuses invalid documents."""
    unique: tuple[Unique, ...] = ()
    speeds: Mapping[Lookup, LookupSpeed] = field(default_factory=dict)
    scans_for_periods: bool = False
    """Whether the whole collection is read to find the records past their retention period."""
    nowhere: frozenset[str] = frozenset()
    """The looked-up paths that no document of the whole collection has."""
