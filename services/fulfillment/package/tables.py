"""
Documents as CSV (RFC 4180) for spreadsheets.

Embedded objects become columns named by their path; arrays stay in one cell, as JSON. A text that a
spreadsheet would read as a formula gets a leading apostrophe: the JSON file has it unchanged.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from services.fulfillment.package.records import NUMERIC, text_of
from services.fulfillment.package.withheld import WithheldNotice
from shared.pages.spreadsheets import safe_cell
from shared.runtime.mongo import Document, ObjectId

Path: TypeAlias = tuple[str, ...]

DEEPEST = 4
"""Levels of embedded objects that become columns; deeper ones stay in one cell."""
MOST_COLUMNS = 256
MOST_REMEMBERED = 4_096
WHOLE: Path = ()
"""The only column for documents with too many different fields for a table."""
BOM = "\ufeff"
"""Without it Excel reads UTF-8 as the local code page."""
PLAIN = frozenset({type(None), int, float, ObjectId})
"""Types that the writer can write: nearly all except text and dates."""
BROKEN = dict.fromkeys((*range(9), 11, 12, *range(14, 32), *range(0xD800, 0xE000)), "\ufffd")
"""Characters that break readers of CSV: controls other than tab and line ends, halves of surrogate pairs."""


class Columns:
    """Collects the columns of a table; its memory depends on their number, not on that of the documents."""

    def __init__(self) -> None:
        self._levels: dict[int, dict[Path, None]] = {depth: {} for depth in range(1, DEEPEST + 1)}
        self._seen: set[Path] = set()
        self._flat: set[Path] = set()

    def add(self, document: Document) -> None:
        """Note the fields of *document*."""
        if dict not in map(type, document.values()):
            names = tuple(document)
            if names in self._flat:
                return
            if len(self._flat) < MOST_REMEMBERED:
                self._flat.add(names)
        for path in _leaves(document, DEEPEST):
            if path not in self._seen:
                self._note(path)

    def _note(self, path: Path) -> None:
        if len(self._seen) < MOST_REMEMBERED:
            self._seen.add(path)
        for depth, columns in list(self._levels.items()):
            columns[path[:depth]] = None
            if len(columns) > MOST_COLUMNS:
                del self._levels[depth]

    def chosen(self, order: Sequence[str]) -> list[Path]:
        """
        Return the columns, as deep as their number allows.

        Args:
            order: Paths of the data map, which come first; others follow by name.
        """
        if not self._levels:
            return [WHOLE]
        ranks = {path: rank for rank, path in enumerate(order)}
        columns = self._levels[max(self._levels)]
        return sorted(columns, key=lambda path: (_rank(path, ranks), path))


def csv_file(documents: Iterable[Document], columns: Sequence[Path]) -> Iterator[bytes]:
    """Yield *documents* as lines of CSV under a header."""
    line = csv.writer(_Encoder()).writerow
    yield BOM.encode("utf-8")
    yield line([cell(header(path)) for path in columns])
    flat = [path[0] for path in columns if len(path) == 1]
    for document in documents:
        values: Iterable[Any] = map(document.get, flat)
        if len(flat) < len(columns):
            values = (_at(document, path) for path in columns)
        yield line([value if type(value) in PLAIN else cell(value) for value in values])


class _Encoder:
    """The file of a :func:`csv.writer`, whose ``writerow`` then returns the line's bytes."""

    write = staticmethod(str.encode)


def header(path: Path) -> str:
    """Return the name of a column: its path with dots, a dot within a name being escaped."""
    return ".".join(name.replace(".", "\\.") for name in path) or "document"


def cell(value: Any) -> str:
    """Return *value* as the text of a cell, harmless in a spreadsheet."""
    if type(value) is str:
        return _harmless(value)
    if type(value) is datetime or isinstance(value, NUMERIC):
        return text_of(value)  # a minus sign before a number is no formula
    if isinstance(value, WithheldNotice):
        return f"[{value.label.translate(BROKEN)}: {value.reason}]"
    return _harmless(text_of(value))


def _harmless(text: str) -> str:
    if text[:1].isalnum() and text.isprintable():  # nearly all are
        return text
    return safe_cell(text if text.isprintable() else text.translate(BROKEN))


def _leaves(value: Mapping[str, Any], depth: int, above: Path = ()) -> Iterator[Path]:
    for key, item in value.items():
        path = (*above, key)
        if depth > 1 and isinstance(item, dict) and item:
            yield from _leaves(item, depth - 1, path)
        else:
            yield path


def _at(document: Document, path: Path) -> Any:
    value: Any = document
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value


def _rank(path: Path, ranks: Mapping[str, int]) -> int:
    names = (".".join(path[:length]) for length in range(len(path), 0, -1))
    return next((ranks[name] for name in names if name in ranks), len(ranks))
