"""
The law of breaches: the recipients to notify, the deadlines and the contents of notices.

Pure, like all of ``shared.law``: the breach, the people affected and the editions come in; the notices
owed, and clocks that explain themselves, come out. The values stand in ``policies/breaches``; each rule
stands in ``docs/law.md`` beside the test that keeps it.

Where a text leaves room for two readings, the earlier moment is taken, and more people are notified: both are
always lawful.
"""

from shared.law.breaches.deadlines import Clock, clocks
from shared.law.breaches.obligations import Exemption, exemption, laws_requiring_notice
from shared.law.breaches.policies import (
    BreachPolicies,
    BreachPolicy,
    ListedKinds,
    NoticeRule,
    ProtectionRule,
    RequiredStatement,
)
from shared.law.breaches.terms import (
    DEFAULT_HOURS,
    Breach,
    BreachedKind,
    BreachRole,
    LetterStyle,
    NoticeElement,
    NoticeRecipientKind,
    NoticeStage,
    PeriodStart,
    ProcessorCustomer,
    Risk,
    Trigger,
    is_there,
)

__all__ = [
    "DEFAULT_HOURS",
    "Breach",
    "BreachPolicies",
    "BreachPolicy",
    "BreachRole",
    "BreachedKind",
    "Clock",
    "Exemption",
    "LetterStyle",
    "ListedKinds",
    "NoticeElement",
    "NoticeRecipientKind",
    "NoticeRule",
    "NoticeStage",
    "PeriodStart",
    "ProcessorCustomer",
    "ProtectionRule",
    "RequiredStatement",
    "Risk",
    "Trigger",
    "clocks",
    "exemption",
    "is_there",
    "laws_requiring_notice",
]
