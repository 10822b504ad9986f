"""
The application service: operations of people and systems on requests, without HTTP.

A request is sealed first. Its operations are the functions that handle the events of upstream systems; the
rows that they lead to are appended and published by the outbox. Proofs leave no row: they are published.
"""

import asyncio
import hmac
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import reduce
from hashlib import sha256
from typing import Protocol, TypeAlias
from uuid import uuid4

from services.intake.cases.code_limits import CodeLimit
from services.intake.cases.errors import (
    CaseError,
    NotPossibleNow,
    ReferenceReused,
    SourceLimitReached,
    TooManyAttempts,
)
from services.intake.cases.lifecycle import accept_fee, appeal, receive_proofs, withdraw
from services.intake.cases.rate_limit import next_hour, takes_effect_at_once
from services.intake.cases.registration import begin
from services.intake.cases.sealed_content import (
    is_equal_request,
    seal_proofs,
    seal_request,
    sealed_request,
    single_piece,
)
from services.intake.context import IntakeContext, WaitingQueuePort
from services.intake.domain import CaseStatus, IntakeCase, RequestLodged, evolve, incident_id, request_id
from services.intake.handlers import SET_ASIDE
from shared.contract.answer import INQUIRY, SUBMISSION, Inquiry
from shared.contract.envelope import derived_id, encode
from shared.contract.events import (
    Code,
    Evidence,
    Fact,
    ForwardingFetched,
    InquiryLodged,
    MessageLodged,
    PolicyId,
    Proof,
    RequestReceived,
    RequestRejected,
    RequestStopped,
    RequestSubmitted,
    SenderCheck,
    StopReason,
    SubmissionError,
)
from shared.contract.ports import VaultPort
from shared.contract.sources import Source, names_requests
from shared.errors import Destroyed, TooEarly, UnknownRequest
from shared.runtime.broker import EventPublisher, Message
from shared.runtime.client_limits import Allowance
from shared.runtime.dataloader import DataLoader
from shared.runtime.journal import DatedFact, JournalRow, events_of, facts_of, newest, not_before_notes
from shared.runtime.log import logger
from shared.runtime.outbox import Outbox, UnpublishedRows
from shared.runtime.service import JournalRowPort, Moment, stored_precision

NAME = "intake"
ACTS_PER_HOUR = 60
OPENED_AT_ONCE = 100
OWN_SOURCE = "habeas/intake"
"""Source of operations by HTTP and channels, as of our events."""
STOPPED = "the request is stopped until the privacy staff has checked it"
MOST_UPLOADS = 2
"""Concurrent uploads about one request: a double click may send a form twice."""


class JournalPort(JournalRowPort, UnpublishedRows, Protocol):
    """The journal, as this service needs it."""


Decide: TypeAlias = Callable[[IntakeContext], Awaitable[Sequence[Fact]]]
"""An operation: returns its facts, or none if it has no effect."""


@dataclass(frozen=True, slots=True)
class ServiceKeys:
    """Keys for hashing references."""

    requests: bytes
    codes: bytes


