import base64

import pytest

from services.intake.domain import Practice
from services.intake.settings import IntakeSettings
from shared.errors import ConfigurationError
from shared.law import Regulation
from shared.settings import load

NEEDED = {
    "HABEAS_AMQP_URL": "amqp://guest:guest@127.0.0.1",
    "HABEAS_MONGO_URL": "mongodb://127.0.0.1",
    "HABEAS_MASTER_KEY": base64.b64encode(b"m" * 32).decode(),
    "HABEAS_ZONE": "Europe/Berlin",
    "HABEAS_CALENDAR": "DE-BE",
}


def practice(monkeypatch: pytest.MonkeyPatch, **changes: str) -> Practice:
    return settings(monkeypatch, **changes).practice()


def settings(monkeypatch: pytest.MonkeyPatch, **changes: str) -> IntakeSettings:
    for name, value in (NEEDED | {f"HABEAS_{key.upper()}": value for key, value in changes.items()}).items():
        monkeypatch.setenv(name, value)
    return load(IntakeSettings)


def test_what_is_needed_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    found = practice(monkeypatch)
    assert (found.zone.key, found.floor, found.margin) == ("Europe/Berlin", Regulation.GDPR, None)
    assert set(found.calendars) == set(Regulation)


@pytest.mark.parametrize("name", ["HABEAS_ZONE", "HABEAS_CALENDAR", "HABEAS_MASTER_KEY"])
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for each, value in NEEDED.items():
        monkeypatch.setenv(each, value)
    monkeypatch.delenv(name)
    with pytest.raises(ConfigurationError, match=name):
        load(IntakeSettings)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "Europe", "", "../../etc/passwd", "/etc/localtime"])
def test_a_place_without_a_clock_is_refused(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    with pytest.raises(ConfigurationError, match="HABEAS_ZONE"):
        settings(monkeypatch, zone=zone)


def test_a_place_whose_holidays_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError):
        practice(monkeypatch, calendar="ZZ")


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
