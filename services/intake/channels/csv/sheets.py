"""
Parser of sheets, as support desks export them as CSV: their rows, columns and cells. Pure.

One row is one request. Faults are named by line and column, never by value. An encoding other than UTF-8 must
be named: guessing it would corrupt names. Dates are ISO 8601 alone: 03/04/2026 has two meanings.

Raises:
    UnreadableSheet: The encoding is unknown or another, or the sheet has no readable heading.
"""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from itertools import chain
from typing import Any, BinaryIO

from pydantic import TypeAdapter, ValidationError

from shared.contract.events import NO_PERSON, Code, RequestSubmitted, Text
from shared.contract.field_errors import message_of
from shared.errors import PermanentError
from shared.law import Right

DELIMITERS = ",;\t"
MOST_COLUMNS = 200
MOST_CHARACTERS = csv.field_size_limit()
"""Characters of a cell: 131,072, the limit of the module csv."""
LISTED = "|"
"""The separator of several values in one cell."""
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
ISO_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?")
YES = frozenset({"yes", "true", "1"})
NO = frozenset({"no", "false", "0"})
RIGHTS: Mapping[str, Right] = {
    **{right.value: right for right in Right},
    "access_request": Right.ACCESS,
    "deletion": Right.ERASURE,
    "delete": Right.ERASURE,
    "erase": Right.ERASURE,
    "correction": Right.RECTIFICATION,
    "correct": Right.RECTIFICATION,
    "data_portability": Right.PORTABILITY,
    "do_not_sell": Right.OPT_OUT_OF_SALE,
    "do_not_sell_or_share": Right.OPT_OUT_OF_SALE,
    "opt_out": Right.OPT_OUT_OF_SALE,
    "limit": Right.LIMIT_SENSITIVE_USE,
    "object": Right.OBJECTION,
    "restrict": Right.RESTRICTION,
}
"""Accepted names of rights."""


class CellError(ValueError):
    """A cell has an unsupported form; the message names the supported one."""


@dataclass(frozen=True, slots=True)
class SheetFormat:
    """The format of a sheet."""

    zone: tzinfo
    """The zone of days and of times without an offset."""
    now: datetime
    ignored: frozenset[str] = frozenset()
    """Headings of columns to ignore."""


def _iso_date(cell: str, _reading: SheetFormat) -> str:
    if not ISO_DATE.fullmatch(cell):
        raise CellError("must be a date like 2026-03-02")
    return cell


def _moment(cell: str, reading: SheetFormat) -> datetime:
    """Return the moment of a cell; a date alone is its beginning, in the company's zone."""
    wrong = CellError("must be a date like 2026-03-02, or a time like 2026-03-02T09:30+01:00")
    if not (ISO_DATE.fullmatch(cell) or ISO_TIME.fullmatch(cell)):
        raise wrong
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        raise wrong from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=reading.zone)
    if moment > reading.now:
        raise CellError("is in the future")
    return moment


def _yes(cell: str, _reading: SheetFormat) -> bool:
    word = cell.casefold()
    if word not in YES | NO:
        raise CellError("must be yes or no")
    return word in YES


def _right(cell: str, _reading: SheetFormat) -> Right:
    right = RIGHTS.get(plain(cell))
    if right is None:
        raise CellError(f"must be one of {', '.join(Right)}")
    return right


def _parts(cells: Iterable[str]) -> list[str]:
    return [part.strip() for part in cells if part.strip()]


def _lines(cell: str, _reading: SheetFormat) -> list[str]:
    return _parts(cell.splitlines())


@dataclass(frozen=True, slots=True)
class Column:
    """A column, and the place of its cells in a request."""

    name: str
    path: tuple[str, ...]
    read: Callable[[str, SheetFormat], Any] = lambda cell, _: cell
    aliases: tuple[str, ...] = ()


