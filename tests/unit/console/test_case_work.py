"""Work of the staff that decides nothing: a call ends when the page of the case shows it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock

import pytest

from services.console import case_work
from services.console.case_work import CasePart, acted
from services.console.context import ConsoleParts
from services.console.domain import HistoryEntry
from services.console.http.guard import Visitor
from shared.contract.events import CaseAssigned, CaseNoted, Fact, FileAttached

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
CASE, AGENT = "ab" * 16, "kai.agent"
FACTS: dict[CasePart, Fact] = {
    CasePart.OWNER: CaseAssigned(request_id=CASE, owner=AGENT, by=AGENT),
    CasePart.NOTES: CaseNoted(request_id=CASE, note="note_1", by=AGENT),
    CasePart.FILES: FileAttached(request_id=CASE, item="file_1", media_type="application/pdf", by=AGENT),
}

ITEMS = {CasePart.OWNER: "", CasePart.NOTES: "note_1", CasePart.FILES: "file_1"}
"""What intake's answer names."""


class ShownFacts:
    """A read model that shows one fact more at each look."""

    def __init__(self, *facts: Fact, known: int = 0) -> None:
        """Show *facts*, of which the first *known* were noted before, though not shown yet."""
        self._shown: Iterator[int] = iter(range(len(facts) + 1))
        self._entries = [HistoryEntry(str(n), NOW, fact) for n, fact in enumerate(facts)]
        self._known = known
        self.last: Sequence[HistoryEntry] = ()

    async def of(self, cases: Sequence[str]) -> Mapping[str, Sequence[HistoryEntry]]:
        return dict.fromkeys(cases, self._entries[: self._known])

    async def shown(self, _case: str) -> Sequence[HistoryEntry]:
        self.last = self._entries[: next(self._shown)]
        return self.last


async def act(part: CasePart, model: ShownFacts) -> None:
    """Act on *part* by the session of the agent, with what *model* shows."""
    session = SimpleNamespace(unlocked=SimpleNamespace(until=NOW, bearer="b"))
    visitor: Any = SimpleNamespace(session=session, member=SimpleNamespace(name=AGENT))
    intake = AsyncMock()
    intake.response.return_value = SimpleNamespace(json=lambda: {"item": ITEMS[part]})
    parts: Any = SimpleNamespace(histories=model, intake=intake, clock=lambda: NOW - timedelta(minutes=1))
    await acted(cast(ConsoleParts, parts), cast(Visitor, visitor), CASE, part)
    intake.response.assert_awaited_once_with("POST", f"/v1/staff/cases/{CASE}/{part}", "b")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_work, "POLL_S", 0.001)


@pytest.mark.parametrize("part", CasePart)
async def test_act_is_not_shown_by_another_fact_of_the_case(part: CasePart) -> None:
    others = [fact for other, fact in FACTS.items() if other is not part]
    model = ShownFacts(*others, FACTS[part], *others)
    await act(part, model)
    assert [one.fact for one in model.last] == [*others, FACTS[part]]


@pytest.mark.parametrize("part", CasePart)
async def test_act_is_not_shown_by_that_of_a_colleague(part: CasePart) -> None:
    theirs = FACTS[part].model_copy(update={"by": "mia.agent", "note": "note_2", "item": "file_2"})
    model = ShownFacts(theirs, FACTS[part], theirs)
    await act(part, model)
    assert [one.fact for one in model.last] == [theirs, FACTS[part]]


@pytest.mark.parametrize("part", CasePart)
async def test_act_is_not_shown_by_an_earlier_one_whose_row_comes_late(part: CasePart) -> None:
    earlier = FACTS[part].model_copy(update={"note": "note_0", "item": "file_0"})
    model = ShownFacts(earlier, FACTS[part], earlier, known=1)
    await act(part, model)
    assert [one.fact for one in model.last] == [earlier, FACTS[part]]
