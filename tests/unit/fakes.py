"""
What the unit tests of intake and verifier stand on: both services, put together in memory.

Broker, journal and vault are those of ``tests.runtime_fakes``; here are a clock that a test moves, a
broker that
is away, and a journal in which somebody else is always a moment faster.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from hashlib import sha256
from typing import Any, TypeVar

from services.intake.bootstrap import service as intake_service
from services.intake.cases.code_limits import CodeLimit
from services.intake.cases.fingerprint import FirstRequest
from services.intake.cases.rate_limit import RateLane, WaitingRequest, lane_of
from services.intake.cases.service import RequestService, ServiceKeys
from services.intake.context import Ports
from services.intake.domain import IntakeCase, RequestLodged, evolve
from services.verifier.bootstrap import service as verifier_service
from services.verifier.context import AssuranceRules as Verifying
from services.verifier.domain import CLAIM_NOTICE
from shared.contract.envelope import STRUCTURED, decode, encode
from shared.contract.events import (
    BurstDeclared,
    Event,
    Fact,
    IdentityClaimed,
    IdentityCompared,
    RequestSubmitted,
    TimeCame,
)
from shared.contract.sources import ALL, Bindings, Source, upstream_source
from shared.contract.staff import StaffDecision
from shared.contract.topology import EVENTS, REQUESTS
from shared.errors import BrokerUnavailable, StoreUnavailable
from shared.law import ClockRules, CompanyProfile, Policy, PolicyLibrary, Regulation, SourceStatus
from shared.law.calendars import calendar_named
from shared.law.library import policies
from shared.runtime.broker import Message
from shared.runtime.journal import JournalRow, events_of
from shared.runtime.service import Runtime
from shared.runtime.staff_register import DecisionOutcome
from tests.runtime_fakes import MemoryBroker, MemoryJournal, MemoryTimers, MemoryVault, Unlimited

F = TypeVar("F", bound=Fact)

NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
SOURCE = upstream_source("shop.example.com")
PUBLISHER = "tests"
"""A broker user that may use every source that is not reserved, and the command's."""
BINDINGS = Bindings({PUBLISHER: frozenset({ALL})}, command=PUBLISHER)
REQUEST_KEY = b"requests" * 4
PACKAGE_KEY = b"packages" * 4
VERIFIER_KEY = b"verifier" * 4
PRACTICE = ClockRules(
    CompanyProfile(
        name="Example Networks",
        established_in="DE-BE",
        zone="Europe/Berlin",
        authority={"name": "Authority of Examplia", "url": "https://authority.example.org"},
        contact="privacy@example.com",
        apps={"com.example.app": "Example App"},
        keeps=({"what": {"en": "Invoices", "de": "Rechnungen"}, "why": "Tax law", "until": "10 years"},),
    ),
    policies(),
    calendar_named,
)
TARGET_DAY = datetime(2026, 4, 1, 22, tzinfo=UTC)
"""The beginning of 2 April in Berlin, 28 days after :data:`NOW`: a wait for the person ends then."""


def law_of(regulation: Regulation) -> tuple[Policy, ...]:
    """Return the edition of June 2026 of a law that is answered under *regulation*."""
    return (policies().governing(regulation, date(2026, 6, 1)),)


def unread_deadlines(law: str) -> PolicyLibrary:
    """Return all policies, of which *law* has deadlines that were not read."""

    def changed(policy: Policy) -> Policy:
        periods = tuple(rule.model_copy(update={"read": SourceStatus.UNREAD}) for rule in policy.periods)
        return policy.model_copy(update={"model": None} | ({"periods": periods} if policy.law == law else {}))

    return PolicyLibrary(map(changed, policies()))


ABROAD = replace(PRACTICE, company=PRACTICE.company.model_copy(update={"established_in": "US-NY"}))
"""Established where no law protects everybody who asks: only that of their residence does."""
PERSON = {
    "name": "Ottilie Quastenflosser",
    "email": "ottilie.quastenflosser@example.org",
    "phone": "+49 30 5550147",
    "identifiers": {"customer_no": "K-7741-Q"},
}


