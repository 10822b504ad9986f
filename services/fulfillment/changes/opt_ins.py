"""
Opt-ins to the sale of data: for minors no sale is lawful without one.

Pure. An opt-in is stored in the suppression list, under keyed hashes of identities. It names the giver and
the kind of proof, and no birthday: a parent's ends the day before the age from which the minor gives it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shared.law.policies import MinorOptIn

MINOR_WITHOUT_OPT_IN = "minor_without_opt_in"


class OptInGiver(StrEnum):
    """The person who gives an opt-in."""

    SELF = "self"
    PARENT = "parent"


class OptInProof(StrEnum):
    """The proof of an opt-in."""

    TWO_STEP = "two_step"
    """The minor asked to opt in and confirmed it in a second step (11 CCR §§ 7028(a), 7071)."""
    SIGNED_FORM = "signed_form"
    """This and the next ones show that the giver is the parent (11 CCR § 7070(a)(2))."""
    PAYMENT_CARD = "payment_card"
    TELEPHONE = "telephone"
    VIDEO_CALL = "video_call"
    IN_PERSON = "in_person"
    IDENTITY_DOCUMENT = "identity_document"


@dataclass(frozen=True, slots=True)
class SaleOptIn:
    """An opt-in to the sale of a person's data."""

    giver: OptInGiver
    proof: OptInProof
    at: datetime
    until: date | None = None
    """Its last day: a parent's ends when the minor is old enough to give it."""

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> "SaleOptIn":
        """Return the opt-in that is stored as *document*."""
        until = document.get("until")
        giver, proof = OptInGiver(document["giver"]), OptInProof(document["proof"])
        return cls(giver, proof, document["at"], until and until.date())

    def is_valid(self, today: date) -> bool:
        """Return whether it counts on *today*."""
        return self.until is None or today <= self.until


@dataclass(frozen=True, slots=True)
class SaleDecision:
    """Whether data of a person may be sold or shared, and why not."""

    allowed: bool
    reason: str = ""


def opt_in_error(giver: OptInGiver, proof: OptInProof, age: int, rule: "MinorOptIn") -> str:
    """
    Return why an opt-in at *age* by *giver* with *proof* does not count; empty if it does.

    Law:
        Cal. Civ. Code § 1798.120(c): below 13 the parent authorizes, from 13 to 15 the consumer.
        11 CCR §§ 7070(a)(2), 7071: methods to establish the parent; the opt-in of a consumer of 13 to 15.
    """
    if (age < rule.parent_below) is not (giver is OptInGiver.PARENT):
        return f"below {rule.parent_below} the parent opts in, from then on the person"
    if (giver is OptInGiver.SELF) is not (proof is OptInProof.TWO_STEP):
        proofs = ", ".join(other for other in OptInProof if other is not OptInProof.TWO_STEP)
        return f"the person's own has the proof two_step, a parent's one of {proofs}"
    return ""


def last_day_of(giver: OptInGiver, born_on: date, rule: "MinorOptIn") -> date | None:
    """Return the last day of an opt-in: a parent's ends before the birthday from which the minor gives it."""
    if giver is OptInGiver.SELF:
        return None
    year = born_on.year + rule.parent_below
    leap = born_on.month == 2 and born_on.day == 29  # noqa: PLR2004 - the leap day
    birthday = date(year, 2, 28) if leap else born_on.replace(year=year)
    return birthday - timedelta(days=1)


def sale_decision(
    opt_in: SaleOptIn | None, rule: "MinorOptIn", today: date, *, listed: bool, age: int | None
) -> SaleDecision:
    """
    Return whether data of a person of an *age* may be sold; *listed* says that they opted out.

    An opt-in that is given after an opt-out prevails; the list ends it with the next opt-out.

    Law:
        Cal. Civ. Code § 1798.120(b)-(d).
    """
    valid = opt_in is not None and opt_in.is_valid(today)
    if age is not None and age < rule.below:
        wanted = OptInGiver.PARENT if age < rule.parent_below else OptInGiver.SELF
        if not valid or opt_in is None or opt_in.giver is not wanted:
            return SaleDecision(allowed=False, reason=MINOR_WITHOUT_OPT_IN)
    if listed and not valid:
        return SaleDecision(allowed=False, reason="opted_out")
    return SaleDecision(allowed=True)
