"""A breach and companies to be told of, for tests of the law of breaches."""

from datetime import UTC, datetime
from typing import Any

from shared.law import CompanyProfile
from shared.law.breaches import Breach, BreachPolicies, BreachPolicy, BreachRole, Risk
from shared.law.library import breach_policies
from shared.law.policies import SourceStatus

AWARE = datetime(2026, 3, 2, 9, 20, tzinfo=UTC)
"""A Monday, 10:20 in Berlin."""
ACCEPTED = breach_policies().accepting(["all"])
"""The laws on breaches, also those with an unread deadline."""


def unread_breach_deadlines(*laws: str) -> BreachPolicies:
    """Return all laws on breaches, of which *laws* have deadlines that were not read."""

    def changed(policy: BreachPolicy) -> BreachPolicy:
        notices = tuple(one.model_copy(update={"read": SourceStatus.UNREAD}) for one in policy.notices)
        unread = {"notices": notices} if policy.law in laws else {}
        return policy.model_copy(update={"model": None} | unread)

    return BreachPolicies(map(changed, breach_policies()))


SSN = ("user.name.last", "user.government_id.national_identification_number")


def breach(**said: Any) -> Breach:
    given: dict[str, Any] = {
        "role": BreachRole.CONTROLLER,
        "risk": Risk.HIGH,
        "occurred_from": AWARE,
        "detected_at": AWARE,
        "aware_at": AWARE,
        "categories": SSN,
    }
    return Breach(**given | said)


def company(*places: str, others: str = "gdpr", small: bool = False) -> CompanyProfile:
    return CompanyProfile(
        name="Example Networks",
        established_in=places[0],
        also_established_in=places[1:],
        zone="Europe/Berlin",
        authority={"name": "Authority of Examplia", "url": "https://authority.example.org"},
        grants_to_others=others,
        small=small,
    )


BERLIN, NEW_YORK, NOWHERE = company("DE-BE"), company("US-NY"), company("JP")
