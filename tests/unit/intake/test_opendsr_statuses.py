"""The protocol's status machine: pending, in_progress, completed; cancelled from pending."""

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.intake.channels.opendsr.statuses import (
    FINAL,
    OpenDsrStatus,
    OpenDsrStatusReport,
    next_report,
    report_of,
)
from services.intake.domain import IntakeCase, evolve
from shared.contract.events import (
    Assurance,
    Fact,
    IdentityRefused,
    IdentityVerified,
    Outcome,
    Requester,
    RequestFulfilled,
    RequestReceived,
    RequestReferred,
    RequestWithdrawn,
)
from shared.law import Regulation, Right, Role
from tests.unit.fakes import NOW

CASE = "c" * 32
DAY = NOW.date()
P, I, C, X = OpenDsrStatus  # noqa: E741 - as the protocol's table has them
RECEIVED = RequestReceived(
    request_id=CASE, right=Right.ACCESS, regulation=Regulation.GDPR, policy="gdpr@2018-05-25",
    source="opendsr/shop", received_at=NOW, received_on=DAY, due_on=DAY, internal_due_on=DAY,
    requester=Requester.CONTROLLER, role=Role.END_USER, reachable=False,
)  # fmt: skip
VERIFIED = IdentityVerified(
    request_id=CASE, right=Right.ACCESS, regulation=Regulation.GDPR, received_on=DAY,
    assurance=Assurance.VOUCHED, reasons=("vouched",),
)  # fmt: skip
WITHDRAWN = RequestWithdrawn(request_id=CASE)
REFERRED = RequestReferred(request_id=CASE, right=Right.ACCESS, reason="by_staff")


def fulfilled(outcome: Outcome, *reasons: str, package: str | None = None) -> RequestFulfilled:
    return RequestFulfilled(
        request_id=CASE,
        right=Right.ACCESS,
        outcome=outcome,
        answer="answer",
        package=package,
        dispositions={"disclosed": 7} if package else {"erased": 3},
        reasons=dict.fromkeys(reasons, 1),
    )


def after(*facts: Fact) -> IntakeCase:
    case = IntakeCase()
    for fact in facts:
        case = evolve(case, fact)
    return case


@pytest.mark.parametrize(
    ("facts", "reported"),
    [
        pytest.param((), OpenDsrStatusReport(P), id="lodged"),
        pytest.param((RECEIVED,), OpenDsrStatusReport(P), id="received"),
        pytest.param((RECEIVED, VERIFIED), OpenDsrStatusReport(I), id="verified"),
        pytest.param((RECEIVED, VERIFIED, REFERRED), OpenDsrStatusReport(I), id="for the staff"),
        pytest.param(
            (RECEIVED, VERIFIED, fulfilled(Outcome.GRANTED, package="p")),
            OpenDsrStatusReport(C, results=True, count=7, settled=True),
            id="handed over",
        ),
        pytest.param(
            (RECEIVED, VERIFIED, fulfilled(Outcome.GRANTED)),
            OpenDsrStatusReport(C, settled=True),
            id="erased",
        ),
        pytest.param(
            (RECEIVED, VERIFIED, fulfilled(Outcome.NOTHING_HELD)),
            OpenDsrStatusReport(C, count=0, settled=True),
            id="nothing held",
        ),
        pytest.param(
            (RECEIVED, VERIFIED, fulfilled(Outcome.PARTLY_GRANTED, "tax_law")),
            OpenDsrStatusReport(
                C, remark={"outcome": "partly_granted", "reasons": ["tax_law"]}, settled=True
            ),
            id="in part",
        ),
        pytest.param(
            (RECEIVED, VERIFIED, fulfilled(Outcome.REFUSED, "z", "a")),
            OpenDsrStatusReport(
                X, remark={"outcome": "rejected", "reason": "a", "reasons": ["a", "z"]}, settled=True
            ),
            id="refused by law",
        ),
        pytest.param(
            (RECEIVED, IdentityRefused(request_id=CASE, reasons=("unidentifiable",))),
            OpenDsrStatusReport(
                X,
                remark={
                    "outcome": "rejected",
                    "reason": "unidentifiable",
                    "reasons": ["unidentifiable"],
                },
                settled=True,
            ),
            id="refused by the staff",
        ),
        pytest.param((RECEIVED, WITHDRAWN), OpenDsrStatusReport(X, settled=True), id="withdrawn"),
    ],
)
def test_each_state_has_its_status(facts: tuple[Fact, ...], reported: OpenDsrStatusReport) -> None:
    assert report_of(after(*facts), cancelled=False) == reported


