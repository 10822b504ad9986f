"""Compares the two ends of a reference: types of values, and missing partners. Pure."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.fulfillment.datamap.graph import EMAIL
from services.fulfillment.datamap.model import MapError, MappedField, Reference
from services.fulfillment.datamap.paths import values_at
from services.fulfillment.map_check.kinds import comparable, kinds_at
from services.fulfillment.map_check.observations import Observed
from services.fulfillment.search.bson_equality import key_of, refers
from services.fulfillment.search.forms import forms

MOST_FOLLOWED = 100
"""Values of a reference that are checked for partners."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A reference with the samples of its two ends."""

    here: Observed
    field: MappedField
    reference: Reference
    there: Observed

    @property
    def other(self) -> MappedField:
        """The field at the other end."""
        return self.there.collection.by_path[self.reference.path]

    @property
    def caseless(self) -> bool:
        """Whether case does not count."""
        return EMAIL in (self.field.identity, self.other.identity)

    def key(self, value: Any) -> Hashable:
        """Return a key that *value* and its partners share."""
        return key_of(value, caseless=self.caseless)

    def followed(self) -> dict[Hashable, list[Any]]:
        """Return sampled values, each in every form of a partner."""
        values = (
            value
            for document in self.here.documents
            for value in values_at(document, self.field.path)
            if refers(value)
        )
        found: dict[Hashable, list[Any]] = {}
        for value in values:
            if len(found) < MOST_FOLLOWED:
                found.setdefault(self.key(value), list(forms(value, self.other.type)))
        return found


def pairs(here: Observed, observed: Mapping[str, Observed]) -> Iterator[Pair]:
    """Yield the references of a collection to observed ones."""
    for field in here.collection.leaves:
        for reference in field.references:
            if reference.key in observed:
                yield Pair(here, field, reference, observed[reference.key])


def unlike(pair: Pair) -> Iterator[MapError]:
    """Yield a remark if the two ends hold values of different types."""
    here, there = _types(pair.here, pair.field.path), _types(pair.there, pair.reference.path)
    if here and there and not {*map(comparable, here)} & {*map(comparable, there)}:
        what = f"`{pair.field.path}` holds {_listed(here)}, `{_named(pair.reference)}` holds {_listed(there)}"
        remedy = "declare both types: values are converted on the way"
        yield MapError(pair.reference.where, what, remedy, remark=True)


def dangling(
    pair: Pair, followed: Mapping[Hashable, Sequence[Any]], partners: Sequence[Any]
) -> Iterator[MapError]:
    """Yield a remark if some of the values *followed* are not among *partners*."""
    known = {pair.key(value) for value in partners}
    lost = sum(known.isdisjoint(map(pair.key, forms)) for forms in followed.values())
    if lost:
        values = f"{lost} of {len(followed)} values of `{pair.field.path}`"
        what = f"{values} have no partner in `{_named(pair.reference)}`"
        remedy = "correct the reference" if lost == len(followed) else "fine if what they refer to is gone"
        yield MapError(pair.reference.where, what, remedy, remark=True)


def _named(reference: Reference) -> str:
    return f"{reference.key}.{reference.path}"


def _types(observed: Observed, path: str) -> list[str]:
    return sorted(kinds_at(observed.documents, path).keys() - {"null"})


def _listed(kinds: Sequence[str]) -> str:
    return ", ".join(f"`{kind}`" for kind in kinds)
