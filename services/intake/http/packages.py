"""
Packages: their codes, and their download by HTTP, in whole or resumed (RFC 9110, section 14).

Codes and downloads are recorded in the journal.
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Header
from fastapi.responses import Response, StreamingResponse

from services.intake.cases.errors import CaseError, CodeRefused, NotPossibleNow, TooManyAttempts
from services.intake.cases.service import STOPPED, UNKNOWN, RequestService, RowPlace
from services.intake.domain import CaseStatus, IntakeCase, PackageCodeKept, PackageCodeRefused
from shared.contract.answer import PackageFacts, facts_of
from shared.contract.codes import LIFETIME, CodeVerdict, uses_a_try
from shared.contract.envelope import derived_id
from shared.contract.events import PackageCodeIssued, PackageFetched
from shared.errors import Destroyed, UnknownRequest

ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class NotSatisfiable(Exception):
    """The range begins behind the end."""

    def __init__(self, size: int) -> None:
        super().__init__("the range begins behind the end of the package")
        self.size = size


@dataclass(frozen=True, slots=True)
class RangeRequest:
    """The range headers of a request."""

    range: str = ""
    if_range: str = ""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes from *first* up to, and without, *end*."""

    first: int
    end: int

    @property
    def length(self) -> int:
        """The number of bytes."""
        return self.end - self.first


def span(wanted: RangeRequest, *, size: int, etag: str) -> ByteRange:
    """
    Return the bytes to send of *size* bytes with *etag*: all, unless a single range is requested.

    Invalid ranges, several ranges, and a range of another version (``If-Range``) are ignored.
    """
    match = ONE_RANGE.fullmatch(wanted.range.strip().lower())
    if match is None or match[0] == "bytes=-" or wanted.if_range not in {"", etag}:
        return ByteRange(0, size)
    if not match[1]:
        if not (length := int(match[2])):
            raise NotSatisfiable(size)
        return ByteRange(max(size - length, 0), size)
    first, end = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
    if first >= size:
        raise NotSatisfiable(size)
    return ByteRange(first, end) if first < end else ByteRange(0, size)


WHOLE = RangeRequest()
MOST_PACKAGE_CODES = 20
"""Codes issued for the package of a case: new codes allow new guesses."""


@dataclass(frozen=True, slots=True)
class Download:
    """A package, or a part of it, as a stream."""

    facts: PackageFacts
    span: ByteRange
    pieces: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Packages:
    """
    The packages of the cases of a service.

    The methods raise ``NotPossibleNow`` without a package (any more), ``CodeRefused`` for a wrong, spent or
    expired code, ``NotSatisfiable`` for bytes behind the end; else as :class:`RequestService`.
    """

    service: RequestService

    async def size(self, case_id: str, case: IntakeCase) -> int | None:
        """Return the size of the package of *case* in bytes; None without a package."""
        try:
            return (await self._facts(case_id, self._must_be_there(case))).size
        except (NotPossibleNow, UnknownRequest):
            return None

    async def issue_code(self, case_id: str) -> datetime:
        """Mail a new code to the data subject; return its expiry."""
        await self.service.count_operation(case_id)
        while True:
            case, place = await self.service.look_up(case_id)
            self._must_be_there(case)
            if case.instructed:
                raise NotPossibleNow("the package is for the controller that asked for it")
            if case.package_codes >= MOST_PACKAGE_CODES:
                raise NotPossibleNow(
                    "too many codes were issued for this package; write to the contact address",
                    CaseError.TOO_MANY_CODES,
                )
            ref = f"package_code_{case.package_codes}"
            expires_at = self.service.clock() + LIFETIME
            digest = await self.service.draw_code(case_id, ref)
            kept = PackageCodeKept(request_id=case_id, digest=digest, expires_at=expires_at)
            issued = PackageCodeIssued(request_id=case_id, ref=ref, expires_at=expires_at)
            if await self.service.append(case_id, place, kept, issued):
                return expires_at

    async def open(self, case_id: str, code: str, wanted: RangeRequest = WHOLE) -> Download:
        """
        Return the package, or the *wanted* part, for a valid code; the code is spent, unless that fails.

        A code that has opened the package resumes an interrupted download, until it expires: the caller must
        name the entity tag, which only the first answer has.
        """
        while True:
            case, place = await self.service.look_up(case_id)
            package = self._must_be_there(case)
            continued = await self._resumes(case, case_id, code, wanted)
            if not continued and not await self._matches(case, case_id, code, place):
                continue
            download = await self._start_download(case_id, package, wanted)
            if await self.service.append(
                case_id, place, PackageFetched(request_id=case_id, continued=continued)
            ):
                if not continued:
                    await self.service.vault.discard(case_id, [f"package_code_{case.package_codes - 1}"])
                return download

    async def hand_over(self, case_id: str, source: str, wanted: RangeRequest = WHOLE) -> Download:
        """
        Return the package, or the *wanted* part, to the controller that asked as *source*, and record that.

        The caller has checked that controller's credential.
        """
        case = await self.service.case(case_id)
        if not case.instructed or case.received is None or case.received.source != source:
            raise UnknownRequest(UNKNOWN)
        if not self.service.acts.take(case_id):
            raise TooManyAttempts("too many operations on this request; try again in an hour")
        download = await self._start_download(case_id, self._must_be_there(case), wanted)
        continued = download.span.first > 0
        await self.service.record(case_id, PackageFetched(request_id=case_id, by=source, continued=continued))
        return download

    async def look(self, case_id: str, code: str) -> PackageFacts:
        """Return size and digest of the package for a valid code, which is not spent."""
        while True:
            case, place = await self.service.look_up(case_id)
            package = self._must_be_there(case)
            if await self._matches(case, case_id, code, place):
                return await self._facts(case_id, package)

    async def _matches(self, case: IntakeCase, case_id: str, code: str, place: RowPlace) -> bool:
        """Return whether *code* opens the package, or record it; False if the case changed: check again."""
        ref = f"package_code_{case.package_codes - 1}"
        verdict = self.service.judge_code(case_id, ref, case.package_code, code)
        if verdict is CodeVerdict.MATCHED:
            return True
        if uses_a_try(verdict):
            if not await self.service.append(case_id, place, PackageCodeRefused(request_id=case_id)):
                return False
            await self.service.codes.failed(
                derived_id(f"package code {case_id}", place.n), self.service.clock()
            )
        raise CodeRefused(verdict)

    async def _resumes(self, case: IntakeCase, case_id: str, code: str, wanted: RangeRequest) -> bool:
        """Return whether *code* has opened the package before, and the same bytes are to be resumed."""
        if not wanted.if_range or case.opened_by is None or case.fulfilled is None:
            return False
        if not self.service.acts.take(case_id):
            raise TooManyAttempts("too many operations on this request; try again in an hour")
        ref = f"package_code_{case.opened_ref}"
        verdict = self.service.judge_code(case_id, ref, case.opened_by, code)
        facts = await self._facts(case_id, case.fulfilled.package or "")
        return verdict is CodeVerdict.MATCHED and wanted.if_range == etag_of(facts)

    async def _start_download(self, case_id: str, package: str, wanted: RangeRequest) -> Download:
        """Return the *wanted* bytes, once the first piece is read: errors occur before the answer."""
        facts = await self._facts(case_id, package)
        part = span(wanted, size=facts.size, etag=etag_of(facts))
        pieces = self.service.vault.open_stream(case_id, package, start=part.first)
        with _missing_package_is_gone():
            first = await anext(pieces)
        return Download(facts, part, _cut(joined(first, pieces), part.length))

    async def _facts(self, case_id: str, package: str) -> PackageFacts:
        with _missing_package_is_gone():
            content = await self.service.vault.open(case_id, facts_of(package))
        return PackageFacts.model_validate_json(content)

    def _must_be_there(self, case: IntakeCase) -> str:
        if case.status is CaseStatus.UNKNOWN:
            raise UnknownRequest(UNKNOWN)
        if case.stopped is not None:
            raise NotPossibleNow(STOPPED, CaseError.STOPPED)
        if case.fulfilled is None or case.fulfilled.package is None:
            raise NotPossibleNow("there is no package for this request", CaseError.NO_PACKAGE)
        expires_at = case.fulfilled.package_expires_at
        if expires_at is not None and self.service.clock() >= expires_at:
            raise NotPossibleNow("the package has expired; make the request again", CaseError.PACKAGE_GONE)
        return case.fulfilled.package


