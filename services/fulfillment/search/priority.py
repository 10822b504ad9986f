"""The due date of the answer that the running code works on: the earliest is looked up first."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

from shared import law
from shared.law import Calendar, Regulation, Right
from shared.law.library import policies

_DUE: ContextVar[date] = ContextVar("due", default=date.max)
WEEK_ENDS = Calendar("week-ends", lambda _year: {})


@contextmanager
def due_on(day: date) -> Iterator[None]:
    """Give look-ups inside precedence over those due after *day*, where not all fit into one pass."""
    token = _DUE.set(day)
    try:
        yield
    finally:
        _DUE.reset(token)


def due() -> date:
    """Return the due date of the running code; the latest possible date where none is set."""
    return _DUE.get()


@lru_cache(maxsize=1_024)
def last_day(regulation: Regulation, right: Right, received_on: date) -> date:
    """Return about the due date of a request: public holidays do not change the order."""
    rule = policies().governing(regulation, received_on).answer(right)
    received_at = datetime.combine(received_on, time.min, UTC)
    return law.due(rule, received_at, ZoneInfo("UTC"), WEEK_ENDS).due_on
