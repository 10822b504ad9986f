"""
Requests in simulated time: the deciding parts of intake and verifier, and people that act at random.

Handlers, states and timers are the real ones, called without broker and journal. The notifier sends each
letter at once and fulfillment answers within an hour; person and staff act after random times, or never.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import partial, reduce
from heapq import heappop, heappush
from itertools import count
from random import Random
from types import SimpleNamespace
from typing import Any, cast

from services.fulfillment.context import FulfillmentContext
from services.fulfillment.erasure.window import scheduled
from services.fulfillment.package.handlers import fee_for_copy
from services.fulfillment.state import FulfillmentCase
from services.intake.bootstrap import service as intake_service
from services.intake.cases import lifecycle
from services.intake.cases.code_limits import CodeLimit
from services.intake.cases.inquiries import ask
from services.intake.context import IntakeContext, Ports
from services.intake.domain import IntakeCase, request_id
from services.verifier.assurance.levels import Sensitivity
from services.verifier.bootstrap import service as verifier_service
from services.verifier.context import AssuranceRules
from shared.contract import events
from shared.contract.answer import Inquiry
from shared.contract.events import Event, Fact, LetterKind
from shared.errors import RefusedDecision, TooEarly
from shared.law import ClockRules, GivenCopies, Money, Policy, Right, end_of
from shared.runtime.service import Moment, Service
from tests.runtime_fakes import MemoryJournal, MemoryTimers, MemoryVault, Unlimited
from tests.unit.fakes import (
    BINDINGS,
    PERSON,
    REQUEST_KEY,
    SOURCE,
    VERIFIER_KEY,
    MemoryFirstRequests,
    MemoryRequesterIndex,
    MemoryWaitingQueue,
    request,
)

CASE = request_id(SOURCE, "r-1", key=REQUEST_KEY)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DILIGENT = 12 * HOUR
"""Time that diligent staff take after an alarm, at most."""
DOCUMENT = {"kind": "document", "slot": "identity", "media_type": "image/jpeg", "content": "/9g="}
FEE = Money.model_validate({"amount": "12.50", "currency": "EUR"})
ANSWERS = {
    events.RequestFulfilled: LetterKind.OUTCOME,
    events.IdentityRefused: LetterKind.REFUSAL,
    events.RequestWithdrawn: LetterKind.WITHDRAWN,
    events.RequestExtended: LetterKind.EXTENSION,
    events.FeeQuoted: LetterKind.FEE_QUOTED,
    events.IdentityReminded: LetterKind.REMINDER,
    events.RequestReceived: LetterKind.ACKNOWLEDGEMENT,
}


class Scenario(StrEnum):
    """The subject of a simulated case."""

    SILENCE = "silence"
    LATE_PROOF = "late proof"
    PAUSE = "pause for proof"
    REVIEW = "review by staff"
    EXTENSION = "extension"
    FEE = "fee"
    APPEAL = "appeal"
    APPROVAL = "approval and window"
    UNCLEAR = "unclear mail"
    IDLE_STAFF = "staff does nothing"


RIGHTS = (Right.ACCESS, Right.ACCESS, Right.ERASURE, Right.PORTABILITY, Right.OPT_OUT_OF_SALE)
STAFFED = frozenset({Scenario.REVIEW, Scenario.EXTENSION, Scenario.IDLE_STAFF})
"""Scenarios in which an answer needs the staff."""


@dataclass(frozen=True, slots=True)
class SimulatedCase:
    """The facts of one case, drawn at random."""

    law: str
    place: str
    scenario: Scenario
    right: Right
    received_at: datetime
    delayed: timedelta
    """Time from the receipt to the arrival at Habeas."""
    reachable: bool
    sensitivity: Sensitivity
    patience: timedelta
    window: timedelta
    seed: float


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a case, or of its appeal, against its last day."""

    case: SimulatedCase
    ended_at: datetime
    last: datetime
    """The end of the last day."""
    alarmed_at: datetime | None
    apologised: bool
    """Whether a letter about a delay was due that the person caused."""
    appeal: bool = False

    @property
    def spare(self) -> timedelta:
        """Time left to the end of the last day."""
        return self.last - self.ended_at