@contextmanager
def _missing_package_is_gone() -> Iterator[None]:
    try:
        yield
    except (KeyError, Destroyed):
        raise NotPossibleNow("the package is no longer available", CaseError.PACKAGE_GONE) from None


def etag_of(facts: PackageFacts) -> str:
    """Return the strong entity tag of a package (RFC 9110, section 8.8.3)."""
    return f'"{facts.sha256}"'


async def _cut(pieces: AsyncIterator[bytes], length: int) -> AsyncIterator[bytes]:
    """Yield the first *length* bytes of *pieces*."""
    async for piece in pieces:
        yield piece[:length]
        length -= len(piece)
        if length <= 0:
            return


async def joined(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield *first*, then the *others*."""
    yield first
    async for piece in others:
        yield piece


def wanted_bytes(
    range: Annotated[str, Header()] = "",  # noqa: A002 - the header's name
    if_range: Annotated[str, Header()] = "",
) -> RangeRequest:
    """Return the range that the headers of a request ask for."""
    return RangeRequest(range, if_range)


def package_headers(case_id: str, facts: PackageFacts, part: ByteRange) -> dict[str, str]:
    """Return the headers of the bytes *part* of a package (RFC 9110, sections 8.8.3 and 14)."""
    headers = {
        "Content-Disposition": f'attachment; filename="your-data-{case_id[:8]}.zip"',
        "Cache-Control": "no-store",
        "Accept-Ranges": "bytes",
        "ETag": etag_of(facts),
        "Content-Length": str(part.length),
    }
    if part.length < facts.size:
        headers["Content-Range"] = f"bytes {part.first}-{part.end - 1}/{facts.size}"
    return headers


def package_head(case_id: str, facts: PackageFacts) -> Response:
    """Return the answer to a HEAD request for a package."""
    headers = package_headers(case_id, facts, ByteRange(0, facts.size))
    return Response(headers=headers, media_type="application/zip")


def package_response(case_id: str, opened: Download) -> StreamingResponse:
    """Return the package, or the requested part, as a download."""
    headers = package_headers(case_id, opened.facts, opened.span)
    status = HTTPStatus.PARTIAL_CONTENT if "Content-Range" in headers else HTTPStatus.OK
    return StreamingResponse(opened.pieces, status, headers, media_type="application/zip")
