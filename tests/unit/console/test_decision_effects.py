"""Effects of decisions: whose calls ask intake for them, and what an error after the decision changes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.console import breach_work
from services.console.breach_decisions import ENTRIES
from services.console.breach_work import EnteredBreachDecision, decide_on_breach
from services.console.context import WRONG_CODES, ConsoleParts
from services.console.decisions.case_decisions import NOT_TAKEN, UNANSWERED, message
from services.console.decisions.forms import CaseView, DecisionDraft
from services.console.decisions.submission import StepUp, make_batch, make_decision
from services.console.http.guard import Visitor
from services.console.signin.accounts import StaffMember
from services.console.signin.keys import KeyDerivation
from services.console.signin.sessions import ConsoleSession, UnlockedKey
from shared.contract.events import Decision, DecisionRefused, HoldPlaced, RequestWithdrawn, WithdrawalDecided
from shared.contract.staff import private_key, public_bytes
from shared.law.library import EXAMPLE, company
from shared.runtime.client_limits import Allowance
from shared.runtime.staff_api import (
    DecisionNotAccepted,
    EffectUnknown,
    IntakeUnavailable,
    StaffApiProblem,
    TakenDecision,
)
from shared.vocabulary import HoldScope, StaffRole

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
UNTIL = NOW + timedelta(hours=1)
CASE, DECISION, BEGUN = "ab" * 16, "cd" * 16, "ef" * 16
SALT, PASSWORD = b"0" * 16, "a long password"
DRAFT = DecisionDraft(WithdrawalDecided(request_id=CASE, by="dana.muster"))
HOLD = EnteredBreachDecision(CASE, "hold", {})
LIMITED = StaffApiProblem(429, "too many requests from this caller")
ENDED = StaffApiProblem(401, "this session has ended")


@dataclass
class Intake:
    """Intake and the sessions of the console, with the errors of effects."""

    errors: dict[str, Exception] = field(default_factory=dict)
    """Id of a decision → the error of a call for its effect."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Decisions and the bearers with which their effects were asked for."""
    locked: bool = False
    unlocked: bool = False
    refusal: str = ""
    """Reason that each decision is refused for."""

    async def salt(self, account: str) -> bytes:
        del account
        return SALT

    async def submit(
        self,
        decision: Decision,
        text: bytes | None,
        bearer: str | None = None,
        package: bytes | None = None,
    ) -> TakenDecision:
        del decision, text, bearer, package
        if self.refusal:
            raise DecisionNotAccepted(self.refusal)
        return TakenDecision(DECISION, CASE)

    async def submit_batch(
        self, decisions: Any, texts: Any, bearer: str | None = None
    ) -> Sequence[TakenDecision | DecisionNotAccepted]:
        del texts, bearer
        if self.refusal:
            return [DecisionNotAccepted(self.refusal) for _ in decisions]
        return [TakenDecision(BEGUN, BEGUN), TakenDecision(DECISION, CASE)]

    async def effect(self, id_: str, within_s: float = 20, bearer: str | None = None) -> list[str]:
        del within_s
        self.asked.append((id_, bearer))
        if id_ in self.errors:
            raise self.errors[id_]
        return []

    async def lock(self, session: ConsoleSession) -> None:
        del session
        self.locked = True

    async def unlock(self, session: ConsoleSession, unlocked: UnlockedKey) -> None:
        del session, unlocked
        self.unlocked = True

    async def shown(self, _case: str) -> list[Any]:
        return [SimpleNamespace(id=DECISION, at=NOW, fact=DRAFT.decision)]

    @property
    def parts(self) -> ConsoleParts:
        """The console in front of it."""
        parts: dict[str, Any] = dict.fromkeys(ConsoleParts.__dataclass_fields__, self)
        settings = SimpleNamespace(company=company(EXAMPLE))
        changed = {
            "settings": settings,
            "passwords": Allowance(9),
            "wrong_codes": Allowance(WRONG_CODES - 1),
            "keys": KeyDerivation(),
            "clock": lambda: NOW,
        }
        return ConsoleParts(**parts | changed)


def visitor(*, begun: bool = True, until: datetime = UNTIL) -> Visitor:
    """Return an account; its session at intake has *begun*, and ends at a time."""
    key = private_key(PASSWORD, SALT) if not begun else Ed25519PrivateKey.generate()
    member = StaffMember("dana.muster", "", frozenset(StaffRole), public_bytes(key))
    unlocked = UnlockedKey(key, "bearer", until) if begun else None
    return Visitor(ConsoleSession("token", member.name, member.public_key, NOW, UNTIL, unlocked), member)


async def said(intake: Intake, by: Visitor) -> str:
    """Return what the page says about a decision that the read model does not have."""
    return await message(intake.parts, by, DECISION, cast("CaseView", None), [])


async def test_page_asks_for_an_effect_in_the_session_of_its_visitor() -> None:
    intake = Intake({DECISION: EffectUnknown("pending")})
    assert await said(intake, visitor()) == UNANSWERED
    assert intake.asked == [(DECISION, "bearer")]


@pytest.mark.parametrize("by", [visitor(begun=False), visitor(until=NOW)], ids=["none", "ended"])
async def test_page_of_a_visitor_without_session_at_intake_asks_for_nothing(by: Visitor) -> None:
    """Its calls would count for the network, and so for colleagues who step up there."""
    intake = Intake({DECISION: EffectUnknown("pending")})
    assert (await said(intake, by), intake.asked) == ("", [])


@pytest.mark.parametrize(("error", "locked"), [(ENDED, True), (LIMITED, False)], ids=["ended", "limited"])
async def test_session_that_intake_does_not_know_any_more_is_not_shown_again(
    error: Exception, locked: bool
) -> None:
    intake = Intake({DECISION: error})
    assert (await said(intake, visitor()), intake.locked) == ("", locked)


