import base64
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.intake.bootstrap import log_laws_not_accepted
from services.intake.settings import IntakeSettings
from shared.errors import ConfigurationError
from shared.law import ClockRules
from shared.runtime.settings import load
from tests.unit.breach_cases import unread_breach_deadlines
from tests.unit.fakes import unread_deadlines

NEEDED = {
    "HABEAS_AMQP_URL": "amqp://guest:guest@127.0.0.1",
    "HABEAS_MONGO_URL": "mongodb://127.0.0.1",
    "HABEAS_MASTER_KEY": base64.b64encode(b"m" * 32).decode(),
}


def practice(monkeypatch: pytest.MonkeyPatch, **changes: str) -> ClockRules:
    return settings(monkeypatch, **changes).practice()


def settings(monkeypatch: pytest.MonkeyPatch, **changes: str) -> IntakeSettings:
    for name, value in (NEEDED | {f"HABEAS_{key.upper()}": value for key, value in changes.items()}).items():
        monkeypatch.setenv(name, value)
    return load(IntakeSettings)


def test_required_fields_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    found = practice(monkeypatch)
    assert (found.zone.key, found.company.established_in) == ("Europe/Berlin", "DE-BE")


@pytest.mark.parametrize("name", ["HABEAS_AMQP_URL", "HABEAS_MASTER_KEY"])
def test_missing_fields_are_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for each, value in NEEDED.items():
        monkeypatch.setenv(each, value)
    monkeypatch.delenv(name)
    with pytest.raises(ConfigurationError, match=name):
        load(IntakeSettings)


COMPANY = """name: Example Networks
established_in: DE-BE
zone: Europe/Berlin
authority: { name: Authority of Examplia, url: "https://authority.example.org" }
"""


@pytest.mark.parametrize(
    ("content", "reported"),
    [
        pytest.param(
            COMPANY.replace("Europe/Berlin", "Mars/Olympus"), "zone: ", id="a place without a clock"
        ),
        pytest.param(COMPANY.replace("Europe/Berlin", "../../etc/passwd"), "zone: ", id="no place"),
        pytest.param(COMPANY.replace("DE-BE", "ZZ"), "no such country", id="holidays nobody knows"),
        pytest.param(COMPANY + "grants_to_others: utopia\n", "'utopia'", id="a law nobody knows"),
        pytest.param(COMPANY + "affilliates: []\n", "affilliates", id="a name that is none"),
        pytest.param("name: [", "is no YAML", id="no YAML"),
    ],
)
def test_a_company_that_cannot_be_is_refused_with_the_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str, reported: str
) -> None:
    file = tmp_path / "company.yaml"
    file.write_text(content)
    with pytest.raises(ConfigurationError, match="HABEAS_COMPANY") as error:
        settings(monkeypatch, company=str(file))
    assert reported in str(error.value)


def test_a_company_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml: cannot be read"):
        settings(monkeypatch, company="nowhere.yaml")


def test_a_company_is_read_from_its_own_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "company.yaml"
    file.write_text(COMPANY.replace("DE-BE", "FR") + "margin_days: 3\n")
    company = practice(monkeypatch, company=str(file)).company
    assert (company.established_in, company.margin) == ("FR", timedelta(days=3))


@pytest.mark.parametrize(
    ("host", "url", "starts"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080", True),
        ("localhost", "http://localhost:8080", True),
        ("0.0.0.0", "http://127.0.0.1:8080", False),  # noqa: S104 - refused
        ("127.0.0.1", "https://privacy.example.com", False),
        ("127.0.0.1", "http://127.0.0.1.example.com", False),
    ],
)
def test_local_callbacks_are_refused_beyond_this_machine(
    monkeypatch: pytest.MonkeyPatch, host: str, url: str, *, starts: bool
) -> None:
    changes = {"http_host": host, "public_url": url, "local_callbacks": "true"}
    if starts:
        assert settings(monkeypatch, **changes).local_callbacks
        return
    with pytest.raises(ConfigurationError, match="HABEAS_LOCAL_CALLBACKS"):
        settings(monkeypatch, **changes)


@pytest.mark.parametrize("key", ["", "short"])
def test_a_key_that_can_be_guessed_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    with pytest.raises(ConfigurationError, match="HABEAS_API_KEYS") as error:
        settings(monkeypatch, api_keys=f'{{"shop.example.com": "{key}"}}')
    assert not key or key not in str(error.value)


def test_keys_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "0123456789abcdef"
    assert key not in repr(settings(monkeypatch, api_keys=f'{{"shop.example.com": "{key}"}}'))


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("", set()),
        ("[]", set()),
        ('["br-lgpd", "us-tx"]', {"br-lgpd", "us-tx"}),
        ("all", {"all"}),
        ("br-lgpd, sg-pdpa", {"br-lgpd", "sg-pdpa"}),
        ("us-tx us-co", {"us-tx", "us-co"}),
        ("nis2, us-ca", {"nis2", "us-ca"}),
    ],
)
def test_accepted_laws_are_words(monkeypatch: pytest.MonkeyPatch, written: str, names: set[str]) -> None:
    assert settings(monkeypatch, laws_accepted=written).laws_accepted == names


def test_accepted_law_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="law 'utopia': there is none"):
        settings(monkeypatch, laws_accepted="br-lgpd, utopia")


def test_company_cannot_grant_a_law_that_does_not_apply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.intake.settings.policies", lambda: unread_deadlines("gdpr"))
    with pytest.raises(
        ConfigurationError, match="gdpr: the company grants it, and a deadline of it was not read"
    ):
        settings(monkeypatch)
    assert settings(monkeypatch, laws_accepted="gdpr").laws_accepted == {"gdpr"}


def test_company_cannot_grant_a_breach_law_that_does_not_apply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.intake.settings.breach_policies", lambda: unread_breach_deadlines("gdpr"))
    with pytest.raises(ConfigurationError, match="gdpr: the company grants it"):
        settings(monkeypatch)


def test_laws_not_accepted_are_logged_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.intake.settings.policies", lambda: unread_deadlines("br-lgpd"))
    with capture_logs() as lines:
        for accepted in ({}, {"laws_accepted": "all"}):
            rules = practice(monkeypatch, **accepted)
            log_laws_not_accepted(rules.policies, rules.zone)
        log_laws_not_accepted(unread_breach_deadlines("us-tn"), rules.zone)
        log_laws_not_accepted(unread_breach_deadlines("us-tn").accepting(["us-tn"]), rules.zone)
    assert [(line["law"], line["reason"]) for line in lines] == [
        ("br-lgpd@2020-09-18", "unread: answer"),
        ("us-tn@2017-04-04", "unread: notice to people, notice to controller"),
    ]