def test_a_cancellation_counts_before_the_register_has_heard_of_it() -> None:
    assert report_of(after(RECEIVED), cancelled=True) == OpenDsrStatusReport(X)
    crossed = after(RECEIVED, VERIFIED, WITHDRAWN, fulfilled(Outcome.GRANTED))
    assert report_of(crossed, cancelled=True) == OpenDsrStatusReport(C, settled=True)


@pytest.mark.parametrize(
    ("now", "path"), [(P, [P]), (I, [P, I]), (C, [P, I, C]), (X, [P, X])], ids=["p", "i", "c", "x"]
)
def test_a_late_receiver_gets_every_status_in_order(now: OpenDsrStatus, path: list[OpenDsrStatus]) -> None:
    reported: list[OpenDsrStatus] = []
    while not reported or reported[-1] is not now:
        reported.append(next_report(OpenDsrStatusReport(now), reported[-1] if reported else "").standing)
    assert reported == path


LEGAL = {(P, I), (P, X), (I, C), (I, X)}
"""As the specification has them; a refusal that is found out late has no other word than ``cancelled``."""


@dataclass
class Life:
    case: IntakeCase = field(default_factory=IntakeCase)
    cancelled: bool = False


class Requests(RuleBasedStateMachine):
    """A request changes, and a listener gets its statuses at random times."""

    def __init__(self) -> None:
        super().__init__()
        self.life = Life(evolve(IntakeCase(), RECEIVED))
        self.told: list[OpenDsrStatus] = []

    def tell(self, fact: Fact) -> None:
        self.life.case = evolve(self.life.case, fact)

    @property
    def now(self) -> OpenDsrStatusReport:
        return report_of(self.life.case, cancelled=self.life.cancelled)

    @precondition(lambda self: self.life.case.status == "received")
    @rule()
    def verify(self) -> None:
        self.tell(VERIFIED)

    @precondition(lambda self: self.life.case.status == "verified")
    @rule()
    def refer(self) -> None:
        self.tell(REFERRED)

    @precondition(lambda self: self.life.case.status in {"verified", "referred"})
    @rule(outcome=st.sampled_from(Outcome))
    def answer(self, outcome: Outcome) -> None:
        self.tell(fulfilled(outcome, "tax_law"))

    @precondition(lambda self: self.now.standing is P)
    @rule()
    def cancel(self) -> None:
        self.life.cancelled = True

    @precondition(lambda self: self.life.cancelled and self.life.case.withdrawable)
    @rule()
    def register(self) -> None:
        self.tell(WITHDRAWN)

    @rule()
    def listen(self) -> None:
        last = self.told[-1] if self.told else ""
        heard = next_report(self.now, last).standing
        if heard != last:
            self.told.append(heard)

    @invariant()
    def is_in_the_machine(self) -> None:
        assert not self.told or self.told[0] is P
        # An answer that crossed a cancellation is reported: an erasure cannot be undone.
        crossing = {(X, C)} if self.life.cancelled else set()
        assert set(pairwise(self.told)) <= LEGAL | crossing
        assert self.now.settled <= (self.now.standing in FINAL)


TestRequests = Requests.TestCase
TestRequests.settings = settings(max_examples=60, stateful_step_count=12, deadline=None)