@pytest.mark.parametrize(
    "error",
    [LIMITED, EffectUnknown("pending"), IntakeUnavailable("down")],
    ids=lambda one: type(one).__name__,
)
async def test_error_after_a_decision_was_submitted_leaves_it_made(error: Exception) -> None:
    intake = Intake({DECISION: error})
    made = await make_decision(intake.parts, visitor(), DRAFT, StepUp("123456"))
    assert (made.id, made.answered) == (DECISION, False)


async def test_decision_that_is_refused_late_changed_nothing() -> None:
    assert await said(Intake({DECISION: DecisionNotAccepted("not_possible")}), visitor()) == NOT_TAKEN


@pytest.mark.slow
async def test_error_of_a_session_that_begins_with_a_decision_leaves_the_decision_made() -> None:
    intake = Intake({BEGUN: LIMITED})
    made = await make_decision(intake.parts, visitor(begun=False), DRAFT, StepUp("123456", PASSWORD))
    assert (made.id, intake.unlocked) == (DECISION, False)
    assert intake.asked == [(BEGUN, None), (DECISION, None)]


class LateRefusal(Intake):
    """A console whose read model has the decision first, and then its refusal by a service."""

    def __init__(self) -> None:
        super().__init__({DECISION: DecisionNotAccepted("code_spent")})
        told = {"request_id": CASE, "type": WithdrawalDecided.TYPE, "account": "dana.muster"}
        refused = DecisionRefused.model_validate({**told, "decision": DECISION, "reason": "code_spent"})
        own = SimpleNamespace(id=DECISION, at=NOW, fact=DRAFT.decision)
        self.looks = [[own], [own, SimpleNamespace(id="later", at=NOW, fact=refused)]]

    async def shown(self, _case: str) -> list[Any]:
        return self.looks.pop(0)


async def test_decision_that_a_service_refuses_is_not_made_and_bars_its_account_from_no_other() -> None:
    console = LateRefusal()
    with pytest.raises(DecisionNotAccepted):
        await make_decision(console.parts, visitor(), DRAFT, StepUp("123456"))
    assert console.looks == [], "an account that has decided is not offered the decision again"


@pytest.mark.parametrize(("reason", "locked"), [("code_wrong", True), ("code_spent", False)])
@pytest.mark.parametrize("together", [False, True], ids=["alone", "in a batch"])
async def test_session_with_several_wrong_codes_needs_the_password(
    together: bool, reason: str, locked: bool
) -> None:
    """Who has a stolen cookie would otherwise use up the tries of its account."""
    intake, by = Intake(refusal=reason), visitor()
    parts = intake.parts
    for number in range(WRONG_CODES):
        assert (number, intake.locked) == (number, False)
        if together:
            await make_batch(parts, by.session, [DRAFT, DRAFT], "123456")
        else:
            with pytest.raises(DecisionNotAccepted):
                await make_decision(parts, by, DRAFT, StepUp("123456"))
    assert intake.locked is locked


@pytest.mark.parametrize("limited", [True, False])
async def test_decision_about_a_breach_waits_in_the_session_of_the_account(
    limited: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = Intake({DECISION: LIMITED} if limited else {})
    monkeypatch.setitem(ENTRIES, "hold", lambda _entry: DRAFT.decision)
    monkeypatch.setattr(breach_work, "room_of_incident", AsyncMock())
    made = await decide_on_breach(intake.parts, visitor(), HOLD, StepUp("123456"))
    assert made.answered != limited, "else the page says that the decision is recorded"
    assert intake.asked == [(DECISION, "bearer")]


@dataclass
class LateRow(Intake):
    """A console whose read model has the row of a case only when it is asked for the second time."""

    rows_asked: int = 0

    async def row(self, case: str) -> object | None:
        del case
        self.rows_asked += 1
        return None if self.rows_asked == 1 else SimpleNamespace()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scope", "collection", "asked"),
    [(HoldScope.COLLECTION, "shop.orders", 2), (HoldScope.REQUEST, None, 0)],
)
async def test_hold_on_a_collection_waits_for_the_row_of_its_new_case(
    scope: HoldScope, collection: str | None, asked: int
) -> None:
    hold = CASE if collection else BEGUN
    placed = HoldPlaced(
        request_id=CASE, by="dana.muster", hold=hold, scope=scope, matter="claim_7", collection=collection
    )
    console = LateRow()
    made = await make_decision(console.parts, visitor(), DecisionDraft(placed), StepUp("123456"))
    assert (made.answered, console.rows_asked) == (True, asked)


class LateResult(Intake):
    """A console whose read model has an earlier result of the same type first, then that of this decision."""

    def __init__(self) -> None:
        super().__init__()
        earlier, later = NOW - timedelta(minutes=1), NOW + timedelta(seconds=1)
        withdrawn = RequestWithdrawn(request_id=CASE)
        own = SimpleNamespace(id=DECISION, at=NOW, fact=DRAFT.decision)
        first = [SimpleNamespace(id="earlier", at=earlier, fact=withdrawn), own]
        self.looks = [first, [*first, SimpleNamespace(id="later", at=later, fact=withdrawn)]]

    async def effect(self, id_: str, within_s: float = 20, bearer: str | None = None) -> list[str]:
        await super().effect(id_, within_s, bearer)
        return [RequestWithdrawn.TYPE]

    async def shown(self, _case: str) -> list[Any]:
        return self.looks.pop(0)


async def test_result_of_an_earlier_decision_is_not_taken_for_that_of_this_one() -> None:
    console = LateResult()
    made = await make_decision(console.parts, visitor(), DRAFT, StepUp("123456"))
    assert (made.answered, console.looks) == (True, [])
