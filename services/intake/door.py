"""
What people and systems can do by HTTP, without HTTP.

A request is sealed first and announced second; what is decided about it is decided by the handlers, which
read the announcement. The two writes that belong to this door alone, codes and downloads of the package, go
into the journal like everything else.
"""

import hmac
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import reduce
from hashlib import sha256
from typing import Protocol
from uuid import uuid4

from services.intake.appeals import DECIDED
from services.intake.context import Vault as SealingVault
from services.intake.domain import (
    Case,
    PackageCodeKept,
    PackageCodeRefused,
    Status,
    evolve,
    request_id,
)
from services.intake.handlers import SET_ASIDE
from services.intake.obstacles import Obstacle
from services.intake.ranges import Span, Wanted, span
from services.intake.sealing import seal_proofs, seal_request, whole
from services.intake.shaping import next_hour, takes_effect_at_once
from shared.answer import INQUIRY, SUBMISSION, Inquiry, PackageFacts, facts_of
from shared.bus import Publisher
from shared.codes import LIFETIME, IssuedCode, Verdict, digest_of, draw_code, judge, uses_a_try
from shared.errors import Destroyed, PermanentError, UnknownRequest
from shared.events import (
    AgreementLodged,
    AppealLodged,
    Code,
    Evidence,
    Fact,
    Flaw,
    ForwardingFetched,
    InquiryLodged,
    MessageLodged,
    PackageCodeIssued,
    PackageFetched,
    PolicyId,
    Proof,
    ProofReceived,
    Remedy,
    RequestLodged,
    RequestReceived,
    RequestRejected,
    RequestSubmitted,
    WithdrawalLodged,
)
from shared.journal import Row, Told, story_of, told_by
from shared.service import Rows, announcements

NAME = "intake"
ACTS_PER_HOUR = 60
HOUR_S = 3600.0
WHOLE = Wanted()
MOST_PACKAGE_CODES = 20
"""Codes a case may be sent for its package: new codes are new tries."""


class NotNow(PermanentError):
    """The request is in a state in which this cannot be done."""

    def __init__(self, message: str, obstacle: Obstacle | None = None) -> None:
        super().__init__(message)
        self.obstacle = obstacle


class TooOften(PermanentError):
    """The same thing was tried too often."""


class TooMany(PermanentError):
    """A system sends more requests than it may in this hour."""

    def __init__(self, wait_s: int) -> None:
        super().__init__("this system has sent as many requests as it may in this hour; send it again later")
        self.wait_s = wait_s


class CodeRefused(PermanentError):
    """The code does not open the package."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(f"the code does not open the package: {verdict}")
        self.verdict = verdict


class Vault(SealingVault, Protocol):
    """Where personal data is sealed, and packages are taken from."""

    def open_stream(self, case: str, item: str, *, start: int = 0) -> AsyncIterator[bytes]:
        """Yield the pieces of something large, from byte *start* on."""


class Room(Protocol):
    """Where requests wait their turn."""

    async def is_full(self, source: str, now: datetime) -> bool:
        """Tell whether a request of *source* would have to wait."""

    async def hurry(self, case: str) -> bool:
        """Let *case* begin next, whatever the limit says; return whether it waits."""


@dataclass(slots=True)
class Allowance:
    """How often one somebody may do something; counted per process and forgotten after an hour."""

    per_hour: int
    _used: dict[str, tuple[float, int]] = field(default_factory=dict)

    def take(self, who: str) -> bool:
        """Use one up; return whether there was one."""
        now = time.monotonic()
        self._used = {name: use for name, use in self._used.items() if now - use[0] < HOUR_S}
        since, used = self._used.get(who, (now, 0))
        self._used[who] = since, used + 1
        return used < self.per_hour


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys that this door hashes with."""

    requests: bytes
    codes: bytes