@dataclass(slots=True)
class Clock:
    """Stands still until a test moves it."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, by: timedelta) -> None:
        self.now += by


def proof_of(account: str) -> dict[str, Any]:
    """Return a proof that :class:`OpenGate` takes for one of *account*."""
    return {"account": account, "at": NOW.isoformat(), "nonce": "0" * 32, "signature": "0" * 128}


@dataclass(slots=True)
class OpenGate:
    """Lets every decision through, unless a test says why not; remembers the outcomes."""

    against: str | None = None
    outcomes: list[DecisionOutcome] = field(default_factory=list)

    async def refusal(self, decision: StaffDecision, event_id: str, now: datetime) -> str | None:
        del decision, event_id, now
        return self.against

    async def note(self, outcomes: Mapping[str, DecisionOutcome], now: datetime) -> None:
        del now
        self.outcomes.extend(outcomes.values())


class AbsentBroker:
    """Confirms nothing."""

    async def publish(self, messages: Sequence[Message]) -> None:
        raise BrokerUnavailable(f"{len(messages)} messages were not confirmed")


@dataclass(slots=True)
class RacedJournal(MemoryJournal):
    """Lets *rivals* append, one each, just before somebody else does."""

    rivals: list[tuple[Fact, ...]] = field(default_factory=list)

    async def append(self, rows: Sequence[JournalRow]) -> frozenset[str]:
        for row in rows:
            if self.rivals:
                rival = JournalRow(row.case, row.n, f"rival {row.n}", None, self.rivals.pop(0), row.at)
                self.rows[rival.key] = rival
        # A subclass with slots cannot use the short form of super().
        return await MemoryJournal.append(self, rows)


@dataclass(slots=True)
class UnwritableJournal(MemoryJournal):
    """Refuses one write of a row outside the runtime: the one with the number *refused*, from 1."""

    refused: int = 1
    writes: int = 0

    async def append_unpublished(self, rows: Sequence[JournalRow]) -> frozenset[str]:
        self.writes += 1
        if self.writes == self.refused:
            raise StoreUnavailable("away")
        return await MemoryJournal.append_unpublished(self, rows)


@dataclass(slots=True)
class MemoryFirstRequests:
    """Who was the first to ask for something, in memory."""

    journal: MemoryJournal
    claims: dict[str, FirstRequest] = field(default_factory=dict)

    async def claim(self, fingerprint: bytes, case: str, now: datetime) -> FirstRequest:
        return self.claims.setdefault(fingerprint.decode(), FirstRequest(fingerprint.decode(), case, now))

    async def pass_on(self, held: FirstRequest, case: str, now: datetime) -> bool:
        if self.claims[held.fingerprint].case != held.case:
            return False
        self.claims[held.fingerprint] = FirstRequest(held.fingerprint, case, now)
        return True

    async def case(self, case: str) -> IntakeCase:
        histories = await self.journal.histories({case})
        return reduce(evolve, events_of(histories.get(case, ())), IntakeCase())


@dataclass(slots=True)
class MemoryRequesterIndex:
    """The cases of a mailbox, in memory."""

    entries: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Case → mailboxes."""

    async def add(self, case: str, request: RequestSubmitted, at: datetime) -> None:
        del at
        named = (request.subject.email, request.agent.email if request.agent else None)
        self.entries[case] = tuple(address for address in named if address)

    async def cases_of(self, address: str) -> list[str]:
        return [case for case, mailboxes in self.entries.items() if address in mailboxes]

    def hashed(self, address: str) -> str:
        return sha256(address.encode()).hexdigest()


