"""
HTTP client of California's DROP: fetch lists, report statuses, amend them.

A list may hold millions of hashes, so an archive is passed on in chunks, as it arrives.

Source: DROP Data Broker API 1.2.0.
"""

import json
import lzma
import re
import ssl
import struct
import zipfile
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import IO, Final

import httpx

from services.intake.channels.drop.terms import ARCHIVE, kind_of
from shared.contract.drop import ListKind
from shared.errors import PermanentError, TransientError
from shared.runtime.tls import cause_of, client_context

TIMEOUT: Final = httpx.Timeout(60, connect=10)
SOON: Final = timedelta(minutes=1)
LATER: Final = timedelta(hours=1)
MOST_WAIT: Final = timedelta(hours=6)
MOST_ARCHIVE_BYTES: Final = 4 << 30
MOST_LIST_BYTES: Final = 8 << 30
MOST_ANSWER_BYTES: Final = 1 << 20
PIECE: Final = 1 << 18
SPOILT: Final = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, KeyError, OSError, ValueError, OverflowError,
    struct.error, NotImplementedError, RuntimeError,
)  # fmt: skip
"""Exceptions for a ZIP archive that is damaged, encrypted or in an unknown format."""
_NAMED = re.compile(r'filename="?([^";]+)"?')


class DropRetryLater(TransientError):
    """The platform asks for a later call."""

    def __init__(self, message: str, after: timedelta, *, perhaps: bool = False) -> None:
        super().__init__(message)
        self.after = after
        self.perhaps = perhaps
        """Whether the sent data may have arrived all the same."""


class DropCallRejected(PermanentError):
    """The platform refuses the call; a person must check it."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class DropListDamaged(DropCallRejected):
    """A list of the archive cannot be unpacked, however often it is read."""


@dataclass(frozen=True, slots=True)
class ListArchive:
    """
    The lists as they arrived.

    Raises:
        DropCallRejected: It is damaged, or no archive.
    """

    content: IO[bytes] = field(repr=False)

    def lists(self) -> dict[ListKind, str]:
        """Return the names of the files by the kind of list; of two files of one kind, the first."""
        found: dict[ListKind, str] = {}
        for entry in self._entries():
            kind = kind_of(entry.filename)
            if kind is None or kind in found:
                continue
            if entry.file_size > MOST_LIST_BYTES:
                raise DropCallRejected(f"a list is larger than {MOST_LIST_BYTES} bytes", HTTPStatus.OK)
            found[kind] = entry.filename
        return found

    def others(self) -> tuple[str, ...]:
        """Return the names of all other files."""
        names = dict.fromkeys(entry.filename for entry in self._entries())
        return tuple(name for name in names if name not in self.lists().values())

    def _entries(self) -> list[zipfile.ZipInfo]:
        try:
            with zipfile.ZipFile(self.content) as opened:
                return [entry for entry in opened.infolist() if not entry.is_dir()]
        except SPOILT as error:
            message = f"the lists are not a ZIP archive: {type(error).__name__}"
            raise DropCallRejected(message, HTTPStatus.OK) from None

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield the content of the file called *name*. Raises DropListDamaged."""
        try:
            with zipfile.ZipFile(self.content) as opened, opened.open(name) as content:
                while piece := content.read(PIECE):
                    yield piece
        except SPOILT as error:
            message = f"a list cannot be unpacked: {type(error).__name__}"
            kind = DropCallRejected if isinstance(error, OSError) else DropListDamaged
            raise kind(message, HTTPStatus.OK) from None


@dataclass(frozen=True, slots=True)
class ArrivingArchive:
    """An archive that is being downloaded."""

    name: str
    pieces: AsyncIterator[bytes] = field(repr=False)
    """The archive; it raises DropRetryLater if it is cut off, DropCallRejected if unreadable."""


@dataclass(slots=True)
class StatusFile:
    """Statuses of a list, in an unnamed file."""

    name: str
    content: IO[bytes] = field(repr=False)
    reported: int = 0
    """Number of statuses."""


