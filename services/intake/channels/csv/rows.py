"""
Parser of sheets: requests exported as CSV by a support desk. Pure.

One row is one request. Faults are named by line and column, never by value. An encoding other than UTF-8 must
be named: guessing it would corrupt names.

Raises:
    UnreadableSheet: The encoding is unknown or another, or the sheet has no readable heading.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, BinaryIO

from pydantic import ValidationError

from services.intake.channels.csv.columns import (
    COLUMNS,
    REQUIRED,
    CellError,
    Column,
    SheetFormat,
    column_of,
    plain,
    put,
)
from shared.contract.envelope import errors_of
from shared.contract.events import RequestSubmitted
from shared.errors import PermanentError

DELIMITERS = ",;\t"
MOST_COLUMNS = 200
MOST_CHARACTERS = csv.field_size_limit()
"""Characters of a cell: 131,072, the limit of the module csv."""


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
        if not data.setdefault("subject", {}) and not faults:
            message = "it does not identify a person: an email, a name, a phone or an id:… is needed"
            faults.append(SheetFault(line, "", message))
        try:
            request = RequestSubmitted.model_validate(data)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            for flaw, one in zip(errors_of(found), found, strict=True):
                where = self._heading(one["loc"])
                if where not in named:
                    faults.append(SheetFault(line, where, flaw.message))
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
