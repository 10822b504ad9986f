"""
The law of breaches: whom each law wants told, by when, and what.

Pure, like all of ``shared.law``: what has happened, who is affected and the editions come in; who is owed a
notice, and clocks that explain themselves, come out. The values stand in ``policies/breaches``; each rule
stands in ``docs/law.md`` beside the test that keeps it.

Where a text leaves room for two readings, the earlier moment is taken, and more people are told: both are
always lawful.
"""

from shared.law.breaches.counting import Clock, clocks
from shared.law.breaches.facts import DEFAULT_HOURS, Breach, BreachRole, Customer, Risk
from shared.law.breaches.kinds import Kind, is_there
from shared.law.breaches.owing import Spared, owed_to, spared
from shared.law.breaches.policies import BreachPolicies, BreachPolicy, Listed, Notice, Protection, Said
from shared.law.breaches.words import LetterStyle, NoticeElement, Recipient, Since, Stage, Trigger

__all__ = [
    "DEFAULT_HOURS",
    "Breach",
    "BreachPolicies",
    "BreachPolicy",
    "BreachRole",
    "Clock",
    "Customer",
    "Kind",
    "LetterStyle",
    "Listed",
    "Notice",
    "NoticeElement",
    "Protection",
    "Recipient",
    "Risk",
    "Said",
    "Since",
    "Spared",
    "Stage",
    "Trigger",
    "clocks",
    "is_there",
    "owed_to",
    "spared",
]