@dataclass(frozen=True, slots=True)
class UploadResult:
    """The platform's result for uploaded files."""

    accepted: tuple[str, ...]
    rejected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DropClient:
    """
    The DROP client.

    Raises:
        DropRetryLater: The lists are being prepared, or the platform does not answer.
        DropCallRejected: Something else is to be done first (409), or it refuses the key or all files.
    """

    url: str
    key: str = field(repr=False)
    trust: ssl.SSLContext | None = None
    transport: httpx.AsyncBaseTransport | None = None

    @asynccontextmanager
    async def download(self) -> AsyncIterator[ArrivingArchive | None]:
        """Start to download the new lists; None if there are none."""
        async with self._client() as client:
            with _read():
                answer = await client.send(client.build_request("GET", "/data/download"), stream=True)
            try:
                empty = answer.headers.get("content-type", "").startswith("application/json")
                if answer.status_code == HTTPStatus.OK and not empty:
                    yield ArrivingArchive(_name_of(answer), _pieces(answer))
                    return
                with _read():
                    await _small(answer)
            finally:
                await answer.aclose()
            if answer.status_code != HTTPStatus.OK:
                raise _problem(answer)
            yield None

    async def upload(self, files: Sequence[StatusFile]) -> UploadResult:
        """Report the statuses of the lists that were fetched last."""
        return await self._post("/data/upload", files)

    async def amend(self, files: Sequence[StatusFile]) -> UploadResult:
        """Amend statuses that were reported before."""
        return await self._post("/data/amend", files)

    async def _post(self, path: str, files: Sequence[StatusFile]) -> UploadResult:
        parts = [("files", (file.name, file.content, "text/csv")) for file in files]
        async with self._client() as client:
            try:
                async with client.stream("POST", path, files=parts) as answer:
                    body = await _small(answer)
            except httpx.RequestError as error:
                perhaps = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                message = f"DROP did not answer: {cause_of(error)}"
                raise DropRetryLater(message, SOON, perhaps=perhaps) from None
        if answer.status_code not in {HTTPStatus.ACCEPTED, HTTPStatus.BAD_REQUEST}:
            raise _problem(answer)
        return _taken(body, answer.status_code)

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.url.rstrip("/"),
            headers={"X-API-KEY": self.key, "Accept": "application/zip, application/json"},
            timeout=TIMEOUT,
            verify=self.trust or client_context(),
            transport=self.transport,
            follow_redirects=False,
            trust_env=False,
        )


def _name_of(answer: httpx.Response) -> str:
    found = _NAMED.search(answer.headers.get("content-disposition", ""))
    name = found[1] if found else ""
    if not ARCHIVE.fullmatch(name):
        raise DropCallRejected("the archive has no name", answer.status_code)
    return name


@contextmanager
def _read() -> Iterator[None]:
    """Translate errors that occur while the platform answers."""
    try:
        yield
    except httpx.TransportError as error:
        raise DropRetryLater(f"DROP did not answer: {cause_of(error)}", SOON) from None
    except httpx.RequestError as error:
        message = f"DROP's answer cannot be read: {type(error).__name__}"
        raise DropCallRejected(message, HTTPStatus.OK) from None


async def _pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    size = 0
    with _read():
        async for piece in answer.aiter_bytes():
            size += len(piece)
            if size > MOST_ARCHIVE_BYTES:
                message = f"the archive is larger than {MOST_ARCHIVE_BYTES} bytes"
                raise DropCallRejected(message, answer.status_code)
            yield piece


async def _small(answer: httpx.Response) -> bytes:
    body = bytearray()
    async for piece in answer.aiter_bytes():
        body += piece
        if len(body) > MOST_ANSWER_BYTES:
            break
    return bytes(body)


def _problem(answer: httpx.Response) -> DropRetryLater | DropCallRejected:
    """Return the status of *answer*; its text is not repeated, as it may hold anything."""
    status = answer.status_code
    match status:
        case HTTPStatus.ACCEPTED:
            return DropRetryLater("DROP is putting the lists together", _after(answer, SOON))
        case HTTPStatus.CONFLICT:
            return DropCallRejected("DROP says that something else is to be done first", status)
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return DropCallRejected("DROP does not take the key", status)
        case HTTPStatus.TOO_MANY_REQUESTS:
            return DropRetryLater("DROP was asked too often", _after(answer, SOON))
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return DropRetryLater(f"DROP is unavailable ({status})", _after(answer, SOON))
        case _:
            return DropCallRejected(f"DROP refuses the call ({status})", status)


def _after(answer: httpx.Response, usual: timedelta) -> timedelta:
    """Return the delay that the platform asks for; a date instead of seconds is not documented."""
    said = answer.headers.get("retry-after", "")
    if not said.isdigit():
        return usual
    return min(MOST_WAIT, max(timedelta(seconds=1), timedelta(seconds=int(said[:6]))))


def _taken(body: bytes, status: int) -> UploadResult:
    try:
        said = json.loads(body)
        accepted = tuple(str(one["fileName"]) for one in said.get("accepted") or ())
        rejected = tuple(str(one["fileName"]) for one in said.get("rejected") or ())
    except (ValueError, TypeError, KeyError, AttributeError):
        raise DropCallRejected("DROP's answer is unknown", status) from None
    if status == HTTPStatus.BAD_REQUEST and not accepted and not rejected:
        raise DropCallRejected("DROP refuses the files", status)
    return UploadResult(accepted, rejected)
