"""
What of a document is the person's: the whole of it, or single elements of arrays that people share.

A match on a field outside any divided array makes the document theirs, without the elements of others in
it. A match inside a divided array makes that one element theirs, and nothing else.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from services.fulfillment.datamap.categories import PERSONAL, covered
from services.fulfillment.datamap.model import Collection
from services.fulfillment.search.paths import key_of, raw_at, values_at

_NOTHING = object()


@dataclass(frozen=True)
class Match:
    """Why something is the person's: the values by which it was found, as they are stored."""

    path: str
    unit: str | None
    """The divided array whose elements match; none: the document does."""
    values: tuple[Any, ...]

    @property
    def within(self) -> str:
        """The path of the value inside an element; empty where the element is the value."""
        return "" if self.unit is None else self.path[len(self.unit) + 1 :]

    @cached_property
    def keys(self) -> frozenset[Hashable]:
        """The values in comparable form."""
        return frozenset(key_of(value) for value in self.values)

    def holds_of(self, value: Any, path: str) -> bool:
        """Tell whether one of the values stands at *path* below *value*."""
        return any(key_of(found) in self.keys for found in values_at(value, path))


def divided(collection: Collection, matches: Iterable[Match]) -> frozenset[str]:
    """Return the arrays that people share, those included that the map does not know to be arrays."""
    units = {match.unit for match in matches if match.unit is not None}
    return collection.divided | units if units else collection.divided


def owned(matches: Iterable[Match]) -> bool:
    """Tell whether the whole document is the person's."""
    return any(match.unit is None for match in matches)


def disclosed(
    collection: Collection, document: Mapping[str, Any], matches: Sequence[Match]
) -> dict[str, Any]:
    """
    Return *document* reduced to what is the person's.

    The primary key stays, so that the record can be named, unless it says something about another person.

    Law:
        GDPR Art. 15(4): a copy must not adversely affect the rights and freedoms of others.
    """
    whole = owned(matches)
    if whole and not divided(collection, matches):
        return dict(document)
    kept = _Reducer(collection, matches).kept(document, "", whole=whole)
    own: dict[str, Any] = kept if isinstance(kept, dict) else {}
    if whole:
        return own
    named = {
        path: raw_at(document, path) for path in collection.primary_key if not _personal(collection, path)
    }
    return {path: value for path, value in named.items() if "." not in path} | own


def _personal(collection: Collection, path: str) -> bool:
    field = collection.by_path.get(path)
    return field is not None and any(covered(category, PERSONAL) for category in field.categories)


class _Reducer:
    def __init__(self, collection: Collection, matches: Sequence[Match]) -> None:
        self._divided = divided(collection, matches)
        self._matches = matches

    def kept(self, value: Any, path: str, *, whole: bool) -> Any:
        """Return what of *value* is the person's; *whole* says whether what surrounds it is."""
        if path in self._divided:
            return self._elements(value, path, whole=whole)
        if isinstance(value, Mapping):
            return self._members(value, path, whole=whole)
        if isinstance(value, list):
            kept = [self.kept(item, path, whole=whole) for item in value]
            return kept if whole else _unless_empty([item for item in kept if item is not _NOTHING])
        return value if whole else _NOTHING

    def _members(self, value: Mapping[str, Any], path: str, *, whole: bool) -> Any:
        prefix = f"{path}." if path else ""
        kept = {name: self.kept(member, prefix + name, whole=whole) for name, member in value.items()}
        present = {name: member for name, member in kept.items() if member is not _NOTHING}
        return present if whole else _unless_empty(present)

    def _elements(self, value: Any, path: str, *, whole: bool) -> Any:
        kept = [self._element(item, path) for item in (value if isinstance(value, list) else [value])]
        own = [item for item in kept if item is not _NOTHING]
        return own if whole else _unless_empty(own)

    def _element(self, item: Any, path: str) -> Any:
        theirs = any(match.unit == path and match.holds_of(item, match.within) for match in self._matches)
        if isinstance(item, Mapping):
            return self._members(item, path, whole=theirs)
        return item if theirs else _NOTHING


def _unless_empty(value: Any) -> Any:
    return value or _NOTHING
