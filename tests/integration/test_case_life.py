"""
A state machine of cases against the real services: whatever happens, and in whichever order, all holds.

Hypothesis chooses what people, staff, time and accidents do; after each step every case must be as the small
model of the public contract has it (``modelled_case``).
"""

import asyncio
import json
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, TypeAlias, TypeVar

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

from habeas.embedded.stack import Stack
from shared.contract.events import (
    AppealDecided,
    DuplicateDecided,
    EmailCode,
    ErasureApproved,
    ExtensionDecided,
    HoldLifted,
    HoldPlaced,
    IdentityDecided,
    IdentityVerified,
    LetterKind,
    NewCode,
    NoticeSent,
    Outcome,
    PauseDecided,
    ReferralDecided,
    RequestClosed,
    RequestFulfilled,
    RequestReceived,
    RequestSubmitted,
    StopDecided,
)
from shared.contract.status import RequestStatus
from shared.law import Right, TimedDuty, end_of
from shared.runtime.mongo import Document
from shared.vocabulary import HoldScope, RefusalGround
from tests.extent import CAMPAIGN, extent
from tests.integration.case_world import World, record_of, world_of
from tests.integration.modelled_case import DISCLOSING, PROOFLESS, REFERRED, ModelledCase, ModelledShop

EXAMPLES, STEPS = extent(2, 150), extent(8, 40)
"""Lives that are tried, and steps of each."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MOST_CASES = 5
"""In one life."""
LAST_BOUNDARY = 16
"""Of a message: the first and last one at which a process may die while it handles that."""
SERVICES = ("intake", "verifier", "fulfillment", "notifier", "codes")
RIGHTS = (*DISCLOSING, *PROOFLESS, *REFERRED, Right.ERASURE, Right.ERASURE, Right.ERASURE)
DECIDERS = ("emil", "erna")
"""Accounts of which both must decide."""
BY_HAND = (Outcome.GRANTED, Outcome.REFUSED, Outcome.NOTHING_HELD)

_SEEDS = st.integers(0, 2**16)
_DECIDERS = st.sampled_from([("emil",), ("erna",), ("emil", "emil"), DECIDERS, ("erna", "erna", "emil")])
Step = TypeVar("Step", bound=Callable[..., None])
Fits: TypeAlias = Callable[[ModelledCase], bool]


def _any(_case: ModelledCase) -> bool:
    return True


def _open(case: ModelledCase) -> bool:
    return case.open


def _challenged(case: ModelledCase) -> bool:
    return case.challenged


def _guessable(case: ModelledCase) -> bool:
    return case.challenged and case.tries > 1 and (case.stopped or case.code_until is not None)


def _codeless(case: ModelledCase) -> bool:
    return case.challenged and not case.codes_used_up


def _planned(case: ModelledCase) -> bool:
    return case.status is RequestStatus.VERIFIED


def _unplanned(case: ModelledCase) -> bool:
    return case.status is RequestStatus.REFERRED


def _holdable(case: ModelledCase) -> bool:
    return _planned(case) and not case.hold


def _held(case: ModelledCase) -> bool:
    return case.open and bool(case.hold)


def _stopped(case: ModelledCase) -> bool:
    return case.stopped


def _disputed(case: ModelledCase) -> bool:
    return case.complaint


def _about(fits: Fits) -> Callable[[Step], Step]:
    """Return a precondition: there is a case that fits."""
    return precondition(lambda self: any(map(fits, self.cases)))


class CaseMachine(RuleBasedStateMachine):
    """Steps of people, staff, time and accidents."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.shop = ModelledShop()
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
        if self.shop.hold:
            self.lift_hold_of_collection()
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

    @initialize(by=st.none() | _DECIDERS)
    def begin(self, by: Sequence[str] | None) -> None:
        """Begin with an erasure, proven and approved or not, and a request for a copy."""
        self.submit(Right.ERASURE)
        self.submit(Right.ACCESS)
        if by is not None:
            self.prove(0)
            self.approve(0, by)

    @precondition(lambda self: len(self.cases) < MOST_CASES)
    @rule(right=st.sampled_from(RIGHTS), proven=st.booleans())
    def submit_another(self, right: Right, *, proven: bool) -> None:
        """Have the shop submit a request of a new person, who proves it at once or not."""
        self.submit(right)
        if proven and self.cases[-1].challenged:
            self._prove(self.cases[-1])

    @precondition(lambda self: len(self.cases) < MOST_CASES)
    @rule(number=_SEEDS, same_name=st.booleans())
    def submit_for_same_person(self, number: int, *, same_name: bool) -> None:
        """Have the shop submit a request of a person who has asked before: it repeats one that is open."""
        case = self._one(number)
        self.submit(case.right, case.person, case.person if same_name else f"A. {case.person}")

    def submit(self, right: Right, person: str = "", name: str = "") -> None:
        """Submit a request of *person*, or of a new one, under their *name*."""
        world, now = self.world, self.world.now
        person, reference = person or world.do(world.new_person()), uuid.uuid4().hex
        subject = {"name": name or person, "email": f"{person}@example.org"}
        data = {"reference": reference, "right": right, "subject": subject, "residence": {"country": "DE"}}
        body, due_on = world.submission(RequestSubmitted, **data), world.law.last_day(right, now)
        case = ModelledCase(world.id_of(reference), self.shop, person, right, now, due_on, reference, body)
        world.do(world.say(RequestSubmitted, body))
        first = self.shop.firsts.get((person, subject["name"], right))
        if first is not None and case.repeats(first, world.law.day(now)):
            case.close(LetterKind.DUPLICATE)
        else:
            case.begin(world.law.zone)
            self.shop.firsts[person, subject["name"], right] = case
        self.cases.append(case)

    @_about(lambda case: bool(case.reference))
    @rule(number=_SEEDS, same=st.booleans())
    def submit_again(self, number: int, *, same: bool) -> None:
        """Publish a request again, as the same event or as another one: it is the same request."""
        body = json.loads(self._one(number, lambda case: bool(case.reference)).body)
        body |= {} if same else {"id": uuid.uuid4().hex}
        self.world.do(self.world.say(RequestSubmitted, json.dumps(body).encode()))

    @_about(_challenged)
    @rule(number=_SEEDS)
    def prove(self, number: int) -> None:
        """Offer the code of the newest letter; it counts for half an hour."""
        self._prove(self._one(number, _challenged))

    def _prove(self, case: ModelledCase) -> None:
        code = self.world.do(self.world.code(case))
        self.world.do(self.world.prove(case, EmailCode(kind="email_code", code=code)))
        case.offer(self.world.now, correct=True)

    @_about(_guessable)
    @rule(number=_SEEDS)
    def prove_wrongly(self, number: int) -> None:
        """Offer a code that is none; the fifth one is left out, for it ends the tries."""
        case = self._one(number, _guessable)
        self.world.do(self.world.prove(case, EmailCode(kind="email_code", code="BCDF-GHJK")))
        case.offer(self.world.now, correct=False)

    @_about(_codeless)
    @rule(number=_SEEDS)
    def ask_for_another_code(self, number: int) -> None:
        """Have another code mailed; a fourth one is left out, for there are three."""
        case = self._one(number, _codeless)
        self.world.do(self.world.prove(case, NewCode(kind="new_code")))
        case.ask_again(self.world.now)

    @_about(_any)
    @rule(number=_SEEDS)
    def withdraw(self, number: int) -> None:
        """Take a request back; one that is answered stays as it is."""
        case = self._one(number)
        self.world.do(self.world.withdraw(case))
        if case.open:
            case.close(LetterKind.WITHDRAWN)

    @_about(_any)
    @rule(number=_SEEDS)
    def complain(self, number: int) -> None:
        """Complain about a request or its answer; while a complaint is open there is no other."""
        case = self._one(number)
        self.world.do(self.world.complain(case))
        case.letters[LetterKind.COMPLAINT_RECEIVED] += not case.complaint
        case.complaint = True

    @_about(_any)
    @rule(number=_SEEDS)
    def stop(self, number: int) -> None:
        """Follow the link of a letter that stops a request, of which its reader knows nothing."""
        case = self._one(number)
        self.world.do(self.world.stop(case))
        case.stop()

    # --- staff ----------------------------------------------------------------------------------------------

    @_about(_open)
    @rule(number=_SEEDS)
    def pause(self, number: int) -> None:
        """Stop an open request by the staff."""
        case = self._one(number, _open)
        self.world.do(self.world.decide(PauseDecided(request_id=case.id, by="anna")))
        case.stop()

    @_about(_stopped)
    @rule(number=_SEEDS, resume=st.booleans())
    def decide_stop(self, number: int, *, resume: bool) -> None:
        """Let a stopped request go on, or end it."""
        case = self._one(number, _stopped)
        self.world.do(self.world.decide(StopDecided(request_id=case.id, by="anna", resume=resume)))
        if resume:
            case.release(self.world.now)
        elif case.open:
            case.close(LetterKind.WITHDRAWN)

    @precondition(lambda self: any(self._pairs()))
    @rule(number=_SEEDS)
    def merge(self, number: int) -> None:
        """Merge a request with another one of the same person, which is answered."""
        pairs = list(self._pairs())
        case, first = pairs[number % len(pairs)]
        self.world.do(self.world.decide(DuplicateDecided(request_id=case.id, by="anna", first=first.id)))
        if case.merges(first, self.world.law.day(self.world.now)):
            case.close(LetterKind.DUPLICATE)

    def _pairs(self) -> Iterator[tuple[ModelledCase, ModelledCase]]:
        """Yield each two cases of the same person."""
        for case in self.cases:
            yield from ((case, one) for one in self.cases if one is not case and one.person == case.person)

    @_about(_open)
    @rule(number=_SEEDS)
    def extend(self, number: int) -> None:
        """Need longer for an answer: once, and in the first period."""
        case = self._one(number, _open)
        decision = ExtensionDecided(request_id=case.id, by="anna", reason="complexity")
        self.world.do(self.world.decide(decision))
        zone, duty = self.world.law.zone, TimedDuty.EXTENDED_ANSWER
        if not case.extended and self.world.now < end_of(case.due_on, zone):
            case.extended = True
            case.due_on = self.world.law.last_day(case.right, case.received_at, duty)
            case.late_at = end_of(case.due_on, zone)
            case.letters[LetterKind.EXTENSION] += 1

    @_about(_planned)
    @rule(number=_SEEDS, by=_DECIDERS)
    def approve(self, number: int, by: Sequence[str]) -> None:
        """Approve of an erasure, which then waits for another account, or for its window."""
        case = self._one(number, _planned)
        for account in by:
            self.world.do(self.world.decide(ErasureApproved(request_id=case.id, by=account)))
            case.approve(account, self.world.now)

    @_about(_unplanned)
    @rule(number=_SEEDS, by=_DECIDERS, outcome=st.sampled_from(BY_HAND))
    def answer_referred(self, number: int, by: Sequence[str], outcome: Outcome) -> None:
        """Answer a request that only the staff can answer."""
        case = self._one(number, _unplanned)
        for account in by:
            self._answer_by_hand(case, account, outcome)

    @_about(_open)
    @rule(number=_SEEDS, by=_DECIDERS)
    def refuse(self, number: int, by: Sequence[str]) -> None:
        """Refuse a request on a ground of the law, proven or not."""
        case = self._one(number, _open)
        for account in by:
            self._answer_by_hand(case, account, Outcome.REFUSED)

    @_about(_challenged)
    @rule(number=_SEEDS)
    def refuse_requester(self, number: int) -> None:
        """Decide that the requester is not the person."""
        case = self._one(number, _challenged)
        reason = "identity_not_established"
        decision = IdentityDecided(request_id=case.id, by="anna", verified=False, reason=reason)
        self.world.do(self.world.decide(decision))
        case.close(LetterKind.REFUSAL)

    def _answer_by_hand(self, case: ModelledCase, by: str, outcome: Outcome) -> None:
        decision = ReferralDecided(
            request_id=case.id,
            by=by,
            outcome=outcome,
            grounds=(RefusalGround.MANIFESTLY_UNFOUNDED,) if outcome is Outcome.REFUSED else (),
            explanation=self.world.do(self.world.explain(case)) if outcome is Outcome.GRANTED else None,
            unproven=case.challenged,
        )
        self.world.do(self.world.decide(decision))
        if decision.unproven:
            case.refuse_unproven(by)
        else:
            case.answer_by_hand(by, outcome)

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
        self._lift(case.id, case.hold)
        case.hold = ""

    @precondition(lambda self: not self.shop.hold)
    @rule()
    def hold_collection(self) -> None:
        """Keep all records of the shop."""
        hold = self.shop.hold = uuid.uuid4().hex
        scope, collection = HoldScope.COLLECTION, self.world.collection
        placed = HoldPlaced(
            request_id=hold, by="dana", hold=hold, scope=scope, matter="audit", collection=collection
        )
        self.world.do(self.world.decide(placed))

    @precondition(lambda self: self.shop.hold)
    @rule()
    def lift_hold_of_collection(self) -> None:
        """End the hold on all records: nothing keeps those from erasures that are planned from now on."""
        self._lift(self.shop.hold, self.shop.hold)
        self.shop.hold = ""

    def _lift(self, case: str, hold: str) -> None:
        self.world.do(self.world.decide(HoldLifted(request_id=case, by="dana", hold=hold, reason="over")))

    @_about(_disputed)
    @rule(number=_SEEDS, granted=st.booleans())
    def decide_complaint(self, number: int, *, granted: bool) -> None:
        """Decide on a complaint; one that is granted makes a new request of one that is answered."""
        case = self._one(number, _disputed)
        granted = granted and len(self.cases) < MOST_CASES
        decision = AppealDecided(
            request_id=case.id, by="judge", granted=granted, reasons=() if granted else ("legal_claims",)
        )
        self.world.do(self.world.decide(decision))
        case.letters[LetterKind.COMPLAINT_DECIDED] += 1
        case.complaint = False
        if granted and not case.open:
            self._take_up_again(case)

    def _take_up_again(self, case: ModelledCase) -> None:
        world, now = self.world, self.world.now
        id_, due_on = world.do(world.renewal(case)), world.law.last_day(case.right, now)
        again = ModelledCase(id_, self.shop, case.person, case.right, now, due_on)
        again.begin(world.law.zone)
        self.cases.append(again)

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
        for case, (state, facts) in zip(self.cases, await self.world.found(self.cases), strict=True):
            sent = Counter(str(fact.letter) for fact in facts if isinstance(fact, NoticeSent))
            expected = (case.status, case.due_on, +Counter({str(k): n for k, n in case.letters.items()}))
            assert (RequestStatus(state.status), state.due_on, sent) == expected, case
            assert (state.stopped is not None) == case.stopped, case
            kinds = Counter(type(fact) for fact in facts)
            assert kinds[RequestReceived] == 1
            assert kinds[RequestClosed] == (not case.open)
            assert max(kinds[IdentityVerified], kinds[RequestFulfilled]) <= 1

    @invariant()
    def records_of_others_are_untouched(self) -> None:
        """Only the records of granted erasures are gone, and no other has changed."""
        people = {one.person for one in self.cases} | {self.bystander}
        kept = [record_of(person) for person in people - self.shop.erased]
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
        for person in {case.person for case in self.cases}:
            mails = self.world.mails_to(person)
            assert len(mails) == sum(one.letters.total() for one in self.cases if one.person == person)
            assert crashed or max(mails.values()) == 1, person


