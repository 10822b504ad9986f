"""
Packages: their codes, and their download.

Codes and downloads are recorded in the journal.
"""

import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from services.intake.cases.errors import CaseError, CodeRefused, NotPossibleNow, TooManyAttempts
from services.intake.cases.service import STOPPED, RequestService
from services.intake.domain import CaseStatus, IntakeCase, PackageCodeKept, PackageCodeRefused
from services.intake.http.ranges import ByteRange, RangeRequest, span
from shared.contract.answer import PackageFacts, facts_of
from shared.contract.codes import LIFETIME, CodeVerdict, IssuedCode, digest_of, draw_code, judge, uses_a_try
from shared.contract.envelope import derived_id
from shared.contract.events import PackageCodeIssued, PackageFetched
from shared.errors import Destroyed, UnknownRequest

WHOLE = RangeRequest()
MOST_PACKAGE_CODES = 20
"""Codes issued for the package of a case: new codes allow new guesses."""


@dataclass(frozen=True, slots=True)
class Download:
    """A package, or a part of it, as a stream."""

    facts: PackageFacts
    span: ByteRange
    """The range of the bytes."""
    pieces: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Packages:
    """The packages of the cases of a service."""

    service: RequestService

    async def size(self, case_id: str, case: IntakeCase) -> int | None:
        """Return the size of the package of *case* in bytes; None without a package."""
        try:
            return (await self._facts(case_id, self._must_be_there(case))).size
        except (NotPossibleNow, UnknownRequest):
            return None

    async def issue_code(self, case_id: str) -> datetime:
        """
        Mail a new code to the data subject; return its expiry.

        Raises:
            UnknownRequest: No request has this id.
            NotPossibleNow: It has no package, or too many codes were issued.
            TooManyAttempts: Too many operations on the request within the hour.
        """
        await self.service.act(case_id)
        while True:
            case, n = await self.service.look_up(case_id)
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
            kept = PackageCodeKept(
                request_id=case_id, digest=await self._new_code(case_id, ref), expires_at=expires_at
            )
            issued = PackageCodeIssued(request_id=case_id, ref=ref, expires_at=expires_at)
            if await self.service.append(case_id, n, kept, issued):
                return expires_at

    async def open(self, case_id: str, code: str, wanted: RangeRequest = WHOLE) -> Download:
        """
        Return the package, or the *wanted* part, for a valid code; the code is spent.

        A code that has opened the package resumes an interrupted download, until it expires: the caller must
        name the entity tag, which only the first answer has.

        Raises:
            UnknownRequest: No request has this id.
            NotPossibleNow: It has no package, or no longer.
            TooManyAttempts: Too many operations on the request within the hour.
            CodeRefused: The code is wrong, spent or expired.
            NotSatisfiable: The bytes wanted lie behind the end; the code is not spent.
            StoreUnavailable: The package cannot be read now; the code is not spent.
        """
        while True:
            case, n = await self.service.look_up(case_id)
            package = self._must_be_there(case)
            continued = await self._goes_on(case, case_id, code, wanted)
            if not continued and not await self._matches(case, case_id, code, n):
                continue
            download = await self._begun(case_id, package, wanted)
            if await self.service.append(case_id, n, PackageFetched(request_id=case_id, continued=continued)):
                if not continued:
                    await self.service.vault.discard(case_id, [f"package_code_{case.package_codes - 1}"])
                return download

    async def hand_over(self, case_id: str, source: str, wanted: RangeRequest = WHOLE) -> Download:
        """
        Return the package, or the *wanted* part, to the controller that asked as *source*.

        The caller has checked that controller's credential. Each download is recorded.

        Raises:
            UnknownRequest: The request does not exist, or is another's.
            NotPossibleNow: It has no package, or no longer.
            TooManyAttempts: Too many operations on the request within the hour.
            NotSatisfiable: The bytes wanted lie behind the end.
            StoreUnavailable: The package cannot be read now.
        """
        case = await self.service.case(case_id)
        if not case.instructed or case.received is None or case.received.source != source:
            raise UnknownRequest("no request has this id")
        if not self.service.acts.take(case_id):
            raise TooManyAttempts("too many operations on this request; try again in an hour")
        download = await self._begun(case_id, self._must_be_there(case), wanted)
        continued = download.span.first > 0
        await self.service.record(case_id, PackageFetched(request_id=case_id, by=source, continued=continued))
        return download

    async def look(self, case_id: str, code: str) -> PackageFacts:
        """
        Return size and digest of the package for a valid code, which is not spent.

        Raises:
            UnknownRequest: No request has this id.
            NotPossibleNow: It has no package, or no longer.
            CodeRefused: The code is wrong, spent or expired.
        """
        while True:
            case, n = await self.service.look_up(case_id)
            package = self._must_be_there(case)
            if await self._matches(case, case_id, code, n):
                return await self._facts(case_id, package)

    async def _matches(self, case: IntakeCase, case_id: str, code: str, n: int) -> bool:
        """
        Return whether *code* opens the package; False if the case changed meanwhile: check again.

        Raises:
            CodeRefused: It does not; the wrong code is recorded.
        """
        verdict = self._verdict(case.package_code, case_id, case.package_codes - 1, code)
        if verdict is CodeVerdict.MATCHED:
            return True
        if uses_a_try(verdict) and not await self.service.append(
            case_id, n, PackageCodeRefused(request_id=case_id)
        ):
            return False
        if uses_a_try(verdict):
            await self.service.codes.failed(derived_id(f"package code {case_id}", n), self.service.clock())
        raise CodeRefused(verdict)

    async def _goes_on(self, case: IntakeCase, case_id: str, code: str, wanted: RangeRequest) -> bool:
        """Return whether *code* has opened the package before, and the same bytes are to be resumed."""
        if not wanted.if_range or case.opened_by is None or case.fulfilled is None:
            return False
        if not self.service.acts.take(case_id):
            raise TooManyAttempts("too many operations on this request; try again in an hour")
        verdict = self._verdict(case.opened_by, case_id, case.opened_ref, code)
        facts = await self._facts(case_id, case.fulfilled.package or "")
        return verdict is CodeVerdict.MATCHED and hmac.compare_digest(wanted.if_range, etag_of(facts))

    async def _begun(self, case_id: str, package: str, wanted: RangeRequest) -> Download:
        """Return the *wanted* bytes, once the first piece is read: errors occur before the answer."""
        facts = await self._facts(case_id, package)
        part = span(wanted, size=facts.size, etag=etag_of(facts))
        pieces = self.service.vault.open_stream(case_id, package, start=part.first)
        try:
            first = await anext(pieces)
        except (KeyError, Destroyed):
            raise NotPossibleNow("the package is no longer available", CaseError.PACKAGE_GONE) from None
        return Download(facts, part, _cut(_joined(first, pieces), part.length))

    async def _facts(self, case_id: str, package: str) -> PackageFacts:
        try:
            content = await self.service.vault.open(case_id, facts_of(package))
        except (KeyError, Destroyed):
            raise NotPossibleNow("the package is no longer available", CaseError.PACKAGE_GONE) from None
        return PackageFacts.model_validate_json(content)

    def _verdict(self, issued: IssuedCode | None, case_id: str, number: int, code: str) -> CodeVerdict:
        digest = digest_of(code, key=self.service.keys.codes, ref=f"{case_id}/package_code_{number}")
        return judge(issued, digest, now=self.service.clock())

    async def _new_code(self, case_id: str, ref: str) -> str:
        """Draw a code and return its digest; if two are drawn at once, the stored one counts."""
        await self.service.vault.seal(case_id, ref, draw_code().encode())
        code = (await self.service.vault.open(case_id, ref)).decode()
        return digest_of(code, key=self.service.keys.codes, ref=f"{case_id}/{ref}")

    def _must_be_there(self, case: IntakeCase) -> str:
        if case.status is CaseStatus.UNKNOWN:
            raise UnknownRequest("no request has this id")
        if case.stopped is not None:
            raise NotPossibleNow(STOPPED, CaseError.STOPPED)
        if case.fulfilled is None or case.fulfilled.package is None:
            raise NotPossibleNow("there is no package for this request", CaseError.NO_PACKAGE)
        expires_at = case.fulfilled.package_expires_at
        if expires_at is not None and self.service.clock() >= expires_at:
            raise NotPossibleNow("the package has expired; make the request again", CaseError.PACKAGE_GONE)
        return case.fulfilled.package


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


async def _joined(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in others:
        yield piece