@dataclass(slots=True)
class MemoryWaitingQueue:
    """Lets *free* requests begin; the others wait until a test has them begin."""

    free: int = 1_000_000
    bursts: list[BurstDeclared] = field(default_factory=list)
    waiting: dict[str, RequestLodged] = field(default_factory=dict)
    held: dict[str, RequestLodged] = field(default_factory=dict)
    """Those of them that may begin."""
    hurried: list[str] = field(default_factory=list)
    follow_ups_admitted: int = 1_000

    async def lane(self, source: str, received_at: datetime, now: datetime) -> RateLane:
        del now
        return lane_of(source, received_at, {}, self.bursts)

    async def enter(self, waiting: WaitingRequest, lane: RateLane, now: datetime) -> bool:
        del lane, now
        if waiting.lodged.waited or waiting.at_once or self.free > 0:
            self.free -= not waiting.lodged.waited
            return True
        self.waiting[waiting.lodged.request_id] = waiting.lodged.model_copy(update={"waited": True})
        return False

    async def hold(self, waiting: WaitingRequest, now: datetime) -> None:
        del now
        lodged = waiting.lodged.model_copy(update={"waited": True})
        self.waiting[lodged.request_id] = self.held[lodged.request_id] = lodged

    async def is_full(self, source: str, now: datetime) -> bool:
        del source, now
        return self.free <= 0

    async def admits_follow_up(self, source: str, now: datetime) -> bool:
        del source, now
        self.follow_ups_admitted -= 1
        return self.follow_ups_admitted >= 0

    async def begun(self, cases: Sequence[str], now: datetime) -> None:
        del now
        for case in cases:
            self.waiting.pop(case, None)
            self.held.pop(case, None)

    async def start_next(self, case: str) -> bool:
        self.hurried.append(case)
        return case in self.waiting

    async def lodged(self, case: str) -> RequestLodged | None:
        return self.waiting.get(case)

    async def declare(self, burst: BurstDeclared) -> None:
        self.bursts.append(burst)


def submission(type_: str, data: Mapping[str, Any], *, id_: str, source: str = SOURCE) -> Message:
    """Return what an upstream system publishes."""
    body: dict[str, Any] = {
        "specversion": "1.0",
        "id": id_,
        "source": source,
        "type": f"habeas.{type_}.v1",
        "time": NOW.isoformat(),
        "data": data,
    }
    return Message(REQUESTS, body["type"], json.dumps(body).encode(), id_, STRUCTURED, user_id=PUBLISHER)


def request(**changes: Any) -> dict[str, Any]:
    """Return the data of a request as an upstream system submits it."""
    return {
        "reference": "r-1",
        "right": "access",
        "subject": PERSON,
        "residence": {"country": "DE"},
    } | changes


