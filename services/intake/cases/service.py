"""
What people and systems can do by HTTP, without HTTP.

A request is sealed first and announced second; what is decided about it is decided by the handlers, which
read the announcement.
"""

import asyncio
import hmac
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import reduce
from hashlib import sha256
from typing import Protocol
from uuid import uuid4

from services.intake.cases.appeals import DECIDED
from services.intake.cases.code_limits import CodeLimit
from services.intake.cases.errors import (
    CaseError,
    NotPossibleNow,
    ReferenceReused,
    SourceLimitReached,
    TooManyAttempts,
)
from services.intake.cases.rate_limit import next_hour, takes_effect_at_once
from services.intake.cases.sealed_content import (
    says_the_same,
    seal_proofs,
    seal_request,
    sealed_request,
    whole,
)
from services.intake.domain import CaseStatus, IntakeCase, evolve, incident_id, request_id
from services.intake.handlers import SET_ASIDE
from shared.contract.answer import INQUIRY, SUBMISSION, Inquiry
from shared.contract.events import (
    AgreementLodged,
    AppealLodged,
    Code,
    Evidence,
    Fact,
    ForwardingFetched,
    InquiryLodged,
    MessageLodged,
    PolicyId,
    Proof,
    ProofReceived,
    Remedy,
    RequestLodged,
    RequestReceived,
    RequestRejected,
    RequestStopped,
    RequestSubmitted,
    SenderCheck,
    StopReason,
    SubmissionError,
    WithdrawalLodged,
)
from shared.contract.ports import VaultPort
from shared.contract.sources import Source, names_requests
from shared.errors import Destroyed, UnknownRequest
from shared.runtime.broker import EventPublisher
from shared.runtime.client_limits import Allowance
from shared.runtime.journal import DatedFact, JournalRow, events_of, facts_of
from shared.runtime.log import logger
from shared.runtime.outbox import Outbox, UnpublishedRows
from shared.runtime.service import JournalRowPort, messages_of, stored_precision

NAME = "intake"
ACTS_PER_HOUR = 60
OPENED_AT_ONCE = 100
STOPPED = "the request is stopped until the privacy staff has looked at it"
MOST_UPLOADS = 2
"""Uploads about one request at the same time: a form may be sent twice, by a double click."""


class JournalPort(JournalRowPort, UnpublishedRows, Protocol):
    """The journal, as the HTTP interface needs it."""


class WaitingRequestPort(Protocol):
    """Where requests wait their turn."""

    async def is_full(self, source: str, now: datetime) -> bool:
        """Tell whether a request of *source* would have to wait."""

    async def hurry(self, case: str) -> bool:
        """Let *case* begin next, whatever the limit says; return whether it waits."""


@dataclass(frozen=True, slots=True)
class ServiceKeys:
    """Keys that this door hashes with."""

    requests: bytes
    codes: bytes


