"""
Documents as files for other programs, and single values as text.

As relaxed MongoDB extended JSON, types survive: MongoDB's own reader restores all except for notices.
As CSV (RFC 4180) for spreadsheets, embedded objects become columns named by their path; arrays stay in one
cell, as JSON. A text that a spreadsheet would read as a formula gets a leading apostrophe. Pure.
"""

import base64
import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TypeAlias

import orjson

from services.fulfillment.package.redaction import Redacted
from services.fulfillment.package.withheld import WithheldNotice
from shared.pages.spreadsheets import safe_cell
from shared.runtime.mongo import Binary, Decimal128, Document, ObjectId, json_util, utc

UUID_SUBTYPE = 4
NESTED = (dict, list, tuple)
TEXTUAL = (str, bytes)
NUMERIC = (int, float, Decimal128)
EPOCH = 1970
"""Year; relaxed extended JSON writes times before it as numbers."""
MILLISECOND = 1000
TO_SECONDS = slice(1, len("2026-03-05T13:35:00") + 1)
"""Part of a time in JSON, which stands in quotes."""
FILE_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
QUICK_OPTIONS = (
    orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS
)
OPTIONS = json_util.RELAXED_JSON_OPTIONS.with_options(uuid_representation=UUID_SUBTYPE)


def encoded(text: str) -> bytes:
    """Return *text* as UTF-8; half a surrogate pair, which UTF-8 lacks, as its escape in JSON."""
    return text.encode("utf-8", "backslashreplace")


def as_json(value: Any) -> str:
    """Return *value* as one line of extended JSON."""
    return (_quickly(value) or encoded(_carefully(value))).decode("utf-8")


def _carefully(value: Any) -> str:
    return str(json_util.dumps(value, json_options=OPTIONS, default=_notice, ensure_ascii=False))


def _quickly(value: Any) -> bytes | None:
    """Return *value* as JSON; None if it may contain a number that JSON lacks, or broken text."""
    try:
        written = orjson.dumps(value, default=_extended, option=QUICK_OPTIONS)
    except TypeError:
        return None
    return None if b"null" in written else written


def _extended(value: Any) -> Any:
    """Return a type unknown to orjson in extended JSON."""
    if type(value) is ObjectId:  # nearly all are ids and times
        return {"$oid": str(value)}
    if type(value) is datetime and (at := instant(value)).year >= EPOCH:
        return {"$date": _moment(at) if at.microsecond >= MILLISECOND else f"{_seconds(at)}Z"}
    if isinstance(value, Redacted):
        return str(value)
    return _notice(value) if isinstance(value, WithheldNotice) else json_util.default(value, OPTIONS)


def json_file(documents: Iterable[Document]) -> Iterator[bytes]:
    """Yield a JSON array of *documents*, one a line."""
    before = b"[\n"
    for document in documents:
        yield before + (_quickly(document) or encoded(_carefully(document)))
        before = b",\n"
    yield b"\n]\n" if before == b",\n" else b"[]\n"


def json_text(value: object) -> bytes:
    """Return our own *value* as an indented JSON file, the same bytes each time."""
    return orjson.dumps(value, option=FILE_OPTIONS)


def text_of(value: Any) -> str:
    """Return a single value as text: numbers, ids, times (ISO 8601, UTC), bytes (base64); else as JSON."""
    written = _AS_TEXT.get(type(value))
    if written is not None:
        return written(value)
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str() | int() | float() | Decimal128() | ObjectId():
            return str(value)
        case datetime():
            return _moment(value)
        case Binary() if value.subtype == UUID_SUBTYPE and len(value) == 16:  # noqa: PLR2004 - RFC 9562
            return str(value.as_uuid())
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case _:
            return as_json(value)


def instant(value: datetime) -> datetime:
    """Return *value* in UTC; MongoDB means UTC when no zone is given."""
    if value.tzinfo is utc:  # like all times read; converting takes as long as writing
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _moment(value: datetime) -> str:
    at = instant(value)
    return f"{_seconds(at)}.{at.microsecond // MILLISECOND:03}Z"


def _seconds(at: datetime) -> str:
    return orjson.dumps(at)[TO_SECONDS].decode("ascii")  # four times as fast as datetime itself


_AS_TEXT: Mapping[type, Callable[[Any], str]] = MappingProxyType(
    {str: str, int: str, float: str, Decimal128: str, ObjectId: str, datetime: _moment}
)
"""The types of nearly all values of a million records."""


def is_nested(value: Any) -> bool:
    """Return whether *value* is an array or object."""
    return isinstance(value, NESTED)


def _notice(value: Any) -> Any:
    if isinstance(value, WithheldNotice):
        stated = {"withheld": value.label, "reason": value.reason}
        return stated | {k: v for k in ("provision", "shown") if (v := getattr(value, k))}
    raise TypeError(f"no JSON for {type(value).__name__}")


def notices_in(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the places of the notices in *value*: names of fields, and indices of arrays."""
    if isinstance(value, WithheldNotice):
        yield at
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from notices_in(inner, (*at, name))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from notices_in(inner, (*at, number))


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
            if (names := tuple(document)) in self._flat:
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
        """Return the columns, as deep as their number allows, those in the *order* of the data map first."""
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
        return f"[{value.label.translate(BROKEN)}: {value.shown or value.reason}]"
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
