"""
Whom the records mean that one hash of California's DROP has found, and what is asked for them. Pure.

Law:
    11 CCR § 7600 et seq.: where an identifier is one person's, their data is deleted; where it is several
    people's, each is opted out of sale and sharing instead, for nobody knows which of them has asked.

What is erased by mistake is gone. So one person is only whom nothing tells from another; whatever is between,
a nickname or a second mailbox, is as good as several people.
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
"""Different descriptions of a person beyond which an identifier is no single person's."""


@dataclass(frozen=True, slots=True)
class Held:
    """One person's part of a record that a hash has found, or an identity that is followed from there."""

    names: tuple[str, ...]
    known_by: tuple[tuple[str, str], ...]
    follow: tuple[str, str] | None = None
    """The identity that their records are searched by; none where the record tells nothing of the kind."""
    fresh: bool = False
    """Whether the record was found for the first time."""
    births: tuple[str, ...] = ()
    claimed: bool = False
    """Whether ``follow`` neither was hashed nor is verified in the record: it may be another person's."""
    verified: frozenset[tuple[str, str]] = frozenset()
    """What is verified in the record, as it compares."""

    @property
    def tells(self) -> frozenset[tuple[str, str]]:
        """What tells one person from another: identities of which a person has one."""
        return frozenset((name, comparable(name, value)) for name, value in self.known_by if name not in MANY)


def held(somebody: HashedPerson, wanted: Callable[[Hash], bool], *, fresh: bool) -> Held | None:
    """Return *somebody* as one whom a *wanted* hash has found; none where none of theirs is."""
    own = [one for one in somebody.hashes if wanted(one)]
    if not own:
        return None
    hashed = next((one.identity for one in own if one.identity is not None), None)
    verified = [known for known in somebody.known_by if known in somebody.verified]
    known_by = verified or somebody.known_by
    follow = hashed or min(known_by, key=lambda known: own_first(known[0]), default=None)
    claimed = follow is not None and hashed is None and follow not in somebody.verified
    sure = frozenset((name, comparable(name, value)) for name, value in verified)
    return Held(somebody.names, somebody.known_by, follow, fresh, somebody.births, claimed, sure)


def led_to(people: Sequence[HashedPerson], lead: tuple[str, str]) -> Iterator[Held]:
    """Yield whom *lead* means of the *people* of a document that it finds; where nobody says it, all."""
    meant = (lead[0], comparable(*lead))
    told = [Held(one.names, one.known_by, births=one.births) for one in people]
    yield from [one for one in told if meant in _all_of(one)] or told


def right_for(people: Sequence[Held]) -> Right:
    """
    Return what is asked for *people*, whom one hash has found, and the identities that it leads to.

    What leads on from a record is no proof where people write it themselves; then nothing is erased by it.

    Law:
        Cal. Civ. Code § 1798.99.86(c)(1)(B): a request that cannot be verified is an opt-out.
    """
    verified = frozenset[tuple[str, str]]().union(*(one.verified for one in people))
    claims = (one.follow for one in people if one.claimed and one.follow is not None)
    unsure = any((name, comparable(name, value)) not in verified for name, value in claims)
    return Right.OPT_OUT_OF_SALE if unsure or _several(people) else Right.ERASURE


def followed(people: Iterable[Held], right: Right) -> Sequence[tuple[str, str] | None]:
    """
    Return each identity once that *right* is exercised by; none alone where the records tell none.

    One person is searched by what was hashed, from the records that are fresh. Of several people each is
    named by what is theirs alone, whether or not they were found before.
    """
    several = right is Right.OPT_OUT_OF_SALE
    leads = [_lead(one, several=several) for one in people if one.fresh or several]
    found = {(lead[0], plain(*lead)): lead for lead in leads if lead is not None}
    return list(found.values()) or [None for _ in leads[:1]]


def _lead(one: Held, *, several: bool) -> tuple[str, str] | None:
    return next(iter(one.known_by), one.follow) if several else one.follow


def _all_of(one: Held) -> frozenset[tuple[str, str]]:
    return frozenset((name, comparable(name, value)) for name, value in one.known_by)


def _several(people: Sequence[Held]) -> bool:
    """Tell whether *people* may be more than one."""
    described = list({(one.names, one.known_by, one.births): one for one in people}.values())
    return (
        len(described) > MOST_DESCRIPTIONS
        or any(_differ(one, other) for one, other in combinations(described, 2))
        or not all(map(_same_name, _pairs_of_names(described)))
        or _strangers(described)
    )


def _differ(one: Held, other: Held) -> bool:
    """Tell whether something is not the same of which a person has one."""
    if one.births and other.births and not set(one.births) & set(other.births):
        return True
    names = {name for name, _ in one.tells} & {name for name, _ in other.tells}
    shared = {name for name, _ in one.tells & other.tells}
    return bool(names - shared)


def _pairs_of_names(described: Sequence[Held]) -> set[tuple[str, str]]:
    """Return which names must be one person's: those of a record, and each of it with each of another."""
    inside = (pair for one in described for pair in combinations(one.names, 2))
    between = ((a, b) for one, other in combinations(described, 2) for a in one.names for b in other.names)
    return {(min(pair), max(pair)) for pair in (*inside, *between)}


def _same_name(pair: tuple[str, str]) -> bool:
    return bool(match_names(*pair))


def _strangers(described: Sequence[Held]) -> bool:
    """Tell whether beside named records one without a name tells something that they do not."""
    known = frozenset(told for one in described if one.names for told in one.tells)
    born = frozenset(day for one in described if one.names for day in one.births)
    nameless = [one for one in described if not one.names]
    if len(nameless) == len(described):
        return False
    return any(one.tells - known or set(one.births) - born for one in nameless)
