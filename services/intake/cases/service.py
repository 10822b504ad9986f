"""
The application service: operations of people and systems on requests, without HTTP.

A request is sealed first. Its operations are the functions that handle the events of upstream systems; the
rows that they lead to are appended and published by the outbox. Proofs leave no row: they are published.
"""

import asyncio
import hmac
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial, reduce
from hashlib import sha256
from itertools import compress, islice
from typing import NamedTuple, Protocol, TypeAlias
from uuid import uuid4

from services.intake.cases import errors, sealed_content
from services.intake.cases.code_limits import CodeLimit
from services.intake.cases.inquiries import ask
from services.intake.cases.lifecycle import accept_fee, answer_scope, appeal, receive_proofs, withdraw
from services.intake.cases.rate_limit import next_hour, takes_effect_at_once
from services.intake.cases.registration import begin
from services.intake.context import IntakeContext, WaitingQueuePort
from services.intake.domain import (
    DECIDED_ELSEWHERE,
    CaseStatus,
    Instruction,
    IntakeCase,
    RequestLodged,
    evolve,
    incident_id,
    request_id,
)
from services.intake.handlers import SET_ASIDE
from shared.contract import contract_version
from shared.contract.answer import INQUIRY, SUBMISSION, Inquiry
from shared.contract.codes import CodeVerdict, IssuedCode, digest_of, draw_code, judge
from shared.contract.correlation import (
    Correlation,
    correlation,
    keyed_reference,
)
from shared.contract.envelope import TRACEPARENT, derived_id, encode
from shared.contract.events import (
    Code,
    Decision,
    Evidence,
    Fact,
    ForwardingFetched,
    MessageLodged,
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
from shared.contract.references import references_in
from shared.contract.sources import Source, names_requests
from shared.errors import Destroyed, IllegalTransition, NewerContract, TooEarly, UnknownRequest
from shared.portions import portions
from shared.runtime import traces
from shared.runtime.broker import EventPublisher, Message
from shared.runtime.client_limits import Allowance
from shared.runtime.dataloader import DataLoader
from shared.runtime.journal import (
    DatedFact,
    JournalRow,
    NotedFact,
    correlation_in,
    events_of,
    facts_of,
    newest,
    not_before_notes,
)
from shared.runtime.log import logger
from shared.runtime.outbox import Outbox, UnpublishedRows
from shared.runtime.service import JournalRowPort, Moment, stored_precision

NAME = "intake"
ACTS_PER_HOUR = 60
OPENED_AT_ONCE = 100
OWN_SOURCE = "habeas/intake"
"""Source of operations by HTTP and channels, as of our events."""
UNKNOWN = "no request has this id"
STOPPED = "the request is stopped until the privacy staff has checked it"
SOURCES_AT_ONCE = 50
"""Sources in which a reference is looked up together."""
MOST_REFERENCES = 5
"""Short references in a text that are looked up."""
MOST_UPLOADS = 2
"""Concurrent uploads about one request: a double click may send a form twice."""


class JournalPort(JournalRowPort, UnpublishedRows, Protocol):
    """The journal, as this service needs it."""

    async def histories(self, cases: set[str], *, partial: bool = False) -> dict[str, list[JournalRow]]:
        """Return the rows of each case, oldest first; with *partial*, as far as this version reads them."""

    async def cases_between(self, first: str, last: str) -> list[str]:
        """Return the cases with ids from *first* to *last*, in order."""

    async def sources(self) -> list[str]:
        """Return the sources of registered requests."""


Decide: TypeAlias = Callable[[IntakeContext], Awaitable[Sequence[Fact]]]
"""An operation: returns its facts, or none if it has no effect."""


class RowPlace(NamedTuple):
    """The place of a new row in the history of a case."""

    n: int
    correlation: Correlation | None
    """The publisher's names of the request."""


@dataclass(frozen=True, slots=True)
class ServiceKeys:
    """Keys for hashing references."""

    requests: bytes
    codes: bytes


@dataclass(frozen=True, slots=True)
class VisibleCase:
    """A request as its pages show it."""

    case: IntakeCase
    facts: list[DatedFact]
    incomplete: bool = False
    """Whether facts of a newer version are left out."""


@dataclass(frozen=True, slots=True)
class RequestService:
    """
    The application service for requests.

    Its operations raise ``UnknownRequest`` without such a request, ``NotPossibleNow`` in its present state,
    ``TooManyAttempts`` above its hourly limit, and ``TooEarly`` if it is not registered yet.
    """

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
    recorded: EventPublisher | None = None
    """Publishes facts without a row (shared.runtime.republication); None where none is recorded."""
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
        instruction: Instruction | None = None,
        at: datetime | None = None,
    ) -> str:
        """
        Lodge *request* and return its id: the same (source, reference) is the same request.

        *attested* is evidence from an agent with a checked signature; *instruction* is of a controller with a
        checked credential; *at* is the time of receipt, if it was before now.

        Raises:
            NoPerson: Its subject is empty.
            ReferenceReused: The source has given the reference to another request.
        """
        if request.subject.is_empty:
            raise errors.NoPerson
        case = self.id_of(source, request.reference)
        try:
            sealed = await sealed_content.seal_request(request, self.vault, case)
            if not sealed.same and names_requests(source):
                raise errors.ReferenceReused
            if not sealed.fresh and _folded(await self._history(case)).status is not CaseStatus.UNKNOWN:
                return case
            proofs = await sealed_content.seal_proofs(request.proofs, self.vault, case, f"lodged {case}")
        except Destroyed:
            if names_requests(source):
                raise errors.ReferenceReused from None
            return case  # an old case, answered and erased since
        lodged = RequestLodged(
            request_id=case,
            source=source,
            occurred_at=at or self.clock(),
            proofs=proofs,
            attested=attested,
            instructed=instruction is not None,
            at_once=instruction is not None and instruction.at_once,
        )
        await self._begin(sealed.request, lodged, fresh=sealed.fresh)
        return case

    async def start(self, lodged: RequestLodged) -> bool:
        """Register a request that waits in the queue; return False if it goes on waiting."""
        try:
            request = await sealed_content.sealed_request(self.vault, lodged.request_id)
        except Destroyed:
            return True
        return await self._begin(request, lodged, fresh=False)

    async def _begin(self, request: RequestSubmitted, lodged: RequestLodged, *, fresh: bool) -> bool:
        """Register *request*; return False if it waits in the queue. A *fresh* one has no rows."""

        async def begun(ctx: IntakeContext) -> Sequence[Fact]:
            known = ctx.case.status is not CaseStatus.UNKNOWN
            facts = [] if known else await begin(request, lodged, ctx)
            return [lodged, *facts] if facts else []

        rows = list[JournalRow]() if fresh else None
        cause = f"lodged {lodged.request_id}"
        named = self._correlation(lodged.source, request.reference)
        named = replace(named, event=lodged.publisher_id)
        case = await self._append_facts(lodged.request_id, begun, cause=cause, rows=rows, named=named)
        return case.status is not CaseStatus.UNKNOWN

    async def reused(self, requests: Sequence[RequestSubmitted], source: Source) -> frozenset[str]:
        """Return the references in *requests* that *source* gave to other requests before."""
        cases = {self.id_of(source, request.reference): request for request in requests}
        histories = await self.journal.histories(set(cases))
        purged = {case for case, rows in histories.items() if any(row.is_last for row in rows)}
        together = asyncio.Semaphore(OPENED_AT_ONCE)

        async def is_other(case: str, request: RequestSubmitted) -> bool:
            async with together:
                if case in purged:
                    return True
                try:
                    sealed = await sealed_content.sealed_request(self.vault, case)
                except (KeyError, Destroyed):
                    return False
                return not sealed_content.is_equal_request(sealed, request)

        others = await asyncio.gather(*(is_other(*item) for item in cases.items()))
        return frozenset(
            request.reference for request, other in zip(cases.values(), others, strict=True) if other
        )

    async def refuse_if_full(self, request: RequestSubmitted, source: str) -> None:
        """Raise ``SourceLimitReached`` if *request* would have to wait; never if it takes effect at once."""
        now = self.clock()
        if not takes_effect_at_once(request) and await self.queue.is_full(source, now):
            raise errors.SourceLimitReached(max(1, round((next_hour(now) - now).total_seconds())))

    async def keep(self, case_id: str, item: str, content: bytes) -> bool:
        """Seal *content* as received, before the request is lodged; return whether it is the first."""
        with _unknown_request_on(Destroyed):
            await self.vault.create(case_id)
            return await self.vault.seal(case_id, item, content)

    async def keep_large(self, case_id: str, item: str, content: bytes) -> None:
        """Seal *content* of any size, as received; to be called before the request is lodged."""
        with _unknown_request_on(Destroyed):
            await self.vault.create(case_id)
            await self.vault.seal_stream(case_id, item, sealed_content.single_piece(content))

    async def ask_back(self, case_id: str, inquiry: Inquiry) -> None:
        """Send the author of a sealed mail a question back, with what is known so far."""
        await self.keep(case_id, INQUIRY, inquiry.model_dump_json().encode())
        await self._append_facts(case_id, partial(ask, inquiry), cause=f"inquiry {case_id}")

    async def draw_code(self, case_id: str, ref: str, *, strong: bool = False) -> str:
        """Seal a new code as *ref*, and return its digest; of two drawn at once the stored one counts."""
        await self.vault.seal(case_id, ref, draw_code(strong=strong).encode())
        code = (await self.vault.open(case_id, ref)).decode()
        return digest_of(code, key=self.keys.codes, ref=f"{case_id}/{ref}")

    def judge_code(self, case_id: str, ref: str, issued: IssuedCode | None, code: str) -> CodeVerdict:
        """Return the verdict on *code*, offered for the code *issued* as *ref*."""
        digest = digest_of(code, key=self.keys.codes, ref=f"{case_id}/{ref}")
        return judge(issued, digest, now=self.clock())

    async def note_message(self, case_id: str, item: str, reason: Code, *, own: bool) -> None:
        """Record that a mail about a request is sealed as *item* for the staff to read, with the reason."""
        fact = MessageLodged(request_id=case_id, message=item, reason=reason, own=own)
        await self.record(case_id, fact, cause=f"message {case_id} {item}")

    async def kept(self, case_id: str, item: str) -> bytes:
        """Return the content sealed by :meth:`keep`; raise ``UnknownRequest`` if there is none."""
        with _unknown_request_on(KeyError, Destroyed):
            return await self.vault.open(case_id, item)

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
        Seal a message that makes no request, for the staff to check (`habeas dead-letters`); return its id.

        The same (source, reference) is the same message. *id_* is the sender's.
        """
        case_id = self.id_of(source, reference)
        try:
            await self.vault.create(case_id)
            await self.vault.seal_stream(case_id, SET_ASIDE, sealed_content.single_piece(content))
        except Destroyed:
            return case_id  # checked and erased since
        named = correlation(source, reference, id_, key=self.keys.requests)
        fact = RequestRejected(
            request_id=case_id, publisher_source=source, publisher_id=named.event, errors=flaws
        )
        await self.append(case_id, RowPlace(0, named), fact)  # an existing row says the same
        return case_id

    def _correlation(self, source: str, reference: str) -> Correlation:
        return correlation(source, reference, key=self.keys.requests)

    def id_of(self, source: str, reference: str) -> str:
        """Return the id of the request with the *reference* of *source*."""
        return request_id(source, reference, key=self.keys.requests)

    async def cases_of_reference(self, reference: str, source: str | None = None) -> list[str]:
        """Return the requests with the *reference* of *source*, or of any; some may not be registered yet."""
        sources = [source] if source else await self.journal.sources()
        ids = [self.id_of(one, reference) for one in sources]
        found: list[str] = []
        for some in portions(ids, SOURCES_AT_ONCE):
            found += compress(some, await asyncio.gather(*map(self._has_come, some)))
        return found

    async def _has_come(self, case_id: str) -> bool:
        """Return whether a request, or an event before it, has come."""
        case = _folded(await self._history(case_id))
        begun = case.status is not CaseStatus.UNKNOWN or bool(case.follow_ups)
        return begun or await self.queue.lodged(case_id) is not None

    def keyed(self, reference: str) -> str:
        """Return the keyed form of a *reference* of any source, for records."""
        key = hmac.digest(self.keys.requests, b"searched references", "sha256")  # keys nothing else
        return keyed_reference(reference, key=key)

    def incident_of(self, source: str, reference: str, *, drill: bool) -> str:
        """Return the id of the incident, or the *drill*, with the *reference* of *source*."""
        return incident_id(source, reference, key=self.keys.requests, drill=drill)

    async def case(self, case_id: str, *, mails: bool = False) -> IntakeCase:
        """Return the state of a request, or of a mail with *mails*; only its existence if just lodged."""
        case, _ = await self.look_up(case_id)
        if case.status is CaseStatus.UNKNOWN and not (mails and case.has_mail):
            await self.kept(case_id, SUBMISSION)  # at least lodged
        return case

    async def named_in(self, text: str) -> list[str]:
        """Return the ids of the requests whose short references stand in *text*."""
        ranges = islice(references_in(text), MOST_REFERENCES)
        return [case for ids in ranges for case in await self.journal.cases_between(*ids)]

    async def must_be_of(self, case_id: str, source: Source) -> None:
        """Raise ``UnknownRequest`` if the request is of another source than *source*."""
        request = RequestSubmitted.model_validate_json(await self.kept(case_id, SUBMISSION))
        if self.id_of(source, request.reference) != case_id:
            raise UnknownRequest("no request of this system has this id")

    async def history(self, case_id: str, *, mails: bool = False) -> tuple[IntakeCase, list[DatedFact]]:
        """Return the state of a request, or of a mail with *mails*, and its facts, oldest first."""
        rows = await self._history(case_id)
        case = _folded(rows)
        if case.status is CaseStatus.UNKNOWN and not (mails and case.has_mail):
            await self.kept(case_id, SUBMISSION)  # at least lodged
        return case, list(facts_of(rows))

    async def visible(self, case_id: str) -> VisibleCase:
        """Return a request for a page, as far as this version reads it."""
        try:
            return VisibleCase(*await self.history(case_id))
        except NewerContract:
            rows = (await self.journal.histories({case_id}, partial=True))[case_id]
        facts = list(facts_of(rows))
        case = reduce(_if_it_follows, (fact for _, fact in facts), IntakeCase())
        return VisibleCase(case, facts, incomplete=True)

    async def rows(self, case_id: str) -> tuple[IntakeCase, list[JournalRow]]:
        """Return the state of a request, and its rows and noted facts, oldest first."""
        rows = await self._history(case_id)
        return _folded(rows), rows

    async def prove(
        self, case_id: str, proofs: Sequence[Proof], *, cause: str = "", sender: SenderCheck | None = None
    ) -> None:
        """Accept proofs of identity, once for a *cause*, with our mail server's check of their *sender*."""
        cause = cause or uuid4().hex
        rows = await self._registered_rows(case_id)
        ctx = self._at(case_id, _folded(rows), cause, correlation_in(rows))
        if ctx.case.stopped is not None:
            raise errors.NotPossibleNow(STOPPED, errors.CaseError.STOPPED)
        facts = await receive_proofs(proofs, ctx, sender=sender)
        if not facts:
            status = ctx.case.status
            raise errors.NotPossibleNow(
                f"no proof is awaited: the request is {status}", errors.CaseError.PROOF_DECIDED
            )
        # The verifier journals them; its row decides.
        for fact in facts:
            await self.publish(fact, derived_id(f"{case_id} {cause}", 0), ctx.correlation)

    async def withdraw(self, case_id: str, *, cause: str = "") -> None:
        """Withdraw a request without an answer, once for a *cause*; a withdrawn one stays so."""

        async def withdrawn(ctx: IntakeContext) -> Sequence[Fact]:
            facts = await withdraw(ctx)
            if not facts and ctx.case.status is not CaseStatus.WITHDRAWN:
                raise errors.NotPossibleNow(
                    f"it is too late to withdraw: the request is {ctx.case.status}",
                    errors.CaseError.TOO_LATE_TO_WITHDRAW,
                )
            return facts

        await self._append_facts(case_id, withdrawn, cause=cause, rows=await self._registered_rows(case_id))

    async def stop(self, case_id: str, reason: StopReason) -> IntakeCase:
        """Stop a request until the privacy staff decides; return its state before."""
        before: list[IntakeCase] = []

        async def stopped(ctx: IntakeContext) -> Sequence[Fact]:
            before.append(ctx.case)
            # A request, or a mail that may become one, must be sealed.
            if ctx.case.status is CaseStatus.UNKNOWN and not await self.holds(case_id, SUBMISSION):
                await self.kept(case_id, INQUIRY)
            return [] if ctx.case.stopped else [RequestStopped(request_id=case_id, reason=reason)]

        after = await self._append_facts(case_id, stopped)
        if after.stops > before[-1].stops:
            logger().warning("request stopped", request_id=case_id, reason=reason, service=NAME)
        return before[-1]

    async def correlation(self, case_id: str) -> Correlation | None:
        """Return the publisher's names of a request."""
        return correlation_in(await self._history(case_id))

    async def publish(self, fact: Fact, id_: str, named: Correlation | None) -> None:
        """
        Publish a fact that other services decide about, as event *id_*; it leaves no row here.

        A decision about a request is noted before: the trail of the case names it.
        """
        now = self.clock()
        if type(fact) in DECIDED_ELSEWHERE and isinstance(fact, Decision) and fact.of_request:
            await self.journal.note([NotedFact(fact.request_id, id_, fact, stored_precision(now), now)])
        body = encode(fact, id=id_, source=OWN_SOURCE, time=now, correlation=named)
        with traces.span(f"{NAME} {type(fact).__name__}", case=fact.case, service=NAME):
            trace = traces.traceparent()
            headers = {TRACEPARENT: trace} if trace else {}
            message = Message(fact.EXCHANGE, fact.TYPE, body, id_, headers=headers)
            await (self.recorded or self.publisher).publish([message])

    async def agree(self, case_id: str) -> None:
        """Agree to the fee of the fee letter."""
        await self._operate(case_id, accept_fee, "there is no fee to agree to", errors.CaseError.NO_FEE)

    async def specify(self, case_id: str, entries: Sequence[str]) -> None:
        """Answer the question which data the request means; no entries mean everything."""
        against, error = "it was not asked which data is meant", errors.CaseError.SCOPE_NOT_ASKED
        await self._operate(case_id, partial(answer_scope, entries), against, error)

    async def appeal(self, case_id: str, statement: str) -> None:
        """Register an appeal against an answer, or a complaint about the handling of a request."""
        against = "an appeal or a complaint is open already"
        await self._operate(case_id, partial(appeal, statement), against, errors.CaseError.APPEAL_OPEN)

    async def fetch_forwarded(self, case_id: str, secret: str) -> tuple[RequestSubmitted, RequestReceived]:
        """Return a request to the customer with the *secret* of its link; the access is recorded."""
        case = await self.count_operation(case_id)
        forwarded, received = case.forwarded, case.received
        digest = sha256(secret.encode()).hexdigest()
        if forwarded is None or received is None or not hmac.compare_digest(forwarded.digest, digest):
            raise errors.NotPossibleNow("the link is wrong")
        if self.clock() >= forwarded.expires_at:
            raise errors.NotPossibleNow("the link has expired")
        sealed = await self.vault.open(case_id, SUBMISSION)
        await self.record(case_id, ForwardingFetched(request_id=case_id))
        return RequestSubmitted.model_validate_json(sealed), received

    async def certificate(self, case_id: str) -> bytes:
        """Return the signed certificate of an erasure; it holds no personal data."""
        case = await self.case(case_id)
        if case.fulfilled is None or case.fulfilled.certificate is None:
            raise errors.NotPossibleNow(
                "there is no certificate for this request", errors.CaseError.NO_CERTIFICATE
            )
        return await self.vault.open(case_id, case.fulfilled.certificate)

    async def count_operation(self, case_id: str) -> IntakeCase:
        """Count one operation on a request, register it if it waits in the queue, and return its state."""
        return _folded(await self._counted_rows(case_id))

    async def _counted_rows(self, case_id: str) -> list[JournalRow]:
        """Do what :meth:`count_operation` does; return the rows."""
        rows = await self._history(case_id)
        unknown = _folded(rows).status is CaseStatus.UNKNOWN
        if unknown:
            await self.kept(case_id, SUBMISSION)  # at least lodged
        if not self.acts.take(case_id):
            raise errors.TooManyAttempts("too many operations on this request; try again in an hour")
        if not unknown:
            return rows
        lodged = await self.queue.lodged(case_id)
        if lodged is not None and await self.start(lodged):
            await self.queue.begun([case_id], self.clock())
        return await self._history(case_id)

    async def _registered_rows(self, case_id: str) -> list[JournalRow]:
        """Do the same. Raises TooEarly if the request is not registered then."""
        rows = await self._counted_rows(case_id)
        if _folded(rows).status is CaseStatus.UNKNOWN:
            raise TooEarly("the request is not registered yet")
        return rows

    async def _operate(self, case_id: str, decide: Decide, against: str, error: errors.CaseError) -> None:
        """Carry out an operation on a registered request, or raise the reason *against* it."""

        async def decided(ctx: IntakeContext) -> Sequence[Fact]:
            facts = await decide(ctx)
            if not facts:
                raise errors.NotPossibleNow(against, error)
            return facts

        await self._append_facts(case_id, decided, rows=await self._registered_rows(case_id))

    async def _append_facts(
        self,
        case_id: str,
        decide: Decide,
        *,
        cause: str = "",
        rows: list[JournalRow] | None = None,
        named: Correlation | None = None,
    ) -> IntakeCase:
        """
        Append the facts of an operation as one row, once for a *cause*; return the state of the request.

        If another row was appended meanwhile, *decide* is called again, on the state after it. *rows* is the
        history, if it is known; *named* is the correlation of a request that has none there.
        """
        cause = cause or uuid4().hex
        while True:
            rows = await self._history(case_id) if rows is None else rows
            case = _folded(rows)
            if case.status is CaseStatus.PURGED:
                raise UnknownRequest(UNKNOWN)
            if any(row.cause == cause for row in rows):
                return case
            ctx = self._at(case_id, case, cause, named or correlation_in(rows))
            with traces.span(f"{NAME} operation", case=case_id, service=NAME):
                facts = await decide(ctx)
                after = reduce(evolve, facts, case)
                if not facts or await self.outbox.append(_row_after(rows, ctx, facts)):
                    return after
            rows = None

    def _at(self, case_id: str, case: IntakeCase, cause: str, named: Correlation | None) -> IntakeContext:
        now = self.clock()
        return self.context(Moment(case_id, now, case, cause, OWN_SOURCE, now, correlation=named))

    def at_present(self, case_id: str, case: IntakeCase) -> IntakeContext:
        """Return the context of an operation on *case* that is only tried."""
        return self._at(case_id, case, uuid4().hex, None)

    @asynccontextmanager
    async def upload(self, case_id: str) -> AsyncIterator[None]:
        """Admit an upload of proofs before its body is read; raise ``TooManyAttempts`` for too many."""
        await self.case(case_id)
        if not self.acts.left(case_id) or self._uploads[case_id] >= MOST_UPLOADS:
            raise errors.TooManyAttempts("too many uploads for this request; try again later")
        self._uploads[case_id] += 1
        try:
            yield
        finally:
            self._uploads[case_id] -= 1
            if not self._uploads[case_id]:
                del self._uploads[case_id]

    async def look_up(self, case_id: str) -> tuple[IntakeCase, RowPlace]:
        """Return the state of a case, and the place of its next row."""
        rows = await self._history(case_id)
        last = newest(rows)
        return _folded(rows), RowPlace(last.n + 1 if last else 0, correlation_in(rows))

    async def record(self, case_id: str, *facts: Fact, cause: str = "") -> None:
        """Record *facts*, once for a *cause*, regardless of concurrent changes of the case."""

        async def recorded(_ctx: IntakeContext) -> Sequence[Fact]:
            return facts

        await self._append_facts(case_id, recorded, cause=cause)

    async def append(self, case_id: str, place: RowPlace, *facts: Fact) -> bool:
        """Append a row and publish it, later in an outage; return False if its place was taken."""
        n, named = place
        at = stored_precision(self.clock())
        row = JournalRow(case_id, n, uuid4().hex, None, facts, at, correlation=named)
        return await self.outbox.append(row)

    async def _histories(self, cases: Sequence[str]) -> Mapping[str, list[JournalRow]]:
        histories = await self.journal.histories(set(cases))
        return {case: histories.get(case, []) for case in cases}


def _folded(rows: Sequence[JournalRow]) -> IntakeCase:
    """Return the state after *rows*. Raises NewerContract if a newer version alone can follow them."""
    try:
        return reduce(evolve, events_of(rows), IntakeCase())
    except (IllegalTransition, TooEarly):
        newest_contract = max(row.contract for row in rows)
        if contract_version.is_newer(newest_contract):
            raise contract_version.newer_contract("the case", newest_contract) from None
        raise


def _if_it_follows(case: IntakeCase, fact: Fact) -> IntakeCase:
    try:
        return evolve(case, fact)
    except (IllegalTransition, TooEarly):
        return case


@contextmanager
def _unknown_request_on(*errors_of_vault: type[Exception]) -> Iterator[None]:
    try:
        yield
    except errors_of_vault:
        raise UnknownRequest(UNKNOWN) from None


def _row_after(rows: Sequence[JournalRow], ctx: IntakeContext, facts: Sequence[Fact]) -> JournalRow:
    last, at = newest(rows), stored_precision(not_before_notes(rows, ctx.now))
    n, before = (last.n + 1, last.mac) if last else (0, None)
    return JournalRow(
        ctx.case_id, n, ctx.event_id, None, tuple(facts), at, before=before, correlation=ctx.correlation
    )