def _name(record: Document) -> str:
    return str(record["_id"])


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
@pytest.mark.parametrize("lifted", [True, False], ids=["hold lifted", "hold stands"])
def test_erasure_and_copy_end_as_agreed_despite_crashes_and_disorder(*, lifted: bool) -> None:
    machine = CaseMachine()
    erasure, copy = 0, 1
    checked(
        machine,
        lambda: machine.deliver_in_another_order_and_twice(1, disorder=True),
        lambda: machine.begin(None),
        lambda: machine.prove_wrongly(erasure),
        lambda: machine.die_soon(2),
        lambda: machine.prove(copy),
        lambda: machine.die_soon(3),
        lambda: machine.prove(erasure),
        lambda: machine.hold(erasure),
        *([lambda: machine.lift(erasure)] if lifted else []),
        lambda: machine.extend(erasure),
        lambda: machine.approve(erasure, ["emil", "emil"]),
        lambda: machine.approve(erasure, ["erna"]),
        lambda: machine.die_soon(4),
        lambda: machine.pass_time(2 * DAY),
        lambda: machine.withdraw(erasure),
        lambda: machine.complain(copy),
        lambda: machine.pass_time(8 * DAY),
    )
    one, other = machine.cases
    assert [one.status, other.status] == [RequestStatus.CLOSED] * 2
    assert machine.shop.erased == ({one.person} if lifted else set())
    machine.teardown()


