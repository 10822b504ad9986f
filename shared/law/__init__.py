"""
The law as values and pure functions: the law that governs a request, and the day its answer is due.

No clock, no I/O: the rule, the instant of receipt, the zone and the calendar come in, and the result
explains itself step by step. The values stand in ``policies/``; each rule stands in ``docs/law.md`` beside
the test that keeps it.

Days change at midnight in the zone of the place that answers. Where a text leaves room for two readings,
the earlier day is taken: answering early is always lawful.
"""

from shared.law.applicable_laws import (
    Calendars,
    DeadlineCalculator,
    ProtectedPerson,
    Strictest,
    age_on,
    applicable,
    is_child,
    laws_not_accepted,
    may_cost,
    may_narrow,
    opens_categories,
    possibly_applicable,
    strictest,
    strictest_proof,
)
from shared.law.clock import Calendar, DayStep, DueDate, Move, due, hours_later, internal_due
from shared.law.company import CompanyProfile
from shared.law.policies import (
    DayOff,
    DeadlineRule,
    Demand,
    FeeGround,
    FirstDay,
    Pause,
    PeriodUnit,
    Policy,
    PolicyLibrary,
    SourceStatus,
    StatutoryPeriod,
    TimedDuty,
)
from shared.law.terms import (
    DIRECT_MARKETING,
    PROOFLESS,
    FeeReason,
    GivenCopies,
    LetterElement,
    LetterForm,
    Money,
    ReasonCode,
    Regulation,
    Right,
    Role,
    needs_proof,
)
from shared.law.waits import LEAST_WAIT, AnswerPeriod, ClockRules, begin_of, end_of, end_of_wait, whole_days

__all__ = [
    "DIRECT_MARKETING",
    "LEAST_WAIT",
    "PROOFLESS",
    "AnswerPeriod",
    "Calendar",
    "Calendars",
    "ClockRules",
    "CompanyProfile",
    "DayOff",
    "DayStep",
    "DeadlineCalculator",
    "DeadlineRule",
    "Demand",
    "DueDate",
    "FeeGround",
    "FeeReason",
    "FirstDay",
    "GivenCopies",
    "LetterElement",
    "LetterForm",
    "Money",
    "Move",
    "Pause",
    "PeriodUnit",
    "Policy",
    "PolicyLibrary",
    "ProtectedPerson",
    "ReasonCode",
    "Regulation",
    "Right",
    "Role",
    "SourceStatus",
    "StatutoryPeriod",
    "Strictest",
    "TimedDuty",
    "age_on",
    "applicable",
    "begin_of",
    "due",
    "end_of",
    "end_of_wait",
    "hours_later",
    "internal_due",
    "is_child",
    "laws_not_accepted",
    "may_cost",
    "may_narrow",
    "needs_proof",
    "opens_categories",
    "possibly_applicable",
    "strictest",
    "strictest_proof",
    "whole_days",
]
