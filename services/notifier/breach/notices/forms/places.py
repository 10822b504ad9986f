"""Places in documents for authorities: residents under a law, and names of places. Pure."""

from collections.abc import Iterable, Mapping

from babel import Locale

from shared.law.breaches import BreachPolicy
from shared.law.policies import lies_in

ENGLISH = Locale("en")
UNKNOWN = "Residence not known"


def protected(
    people: Mapping[str | None, int], policy: BreachPolicy, established: Iterable[str]
) -> Mapping[str | None, int]:
    """
    Return those of *people* that *policy* protects: residents of its places.

    Args:
        people: Number of people by residence.
        policy: The law.
        established: The company's places. If the law is that of an establishment, and one lies there, it
            protects all people.

    Law:
        GDPR Art. 3(1), (2).
    """
    if policy.scope is None:
        return people
    places = policy.scope.places
    if policy.scope.by_establishment and any(lies_in(place, places) for place in established):
        return people
    return {place: number for place, number in people.items() if lies_in(place, places)}


def within(people: Mapping[str | None, int], policy: BreachPolicy, state: str) -> int:
    """Return how many of *people* live in a Member State, and in the parts of it with a code of their own."""
    states = policy.states
    countries = ((place.partition("-")[0], number) for place, number in people.items() if place)
    return sum(number for country, number in countries if states.get(country, country) == state)


def called(place: str | None) -> str:
    """Return the name of *place* in English: ``Germany``, ``United States (CA)``."""
    if place is None:
        return UNKNOWN
    country, _, part = place.partition("-")
    name = str(ENGLISH.territories.get(country, country))
    return f"{name} ({part})" if part else name
