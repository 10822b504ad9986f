"""The verb that lists legal holds prints those of the console."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from habeas.cli import app

HOLD, CASE, OTHER = "ef" * 16, "ab" * 16, "cd" * 16
PLACED: dict[str, Any] = {
    "hold": HOLD,
    "case": CASE,
    "scope": "person",
    "collection": None,
    "matter": "claim_7",
    "account": "dana",
    "until": None,
    "state": "standing",
    "kept_from": [OTHER],
}
ON_COLLECTION = {**PLACED, "hold": OTHER, "case": OTHER, "collection": "shop.orders", "kept_from": []}


@pytest.fixture(autouse=True)
def console(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("habeas.cli.holds.from_console", lambda *_: [PLACED, ON_COLLECTION])


def listed(*words: str) -> str:
    return CliRunner().invoke(app, ["hold", "list", *words], catch_exceptions=False).stdout


def test_holds_are_listed_with_the_requests_that_they_kept_records_from() -> None:
    assert listed().splitlines() == [
        f"{HOLD}  standing",
        f"    of              person of {CASE}",
        "    matter          claim_7",
        "    by              dana",
        f"    kept from       {OTHER}",
        f"{OTHER}  standing",
        "    of              shop.orders",
        "    matter          claim_7",
        "    by              dana",
    ]


def test_one_hold_is_listed_alone() -> None:
    assert [one["hold"] for one in json.loads(listed(HOLD, "--json"))] == [HOLD]
    assert listed("1" * 32).strip() == "there is no legal hold"