@dataclass(frozen=True, slots=True)
class RequestService:
    """The application service for requests."""

    vault: VaultPort
    journal: JournalPort
    publisher: EventPublisher
    keys: ServiceKeys
    context: Callable[[Moment[IntakeCase]], IntakeContext]
    """Returns the context of an operation."""
    queue: WaitingQueuePort
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    acts: Allowance = field(default_factory=lambda: Allowance(ACTS_PER_HOUR))
    """Limit of operations on one request: each writes, and some send a letter."""
    codes: CodeLimit = field(default_factory=CodeLimit)
    """Limit of one-time codes over all requests."""
    outbox: Outbox = field(init=False)
    _history: DataLoader[str, list[JournalRow]] = field(init=False)
    _uploads: Counter[str] = field(default_factory=Counter)
    """Request → unfinished uploads of proofs."""

    def __post_init__(self) -> None:
        """Create the outbox, and the loader of histories."""
        object.__setattr__(self, "outbox", Outbox(NAME, self.journal, self.publisher))
        object.__setattr__(self, "_history", DataLoader(self._histories))

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
        Lodge *request* and return its id: the same (source, reference) is the same request.

        Args:
            request: The request.
            source: The source that passes it on.
            attested: Evidence from an agent with a checked signature.
            instructed: Whether it comes from a controller with a checked credential.
            at: Time of receipt, if it was before now.

        Raises:
            ReferenceReused: The source has given the reference to another request.
        """
        case = self.id_of(source, request.reference)
        try:
            sealed = await seal_request(request, self.vault, case)
            if not sealed.same and names_requests(source):
                raise ReferenceReused
            if not sealed.fresh and await self._is_registered(case):
                return case
            proofs = await seal_proofs(request.proofs, self.vault, case, f"lodged {case}")
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
        await self._begin(sealed.request, lodged, fresh=sealed.fresh)
        return case

    async def start(self, lodged: RequestLodged) -> bool:
        """Register a request that waits in the queue; return False if it goes on waiting."""
        try:
            request = await sealed_request(self.vault, lodged.request_id)
        except Destroyed:
            return True
        return await self._begin(request, lodged, fresh=False)

    async def _begin(self, request: RequestSubmitted, lodged: RequestLodged, *, fresh: bool) -> bool:
        """Register *request*; return False if it waits in the queue. A *fresh* one has no rows."""

        async def begun(ctx: IntakeContext) -> Sequence[Fact]:
            if ctx.case.status is not CaseStatus.UNKNOWN:
                return []
            facts = await begin(request, lodged, ctx)
            return [lodged, *facts] if facts else []

        rows = list[JournalRow]() if fresh else None
        case = await self._act(lodged.request_id, begun, cause=f"lodged {lodged.request_id}", rows=rows)
        return case.status is not CaseStatus.UNKNOWN

    async def reused(self, requests: Sequence[RequestSubmitted], source: Source) -> frozenset[str]:
        """Return the references in *requests* that *source* gave to other requests before."""
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

    async def refuse_if_full(self, request: RequestSubmitted, source: str) -> None:
        """
        Refuse a request of *source* that would have to wait and can be sent again.

        A request that takes effect at once is never refused.

        Raises:
            SourceLimitReached: It would have to wait.
        """
        now = self.clock()
        if not takes_effect_at_once(request) and await self.queue.is_full(source, now):
            raise SourceLimitReached(max(1, round((next_hour(now) - now).total_seconds())))

    async def keep(self, case_id: str, item: str, content: bytes) -> bool:
        """
        Seal *content* as received, as evidence of the request; return whether it is the first.

        To be called before the request is lodged: a registered request has its evidence.

        Raises:
            UnknownRequest: The case was destroyed.
        """
        try:
            await self.vault.create(case_id)
            return await self.vault.seal(case_id, item, content)
        except Destroyed:
            raise UnknownRequest("no request has this id") from None

    async def keep_large(self, case_id: str, item: str, content: bytes) -> None:
        """
        Seal *content* of any size, as received; to be called before the request is lodged.

        Raises:
            UnknownRequest: The case was destroyed.
        """
        try:
            await self.vault.create(case_id)
            await self.vault.seal_stream(case_id, item, single_piece(content))
        except Destroyed:
            raise UnknownRequest("no request has this id") from None

    async def ask_back(self, case_id: str, inquiry: Inquiry, laws: Sequence[PolicyId], day: date) -> None:
        """
        Send the author of a sealed mail a question back.

        Args:
            case_id: The request that it will become.
            inquiry: The author and the content, as far as known.
            laws: Those that protect the author, as far as known.
            day: Date of receipt of the mail.

        Raises:
            UnknownRequest: The case was destroyed.
        """
        await self.keep(case_id, INQUIRY, inquiry.model_dump_json().encode())
        fact = InquiryLodged(request_id=case_id, inquiry=INQUIRY, received_on=day, laws=tuple(laws))
        await self.record(case_id, fact, cause=f"inquiry {case_id}")

    async def note_message(self, case_id: str, item: str, reason: Code, *, own: bool) -> None:
        """Record that a mail about a request is sealed as *item* for the staff to read, with the reason."""
        fact = MessageLodged(request_id=case_id, message=item, reason=reason, own=own)
        await self.record(case_id, fact, cause=f"message {case_id} {item}")

    async def kept(self, case_id: str, item: str) -> bytes:
        """
        Return the content sealed by :meth:`keep`.

        Raises:
            UnknownRequest: No content of that name is kept for a request of this id.
        """
        try:
            return await self.vault.open(case_id, item)
        except (KeyError, Destroyed):
            raise UnknownRequest("no request has this id") from None

    async def holds(self, case_id: str, item: str) -> bool:
        """Return whether :meth:`keep` has sealed content of that name."""
        try:
            await self.kept(case_id, item)
        except UnknownRequest:
            return False
        return True

    async def forget(self, case_id: str, item: str) -> None:
        """Remove content that :meth:`keep` has sealed and that no row names."""
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
        Seal a message that makes no request, and record it for the staff to check; return its id.

        `habeas dead-letters` lists it.

        Args:
            source: The sender.
            reference: The same (source, reference) is the same message.
            content: The content as received.
            flaws: What is wrong with it.
            id_: The sender's name for it; it holds no personal data.
        """
        case_id = self.id_of(source, reference)
        try:
            await self.vault.create(case_id)
            await self.vault.seal_stream(case_id, SET_ASIDE, single_piece(content))
        except Destroyed:
            return case_id  # checked and erased since
        rejected = RequestRejected(
            request_id=case_id, publisher_source=source, publisher_id=id_, errors=flaws
        )
        # An existing row says the same.
        await self.append(case_id, 0, rejected)
        return case_id

    def id_of(self, source: str, reference: str) -> str:
        """Return the id of the request with the *reference* of *source*."""
        return request_id(source, reference, key=self.keys.requests)

    def incident_of(self, source: str, reference: str) -> str:
        """Return the id of the incident with the *reference* of *source*."""
        return incident_id(source, reference, key=self.keys.requests)

    async def case(self, case_id: str) -> IntakeCase:
        """
        Return the state of a request; only its existence if it was just lodged.

        Raises:
            UnknownRequest: No request has this id.
        """
        case, _ = await self.look_up(case_id)
        if case.status is CaseStatus.UNKNOWN:
            await self._must_be_lodged(case_id)
        return case

    async def must_be_of(self, case_id: str, source: Source) -> None:
        """
        Refuse access to a request of another source than *source*.

        Raises:
            UnknownRequest: No request of *source* has this id.
        """
        request = RequestSubmitted.model_validate_json(await self.kept(case_id, SUBMISSION))
        if self.id_of(source, request.reference) != case_id:
            raise UnknownRequest("no request of this system has this id")

    async def history(self, case_id: str) -> tuple[IntakeCase, list[DatedFact]]:
        """
        Return the state of a request, and its facts, oldest first.

        Raises:
            UnknownRequest: No request has this id.
        """
        rows = await self._history(case_id)
        case = _folded(rows)
        if case.status is CaseStatus.UNKNOWN:
            await self._must_be_lodged(case_id)
        return case, list(facts_of(rows))

    async def prove(
        self, case_id: str, proofs: Sequence[Proof], *, cause: str = "", sender: SenderCheck | None = None
    ) -> None:
        """
        Accept proofs of identity.

        Args:
            case_id: Id of the request.
            proofs: The proofs.
            cause: Cause of the offer: the same cause is the same offer.
            sender: Result of our mail server's check of the sender, if they came by mail.

        Raises:
            UnknownRequest: No request has this id.
            NotPossibleNow: Its identity is decided already, or it is stopped.
            TooManyAttempts: Too many were offered within the hour.
            TooEarly: It is not registered yet.
            BrokerUnavailable: The verifier cannot be reached.
        """
        cause = cause or uuid4().hex
        ctx = self._at(case_id, _folded(await self._registered(case_id)), cause)
        if ctx.case.stopped is not None:
            raise NotPossibleNow(STOPPED, CaseError.STOPPED)
        facts = await receive_proofs(proofs, ctx, sender=sender)
        if not facts:
            status = ctx.case.status
            raise NotPossibleNow(f"no proof is awaited: the request is {status}", CaseError.PROOF_DECIDED)
        # The verifier journals them; its row decides.
        for fact in facts:
            await self.publish(fact, derived_id(f"{case_id} {cause}", 0))

    async def withdraw(self, case_id: str, *, cause: str = "") -> None:
        """
        Withdraw a request; one that is withdrawn already stays so.

        Args:
            case_id: Id of the request.
            cause: Cause of the withdrawal: the same cause is the same withdrawal.

        Raises:
            UnknownRequest: No request has this id.
            NotPossibleNow: It is answered already.
            TooManyAttempts: Too many operations on the request within the hour.
            TooEarly: It is not registered yet.
        """

        async def withdrawn(ctx: IntakeContext) -> Sequence[Fact]:
            facts = await withdraw(ctx)
            if not facts and ctx.case.status is not CaseStatus.WITHDRAWN:
                raise NotPossibleNow(
                    f"it is too late to withdraw: the request is {ctx.case.status}",
                    CaseError.TOO_LATE_TO_WITHDRAW,
                )
            return facts

        await self._operate(case_id, withdrawn, cause)

    async def stop(self, case_id: str, reason: StopReason) -> IntakeCase:
        """
        Stop a request until the privacy staff decides; return its state before.

        Raises:
            UnknownRequest: No request has this id, or its record is gone.
        """
        before: list[IntakeCase] = []

        async def stopped(ctx: IntakeContext) -> Sequence[Fact]:
            before.append(ctx.case)
            if ctx.case.status is CaseStatus.UNKNOWN:
                await self._must_be_held(case_id)
            if ctx.case.stopped is not None:
                return []
            return [RequestStopped(request_id=case_id, reason=reason)]

        after = await self._act(case_id, stopped)
        if after.stops > before[-1].stops:
            logger().warning("request stopped", request_id=case_id, reason=reason, service=NAME)
        return before[-1]

    async def publish(self, fact: Fact, id_: str) -> None:
        """Publish a fact that other services decide about, as event *id_*; it leaves no row here."""
        body = encode(fact, id=id_, source=OWN_SOURCE, time=self.clock())
        await self.publisher.publish([Message(fact.EXCHANGE, fact.TYPE, body, id_)])

    async def agree(self, case_id: str) -> None:
        """
        Agree to the fee of the fee letter.

        Raises:
            UnknownRequest: No request has this id.
            NotPossibleNow: No fee awaits agreement.
            TooManyAttempts: Too many operations on the request within the hour.
        """

        async def agreed(ctx: IntakeContext) -> Sequence[Fact]:
            facts = await accept_fee(ctx)
            if not facts:
                raise NotPossibleNow("there is no fee to agree to", CaseError.NO_FEE)
            return facts

        await self._operate(case_id, agreed)

    async def appeal(self, case_id: str, statement: str) -> None:
        """
        Register an appeal against an answer, or a complaint about the handling of a request.

        Raises:
            UnknownRequest: No request has this id.
            NotPossibleNow: An appeal is open already.
            TooManyAttempts: Too many operations on the request within the hour.
        """

        async def appealed(ctx: IntakeContext) -> Sequence[Fact]:
            facts = await appeal(statement, ctx)
            if not facts:
                raise NotPossibleNow("an appeal or a complaint is open already", CaseError.APPEAL_OPEN)
            return facts

        await self._operate(case_id, appealed)

    async def fetch_forwarded(self, case_id: str, secret: str) -> tuple[RequestSubmitted, RequestReceived]:
        """
        Return a request to the customer it was forwarded to; the access is recorded.

        Raises:
            UnknownRequest: No request has this id.
            NotPossibleNow: The link is wrong or has expired.
            TooManyAttempts: Too many operations on the request within the hour.
        """
        case = await self.act(case_id)
        forwarded, received = case.forwarded, case.received
        digest = sha256(secret.encode()).hexdigest()
        if forwarded is None or received is None or not hmac.compare_digest(forwarded.digest, digest):
            raise NotPossibleNow("the link is wrong")
        if self.clock() >= forwarded.expires_at:
            raise NotPossibleNow("the link has expired")
        sealed = await self.vault.open(case_id, SUBMISSION)
        await self.record(case_id, ForwardingFetched(request_id=case_id))
        return RequestSubmitted.model_validate_json(sealed), received

    async def certificate(self, case_id: str) -> bytes:
        """
        Return the signed certificate of an erasure; it holds no personal data.

        Raises:
            UnknownRequest: No request has this id.
            NotPossibleNow: Nothing was erased for it.
        """
        case = await self.case(case_id)
        if case.fulfilled is None or case.fulfilled.certificate is None:
            raise NotPossibleNow("there is no certificate for this request", CaseError.NO_CERTIFICATE)
        return await self.vault.open(case_id, case.fulfilled.certificate)

    async def act(self, case_id: str) -> IntakeCase:
        """
        Count one operation on a request; return the request's state.

        Raises:
            UnknownRequest: No request has this id.
            TooManyAttempts: Too many operations on the request within the hour.
        """
        return _folded(await self._counted(case_id))

    async def _counted(self, case_id: str) -> list[JournalRow]:
        """Count one operation on a request; return its history. If it waits in the queue, register it."""
        rows = await self._history(case_id)
        unknown = _folded(rows).status is CaseStatus.UNKNOWN
        if unknown:
            await self._must_be_lodged(case_id)
        if not self.acts.take(case_id):
            raise TooManyAttempts("too many operations on this request; try again in an hour")
        if not unknown:
            return rows
        lodged = await self.queue.lodged(case_id)
        if lodged is not None and await self.start(lodged):
            await self.queue.begun([case_id], self.clock())
        return await self._history(case_id)

    async def _operate(self, case_id: str, decide: Decide, cause: str = "") -> None:
        """
        Carry out an operation on a registered request, within its limit.

        Raises:
            UnknownRequest: No request has this id.
            TooManyAttempts: Too many operations on the request within the hour.
            TooEarly: The request is not registered yet.
        """
        await self._act(case_id, decide, cause=cause, rows=await self._registered(case_id))

    async def _registered(self, case_id: str) -> list[JournalRow]:
        """Count one operation on a registered request; return its history."""
        rows = await self._counted(case_id)
        if _folded(rows).status is CaseStatus.UNKNOWN:
            raise TooEarly("the request is not registered yet")
        return rows

    async def _act(
        self, case_id: str, decide: Decide, *, cause: str = "", rows: list[JournalRow] | None = None
    ) -> IntakeCase:
        """
        Append the facts of an operation as one row, and publish them; return the state of the request.

        If another row was appended meanwhile, *decide* is called again, on the state after it.

        Args:
            case_id: Id of the request.
            decide: The operation.
            cause: Cause of the operation: the same cause leaves one row.
            rows: The history, if it is known.

        Raises:
            UnknownRequest: The record of the request is purged.
            StoreUnavailable: The database did not answer.
        """
        cause = cause or uuid4().hex
        while True:
            rows = await self._history(case_id) if rows is None else rows
            case = _folded(rows)
            if case.status is CaseStatus.PURGED:
                raise UnknownRequest("no request has this id")
            if any(row.cause == cause for row in rows):
                return case
            ctx = self._at(case_id, case, cause)
            facts = await decide(ctx)
            after = reduce(evolve, facts, case)
            if not facts or await self.outbox.append(_row_after(rows, ctx, facts)):
                return after
            rows = None

    def _at(self, case_id: str, case: IntakeCase, cause: str) -> IntakeContext:
        now = self.clock()
        return self.context(Moment(case_id, now, case, cause, OWN_SOURCE, now))

    @asynccontextmanager
    async def upload(self, case_id: str) -> AsyncIterator[None]:
        """
        Admit an upload of proofs before its body is read.

        Raises:
            UnknownRequest: No request has this id.
            TooManyAttempts: Too many operations on the request within the hour, or unfinished uploads.
        """
        await self.case(case_id)
        if not self.acts.left(case_id) or self._uploads[case_id] >= MOST_UPLOADS:
            raise TooManyAttempts("too many uploads for this request; try again later")
        self._uploads[case_id] += 1
        try:
            yield
        finally:
            self._uploads[case_id] -= 1
            if not self._uploads[case_id]:
                del self._uploads[case_id]

    async def look_up(self, case_id: str) -> tuple[IntakeCase, int]:
        """Return the state of a case, and the number of its next row."""
        rows = await self._history(case_id)
        last = newest(rows)
        return _folded(rows), last.n + 1 if last else 0

    async def _is_other(self, case_id: str, request: RequestSubmitted) -> bool:
        """Return whether a request other than *request* is sealed."""
        try:
            return not is_equal_request(await sealed_request(self.vault, case_id), request)
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

    async def record(self, case_id: str, fact: Fact, *, cause: str = "") -> None:
        """Record *fact*, once for a *cause*, regardless of concurrent changes of the case."""

        async def noted(_ctx: IntakeContext) -> Sequence[Fact]:
            return [fact]

        await self._act(case_id, noted, cause=cause)

    async def append(self, case_id: str, n: int, *facts: Fact) -> bool:
        """
        Append a row and publish it, at the latest once the broker is available again.

        Returns:
            False if another row was appended meanwhile.
        """
        row = JournalRow(case_id, n, uuid4().hex, None, facts, stored_precision(self.clock()))
        return await self.outbox.append(row)

    async def _histories(self, cases: Sequence[str]) -> Mapping[str, list[JournalRow]]:
        histories = await self.journal.histories(set(cases))
        return {case: histories.get(case, []) for case in cases}


def _folded(rows: Sequence[JournalRow]) -> IntakeCase:
    return reduce(evolve, events_of(rows), IntakeCase())


def _row_after(rows: Sequence[JournalRow], ctx: IntakeContext, facts: Sequence[Fact]) -> JournalRow:
    last = newest(rows)
    return JournalRow(
        ctx.case_id,
        last.n + 1 if last else 0,
        ctx.event_id,
        None,
        tuple(facts),
        stored_precision(not_before_notes(rows, ctx.now)),
        before=last.mac if last else None,
    )