class Office:
    """Intake, its request service and the verifier, on one broker and one vault."""

    def __init__(
        self,
        *,
        trusted: Iterable[str] | Mapping[str, frozenset[str] | None] = (),
        journal: MemoryJournal | None = None,
        practice: ClockRules = PRACTICE,
        **verifying: Any,
    ) -> None:
        self.clock = Clock()
        self.timers = MemoryTimers()
        self.allowances = Unlimited()
        self.staff = OpenGate()
        self.broker = MemoryBroker()
        self.vault = MemoryVault()
        self.journals = {"intake": journal or MemoryJournal(), "verifier": MemoryJournal()}
        self.queue = MemoryWaitingQueue()
        keys = ServiceKeys(REQUEST_KEY, PACKAGE_KEY)
        self.deadlines = MemoryTimers()
        self.duplicates = MemoryFirstRequests(self.journals["intake"])
        codes = CodeLimit()
        self.requesters = MemoryRequesterIndex()
        self.ports = Ports(
            self.vault, self.deadlines, self.duplicates, self.queue, codes, self.requesters, practice
        )
        self.requests = RequestService(
            self.vault,
            self.journals["intake"],
            self.broker,
            keys,
            self.ports.context,
            self.queue,
            self.clock,
            codes=codes,
        )
        intake = intake_service(self.ports, REQUEST_KEY, BINDINGS)
        sources = trusted if isinstance(trusted, Mapping) else dict.fromkeys(trusted)
        verifies = Verifying(clock=practice, trusted=sources, **verifying)
        verifier = verifier_service(
            self.vault, self.timers, self.allowances, key=VERIFIER_KEY, practice=verifies
        )
        self._runtimes = [
            Runtime(
                service,
                self.journals[service.name],
                self.broker.inbox(service.name),
                self.broker,
                10,
                RETRY,
                self.clock,
                self.staff,
            )
            for service in (intake, verifier)
        ]

    async def submit(self, data: Mapping[str, Any], *, id_: str = "1", source: str = SOURCE) -> None:
        """Submit a request by the bus and let the services work."""
        await self.broker.publish([submission("request.submitted", data, id_=id_, source=source)])
        await self.work()

    async def lodge(self, data: Mapping[str, Any], source: Source) -> str:
        """Lodge a request by the channel of *source*, let the services work, and return its id."""
        case = await self.requests.lodge(RequestSubmitted.model_validate(data), source)
        await self.work()
        return case

    async def offer(self, *proofs: Mapping[str, Any], id_: str, source: str = SOURCE, **of: str) -> None:
        """Offer proofs by the bus and let the services work."""
        data = {"proofs": list(proofs)} | (of or {"reference": "r-1"})
        await self.broker.publish([submission("proof.submitted", data, id_=id_, source=source)])
        await self.work()

    async def tell(self, *facts: Fact, service: str = "fulfillment") -> None:
        """Publish *facts* of a service that is not there, and let the others work."""
        for fact in facts:
            id_ = f"{service}-{len(self.broker.published)}"
            body = encode(fact, id=id_, source=f"habeas/{service}", time=self.clock())
            await self.broker.publish([Message(EVENTS, fact.TYPE, body, id_)])
        await self.work()

    async def compare(self, compared: IdentityCompared) -> None:
        """Have the last claim compared with the records, and the moment come when the person is told."""
        await self.tell(compared)
        moment = f"{CLAIM_NOTICE}{len(self.facts(IdentityClaimed))}_0"
        await self.tell(TimeCame(request_id=compared.request_id, name=moment), service="verifier")

    async def fire(self, kind: str, case: str) -> None:
        """Let time pass until the last timer of *kind* that the verifier has set for *case*, and fire it."""
        name, at = [
            (n, at) for (c, n), at in self.timers.moments.items() if c == case and n.startswith(kind)
        ][-1]
        self.clock.now = max(self.clock.now, at)
        await self.tell(TimeCame(request_id=case, name=name), service="verifier")

    async def work(self) -> None:
        """Let the services do all there is to do now."""
        await self.broker.drain(*self._runtimes)

    async def wait(self, by: timedelta) -> None:
        """Let time pass for clock, broker and queue of waiting requests."""
        self.clock.move(by)
        await self.broker.advance(by)
        for lodged in list(self.queue.held.values()):
            if await self.requests.start(lodged):
                await self.queue.begun([lodged.request_id], self.clock())
        await self.work()

    def events(self) -> list[Event]:
        """Return all facts that were published; one that was published again is the same fact."""
        bodies = {m.message_id: m.body for m in reversed(self.broker.published) if m.exchange == EVENTS}
        return [
            decode(body, exchange=EVENTS, content_type=STRUCTURED, headers={}).event
            for body in reversed(bodies.values())
        ]

    def facts(self, kind: type[F]) -> list[F]:
        """Return the facts of *kind* that were published, or recorded if they never are."""
        if not kind.PUBLISHED:
            return [fact for row in self.rows() for fact in row.facts if isinstance(fact, kind)]
        return [event for event in self.events() if isinstance(event, kind)]

    def the(self, kind: type[F]) -> F:
        """Return the only fact of *kind* that was published."""
        (fact,) = self.facts(kind)
        return fact

    def records(self, kind: type[F]) -> list[F]:
        """Return the facts of *kind* in the journals, also those that are not published."""
        return [fact for row in self.rows() for fact in row.facts if isinstance(fact, kind)]

    def sealed(self, case: str) -> dict[str, bytes]:
        """Return what the vault holds of *case*."""
        return self.vault.items.get(case, {})

    def code_of(self, case: str, ref: str) -> str:
        """Return the digits that were mailed."""
        return self.vault.items[case][ref].decode()

    def rows(self) -> list[JournalRow]:
        """Return every row of every journal."""
        return [row for journal in self.journals.values() for row in journal.rows.values()]


RETRY = timedelta(hours=24)


def wrong(code: str) -> str:
    """Return digits that are not those of *code*."""
    return f"{(int(code) + 1) % 10**6:06}"
