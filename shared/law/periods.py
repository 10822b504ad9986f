"""The statutory periods, each with the provision that sets it and the one that says how it is counted."""

from dataclasses import dataclass
from enum import StrEnum

from shared.law.scope import Regulation, Right


class Unit(StrEnum):
    """What a period is counted in, and with it how it is counted."""

    MONTH = "month"
    CALENDAR_DAY = "calendar day"
    BUSINESS_DAY = "business day"


@dataclass(frozen=True, slots=True)
class Rule:
    """A statutory period."""

    length: int
    unit: Unit
    provision: str
    """Sets the period."""
    counting: str
    """Says how it is counted."""

    @property
    def period(self) -> str:
        """The period in words: ``1 month``."""
        return f"{self.length} {self.unit}{'' if self.length == 1 else 's'}"

    def __str__(self) -> str:
        return f"{self.period} [{self.provision}]"


_EU = ("GDPR Art. 12(3)", "Reg. (EEC, Euratom) 1182/71 Art. 3")
_UK = ("UK GDPR Art. 12A", "ICO guidance on time limits")
_CALIFORNIA = ("Cal. Civ. Code § 1798.130(a)(2)(A)", "11 CCR § 7021(b)")

_ANSWER = {
    Regulation.GDPR: Rule(1, Unit.MONTH, *_EU),
    Regulation.UK_GDPR: Rule(1, Unit.MONTH, *_UK),
    Regulation.CCPA: Rule(45, Unit.CALENDAR_DAY, *_CALIFORNIA),
}
_EXTENDED_ANSWER = {
    Regulation.GDPR: Rule(3, Unit.MONTH, *_EU),
    Regulation.UK_GDPR: Rule(3, Unit.MONTH, *_UK),
    Regulation.CCPA: Rule(90, Unit.CALENDAR_DAY, *_CALIFORNIA),
}
_ACKNOWLEDGEMENT = {
    Regulation.CCPA: Rule(10, Unit.BUSINESS_DAY, "11 CCR § 7021(a)", "11 CCR § 7021(a)"),
}
_OPT_OUT = {
    Right.OPT_OUT_OF_SALE: Rule(15, Unit.BUSINESS_DAY, "11 CCR § 7026(f)(1)", "11 CCR § 7026(f)(1)"),
    Right.LIMIT_SENSITIVE_USE: Rule(15, Unit.BUSINESS_DAY, "11 CCR § 7027(g)(1)", "11 CCR § 7027(g)(1)"),
}


def answer_period(regulation: Regulation, right: Right) -> Rule:
    """
    Return the period in which a request is answered.

    The rights that California alone knows run on its clock whichever law was chosen: residence must not
    be a hurdle to opting out.

    Law:
        GDPR Art. 12(3): one month from receipt; UK GDPR Art. 12A: the same.
        Cal. Civ. Code § 1798.130(a)(2)(A): 45 days, however long verification takes.
        11 CCR §§ 7026(f)(1), 7027(g)(1): at the latest 15 business days.
    """
    return _OPT_OUT.get(right) or _ANSWER[regulation]


def extended_period(regulation: Regulation, right: Right) -> Rule | None:
    """
    Return the whole period once extended, from receipt; none where the law knows no extension.

    Law:
        GDPR Art. 12(3): once, by two further months; UK GDPR Art. 12A: the same.
        Cal. Civ. Code § 1798.130(a)(2)(A), 11 CCR § 7021(b): once, by 45 days to 90.
        11 CCR §§ 7026(f)(1), 7027(g)(1): no extension.
    """
    return None if right in _OPT_OUT else _EXTENDED_ANSWER[regulation]


def acknowledgement_period(regulation: Regulation, right: Right) -> Rule | None:
    """
    Return the period in which receipt is confirmed; none where the law asks for no confirmation.

    Law:
        11 CCR § 7021(a): 10 business days, for requests to delete, correct and know.
    """
    return None if right in _OPT_OUT else _ACKNOWLEDGEMENT.get(regulation)
