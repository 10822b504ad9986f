"""Incidents, as the command prints the console's answers."""

import json
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from habeas.cli import app
from habeas.cli.breaches import _approvable, _show_approved
from habeas.cli.options import out
from habeas.client.console_api import ConsoleClient, ConsoleLogin
from habeas.client.decisions import DecisionSigner, decide_in_room
from services.console.api.answers import IncidentAnswer
from services.console.incidents import BreachRoom
from shared.contract.events import Fact
from shared.contract.events.breaches import (
    BreachRegistered,
    CampaignAborted,
    CampaignPaused,
    CheckedLetter,
    ClockStep,
    MissingStatement,
    NoticesChecked,
    NoticesReleased,
    StatedDuty,
)
from shared.contract.references import short_reference
from shared.errors import ConfigurationError, Unanswered
from tests.unit.console.test_breach_rooms import (
    DUE,
    GDPR,
    INCIDENT,
    START,
    notified,
    progressed,
    room,
    scoped,
    stated,
)
from tests.unit.console.test_breach_rooms import registered as first

LACK = MissingStatement(says="the contact", provision="GDPR Art. 33(3)(b)")
LETTER = CheckedLetter(to="people", laws=(GDPR,), language="de", people=10, lacks=(LACK,))
CHECKED = NoticesChecked(request_id=INCIDENT, phase=1, letters=(LETTER, LETTER))
AUTHORITY = StatedDuty(
    clock="gdpr.authority.DE",
    recipient="authority",
    due_at=DUE,
    why=(ClockStep(says="72 hours later", provision="GDPR Art. 33(1)"),),
)
DONE = AUTHORITY.model_copy(
    update={
        "clock": "gdpr.authority.FR",
        "done_at": DUE + timedelta(minutes=1),
        "done_by": "ada",
        "receipt": "CNIL-1",
    }
)
DUTIES = (DONE, AUTHORITY, AUTHORITY.model_copy(update={"clock": "gdpr.people", "due_at": None}))
WAITING = (first(), scoped(), CHECKED, stated("scoped", duties=DUTIES, more=2))