COLUMNS = (
    Column("reference", ("reference",), aliases=("ref", "ticket", "ticket_id", "case_id", "id")),
    Column("right", ("right",), _right, ("request_type", "type", "request", "type_of_request")),
    Column("name", ("subject", "name"), aliases=("full_name", "requester", "customer_name")),
    Column("email", ("subject", "email"), aliases=("e_mail", "mail", "email_address", "requester_email")),
    Column("phone", ("subject", "phone"), aliases=("telephone", "phone_number", "mobile", "tel")),
    Column("date_of_birth", ("subject", "date_of_birth"), _iso_date, ("birthday", "birth_date", "dob")),
    Column("street", ("subject", "postal_address", "lines"), _lines, ("address", "postal_address")),
    Column("city", ("subject", "postal_address", "city"), aliases=("town",)),
    Column("region", ("subject", "postal_address", "region")),
    Column("postal_code", ("subject", "postal_address", "postal_code"), aliases=("postcode", "zip")),
    Column("country", ("residence", "country"), lambda cell, _: cell.upper(), ("country_code", "residence")),
    Column("subdivision", ("residence", "subdivision"), lambda cell, _: cell.upper(), ("state", "province")),
    Column("received_at", ("received_at",), _moment, ("received", "received_on", "created_at")),
    Column("statement", ("details", "statement"), aliases=("message", "comment", "description", "text")),
    Column("scope", ("details", "scope"), lambda cell, _: _parts(cell.split(LISTED))),
    Column("with_copy", ("details", "with_copy"), _yes),
    Column("full_values", ("details", "full_values"), _yes),
    Column("child", ("child",), _yes, ("minor",)),
    Column("role", ("role",), lambda cell, _: plain(cell)),
    Column("regulation", ("regulation",), lambda cell, _: plain(cell), ("law",)),
    Column("locale", ("locale",), aliases=("language", "lang")),
    Column("agent_name", ("agent", "name")),
    Column("agent_email", ("agent", "email")),
    Column("agent_permission", ("agent", "permission")),
)  # fmt: skip
REQUIRED = ("reference", "right")
CORRECTIONS = ("details", "corrections")
OWN = (("id:", ("subject", "identifiers"), Code), ("correct:", CORRECTIONS, Text))
"""Prefixes of headings with a name of the company's own: ``id:customer_no``, ``correct:city``."""
_KNOWN = {name: column for column in COLUMNS for name in (column.name, *column.aliases)}


def plain(text: str) -> str:
    """Return *text* in the form in which headings and words are compared: no case, no signs."""
    return re.sub(r"[\W_]+", "_", text.strip().casefold()).strip("_")


def column_of(heading: str) -> Column | None:
    """Return the column with that *heading*; None if there is none."""
    name = heading.strip()
    for start, into, kind in OWN:
        own = name[len(start) :].strip()
        if name.casefold().startswith(start) and _is(kind, own):
            return Column(f"{start}{own}", (*into, own))
    return _KNOWN.get(plain(name))


def _is(kind: Any, value: str) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


