"""
The people that a record, or one element of an array in it, names: by identities, and by name. Pure.

Only a name beside an identity is the same person's: an emergency contact has a name of their own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from math import isfinite
from typing import Any

from services.fulfillment.datamap.categories import covered
from services.fulfillment.datamap.model import Collection, MappedField
from services.fulfillment.datamap.paths import below, beside, leads_through, values_at
from services.fulfillment.search.roles import roles
from shared.matching import Doubt, MatchOutcome, match_names
from shared.runtime.mongo import Decimal128, Timestamp

NAME = "user.name"
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Moments up to this one mean that no moment was stated."""
LEAST_WORDS = 2
"""Fewest words of a whole name: one stored part alone belongs to many people."""


@dataclass(frozen=True)
class RecordPart:
    """The part of a record about one person: without other people's elements, or one element alone."""

    collection: Collection
    unit: str | None
    """The array it is an element of; None: it is the record itself."""
    value: Any

    @property
    def naming(self) -> Mapping[str, str]:
        """The fields with identities of its person: path → name of the identity."""
        if self.unit is None:
            return self.collection.naming
        return self.collection.naming_elements.get(self.unit, {})

    @cached_property
    def verified_naming(self) -> Mapping[str, str]:
        """Like :attr:`naming`, but only the fields that may hold verified values."""
        if self.unit is None:
            return self.collection.verified_naming
        return {field.path: field.identity or "" for field in self.identifying if field.verifiable}

    @cached_property
    def identifying(self) -> Sequence[MappedField]:
        """The fields in it that hold an identity of its person."""
        return [field for field in self.collection.identifying if self._is_own(field)]

    def verified(self, path: str) -> Iterator[Any]:
        """Yield the values at *path* that the map states to be verified."""
        field = self.collection.by_path.get(path)
        if field is None or field.verified is None or not field.verifiable:
            return
        if field.verified.field is None:
            yield from self.values(path)
            return
        unit = self.unit or ""
        pairs = beside(self.value, below(path, unit), below(field.verified.field, unit))
        yield from (value for value, statement in pairs if states_verification(statement))

    @cached_property
    def fields(self) -> Sequence[MappedField]:
        """The fields that are in no array that people share, except its own."""
        if self.unit is None:
            return self.collection.common
        return [field for field in self.collection.leaves if self._has(field, self.unit)]

    def about(self, category: str) -> Sequence[MappedField]:
        """Return those of its fields that hold *category*."""
        if self.unit is None:
            return self.collection.common_about(category)
        return [f for f in self.fields if any(covered(one, (category,)) for one in f.categories)]

    def values(self, path: str) -> Iterator[Any]:
        """Yield the values at *path*, which is counted from the document."""
        return values_at(self.value, below(path, self.unit or ""))

    def names(self, identities: Iterable[str]) -> Sequence[str]:
        """Return the names of the person with the identities at the paths *identities*."""
        named = self.about(NAME)
        paths = [
            f.path for f in named if any(_beside(f.path, path, named, self.fields) for path in identities)
        ]
        return self._whole(paths)

    def other_names(self, identities: Sequence[str]) -> Sequence[str]:
        """Return the names in other places that may be the same person's."""
        played = frozenset[str]().union(*map(roles, identities))
        return [text for f in self.about(NAME) if roles(f.path) <= played for text in self._texts(f.path)]

    def _is_own(self, field: MappedField) -> bool:
        return self.collection.unit(field.path) is None if self.unit is None else self._has(field, self.unit)

    def _has(self, field: MappedField, unit: str) -> bool:
        inner = self.collection.unit(field.path)
        return leads_through(field.path, unit) and (inner is None or len(inner) <= len(unit))

    def _texts(self, path: str) -> Iterator[str]:
        yield from (value.strip() for value in self.values(path) if isinstance(value, str) and value.strip())

    def _whole(self, paths: Sequence[str]) -> Sequence[str]:
        """Return the names at *paths*, which may be parts of one name; a whole name counts alone, too."""
        texts = [text for path in paths for text in self._texts(path)]
        whole = [text for text in texts if len(paths) == 1 or len(text.split()) >= LEAST_WORDS]
        return list(dict.fromkeys([*whole, *([" ".join(texts)] if texts else [])]))


def states_verification(statement: Any) -> bool:
    """
    Return whether *statement*, a field's value, states that another value was verified.

    It does if it is true, a moment after 1970, or a number above zero; other texts do not.
    """
    if isinstance(statement, str):
        return statement.strip().casefold() == "true" or states_verification(_moment(statement.strip()))
    if isinstance(statement, datetime):
        return statement.replace(tzinfo=statement.tzinfo or UTC) > NEVER
    if isinstance(statement, Timestamp):
        return statement.time > 0
    if isinstance(statement, Decimal128):
        number = statement.to_decimal()
        return number.is_finite() and number > 0
    return isinstance(statement, int | float) and isfinite(statement) and statement > 0


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _beside(path: str, identity: str, named: Sequence[MappedField], fields: Sequence[MappedField]) -> bool:
    """Return whether the name at *path* is of the same person as *identity*: it stands beside or around."""
    around = path.rpartition(".")[0]
    names = {field.path for field in named}
    while around and all(f.path in names for f in fields if f.path.startswith(f"{around}.")):
        around = around.rpartition(".")[0]  # an object that holds only parts of a name
    return leads_through(identity.rpartition(".")[0], around) and roles(path) <= roles(identity)


def likeness(some: Iterable[str], others: Sequence[str]) -> MatchOutcome | None:
    """
    Return whether one of the names *some* is one of *others*; None where one side has no names.

    Names that are only spelled alike are those of spouses, and of brothers and sisters: a mismatch.
    """
    found = [match_names(one, other) for one in some for other in others]
    if not found:
        return None
    if any(found):
        return MatchOutcome.MATCH
    partly = any(f.outcome is MatchOutcome.PARTIAL and Doubt.SPELLING not in f.doubts for f in found)
    return MatchOutcome.PARTIAL if partly else MatchOutcome.MISMATCH
