"""A breach and companies to be told of, for tests of the law of breaches."""

from datetime import UTC, datetime
from typing import Any

from shared.law import CompanyProfile
from shared.law.breaches import Breach, BreachRole, Risk

AWARE = datetime(2026, 3, 2, 9, 20, tzinfo=UTC)
"""A Monday, 10:20 in Berlin."""
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
