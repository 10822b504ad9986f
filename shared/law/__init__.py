"""
What the law says, as values and pure functions: which law governs a request, and when its answer is due.

No clock, no I/O: the rule, the instant of receipt, the zone and the calendar come in, and what comes out
explains itself step by step. The values stand in ``policies/``; each rule stands in ``docs/law.md`` beside
the test that keeps it.

Days change at midnight in the zone of the place that answers. Where a text leaves room for two readings,
the earlier day is taken: answering early is always lawful.
"""

from shared.law.clock import Calendar, DueDate, Step, due, due_after_pauses, internal_due
from shared.law.policies import (
    DayOff,
    Duty,
    FirstDay,
    Pause,
    Policies,
    Policy,
    Reading,
    Rule,
    Unit,
)
from shared.law.scope import (
    DIRECT_MARKETING,
    EEA,
    PROOFLESS,
    Regulation,
    Right,
    choose_regulation,
    needs_proof,
)

__all__ = [
    "DIRECT_MARKETING",
    "EEA",
    "PROOFLESS",
    "Calendar",
    "DayOff",
    "DueDate",
    "Duty",
    "FirstDay",
    "Pause",
    "Policies",
    "Policy",
    "Reading",
    "Regulation",
    "Right",
    "Rule",
    "Step",
    "Unit",
    "choose_regulation",
    "due",
    "due_after_pauses",
    "internal_due",
    "needs_proof",
]