@pytest.mark.usefixtures("world")
def test_stops_holds_merges_and_complaints_end_as_agreed_despite_crashes_and_disorder() -> None:
    machine = CaseMachine()
    erasure, copy = 0, 1
    checked(
        machine,
        lambda: machine.deliver_in_another_order_and_twice(2, disorder=True),
        lambda: machine.begin(["erna"]),
        lambda: machine.submit_for_same_person(copy, same_name=False),
        lambda: machine.die_soon(3),
        lambda: machine.merge(1),
        lambda: machine.stop(erasure),
        lambda: machine.stop(copy),
        lambda: machine.prove(0),
        lambda: machine.approve(erasure, DECIDERS),
        lambda: machine.die_soon(5),
        lambda: machine.decide_stop(0, resume=True),
        lambda: machine.decide_stop(0, resume=True),
        lambda: machine.prove(0),
        lambda: machine.pause(erasure),
        lambda: machine.pass_time(2 * DAY),
        machine.hold_collection,
        lambda: machine.decide_stop(0, resume=True),
        lambda: machine.complain(erasure),
        lambda: machine.die_soon(4),
        lambda: machine.decide_complaint(0, granted=True),
        lambda: machine.refuse(0, ["emil", "emil"]),
        lambda: machine.refuse(0, ["erna"]),
    )
    assert [case.open for case in machine.cases] == [False] * 4
    assert not machine.shop.erased
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
