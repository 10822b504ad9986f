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

    The window ends before the last day for the answer, so that no deadline is missed for it.

    Law:
        GDPR Art. 12(3), 17(1): without undue delay, and within the month.
    """
    verified = ctx.known.verified
    days = [last_day(planned.regulation, Right.ERASURE, planned.received_on)]
    days += _last_days(verified.laws if verified else (), planned.received_on)
    at = min(ctx.now + ctx.house.erasure_window, _begin_of(min(days), ctx.house.zone))
    if at <= ctx.now:
        return None
    return ErasureScheduled(request_id=ctx.case_id, at=at, letter=not _confirmed_apart(verified))


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