@dataclass(frozen=True, slots=True)
class Download:
    """A package, or a part of it, on its way."""

    facts: PackageFacts
    span: Span
    """Which bytes these are."""
    pieces: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Door:
    """The way in by HTTP."""

    vault: Vault
    journal: Rows
    publisher: Publisher
    keys: Keys
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    acts: Allowance = field(default_factory=lambda: Allowance(ACTS_PER_HOUR))
    """What may be done about one request: each act writes, and some send a letter."""
    room: Room | None = None
    """Where requests wait their turn; where there is none, each begins at once."""

    async def lodge(
        self,
        request: RequestSubmitted,
        source: str,
        *,
        attested: tuple[Evidence, ...] = (),
        instructed: bool = False,
        at: datetime | None = None,
    ) -> str:
        """
        Take *request* in and return its id: the same (source, reference) is the same request again.

        Args:
            request: What is asked for, and by whom.
            source: Who passes it on.
            attested: What an agent answers for whose signature was checked.
            instructed: Whether a controller asks whose credential was checked.
            at: When it came, where that was before now.
        """
        case = self.id_of(source, request.reference)
        cause = f"lodged {case}"
        try:
            proofs = await seal_proofs(request.proofs, self.vault, case, cause)
            await seal_request(request, self.vault, case)
        except Destroyed:
            return case  # an old case, answered and erased since
        lodged = RequestLodged(
            request_id=case,
            source=source,
            occurred_at=at or self.clock(),
            proofs=proofs,
            attested=attested,
            instructed=instructed,
        )
        await self._announce(lodged, cause=cause)
        return case

    async def must_have_room(self, request: RequestSubmitted, source: str) -> None:
        """
        Refuse a request that *source* can send again later, where it would have to wait here.

        What takes effect at once is never refused.

        Raises:
            TooMany: It would.
        """
        now = self.clock()
        if self.room is None or takes_effect_at_once(request):
            return
        if await self.room.is_full(source, now):
            raise TooMany(max(1, round((next_hour(now) - now).total_seconds())))

    async def keep(self, case_id: str, item: str, content: bytes) -> bool:
        """
        Seal *content* as it came in, as evidence of who asked for what; return whether it is the first.

        To be done before the request is lodged: what is announced can be shown.

        Raises:
            UnknownRequest: The case was destroyed.
        """
        try:
            await self.vault.create(case_id)
            return await self.vault.seal(case_id, item, content)
        except Destroyed:
            raise UnknownRequest("no request has this id") from None

    async def keep_whole(self, case_id: str, item: str, content: bytes) -> None:
        """
        Seal *content* that may be large, as it came in; to be done before anything is announced of it.

        Raises:
            UnknownRequest: The case was destroyed.
        """
        try:
            await self.vault.create(case_id)
            await self.vault.seal_stream(case_id, item, whole(content))
        except Destroyed:
            raise UnknownRequest("no request has this id") from None

    async def inquire(self, case_id: str, inquiry: Inquiry, laws: Sequence[PolicyId], day: date) -> None:
        """
        Have somebody asked what they mean whose mail is sealed.

        Args:
            case_id: The request that it will be.
            inquiry: Who wrote, and what is known.
            laws: Those that protect them, as far as is known.
            day: When the mail was received.

        Raises:
            UnknownRequest: The case was destroyed.
        """
        await self.keep(case_id, INQUIRY, inquiry.model_dump_json().encode())
        fact = InquiryLodged(request_id=case_id, inquiry=INQUIRY, received_on=day, laws=tuple(laws))
        await self._announce(fact, cause=f"inquiry {case_id}")

    async def note_message(self, case_id: str, item: str, reason: Code, *, own: bool) -> None:
        """Say that a mail about a request lies sealed as *item*, for the staff to read, and why."""
        fact = MessageLodged(request_id=case_id, message=item, reason=reason, own=own)
        await self._announce(fact, cause=f"message {case_id} {item}")

    async def kept(self, case_id: str, item: str) -> bytes:
        """
        Return what :meth:`keep` has sealed.

        Raises:
            UnknownRequest: Nothing of that name is kept for a request of this id.
        """
        try:
            return await self.vault.open(case_id, item)
        except (KeyError, Destroyed):
            raise UnknownRequest("no request has this id") from None

    async def forget(self, case_id: str, item: str) -> None:
        """Remove what :meth:`keep` has sealed and nothing was announced of."""
        await self.vault.discard(case_id, [item])

    async def set_aside(
        self, source: str, reference: str, content: bytes, flaws: tuple[Flaw, ...], *, id_: str | None
    ) -> str:
        """
        Seal what no request can be made of, and put on record that a person must look at it; return its id.

        `habeas dead-letters` lists it.

        Args:
            source: Who has sent it.
            reference: The same (source, reference) is the same again.
            content: What came, as it came.
            flaws: What is wrong with it.
            id_: What its sender calls it; it holds no personal data.
        """
        case_id = self.id_of(source, reference)
        try:
            await self.vault.create(case_id)
            await self.vault.seal_stream(case_id, SET_ASIDE, whole(content))
        except Destroyed:
            return case_id  # looked at and erased since
        rejected = RequestRejected(
            request_id=case_id, publisher_source=source, publisher_id=id_, errors=flaws
        )
        # A row that is there already says the same.
        await self._append(case_id, 0, rejected)
        return case_id

    def id_of(self, source: str, reference: str) -> str:
        """Return the id of the request that *source* calls *reference*."""
        return request_id(source, reference, key=self.keys.requests)

    async def case(self, case_id: str) -> Case:
        """
        Return what is known of a request; nothing but its being there when it was only just lodged.

        Raises:
            UnknownRequest: No request has this id.
        """
        case, _ = await self._look_up(case_id)
        if case.status is Status.UNKNOWN:
            await self._must_be_lodged(case_id)
        return case

    async def history(self, case_id: str) -> tuple[Case, list[Told]]:
        """
        Return what is known of a request, and all that was told of it, oldest first.

        Raises:
            UnknownRequest: No request has this id.
        """
        rows = (await self.journal.histories({case_id})).get(case_id, [])
        case = reduce(evolve, story_of(rows), Case())
        if case.status is Status.UNKNOWN:
            await self._must_be_lodged(case_id)
        return case, list(told_by(rows))

    async def size_of_package(self, case_id: str, case: Case) -> int | None:
        """Return how many bytes the package of *case* has; None where there is none, or none any longer."""
        try:
            return (await self._facts(case_id, self._must_have_package(case))).size
        except (NotNow, UnknownRequest):
            return None

    async def prove(self, case_id: str, proofs: Sequence[Proof], *, cause: str = "") -> None:
        """
        Take proofs of identity in.

        Args:
            case_id: The request that they are about.
            proofs: What is offered.
            cause: What brought them: the same cause again is the same offer again.

        Raises:
            UnknownRequest: No request has this id.
            NotNow: Its identity is decided already.
            TooOften: Too many were offered within the hour.
        """
        case = await self._act(case_id)
        if not (case.awaits_proof or case.status is Status.UNKNOWN):
            raise NotNow(f"no proof is awaited: the request is {case.status}", Obstacle.PROOF_DECIDED)
        cause = cause or uuid4().hex
        refs = await seal_proofs(proofs, self.vault, case_id, cause)
        await self._announce(ProofReceived(request_id=case_id, proofs=refs), cause=cause)

    async def withdraw(self, case_id: str) -> None:
        """
        Take a request back.

        Raises:
            UnknownRequest: No request has this id.
            NotNow: It is answered already.
            TooOften: Too much was done about the request within the hour.
        """
        case = await self._act(case_id)
        if not (case.withdrawable or case.status is Status.UNKNOWN):
            raise NotNow(
                f"it is too late to withdraw: the request is {case.status}", Obstacle.TOO_LATE_TO_WITHDRAW
            )
        await self._announce(WithdrawalLodged(request_id=case_id), cause=f"withdrawn {case_id}")

    async def decide(self, fact: Fact) -> None:
        """Tell all services what somebody of the staff has decided, as the command does."""
        await self._announce(fact, cause=f"decided {uuid4().hex}")

    async def agree(self, case_id: str) -> None:
        """
        Agree to the fee that the person was told of.

        Raises:
            UnknownRequest: No request has this id.
            NotNow: No fee is waiting for an answer.
            TooOften: Too much was done about the request within the hour.
        """
        case = await self._act(case_id)
        if not case.awaits_agreement:
            raise NotNow("there is no fee to agree to", Obstacle.NO_FEE)
        await self._announce(AgreementLodged(request_id=case_id), cause=f"agreed {case_id}")

    async def appeal(self, case_id: str, statement: str) -> None:
        """
        Take in that somebody disagrees with an answer, or with how their request is dealt with.

        Raises:
            UnknownRequest: No request has this id.
            NotNow: An appeal is open already.
            TooOften: Too much was done about the request within the hour.
        """
        case = await self._act(case_id)
        opened = case.open_appeal
        if opened is not None and (opened.remedy is Remedy.APPEAL or case.status not in DECIDED):
            raise NotNow("we are looking at it again already", Obstacle.APPEAL_OPEN)
        name = f"appeal_{uuid4().hex}"
        await self.vault.seal(case_id, name, statement.encode())
        await self._announce(AppealLodged(request_id=case_id, statement=name), cause=name)

    async def fetch_forwarded(self, case_id: str, secret: str) -> tuple[RequestSubmitted, RequestReceived]:
        """
        Return a request to the customer whom it was forwarded to; that they have it goes on record.

        Raises:
            UnknownRequest: No request has this id.
            NotNow: The link is wrong or has expired.
            TooOften: Too much was done about the request within the hour.
        """
        case = await self._act(case_id)
        forwarded, received = case.forwarded, case.received
        digest = sha256(secret.encode()).hexdigest()
        if forwarded is None or received is None or not hmac.compare_digest(forwarded.digest, digest):
            raise NotNow("the link is wrong")
        if self.clock() >= forwarded.expires_at:
            raise NotNow("the link has expired")
        sealed = await self.vault.open(case_id, SUBMISSION)
        await self._note(case_id, ForwardingFetched(request_id=case_id))
        return RequestSubmitted.model_validate_json(sealed), received

    async def certificate(self, case_id: str) -> bytes:
        """
        Return the signed certificate of an erasure; it holds no personal data.

        Raises:
            UnknownRequest: No request has this id.
            NotNow: Nothing was erased for it.
        """
        case = await self.case(case_id)
        if case.fulfilled is None or case.fulfilled.certificate is None:
            raise NotNow("there is no certificate for this request", Obstacle.NO_CERTIFICATE)
        return await self.vault.open(case_id, case.fulfilled.certificate)

    async def issue_package_code(self, case_id: str) -> datetime:
        """
        Have a fresh code mailed to the data subject; return when it expires.

        Raises:
            UnknownRequest: No request has this id.
            NotNow: There is no package, or too many codes were issued.
            TooOften: Too much was done about the request within the hour.
        """
        await self._act(case_id)
        while True:
            case, n = await self._look_up(case_id)
            self._must_have_package(case)
            if case.instructed:
                raise NotNow("the controller that asked for this package hands it over")
            if case.package_codes >= MOST_PACKAGE_CODES:
                raise NotNow(
                    "too many codes were issued for this package; write to the contact address",
                    Obstacle.TOO_MANY_CODES,
                )
            ref = f"package_code_{case.package_codes}"
            expires_at = self.clock() + LIFETIME
            kept = PackageCodeKept(
                request_id=case_id, digest=await self._new_code(case_id, ref), expires_at=expires_at
            )
            issued = PackageCodeIssued(request_id=case_id, ref=ref, expires_at=expires_at)
            if await self._append(case_id, n, kept, issued):
                return expires_at

    async def open_package(self, case_id: str, code: str, wanted: Wanted = WHOLE) -> Download:
        """
        Return the package, or what is *wanted* of it, for a valid code; the code is spent.

        A code that has opened the package goes on with a download that was cut off, until the code expires:
        for whoever names the entity tag, which only the first answer told.

        Raises:
            UnknownRequest: No request has this id.
            NotNow: There is no package, or it is kept no longer.
            TooOften: Too much was done about the request within the hour.
            CodeRefused: The code is wrong, spent or expired.
            NotSatisfiable: The bytes wanted lie behind the end; the code is not spent.
            StoreUnavailable: The package cannot be read now; the code is not spent.
        """
        while True:
            case, n = await self._look_up(case_id)
            package = self._must_have_package(case)
            continued = await self._goes_on(case, case_id, code, wanted)
            if not continued and not await self._matches(case, case_id, code, n):
                continue
            download = await self._begun(case_id, package, wanted)
            if await self._append(case_id, n, PackageFetched(request_id=case_id, continued=continued)):
                if not continued:
                    await self.vault.discard(case_id, [f"package_code_{case.package_codes - 1}"])
                return download

    async def hand_over_package(self, case_id: str, source: str, wanted: Wanted = WHOLE) -> Download:
        """
        Return the package, or what is *wanted* of it, to the controller that asked for it as *source*.

        To be called for whoever has shown that controller's credential. Each download goes on record.

        Raises:
            UnknownRequest: No request has this id, or another asked for it.
            NotNow: There is no package, or it is kept no longer.
            TooOften: Too much was done about the request within the hour.
            NotSatisfiable: The bytes wanted lie behind the end.
            StoreUnavailable: The package cannot be read now.
        """
        case = await self.case(case_id)
        if not case.instructed or case.received is None or case.received.source != source:
            raise UnknownRequest("no request has this id")
        if not self.acts.take(case_id):
            raise TooOften("too much was done about this request; try again in an hour")
        download = await self._begun(case_id, self._must_have_package(case), wanted)
        continued = download.span.first > 0
        await self._note(case_id, PackageFetched(request_id=case_id, by=source, continued=continued))
        return download

    async def look_at_package(self, case_id: str, code: str) -> PackageFacts:
        """
        Return size and digest of the package for a valid code, which is not spent.

        Raises:
            UnknownRequest: No request has this id.
            NotNow: There is no package, or it is kept no longer.
            CodeRefused: The code is wrong, spent or expired.
        """
        while True:
            case, n = await self._look_up(case_id)
            package = self._must_have_package(case)
            if await self._matches(case, case_id, code, n):
                return await self._facts(case_id, package)

    async def _matches(self, case: Case, case_id: str, code: str, n: int) -> bool:
        """
        Tell whether *code* opens the package; not where somebody else did something meanwhile: look again.

        Raises:
            CodeRefused: It does not; a wrong code is on record then.
        """
        verdict = self._verdict(case.package_code, case_id, case.package_codes - 1, code)
        if verdict is Verdict.MATCHED:
            return True
        if uses_a_try(verdict) and not await self._append(case_id, n, PackageCodeRefused(request_id=case_id)):
            return False
        raise CodeRefused(verdict)

    async def _goes_on(self, case: Case, case_id: str, code: str, wanted: Wanted) -> bool:
        """Tell whether *code* has opened the package before, and the same bytes are to go on."""
        if not wanted.if_range or case.opened_by is None or case.fulfilled is None:
            return False
        if not self.acts.take(case_id):
            raise TooOften("too much was done about this request; try again in an hour")
        verdict = self._verdict(case.opened_by, case_id, case.opened_ref, code)
        facts = await self._facts(case_id, case.fulfilled.package or "")
        return verdict is Verdict.MATCHED and hmac.compare_digest(wanted.if_range, etag_of(facts))

    async def _begun(self, case_id: str, package: str, wanted: Wanted) -> Download:
        """Return what is *wanted*, once its first piece is at hand: what fails, fails before the answer."""
        facts = await self._facts(case_id, package)
        part = span(wanted, size=facts.size, etag=etag_of(facts))
        pieces = self.vault.open_stream(case_id, package, start=part.first)
        try:
            first = await anext(pieces)
        except (KeyError, Destroyed):
            raise NotNow("the package is kept no longer", Obstacle.PACKAGE_GONE) from None
        return Download(facts, part, _cut(_joined(first, pieces), part.length))

    async def _facts(self, case_id: str, package: str) -> PackageFacts:
        try:
            content = await self.vault.open(case_id, facts_of(package))
        except (KeyError, Destroyed):
            raise NotNow("the package is kept no longer", Obstacle.PACKAGE_GONE) from None
        return PackageFacts.model_validate_json(content)

    def _verdict(self, issued: IssuedCode | None, case_id: str, number: int, code: str) -> Verdict:
        digest = digest_of(code, key=self.keys.codes, ref=f"{case_id}/package_code_{number}")
        return judge(issued, digest, now=self.clock())

    async def _new_code(self, case_id: str, ref: str) -> str:
        """Draw a code and return its digest; the code that is kept counts, should two be drawn at once."""
        await self.vault.seal(case_id, ref, draw_code().encode())
        code = (await self.vault.open(case_id, ref)).decode()
        return digest_of(code, key=self.keys.codes, ref=f"{case_id}/{ref}")

    async def _act(self, case_id: str) -> Case:
        case = await self.case(case_id)
        if not self.acts.take(case_id):
            raise TooOften("too much was done about this request; try again in an hour")
        if case.status is Status.UNKNOWN and self.room is not None:
            await self.room.hurry(case_id)
        return case

    async def _look_up(self, case_id: str) -> tuple[Case, int]:
        rows = (await self.journal.histories({case_id})).get(case_id, [])
        return reduce(evolve, story_of(rows), Case()), len(rows)

    async def _must_be_lodged(self, case_id: str) -> None:
        try:
            await self.vault.open(case_id, SUBMISSION)
        except (KeyError, Destroyed):
            raise UnknownRequest("no request has this id") from None

    def _must_have_package(self, case: Case) -> str:
        if case.status is Status.UNKNOWN:
            raise UnknownRequest("no request has this id")
        if case.fulfilled is None or case.fulfilled.package is None:
            raise NotNow("there is no package for this request", Obstacle.NO_PACKAGE)
        expires_at = case.fulfilled.package_expires_at
        if expires_at is not None and self.clock() >= expires_at:
            raise NotNow("the package has expired; make the request again", Obstacle.PACKAGE_GONE)
        return case.fulfilled.package

    async def _announce(self, fact: Fact, *, cause: str) -> None:
        row = Row("", 0, cause, None, (fact,), self.clock())
        await self.publisher.publish(list(announcements(row, NAME)))

    async def _note(self, case_id: str, fact: Fact) -> None:
        """Put *fact* on record, whatever else happens to the case meanwhile."""
        while True:
            _, n = await self._look_up(case_id)
            if await self._append(case_id, n, fact):
                return

    async def _append(self, case_id: str, n: int, *facts: Fact) -> bool:
        """Append a row and tell of it; return whether nobody else had appended meanwhile."""
        row = Row(case_id, n, uuid4().hex, None, facts, self.clock())
        if await self.journal.append([row]):
            return False
        await self.publisher.publish(list(announcements(row, NAME)))
        return True


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
