"""Places in documents for authorities: who lives under a law, and what a place is called. Pure."""

from collections.abc import Mapping

from babel import Locale

from shared.law.breaches import BreachPolicy
from shared.law.policies import lies_in

ENGLISH = Locale("en")
UNKNOWN = "Residence not known"


def protected(people: Mapping[str | None, int], policy: BreachPolicy) -> Mapping[str | None, int]:
    """
    Return those of *people* who live where *policy* is the law.

    All of them, where it is the law of the establishment, which holds for everybody.
    """
    if policy.scope is None or policy.scope.by_establishment:
        return people
    places = policy.scope.places
    return {place: number for place, number in people.items() if lies_in(place, places)}


def called(place: str | None) -> str:
    """Return the name of *place* in English: ``Germany``, ``United States (CA)``."""
    if place is None:
        return UNKNOWN
    country, _, part = place.partition("-")
    name = str(ENGLISH.territories.get(country, country))
    return f"{name} ({part})" if part else name