@dataclass(frozen=True, slots=True)
class RequestService:
    """The way in by HTTP."""

    vault: VaultPort
    journal: JournalPort
    publisher: EventPublisher
    keys: ServiceKeys
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    acts: Allowance = field(default_factory=lambda: Allowance(ACTS_PER_HOUR))
    """What may be done about one request: each act writes, and some send a letter."""
    codes: CodeLimit = field(default_factory=CodeLimit)
    """How many one-time codes may be offered, over all requests."""
    room: WaitingRequestPort | None = None
    """Where requests wait their turn; where there is none, each begins at once."""
    _uploads: Counter[str] = field(default_factory=Counter)
    """Request → uploads of proofs that are not finished."""

    async def lodge(
        self,
        request: RequestSubmitted,
        source: Source,
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

        Raises:
            ReferenceReused: The source has named another request so.
        """
        case = self.id_of(source, request.reference)
        cause = f"lodged {case}"
        try:
            sealed = await seal_request(request, self.vault, case)
            if not sealed.same and names_requests(source):
                raise ReferenceReused
            if not sealed.fresh and await self._is_registered(case):
                return case
            proofs = await seal_proofs(request.proofs, self.vault, case, cause)
        except Destroyed:
            if names_requests(source):
                raise ReferenceReused from None
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

    async def reused(self, requests: Sequence[RequestSubmitted], source: Source) -> frozenset[str]:
        """Return the references in *requests* that *source* has given to other requests before."""
        cases = {self.id_of(source, request.reference): request for request in requests}
        histories = await self.journal.histories(set(cases))
        purged = {case for case, rows in histories.items() if any(row.is_last for row in rows)}
        together = asyncio.Semaphore(OPENED_AT_ONCE)

        async def is_other(case: str, request: RequestSubmitted) -> bool:
            async with together:
                return case in purged or await self._is_other(case, request)

        others = await asyncio.gather(*(is_other(*item) for item in cases.items()))
        return frozenset(
            request.reference for request, other in zip(cases.values(), others, strict=True) if other
        )

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
            raise SourceLimitReached(max(1, round((next_hour(now) - now).total_seconds())))

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

    async def holds(self, case_id: str, item: str) -> bool:
        """Tell whether :meth:`keep` has sealed anything of that name."""
        try:
            await self.kept(case_id, item)
        except UnknownRequest:
            return False
        return True

    async def forget(self, case_id: str, item: str) -> None:
        """Remove what :meth:`keep` has sealed and nothing was announced of."""
        await self.vault.discard(case_id, [item])

    async def set_aside(
        self,
        source: Source,
        reference: str,
        content: bytes,
        flaws: tuple[SubmissionError, ...],
        *,
        id_: str | None,
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
        await self.append(case_id, 0, rejected)
        return case_id

    def id_of(self, source: str, reference: str) -> str:
        """Return the id of the request that *source* calls *reference*."""
        return request_id(source, reference, key=self.keys.requests)

    def incident_of(self, source: str, reference: str) -> str:
        """Return the id of the incident that *source* calls *reference*."""
        return incident_id(source, reference, key=self.keys.requests)

    async def case(self, case_id: str) -> IntakeCase:
        """
        Return what is known of a request; nothing but its being there when it was only just lodged.

        Raises:
            UnknownRequest: No request has this id.
        """
        case, _ = await self.look_up(case_id)
        if case.status is CaseStatus.UNKNOWN:
            await self._must_be_lodged(case_id)
        return case

    async def must_be_of(self, case_id: str, source: Source) -> None:
        """
        Refuse the request of another than *source*, whose id alone follows from its reference.

        Raises:
            UnknownRequest: No request of *source* has this id.
        """
        request = RequestSubmitted.model_validate_json(await self.kept(case_id, SUBMISSION))
        if self.id_of(source, request.reference) != case_id:
            raise UnknownRequest("no request of this system has this id")

    async def history(self, case_id: str) -> tuple[IntakeCase, list[DatedFact]]:
        """
        Return what is known of a request, and all that was told of it, oldest first.

        Raises:
            UnknownRequest: No request has this id.
        """
        rows = (await self.journal.histories({case_id})).get(case_id, [])
        case = reduce(evolve, events_of(rows), IntakeCase())
        if case.status is CaseStatus.UNKNOWN:
            await self._must_be_lodged(case_id)
        return case, list(facts_of(rows))

    async def prove(
        self, case_id: str, proofs: Sequence[Proof], *, cause: str = "", sender: SenderCheck | None = None
    ) -> None:
        """
        Take proofs of identity in.

        Args:
            case_id: The request that they are about.
            proofs: What is offered.
            cause: What brought them: the same cause again is the same offer again.
            sender: What our mail server says of their sender, if they came by mail.

        Raises:
            UnknownRequest: No request has this id.
            NotNow: Its identity is decided already, or it is stopped.
            TooOften: Too many were offered within the hour.
        """
        case = await self.act(case_id)
        if case.stopped is not None:
            raise NotPossibleNow(STOPPED, CaseError.STOPPED)
        if not (case.awaits_proof or case.status is CaseStatus.UNKNOWN):
            raise NotPossibleNow(
                f"no proof is awaited: the request is {case.status}", CaseError.PROOF_DECIDED
            )
        cause = cause or uuid4().hex
        refs = await seal_proofs(proofs, self.vault, case_id, cause)
        refs = tuple(ref.model_copy(update={"sender": sender}) for ref in refs)
        await self._announce(ProofReceived(request_id=case_id, proofs=refs), cause=cause)

    async def withdraw(self, case_id: str) -> None:
        """
        Take a request back.

        Raises:
            UnknownRequest: No request has this id.
            NotNow: It is answered already.
            TooOften: Too much was done about the request within the hour.
        """
        case = await self.act(case_id)
        if not (case.withdrawable or case.status is CaseStatus.UNKNOWN):
            raise NotPossibleNow(
                f"it is too late to withdraw: the request is {case.status}", CaseError.TOO_LATE_TO_WITHDRAW
            )
        await self._announce(WithdrawalLodged(request_id=case_id), cause=f"withdrawn {case_id}")

    async def stop(self, case_id: str, reason: StopReason) -> IntakeCase:
        """
        Stop a request until the privacy staff decides; return what was known of it before.

        Stopping it again publishes the same fact once more, in case the broker was away the first time.

        Raises:
            UnknownRequest: No request has this id, or its record is gone.
        """
        while True:
            rows = (await self.journal.histories({case_id})).get(case_id, [])
            case = reduce(evolve, events_of(rows), IntakeCase())
            if case.status is CaseStatus.UNKNOWN:
                await self._must_be_held(case_id)
            if case.status is CaseStatus.PURGED:
                raise UnknownRequest("no request has this id")
            stops = case.stops if case.stopped is None else case.stops - 1
            cause = f"stopped {case_id} {stops}"
            row = next((row for row in rows if row.cause == cause), None)
            if row is None:
                fact = RequestStopped(request_id=case_id, reason=reason)
                row = JournalRow(case_id, len(rows), cause, None, (fact,), self.clock())
                if await self.journal.append([row]):
                    continue
                logger().warning("request stopped", request_id=case_id, reason=reason, service=NAME)
            await self.publisher.publish(list(messages_of(row, NAME)))
            return case

    async def decide(self, fact: Fact) -> None:
        """Publish a decision that a staff account signed."""
        await self._announce(fact, cause=f"decided {uuid4().hex}")

    async def agree(self, case_id: str) -> None:
        """
        Agree to the fee that the person was told of.

        Raises:
            UnknownRequest: No request has this id.
            NotNow: No fee is waiting for an answer.
            TooOften: Too much was done about the request within the hour.
        """
        case = await self.act(case_id)
        if not case.awaits_agreement:
            raise NotPossibleNow("there is no fee to agree to", CaseError.NO_FEE)
        await self._announce(AgreementLodged(request_id=case_id), cause=f"agreed {case_id}")

    async def appeal(self, case_id: str, statement: str) -> None:
        """
        Take in that somebody disagrees with an answer, or with how their request is dealt with.

        Raises:
            UnknownRequest: No request has this id.
            NotNow: An appeal is open already.
            TooOften: Too much was done about the request within the hour.
        """
        case = await self.act(case_id)
        opened = case.open_appeal
        if opened is not None and (opened.remedy is Remedy.APPEAL or case.status not in DECIDED):
            raise NotPossibleNow("we are looking at it again already", CaseError.APPEAL_OPEN)
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
        case = await self.act(case_id)
        forwarded, received = case.forwarded, case.received
        digest = sha256(secret.encode()).hexdigest()
        if forwarded is None or received is None or not hmac.compare_digest(forwarded.digest, digest):
            raise NotPossibleNow("the link is wrong")
        if self.clock() >= forwarded.expires_at:
            raise NotPossibleNow("the link has expired")
        sealed = await self.vault.open(case_id, SUBMISSION)
        await self.note(case_id, ForwardingFetched(request_id=case_id))
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
            raise NotPossibleNow("there is no certificate for this request", CaseError.NO_CERTIFICATE)
        return await self.vault.open(case_id, case.fulfilled.certificate)

    async def act(self, case_id: str) -> IntakeCase:
        """
        Use up one act about a request; return what is known of it.

        Raises:
            UnknownRequest: No request has this id.
            TooOften: Too much was done about the request within the hour.
        """
        case = await self.case(case_id)
        if not self.acts.take(case_id):
            raise TooManyAttempts("too much was done about this request; try again in an hour")
        if case.status is CaseStatus.UNKNOWN and self.room is not None:
            await self.room.hurry(case_id)
        return case

    @asynccontextmanager
    async def upload(self, case_id: str) -> AsyncIterator[None]:
        """
        Admit an upload of proofs before its body is read.

        Raises:
            UnknownRequest: No request has this id.
            TooOften: Too much was done about the request within the hour, or other uploads are unfinished.
        """
        await self.case(case_id)
        if not self.acts.left(case_id) or self._uploads[case_id] >= MOST_UPLOADS:
            raise TooManyAttempts("too much is being sent about this request; try again later")
        self._uploads[case_id] += 1
        try:
            yield
        finally:
            self._uploads[case_id] -= 1
            if not self._uploads[case_id]:
                del self._uploads[case_id]

    async def look_up(self, case_id: str) -> tuple[IntakeCase, int]:
        """Return what is known of a case, and how many rows it has."""
        rows = (await self.journal.histories({case_id})).get(case_id, [])
        return reduce(evolve, events_of(rows), IntakeCase()), len(rows)

    async def _is_other(self, case_id: str, request: RequestSubmitted) -> bool:
        """Return whether another request than *request* is sealed."""
        try:
            return not says_the_same(await sealed_request(self.vault, case_id), request)
        except (KeyError, Destroyed):
            return False

    async def _is_registered(self, case_id: str) -> bool:
        case, _ = await self.look_up(case_id)
        return case.status is not CaseStatus.UNKNOWN

    async def _must_be_lodged(self, case_id: str) -> None:
        try:
            await self.vault.open(case_id, SUBMISSION)
        except (KeyError, Destroyed):
            raise UnknownRequest("no request has this id") from None

    async def _must_be_held(self, case_id: str) -> None:
        """Raise UnknownRequest unless a request, or a mail that may become one, is sealed for *case_id*."""
        if not (await self.holds(case_id, SUBMISSION) or await self.holds(case_id, INQUIRY)):
            raise UnknownRequest("no request has this id")

    async def _announce(self, fact: Fact, *, cause: str) -> None:
        row = JournalRow("", 0, cause, None, (fact,), self.clock())
        await self.publisher.publish(list(messages_of(row, NAME)))

    async def note(self, case_id: str, fact: Fact) -> None:
        """Put *fact* on record, whatever else happens to the case meanwhile."""
        while True:
            _, n = await self.look_up(case_id)
            if await self.append(case_id, n, fact):
                return

    async def append(self, case_id: str, n: int, *facts: Fact) -> bool:
        """
        Append a row and publish it, at the latest once the broker is back.

        Returns:
            False if another row was appended meanwhile.
        """
        row = JournalRow(case_id, n, uuid4().hex, None, facts, stored_precision(self.clock()))
        return await Outbox(NAME, self.journal, self.publisher).append(row)
