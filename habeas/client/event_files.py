"""
Files of submissions, validated and published: a JSON object, an array, a line each, or a sheet of requests.

A file is read twice: to validate and to publish it. Lines are not kept
in memory; an array and standard input are. Errors show no values.
"""

import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, NoReturn
from zoneinfo import ZoneInfo

import orjson

from services.intake.channels.csv.sheets import SheetFormat, SheetRow, UnreadableSheet, decoded, rows
from shared.client.publisher import Publisher
from shared.client.submissions import message_of
from shared.contract.envelope import STRUCTURED, Unreadable, decode, derived_id
from shared.contract.events import NO_PERSON, Event, RequestSubmitted
from shared.contract.events.breaches import BreachDeclared
from shared.contract.sources import COMMAND
from shared.contract.suggestions import suggestions_for
from shared.contract.topology import REQUESTS
from shared.errors import BrokerUnavailable, ConfigurationError, Unroutable
from shared.runtime.broker import Message

NO_JSON = "this is no JSON"
WHITE = " \t\r\n"
BLANK = b"\xef\xbb\xbf \t\r\n"
"""Characters around an event: white space, and the byte order mark of UTF-8."""


@dataclass(frozen=True, slots=True)
class FileFault:
    """An error in a file, with its place."""

    line: int
    path: str
    """Field or column; empty for the whole event."""
    message: str

    def __str__(self) -> str:
        return ": ".join(filter(None, (f"{self.line}", self.path, self.message)))


@dataclass(frozen=True, slots=True)
class FileEvent:
    """An event in a file, ready to be published unless it has faults."""

    line: int
    """The line of its start."""
    message: Message | None
    faults: tuple[FileFault, ...] = ()
    reference: str = ""
    """The reference of the request, from a sheet."""
    names: tuple[tuple[str, str], ...] = ()
    """Its unique keys, each with its field or column."""
    content: bytes = b""
    """Digest of the submission, independent of notation and time."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Options for reading a sheet."""

    source: str
    """The source of the requests."""
    zone: ZoneInfo
    """Time zone of the days in a sheet."""
    encoding: str | None = None
    """Encoding of a sheet without a byte order mark."""
    ignored: tuple[str, ...] = ()
    """Headings of ignored columns."""


class EventFile:
    """A file that can be read again."""

    def __init__(self, path: Path, *, sheet: Sheet | None = None) -> None:
        """Read *path*, or standard input for ``-``; as CSV if *sheet* is given."""
        self.name = str(path)
        self._sheet = sheet
        self._path = path
        self._content = sys.stdin.buffer.read() if self.name == "-" else None

    @property
    def is_sheet(self) -> bool:
        """Whether it is read as CSV."""
        return self._sheet is not None

    def _open(self) -> BinaryIO:
        return self._path.open("rb") if self._content is None else io.BytesIO(self._content)

    def found(self) -> Iterator[FileEvent]:
        """
        Yield the events of the file, each validated by itself.

        Raises ConfigurationError if it cannot be read.
        """
        try:
            with self._open() as stream:
                yield from _events(stream) if self._sheet is None else _rows(stream, self._sheet)
        except OSError as error:
            raise ConfigurationError(f"{self.name}: cannot be read ({error.strerror})") from None

    def report_of(self, found: FileEvent) -> list[dict[str, str]]:
        """Return the lines of a report on *found*: one for each error, or one for a valid event."""
        about = {"file": self.name, "line": str(found.line), "reference": found.reference}
        faults = [(fault.path, fault.message) for fault in found.faults] or [("", "")]
        return [about | {"column": column, "fault": message} for column, message in faults]


def found_in(sources: Iterable[EventFile]) -> Iterator[tuple[EventFile, FileEvent]]:
    """
    Yield the events of all *sources*, with errors for conflicts between them.

    Two events with the same source and id are one for Habeas, as are two requests with the same source and
    reference: the second would be lost. Equal ones are no conflict. Raises ConfigurationError if a file
    cannot be read.
    """
    seen: dict[str, tuple[str, bytes]] = {}
    for source in sources:
        for found in source.found():
            fault = _taken(found, seen)
            if fault is None:
                for _, name in found.names:
                    seen.setdefault(name, (f"{source.name}:{found.line}", found.content))
                yield source, found
            else:
                yield source, replace(found, message=None, faults=(fault,))


