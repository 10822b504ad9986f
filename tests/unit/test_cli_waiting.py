"""Lists of the work that waits for the staff, from answers of the console."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from habeas.client import waiting_work
from habeas.client.console_api import (
    SIGN_IN_AGAIN,
    ConsoleClient,
    ConsoleLogin,
    ConsoleUnavailable,
    LoginFile,
)
from shared.errors import ConfigurationError

NOW = datetime(2026, 3, 9, 10, tzinfo=UTC)
CASE: Mapping[str, Any] = {
    "id": "a" * 32,
    "stage": "referred",
    "right": "erasure",
    "laws": ["gdpr@2018-05-25"],
    "received_on": "2026-03-02",
    "due_on": "2026-04-02",
}
LOGIN = ConsoleLogin("https://console.example.com", "anna", "2026-03-09T18:00:00Z", "4f0c")


def waiting(kind: str, reason: str | None = None, due_on: str | None = None) -> dict[str, Any]:
    return {"kind": kind, "since": "2026-03-08T23:30:00Z", "reason": reason, "due_on": due_on, "by": []}


def case(*waits: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    return {**CASE, "waits": list(waits), **changes}


@pytest.mark.parametrize(
    ("waits", "waits_for", "verbs"),
    [
        pytest.param(
            [waiting("referred", "erasure_ground_claimed")],
            "referred",
            "request ground, request answer, request refuse, request nothing-held",
            id="a claimed ground is decided first",
        ),
        pytest.param(
            [waiting("referred", "by_staff"), waiting("stopped", "not_me")],
            "stopped: not_me",
            "request resume, request close",
            id="a stop comes before all else",
        ),
        pytest.param(
            [waiting("undelivered")], "answer not delivered", "request delivered", id="it came back"
        ),
    ],
)
def test_row_of_a_request_names_its_next_step(
    waits: list[dict[str, Any]], waits_for: str, verbs: str
) -> None:
    row = waiting_work.request_row(case(*waits), date(2026, 3, 9))
    assert row is not None
    assert (row["waits_for"], row["verbs"], row["days_left"]) == (waits_for, verbs, 24)


def test_work_beside_the_answer_is_no_next_step() -> None:
    assert waiting_work.request_row(case(waiting("recipient")), date(2026, 3, 9))["waits_for"] is None


def answering(pages: Mapping[str, Mapping[str, Any]]) -> ConsoleClient:
    """Return a client whose console answers with *pages*, each by the mark that it begins after."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=pages[request.url.params.get("after", "")])

    transport = httpx.MockTransport(answer)
    return ConsoleClient(httpx.AsyncClient(transport=transport, base_url="https://console.example.com"))


async def test_appeals_of_all_pages_are_listed_by_their_last_day() -> None:
    undated = case(waiting("appeal", "complaint"), id="b" * 32)
    dated = case(waiting("appeal", "appeal", "2026-04-07"), id="c" * 32)
    console = answering({"": {"cases": [undated], "next": "mark"}, "mark": {"cases": [dated], "next": None}})
    found = await waiting_work.appeals(console, NOW)
    assert [(row["request"][0], row["remedy"], row["days_left"]) for row in found] == [
        ("c", "appeal", 29),
        ("b", "complaint", None),
    ]
    assert found[0]["received_on"] == "2026-03-08"


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (httpx.Response(401, json={}), ConfigurationError, SIGN_IN_AGAIN),
        (httpx.Response(503), ConsoleUnavailable, "the console answers 503"),
        (
            httpx.Response(403, json={"detail": "Your roles do not allow this."}),
            ConfigurationError,
            "Your roles do not allow this.",
        ),
    ],
)
async def test_refusal_of_the_console_is_an_error_of_the_verb(
    answer: httpx.Response, error: type[Exception], text: str
) -> None:
    transport = httpx.MockTransport(lambda _request: answer)
    console = ConsoleClient(httpx.AsyncClient(transport=transport, base_url="https://console.example.com"))
    with pytest.raises(error, match=text):
        await waiting_work.proposals(console)


@pytest.mark.parametrize("address", ["http://console.example.com", "console.example.com", "ftp://127.0.0.1"])
async def test_password_goes_over_tls_or_to_this_machine_alone(address: str) -> None:
    with pytest.raises(ConfigurationError, match="https://"):
        async with ConsoleClient.opened(address):
            pass


def test_login_file_is_private_and_keeps_one_session_for_each_console(tmp_path: Path) -> None:
    file = LoginFile(tmp_path / "habeas" / "logins.json")
    with pytest.raises(ConfigurationError, match="habeas login"):
        file.of()
    file.keep(LOGIN)
    assert file.of() == file.of(LOGIN.console) == LOGIN
    assert file.path.stat().st_mode & 0o777 == 0o600
    other = ConsoleLogin("http://127.0.0.1:8090", "anna", LOGIN.ends_at, "other")
    file.keep(other)
    with pytest.raises(ConfigurationError, match="HABEAS_CONSOLE_URL"):
        file.of()
    file.drop(LOGIN)
    assert file.of() == other
    assert LOGIN.token not in file.path.read_text()
    assert LOGIN.token not in repr(LOGIN)
