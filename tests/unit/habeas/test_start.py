"""Verbs that run an installation print their states as lines of JSON."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from habeas import client
from habeas.cli import app, start
from habeas.cli.options import InstallationState
from habeas.client.audit import AuditReport
from habeas.embedded.installation import Installation
from habeas.embedded.uptime import describe
from shared.errors import ConfigurationError
from shared.runtime.audit_chain import ChainFault, ChainFinding


def test_addresses_are_announced_as_printed(tmp_path: Path) -> None:
    states: list[Mapping[str, Any]] = []
    out = Console(record=True, width=500)
    installation = Installation(tmp_path)
    describe(installation, out, states.append)
    [running] = states
    assert running["state"] == "running"
    shown = out.export_text()
    for name in (
        "docs",
        "console",
        "letters",
        "database",
        "database_url_file",
        "data_map",
        "company",
        "settings",
        "log",
    ):
        assert running[name] in shown
    assert running["docs"] == f"{running['api']}/docs"
    assert installation.stack.database.password not in f"{shown} {states}"


def test_state_for_programs_is_a_line_and_all_else_goes_to_the_error_stream(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, announce = start._outputs(as_json=True)
    out.print("starting")
    announce({"state": "stopped"})
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"state": "stopped"}
    assert printed.err == "starting\n"


def test_state_is_not_printed_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    start._outputs(as_json=False)[1]({"state": "stopped"})
    assert capsys.readouterr().out == ""


def test_upkeep_prints_one_document_about_keys_and_heads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "retired", lambda _state: ({"destroyed": 1}, "1 master key is destroyed"))
    monkeypatch.setattr(start, "copy_heads", lambda *_: 3)
    monkeypatch.setattr(start, "key_ring", lambda _state: None)
    report = AuditReport(rows=7, cases=2)
    monkeypatch.setattr(start, "verify_journals", lambda *_: report)
    words = ["upkeep", "--once", "--heads", str(tmp_path)]
    printed = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert printed == {"destroyed": 1, "heads": 3, "audit": report.plain()}
    kept = f"1 master key is destroyed\n3 new heads in {tmp_path}"
    text = f"{kept}\n7 rows of 2 cases are unchanged\n"
    assert CliRunner().invoke(app, words).stdout == text


def test_journals_are_verified_and_their_rows_named_though_keys_cannot_be_destroyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Secrets on Kubernetes are read-only: the alert fired although the journals had been verified."""

    def retired(_state: InstallationState) -> None:
        raise ConfigurationError("keys.json: cannot be written")

    noted: list[object] = []
    monkeypatch.setattr(client.upkeep, "note_verification", noted.append)
    report = AuditReport(findings=[ChainFinding("intake", "0" * 32, 4, ChainFault.CHANGED)])
    for name, answer in (("copy_heads", 0), ("key_ring", None), ("verify_journals", report)):
        monkeypatch.setattr(start, name, lambda *_, answer=answer: answer)
    monkeypatch.setattr(start, "retired", retired)
    with pytest.raises(ConfigurationError):
        start._daily(tmp_path, InstallationState(tmp_path), as_json=True)
    assert len(noted) == 1
    assert json.loads(capsys.readouterr().out) == {"heads": 0, "audit": report.plain()}


def test_upkeep_once_refuses_a_wrong_duration_before_it_begins(tmp_path: Path) -> None:
    command = ["upkeep", "--once", "--heads", str(tmp_path), "--stalled-after", "nonsense"]
    result = CliRunner().invoke(app, command)
    assert str(result.exception) == "--stalled-after: must be a duration, like PT10M"


def test_upkeep_fails_on_rows_that_do_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finding = ChainFinding("intake", "0" * 32, 4, ChainFault.CHANGED)
    report = AuditReport(rows=7, cases=2, findings=[finding, finding])
    answers: dict[str, object] = {
        "copy_heads": 0,
        "key_ring": None,
        "verify_journals": report,
        "retired": ({}, ""),
    }
    for name, answer in answers.items():
        monkeypatch.setattr(start, name, lambda *_, answer=answer: answer)
    figure = client.upkeep.FINDINGS.labels("intake")
    before = figure._value.get()
    ended = CliRunner().invoke(app, ["upkeep", "--once", "--heads", str(tmp_path), "--json"])
    assert json.loads(ended.stdout)["audit"] == report.plain()
    assert (ended.exit_code, figure._value.get() - before) == (1, 2)


def test_overdue_keys_are_destroyed_though_a_row_ends_the_verification(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stolen account may store any row: it ended upkeep, and kept a replaced master key alive."""
    destroyed: list[object] = []

    def verified(*_: object) -> AuditReport:
        raise TypeError("unhashable")

    def retired(state: InstallationState) -> tuple[dict[str, int], str]:
        destroyed.append(state)
        return {}, ""

    for name, answer in (("copy_heads", 0), ("key_ring", None)):
        monkeypatch.setattr(start, name, lambda *_, answer=answer: answer)
    monkeypatch.setattr(start, "verify_journals", verified)
    monkeypatch.setattr(start, "retired", retired)
    start._try(lambda: start._daily(tmp_path, InstallationState(tmp_path), as_json=True))
    assert len(destroyed) == 1
    assert capsys.readouterr().err == "habeas: TypeError; the next attempt is in a day\n"
