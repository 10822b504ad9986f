"""Work of the staff that decides nothing: a call ends when the page of the case shows it."""

from collections.abc import Iterator, Sequence
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


class ShownFacts:
    """A read model that shows one fact more at each look."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self._shown: Iterator[int] = iter(range(1, len(facts) + 1))
        self._entries = [HistoryEntry(str(n), NOW, fact) for n, fact in enumerate(facts)]
        self.last: Sequence[HistoryEntry] = ()

    async def shown(self, _case: str) -> Sequence[HistoryEntry]:
        self.last = self._entries[: next(self._shown)]
        return self.last


@pytest.mark.parametrize("part", CasePart)
async def test_act_is_not_shown_by_another_fact_of_the_case(
    part: CasePart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_work, "POLL_S", 0.001)
    others = [fact for other, fact in FACTS.items() if other is not part]
    model = ShownFacts([*others, FACTS[part], *others])
    visitor: Any = SimpleNamespace(session=SimpleNamespace(unlocked=SimpleNamespace(until=NOW, bearer="b")))
    parts: Any = SimpleNamespace(
        histories=model, intake=AsyncMock(), clock=lambda: NOW - timedelta(minutes=1)
    )
    await acted(cast(ConsoleParts, parts), cast(Visitor, visitor), CASE, part)
    assert [one.fact for one in model.last] == [*others, FACTS[part]]
    parts.intake.response.assert_awaited_once_with("POST", f"/v1/staff/cases/{CASE}/{part}", "b")
