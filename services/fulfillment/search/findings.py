"""The result of a search."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol

from services.fulfillment.datamap.model import Collection
from services.fulfillment.search.identities import Identities
from services.fulfillment.search.ownership import (
    OwnershipMatch,
    disclosed,
    divided,
    is_alone,
    is_shared,
    owned,
)
from shared.runtime.mongo import Document


class SearchStatus(StrEnum):
    """The result of a search in one collection."""

    SEARCHED = "searched"
    SKIPPED = "skipped"
    """The map states that it holds no people."""
    UNREACHED = "unreached"
    """No identity of the request leads there."""
    MISSING = "missing"
    """The map names it, and the database no longer has it, or seems to be another one."""
    ABSENT = "absent"
    """The map names it, and it never existed: it counts as empty."""


class SearchAnswer(StrEnum):
    """The overall answer of a search. A store that does not answer raises ``StoreUnavailable``."""

    FOUND = "found"
    NOTHING_FOUND = "nothing_found"
    NOTHING_DECLARED = "nothing_declared"
    """No collection of the map can be reached from the request's identities: nothing was searched."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far a collection was searched."""

    key: str
    status: SearchStatus
    found: int


@dataclass(frozen=True)
class FoundRecord:
    """A document that is the person's, or that has elements that are."""

    collection: Collection
    id: Mapping[str, Any]
    """Its primary key: path → value."""
    document: Document
    """As read, with other people's parts; it is shared with other requests and must not be changed."""
    matches: tuple[OwnershipMatch, ...]

    @property
    def owned(self) -> bool:
        """Whether the whole document is the person's."""
        return owned(self.matches)

    @cached_property
    def shared(self) -> bool:
        """Whether the document is the person's together with the other people in it."""
        return not self.owned and is_shared(self.collection, self.matches)

    @cached_property
    def alone(self) -> tuple[str, ...]:
        """The arrays and fields of a shared document in which no other person stands; empty: one does."""
        if not self.shared or not is_alone(self.collection, self.document, self.matches):
            return ()
        return tuple(sorted(self.collection.peopled))

    @property
    def accompanied(self) -> tuple[str, ...]:
        """The arrays and fields of a shared document in which another person stands; empty: none does."""
        return tuple(sorted(self.collection.peopled)) if self.shared and not self.alone else ()

    @property
    def sole(self) -> bool:
        """Whether a request of the person may change the whole document."""
        return self.owned or bool(self.alone)

    @property
    def elements(self) -> tuple[OwnershipMatch, ...]:
        """The matches that identify the person's elements of divided arrays."""
        found: list[OwnershipMatch] = []
        for match in (replace(m, arrays=()) if m.others else m for m in self.matches if m.unit is not None):
            if match not in found:
                found.append(match)
        return tuple(found)

    @cached_property
    def divided(self) -> frozenset[str]:
        """The arrays of the document that people share."""
        return divided(self.collection, self.matches)

    @cached_property
    def disclosed(self) -> Document:
        """The document reduced to the person's part."""
        return disclosed(self.collection, self.document, self.matches, shared=self.shared)

    @cached_property
    def copied(self) -> Document:
        """The document for a copy: like :attr:`disclosed`, with a mark in place of other people's values."""
        if not self.shared:
            return self.disclosed
        return disclosed(self.collection, self.document, self.matches, shared=True, marked=True)


class FoundRecords(Protocol):
    """The records found, in the order of the map. They may be iterated again."""

    def __iter__(self) -> Iterator[FoundRecord]:
        """Yield everything."""

    def of(self, key: str) -> Iterable[FoundRecord]:
        """Return the records of the collection *key*; they may be iterated again."""


class RecordTuple(tuple[FoundRecord, ...]):
    """Records in memory."""

    __slots__ = ()

    def of(self, key: str) -> Sequence[FoundRecord]:
        """Return the records of the collection *key*."""
        return [found for found in self if found.collection.key == key]


@dataclass(frozen=True)
class Findings:
    """The records that a search found, and how far it went."""

    version: str
    found: FoundRecords
    """As large as the data: do not make a list of it."""
    coverage: tuple[Coverage, ...]
    """Every collection of the map, in its order."""
    aliases: Identities = field(default_factory=dict)
    """Other identities that the person's own records state; they were looked up as well."""
    shared: tuple[str, ...] = ()
    """Names of identities in the person's records that other people have too: not looked up."""
    verified: Identities = field(default_factory=dict)
    """Identities that are proven, or verified in the person's records, looked up or not."""
    unconfirmed: tuple[str, ...] = ()
    """Names of identities that may lead to more records of the person: they must be proven first."""
    claims: Identities = field(default_factory=dict)
    """Unverified values in the person's records; not looked up."""
    is_small: bool = False
    """Whether going through all records takes a few milliseconds at most."""

    def of(self, key: str) -> Iterable[FoundRecord]:
        """Return the records of the collection *key*; they may be iterated again."""
        return self.found.of(key)

    @property
    def total(self) -> int:
        """The number of records found."""
        return sum(part.found for part in self.coverage)

    @property
    def answer(self) -> SearchAnswer:
        """The overall answer of the search."""
        if self.total:
            return SearchAnswer.FOUND
        unread = (SearchStatus.SKIPPED, SearchStatus.UNREACHED)
        looked = any(part.status not in unread for part in self.coverage)
        return SearchAnswer.NOTHING_FOUND if looked else SearchAnswer.NOTHING_DECLARED

    @property
    def missing(self) -> tuple[str, ...]:
        """The keys of collections that the map names and the database lacks."""
        return tuple(part.key for part in self.coverage if part.status is SearchStatus.MISSING)

    @property
    def absent(self) -> tuple[str, ...]:
        """The keys of collections that the map names and that never existed: they count as empty."""
        return tuple(part.key for part in self.coverage if part.status is SearchStatus.ABSENT)
