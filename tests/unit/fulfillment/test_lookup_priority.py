"""Look-ups have the due date of their request."""

import asyncio
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import parse
from services.fulfillment.handlers import answer
from services.fulfillment.search.findings import Findings, RecordTuple
from services.fulfillment.search.identities import Identities
from services.fulfillment.search.priority import due, due_on, last_day
from shared.law import Regulation, Right
from tests.unit.fulfillment.stage import Held, stage

MAP = """
dataset:
  - fides_key: shop
    collections:
      - name: users
        fields: [ { name: email, fides_meta: { identity: email } } ]
"""
EARLY, LATE = date(2026, 1, 1), date(2026, 2, 1)


def test_the_last_day_follows_from_law_and_receipt() -> None:
    assert last_day(Regulation.GDPR, Right.ACCESS, date(2026, 3, 2)) == date(2026, 4, 2)
    assert last_day(Regulation.CCPA, Right.ACCESS, date(2026, 3, 2)) == date(2026, 4, 15)


async def test_concurrent_tasks_keep_their_own_due_date() -> None:
    async def seen(day: date) -> date:
        with due_on(day):
            await asyncio.sleep(0)
            [found] = await asyncio.gather(look())
        return found

    async def look() -> date:
        return due()

    days = list(await asyncio.gather(seen(LATE), seen(EARLY)))
    assert days == [LATE, EARLY]
    assert due() == date.max


@dataclass
class Watched(Held):
    """Notes when what it is asked for is due."""

    day: date | None = None

    async def gather(
        self, data_map: DataMap, identities: Identities, claimed: Identities | None = None
    ) -> Findings:
        self.day = due()
        return await super().gather(data_map, identities, claimed)


async def test_a_request_is_looked_up_as_urgently_as_it_is_due() -> None:
    data_map = parse({"map.yml": MAP})
    event, ctx = await stage(data_map, Findings(data_map.version, RecordTuple(), ()))
    records = Watched(Findings(data_map.version, RecordTuple(), ()))
    parts: Any = {"records": records}
    await answer(event, replace(ctx, **parts))
    assert records.day == last_day(event.regulation, event.right, event.received_on)
