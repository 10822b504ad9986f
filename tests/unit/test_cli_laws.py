"""The verbs about deadlines."""

import json

import pytest
from typer.testing import CliRunner

from habeas.cli import app
from shared.errors import ConfigurationError
from tests.unit.breach_cases import unread_breach_deadlines
from tests.unit.fakes import unread_deadlines


def due(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["due", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_each_step_is_printed() -> None:
    output = due("--law", "gdpr", "--received", "2027-01-31", "--calendar", "DE-BE", "--explain")
    counting = "[Reg. (EEC, Euratom) 1182/71 Art. 3]"
    assert [line.strip() for line in output.splitlines()[:5]] == [
        "gdpr@2018-05-25: General Data Protection Regulation, (EU) 2016/679",
        "2027-03-01  answer, 1 month [GDPR Art. 12(3)]; meant for 2027-02-28",
        "2027-01-31  received at 12:00 Europe/Berlin [GDPR Art. 12(3)]",
        f"2027-02-28  1 month later, the last day: there is no day 31 {counting}",
        f"2027-03-01  next working day after 2027-02-28 (Sunday) {counting}",
    ]


def test_other_reading_is_explained_with_its_provenance() -> None:
    output = due("--law", "uk-gdpr", "--received", "2027-03-05", "--explain")
    assert "2027-04-05" in output
    assert (
        "“beginning with the relevant time”, it may end a day earlier [UK GDPR Art. 12A(1), text]" in output
    )


def test_without_explain_each_duty_has_one_line() -> None:
    output = due("--law", "us-ca-ccpa", "--received", "2026-11-18").splitlines()
    assert [line.split(",")[0][12:] for line in output[1:]] == [
        "answer",
        "extended answer",
        "acknowledgement",
    ]


def test_json_has_the_same_days() -> None:
    output = json.loads(due("--law", "us-ca-ccpa", "--received", "2026-11-18", "--json"))
    assert output["policies"] == [output["answer"]["policy"]] == ["us-ca-ccpa@2026-01-01"]
    assert (output["answer"]["due_on"], output["answer"]["read"]) == ("2026-12-31", "text")


def test_an_instant_counts_for_the_day_of_the_place_that_answers() -> None:
    output = due("--received", "2026-03-05T23:30:00+00:00", "--calendar", "DE-BE", "--explain")
    assert "2026-03-06  received at 00:30 Europe/Berlin" in output


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        pytest.param(["--received", "yesterday"], "write 2027-01-31", id="no day"),
        pytest.param(
            ["--received", "2026-01-01"], "place that answers: add --calendar DE-BE", id="no calendar"
        ),
        pytest.param(["--received", "2026-01-01", "--zone", "Mars/Base"], "Europe/Berlin", id="no zone"),
        pytest.param(["--received", "2026-01-01", "--law", "utopia"], "known are", id="no law"),
        pytest.param(["--received", "2026-01-01", "--calendar", "XX"], "no such country", id="no such place"),
    ],
)
def test_wrong_input_has_a_remedy(arguments: list[str], remedy: str) -> None:
    with pytest.raises(ConfigurationError, match=remedy):
        due(*arguments)


def test_each_law_has_the_provenance_of_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.law.library.policies", lambda: unread_deadlines("br-lgpd"))
    monkeypatch.delenv("HABEAS_LAWS_ACCEPTED", raising=False)
    rows = {row["law"]: row for row in json.loads(laws("--json"))}
    brazil, gdpr = rows["br-lgpd@2020-09-18"], rows["gdpr@2018-05-25"]
    assert brazil["state"].startswith("does not apply: unread answer")
    assert gdpr["state"] == "applies"
    assert gdpr["text"] > gdpr["secondary"] > 0
    monkeypatch.setenv("HABEAS_LAWS_ACCEPTED", "br-lgpd, us-tx")
    assert "applies, accepted: unread answer" in laws()


@pytest.mark.slow
def test_laws_on_breaches_have_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.law.library.breach_policies", lambda: unread_breach_deadlines("nis2"))
    monkeypatch.delenv("HABEAS_LAWS_ACCEPTED", raising=False)
    rows = {row["law"]: row["state"] for row in json.loads(laws("--breaches", "--json"))}
    assert rows["nis2@2024-10-18"] == "does not apply: unread notice to csirt"
    assert rows["gdpr@2018-05-25"] == "applies"
    monkeypatch.setenv("HABEAS_LAWS_ACCEPTED", "nis2")
    assert "applies, accepted: unread notice to csirt" in laws("--breaches")


def test_empty_lines_of_the_company_profile_are_reported_with_the_remedy() -> None:
    [line] = [line for line in laws().splitlines() if "privacy_policy" in line]
    assert line.startswith("HABEAS_COMPANY: privacy_policy is empty: refusals offer the policy on request")
    assert line.endswith("set it in the file of your company")


def laws(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["laws", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout
