"""
The people that one hash of California's DROP has found, and the right exercised for them. Pure.

Law:
    11 CCR § 7600 et seq.: where an identifier is one person's, their data is deleted; where it is several
    people's, each is opted out of sale and sharing instead, since it is unknown which of them has asked.

A wrong erasure cannot be undone. So records count as one person's only if nothing differs; in doubt, for
instance with a nickname or a second mailbox, they count as several people's.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from services.fulfillment.drop.fields import Hash, HashedPerson, comparable
from services.fulfillment.search.identities import plain
from services.fulfillment.search.units import MANY, own_first
from shared.law import Right
from shared.matching import match_names

MOST_DESCRIPTIONS = 50
"""Most different descriptions of a person; with more, an identifier counts as several people's."""


@dataclass(frozen=True, slots=True)
class MatchedPerson:
    """One person's part of a record found by a hash, or by an identity that is followed from there."""

    names: tuple[str, ...]
    known_by: tuple[tuple[str, str], ...]
    follow: tuple[str, str] | None = None
    """The identity that their records are searched by; None if the record has none."""
    fresh: bool = False
    """Whether the record was found for the first time."""
    births: tuple[str, ...] = ()
    claimed: bool = False
    """Whether ``follow`` was neither hashed nor is verified in the record: it may be another person's."""
    verified: frozenset[tuple[str, str]] = frozenset()
    """Verified identities in the record, in comparable form."""

    @property
    def unique_identities(self) -> frozenset[tuple[str, str]]:
        """Identities of which a person has only one."""
        return frozenset((name, comparable(name, value)) for name, value in self.known_by if name not in MANY)


def matched_person(
    person: HashedPerson, wanted: Callable[[Hash], bool], *, fresh: bool
) -> MatchedPerson | None:
    """Return *person* as found by a *wanted* hash; None if none of their hashes is wanted."""
    own = [one for one in person.hashes if wanted(one)]
    if not own:
        return None
    hashed = next((one.identity for one in own if one.identity is not None), None)
    verified = [known for known in person.known_by if known in person.verified]
    known_by = verified or person.known_by
    follow = hashed or min(known_by, key=lambda known: own_first(known[0]), default=None)
    claimed = follow is not None and hashed is None and follow not in person.verified
    sure = frozenset((name, comparable(name, value)) for name, value in verified)
    return MatchedPerson(person.names, person.known_by, follow, fresh, person.births, claimed, sure)


def people_of_lead(people: Sequence[HashedPerson], lead: tuple[str, str]) -> Iterator[MatchedPerson]:
    """Yield the *people* of a document that *lead* finds; all, if no part names it."""
    meant = (lead[0], comparable(*lead))
    parts = [MatchedPerson(one.names, one.known_by, births=one.births) for one in people]
    named = [one for one in parts if meant in {(name, comparable(name, v)) for name, v in one.known_by}]
    yield from named or parts


def right_for(people: Sequence[MatchedPerson]) -> Right:
    """
    Return the right for *people* that one hash has found, and for those that its identities find.

    An identity that people write themselves is no proof; then nothing is erased by it.

    Law:
        Cal. Civ. Code § 1798.99.86(c)(1)(B): a request that cannot be verified is an opt-out.
    """
    verified = frozenset[tuple[str, str]]().union(*(one.verified for one in people))
    claims = (one.follow for one in people if one.claimed and one.follow is not None)
    unsure = any((name, comparable(name, value)) not in verified for name, value in claims)
    return Right.OPT_OUT_OF_SALE if unsure or _several(people) else Right.ERASURE


def followed(people: Iterable[MatchedPerson], right: Right) -> Sequence[tuple[str, str] | None]:
    """
    Return each identity once by which *right* is exercised; None alone if the records have none.

    One person is searched by the hashed identity, from new records. Of several people each is named by their
    own identities, whether or not they were found before.
    """
    several = right is Right.OPT_OUT_OF_SALE
    own = ((one, next(iter(one.known_by), one.follow) if several else one.follow) for one in people)
    leads = [lead for one, lead in own if one.fresh or several]
    found = {(lead[0], plain(*lead)): lead for lead in leads if lead is not None}
    return list(found.values()) or [None for _ in leads[:1]]


def _several(people: Sequence[MatchedPerson]) -> bool:
    """Return whether *people* may be more than one."""
    described = list({(one.names, one.known_by, one.births): one for one in people}.values())
    return (
        len(described) > MOST_DESCRIPTIONS
        or any(_differ(one, other) for one, other in combinations(described, 2))
        or not all(match_names(*pair) for pair in _pairs_of_names(described))
        or _strangers(described)
    )


def _differ(one: MatchedPerson, other: MatchedPerson) -> bool:
    """Return whether a value differs of which a person has one."""
    if one.births and other.births and not set(one.births) & set(other.births):
        return True
    names = {name for name, _ in one.unique_identities} & {name for name, _ in other.unique_identities}
    shared = {name for name, _ in one.unique_identities & other.unique_identities}
    return bool(names - shared)


def _pairs_of_names(described: Sequence[MatchedPerson]) -> set[tuple[str, str]]:
    """Return the pairs of names that must be one person's: within a record, and across records."""
    inside = (pair for one in described for pair in combinations(one.names, 2))
    between = ((a, b) for one, other in combinations(described, 2) for a in one.names for b in other.names)
    return {(min(pair), max(pair)) for pair in (*inside, *between)}


def _strangers(described: Sequence[MatchedPerson]) -> bool:
    """Return whether a record without a name has an identity that named records lack."""
    known = frozenset(identity for one in described if one.names for identity in one.unique_identities)
    born = frozenset(day for one in described if one.names for day in one.births)
    nameless = [one for one in described if not one.names]
    if len(nameless) == len(described):
        return False
    return any(one.unique_identities - known or set(one.births) - born for one in nameless)