def _taken(found: FileEvent, seen: Mapping[str, tuple[str, bytes]]) -> FileFault | None:
    for path, name in found.names:
        place, content = seen.get(name, ("", found.content))
        if content != found.content:
            what = "event" if path == "id" else "request"
            return FileFault(found.line, path, f"that of another {what}, at {place}")
    return None


def _content(event: Event) -> bytes:
    return blake2b(f"{event.TYPE} {event.model_dump_json()}".encode(), digest_size=16).digest()


def _request(source: str, reference: str) -> str:
    """Return a key of the request, distinct from those of events."""
    return f"request {derived_id(f'{source} {reference}', 0)}"


def _faulty(line: int, path: str, message: str) -> FileEvent:
    return FileEvent(line, None, (FileFault(line, path, message),))


# --- CloudEvents ----------------------------------------------------------------------------------------


def _events(stream: BinaryIO) -> Iterator[FileEvent]:
    """Distinguish a file with an event a line from a single value by its first line."""
    lines = _lines(stream, 1)
    number, line = next(lines, (1, b""))
    if not line:
        yield _faulty(1, "", "the file holds no event")
    elif _is_object(line):
        yield from (_event(at, event) for at, event in chain([(number, line)], lines))
    elif _breaks_off(line, content := line + stream.read()):
        yield from (_event(at, event) for at, event in _lines(io.BytesIO(content), number))
    else:
        yield from _values(content, number)


def _lines(stream: BinaryIO, first: int) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(stream, first):
        if line.strip(BLANK):
            yield number, line


def _breaks_off(line: bytes, content: bytes) -> bool:
    """Return whether *line*, the start of *content*, is an event that should end there."""
    following = content[len(line) :].lstrip(BLANK).partition(b"\n")[0]
    return line.lstrip(BLANK).startswith(b"{") and _is_object(following) and not _is_object(content)


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(orjson.loads(text.strip(BLANK)), dict)
    except orjson.JSONDecodeError:
        return False