def put(data: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Put *value* in its place; corrections are a list, with the field as a value."""
    if path[:-1] == CORRECTIONS:
        corrections = data.setdefault("details", {}).setdefault("corrections", [])
        corrections.append({"field": path[-1], "value": value})
        return
    for step in path[:-1]:
        data = data.setdefault(step, {})
    data[path[-1]] = value


@dataclass(frozen=True, slots=True)
class SheetFault:
    """A fault in a sheet."""

    line: int
    column: str
    """Its heading, or its number if the heading is unknown; empty for the whole row."""
    message: str


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row: the request, or its faults."""

    line: int
    """The line where it begins; a cell may have several lines."""
    reference: str
    request: RequestSubmitted | None = None
    faults: tuple[SheetFault, ...] = ()


class UnreadableSheet(PermanentError):
    """The file cannot be read as a sheet; the fault names line, column and remedy."""

    def __init__(self, line: int, message: str, column: str = "") -> None:
        super().__init__(f"line {line}: {message}")
        self.fault = SheetFault(line, column, message)


def decoded(content: BinaryIO, encoding: str | None = None) -> Iterator[str]:
    """Yield the lines of *content*: UTF-8, UTF-16 with a mark, or the named *encoding*."""
    start = content.read(len(codecs.BOM_UTF8))
    content.seek(0)
    name = encoding or ("utf-16" if start[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE} else "utf-8-sig")
    try:
        # An invalid byte is kept apart until its line is known.
        with io.TextIOWrapper(content, name, errors="surrogateescape", newline="") as text:
            yield from text
    except LookupError:
        raise UnreadableSheet(1, "this encoding is not known; try utf-8 or windows-1252") from None
    except UnicodeError:
        raise UnreadableSheet(1, "it is not in the encoding it should be in; save it as UTF-8") from None


@dataclass(slots=True)
class _Table:
    """The rows below the heading."""

    reading: SheetFormat
    columns: Sequence[Column | None]
    headings: Sequence[str]
    seen: dict[str, int] = field(default_factory=dict)
    """References, with the lines that they are in."""

    def row(self, cells: Sequence[str], line: int) -> SheetRow:
        """Read one row."""
        if len(cells) > len(self.columns):
            counts = f"has {len(cells)} cells, the heading has {len(self.columns)}"
            return _faulty(line, f"{counts}: is a separator not quoted?")
        data: dict[str, Any] = {}
        faults: list[SheetFault] = []
        for number, cell in enumerate(cells):
            column = self.columns[number]
            if column is not None and cell.strip():
                try:
                    put(data, column.path, column.read(_sound(cell.strip()), self.reading))
                except CellError as error:
                    faults.append(SheetFault(line, self.headings[number], str(error)))
        return self._validated(data, faults, line)

    def _validated(self, data: dict[str, Any], faults: list[SheetFault], line: int) -> SheetRow:
        request, named = None, {fault.column for fault in faults}
        data.setdefault("subject", {})
        try:
            request = RequestSubmitted.model_validate(data)
            if request.subject.is_empty and not faults:
                faults.append(SheetFault(line, "", f"the row {NO_PERSON}"))
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            for one in found:
                fault = SheetFault(line, self._heading(one["loc"]), message_of(one))
                if fault.column not in named and fault not in faults:
                    faults.append(fault)
        reference = data.get("reference", "")
        first = self.seen.setdefault(reference, line) if reference else line
        if first != line:
            faults.append(SheetFault(line, "reference", f"stands in line {first}, too"))
        return SheetRow(line, reference, None if faults else request, tuple(faults))

    def _heading(self, loc: Sequence[str | int]) -> str:
        """Return the heading of pydantic's *loc*, or the name of a missing column."""
        for column, heading in zip(self.columns, self.headings, strict=True):
            if column is not None and tuple(loc[: len(column.path)]) == column.path:
                return heading
        missing = [column.name for column in COLUMNS if column.path == tuple(loc)]
        return missing[0] if missing else ""


def rows(lines: Iterable[str], reading: SheetFormat) -> Iterator[SheetRow]:
    """Yield the rows of a sheet in order, valid or not."""
    lines = iter(lines)
    first, skipped = _first(lines)
    cells = csv.reader(chain([first], lines), delimiter=max(DELIMITERS, key=first.count), strict=True)
    try:
        headings = next(cells)
    except csv.Error as error:
        raise UnreadableSheet(skipped + 1, _why(error)) from None
    table = _table(headings, reading, skipped + 1)
    while True:
        line = skipped + cells.line_num + 1
        try:
            row = next(cells)
        except StopIteration:
            return
        except csv.Error as error:
            yield _faulty(line, f"{_why(error)}; nothing below can be read")
            return
        if any(cell.strip() for cell in row):
            yield table.row(row, line)


def _faulty(line: int, message: str) -> SheetRow:
    return SheetRow(line, "", faults=(SheetFault(line, "", message),))


def _why(error: csv.Error) -> str:
    """Return why a row cannot be read; after an unclosed quote the rest is one cell."""
    if "field limit" in str(error):
        return f"a cell has more than {MOST_CHARACTERS:,} characters, or a quote is not closed"
    return "a quote is not closed, or text follows it"


def _first(lines: Iterator[str]) -> tuple[str, int]:
    """Return the heading line and the number of lines above it: ``sep=;`` is Excel's mark."""
    for skipped, line in enumerate(lines):
        if line.strip() and not re.fullmatch(r"sep=.\s*", line):
            return line, skipped
    raise UnreadableSheet(1, "it is empty")


def _table(cells: Sequence[str], reading: SheetFormat, line: int) -> _Table:
    if len(cells) > MOST_COLUMNS:
        raise UnreadableSheet(line, f"it has more than {MOST_COLUMNS} columns")
    ignored = {plain(name) for name in reading.ignored}
    columns = [
        None if not cell.strip() or plain(cell) in ignored else _column(cell, number, line)
        for number, cell in enumerate(cells, 1)
    ]
    headings = [column.name if column else "" for column in columns]
    for heading in filter(None, headings):
        if headings.count(heading) > 1:
            raise UnreadableSheet(line, "the column occurs twice", heading)
    for name in REQUIRED:
        if name not in headings:
            raise UnreadableSheet(line, "this column is missing", name)
    return _Table(reading, columns, headings)


def _column(cell: str, number: int, line: int) -> Column:
    column = column_of(cell)
    if column is None:
        # It is not repeated: without a heading, the first row is personal data.
        names = ", ".join(one.name for one in COLUMNS)
        message = f"this heading is not known; known are {names}, id:…, correct:…; or ignore it"
        raise UnreadableSheet(line, message, f"column {number}")
    return column


def _sound(cell: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in cell):
        raise CellError("is not in the sheet's encoding; save it as UTF-8, or name its encoding")
    return cell
