"""Open requests with a deadline ahead, the earliest first."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from typing import Any

from services.intake.cases.clock import is_paused
from services.intake.cases.deadlines import APPROACHING, INQUIRY_UNANSWERED, MISSED
from services.intake.domain import RECORDS, IntakeCase, evolve
from shared.law.library import policies
from shared.runtime.journal import Journal, events_of
from shared.runtime.mongo import connect, translated


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request, or a mail that is none yet, that is not answered yet."""

    id: str
    case: IntakeCase
    due_on: date
    late: bool
    mail: str | None = None
    """The name of a mail that waits for staff, as in `habeas inbox list`."""

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        received, meant_for = self.case.received, self.case.meant_for
        return {
            "request": self.id,
            "mail": self.mail,
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

    Mails that wait for staff with a last day are among them.

    Raises StoreUnavailable if the database does not answer.
    """
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        database = client[f"{prefix}_intake"]
        until = datetime.now(UTC) + within
        coming = {"kind": APPROACHING, "published": False, "at": {"$lte": until}}
        # A last day is awaited only if the answer missed its target day; answered cases have no timer.
        # That of a mail was published when staff got it, and is removed when it is handled.
        lodged = {"kind": INQUIRY_UNANSWERED, "published": True}
        either = {"$or": [coming, {"kind": MISSED}, lodged]}
        timers = database["timers"].find(either, {"_id": 0, "case": 1})
        with translated("look for deadlines"):
            ids = [timer["case"] async for timer in timers]
        histories = await Journal(database, RECORDS, notes=True).histories(set(ids))
    cases = {id_: reduce(evolve, events_of(rows), IntakeCase()) for id_, rows in histories.items()}
    found = [one for id_, case in cases.items() for one in _open(id_, case, today)]
    return sorted(found, key=lambda one: one.due_on)


def _open(id_: str, case: IntakeCase, today: date) -> Iterator[OpenRequest]:
    if case.received is None:
        for mail in case.open_messages:
            if mail.due_on is not None:
                yield OpenRequest(id_, case, mail.due_on, mail.due_on < today, mail.message)
    elif case.unanswered and case.due_on is not None:
        late = case.due_on < today and not is_paused(case, policies())
        yield OpenRequest(id_, case, case.due_on, late)


def line_of(one: OpenRequest) -> str:
    """Return a request as text; a table would cut its id in a narrow window."""
    row = one.plain()
    if one.mail:
        return (
            f"{row['due_on']}  {'late' if one.late else '    '}  {one.id}  mail {one.mail}: waits for staff"
        )
    stands = f"{row['status']}, the clock is paused" if row["stands_still"] else row["status"]
    late = "late" if one.late else "    "
    incident = f" ({row['incident']})" if row["incident"] else ""
    laws = f"; not accepted: {', '.join(row['not_accepted'])}" if row["not_accepted"] else ""
    return f"{row['due_on']}  {late}  {one.id}  {row['right']}, {row['policy']}: {stands}{incident}{laws}"