def _values(content: bytes, line: int) -> Iterator[FileEvent]:
    """Yield the one object, or each element of the one array, that *content* holds from *line* on."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        yield _faulty(line + content.count(b"\n", 0, error.start), "", "this is no UTF-8")
        return
    try:
        for at, value in _elements(text):
            yield _value(line + text.count("\n", 0, at), value)
    except json.JSONDecodeError as error:
        yield _faulty(line + error.lineno - 1, "", NO_JSON)
    except RecursionError:
        yield _faulty(line, "", "it is nested too deeply")


def _elements(text: str) -> Iterator[tuple[int, object]]:
    """Yield each element of an array with its place, or the single value."""
    decoder = json.JSONDecoder(parse_constant=_refuse)
    at = _skip(text, 0)
    if text[at] != "[":
        value, end = decoder.raw_decode(text, at)
        _must_end(text, end)
        yield at, value
        return
    at = _skip(text, at + 1)
    while text[at : at + 1] != "]":
        value, end = decoder.raw_decode(text, at)
        yield at, value
        end = _skip(text, end)
        if text[end : end + 1] == ",":
            at = _skip(text, end + 1)
        elif text[end : end + 1] == "]":
            at = end
        else:
            raise json.JSONDecodeError("no comma", text, end)
    _must_end(text, at + 1)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in WHITE:
        at += 1
    return at


def _must_end(text: str, at: int) -> None:
    at = _skip(text, at)
    if at < len(text):
        raise json.JSONDecodeError("more follows", text, at)


def _refuse(_constant: str) -> NoReturn:
    """Refuse NaN and infinity, which JSON lacks."""
    raise json.JSONDecodeError(NO_JSON, "", 0)


def _value(line: int, value: object) -> FileEvent:
    try:
        return _event(line, orjson.dumps(value))
    except (orjson.JSONEncodeError, RecursionError):  # half of a pair of surrogates, a number of 30 digits
        return _faulty(line, "", "it holds a value outside JSON for Habeas")


def _event(line: int, content: bytes) -> FileEvent:
    body = content.strip(BLANK)
    try:
        envelope = decode(body, exchange=REQUESTS, content_type=STRUCTURED, headers={})
    except Unreadable as error:
        return FileEvent(line, None, tuple(FileFault(line, flaw.path, flaw.message) for flaw in error.flaws))
    if isinstance(envelope.event, BreachDeclared):
        slips = suggestions_for(envelope.event, now=datetime.now(UTC))
        if slips:
            faults = (FileFault(line, f"data.{slip.path}", slip.message) for slip in slips)
            return FileEvent(line, None, tuple(faults))
    # Ids are unique together with their source only.
    id_ = derived_id(f"{envelope.source} {envelope.id}", 0)
    names = [("id", id_)]
    if isinstance(envelope.event, RequestSubmitted):
        if envelope.event.subject.is_empty:
            return _faulty(line, "data.subject", NO_PERSON)
        names.insert(0, ("data.reference", _request(envelope.source, envelope.event.reference)))
    message = Message(REQUESTS, envelope.event.TYPE, body, id_)
    return FileEvent(line, message, names=tuple(names), content=_content(envelope.event))


# --- sheets ---------------------------------------------------------------------------------------------


def _rows(stream: BinaryIO, sheet: Sheet) -> Iterator[FileEvent]:
    now = datetime.now(UTC)
    form = SheetFormat(sheet.zone, now, frozenset(sheet.ignored))
    try:
        yield from (_row(row, sheet.source, now) for row in rows(decoded(stream, sheet.encoding), form))
    except UnreadableSheet as error:
        yield _faulty(error.fault.line, error.fault.column, error.fault.message)


def _row(row: SheetRow, source: str, now: datetime) -> FileEvent:
    """Make an event of a row: its id follows from its content, so that a sheet can be sent again."""
    faults = tuple(FileFault(fault.line, fault.column, fault.message) for fault in row.faults)
    found = FileEvent(row.line, None, faults, row.reference)
    if row.request is None:
        return found
    content = _content(row.request)
    id_ = derived_id(f"{source} {row.request.reference} {content.hex()}", 0)
    message = message_of(row.request, source=source, id=id_, time=now)
    names = (("reference", _request(source, row.request.reference)),)
    return replace(found, message=message, names=names, content=content)


BATCH = 500
"""Events that are confirmed together."""


@dataclass(slots=True)
class CheckedFiles:
    """The result of reading files."""

    sound: int = 0
    faulty: int = 0
    report: list[dict[str, str]] = field(default_factory=list)
    """A line for each error, and on demand for each valid event."""


def check(
    sources: Sequence[EventFile], report: Callable[[EventFile, FileEvent], None], *, every: bool = False
) -> CheckedFiles:
    """
    Read all of *sources*, call *report* with each event with errors, and return the result.

    With *every*, its report includes valid events. Raises ConfigurationError if a file cannot be read.
    """
    checked = CheckedFiles()
    for source, found in found_in(sources):
        if found.faults:
            checked.faulty += 1
            report(source, found)
        else:
            checked.sound += 1
        if found.faults or every:
            checked.report += source.report_of(found)
    return checked


async def publish(amqp_url: str, sources: Sequence[EventFile], progress: Callable[[int], None]) -> int:
    """
    Publish the valid events of *sources* and return their number; *progress* is called with each batch.

    Raises:
        BrokerUnavailable: They were not all confirmed; the message has the number.
        ConfigurationError: A file cannot be read, or the broker is not one of Habeas.
        Unroutable: Habeas has no queue for an event.
    """
    published = 0
    async with Publisher(amqp_url, source=COMMAND) as publisher:
        left = messages(sources)
        while batch := list(islice(left, BATCH)):
            try:
                await publisher.publish(batch)
            except (BrokerUnavailable, Unroutable) as error:
                remedy = "publishing the same files again does no harm"
                raise type(error)(f"{error}; {published} events are confirmed; {remedy}") from None
            published += len(batch)
            progress(len(batch))
    return published


def messages(sources: Sequence[EventFile]) -> Iterator[Message]:
    """Yield the valid events of *sources* as messages."""
    yield from (found.message for _, found in found_in(sources) if found.message is not None)


def check_unchanged(expected: int, published: int) -> None:
    """Check that no file changed since the validation. Raises ConfigurationError if one did."""
    if expected != published:
        what = f"{published} events were published, {expected} were valid"
        raise ConfigurationError(f"{what}: a file changed meanwhile; check it")
