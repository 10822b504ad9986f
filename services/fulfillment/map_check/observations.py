"""Data read from a database for the comparison with a data map. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from services.fulfillment.datamap.graph import Lookup
from services.fulfillment.datamap.model import Collection
from services.fulfillment.stores.rules import Rules
from shared.runtime.mongo import Document


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

    name: str
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
    nowhere: frozenset[str] = frozenset()
    """The looked-up paths that no document of the whole collection has."""
