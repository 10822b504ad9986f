"""
A state machine of cases against the real services: whatever happens, and in whichever order, all holds.

The model is small and of the public contract: statuses, letters, last days, records. Hypothesis chooses what
people, staff, time and accidents do; after each step every case must be as the model has it.
"""

import asyncio
import base64
import json
import os
import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from habeas.embedded.installation import COMPANY
from habeas.embedded.stack import Stack
from services.intake.domain import request_id
from shared.contract import topology
from shared.contract.codes import LIFETIME, MOST_ISSUED, TRIES
from shared.contract.envelope import encode
from shared.contract.events import (
    AppealDecided,
    AppealSubmitted,
    Decision,
    ErasureApproved,
    ExtensionDecided,
    Fact,
    HoldLifted,
    HoldPlaced,
    IdentityDecided,
    IdentityVerified,
    LetterKind,
    NoticeSent,
    ProofSubmitted,
    RequestClosed,
    RequestFulfilled,
    RequestReceived,
    RequestSubmitted,
    Submission,
    WithdrawalSubmitted,
)
from shared.contract.staff import decision_id
from shared.contract.status import RequestStatus
from shared.law import (
    DeadlineCalculator,
    ProtectedPerson,
    Right,
    Role,
    TimedDuty,
    applicable,
    end_of,
    strictest,
)
from shared.law.calendars import calendar_named
from shared.law.company import CompanyProfile
from shared.law.library import company, policies
from shared.runtime.broker import Message, declare, user_of
from shared.runtime.key_rings import derived_key
from shared.runtime.mongo import Document
from shared.vocabulary import HoldScope
from tests.extent import CAMPAIGN, extent
from tests.integration.scheduled_services import ScheduledServices, scheduled_services
from tests.mailbox import Mailbox
from tests.staff import StaffRoom

T = TypeVar("T")

EXAMPLES, STEPS = extent(3, 150), extent(10, 40)
"""Lives that are tried, and steps of each."""
SHOP = "shop"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WINDOW = DAY
PATIENCE = 10 * DAY
PACKAGE_LIFETIME = 14 * DAY
REMINDED_BEFORE = 7 * DAY
"""Time before the end of a package at which the person is reminded of it."""
NEXT_LATE_LETTER = 7 * DAY
"""After the letter about a late answer another one follows, unless there is an answer."""
MOST_CASES = 5
"""In one life."""
LAST_BOUNDARY = 16
"""Of a message: the first and last one at which a process may die while it handles that."""
DISCLOSING = (Right.ACCESS, Right.PORTABILITY, Right.KNOW_CATEGORIES)
PROOFLESS = (Right.OPT_OUT_OF_SALE, Right.LIMIT_SENSITIVE_USE, Right.CONSENT_WITHDRAWAL)
REFERRED = (Right.OBJECTION, Right.RESTRICTION)
"""The data map says nothing about them: the staff answers by hand."""
SERVICES = ("intake", "verifier", "fulfillment", "notifier", "codes")
RIGHTS = (*DISCLOSING, *PROOFLESS, *REFERRED, Right.ERASURE, Right.ERASURE, Right.ERASURE)
MAP = """
dataset:
  - fides_key: {prefix}shop
    collections:
      - name: users
        meta:
          habeas: {{ erasure: delete, purpose: {{en: To sell}}, legal_basis: {{en: Art. 6(1)(a) GDPR}} }}
        fields:
          - {{ name: _id, fides_meta: {{ primary_key: true }} }}
          - {{ name: email, data_categories: [user.contact.email], fides_meta: {{ identity: email }} }}
          - {{ name: name, data_categories: [user.name] }}
"""


# --- the model ----------------------------------------------------------------------------------------------


