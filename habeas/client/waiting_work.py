"""Lists of the work that waits for the staff, from the console."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from habeas.client.console_api import ConsoleClient
from habeas.client.referrals import NEXT_STEPS, last_day, meaning_of, next_step_of

NO_DAY = "9999-12-31"
"""Sorts cases without a last day behind the others."""
APPEAL, PROPOSAL, REFERRED = "appeal", "proposal", "referred"


async def requests(console: ConsoleClient, today: date, work: str = "any") -> list[dict[str, Any]]:
    """Return the unanswered requests with *work* that waits for the staff, the first last day first."""
    found = await console.all("/cases", "cases", waiting=work)
    return _by_day(row for case in found if (row := request_row(case, today))["waits_for"])


async def appeals(console: ConsoleClient, now: datetime) -> list[dict[str, Any]]:
    """Return the open appeals and complaints, the first last day first, those without one last."""
    return _by_day(appeal_row(case, now) for case in await console.all("/cases", "cases", waiting=APPEAL))


async def proposals(console: ConsoleClient) -> list[dict[str, Any]]:
    """Return the withdrawals of a consent whose proposal to erase was not answered, the oldest first."""
    found = await console.all("/cases", "cases", waiting=PROPOSAL)
    rows = [
        {"request": case["id"], "received_on": case["received_on"], "laws": case["laws"]} for case in found
    ]
    return sorted(rows, key=lambda row: (row["received_on"], row["request"]))


def request_row(case: Mapping[str, Any], today: date) -> dict[str, Any]:
    """Return why a request waits, and until when; ``waits_for`` is None if no work on its answer does."""
    waits = {wait["kind"]: wait["reason"] for wait in reversed(case["waits"])}
    kind = next((kind for kind in NEXT_STEPS if kind in waits), None)
    waits_for, verbs = next_step_of(kind, waits[kind]) if kind else (None, None)
    reason = waits.get(REFERRED)
    return {
        "request": case["id"],
        "status": case["stage"],
        "right": case["right"],
        "laws": case["laws"],
        "received_on": case["received_on"],
        **last_day(_day(case["due_on"]), today),
        "reason": reason,
        "meaning": reason and meaning_of(reason),
        "waits_for": waits_for,
        "verbs": verbs,
    }


def appeal_row(case: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the open appeal of a case; its day of receipt is that in the zone of *now*."""
    wait = next(wait for wait in case["waits"] if wait["kind"] == APPEAL)
    return {
        "request": case["id"],
        "remedy": wait["reason"],
        "right": case["right"],
        "status": case["stage"],
        "received_on": datetime.fromisoformat(wait["since"]).astimezone(now.tzinfo).date().isoformat(),
        **last_day(_day(wait["due_on"]), now.date()),
    }


def _by_day(rows: Any) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row["due_on"] or NO_DAY, row["request"]))


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
