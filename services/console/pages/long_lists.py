"""Parts of long lists: a page of a case stays small, however long its history is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Query
from markupsafe import escape

T = TypeVar("T")
MOST_ENTRIES: Final = 1 << 31
"""The largest place in a list that an address names."""
MOST_LINES: Final = 200
"""Lines of a timeline that a page shows."""
TEXT_BYTES: Final = 90_000
"""Bytes of texts of staff and strangers that a page shows, as HTML."""
ITEM_BYTES: Final = 600
"""Bytes of an entry around its texts."""
ListStart = Annotated[int, Query(ge=0, le=MOST_ENTRIES)]
CONTENT_LISTS: Final = ("statements", "letters", "texts", "remarks", "holds", "notes", "files", "mails")
"""Lists in the content of a case that grow with its history."""


@dataclass(frozen=True, slots=True)
class ListPart(Generic[T]):
    """The entries of a list that a page shows."""

    items: Sequence[T]
    rest: int = 0
    """Entries after them."""
    next: int = 0
    """Where these begin."""

    def __bool__(self) -> bool:
        """Whether anything is shown, or left to show."""
        return bool(self.items or self.rest)

    @classmethod
    def of(cls, entries: Sequence[T], start: int, count: int = MOST_LINES) -> "ListPart[T]":
        """Return *count* of *entries* from *start* on."""
        end = min(start + count, len(entries))
        return cls(entries[start:end], len(entries) - end, end)


def content_parts(content: Mapping[str, Any], section: str, start: int) -> dict[str, ListPart[Any]]:
    """
    Return the shown part of each list in the *content* of a case, the newest entries first.

    That of *section* begins at *start*, and gets its room before the others.
    """
    left, parts = TEXT_BYTES, {}
    for name in sorted(CONTENT_LISTS, key=lambda name: name != section):
        entries = list(content.get(name) or ())[::-1]
        first = start if name == section else 0
        count, left = _fitting(entries[first:], left, at_least=int(name == section))
        parts[name] = ListPart.of(entries, first, count)
    return parts


def _fitting(entries: Sequence[Mapping[str, Any]], left: int, at_least: int) -> tuple[int, int]:
    """Return how many of *entries*, *at_least* of them, fit into *left* bytes, and the bytes left then."""
    count = 0
    for entry in entries:
        size = ITEM_BYTES + sum(len(escape(str(value)).encode()) for value in entry.values())
        if size > left and count >= at_least:
            break
        count, left = count + 1, left - size
    return count, left