@dataclass
class ModelledCase:
    """A request as the contract has it."""

    id: str
    person: str
    reference: str
    right: Right
    received_at: datetime
    due_on: date
    body: bytes
    status: RequestStatus = RequestStatus.CHALLENGED
    letters: Counter[str] = field(default_factory=Counter)
    codes: int = 1
    tries: int = TRIES
    code_until: datetime | None = None
    lapses_at: datetime | None = None
    reminded_at: datetime | None = None
    """When the person is reminded of the proof."""
    erased_at: datetime | None = None
    """When the window of the erasure ends."""
    late_at: datetime | None = None
    """When a letter says that the answer is late."""
    expiring_at: datetime | None = None
    """When a letter says that the package expires."""
    extended: bool = False
    hold: str = ""
    """The hold that keeps the record."""
    erased: bool = False
    complaint: bool = False
    """Whether one is open."""

    @property
    def open(self) -> bool:
        """Whether it is not answered yet."""
        return self.status is not RequestStatus.CLOSED

    @property
    def awaits_approval(self) -> bool:
        """Whether a second person has to approve of its erasure."""
        return self.status is RequestStatus.VERIFIED and self.erased_at is None

    def close(self, letter: LetterKind) -> None:
        """End it with *letter*."""
        self.letters[letter] += 1
        self.status = RequestStatus.CLOSED
        self.lapses_at = self.reminded_at = self.erased_at = self.late_at = None

    def moments(self) -> Iterator[datetime]:
        """Yield the moments at which something happens by itself."""
        moments = (self.lapses_at, self.reminded_at, self.erased_at, self.late_at, self.expiring_at)
        yield from (moment for moment in moments if moment is not None)

    def happens(self, now: datetime, zone: ZoneInfo) -> None:
        """Let what is due *now* happen."""
        if self.reminded_at == now:
            self.letters[LetterKind.REMINDER] += 1
            self.reminded_at = None
        if self.lapses_at == now:
            self.close(LetterKind.REFUSAL)
        if self.erased_at == now:
            self.erased = not self.hold
            self.close(LetterKind.OUTCOME)
        if self.late_at == now:
            self.letters[LetterKind.LATE] += 1
            self.late_at = end_of(now.astimezone(zone).date() + NEXT_LATE_LETTER, zone)
        if self.expiring_at == now:
            self.letters[LetterKind.PACKAGE_EXPIRING] += 1
            self.expiring_at = None


class LawLibrary:
    """Last days by the law alone."""

    def __init__(self, profile: CompanyProfile) -> None:
        self.company = profile

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the company."""
        return self.company.zone

    def last_day(self, right: Right, received_at: datetime, duty: TimedDuty = TimedDuty.ANSWER) -> date:
        """Return the last day for *duty*, of a person in Germany."""
        day = received_at.astimezone(self.zone).date()
        laws = applicable(policies(), self.company, ProtectedPerson("DE", Role.CONSUMER, None), day)
        counted = strictest(laws, duty, right, DeadlineCalculator(self.company, calendar_named, received_at))
        assert counted is not None
        return counted.last.due_on


# --- the world ----------------------------------------------------------------------------------------------


@dataclass
class World:
    """The services, the shop, the staff and the mail server, driven from outside of their event loop."""

    runner: asyncio.Runner
    services: ScheduledServices
    room: StaffRoom
    mail: Mailbox
    law: LawLibrary
    people: int = 0
    lives: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    """Statuses of all cases at the end of a life, and letters."""

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of *work*."""
        return self.runner.run(work)

    @property
    def now(self) -> datetime:
        """The moment that it is."""
        return self.services.now

    @property
    def users(self) -> Any:
        """The records of the shop."""
        return self.services.client[f"{self.services.prefix}shop"]["users"]

    def id_of(self, reference: str) -> str:
        """Return the id of the request with the *reference* of the shop."""
        return request_id(SHOP, reference, key=derived_key(self.services.root_key, "request ids"))

    async def new_person(self) -> str:
        """Return the name of a person whom the shop knows."""
        self.people += 1
        name = f"person{self.people}"
        await self.users.insert_one(_record(name))
        return name

    async def records(self, people: Iterable[str]) -> list[Document]:
        """Return the records of *people* in the shop."""
        return [one async for one in self.users.find({"_id": {"$in": [*people]}})]

    def submission(self, kind: type[Submission], **data: Any) -> bytes:
        """Return the event by which the shop says something."""
        event = {"specversion": "1.0", "id": uuid.uuid4().hex, "source": SHOP, "type": kind.TYPE}
        return json.dumps(event | {"time": self.now.isoformat(), "data": data}).encode()

    async def say(self, kind: type[Submission], body: bytes) -> None:
        """Have the shop publish *body*, and the services work."""
        await self.services.publish(Message(topology.REQUESTS, kind.TYPE, body, uuid.uuid4().hex))
        await self.services.settle()

    async def decide(self, decision: Decision) -> None:
        """Have an account of the staff decide, and the services work."""
        signed = await self.room.signed(decision, at=self.now)
        id_ = decision_id(signed)
        body = encode(signed, id=id_, source="habeas/intake", time=self.now)
        await self.services.publish(Message(topology.EVENTS, decision.TYPE, body, id_))
        await self.services.settle()

    async def code(self, case: ModelledCase) -> str:
        """Return the code of the newest letter."""
        return (await self.services.vault.open(case.id, f"code_{case.codes - 1}")).decode()

    async def facts(self, case: ModelledCase) -> list[Fact]:
        """Return all facts that the services have published about *case*."""
        rows = [row for name in self.services.parts for row in await self.services.history(name, case.id)]
        return [fact for row in rows for fact in row.facts if fact.PUBLISHED]

    def mails_to(self, person: str) -> Counter[str]:
        """Return how often each letter to *person* was handed to the mail server, by its Message-ID."""
        found = self.mail.to(f"{person}@example.org")
        return Counter(str(letter.message["Message-ID"]) for letter in found)