def printed(monkeypatch: pytest.MonkeyPatch, found: BreachRoom, *words: str) -> str:
    """Return what a verb prints of an incident that the console answers with."""
    incident = IncidentAnswer.model_validate(found).model_dump(mode="json")
    event = {"at": START.isoformat(), "type": "t", "text": "Breach declared", "actor": "ada"}
    answer: Any = [incident] if words == ("list",) else {"incident": incident, "timeline": [event]}
    for module in ("breaches", "breach_notices"):
        monkeypatch.setattr(f"habeas.cli.{module}.from_console", lambda *_: answer)
    result = CliRunner().invoke(app, ["breach", *words], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def shown(monkeypatch: pytest.MonkeyPatch, found: BreachRoom, *words: str) -> str:
    return printed(monkeypatch, found, "show", INCIDENT, *words)


def test_incident_is_shown_with_counts_clocks_approvals_and_missing_statements(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = shown(monkeypatch, room(*WAITING))
    for line in (
        "phase 1: scoped",
        f"people by law   {GDPR} 10",
        "by language     de 10",
        "no address      2",
        "72 hours later [GDPR Art. 33(1)]",
        "gdpr.people: due without undue delay",
        "1 clocks do not run: `--all` shows them",
        "2 more clocks to single customers run",
        "Breach declared (ada)",
    ):
        assert line in text
    assert text.count("lacks: the contact (GDPR Art. 33(3)(b))") == 1
    assert "CNIL-1" not in text
    approved = room(*WAITING[:3], stated("released", approved_by=("bruno",)))
    assert "approved by     bruno" in shown(monkeypatch, approved)
    assert "lacks" not in shown(monkeypatch, approved), "letters that are out"


def test_scope_without_people_is_shown_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    warning = "no person was found: check collections and categories"
    empty = scoped().model_copy(update={"groups": (), "chunks": 0})
    assert warning in shown(monkeypatch, room(first(), empty))
    assert warning not in shown(monkeypatch, room(*WAITING))


def test_late_report_is_shown_as_late(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, room(*WAITING), "--all")
    assert "by ada (CNIL-1), LATE; due by" in text


@pytest.mark.parametrize(("before", "anew"), [("withdrawn", True), ("scoped", False)])
def test_phase_after_withdrawn_ones_is_shown_as_declared_anew(
    before: str, anew: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = stated(before, "registered")
    back = known.phases[0].model_copy(update={"withdrawn_by": "carla" if anew else None})
    again: BreachRegistered = first().model_copy(update={"phase": 2, "by": None})
    found = room(first(), again, known.model_copy(update={"phases": (back, known.phases[1])}))
    assert ("declared anew   every earlier phase was withdrawn" in shown(monkeypatch, found)) is anew


def test_hold_is_shown_until_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    for days, held in ((36_500, True), (0, False)):
        until = START + timedelta(days=days)
        found = room(*WAITING[:2], stated("scoped", agency="police", held_until=until))
        assert ("held up by police until" in shown(monkeypatch, found)) is held


def test_list_names_newest_phase_and_next_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    text = printed(monkeypatch, room(*WAITING), "list")
    assert f"{INCIDENT}  {short_reference(INCIDENT)}\n" in text
    assert "phase 1: scoped; gdpr.authority.DE by 20" in text


def test_program_gets_the_answer_of_the_console(monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.loads(shown(monkeypatch, room(*WAITING), "--json"))
    assert found["incident"]["phases"][0]["scoped"]["records"] == scoped().records
    assert found["incident"]["stated"]["aware_at"] == START.isoformat().replace("+00:00", "Z")
    assert found["timeline"][0]["actor"] == "ada"


def test_progress_names_counts_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    released = NoticesReleased(request_id=INCIDENT, phase=1, declaration="declared_1", chunks=4)
    going = (*WAITING[:2], stated("released"), released, progressed(2, 4_000))
    text = printed(monkeypatch, room(*going), "progress", INCIDENT)
    assert "phase 1: 50 % of the batches done, 4,000 sent (1 doubtful), 0 failed" in text
    assert "4,000 a minute, done in 0:01:00 at this rate\non\n" in text
    paused = printed(
        monkeypatch,
        room(*going, CampaignPaused(request_id=INCIDENT, by="ada")),
        "progress",
        INCIDENT,
        "--watch",
        "--json",
    )
    [phase] = json.loads(paused)["phases"]
    assert (json.loads(paused)["mode"], phase["counts"]["sent"]) == ("paused", 4_000)
    over = room(*going, notified(8_000), stated("notified"))
    assert printed(monkeypatch, over, "progress", INCIDENT, "--watch").endswith("\nall are out\n")


def test_progress_of_notices_that_wait_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="no notices were released"):
        printed(monkeypatch, room(*WAITING), "progress", INCIDENT)


def approved(found: BreachRoom) -> str:
    """Return the text about an approval of the notices that wait."""
    with out.capture() as shown:
        _show_approved(IncidentAnswer.model_validate(found).model_dump(mode="json"), START)
    return shown.get()


def phases(*facts: Fact) -> list[dict[str, Any]]:
    return [one.model_dump(mode="json") for one in IncidentAnswer.model_validate(room(*facts)).phases]


def test_approval_prints_people_customers_and_the_hold() -> None:
    until = START + timedelta(days=1)
    found = room(*WAITING[:2], stated("scoped", agency="police", held_until=until))
    text = approved(found)
    assert "phase 1: 10 people (de 10), 0 customers" in text
    assert "2 of them have no mail address" in text
    assert "when the hold of police is over" in text
    assert "hold" not in approved(room(*WAITING))


def test_first_approval_of_a_system_declaration_asks_for_a_second() -> None:
    by_system = (first(by=None), scoped())
    again = "a second one has to approve"
    assert again in approved(room(*by_system, stated("scoped")))
    assert again not in approved(room(*by_system, stated("scoped", approved_by=("ada",))))
    assert again not in approved(room(*WAITING))


def test_approval_that_releases_another_phase_needs_its_number() -> None:
    """A phase newer than the reviewed one is not approved."""
    both = phases(first(), scoped(), first(2), scoped(2), stated("scoped", "scoped"))
    with pytest.raises(ConfigurationError, match="--phase: name the reviewed one"):
        _approvable(both, None)
    with pytest.raises(ConfigurationError, match="phase 2 is newer"):
        _approvable(both, 1)
    assert _approvable(both, 2) == {"phase": 2, "declaration": "declared_2"}
    without_scope = phases(first(), scoped(), first(2), stated("scoped", "registered"))
    assert _approvable(without_scope, None) == {"phase": 1, "declaration": "declared_1"}
    withdrawn = phases(first(), scoped(), first(2), scoped(2), stated("scoped", "withdrawn"))
    assert _approvable(withdrawn, None)["phase"] == 1


@pytest.mark.slow  # a client of HTTP is made
@pytest.mark.parametrize("pending", [True, False])
async def test_decision_of_the_room_waits_for_an_answer(
    pending: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = list[tuple[str, str]]()

    async def call(_self: ConsoleClient, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        calls.append((method, path))
        if method == "POST":
            assert arguments["json"] == {"code": "123456", "fields": {"sure": "yes"}}
        return {"decision": "d1", "pending": pending, "results": ["t"]}

    monkeypatch.setattr(ConsoleClient, "call", call)
    signer = DecisionSigner(ConsoleLogin("http://127.0.0.1:9", "ada", "", "token"), "123456")
    decision = CampaignAborted(request_id=INCIDENT, by="ada")
    if pending:
        with pytest.raises(Unanswered, match="`habeas decision d1`"):
            await decide_in_room(signer, decision, "abort", sure="yes")
        return
    effect = await decide_in_room(signer, decision, "abort", sure="yes")
    assert effect.plain()["results"] == ["t"]
    assert calls == [("POST", f"/incidents/{INCIDENT}/decisions/abort"), ("GET", "/decisions/d1")]
