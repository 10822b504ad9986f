"""The state of a request has its reason and its age, for the staff and for the submitting system."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from habeas.cli import app
from habeas.client.console_api import ConsoleClient
from habeas.client.tickets import REASONS, age_in_days, lines_of, of_case, of_page, of_reference
from services.console.api.answers import CaseAnswer
from services.console.state import CaseStage, Wait, WaitKind
from shared.errors import ConfigurationError
from tests.unit.console_cases import case_of, received

CASE = "0123456789abcdef0123456789abcdef"
NOW = datetime.now(UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)


def shown(**changes: Any) -> dict[str, Any]:
    row = replace(case_of(received(CASE)), **changes)
    return of_case(CaseAnswer.model_validate(row).model_dump(mode="json"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"stage": CaseStage.CHALLENGED}, REASONS["proof"]),
        (
            {"stage": CaseStage.CHALLENGED, "waits": (Wait(WaitKind.DOCUMENT, NOW),)},
            "waits for the staff: document",
        ),
        ({"stage": CaseStage.CHALLENGED, "stopped": "not_me"}, "stopped: not_me"),
        (
            {"stage": CaseStage.REFERRED, "waits": (Wait(WaitKind.REFERRED, NOW, reason="legal_hold"),)},
            "waits for the staff: legal_hold",
        ),
        (
            {"stage": CaseStage.REFUSED, "grounds": ("not_convincing",), "outcome": "refused"},
            "not_convincing",
        ),
        ({"stage": CaseStage.DUPLICATE, "repeats": CASE}, "duplicate of HB-04HM-ASW9-NFM"),
        ({"stage": CaseStage.VERIFIED, "scope_asked_at": NOW}, REASONS["scope"]),
        ({"stage": CaseStage.CLOSED, "open": False, "outcome": "granted", "scope_asked_at": NOW}, "granted"),
        ({"stage": CaseStage.WITHDRAWN}, None),
        ({"stage": CaseStage.RECEIVED}, None),
    ],
)
def test_state_of_a_case_has_its_reason(changes: dict[str, Any], reason: str | None) -> None:
    assert shown(**changes)["reason"] == reason


def test_case_has_its_reference_and_age() -> None:
    found = shown(received_on=TODAY - 3 * DAY, stage=CaseStage.RECEIVED)
    assert (found["short"], found["source"], found["status"]) == (
        "HB-04HM-ASW9-NFM",
        "shop.example",
        "received",
    )
    assert found["age_days"] in {3, 4}


async def test_reference_is_searched_at_the_console_and_in_no_address() -> None:
    row = replace(case_of(received(CASE)), stage=CaseStage.RECEIVED)
    calls: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        cases = [CaseAnswer.model_validate(row).model_dump(mode="json")]
        return httpx.Response(200, json={"cases": cases, "unregistered": ["f" * 32]})

    base = "https://console.example.com"
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url=base) as http:
        found = await of_reference(ConsoleClient(http), "ticket-7", "shop.example")
    [call] = calls
    assert (call.url.path, json.loads(call.content)) == (
        "/search",
        {"reference": "ticket-7", "source": "shop.example"},
    )
    assert [(one["request"], one["status"]) for one in found] == [(CASE, "received"), ("f" * 32, "submitted")]
    assert found[1]["reason"] == REASONS["unregistered"]


def test_reference_needs_a_session_or_the_key_of_a_system(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HABEAS_MONGO_URL", "mongodb://localhost:1")
    monkeypatch.setenv("HABEAS_MASTER_KEY", "x")
    words = ("status", "--reference", "ticket-7", "--state", str(tmp_path))
    with pytest.raises(ConfigurationError, match="`habeas login`, or name the key of a system"):
        CliRunner().invoke(app, words, catch_exceptions=False)


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ({"status": "challenged"}, REASONS["proof"]),
        ({"status": "challenged", "in_review": True}, REASONS["review"]),
        ({"status": "challenged", "proof_refused_for": "expired"}, "expired"),
        ({"status": "challenged", "stopped": "not_me"}, "stopped: not_me"),
        ({"status": "refused", "reasons": ["proof_not_convincing"]}, "proof_not_convincing"),
        ({"status": "closed", "outcome": "granted", "reasons": []}, "granted"),
        ({"status": "closed", "timeline": [{"what": "received"}, {"what": "withdrawn"}]}, "withdrawn"),
        ({"status": "submitted"}, REASONS["turn"]),
        ({"status": "received"}, None),
    ],
)
def test_status_page_has_its_reason(page: dict[str, Any], reason: str | None) -> None:
    assert of_page({"id": CASE, **page})["reason"] == reason


def test_age_is_counted_in_days() -> None:
    received_on = (TODAY - timedelta(days=12)).isoformat()
    assert of_page({"id": CASE, "status": "received", "received_on": received_on})["age_days"] in {12, 13}
    assert age_in_days(date(2000, 1, 1)) > 9_000


def test_request_of_the_offices_next_day_has_no_negative_age() -> None:
    assert age_in_days(datetime.now(UTC).date() + timedelta(days=1)) == 0


def test_ticket_is_printed_line_by_line() -> None:
    moment = {"at": "2026-03-02T09:30:00.295942Z", "what": "received", "letter": None, "until": None}
    letter = {"at": "2026-03-02T09:31:00Z", "what": "letter_sent", "letter": "code", "until": "2026-04-02"}
    ticket = {"request": CASE, "id": CASE, "age_days": 0, "paused": False, "in_review": True}
    lists = {"outcome": None, "laws": ["gdpr", "uk-gdpr"], "wanted": [["mailbox", "document"], ["login"]]}
    assert lines_of(ticket | lists | {"timeline": [moment, letter]}) == [
        f"request      {CASE}",
        "age_days     0",
        "in_review    yes",
        "laws         gdpr, uk-gdpr",
        "wanted       mailbox + document, login",
        "timeline     2026-03-02 09:30 received",
        "             2026-03-02 09:31 letter_sent code until 2026-04-02",
    ]
