"""The window between a planned erasure and its execution, in which the person can stop it."""

from collections.abc import Iterable
from datetime import date, datetime, time, tzinfo
from zoneinfo import ZoneInfo

from services.fulfillment.context import Fulfillment
from services.fulfillment.search.urgency import WEEK_ENDS, last_day
from shared import law
from shared.events import ErasurePlanned, ErasureScheduled, Evidence, IdentityVerified, PolicyId
from shared.law import Right
from shared.policies import policies

TIMER = "erasure_window"
"""Name of the moment at which the window ends."""


def scheduled(planned: ErasurePlanned, ctx: Fulfillment) -> ErasureScheduled | None:
    """
    Return when the erasure *planned* is carried out; None where it need not wait.

    The window ends before the last day for the answer. That day is counted from the day on which intake has
    registered the request, where the sender names an earlier one: back-dating must not take the window away.

    Law:
        GDPR Art. 12(3), 17(1): without undue delay, and within the month.
    """
    verified = ctx.known.verified
    begun = _begun_on(planned.received_on, verified, ctx.house.zone)
    days = [last_day(planned.regulation, Right.ERASURE, begun)]
    days += _last_days(verified.laws if verified else (), begun)
    at = min(ctx.now + ctx.house.erasure_window, _begin_of(min(days), ctx.house.zone))
    if at <= ctx.now:
        return None
    return ErasureScheduled(request_id=ctx.case_id, at=at, letter=not _confirmed_apart(verified))


def _begun_on(received_on: date, verified: IdentityVerified | None, zone: tzinfo) -> date:
    """Return the day from which the window's last day is counted."""
    registered_at = verified.registered_at if verified else None
    return received_on if registered_at is None else max(received_on, registered_at.astimezone(zone).date())


def _confirmed_apart(verified: IdentityVerified | None) -> bool:
    """Return whether the person was asked for a confirmation besides the proof of identity."""
    reasons = frozenset(verified.reasons) if verified else frozenset[str]()
    return Evidence.CONFIRMATION in reasons and Evidence.MAILBOX not in reasons


def _last_days(laws: Iterable[PolicyId], received_on: date) -> list[date]:
    """Return the last day under each of *laws*; public holidays, which move it on, are left out."""
    utc = ZoneInfo("UTC")
    received_at = datetime.combine(received_on, time.min, utc)
    rules = [policies().named(policy).answer(Right.ERASURE) for policy in laws]
    return [law.due(rule, received_at, utc, WEEK_ENDS).due_on for rule in rules]


def _begin_of(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, zone)
