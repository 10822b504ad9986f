"""Open requests with a deadline ahead, the earliest first."""

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from typing import Any

from services.intake.cases.clock import is_paused
from services.intake.cases.deadlines import APPROACHING, MISSED
from services.intake.domain import RECORDS, IntakeCase, evolve
from shared.law.library import policies
from shared.runtime.journal import Journal, events_of
from shared.runtime.mongo import connect, translated


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request that is not answered yet."""

    id: str
    case: IntakeCase
    due_on: date
    late: bool

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        received, meant_for = self.case.received, self.case.meant_for
        return {
            "request": self.id,
            "due_on": self.due_on.isoformat(),
            "late": self.late,
            "meant_for": meant_for and meant_for.isoformat(),
            "right": received and received.right.value,
            "policy": received and received.policy,
            "not_accepted": list(received.not_accepted) if received else [],
            "status": self.case.status.value,
            "stands_still": is_paused(self.case, policies()),
            "incident": received and received.incident,
        }


async def due_within(mongo_url: str, prefix: str, within: timedelta, today: date) -> list[OpenRequest]:
    """
    Return the open requests with a deadline *within* a time or past on the day *today*, the earliest first.

    Raises StoreUnavailable if the database does not answer.
    """
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        database = client[f"{prefix}_intake"]
        until = datetime.now(UTC) + within
        coming = {"kind": APPROACHING, "published": False, "at": {"$lte": until}}
        # A last day is awaited only if the answer missed its target day; answered cases have no timer.
        timers = database["timers"].find({"$or": [coming, {"kind": MISSED}]}, {"_id": 0, "case": 1})
        with translated("look for deadlines"):
            ids = [timer["case"] async for timer in timers]
        histories = await Journal(database, RECORDS, notes=True).histories(set(ids))
    cases = {id_: reduce(evolve, events_of(rows), IntakeCase()) for id_, rows in histories.items()}
    found = [
        OpenRequest(id_, case, case.due_on, case.due_on < today and not is_paused(case, policies()))
        for id_, case in cases.items()
        if case.unanswered and case.due_on is not None
    ]
    return sorted(found, key=lambda one: one.due_on)


def line_of(one: OpenRequest) -> str:
    """Return a request as text; a table would cut its id in a narrow window."""
    row = one.plain()
    stands = f"{row['status']}, the clock stands still" if row["stands_still"] else row["status"]
    late = "late" if one.late else "    "
    incident = f" ({row['incident']})" if row["incident"] else ""
    laws = f"; not accepted: {', '.join(row['not_accepted'])}" if row["not_accepted"] else ""
    return f"{row['due_on']}  {late}  {one.id}  {row['right']}, {row['policy']}: {stands}{incident}{laws}"
