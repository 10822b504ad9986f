"""What is due: the requests that are not answered yet and whose day comes, the earliest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from typing import Any

from rich.table import Table

from services.intake.domain import MISSED, RECORDS, Case, evolve
from shared.events import RequestReceived
from shared.journal import Journal, story_of
from shared.mongo import connect, translated


@dataclass(frozen=True, slots=True)
class Open:
    """A request that is not answered yet."""

    received: RequestReceived
    case: Case
    due_on: date

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "request": self.received.request_id,
            "due_on": self.due_on.isoformat(),
            "meant_for": self.received.internal_due_on.isoformat(),
            "right": self.received.right.value,
            "policy": self.received.policy,
            "status": self.case.status.value,
            "stands_still": self.case.paused_since is not None,
        }


async def due_within(mongo_url: str, prefix: str, within: timedelta) -> list[Open]:
    """
    Return the open requests of which a day comes *within* a time, or has come, the earliest first.

    Raises:
        StoreUnavailable: The database did not answer.
    """
    client = connect(mongo_url, app_name="habeas command")
    try:
        database = client[f"{prefix}_intake"]
        until = datetime.now(UTC) + within
        # A last day is waited for only where the answer was not sent when it was meant to be.
        coming = {"$or": [{"told": False, "at": {"$lte": until}}, {"name": {"$regex": f"^{MISSED}"}}]}
        with translated("look for deadlines"):
            cases = await database["timers"].distinct("case", coming)
        histories = await Journal(database, RECORDS).histories(set(cases))
    finally:
        client.close()
    found = [reduce(evolve, story_of(rows), Case()) for rows in histories.values()]
    still = [_open(case) for case in found if case.unanswered]
    return sorted((one for one in still if one is not None), key=lambda one: one.due_on)


def _open(case: Case) -> Open | None:
    if case.received is None or case.due_on is None:
        return None
    return Open(case.received, case, case.due_on)


def table_of(found: Sequence[Open]) -> Table:
    """Return the requests as a person reads them."""
    today = datetime.now(UTC).date()
    table = Table("due", "meant for", "request", "right", "law", "stands")
    for one in found:
        row = one.plain()
        late = " (late)" if one.due_on < today else ""
        stands = f"{row['status']}, clock stands" if row["stands_still"] else row["status"]
        table.add_row(
            f"{row['due_on']}{late}", row["meant_for"], row["request"], row["right"], row["policy"], stands
        )
    return table
