"""The letter that announces an erasure: once, and only while the erasure can be stopped."""

from datetime import UTC, datetime

import pytest

from services.notifier.handlers import announce_erasure
from services.notifier.smtp.post import Posted
from shared.contract.events import ErasureScheduled, Fact, LetterKind, NoticeSent, RequestWithdrawn
from tests.unit.notifier.test_restrictions import RECEIVED, Counter, notifier

AT = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
SCHEDULED = ErasureScheduled(request_id=RECEIVED.request_id, at=AT)


async def announced(event: ErasureScheduled, *known: Fact) -> list[LetterKind]:
    facts = await announce_erasure(event, await notifier(Counter(Posted.SENT), RECEIVED, *known))
    return [fact.letter for fact in facts if isinstance(fact, NoticeSent)]


async def test_erasure_is_announced_with_its_moment() -> None:
    assert await announced(SCHEDULED) == [LetterKind.ERASURE_SCHEDULED]


@pytest.mark.parametrize("stopped", [True, False])
async def test_erasure_that_is_stopped_or_was_confirmed_separately_is_not_announced(*, stopped: bool) -> None:
    known = [RequestWithdrawn(request_id=RECEIVED.request_id)] if stopped else []
    event = SCHEDULED if stopped else SCHEDULED.model_copy(update={"letter": False})
    assert await announced(event, *known) == []
