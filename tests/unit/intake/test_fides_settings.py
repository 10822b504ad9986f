"""Which clients are served, as the operator says it; what does not fit is named at the start."""

import base64
import json
from typing import Any

import pytest

from services.intake.channels.fides.clients import ClientScope
from services.intake.settings import IntakeSettings
from shared.errors import ConfigurationError
from shared.law import Right
from shared.runtime.settings import load

NEEDED = {
    "HABEAS_AMQP_URL": "amqp://guest:guest@127.0.0.1",
    "HABEAS_MONGO_URL": "mongodb://127.0.0.1",
    "HABEAS_MASTER_KEY": base64.b64encode(b"m" * 32).decode(),
}
SECRET = "0123456789abcdef"


@pytest.fixture(autouse=True)
def needed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)


def test_the_api_is_disabled_by_default() -> None:
    settings = load(IntakeSettings)
    assert (settings.fides_served, settings.fides_clients, settings.fides_origins) == (False, {}, frozenset())
    assert settings.fides_policies["default_erasure_policy"] is Right.ERASURE


def test_clients_policies_and_sites_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    clients = {"scripts": {"secret": SECRET, "scopes": ["privacy-request:read"]}}
    monkeypatch.setenv("HABEAS_FIDES_CLIENTS", json.dumps(clients))
    monkeypatch.setenv("HABEAS_FIDES_POLICIES", '{"ours": "portability", "no_mail": "direct_marketing"}')
    monkeypatch.setenv("HABEAS_FIDES_ORIGINS", '["https://center.example.com:3001"]')
    settings = load(IntakeSettings)
    assert settings.fides_clients["scripts"].scopes == {ClientScope.READ}
    assert settings.fides_policies == {"ours": Right.PORTABILITY, "no_mail": "direct_marketing"}
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("CLIENTS", {"a": {"secret": "short", "scopes": []}}, id="a secret that is guessed"),
        pytest.param("CLIENTS", {"a": {"secret": SECRET, "scopes": ["all"]}}, id="no scope"),
        pytest.param("CLIENTS", {"a": {"secret": SECRET}}, id="no scopes"),
        pytest.param("CLIENTS", {"A b": {"secret": SECRET, "scopes": []}}, id="no name for an event"),
        pytest.param("CLIENTS", {"a": {"secret": SECRET, "scopes": [], "more": 1}}, id="a typing slip"),
        pytest.param("POLICIES", {"ours": "deletion"}, id="no right"),
        pytest.param("POLICIES", {"a key": "access"}, id="no key"),
        pytest.param("DATA_USES", {"marketing": "sale"}, id="no right of a use"),
        pytest.param("ORIGINS", ["*"], id="every site"),
        pytest.param("ORIGINS", ["https://center.example.com/"], id="a page, no site"),
    ],
)
def test_invalid_settings_are_named(monkeypatch: pytest.MonkeyPatch, name: str, value: Any) -> None:
    monkeypatch.setenv(f"HABEAS_FIDES_{name}", json.dumps(value))
    with pytest.raises(ConfigurationError, match=f"HABEAS_FIDES_{name}") as error:
        load(IntakeSettings)
    assert SECRET not in str(error.value)
