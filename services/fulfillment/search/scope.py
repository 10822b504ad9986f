"""
The scope of a request: the data that the person means, as areas or categories of the data map. Pure.

An entry of ``details.scope`` names a collection (``shop.orders``, ``orders``), a dataset, the description of
a collection, or a category (``user.content``, with all below it); ``consent`` means the data that rests on
consent alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from services.fulfillment.datamap.model import Collection, DataMap
from services.fulfillment.domain import LegalBasis, legal_bases
from services.fulfillment.search.findings import Findings, FoundRecord, FoundRecords
from shared.labels import forms_of
from shared.law import DIRECT_MARKETING
from shared.law.taxonomy import covered

CONSENT = "consent"
"""Entry that means the data that rests on consent alone."""


@dataclass(frozen=True, slots=True)
class RequestScope:
    """The data that a request is limited to; empty: all."""

    areas: tuple[str, ...] = ()
    """Keys of collections."""
    categories: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """Entries that name nothing in the map."""

    @property
    def limits(self) -> bool:
        """Whether the request is limited; an unknown entry may mean anything, so then it is not."""
        return bool(self.areas or self.categories) and not self.unknown

    def covers(self, collection: Collection) -> bool:
        """Return whether *collection* holds data in the scope."""
        inside = collection.key in self.areas
        return not self.limits or inside or any(leaf.is_about(self.categories) for leaf in collection.leaves)

    def left_out(self, collection: Collection) -> frozenset[str]:
        """Return the fields of *collection*, which holds data in the scope, that are outside it."""
        if not self.limits or collection.key in self.areas:
            return frozenset()
        leaves = (leaf for leaf in collection.leaves if leaf.path not in collection.primary_key)
        return frozenset(leaf.path for leaf in leaves if not leaf.is_about(self.categories))


def scope_of(entries: Sequence[str], data_map: DataMap) -> RequestScope:
    """Return the scope that *entries* of a request name in *data_map*."""
    areas: dict[str, None] = {}
    categories, unknown = [], []
    held = [category for one in data_map.collections for leaf in one.leaves for category in leaf.categories]
    for entry in (" ".join(entry.casefold().split()) for entry in entries if entry != DIRECT_MARKETING):
        named = [one.key for one in data_map.collections if entry in _names(one) or _is_meant(one, entry)]
        areas |= dict.fromkeys(named)
        if not named and any(covered(category, (entry,)) for category in held):
            categories.append(entry)
        elif not named:
            unknown.append(entry)
    return RequestScope(tuple(areas), tuple(categories), tuple(unknown))


def _is_meant(collection: Collection, entry: str) -> bool:
    return entry == CONSENT and legal_bases(collection.facts.legal_basis) == {LegalBasis.CONSENT}


def _names(collection: Collection) -> Iterator[str]:
    said = collection.description or ""
    for name in (collection.key, collection.dataset, collection.name, *forms_of(said)):
        yield " ".join(name.casefold().split()).rstrip(".")


@dataclass(frozen=True, slots=True)
class _RecordsInScope:
    """The records of *found* in collections with *keys*."""

    found: FoundRecords
    keys: frozenset[str]

    def __iter__(self) -> Iterator[FoundRecord]:
        return (record for record in self.found if record.collection.key in self.keys)

    def of(self, key: str) -> Iterable[FoundRecord]:
        return self.found.of(key) if key in self.keys else ()


def within(scope: RequestScope, findings: Findings, data_map: DataMap) -> Findings:
    """Return *findings* without the collections outside *scope*."""
    if not scope.limits:
        return findings
    coverage = tuple(part for part in findings.coverage if scope.covers(data_map.by_key[part.key]))
    keys = frozenset(part.key for part in coverage)
    return replace(findings, found=_RecordsInScope(findings.found, keys), coverage=coverage)
