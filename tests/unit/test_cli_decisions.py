"""A deciding verb waits for the result of the services and prints it; an unknown id is an error."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import ANY

import httpx
import pytest
import structlog
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from typer.testing import CliRunner

import habeas.cli
from habeas.cli import app, staff
from habeas.client import console_api
from habeas.client.console_api import ConsoleLogin, ConsoleRefusal, explained
from services.console.api.app import PATH, create_api
from services.console.context import ConsoleParts
from services.console.handlers import observed
from services.console.signin.accounts import StaffMember
from services.console.signin.sessions import ConsoleSession, UnlockedKey
from services.intake.domain import PUBLIC_SOURCE
from services.intake.http.api import create_app
from services.intake.http.callers import Callers
from services.intake.http.staff_decisions import CALLS_PER_HOUR, StaffDecisions
from shared.contract.events import (
    ErasureApproved,
    ErasureScheduled,
    HoldPlaced,
    PauseDecided,
    RequestSubmitted,
)
from shared.contract.staff import written_item
from shared.errors import Unanswered
from shared.law.library import EXAMPLE, company
from shared.runtime import staff_api
from shared.runtime.client_limits import Allowance
from shared.runtime.staff_api import StaffApi
from shared.runtime.staff_register import DecisionOutcome
from shared.vocabulary import StaffRole
from tests.unit.fakes import Office, request
from tests.unit.intake_api import ROOT, SITE, UNKNOWN

pytestmark = pytest.mark.slow  # intake and the console are made for each

AT = "2126-03-09T10:00+01:00"
WITH_UNKNOWN_ID = {
    "appeals decide": "--granted",
    "appeals show": "",
    "breach abort": "--yes",
    "breach approve": "--phase 1",
    "breach end-hold": "",
    "breach forms": "--out {folder}",
    "breach hold": "--agency police --until 2126-03-09T10:00+01:00",
    "breach pause": "",
    "breach preview": "--out {folder}",
    "breach proof": "--email ada@example.org",
    "breach reported": "--clock gdpr.authority.DE",
    "breach resume": "",
    "breach unreached": "--out {folder}/list.csv",
    "breach withdraw": "--phase 1",
    "certificate fetch": "--out {folder}",
    "erasures plan": "",
    "hold lift": "f" * 32,
    "inbox done": "mail --because answered",
    "inbox read": "",
    "permission grant": "--to bert",
    "permission revoke": "--to bert --remark Called",
    "request aliases": "",
    "request answer": "--explanation {text}",
    "request approve-answer": "",
    "request approve-correction": "--remark Called",
    "request approve-erasure": "",
    "request close": "--remark Called",
    "request confirm-alias": "aliases_5f0c2d1e8a7b6c94:1 --remark Called",
    "request delivered": "--way post",
    "request expect": "--on 2126-03-09 --remark Called",
    "request extend": "--reason complexity",
    "request forward": "--name Shop --email privacy@shop.example.com",
    "request ground": "--none --remark Called",
    "request lift-restriction": "--reason accuracy_verified",
    "request merge": f"--first {'f' * 32} --remark Called",
    "request narrow": "",
    "request nothing-held": "--remark Called",
    "request pause": "--remark Called",
    "request proposal": "--accepted --manner telephone",
    "request quote": "--amount 20.00 --currency EUR --reason excessive",
    "request refuse": "--ground excessive",
    "request release-values": "--reason called_back",
    "request resume": "--remark Called",
    "request review": "",
    "request show": "",
    "verify accept": "--reason looked_at --identity email",
    "verify refuse": "--reason identity_not_established",
    "verify show": "",
}
"""Verb with a code → its other words."""
WITHOUT_ID = {
    "breach declare",
    "breach register",
    "burst declare",
    "hold place",
    "recipients retry",
    "request register",
    "retention approve",
    "retention purge",
}
"""Verbs that decide about something new, or about a number that they look up."""


def deciding() -> Iterator[str]:
    """Yield the verbs that take a one-time code."""
    command: Any = typer.main.get_command(app)
    for group, members in command.commands.items():
        for name, verb in getattr(members, "commands", {}).items():
            if any(parameter.name == "code" for parameter in verb.params):
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


class OneAccount:
    """The parts of a console with one account in a session, without cases; it sees decisions at once."""

    async def session(self, token: str, now: datetime, *, used: bool = True) -> ConsoleSession:
        del used
        until = now + timedelta(hours=1)
        return ConsoleSession(token, "anna", b"key", now, until, UnlockedKey(KEY, "bearer", until))

    async def lock(self, session: ConsoleSession) -> None:
        del session

    async def member(self, name: str) -> StaffMember:
        return StaffMember(name, "", frozenset(StaffRole), b"key")

    async def row(self, case: str) -> None:
        del case

    async def of(self, cases: Sequence[str]) -> dict[str, list[Any]]:
        return {case: SEEN for case in cases if case != UNKNOWN}

    async def shown(self, case: str) -> list[Any]:
        return (await self.of([case])).get(case, [])


KEY = Ed25519PrivateKey.generate()
SEEN = [SimpleNamespace(id=ANY, at=datetime.now(UTC), fact=kind) for kind in observed()]


class PresentIntake:
    """The staff API of the test that runs."""

    api: StaffApi

    def __getattr__(self, name: str) -> Any:
        return getattr(self.api, name)


INTAKE = PresentIntake()


@cache
def console_app() -> FastAPI:
    """Return the application of a console in front of the present intake; it keeps no state."""
    one, app = OneAccount(), FastAPI()
    settings = SimpleNamespace(company=company(EXAMPLE))
    parts: dict[str, Any] = dict.fromkeys(ConsoleParts.__dataclass_fields__, one)
    own = {"settings": settings, "intake": INTAKE, "clock": lambda: datetime.now(UTC)}
    app.mount(PATH, create_api(ConsoleParts(**parts | own)))
    return app


@pytest.fixture(autouse=True)
def intake(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, register: Register, console_login: ConsoleLogin
) -> None:
    assert console_login.account == "anna"
    fake: Any = register
    decisions = StaffDecisions(
        register.office.requests, fake, lambda: datetime.now(UTC), Allowance(1000), incidents=fake
    )
    api = create_app(register.office.requests, Callers({}, Allowance(1000)), SITE, staff=decisions)
    INTAKE.api = StaffApi(httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url=ROOT))

    def client(**settings: Any) -> httpx.AsyncClient:
        del settings["trust_env"]
        return httpx.AsyncClient(**settings, transport=httpx.ASGITransport(console_app()))

    monkeypatch.setattr(console_api, "httpx", Transport(client, httpx.HTTPError))
    monkeypatch.setenv("HABEAS_STATE", str(tmp_path))


@dataclass
class Transport:
    """The names of httpx that the client of the console uses."""

    AsyncClient: Any
    HTTPError: Any


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the waits for effects pass at once; return their pauses."""
    slept = list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(staff_api, "asyncio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(staff_api, "time", SimpleNamespace(monotonic=lambda: sum(slept)))
    return slept


def decide(*words: str) -> Any:
    with structlog.testing.capture_logs():
        return CliRunner().invoke(app, [*words, "--code", "123456"])


def test_code_is_not_asked_for_without_a_terminal() -> None:
    result = CliRunner().invoke(app, ["request", "close", "f" * 32])
    assert "--code is missing" in str(result.exception)


def test_decision_needs_a_session(console_login: ConsoleLogin) -> None:
    console_api.LoginFile().drop(console_login)
    assert "`habeas login`" in str(decide("request", "close", "f" * 32).exception)


def test_table_has_every_deciding_verb() -> None:
    assert {*WITH_UNKNOWN_ID, *WITHOUT_ID} == set(deciding())


@pytest.mark.parametrize(("verb", "words"), WITH_UNKNOWN_ID.items())
def test_unknown_id_is_an_error(verb: str, words: str, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("We looked.", encoding="utf-8")
    result = decide(*verb.split(), UNKNOWN, *words.format(text=text, folder=tmp_path).split())
    assert (result.stdout, type(result.exception)) == ("", ConsoleRefusal)
    assert str(result.exception) in {
        "no request has this id",
        "no incident has this id",
        "there is no such case",
        "there is no such incident",
        explained("no_open_message"),
    }


def test_remark_is_sealed_and_named_by_the_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(staff, "send", lambda *words: sent.append(words))
    staff.decide(cast(Any, SimpleNamespace(account="anna")), PauseDecided, "ab" * 16, remark="They called.")
    [(_signer, decision, text, _archive)] = sent
    assert decision.remark == written_item(text)
    assert text.endswith(b"They called.")


def test_decision_in_a_wrong_state_is_refused_with_the_reason(register: Register) -> None:
    register.fixed = [DecisionOutcome("intake", "habeas.incident.declared.v1", "not_stopped")]
    result = declare_burst()
    assert str(result.exception) == "refused: the request is not stopped"
    assert result.stdout == ""


def declare_burst(*words: str) -> Any:
    return decide("burst", "declare", "storm", "--until", AT, *words)


def test_decision_without_an_answer_in_time_is_recorded(
    register: Register,
    hurried: list[float],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    register.fixed = []
    unanswered = declare_burst().exception
    assert isinstance(unanswered, Unanswered)
    assert "is recorded, and no service has answered it yet; `habeas decision " in str(unanswered)
    assert len(hurried) <= CALLS_PER_HOUR / 30
    monkeypatch.setattr(habeas.cli, "app", lambda: (_ for _ in ()).throw(unanswered))
    with pytest.raises(SystemExit) as ended:
        habeas.cli.main()
    assert ended.value.code == 3
    assert "habeas: the decision is recorded" in capsys.readouterr().err


def test_result_of_an_accepted_decision_is_printed_as_json() -> None:
    result = declare_burst("--json")
    assert result.exit_code == 0, result.exception
    shown = json.loads(result.stdout)
    assert shown["status"] == "accepted"
    assert shown["results"] == []


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


def test_first_of_two_approvals_asks_for_the_second(register: Register) -> None:
    case = asyncio.run(register.office.requests.lodge(RequestSubmitted(**request()), PUBLIC_SOURCE))
    approved = ErasureApproved.TYPE
    register.fixed = [DecisionOutcome("fulfillment", approved), DecisionOutcome("intake", approved)]
    shown = "recorded; a second account has to approve, or the request is stopped"
    assert decide("request", "approve-erasure", case).stdout.strip() == shown
    assert f"{case}: {shown}" in decide("request", "approve-erasure", case, UNKNOWN).stdout


def test_one_code_approves_at_most_100_erasures() -> None:
    result = decide("request", "approve-erasure", *(f"{n:032x}" for n in range(101)))
    assert str(result.exception) == "one code makes 100 decisions at most"


def test_hold_on_a_collection_needs_no_request(register: Register) -> None:
    register.fixed = [DecisionOutcome("fulfillment", HoldPlaced.TYPE)]
    place = ("hold", "place", "--matter", "claim_7")
    assert "stands" in decide(*place, "--collection", "shop.orders").stdout
    assert str(decide(*place, UNKNOWN).exception) == "no request has this id"
    for both in ((), (UNKNOWN, "--collection", "shop.orders")):
        assert "name a request, or a collection" in str(decide(*place, *both).exception)
