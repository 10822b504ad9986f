"""
The places in documents where one person's data stands together. Pure.

In a divided array, each element is one person's; everything outside such arrays is of the document's person.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

from services.fulfillment.datamap.graph import EMAIL, PHONE
from services.fulfillment.datamap.model import Collection, MappedField
from services.fulfillment.datamap.paths import below, leads_through, values_at
from shared.runtime.mongo import Document

NAME, FIRST, LAST = "user.name", "user.name.first", "user.name.last"
SUREST = (EMAIL,)
VIN, ADVERTISING, TELEVISION = "vin", ("maid", "idfa", "aaid", "gaid"), ("ctv_id",)
MANY = frozenset({VIN, *ADVERTISING, *TELEVISION})
"""Identities of which one person has several: telephones, television sets, vehicles."""
LAST_RESORT = (PHONE,)
"""Identities that people share most: a record that states another one is not followed from these."""


@dataclass(frozen=True)
class RecordUnit:
    """A place in the documents of a collection where everything is one person's."""

    collection: Collection
    unit: str
    """The array with one person per element; empty: the document is one person's."""
    fields: tuple[MappedField, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """Every field that must be read."""
        return tuple(field.path for field in self.fields)

    def parts(self, document: Document) -> Iterator[Any]:
        """Yield the parts of *document*, person by person."""
        return values_at(document, self.unit)

    def values(self, part: Any, field: MappedField) -> Iterator[Any]:
        """Yield the single values of *field* in *part*."""
        found = values_at(part, below(field.path, self.unit))
        yield from (value for value in found if value is not None and not isinstance(value, Mapping))

    def texts(self, part: Any, fields: Iterable[MappedField]) -> list[str]:
        """Return the texts of *part* in *fields*."""
        return [str(value) for field in fields for value in self.values(part, field)]

    @cached_property
    def first_name_fields(self) -> Sequence[MappedField]:
        """The fields that hold first names alone."""
        return [field for field in self.fields if is_of(field, (FIRST,))]

    @cached_property
    def last_name_fields(self) -> Sequence[MappedField]:
        """The fields that hold last names alone."""
        return [field for field in self.fields if is_of(field, (LAST,))]

    @cached_property
    def whole_name_fields(self) -> Sequence[MappedField]:
        """The fields that hold whole names."""
        return [f for f in self.fields if is_of(f, (NAME,)) and not is_of(f, (FIRST, LAST))]

    def written_names(self, part: Any) -> Iterator[str]:
        """Yield names as they are written; a first or a last one alone where there is no whole one."""
        firsts, lasts = self.texts(part, self.first_name_fields), self.texts(part, self.last_name_fields)
        whole = self.texts(part, self.whole_name_fields)
        pairs = [" ".join(pair) for pair in product(firsts, lasts)]
        yield from (name for name in [*pairs, *whole] or [*firsts, *lasts] if name.strip())

    def known_by(self, part: Any) -> Iterator[tuple[str, str]]:
        """Yield the identities that the part states; of two fields for one identity, neither counts."""
        counts = Counter(field.identity for field in self.fields)
        telling = [field for field in self.fields if field.identity and counts[field.identity] == 1]
        ranks = {**dict.fromkeys(SUREST, 0), **dict.fromkeys(LAST_RESORT, 2)}
        for field in sorted(telling, key=lambda field: ranks.get(field.identity or "", 1)):
            yield from ((field.identity or "", str(value)) for value in self.values(part, field))


def units(
    collection: Collection, wanted: Callable[[MappedField], bool]
) -> Iterator[tuple[str, list[MappedField]]]:
    """Yield the places where *wanted* fields stand together, each with those fields."""
    fields: dict[str, list[MappedField]] = {}
    for field in filter(wanted, collection.leaves):
        fields.setdefault(unit_of(collection, field.path), []).append(field)
    yield from fields.items()


def unit_of(collection: Collection, path: str) -> str:
    """Return the innermost divided array that *path* leads through; empty: it is the document's."""
    around = [unit for unit in collection.divided if leads_through(path, unit)]
    return max(around, key=len, default="")


def is_of(field: MappedField, categories: Iterable[str]) -> bool:
    """Return whether *field* is of one of *categories*."""
    return field.is_about(tuple(categories))


def own_first(identity: str) -> int:
    """Return the rank of *identity* by how surely it is one person's: a customer number before a mailbox."""
    return 3 if identity in LAST_RESORT else 2 if identity in MANY else 1 if identity in SUREST else 0
