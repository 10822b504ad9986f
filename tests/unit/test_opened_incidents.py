"""The sealed content of an incident, as the command opens it at the console."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from habeas.client import opened_incidents
from habeas.client.console_api import ConsoleClient
from habeas.client.opened_incidents import IncidentOpening
from shared.errors import ConfigurationError, Unanswered

INCIDENT = "ab" * 16
AT = "2026-03-02T09:00:00Z"


def known(
    status: str = "released", written_at: str | None = None, unreached: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the answer of the console about an incident."""
    phases = [{"number": 1, "stated": {"status": status}}]
    return {"incident": {"phases": phases}, "opened": {"written_at": written_at, "unreached": unreached}}


class RoomAnswers:
    """The console, which answers about an incident with each of *answers* and then with the last one."""

    def __init__(self, *answers: Mapping[str, Any], pending: bool = False) -> None:
        self.answers, self.pending = list(answers), pending
        self.codes: list[str] = []

    async def get(self, path: str) -> Mapping[str, Any]:
        assert path == f"/incidents/{INCIDENT}"
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def call(self, method: str, path: str, *, json: Mapping[str, Any]) -> Mapping[str, Any]:
        assert (method, path) == ("POST", f"/incidents/{INCIDENT}/decisions/open")
        self.codes.append(json["code"])
        return {"decision": "d1", "pending": self.pending}

    async def answer(self, method: str, path: str) -> Any:
        assert (method, path) == ("GET", f"/incidents/{INCIDENT}/content/unreached_2")
        return type("Answer", (), {"content": b"name,email\n"})()


def opening(console: RoomAnswers) -> IncidentOpening:
    return IncidentOpening(cast("ConsoleClient", console), INCIDENT, lambda: "123456")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened_incidents, "PAUSE_S", 0)


async def test_documents_of_an_earlier_opening_are_not_taken() -> None:
    earlier, now = known(written_at=AT), known(written_at="2026-03-02T10:00:00Z")
    console = RoomAnswers(earlier, earlier, earlier, now)
    assert await opening(console).written() == now
    assert console.codes == ["123456"]


async def test_list_of_people_not_reached_is_that_of_this_opening() -> None:
    before, after = ({"people": number, "list": f"unreached_{number}"} for number in (1, 2))
    answers: Sequence[Mapping[str, Any]] = [known(unreached=one) for one in (before, before, after)]
    assert await opening(RoomAnswers(*answers)).unreached() == (b"name,email\n", 2)


async def test_incident_is_not_opened_for_a_list_before_its_notices_are_out() -> None:
    console = RoomAnswers(known("scoped"))
    with pytest.raises(ConfigurationError, match="no notices were released"):
        await opening(console).unreached()
    assert console.codes == []


async def test_opening_without_an_answer_names_its_decision() -> None:
    with pytest.raises(Unanswered, match="`habeas decision d1`"):
        await opening(RoomAnswers(known(), pending=True)).written()


async def test_documents_that_are_not_written_in_time_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened_incidents, "WRITTEN_WITHIN_S", 0.001)
    with pytest.raises(Unanswered, match="not written yet"):
        await opening(RoomAnswers(known(written_at=AT))).written()
