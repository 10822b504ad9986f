"""
Whom the records mean that one hash of California's DROP has found, and what is asked for them. Pure.

Law:
    11 CCR § 7600 et seq.: where an identifier is one person's, their data is deleted; where it is several
    people's, each is opted out of sale and sharing instead, for nobody knows which of them has asked.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from services.fulfillment.drop.fields import Hash, Somebody
from services.fulfillment.search.identities import plain
from shared.drop import ListKind
from shared.law import Right
from shared.matching import Outcome, match_names

MOST_DESCRIPTIONS = 50
"""Different descriptions of a person beyond which an identifier is no single person's."""


@dataclass(frozen=True, slots=True)
class Held:
    """One person's part of a record that a hash has found."""

    names: tuple[str, ...]
    known_by: tuple[tuple[str, str], ...]
    follow: tuple[str, str] | None
    """The identity that their records are searched by; none where the record tells nothing of the kind."""
    fresh: bool
    """Whether the record was found for the first time."""


def held(somebody: Somebody, wanted: Callable[[Hash], bool], *, fresh: bool) -> Held | None:
    """Return *somebody* as one whom a *wanted* hash has found; none where none of theirs is."""
    own = [one for one in somebody.hashes if wanted(one)]
    if not own:
        return None
    hashed = next((one.identity for one in own if one.identity is not None), None)
    follow = hashed or next(iter(somebody.known_by), None)
    return Held(somebody.names, somebody.known_by, follow, fresh)


def right_for(people: Sequence[Held], kind: ListKind) -> Right:
    """Return what is asked for *people*, whom one hash of *kind* has found."""
    return Right.OPT_OUT_OF_SALE if _several(people, kind) else Right.ERASURE


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


def _several(people: Sequence[Held], kind: ListKind) -> bool:
    """
    Tell whether *people* are more than one: two names are nothing like one another.

    Where no record tells a name, what else they are known by says so.
    """
    described = list(dict.fromkeys((one.names, one.known_by) for one in people))
    if len(described) > MOST_DESCRIPTIONS:
        return True
    named = list(dict.fromkeys(names for names, _ in described if names))
    if named:
        return any(_nothing_alike(one, other) for one, other in combinations(named, 2))
    told: dict[str, set[str]] = {}
    for _, known_by in described:
        for name, value in known_by:
            if name != _HASHED.get(kind):
                told.setdefault(name, set()).add(plain(name, value))
    return any(len(values) > 1 for values in told.values())


def _nothing_alike(one: Iterable[str], other: Sequence[str]) -> bool:
    return all(match_names(a, b).outcome is Outcome.MISMATCH for a in one for b in other)


_HASHED = {ListKind.EMAIL: "email", ListKind.PHONE: "phone_number"}
