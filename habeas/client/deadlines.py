"""Open requests and unanswered mails with a deadline ahead, from the console."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from habeas.client.console_api import ConsoleClient
from shared.law import IDENTITY, SPECIFICATION, stand_still
from shared.law.library import policies

MAIL, NO_REQUEST = "mail", "unknown"
"""Kind of a case that is a mail, and its status: it is no request yet."""
AWAITED = {"paused_since": IDENTITY, "scope_asked_at": SPECIFICATION}
"""Field of a case that tells when the person was asked → kind of the pause."""


async def due_within(console: ConsoleClient, within: timedelta, today: date) -> list[dict[str, Any]]:
    """
    Return the open requests with a target day *within* a time or past on the day *today*, by their last day.

    Mails that wait for staff with a last day are among them.
    """
    until = (today + within).isoformat()
    requests = await console.all("/cases", "cases", open="yes", meant_by=until)
    mails = await console.all("/inbox", "cases", view="all", work=MAIL)
    rows = [_request_row(case, today) for case in requests]
    rows += [row for case in mails if case["kind"] == MAIL for row in _mail_rows(case, today)]
    return sorted(rows, key=lambda row: (row["due_on"], row["request"]))


def _request_row(case: Mapping[str, Any], today: date) -> dict[str, Any]:
    laws = [policies().named(id_) for id_ in case["laws"]]
    stands_still = stand_still(laws, [kind for field, kind in AWAITED.items() if case[field]])
    return {
        "request": case["id"],
        "mail": None,
        "due_on": case["due_on"],
        "late": case["due_on"] < today.isoformat() and not stands_still,
        "meant_for": case["meant_for"],
        "right": case["right"],
        "policy": case["law"],
        "not_accepted": case["not_accepted"],
        "status": case["stage"],
        "stands_still": stands_still,
        "incident": case["incident"],
    }


def _mail_rows(case: Mapping[str, Any], today: date) -> Iterator[dict[str, Any]]:
    for wait in case["waits"]:
        if wait["kind"] == MAIL and wait["due_on"] is not None:
            yield {
                "request": case["id"],
                "mail": wait["item"],
                "due_on": wait["due_on"],
                "late": wait["due_on"] < today.isoformat(),
                "meant_for": None,
                "right": None,
                "policy": None,
                "not_accepted": [],
                "status": NO_REQUEST,
                "stands_still": False,
                "incident": None,
            }


def line_of(row: Mapping[str, Any]) -> str:
    """Return a request as text; a table would cut its id in a narrow window."""
    start = f"{row['due_on']}  {'late' if row['late'] else '    '}  {row['request']}"
    if row["mail"]:
        return f"{start}  mail {row['mail']}: waits for staff"
    stands = f"{row['status']}, the clock is paused" if row["stands_still"] else row["status"]
    incident = f" ({row['incident']})" if row["incident"] else ""
    laws = f"; not accepted: {', '.join(row['not_accepted'])}" if row["not_accepted"] else ""
    return f"{start}  {row['right']}, {row['policy']}: {stands}{incident}{laws}"
