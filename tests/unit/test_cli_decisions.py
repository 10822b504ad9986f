"""A deciding verb waits for the result of the services and prints it; an unknown id is an error."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import structlog
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

import habeas.cli
from habeas.cli import app, passwords
from habeas.client import staff
from habeas.client.staff import explained
from services.intake.domain import PUBLIC_SOURCE
from services.intake.http.api import create_app
from services.intake.http.callers import Callers
from services.intake.http.staff_decisions import CALLS_PER_HOUR, StaffDecisions
from shared.contract.events import ErasureApproved, ErasureScheduled, HoldPlaced, RequestSubmitted
from shared.errors import ConfigurationError, Unanswered
from shared.runtime import staff_api
from shared.runtime.client_limits import Allowance
from shared.runtime.staff_api import StaffApi, StaffApiProblem
from shared.runtime.staff_register import DecisionOutcome
from tests.unit.fakes import Office, request
from tests.unit.intake_api import ROOT, SITE, UNKNOWN

AT = "2126-03-09T10:00+01:00"
WITH_UNKNOWN_ID = {
    "appeals decide": "--granted",
    "appeals show": None,
    "audit trail": None,
    "breach abort": "--yes",
    "breach approve": "--phase 1",
    "breach end-hold": "",
    "breach hold": "--agency police --until 2126-03-09T10:00+01:00",
    "breach pause": "",
    "breach reported": "--clock gdpr.authority.DE",
    "breach resume": "",
    "breach withdraw": "--phase 1",
    "hold lift": "f" * 32,
    "inbox done": "mail --because answered",
    "permission grant": "--to bert",
    "permission revoke": "--to bert",
    "request answer": "--explanation {text}",
    "request approve-answer": None,
    "request approve-correction": "",
    "request approve-erasure": "",
    "request close": "",
    "request confirm-alias": "aliases_5f0c2d1e8a7b6c94:1",
    "request delivered": "--way post",
    "request expect": "--on 2126-03-09",
    "request extend": "--reason complexity",
    "request forward": "--name Shop --email privacy@shop.example.com",
    "request ground": "--none",
    "request lift-restriction": "--reason accuracy_verified",
    "request narrow": "",
    "request nothing-held": "",
    "request proposal": "--accepted --manner telephone",
    "request quote": "--amount 20.00 --currency EUR --reason excessive",
    "request refuse": "--ground excessive",
    "request release-values": "--reason called_back",
    "request resume": "",
    "request review": None,
    "request show": None,
    "verify accept": "--reason looked_at --identity email",
    "verify refuse": "--reason identity_not_established",
    "verify show": None,
}
"""Deciding verb → its other words; None where it reads the case in the databases before it decides."""
WITHOUT_ID = {
    "breach declare",
    "burst declare",
    "hold place",
    "request register",
    "retention approve",
    "retention purge",
}
"""Verbs that decide about something new, or about a number that they look up."""


def deciding() -> Iterator[str]:
    """Yield the verbs that a staff account signs."""
    command: Any = typer.main.get_command(app)
    for group, members in command.commands.items():
        for name, verb in getattr(members, "commands", {}).items():
            if any(parameter.name == "account" for parameter in verb.params):
                yield f"{group} {name}"


@dataclass
class Register:
    """Accepts every proof, and returns what the services of *office* noted, or *fixed*."""

    office: Office = field(default_factory=Office)
    fixed: Sequence[DecisionOutcome] | None = None

    def salt(self, name: str) -> bytes:
        return name.encode()

    async def account(self, _name: str) -> None:
        return None

    async def accounts(self) -> AsyncIterator[Any]:
        for account in list[Any]():
            yield account

    async def flaw(self, *_: Any) -> None:
        return None

    async def outcomes(self, _event: str) -> Sequence[DecisionOutcome]:
        if self.fixed is not None:
            return self.fixed
        await self.office.work()
        return self.office.staff.outcomes

    async def cases_between(self, _first: str, _last: str) -> list[str]:
        return []


@pytest.fixture
def register() -> Register:
    return Register()


@pytest.fixture(autouse=True)
def intake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, register: Register) -> None:
    fake: Any = register
    decisions = StaffDecisions(
        register.office.requests, fake, lambda: datetime.now(UTC), Allowance(1000), incidents=fake
    )
    api = create_app(register.office.requests, Callers({}, Allowance(1000)), SITE, staff=decisions)

    def client(**settings: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(**settings, transport=httpx.ASGITransport(api))

    monkeypatch.setattr(staff_api, "httpx", Transport(client, httpx.HTTPError, httpx.Limits))
    monkeypatch.setattr(staff, "private_key", lambda *_: Ed25519PrivateKey.generate())
    environment: Mapping[str, str] = {"HABEAS_URL": ROOT, "HABEAS_STATE": str(tmp_path)}
    for name, value in {**environment, "HABEAS_STAFF_PASSWORD": "p" * 20}.items():
        monkeypatch.setenv(name, value)


@dataclass
class Transport:
    """The names of httpx that the command uses."""

    AsyncClient: Any
    HTTPError: Any
    Limits: Any


def decide(*words: str) -> Any:
    with structlog.testing.capture_logs():
        return CliRunner().invoke(app, [*words, "--as", "anna", "--code", "123456"])


@pytest.mark.slow
def test_password_is_not_asked_for_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HABEAS_STAFF_PASSWORD")
    monkeypatch.setattr(passwords, "has_console", lambda: False)
    result = decide("request", "close", "f" * 32)
    assert "HABEAS_STAFF_PASSWORD_FILE is missing" in str(result.exception)


@pytest.mark.slow
def test_table_has_every_deciding_verb() -> None:
    assert {*WITH_UNKNOWN_ID, *WITHOUT_ID} == set(deciding())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verb", "words"), [(verb, words) for verb, words in WITH_UNKNOWN_ID.items() if words is not None]
)
def test_unknown_id_is_an_error(verb: str, words: str, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("We looked.", encoding="utf-8")
    result = decide(*verb.split(), UNKNOWN, *words.format(text=text).split())
    assert (result.stdout, type(result.exception)) == ("", ConfigurationError)
    assert str(result.exception) in {
        "no request has this id",
        "no incident has this id",
        explained("no_open_message"),
    }


@pytest.mark.slow
def test_decision_in_a_wrong_state_is_refused_with_the_reason(register: Register) -> None:
    register.fixed = [DecisionOutcome("intake", "habeas.incident.declared.v1", "not_stopped")]
    result = declare_burst()
    assert str(result.exception) == "refused: the request is not stopped"
    assert result.stdout == ""


def declare_burst(*words: str) -> Any:
    return decide("burst", "declare", "storm", "--until", AT, *words)


@pytest.mark.slow
def test_decision_without_an_answer_in_time_is_recorded(
    register: Register, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    register.fixed = []
    monkeypatch.setattr(staff, "EFFECT_WITHIN_S", 0.01)
    unanswered = declare_burst().exception
    assert isinstance(unanswered, Unanswered)
    assert "is recorded, and no service has answered it in 0 s; `habeas decision " in str(unanswered)
    monkeypatch.setattr(habeas.cli, "app", lambda: (_ for _ in ()).throw(unanswered))
    with pytest.raises(SystemExit) as ended:
        habeas.cli.main()
    assert ended.value.code == 3
    assert "habeas: the decision is recorded" in capsys.readouterr().err


@pytest.mark.slow
def test_decision_whose_result_is_not_read_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    call = StaffApi.call

    async def limited(api: StaffApi, method: str, path: str, *more: Any, **arguments: Any) -> Any:
        if path.startswith("/v1/staff/decisions/"):
            raise StaffApiProblem(429, "too many calls")
        return await call(api, method, path, *more, **arguments)

    monkeypatch.setattr(StaffApi, "call", limited)
    unread = declare_burst().exception
    assert isinstance(unread, Unanswered)
    assert "is recorded, and its result could not be read: 429: too many calls; `habeas" in str(unread)


@pytest.mark.slow
def test_decisions_without_an_answer_leave_calls_to_other_accounts_of_the_network(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    register.fixed, slept = [], list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(staff_api, "asyncio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(staff_api, "time", SimpleNamespace(monotonic=lambda: sum(slept)))
    assert isinstance(declare_burst().exception, Unanswered)
    assert len(slept) <= CALLS_PER_HOUR / 30


@pytest.mark.slow
def test_result_of_an_accepted_decision_is_printed_as_json() -> None:
    result = declare_burst("--json")
    assert result.exit_code == 0, result.exception
    shown = json.loads(result.stdout)
    assert shown["status"] == "accepted"
    assert shown["results"] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("outcomes", "printed", "code"),
    [
        ([], "pending", 3),
        ([(None, ("habeas.request.extended.v1",))], "accepted: request.extended", 0),
        ([("not_stopped", ())], "refused: the request is not stopped", 2),
    ],
)
def test_result_of_a_decision_is_shown_by_its_id(
    outcomes: Sequence[tuple[str | None, tuple[str, ...]]], printed: str, code: int, register: Register
) -> None:
    type_ = "habeas.incident.declared.v1"
    register.fixed = [DecisionOutcome("intake", type_, reason, results) for reason, results in outcomes]
    result = CliRunner().invoke(app, ["decision", UNKNOWN])
    assert (result.stdout.strip(), result.exit_code) == (printed, code)


@pytest.mark.slow
def test_several_erasures_are_approved_with_one_code_each_on_its_own(register: Register) -> None:
    case = asyncio.run(register.office.requests.lodge(RequestSubmitted(**request()), PUBLIC_SOURCE))
    approved = ErasureApproved.TYPE
    started = (ErasureScheduled.TYPE,)
    register.fixed = [
        DecisionOutcome("fulfillment", approved, None, started),
        DecisionOutcome("intake", approved),
    ]
    result = decide("request", "approve-erasure", case, UNKNOWN, case)
    assert result.stdout.splitlines() == [f"{case}: approved", f"{UNKNOWN}: refused: no request has this id"]
    assert result.exit_code == 2
    register.fixed = [DecisionOutcome("fulfillment", approved, "no_approval_waits")]
    shown = json.loads(decide("request", "approve-erasure", case, UNKNOWN, "--json").stdout)
    assert [one["reason"] for one in shown] == ["no_approval_waits", "no request has this id"]


@pytest.mark.slow
def test_first_of_two_approvals_asks_for_the_second(register: Register) -> None:
    case = asyncio.run(register.office.requests.lodge(RequestSubmitted(**request()), PUBLIC_SOURCE))
    approved = ErasureApproved.TYPE
    register.fixed = [DecisionOutcome("fulfillment", approved), DecisionOutcome("intake", approved)]
    shown = "recorded; a second account has to approve, or the request is stopped"
    assert decide("request", "approve-erasure", case).stdout.strip() == shown
    assert f"{case}: {shown}" in decide("request", "approve-erasure", case, UNKNOWN).stdout


@pytest.mark.slow
def test_one_code_approves_at_most_100_erasures() -> None:
    result = decide("request", "approve-erasure", *(f"{n:032x}" for n in range(101)))
    assert str(result.exception) == "one code makes 100 decisions at most"


@pytest.mark.slow
def test_hold_on_a_collection_needs_no_request(register: Register) -> None:
    register.fixed = [DecisionOutcome("fulfillment", HoldPlaced.TYPE)]
    place = ("hold", "place", "--matter", "claim_7")
    assert "stands" in decide(*place, "--collection", "shop.orders").stdout
    assert str(decide(*place, UNKNOWN).exception) == "no request has this id"
    for both in ((), (UNKNOWN, "--collection", "shop.orders")):
        assert "name a request, or a collection" in str(decide(*place, *both).exception)
