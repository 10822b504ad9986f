"""Look-ups have the due date of their request."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from services.fulfillment.datamap.reader import parse
from services.fulfillment.domain import answer_due_on
from services.fulfillment.handlers import answer
from services.fulfillment.search.findings import Findings, RecordTuple
from services.fulfillment.stores.mongodb import Stores
from shared.law import Regulation, Right
from tests.unit.fulfillment.handler_fakes import Held, stage

MAP = """
dataset:
  - fides_key: shop
    collections:
      - name: users
        fields: [ { name: email, fides_meta: { identity: email } } ]
"""
EARLY, LATE = date(2026, 1, 1), date(2026, 2, 1)


def test_the_answer_due_on_follows_from_law_and_receipt() -> None:
    assert answer_due_on(Regulation.GDPR, Right.ACCESS, date(2026, 3, 2)) == date(2026, 4, 2)
    assert answer_due_on(Regulation.CCPA, Right.ACCESS, date(2026, 3, 2)) == date(2026, 4, 15)


def test_views_of_the_same_stores_keep_their_own_due_date() -> None:
    stores = Stores({})
    views = (stores.due_on(EARLY), stores.due_on(LATE).fresh, stores.fresh, stores)
    assert [view._due for view in views] == [EARLY, LATE, date.max, date.max]


@dataclass
class Watched(Held):
    """Notes when what it is asked for is due."""

    day: date | None = None

    def due_on(self, day: date) -> "Watched":
        self.day = day
        return self


async def test_a_request_is_looked_up_as_urgently_as_it_is_due() -> None:
    data_map = parse({"map.yml": MAP})
    event, ctx = await stage(data_map, Findings(data_map.version, RecordTuple(), ()))
    records = Watched(Findings(data_map.version, RecordTuple(), ()))
    parts: Any = {"records": records}
    await answer(event, replace(ctx, **parts))
    assert records.day == answer_due_on(event.regulation, event.right, event.received_on)
