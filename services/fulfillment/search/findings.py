"""What a search has found, and how far it went."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol

from services.fulfillment.datamap.model import Collection
from services.fulfillment.search.identities import Identities
from services.fulfillment.search.ownership import OwnershipMatch, disclosed, divided, owned
from shared.runtime.mongo import Document


class SearchStatus(StrEnum):
    """What became of a collection in a search."""

    SEARCHED = "searched"
    SKIPPED = "skipped"
    """The map says that nobody appears in it."""
    UNREACHED = "unreached"
    """Nothing the request tells leads there."""
    MISSING = "missing"
    """The map names it, and the database has no such collection."""


class SearchAnswer(StrEnum):
    """What a search says. A store that does not answer says nothing: it raises ``StoreUnavailable``."""

    FOUND = "found"
    NOTHING_FOUND = "nothing_found"
    NOTHING_DECLARED = "nothing_declared"
    """No collection of the map is found by anything the request tells: nobody has looked."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far a collection was searched."""

    key: str
    status: SearchStatus
    found: int


@dataclass(frozen=True)
class FoundRecord:
    """A document that is the person's, or in which elements are."""

    collection: Collection
    id: Mapping[str, Any]
    """Its primary key: path → value."""
    document: Document
    """As read, with what is other people's; it is shared with other requests and must not be changed."""
    matches: tuple[OwnershipMatch, ...]

    @property
    def owned(self) -> bool:
        """Whether the whole document is the person's."""
        return owned(self.matches)

    @property
    def elements(self) -> tuple[OwnershipMatch, ...]:
        """What tells the person's elements of divided arrays, however these are stored."""
        told: list[OwnershipMatch] = []
        for match in (replace(m, arrays=()) if m.others else m for m in self.matches if m.unit is not None):
            if match not in told:
                told.append(match)
        return tuple(told)

    @cached_property
    def divided(self) -> frozenset[str]:
        """The arrays of the document that people share."""
        return divided(self.collection, self.matches)

    @cached_property
    def disclosed(self) -> Document:
        """The document reduced to what is the person's."""
        return disclosed(self.collection, self.document, self.matches)


class FoundRecords(Protocol):
    """What was found, in the order of the map. It may be gone through again and again."""

    def __iter__(self) -> Iterator[FoundRecord]:
        """Yield everything."""

    def of(self, key: str) -> Iterable[FoundRecord]:
        """Return what was found in the collection *key*; it, too, may be gone through again and again."""


class Few(tuple[FoundRecord, ...]):
    """Records in memory."""

    __slots__ = ()

    def of(self, key: str) -> Sequence[FoundRecord]:
        """Return what was found in the collection *key*."""
        return [found for found in self if found.collection.key == key]


@dataclass(frozen=True)
class Findings:
    """What a search found, and how far it went."""

    version: str
    """Of the data map that was walked."""
    found: FoundRecords
    """As large as the data: nobody may make a list of it."""
    coverage: tuple[Coverage, ...]
    """Every collection of the map, in its order."""
    aliases: Identities = field(default_factory=dict)
    """What else the person's own records say they are known by; it was searched by as well."""
    shared: tuple[str, ...] = ()
    """Names of identities in the person's records that others have too: nothing was searched by those."""
    verified: Identities = field(default_factory=dict)
    """What is proven, or verified in the person's records, searched by or not."""
    unconfirmed: tuple[str, ...] = ()
    """Names of identities by which more records may be the person's: they must be proven first."""
    claims: Identities = field(default_factory=dict)
    """Values in the person's records that are not verified; nothing was searched by them."""

    def of(self, key: str) -> Iterable[FoundRecord]:
        """Return what was found in the collection *key*; it may be gone through again and again."""
        return self.found.of(key)

    @property
    def total(self) -> int:
        """The number of records found."""
        return sum(part.found for part in self.coverage)

    @property
    def answer(self) -> SearchAnswer:
        """What the search says as a whole."""
        if self.total:
            return SearchAnswer.FOUND
        looked = any(part.status in (SearchStatus.SEARCHED, SearchStatus.MISSING) for part in self.coverage)
        return SearchAnswer.NOTHING_FOUND if looked else SearchAnswer.NOTHING_DECLARED

    @property
    def missing(self) -> tuple[str, ...]:
        """The keys of collections that the map names and the database lacks."""
        return tuple(part.key for part in self.coverage if part.status is SearchStatus.MISSING)