def draw(policy: Policy, until: date, random: Random) -> SimulatedCase:
    """Return a case under *policy*, received in its first year before *until*."""
    first = min(max(policy.edition, date(2026, 1, 1)), until - 300 * DAY)
    days = min(365, (until - first).days)
    day = first + random.randrange(days) * DAY
    received_at = datetime.combine(day, time(), UTC) + random.randrange(24 * 60) * timedelta(minutes=1)
    scenario = random.choice(list(Scenario))
    return SimulatedCase(
        law=policy.id,
        place=random.choice(policy.places),
        scenario=scenario,
        right=Right.ERASURE if scenario is Scenario.APPROVAL else random.choice(RIGHTS),
        received_at=received_at,
        delayed=random.choice([timedelta(), timedelta(), timedelta(), HOUR, 2 * DAY]),
        reachable=scenario is not Scenario.PAUSE and random.random() < 0.8,
        sensitivity=Sensitivity.HIGH if scenario is Scenario.PAUSE else random.choice(list(Sensitivity)),
        patience=random.choice([10, 30, 30, 90]) * DAY,
        window=random.choice([1, 1, 3, 7]) * DAY,
        seed=random.random(),
    )


class SimulatedRun:
    """The life of one case."""

    def __init__(self, case: SimulatedCase, rules: ClockRules) -> None:
        """Simulate *case* under *rules*."""
        self.case, self.rules = case, replace(rules, window=case.window)
        self.random = Random(case.seed)
        self.now = case.received_at + case.delayed
        self.vault = MemoryVault()
        self.ports = {"intake": MemoryTimers(), "verifier": MemoryTimers()}
        self.services = self._services()
        self.handlers = {
            name: {one.event: one for one in service.subscriptions} for name, service in self.services.items()
        }
        self.states = {name: service.start for name, service in self.services.items()}
        self.events: deque[Event] = deque()
        self.acts: list[tuple[datetime, int, Callable[[], Awaitable[None]]]] = []
        self.numbers = count()
        self.fired: set[tuple[str, str]] = set()
        self.tasks: list[Callable[[], Fact]] = []
        """Work of the staff that is not done."""
        self.alarmed_at: datetime | None = None
        self.missed: list[events.DeadlineMissed] = []
        self.fee_since: datetime | None = None
        self.fee_waited = timedelta()
        self.endings: list[Ending] = []

    def _services(self) -> dict[str, Service[Any, Any]]:
        duplicates = MemoryFirstRequests(MemoryJournal())
        queue, codes = MemoryWaitingQueue(), CodeLimit()
        timers, requesters = self.ports["intake"], MemoryRequesterIndex()
        ports = Ports(self.vault, timers, duplicates, queue, codes, requesters, self.rules)
        assurance = AssuranceRules(
            clock=self.rules, sensitivity=self.case.sensitivity, patience=self.case.patience
        )
        return {
            "intake": intake_service(ports, REQUEST_KEY, BINDINGS),
            "verifier": verifier_service(
                self.vault, self.ports["verifier"], Unlimited(), key=VERIFIER_KEY, practice=assurance
            ),
        }

    @property
    def intake(self) -> IntakeCase:
        """The state of the case in intake."""
        state: IntakeCase = self.states["intake"]
        return state

    async def run(self) -> list[Ending]:
        """Let time pass until nothing more comes, and return the endings."""
        subject = PERSON if self.case.reachable else {"name": "Ottilie Quastenflosser"}
        country, _, subdivision = self.case.place.partition("-")
        residence = {"country": country} | ({"subdivision": subdivision} if subdivision else {})
        data = request(
            right=self.case.right,
            subject=subject,
            residence=residence,
            received_at=self.case.received_at.isoformat(),
        )
        self.submission = events.RequestSubmitted.model_validate(data)
        if self.case.scenario is Scenario.UNCLEAR:
            await self._ask_back(self.submission)
        else:
            self.events.append(self.submission)
        await self._settle()
        while (coming := self._next()) is not None:
            at, act = coming
            self.now = max(self.now, at)
            await act()
            await self._settle()
        return self.endings

    def _next(self) -> tuple[datetime, Callable[[], Awaitable[None]]] | None:
        """Return the next moment, and what happens then; None if nothing comes."""
        waits = [
            (at, name, timer)
            for name, timers in self.ports.items()
            for (_, timer), at in timers.moments.items()
            if (name, timer) not in self.fired
        ]
        timer = min(waits, default=None)
        if self.acts and (timer is None or self.acts[0][0] <= timer[0]):
            at, _, act = heappop(self.acts)
            return at, act
        if timer is None or timer[0] > self.case.received_at + 1000 * DAY:
            return None
        return timer[0] + self.random.randrange(600) * timedelta(seconds=1), lambda: self._fire(*timer[1:])

    async def _fire(self, name: str, timer: str) -> None:
        self.fired.add((name, timer))
        kind = events.DeadlineCame if name == "intake" else events.TimeCame
        await self._handle(name, kind(request_id=CASE, name=timer))

    async def _settle(self) -> None:
        early = 0
        while self.events:
            event = self.events.popleft()
            for name, handled in self.handlers.items():
                if type(event) in handled and not await self._handle(name, event):
                    self.events.append(event)
                    early += 1
                    assert early < 100, f"{event.TYPE} is always too early"
            if isinstance(event, Fact):
                self._react(event)

    async def _handle(self, name: str, event: Event) -> bool:
        """Have the service *name* handle *event*; return False if it came too early."""
        subscription, service = self.handlers[name][type(event)], self.services[name]
        if subscription.noted(event):
            self.states[name] = service.evolve(self.states[name], event)  # type: ignore[arg-type]
            return True
        try:
            facts = await subscription.handler(event, service.context(self._moment(name)))
        except TooEarly:
            return False
        except RefusedDecision:  # as the runtime does: no fact but the refusal
            return True
        heard = [event] if isinstance(event, Fact) else []
        self._record(name, [*heard, *facts], facts)
        return True

    def _record(self, name: str, heard: Sequence[Fact], facts: Sequence[Fact]) -> None:
        self.states[name] = reduce(self.services[name].evolve, heard, self.states[name])
        self.events.extend(fact for fact in facts if fact.PUBLISHED and fact.request_id == CASE)

    def _moment(self, name: str) -> Moment[Any]:
        event_id = f"{next(self.numbers):032x}"
        return Moment(CASE, self.now, self.states[name], event_id, SOURCE, self.now)

    def _after(self, wait: timedelta, *said: Fact | Event) -> None:
        async def act() -> None:
            self.events.extend(said)

        self._do_after(wait, act)

    def _do_after(self, wait: timedelta, act: Callable[[], Awaitable[None]]) -> None:
        heappush(self.acts, (self.now + wait, next(self.numbers), act))

    # --- people ---------------------------------------------------------------------------------------------

    def _react(self, fact: Fact) -> None:
        letter = ANSWERS.get(type(fact))
        if letter is not None:
            self.events.append(events.NoticeSent(request_id=CASE, letter=letter))
        match fact:
            case events.IdentityChallenged():
                self._asked(fact)
            case events.ProofPresented():
                self._examine(fact)
            case events.IdentityReviewNeeded():
                self._give_staff(self._decide_identity)
            case events.IdentityVerified():
                self._fulfil(fact)
            case events.FeeQuoted():
                self._quoted()
            case events.FeeAgreed():
                self._fee_ended()
                self._after(HOUR, self._answer())
            case events.RequestClosed():
                self._ended(fact)
            case _:
                self._react_to_time(fact)

    def _react_to_time(self, fact: Fact) -> None:
        match fact:
            case events.DeadlineApproaching():
                self.alarmed_at = self.alarmed_at or self.now
                self._alarm()
            case events.DeadlineMissed():
                self.missed.append(fact)
            case events.MessageLodged():
                self._take_over(fact)
            case events.AppealReceived():
                self._judge(fact)
            case events.AppealAnswered():
                appeal = self.intake.appeals[-1]
                if appeal.due_on is not None:
                    self._note_ending(end_of(appeal.due_on, self.rules.zone), appeal=True)
            case _:
                pass

    async def _ask_back(self, submission: events.RequestSubmitted) -> None:
        """Ask the sender of an unclear mail, who may answer late or never; the mail may show the right."""
        inquiry = Inquiry(
            reference=submission.reference,
            subject=submission.subject,
            locale=None,
            received_at=self.case.received_at,
            rights=self.random.choice([(), (submission.right,)]),
            residence=self.random.choice([None, submission.residence]),
        )
        await self._operate(partial(ask, inquiry))
        if self.random.random() < 0.7:
            self._do_after(self._delay(), self._submit)

    async def _submit(self) -> None:
        """Make the request of an unclear mail, unless it was made before."""
        if self.intake.received is None:
            self.events.append(self.submission)

    def _take_over(self, lodged: events.MessageLodged) -> None:
        """Let the staff ask the sender of an unclear mail by telephone, and register the request."""
        assert lodged.due_on is not None
        self._note_ending(end_of(lodged.due_on, self.rules.zone))
        self._do_after(self.random.random() * DILIGENT, self._submit)

    def _delay(self) -> timedelta:
        """Return the time that the person takes: minutes, days, or longer than anything lasts."""
        return self.random.choice(
            [HOUR / 6, HOUR * self.random.randrange(48), DAY * self.random.uniform(1, 40)]
        )

    def _asked(self, fact: events.IdentityChallenged) -> None:
        letter = LetterKind.CODE if fact.ref else LetterKind.PROOF_WANTED
        self.events.append(events.NoticeSent(request_id=CASE, letter=letter))
        if self.case.scenario is Scenario.SILENCE:
            return
        delay = self._delay()
        if fact.ref:
            delay = delay if self.case.scenario is Scenario.LATE_PROOF else HOUR / 6
            self._do_after(delay, self._offer_code)
        elif any("identity_document" in way for way in fact.wanted):
            self._after(delay, _proof(DOCUMENT))
        elif fact.wanted == (("confirmation",),):
            self._after(delay, _proof({"kind": "confirmation", "right": self.case.right}))

    async def _offer_code(self) -> None:
        """Enter the newest code; one that has expired is asked for again, and entered at once."""
        names = [name for name in self.vault.items.get(CASE, {}) if name.startswith("code_")]
        known = self.states["verifier"]
        if not names or not self.intake.awaits_proof:
            return
        if known.code is not None and self.now >= known.code.expires_at:
            self.events.append(_proof({"kind": "new_code"}))
            return
        code = self.vault.items[CASE][max(names)].decode()
        self.events.append(_proof({"kind": "email_code", "code": code}))

    def _examine(self, fact: events.ProofPresented) -> None:
        verdict = self.random.choice(list(events.Verdict))
        reasons = {events.Verdict.UNCLEAR: ("name_partial",), events.Verdict.REFUSED: ("image_blurred",)}
        examined = events.ProofExamined(
            request_id=CASE, proof=fact.proof, verdict=verdict, reasons=reasons.get(verdict, ())
        )
        self._after(HOUR / 12, examined)

    def _fulfil(self, verified: events.IdentityVerified) -> None:
        if self.case.scenario in STAFFED:
            self.events.append(
                events.RequestReferred(request_id=CASE, right=self.case.right, reason="unclear")
            )
            self._give_staff(self._answer)
        elif self.case.scenario is Scenario.FEE and self.case.right is Right.ACCESS:
            quoted = fee_for_copy(verified, GivenCopies(9, 9), FEE, self._fulfillment())
            if quoted is None:
                self._after(HOUR, self._answer())
            else:
                self.events.append(quoted)
        elif self.case.scenario is Scenario.APPROVAL:
            self._give_staff(partial(self._approved, verified))
        elif self.case.right is Right.ERASURE:
            self.events.append(self._approved(verified))
        else:
            self._after(HOUR, self._answer())

    def _approved(self, verified: events.IdentityVerified) -> Fact:
        """Return the window of an erasure that needs no more approvals; the answer follows its end."""
        window = scheduled(self._fulfillment(verified))
        assert window is not None
        self._after(window.at - self.now + HOUR, self._answer())
        return window

    def _fulfillment(self, verified: events.IdentityVerified | None = None) -> FulfillmentContext:
        """Return the parts of fulfillment's context that decide on a fee, and on a window."""
        now, zone = self.now, self.rules.zone
        context = SimpleNamespace(
            case_id=CASE,
            known=replace(FulfillmentCase(), verified=verified),
            now=now,
            house=SimpleNamespace(zone=zone, erasure_window=self.case.window),
            today=lambda: now.astimezone(zone).date(),
        )
        return cast("FulfillmentContext", context)

    def _answer(self) -> Fact:
        return events.RequestFulfilled(
            request_id=CASE, right=self.case.right, outcome="granted", answer="answer"
        )

    def _quoted(self) -> None:
        self.fee_since = self.now
        if self.random.random() < 0.5:
            self._do_after(self._delay(), lambda: self._operate(lifecycle.accept_fee))

    def _fee_ended(self) -> None:
        if self.fee_since is not None:
            self.fee_waited, self.fee_since = self.now - self.fee_since, None

    async def _operate(self, operation: Callable[[IntakeContext], Awaitable[Sequence[Fact]]]) -> None:
        facts = await operation(self.services["intake"].context(self._moment("intake")))
        self._record("intake", facts, facts)

    # --- staff ----------------------------------------------------------------------------------------------

    def _give_staff(self, task: Callable[[], Fact]) -> None:
        """Give the staff a task: it is done at a random time, and soon once there is an alarm."""
        self.tasks.append(task)
        if self.case.scenario is Scenario.IDLE_STAFF:
            return
        soon = self.alarmed_at is not None
        most = DILIGENT if soon else 60 * DAY
        self._do_after(self.random.random() * most, self._work)

    def _alarm(self) -> None:
        if self.case.scenario is Scenario.EXTENSION and not self.intake.extended:
            longer = events.ExtensionDecided(request_id=CASE, by="anna", reason="complexity")
            self.events.append(longer)
        if self.case.scenario is Scenario.IDLE_STAFF:
            last = end_of(self.intake.due_on or self.now.date(), self.rules.zone)
            self._do_after(last - self.now + 5 * DAY, self._work)
        else:
            self._do_after(self.random.random() * DILIGENT, self._work)

    async def _work(self) -> None:
        """Do all tasks of the staff; a request that was extended is left for its new alarm, sometimes."""
        tasks, self.tasks = self.tasks, []
        self.events.extend(task() for task in tasks)

    def _decide_identity(self) -> Fact:
        return events.IdentityDecided(
            request_id=CASE,
            verified=self.random.random() < 0.7,
            by="anna",
            reason="looked_at",
            identities=("email",),
        )

    def _judge(self, appeal: events.AppealReceived) -> None:
        confirmed = {
            events.Remedy.APPEAL: LetterKind.APPEAL_RECEIVED,
            events.Remedy.COMPLAINT: LetterKind.COMPLAINT_RECEIVED,
        }
        self.events.append(events.NoticeSent(request_id=CASE, letter=confirmed[appeal.remedy]))
        if appeal.remedy is events.Remedy.APPEAL:
            self.alarmed_at = None
            self._give_staff(
                lambda: events.AppealDecided(
                    request_id=CASE, by="emil", granted=False, reasons=("legal_claims",)
                )
            )

    # --- the end --------------------------------------------------------------------------------------------

    def _ended(self, _closed: events.RequestClosed) -> None:
        self._fee_ended()
        due_on = self.intake.due_on
        assert due_on is not None
        laws = self.rules.laws(self.intake.received.laws) if self.intake.received else []
        paused = self.fee_waited if all(law.stands_still_for("fee") for law in laws) else timedelta()
        self._note_ending(end_of(due_on, self.rules.zone) + paused)
        if self.case.scenario is Scenario.APPEAL and len(self.endings) == 1:
            said = events.AppealSubmitted(reference="r-1", statement="I disagree.")
            self._after(DAY * self.random.uniform(0, 30), said)

    def _note_ending(self, last: datetime, *, appeal: bool = False) -> None:
        answers = [one for one in self.missed if one.duty == "answer"]
        blamed = any(not one.awaits_person for one in answers)
        apologised = blamed and self.case.scenario not in STAFFED
        self.endings.append(Ending(self.case, self.now, last, self.alarmed_at, apologised, appeal))


def _proof(proof: dict[str, Any]) -> Event:
    return events.ProofSubmitted.model_validate({"reference": "r-1", "proofs": [proof]})
