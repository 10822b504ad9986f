"""Which agents are served, as the operator says it; what does not fit is named at the start."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from services.intake.settings import IntakeSettings
from shared.errors import ConfigurationError
from shared.runtime.settings import load
from tests.unit.agents import listed

NEEDED = {
    "HABEAS_AMQP_URL": "amqp://guest:guest@127.0.0.1",
    "HABEAS_MONGO_URL": "mongodb://127.0.0.1",
    "HABEAS_MASTER_KEY": base64.b64encode(b"m" * 32).decode(),
}


@pytest.fixture(autouse=True)
def needed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)


def test_agents_are_disabled_by_default() -> None:
    settings = load(IntakeSettings)
    assert (settings.drp_business, settings.drp_agents) == ("", ())


def test_entries_of_the_directory_are_taken_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HABEAS_DRP_AGENTS", json.dumps([listed("ONE"), listed("TWO")]))
    one, two = load(IntakeSettings).drp_agents
    assert (one.id, one.source, two.id) == ("AGENT_ONE", "drp/AGENT_ONE", "AGENT_TWO")
    assert len(one.key) == 32


def test_the_directorys_own_file_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "agents.json"
    path.write_text(json.dumps([listed("ONE")]), encoding="utf-8")
    monkeypatch.setenv("HABEAS_DRP_AGENTS_FILE", str(path))
    assert [agent.id for agent in load(IntakeSettings).drp_agents] == ["AGENT_ONE"]


@pytest.mark.parametrize(
    "agents",
    [
        pytest.param([listed("ONE"), listed("ONE")], id="twice"),
        pytest.param([listed("ONE") | {"verify_key": "ztXIRu3T4lr"}], id="a key that is none"),
        pytest.param([listed("ONE") | {"verify_key": base64.b64encode(b"short").decode()}], id="a short key"),
        pytest.param([listed("ONE") | {"verify_key": "z" * 64}], id="a long key"),
        pytest.param([listed("ONE") | {"id": ""}], id="no id"),
        pytest.param([{"id": "AGENT_ONE"}], id="no key"),
        pytest.param({"agents": []}, id="no list"),
    ],
)
def test_a_list_that_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch, agents: Any) -> None:
    monkeypatch.setenv("HABEAS_DRP_AGENTS", json.dumps(agents))
    with pytest.raises(ConfigurationError, match="HABEAS_DRP_AGENTS"):
        load(IntakeSettings)
