"""The verbs about recipients list the notices of the console, and repeat failed ones by decisions."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from typer.testing import CliRunner

from habeas.cli import app, client
from habeas.client.console_api import ConsoleLogin
from habeas.client.decisions import BatchedEffect, DecisionSigner
from shared.contract.events import Decision, RecipientRetried, SubjectErased

CASE, OTHER = "ab" * 16, "cd" * 16


def failed(case: str, recipient: str) -> dict[str, Any]:
    known = {"case": case, "recipient": recipient, "about": SubjectErased.TYPE, "state": "failed"}
    return {**known, "reason": "refused", "since": "2026-03-02T09:00:00Z", "notice": recipient.lower()}


FOUND = [failed(CASE, "Mailer"), failed(CASE, "Mailer"), failed(CASE, "Bank"), failed(OTHER, "Mailer")]


@pytest.fixture(autouse=True)
def console(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("habeas.cli.data_use.from_console", lambda *_: FOUND)


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["recipients", *words], catch_exceptions=False)
    return result.exit_code, result.stdout


def test_failed_notices_end_the_list_with_1() -> None:
    code, printed = run("list", "--failed")
    assert (code, printed.count("Mailer: failed refused")) == (1, 3)
    assert run("list", "--json") == (0, f"{json.dumps(FOUND)}\n")


def test_failed_notices_of_a_recipient_are_repeated_once_for_each_case(
    monkeypatch: pytest.MonkeyPatch, console_login: ConsoleLogin
) -> None:
    made: list[Decision] = []

    async def batch(_signer: DecisionSigner, decisions: Sequence[Decision]) -> list[BatchedEffect]:
        made.extend(decisions)
        return [BatchedEffect(one, "accepted", results=("x",)) for one in decisions]

    monkeypatch.setattr(client.decisions, "decide_batch", batch)
    monkeypatch.setattr("habeas.cli.contract.MOST_BATCHED", 1, raising=False)
    code, printed = run("retry", "--recipient", "Mailer", "--code", "123456")
    rest = "1 more: run it again with the next code"
    assert (code, printed.splitlines()) == (0, [f"{CASE}: sent again", rest])
    again = RecipientRetried(request_id=CASE, by=console_login.account, recipient="Mailer")
    assert made == [again]


def test_nothing_is_repeated_where_no_notice_has_failed() -> None:
    assert run("retry", "--recipient", "Courier") == (0, "no notice has failed\n")
