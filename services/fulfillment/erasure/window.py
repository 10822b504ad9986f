"""The windows before an erasure, and before a disclosure that names other mailboxes; both can be stopped."""

from collections.abc import Iterable
from datetime import date, datetime, time, tzinfo
from zoneinfo import ZoneInfo

from services.fulfillment.context import Fulfillment
from services.fulfillment.search.priority import WEEK_ENDS, last_day
from shared import law
from shared.contract.events import (
    Code,
    DisclosureDue,
    DisclosureScheduled,
    ErasureDue,
    ErasurePlanned,
    ErasureScheduled,
    Evidence,
    IdentityVerified,
    PolicyId,
)
from shared.law import Right
from shared.law.library import policies

TIMER = "erasure_window"
"""Name of the timer for the end of an erasure's window."""
DISCLOSURE = "disclosure_window_"
"""Prefix of the names of the timers for the end of a disclosure's window."""


def scheduled(planned: ErasurePlanned, ctx: Fulfillment) -> ErasureScheduled | None:
    """
    Return the time of the erasure *planned*; None if it need not wait.

    The window ends before the last day for the answer. If the sender states an earlier receipt, that day is
    counted from the registration: back-dating must not remove the window.

    Law:
        GDPR Art. 12(3), 17(1): without undue delay, and within the month.
    """
    verified = ctx.known.verified
    begun = _begun_on(planned.received_on, verified, ctx.house.zone)
    days = [last_day(planned.regulation, Right.ERASURE, begun)]
    days += _last_days(verified.laws if verified else (), Right.ERASURE, begun)
    at = _end(days, ctx)
    if at is None:
        return None
    return ErasureScheduled(request_id=ctx.case_id, at=at, letter=not _confirmed_apart(verified))


def held_back(verified: IdentityVerified, ctx: Fulfillment) -> DisclosureScheduled | None:
    """
    Return the time of a disclosure of records that name other mailboxes; None if it need not wait.

    Law:
        GDPR Art. 15(4), 20(4): a copy must not harm others. Art. 12(3): within the month.
    """
    begun = _begun_on(verified.received_on, verified, ctx.house.zone)
    days = [last_day(verified.regulation, verified.right, begun)]
    at = _end([*days, *_last_days(verified.laws, verified.right, begun)], ctx)
    return None if at is None else DisclosureScheduled(request_id=ctx.case_id, at=at)


def disclosure_timer(window: DisclosureScheduled) -> Code:
    """Return the name of the timer for the end of *window*; each window of a case has its own."""
    return f"{DISCLOSURE}{window.at:%Y%m%d%H%M%S%f}"


def window_ended(request_id: str, name: Code) -> ErasureDue | DisclosureDue:
    """Return the event of the timer *name*."""
    if name.startswith(DISCLOSURE):
        return DisclosureDue(request_id=request_id, name=name)
    return ErasureDue(request_id=request_id, name=name)


def _end(last_days: Iterable[date], ctx: Fulfillment) -> datetime | None:
    """Return the end of a window that begins now, before the first of *last_days*; None if it has passed."""
    at = min(ctx.now + ctx.house.erasure_window, _begin_of(min(last_days), ctx.house.zone))
    return at if at > ctx.now else None


def _begun_on(received_on: date, verified: IdentityVerified | None, zone: tzinfo) -> date:
    """Return the day from which the window's last day is counted."""
    registered_at = verified.registered_at if verified else None
    return received_on if registered_at is None else max(received_on, registered_at.astimezone(zone).date())


def _confirmed_apart(verified: IdentityVerified | None) -> bool:
    """Return whether the person was asked for a confirmation besides the proof of identity."""
    reasons = frozenset(verified.reasons) if verified else frozenset[str]()
    return Evidence.CONFIRMATION in reasons and Evidence.MAILBOX not in reasons


def _last_days(laws: Iterable[PolicyId], right: Right, received_on: date) -> list[date]:
    """Return the last day under each of *laws*, without the extension by public holidays."""
    utc = ZoneInfo("UTC")
    received_at = datetime.combine(received_on, time.min, utc)
    rules = [policies().named(policy).answer(right) for policy in laws]
    return [law.due(rule, received_at, utc, WEEK_ENDS).due_on for rule in rules]


def _begin_of(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, zone)
