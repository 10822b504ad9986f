"""The runtime: in any failure the effect of a message happens once and its facts go out alike."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest

from shared.contract import topology
from shared.contract.envelope import Envelope, derived_id, encode
from shared.contract.events import (
    ErasurePlanned,
    Event,
    Fact,
    IdentityClaimed,
    IdentityCompared,
    IdentityVerified,
    RequestRejected,
    RequestSubmitted,
    RequestWithdrawn,
    SubjectErased,
    SubmissionError,
    UnreadableSubmission,
)
from shared.contract.sources import Bindings
from shared.errors import BrokerUnavailable, PermanentError, StoreUnavailable, TransientError
from shared.runtime import message_origin, retry_policy, service
from shared.runtime.broker import Delivery, Message
from shared.runtime.journal import JournalRow
from shared.runtime.message_origin import Origin, OriginSeals
from shared.runtime.service import PATIENCE_S, ConfirmedRows, Moment, Runtime, Service, on
from tests.runtime_fakes import MemoryBroker, MemoryJournal
from tests.waiting import eventually

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
CASE = "a" * 32
OTHER = "b" * 32
SECRET = "ada@example.org"


def planned(request_id: str, plan: str = "plan_1") -> ErasurePlanned:
    return ErasurePlanned(
        request_id=request_id,
        plan=plan,
        regulation="gdpr",
        received_on=date(2026, 3, 1),
    )


def case(number: int) -> str:
    return f"{number:032x}"


@dataclass
class Desk:
    """What the handlers of a test share: an effect per call, and what goes wrong."""

    calls: list[str] = field(default_factory=list)
    errors: dict[str, list[BaseException]] = field(default_factory=dict)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    takes_s: dict[str, float] = field(default_factory=dict)
    at: Counter[str] = field(default_factory=Counter)
    beside_itself: bool = False

    async def plan(self, event: IdentityVerified, moment: Moment[int]) -> Sequence[Fact]:
        del moment
        await self.work(event.request_id)
        return [planned(event.request_id, f"plan_{self.calls.count(event.request_id)}")]

    async def erase(self, event: ErasurePlanned, moment: Moment[int]) -> Sequence[Fact]:
        del moment
        await self.work(event.request_id)
        return [SubjectErased(request_id=event.request_id, identifiers={})]

    async def withdraw(self, event: RequestWithdrawn, moment: Moment[int]) -> Sequence[Fact]:
        self.calls.append(f"{event.request_id} knows {moment.state}")
        return []

    async def compare(self, event: IdentityClaimed, moment: Moment[int]) -> Sequence[Fact]:
        del moment
        return [IdentityCompared(request_id=OTHER, agreed=len(event.proofs), claimed=0)]

    async def work(self, name: str) -> None:
        self.calls.append(name)
        self.at[name] += 1
        self.beside_itself |= self.at[name] > 1
        await asyncio.sleep(self.takes_s.get(name, 0))
        if name in self.gates:
            await self.gates[name].wait()
        self.at[name] -= 1
        if self.errors.get(name):
            raise self.errors[name].pop(0)


def count(state: int, _fact: Fact) -> int:
    return state + 1


def eraser(desk: Desk) -> Service[int, Moment[int]]:
    return Service(
        name="fulfillment",
        subscriptions=(
            on(IdentityVerified, desk.plan),
            on(ErasurePlanned, desk.erase),
            on(RequestWithdrawn, desk.withdraw),
            on(IdentityClaimed, desk.compare),
        ),
        start=0,
        evolve=count,
        context=lambda moment: moment,
    )


@dataclass
class World:
    """A runtime and everything around it."""

    desk: Desk = field(default_factory=Desk)
    broker: MemoryBroker = field(default_factory=MemoryBroker)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.runtime: Runtime[Any, Any] = Runtime(
            service=eraser(self.desk),
            journal=self.journal,
            inbox=self.broker.inbox("fulfillment"),
            publisher=self.broker,
            clock=lambda: self.now,
        )

    async def drain(self) -> None:
        await self.broker.drain(self.runtime)

    async def tell(self, *events: Fact, id: str | None = None) -> None:  # noqa: A002  CloudEvents' own name
        await self.broker.publish([message(event, id or f"event-{event.request_id}") for event in events])

    def plans(self) -> list[Message]:
        return [m for m in self.broker.published if m.routing_key == ErasurePlanned.TYPE]

    def headers(self) -> dict[str, Any]:
        [parked] = self.broker.parked("fulfillment")
        return dict(parked.headers)


def message(fact: Fact, id: str) -> Message:  # noqa: A002  CloudEvents' own name
    body = encode(fact, id=id, source="habeas/test", time=NOW)
    return Message(fact.EXCHANGE, fact.TYPE, body, id, mandatory=not fact.TERMINAL)


def verified(request_id: str = CASE) -> IdentityVerified:
    return IdentityVerified(
        request_id=request_id,
        right="erasure",
        regulation="gdpr",
        received_on=date(2026, 3, 1),
        assurance="mailbox",
        reasons=(),
    )


@pytest.fixture
def world() -> World:
    return World()


async def test_an_event_leads_to_one_row_and_its_facts_are_published(world: World) -> None:
    await world.tell(verified())
    await world.drain()
    [first, *_] = [row for row in world.journal.rows.values() if row.n == 0]
    assert first.facts == (planned(CASE, "plan_1"),)
    [plan] = world.plans()
    assert orjson.loads(plan.body)["causationid"] == f"event-{CASE}"
    assert orjson.loads(plan.body)["correlationid"] == CASE
    assert SubjectErased.TYPE in [m.routing_key for m in world.broker.published]


async def test_a_redelivered_event_has_one_effect_and_publishes_the_same_bytes_again(world: World) -> None:
    await world.tell(verified(), verified())
    await world.drain()
    world.now += timedelta(hours=1)
    world.runtime = replace(world.runtime)  # another process, which knows of no confirmation
    await world.tell(verified())
    await world.drain()
    assert world.desk.calls.count(CASE) == 2, "planned once, erased once"
    first, *others = world.plans()
    assert len(others) == 1
    assert all((m.message_id, m.body) == (first.message_id, first.body) for m in others)


async def test_second_copy_of_a_fact_leads_to_no_copies_once_its_own_facts_are_confirmed(
    world: World,
) -> None:
    for _ in range(2):
        await world.tell(verified())
        await world.drain()
    assert len(world.plans()) == 1


def test_oldest_confirmations_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "CONFIRMED_ROWS", 2)
    known = ConfirmedRows()
    known.add(["1", "2"])
    known.add(["2", "3"])
    assert [key in known for key in "123"] == [False, True, True]


async def test_event_that_was_ordered_again_publishes_no_facts_of_a_known_row(world: World) -> None:
    again = replace(message(verified(), f"event-{CASE}"), headers={retry_policy.REPUBLISHED: True})
    for _ in range(2):
        await world.broker.publish([again])
        await world.drain()
    assert world.desk.calls.count(CASE) == 2, "planned once, erased once"
    assert len(world.plans()) == 1, "published by the new row, and by it alone"


async def test_event_that_was_ordered_again_publishes_the_facts_of_its_row_after_a_crash(
    world: World,
) -> None:
    again = replace(message(verified(), f"event-{CASE}"), headers={retry_policy.REPUBLISHED: True})
    await world.broker.publish([again])
    await world.drain()
    await world.broker.publish([again])
    inbox = world.broker.inbox("fulfillment")
    await inbox.take(1)
    inbox.lose()  # killed after the row was written, as far as the broker knows
    await world.drain()
    assert len(world.plans()) == 2


async def test_two_services_and_two_cases_never_publish_under_the_same_id() -> None:
    fact = planned(CASE, "p")
    row = JournalRow(CASE, 0, "1", None, (fact,), NOW)
    ids = {
        id_
        for service, reported in [("intake", row), ("verifier", row), ("intake", replace(row, case=OTHER))]
        for id_, _ in reported.published(service)
    }
    assert len(ids) == 3


async def test_one_upstream_id_used_for_two_cases_loses_no_publication(world: World) -> None:
    await world.tell(verified(CASE), verified(OTHER), id="1")
    await world.drain()
    assert {orjson.loads(m.body)["correlationid"] for m in world.plans()} == {CASE, OTHER}


async def test_a_failing_handler_leaves_no_trace(world: World) -> None:
    world.desk.errors[CASE] = [StoreUnavailable("away")]
    await world.tell(verified())
    await world.drain()
    assert not world.journal.rows
    assert not world.plans()
    assert len(world.broker.waiting()) == 1


async def test_context_is_left_once_after_each_handler_even_one_that_fails(world: World) -> None:
    left: list[str] = []
    service = replace(world.runtime.service, leave=lambda moment: left.append(moment.case))
    world.runtime = replace(world.runtime, service=service)
    world.desk.errors[OTHER] = [KeyError(SECRET)]
    await world.tell(verified(CASE), verified(OTHER))
    await world.drain()
    assert Counter(left) == {CASE: 2, OTHER: 1}


async def test_poisoned_message_does_not_affect_others_in_its_batch(world: World) -> None:
    world.desk.errors[case(3)] = [KeyError(SECRET)]
    await world.tell(*(verified(case(number)) for number in range(6)))
    await world.drain()
    assert len(world.plans()) == 5
    headers = world.headers()
    assert (headers[retry_policy.REASON], headers[retry_policy.ERROR]) == ("KeyError", "KeyError")
    assert headers[retry_policy.REQUEST] == case(3)
    assert headers[retry_policy.LOCATION].startswith("shared.runtime.service:Runtime.")
    assert SECRET not in str(headers)


@dataclass
class Picky(MemoryJournal):
    """A journal that takes no batch with a certain case in it."""

    spoilt: str = ""

    async def append(self, rows: Sequence[JournalRow]) -> frozenset[str]:
        if any(row.case == self.spoilt for row in rows):
            raise PermanentError("a value does not fit into a document")
        return await super().append(rows)

    async def histories(self, cases: set[str], *, partial: bool = False) -> dict[str, list[JournalRow]]:
        if OTHER in cases:
            raise PermanentError("a row of the journal does not read")
        return await super().histories(cases, partial=partial)


async def test_unwritable_row_does_not_affect_others_in_its_batch() -> None:
    world = World(journal=Picky(spoilt=case(2)))
    await world.tell(*(verified(case(number)) for number in range(5)))
    await world.drain()
    assert len(world.plans()) == 4
    assert [m.message_id for m in world.broker.parked("fulfillment")] == [f"event-{case(2)}"]


async def test_unreadable_history_does_not_affect_others_in_its_batch() -> None:
    world = World(journal=Picky())
    await world.tell(verified(CASE), verified(OTHER), verified(case(1)))
    await world.drain()
    assert len(world.plans()) == 2
    assert world.headers()[retry_policy.REASON] == "a row of the journal does not read"


async def test_two_events_of_one_case_in_one_batch_are_decided_one_after_the_other(world: World) -> None:
    await world.tell(verified())
    await world.broker.publish([message(RequestWithdrawn(request_id=CASE), "withdrawn")])
    world.desk.errors = {}
    await world.drain()
    assert world.desk.calls[:2] == [CASE, f"{CASE} knows 2"]


@pytest.mark.slow
async def test_six_hundred_copies_of_one_event_in_one_batch_are_one_event(world: World) -> None:
    await world.tell(*([verified()] * 600))
    await world.drain()
    assert world.desk.calls.count(CASE) == 2, "planned once, erased once"
    assert not world.broker.parked("fulfillment")


async def test_overtaken_replica_decides_again_on_the_newer_row(world: World) -> None:
    class Overtaking(MemoryJournal):
        async def append(self, rows: Sequence[JournalRow]) -> frozenset[str]:
            if not self.rows:
                theirs = JournalRow(CASE, 0, "theirs", None, (planned(CASE, "theirs"),), NOW)
                self.rows[theirs.key] = theirs
            return await super().append(rows)

    world = World(journal=Overtaking())
    await world.broker.publish([message(RequestWithdrawn(request_id=CASE), "withdrawn")])
    await world.drain()
    assert world.desk.calls == [f"{CASE} knows 0", f"{CASE} knows 1"]
    assert [row.cause for row in world.journal.rows.values()] == ["theirs", "withdrawn"]


@pytest.mark.slow
async def test_transient_trouble_climbs_the_ladder_and_is_parked_when_its_time_is_over(world: World) -> None:
    world.desk.errors[CASE] = [StoreUnavailable("the billing database is away")] * 1000
    await world.tell(verified())
    delays: list[str] = []
    await world.drain()
    while world.broker.waiting():
        [waiting] = world.broker.waiting()
        delays.append(waiting.routing_key)
        delay = topology.DELAYS[waiting.routing_key.split(".")[0]]
        world.now += delay
        await world.broker.advance(delay)
        await world.drain()
    assert delays[:6] == [f"{delay}.fulfillment" for delay in ("1s", "5s", "30s", "2m", "10m", "10m")]
    headers = world.headers()
    assert headers[retry_policy.REASON] == "the billing database is away"
    assert headers[retry_policy.FIRST_FAILURE] == NOW.isoformat()
    assert headers[retry_policy.ATTEMPT] == len(delays) + 1
    assert timedelta(hours=24) <= world.now - NOW <= timedelta(hours=24, minutes=10)


async def test_transient_trouble_that_passes_has_one_effect(world: World) -> None:
    world.desk.errors[CASE] = [StoreUnavailable("away"), asyncio.CancelledError()]
    await world.tell(verified())
    await world.drain()
    for delay in ("1s", "5s"):
        await world.broker.advance(topology.DELAYS[delay])
        await world.drain()
    assert len(world.journal.rows) == 2
    assert not world.broker.waiting()


async def test_permanent_trouble_is_parked_at_once_with_its_reason(world: World) -> None:
    world.desk.errors[CASE] = [PermanentError(f"case {CASE} has no key")]
    await world.tell(verified())
    await world.drain()
    headers = world.headers()
    assert headers[retry_policy.REASON] == f"case {CASE} has no key"
    assert headers[retry_policy.ATTEMPT] == 1
    assert (headers[message_origin.EXCHANGE], headers[message_origin.ROUTING_KEY]) == (
        topology.EVENTS,
        verified().TYPE,
    )
    assert not world.broker.waiting()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\x00\xff", id="binary garbage"),
        pytest.param(b'{"specversion": "1.0"}', id="no type"),
        pytest.param(b"[" * 10_000, id="deeply nested"),
    ],
)
async def test_malformed_event_is_parked_and_stops_no_other(world: World, body: bytes) -> None:
    await world.broker.publish([Message(topology.EVENTS, verified().TYPE, body, "garbage")])
    await world.tell(verified())
    await world.drain()
    [parked] = world.broker.parked("fulfillment")
    assert (parked.body, parked.headers[retry_policy.ERROR]) == (body, "Unreadable")
    assert len(world.plans()) == 1


async def test_an_event_without_a_handler_is_parked(world: World) -> None:
    await world.broker.publish(
        [replace(message(SubjectErased(request_id=CASE, identifiers={}), "1"), routing_key=verified().TYPE)]
    )
    await world.drain()
    assert "no handler for SubjectErased" in world.headers()[retry_policy.REASON]


async def test_a_handler_may_speak_of_its_own_case_only(world: World) -> None:
    await world.tell(IdentityClaimed(request_id=CASE, proofs=()))
    await world.drain()
    assert world.headers()[retry_policy.REASON] == f"{IdentityCompared.TYPE} does not speak of case {CASE}"
    assert not world.journal.rows


async def test_a_publisher_cannot_name_another_origin_in_a_header(world: World) -> None:
    forged = {
        message_origin.EXCHANGE: topology.EVENTS,
        retry_policy.ATTEMPT: "many",
        retry_policy.FIRST_FAILURE: "ever",
    }
    delivery = Delivery(
        topology.REQUESTS, "x", b"", "1", None, forged, redelivered=False, tag=1, channel=None
    )
    seals = OriginSeals("intake", (bytes(32),))
    assert seals.origin_of(delivery, NOW) == Origin(topology.REQUESTS, "x")
    failure = retry_policy.after_failure(
        delivery, TransientError("away"), seals, now=NOW, retry_for=timedelta(hours=1)
    )
    assert failure.message.headers[retry_policy.ATTEMPT] == 1
    assert failure.message.headers[message_origin.EXCHANGE] == topology.REQUESTS
    assert world.broker.published == []


@pytest.mark.slow
async def test_slow_handlers_do_not_hold_back_the_quick_ones(world: World) -> None:
    gate = world.desk.gates[CASE] = asyncio.Event()
    await world.tell(verified(CASE), verified(OTHER))
    running = asyncio.create_task(world.runtime.run())
    await eventually(lambda: len(world.plans()) == 1)
    assert f"{OTHER}:0" in world.journal.rows
    gate.set()
    await eventually(lambda: len(world.plans()) == 2)
    await stop(world, running)


@pytest.mark.slow
async def test_an_event_that_is_still_being_handled_is_not_handled_beside_itself(world: World) -> None:
    gate = world.desk.gates[CASE] = asyncio.Event()
    await world.tell(verified(CASE))
    running = asyncio.create_task(world.runtime.run())
    await eventually(lambda: CASE in world.runtime._under_way)
    world.broker.crash()
    await eventually(lambda: world.runtime._under_way[CASE] != [])
    gate.set()
    await eventually(lambda: f"{CASE}:1" in world.journal.rows)
    await stop(world, running)
    assert world.desk.calls.count(CASE) == 2, "planned once, erased once"
    assert len(world.plans()) == 2, "published again for the second delivery"


@pytest.mark.slow
async def test_slow_events_of_one_case_are_handled_in_turn_and_none_is_dropped(
    world: World,
) -> None:
    world.desk.takes_s[CASE] = PATIENCE_S * 1.2
    running = asyncio.create_task(world.runtime.run())
    for number in range(3):
        await world.broker.publish([message(verified(CASE), f"{number}-{part}") for part in "ab"])
        await asyncio.sleep(PATIENCE_S)
    await eventually(lambda: len(world.journal.rows) == 12)
    await stop(world, running)
    assert not world.desk.beside_itself
    assert world.desk.calls.count(CASE) == 12, "six planned, six erased"


@pytest.mark.slow
async def test_a_runtime_that_is_stopped_finishes_slow_handlers_first(world: World) -> None:
    gate = world.desk.gates[CASE] = asyncio.Event()
    await world.tell(verified(CASE))
    running = asyncio.create_task(world.runtime.run())
    await eventually(lambda: CASE in world.runtime._under_way)
    await world.runtime.inbox.stop()  # type: ignore[attr-defined]  # an inbox of memory has it
    asyncio.get_running_loop().call_later(0.05, gate.set)
    await running
    assert f"{CASE}:0" in world.journal.rows


@pytest.mark.slow
async def test_our_own_database_and_broker_being_away_holds_the_batch_and_changes_nothing(
    world: World,
) -> None:
    world.journal.refuses = [StoreUnavailable("read"), StoreUnavailable("read")]
    away = Flaky(world.broker, [BrokerUnavailable("not confirmed")])
    world.runtime.publisher = away
    await world.tell(verified())
    await world.drain()
    assert world.desk.calls.count(CASE) == 2, "planned once, erased once"
    assert not world.broker.waiting()
    assert not world.broker.parked("fulfillment")


async def test_batch_is_durable_before_it_is_published_and_published_before_it_is_settled(
    world: World,
) -> None:
    order: list[str] = []
    world.runtime.journal = Traced(world.journal, order)
    world.runtime.publisher = Traced(world.broker, order)
    world.runtime.inbox = Traced(world.runtime.inbox, order)
    await world.broker.publish([message(planned(CASE, "p"), "1")])
    await world.drain()
    assert order == ["append", "publish", "settle"]


@pytest.mark.parametrize("step", ["append", "publish", "settle"])
async def test_a_crash_after_any_step_loses_nothing_and_repeats_no_effect(world: World, step: str) -> None:
    part = {"append": "journal", "publish": "publisher", "settle": "inbox"}[step]
    whole = getattr(world.runtime, part)
    setattr(world.runtime, part, Crashing(whole, step))
    await world.tell(verified())
    with pytest.raises(asyncio.CancelledError):
        await world.drain()
    setattr(world.runtime, part, whole)
    world.broker.crash()
    await world.drain()
    assert [row.n for row in world.journal.rows.values()] == [0, 1]
    assert {m.message_id for m in world.plans()} == {derived_id(f"fulfillment/{CASE}/event-{CASE}", 0)}
    assert len({m.body for m in world.plans()}) == 1
    assert world.desk.calls.count(CASE) == 2, "planned once, erased once"


# --- submissions ---------------------------------------------------------------------------------------


@dataclass
class Register:
    """An intake that refuses the given user, and sets aside the given submissions."""

    errors: list[Exception] = field(default_factory=list)
    aside: list[UnreadableSubmission] = field(default_factory=list)

    async def register(self, event: RequestSubmitted, moment: Moment[int]) -> Sequence[Fact]:
        del event, moment
        if self.errors:
            raise self.errors[0]
        return []

    async def set_aside(self, event: UnreadableSubmission, moment: Moment[int]) -> Sequence[Fact]:
        self.aside.append(event)
        return [
            RequestRejected(
                request_id=moment.case, publisher_source=event.publisher_source,
                publisher_id=event.publisher_id, errors=event.flaws,
            )
        ]  # fmt: skip


def case_of(envelope: Envelope[Event]) -> str:
    event = envelope.event
    return derived_id(event.reference if isinstance(event, RequestSubmitted) else envelope.id, 0)


@pytest.fixture
def register() -> Register:
    return Register()


@pytest.fixture
def intake(register: Register) -> tuple[MemoryBroker, MemoryJournal, Runtime[Any, Any]]:
    broker, journal = MemoryBroker(), MemoryJournal()
    service = Service(
        name="intake",
        subscriptions=(on(RequestSubmitted, register.register), on(UnreadableSubmission, register.set_aside)),
        start=0,
        evolve=count,
        context=lambda moment: moment,
        case_of=case_of,
    )
    return broker, journal, Runtime(service, journal, broker.inbox("intake"), broker, clock=lambda: NOW)


def submission(id_: str = "1") -> Message:
    attributes = {"specversion": "1.0", "id": id_, "source": "portal", "type": RequestSubmitted.TYPE}
    data = {"reference": "r-1", "right": "access", "subject": {"email": SECRET}}
    body = orjson.dumps(attributes | {"time": NOW, "data": data})
    return Message(topology.REQUESTS, "anything", body, id_)


Intake = tuple[MemoryBroker, MemoryJournal, Runtime[Any, Any]]


@pytest.mark.parametrize("body", [b"\x00\xff garbage", b'{"specversion":"1.0","id":"7","source":"portal"}'])
async def test_a_submission_that_does_not_read_is_set_aside_once(
    intake: Intake, register: Register, body: bytes
) -> None:
    broker, journal, runtime = intake
    await broker.publish([Message(topology.REQUESTS, "x", body, f"{n}") for n in range(5)])
    await broker.drain(runtime)
    [aside] = register.aside
    assert aside.body == body
    assert not broker.parked("intake")
    [row] = journal.rows.values()
    assert row.event is None, "a journal keeps no submission"
    assert isinstance(row.facts[0], RequestRejected)


@pytest.mark.parametrize("user", [None, "rogue"])
async def test_submission_of_a_source_that_its_user_may_not_use_is_set_aside(
    intake: Intake, register: Register, user: str | None
) -> None:
    broker, journal, runtime = intake
    runtime.service = replace(runtime.service, refusal=Bindings({"shop": frozenset({"portal"})}).refusal)
    forged = {message_origin.USER: "shop"}
    await broker.publish([replace(submission("0"), user_id=user, headers=forged)])
    await broker.drain(runtime)
    [aside] = register.aside
    assert [flaw.path for flaw in aside.flaws] == ["source" if user else "user_id"]
    [row] = journal.rows.values()
    assert isinstance(row.facts[0], RequestRejected)
    await broker.publish([replace(submission("1"), user_id="shop")])
    await broker.drain(runtime)
    assert len(register.aside) == 1
    assert len(journal.rows) == 2


async def test_publisher_is_known_when_its_submission_is_tried_again(
    intake: Intake, register: Register
) -> None:
    broker, journal, runtime = intake
    runtime.service = replace(runtime.service, refusal=Bindings({"shop": frozenset({"portal"})}).refusal)
    register.errors = [StoreUnavailable("away")]
    await broker.publish([replace(submission(), user_id="shop")])
    await broker.drain(runtime)
    register.errors = []
    await broker.advance(timedelta(seconds=1))
    await broker.drain(runtime)
    assert not register.aside
    assert len(journal.rows) == 1


async def test_submission_that_names_itself_republished_publishes_its_facts_after_a_redelivery(
    intake: Intake,
) -> None:
    broker, _, runtime = intake
    forged = replace(submission(), body=b"garbage", headers={retry_policy.REPUBLISHED: True})
    for _ in range(2):
        await broker.publish([forged])
        await broker.drain(runtime)
    assert [one.routing_key for one in broker.published].count(RequestRejected.TYPE) == 2


@pytest.mark.slow
async def test_a_submission_that_can_never_be_handled_is_set_aside_and_not_parked(
    intake: Intake, register: Register
) -> None:
    broker, journal, runtime = intake
    await broker.publish([submission("0")])
    await broker.drain(runtime)
    register.errors = [KeyError(SECRET)]
    for _ in range(2):
        await broker.publish([submission("1")])
        await broker.drain(runtime)
    [aside] = register.aside
    assert aside.flaws == (SubmissionError(path="", message="could not be handled: KeyError"),)
    assert not broker.parked("intake")
    assert [row.n for row in journal.rows.values()] == [0, 0], "each the first of its own case"


async def test_a_submission_in_passing_trouble_is_tried_again(intake: Intake, register: Register) -> None:
    broker, _, runtime = intake
    register.errors = [StoreUnavailable("away")]
    await broker.publish([submission()])
    await broker.drain(runtime)
    [waiting] = broker.waiting()
    assert waiting.headers[message_origin.EXCHANGE] == topology.REQUESTS
    register.errors = []
    await broker.advance(timedelta(seconds=1))
    await broker.drain(runtime)
    assert register.aside == []
    assert not broker.waiting()


# --- fakes that fail -----------------------------------------------------------------------------------


@dataclass
class Flaky:
    """A publisher that fails a few times first."""

    whole: MemoryBroker
    errors: list[Exception]

    async def publish(self, messages: Sequence[Message]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        await self.whole.publish(messages)


class Traced:
    """Any part, writing down which of its steps that matter were taken."""

    def __init__(self, whole: Any, order: list[str]) -> None:
        self._whole = whole
        self._order = order

    def __getattr__(self, name: str) -> Any:
        if name in ("append", "publish", "settle"):
            self._order.append(name)
        return getattr(self._whole, name)


class Crashing:
    """Any part, with the process dying just after one of its steps (just before, for a settlement)."""

    def __init__(self, whole: Any, step: str) -> None:
        self._whole = whole
        self._step = step

    def __getattr__(self, name: str) -> Any:
        step: Callable[..., Awaitable[Any]] = getattr(self._whole, name)
        if name != self._step:
            return step

        async def crash(*arguments: Any) -> None:
            if name != "settle":
                await step(*arguments)
            raise asyncio.CancelledError

        return crash


async def stop(world: World, running: asyncio.Task[None]) -> None:
    await world.runtime.inbox.stop()  # type: ignore[attr-defined]  # an inbox of memory has it
    await running