@asynccontextmanager
async def world_of(
    runner: asyncio.Runner, parts: Stack, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    """Start everything; the databases are dropped at the end."""
    name, prefix = f"test-{uuid.uuid4().hex}", f"t{uuid.uuid4().hex[:12]}"
    await parts.broker.add_vhost(name)
    url = parts.broker.url_of(name)
    await declare(url)
    (folder / "map").mkdir()
    (folder / "map" / "map.yml").write_text(MAP.format(prefix=prefix), encoding="utf-8")
    environment = {
        "HABEAS_AMQP_URL": url,
        "HABEAS_MONGO_URL": parts.mongo_url,
        "HABEAS_DATABASE_PREFIX": prefix,
        "HABEAS_SMTP_URL": parts.smtp_url,
        "HABEAS_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
        "HABEAS_PUBLIC_URL": "http://127.0.0.1:8080",
        "HABEAS_DATAMAP": str(folder / "map"),
        "HABEAS_SOURCES": json.dumps({user_of(url): [SHOP]}),
        "HABEAS_COMPANY": str(COMPANY),
        "HABEAS_MAIL_FROM": "Shop <privacy@shop.example>",
        "HABEAS_ERASURE_APPROVAL": "always",
        "HABEAS_ERASURE_WINDOW": "P1D",
        "HABEAS_PROOF_PATIENCE": f"P{PATIENCE.days}D",
        "HABEAS_PACKAGE_LIFETIME": f"P{PACKAGE_LIFETIME.days}D",
        "HABEAS_LETTERS_PER_DAY": "1000",
    }
    async with scheduled_services(environment, monkeypatch) as services:
        mail = Mailbox.from_now_on(parts.smtp_url, parts.mail_folder)
        yield World(runner, services, StaffRoom(services.staff), mail, LawLibrary(company(str(COMPANY))))
        names = await services.client.list_database_names()
        await asyncio.gather(*(services.client.drop_database(one) for one in names if one.startswith(prefix)))


# --- the machine --------------------------------------------------------------------------------------------

_SEEDS = st.integers(0, 2**16)
Step = TypeVar("Step", bound=Callable[..., None])
Fits: TypeAlias = Callable[[ModelledCase], bool]


def _any(_case: ModelledCase) -> bool:
    return True


def _open(case: ModelledCase) -> bool:
    return case.open


def _closed(case: ModelledCase) -> bool:
    return not case.open


def _challenged(case: ModelledCase) -> bool:
    return case.status is RequestStatus.CHALLENGED


def _guessable(case: ModelledCase) -> bool:
    return _challenged(case) and case.tries > 1


def _holdable(case: ModelledCase) -> bool:
    return case.status is RequestStatus.VERIFIED and not case.hold


def _held(case: ModelledCase) -> bool:
    return case.open and bool(case.hold)


def _about(fits: Fits) -> Callable[[Step], Step]:
    """Return a precondition: there is a case that fits."""
    return precondition(lambda self: any(map(fits, self.cases)))


class CaseMachine(RuleBasedStateMachine):
    """Steps of people, staff, time and accidents."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.cases: list[ModelledCase] = []
        self.bystander = self.world.do(self.world.new_person())
        self.crashes = self.world.services.crashes
        self.world.services.router.parked.clear()

    def teardown(self) -> None:
        """Leave nothing behind that goes on in the next life."""
        self._mails_are_as_the_model_has_them()
        self.world.lives += 1
        for case in self.cases:
            self.world.ends.update([f"{case.right} {case.status}", *map(str, case.letters.elements())])
        self.world.services.chance.dies_at = float("inf")
        self.world.services.chance.disorder = False
        self.world.do(self.world.services.forget_timers())

    def _one(self, number: int, fits: Fits = _any) -> ModelledCase:
        """Return one of the cases that fit."""
        found = [one for one in self.cases if fits(one)]
        return found[number % len(found)]

    # --- accidents ------------------------------------------------------------------------------------------

    @rule(seed=_SEEDS, disorder=st.booleans())
    def deliver_in_another_order_and_twice(self, seed: int, *, disorder: bool) -> None:
        """From now on messages come in another order than they were sent, and some of them twice; or not."""
        self.world.services.chance.random = random.Random(seed)
        self.world.services.chance.disorder = disorder

    @rule(boundary=st.integers(1, LAST_BOUNDARY))
    def die_soon(self, boundary: int) -> None:
        """Kill the process at a write of the next message that has so many."""
        self.world.services.chance.dies_at = boundary

    @rule(name=st.sampled_from(SERVICES))
    def start_again(self, name: str) -> None:
        """Kill and start the process of a service between two messages."""
        self.world.do(self.world.services.crash(name))

    # --- people ---------------------------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        """Begin with an erasure and a request for a copy: most can happen to them."""
        self.submit(Right.ERASURE)
        self.submit(Right.ACCESS)

    @precondition(lambda self: len(self.cases) < MOST_CASES)
    @rule(right=st.sampled_from(RIGHTS))
    def submit_another(self, right: Right) -> None:
        """Have the shop submit a request of a new person."""
        self.submit(right)

    def submit(self, right: Right) -> None:
        """Submit a request of a new person."""
        world, now = self.world, self.world.now
        person, reference = world.do(world.new_person()), uuid.uuid4().hex
        subject = {"name": person, "email": f"{person}@example.org"}
        data = {"reference": reference, "right": right, "subject": subject, "residence": {"country": "DE"}}
        body = world.submission(RequestSubmitted, **data)
        due_on = world.law.last_day(right, now)
        case = ModelledCase(world.id_of(reference), person, reference, right, now, due_on, body)
        world.do(world.say(RequestSubmitted, body))
        if right in PROOFLESS:
            case.letters[LetterKind.ACKNOWLEDGEMENT] += 1
            case.close(LetterKind.OUTCOME)
        else:
            case.lapses_at, case.late_at = now + PATIENCE, end_of(due_on, world.law.zone)
            self._ask_for_code(case)
        self.cases.append(case)

    def _ask_for_code(self, case: ModelledCase) -> None:
        now = self.world.now
        case.letters[LetterKind.CODE] += 1
        case.tries, case.code_until = TRIES, now + LIFETIME
        assert case.lapses_at is not None
        case.reminded_at = _stored(now + (case.lapses_at - now) / 2)

    @_about(_any)
    @rule(number=_SEEDS, same=st.booleans())
    def submit_again(self, number: int, *, same: bool) -> None:
        """Publish a request again, as the same event or as another one: it is the same request."""
        body = json.loads(self._one(number).body)
        body |= {} if same else {"id": uuid.uuid4().hex}
        self.world.do(self.world.say(RequestSubmitted, json.dumps(body).encode()))

    @_about(_challenged)
    @rule(number=_SEEDS)
    def prove(self, number: int) -> None:
        """Offer the code of the newest letter; it counts for half an hour."""
        case = self._one(number, _challenged)
        code = self.world.do(self.world.code(case))
        self._offer(case, {"kind": "email_code", "code": code})
        assert case.code_until is not None
        if self.world.now < case.code_until:
            self._prove(case)

    def _prove(self, case: ModelledCase) -> None:
        case.lapses_at = case.reminded_at = None
        if case.right in DISCLOSING:
            case.close(LetterKind.OUTCOME)
            case.expiring_at = self.world.now + PACKAGE_LIFETIME - REMINDED_BEFORE
        else:
            case.status = RequestStatus.REFERRED if case.right in REFERRED else RequestStatus.VERIFIED

    @_about(_guessable)
    @rule(number=_SEEDS)
    def prove_wrongly(self, number: int) -> None:
        """Offer a code that is none; the fifth one is left out, for it ends the tries."""
        case = self._one(number, _guessable)
        self._offer(case, {"kind": "email_code", "code": "BCDF-GHJK"})
        assert case.code_until is not None
        case.tries -= self.world.now < case.code_until

    @_about(_challenged)
    @rule(number=_SEEDS)
    def ask_for_another_code(self, number: int) -> None:
        """Have another code mailed, once the last one has expired."""
        case = self._one(number, _challenged)
        assert case.code_until is not None
        if case.codes < MOST_ISSUED and case.code_until <= self.world.now:
            self._offer(case, {"kind": "new_code"})
            case.codes += 1
            self._ask_for_code(case)

    def _offer(self, case: ModelledCase, proof: dict[str, str]) -> None:
        body = self.world.submission(ProofSubmitted, reference=case.reference, proofs=[proof])
        self.world.do(self.world.say(ProofSubmitted, body))

    @_about(_any)
    @rule(number=_SEEDS)
    def withdraw(self, number: int) -> None:
        """Take a request back; one that is answered stays as it is."""
        case = self._one(number)
        body = self.world.submission(WithdrawalSubmitted, reference=case.reference)
        self.world.do(self.world.say(WithdrawalSubmitted, body))
        if case.open:
            case.close(LetterKind.WITHDRAWN)

    @_about(_closed)
    @rule(number=_SEEDS)
    def complain(self, number: int) -> None:
        """Complain about an answer; while a complaint is open there is no other."""
        case = self._one(number, _closed)
        body = self.world.submission(AppealSubmitted, reference=case.reference, statement="I disagree.")
        self.world.do(self.world.say(AppealSubmitted, body))
        case.letters[LetterKind.COMPLAINT_RECEIVED] += not case.complaint
        case.complaint = True

    # --- staff ----------------------------------------------------------------------------------------------

    @_about(_any)
    @rule(number=_SEEDS)
    def extend(self, number: int) -> None:
        """Need longer for an answer: once, and in the first period."""
        case = self._one(number)
        decision = ExtensionDecided(request_id=case.id, by="anna", reason="complexity")
        self.world.do(self.world.decide(decision))
        zone, duty = self.world.law.zone, TimedDuty.EXTENDED_ANSWER
        if case.open and not case.extended and self.world.now < end_of(case.due_on, zone):
            case.extended = True
            case.due_on = self.world.law.last_day(case.right, case.received_at, duty)
            case.late_at = end_of(case.due_on, zone)
            case.letters[LetterKind.EXTENSION] += 1

    @_about(_any)
    @rule(number=_SEEDS)
    def refuse(self, number: int) -> None:
        """Decide that the requester is not the person."""
        case, reason = self._one(number), "identity_not_established"
        decision = IdentityDecided(request_id=case.id, by="anna", verified=False, reason=reason)
        self.world.do(self.world.decide(decision))
        if _challenged(case):
            case.close(LetterKind.REFUSAL)

    @_about(_any)
    @rule(number=_SEEDS)
    def approve(self, number: int) -> None:
        """Approve of an erasure, which then waits for its window."""
        case = self._one(number)
        self.world.do(self.world.decide(ErasureApproved(request_id=case.id, by="emil")))
        if case.awaits_approval:
            case.letters[LetterKind.ERASURE_SCHEDULED] += 1
            case.erased_at = self.world.now + WINDOW

    @_about(_holdable)
    @rule(number=_SEEDS)
    def hold(self, number: int) -> None:
        """Keep the records of an erasure that has not begun."""
        case = self._one(number, _holdable)
        case.hold = uuid.uuid4().hex
        placed = HoldPlaced(
            request_id=case.id, by="dana", hold=case.hold, scope=HoldScope.REQUEST, matter="claim_1"
        )
        self.world.do(self.world.decide(placed))

    @_about(_held)
    @rule(number=_SEEDS)
    def lift(self, number: int) -> None:
        """End a hold before the erasure begins: nothing keeps the records then."""
        case = self._one(number, _held)
        lifted = HoldLifted(request_id=case.id, by="dana", hold=case.hold, reason="over")
        self.world.do(self.world.decide(lifted))
        case.hold = ""

    @_about(_closed)
    @rule(number=_SEEDS)
    def decide_complaint(self, number: int) -> None:
        """Decide on a complaint, and grant nothing."""
        case, reasons = self._one(number, _closed), ("legal_claims",)
        decision = AppealDecided(request_id=case.id, by="judge", granted=False, reasons=reasons)
        self.world.do(self.world.decide(decision))
        case.letters[LetterKind.COMPLAINT_DECIDED] += case.complaint
        case.complaint = False

    # --- time -----------------------------------------------------------------------------------------------

    @rule(by=st.sampled_from([5 * MINUTE, 45 * MINUTE, 12 * HOUR, 2 * DAY, 8 * DAY]))
    def pass_time(self, by: timedelta) -> None:
        """Let time pass; what is due on the way happens by itself."""
        self._pass_until(self.world.now + by)

    @_about(_open)
    @rule(number=_SEEDS)
    def pass_the_last_day(self, number: int) -> None:
        """Let time pass until the last day of an open request is over."""
        case = self._one(number, _open)
        self._pass_until(end_of(case.due_on, self.world.law.zone) + HOUR)

    def _pass_until(self, until: datetime) -> None:
        if until > self.world.now:
            self.world.do(self.world.services.pass_time(until - self.world.now))
        while coming := [one for case in self.cases for one in case.moments() if one <= until]:
            for case in self.cases:
                case.happens(min(coming), self.world.law.zone)

    # --- what must hold -------------------------------------------------------------------------------------

    @invariant()
    def each_case_is_as_the_model_has_it(self) -> None:
        """Compare status, last day, letters and events of each case."""
        self.world.do(self._check_cases())

    async def _check_cases(self) -> None:
        for case in self.cases:
            state = await self.world.services.state("intake", case.id)
            facts = await self.world.facts(case)
            sent = Counter(str(fact.letter) for fact in facts if isinstance(fact, NoticeSent))
            expected = (case.status, case.due_on, +Counter({str(k): n for k, n in case.letters.items()}))
            assert (RequestStatus(state.status), state.due_on, sent) == expected, case
            kinds = Counter(type(fact) for fact in facts)
            assert kinds[RequestReceived] == 1
            assert kinds[RequestClosed] == (not case.open)
            assert max(kinds[IdentityVerified], kinds[RequestFulfilled]) <= 1

    @invariant()
    def records_of_others_are_untouched(self) -> None:
        """Only the records of granted erasures are gone, and no other has changed."""
        people = {one.person: one.erased for one in self.cases} | {self.bystander: False}
        kept = [_record(person) for person, erased in people.items() if not erased]
        found = self.world.do(self.world.records(people))
        assert sorted(found, key=_name) == sorted(kept, key=_name)

    @invariant()
    def nothing_is_parked_and_no_event_has_two_contents(self) -> None:
        """Every message was handled, and each event was published with the same bytes each time."""
        router = self.world.services.router
        assert router.parked == []
        assert [id_ for id_, bodies in router.bodies.items() if len(bodies) > 1] == []

    def _mails_are_as_the_model_has_them(self) -> None:
        """Check that each letter was mailed once; after a crash perhaps again, under the same Message-ID."""
        crashed = self.world.services.crashes > self.crashes
        for case in self.cases:
            mails = self.world.mails_to(case.person)
            assert len(mails) == case.letters.total(), case
            assert crashed or max(mails.values()) == 1, case


def _record(person: str) -> Document:
    return {"_id": person, "email": f"{person}@example.org", "name": person}


def _name(record: Document) -> str:
    return str(record["_id"])


def _stored(moment: datetime) -> datetime:
    """Return *moment* as the database keeps it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@pytest.fixture(scope="module")
def world(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Everything, for all lives of this file."""
    if parts is None:
        pytest.skip("a virtual host of our own is needed")
    with pytest.MonkeyPatch.context() as monkeypatch, asyncio.Runner() as runner:
        opened = world_of(runner, parts, tmp_path_factory.mktemp("world"), monkeypatch)
        CaseMachine.world = runner.run(opened.__aenter__())
        try:
            yield CaseMachine.world
        finally:
            runner.run(opened.__aexit__(None, None, None))


def checked(machine: CaseMachine, *steps: Callable[[], None]) -> None:
    """Take *steps*, and check each case after each of them."""
    for step in steps:
        step()
        machine.each_case_is_as_the_model_has_it()
        machine.records_of_others_are_untouched()
        machine.nothing_is_parked_and_no_event_has_two_contents()


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(("seed", "boundary", "lifted"), [(1, 2, True), (2, 5, False)])
def test_erasure_and_copy_end_as_agreed_despite_crashes_and_disorder(
    seed: int, boundary: int, *, lifted: bool
) -> None:
    machine = CaseMachine()
    erasure, copy = 0, 1
    checked(
        machine,
        lambda: machine.deliver_in_another_order_and_twice(seed, disorder=True),
        machine.begin,
        lambda: machine.prove_wrongly(erasure),
        lambda: machine.die_soon(boundary),
        lambda: machine.prove(copy),
        lambda: machine.die_soon(boundary + 1),
        lambda: machine.prove(erasure),
        lambda: machine.submit_again(erasure, same=True),
        lambda: machine.hold(erasure),
        *([lambda: machine.lift(erasure)] if lifted else []),
        lambda: machine.extend(erasure),
        lambda: machine.approve(erasure),
        lambda: machine.die_soon(boundary + 2),
        lambda: machine.pass_time(2 * DAY),
        lambda: machine.withdraw(erasure),
        lambda: machine.complain(copy),
        lambda: machine.pass_time(8 * DAY),
    )
    statuses = [case.status for case in machine.cases]
    assert (statuses, machine.cases[erasure].erased) == ([RequestStatus.CLOSED] * 2, lifted)
    machine.teardown()


@pytest.mark.campaign
@pytest.mark.timeout(extent(180, 7_200))
def test_cases_live_as_the_model_says_whatever_happens(world: World) -> None:
    run_state_machine_as_test(
        CaseMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=not CAMPAIGN,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink] if CAMPAIGN else [Phase.generate],
        ),
    )
    crashes, ends = world.services.crashes, dict(world.ends.most_common())
    print(f"{world.lives} lives, {crashes} crashes: {ends}")  # noqa: T201 - `pytest -rP`
