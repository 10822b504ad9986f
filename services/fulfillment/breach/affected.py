"""
Somebody whom a breach concerns, as one record after the other tells of them. Pure.

What records say is put together in any order with the same result, so that whoever goes through them again
after a crash comes to the same.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import orjson

from services.fulfillment.breach.places import main_language
from services.fulfillment.search.mailboxes import same
from shared.contract.affected_people import NoticeRecipient
from shared.matching import MatchOutcome, match_names

Who: TypeAlias = tuple[Hashable, ...]
PEOPLE, CONTROLLERS = "people", "controllers"
PLACE, LANGUAGE = "place", "language"
MOST_NAMES = 16
"""Names of those who share a mailbox that are remembered."""
SAID_BY_HAND = -1
"""How far away is what was declared of somebody: nearer than any record."""
LONG_AGO = 1_000_000_000
"""How far away is what an earlier phase found: farther than any record."""
MOST_CHARACTERS = 200
"""Of a name, or a line of a postal address; who has pasted a text there means neither."""
MOST_LINES = 12
Said = Mapping[str, tuple[int, str]]
"""``email``, ``name``, ``language``, ``postal`` (lines) → how far it was fetched, and what it is."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier phases of the same breach found of somebody."""

    laws: tuple[str, ...] = ()
    """By which they were told; none: they were not."""
    categories: frozenset[str] = frozenset()
    place: str | None = None

    def also(self, other: "Earlier") -> "Earlier":
        """Return what was found of somebody of whom *other* tells, too."""
        laws = tuple(dict.fromkeys((*self.laws, *other.laws)))
        return Earlier(laws, self.categories | other.categories, self.place or other.place)


@dataclass(frozen=True, slots=True)
class AffectedPerson:
    """One person, or one customer, and what is known of them."""

    who: Who
    """What tells them from all others."""
    said: Said = field(default_factory=dict)
    places: Mapping[str, int] = field(default_factory=dict)
    """Where records say that they live → how far that was fetched."""
    categories: frozenset[str] = frozenset()
    """What of theirs was breached."""
    to: str = PEOPLE
    services: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """What records of the breach call them, in order: behind one mailbox may be a family."""
    earlier: Earlier = Earlier()
    aliases: frozenset[Who] = frozenset()
    """What else tells them from all others: who has one of them in common is one person."""
    others: tuple[str, ...] = ()
    """Further addresses of theirs, in order; nobody writes there as long as the first one is good."""

    def after(self, earlier: Earlier) -> "AffectedPerson":
        """Return them with what *earlier* phases found."""
        places = {earlier.place: LONG_AGO} if earlier.place else {}
        known = AffectedPerson(who=self.who, places=places, categories=earlier.categories)
        return replace(self.also(known), earlier=earlier)

    def also(self, other: "AffectedPerson") -> "AffectedPerson":
        """Return this with what *other* tells of the same person."""
        what = {*self.said, *other.said}
        said = {name: min(one.said[name] for one in (self, other) if name in one.said) for name in what}
        places = dict(self.places)
        for place, rank in other.places.items():
            places[place] = min(rank, places.get(place, rank))
        names = sorted({*self.names, *other.names})[:MOST_NAMES]
        categories = self.categories | other.categories
        return replace(
            self,
            said=said,
            places=places,
            categories=categories,
            names=tuple(names),
            aliases=self.aliases | other.aliases,
            others=tuple(sorted({*self.others, *other.others})),
        )

    def with_address_of(self, other: "AffectedPerson") -> "AffectedPerson":
        """Return this with what *other* tells, who is the same person, perhaps at another address."""
        both = self.also(other)
        found = sorted(filter(None, {*both.others, self.email, other.email}))
        mailboxes = {same(address, tagged=False): address for address in reversed(found)}
        if both.email:
            del mailboxes[same(both.email, tagged=False)]
        others = tuple(sorted(mailboxes.values()))
        return replace(both, others=others, earlier=self.earlier.also(other.earlier))

    def as_named(self) -> "AffectedPerson":
        """Return this, remembering the name."""
        return replace(self, names=tuple(filter(None, [self._told("name")])))

    @property
    def people(self) -> int:
        """How many they are who share a mailbox: those whose names cannot be one person's."""
        different: list[str] = []
        for name in self.names:
            if all(match_names(name, other).outcome is MatchOutcome.MISMATCH for other in different):
                different.append(name)
        return max(1, len(different))

    @property
    def crowd(self) -> bool:
        """Whether so many names share their mailbox that it may be nobody's; there may be more people."""
        return self.email is not None and len(self.names) == MOST_NAMES and self.people > 1

    @property
    def place(self) -> str | None:
        """Where they live: what was fetched from nearest, as exactly as any record says it."""
        if not self.places:
            return None
        nearest, _ = min(self.places.items(), key=lambda one: (one[1], one[0]))
        inside = [place for place in self.places if place.startswith(f"{nearest}-")]
        return min(inside, key=lambda place: (self.places[place], place), default=nearest)

    @property
    def email(self) -> str | None:
        """Where they are written to."""
        return self._told("email") or None

    def language(self, otherwise: str) -> str:
        """Return what they read: as a record says, else what most read where they live, else *otherwise*."""
        return self._told("language") or main_language(self.place) or otherwise

    @property
    def lacks(self) -> tuple[str, ...]:
        """What more should be known to choose the law and the language of a letter."""
        if self.to != PEOPLE:
            return ()
        return (*(() if self.places else (PLACE,)), *(() if "language" in self.said else (LANGUAGE,)))

    def reached(self, key: str) -> NoticeRecipient:
        """Return them as they lie in a chunk, where *key* tells them from all others."""
        return NoticeRecipient(
            key=key,
            email=self.email,
            name=self._told("name") if self.people == 1 else "",
            place=self.place,
            categories=tuple(sorted(self.categories)),
            postal=tuple(self._told("postal").splitlines()),
            services=self.services,
            others=self.others,
        )

    def _told(self, name: str) -> str:
        return self.said[name][1] if name in self.said else ""


def together(people: Iterable[AffectedPerson], name_of: Callable[[Who], str]) -> dict[str, AffectedPerson]:
    """Return *people*, each once, by what *name_of* calls them by what tells them from others."""
    found: dict[str, AffectedPerson] = {}
    for one in people:
        name = name_of(one.who)
        found[name] = found[name].also(one) if name in found else one
    return found


def written(somebody: AffectedPerson) -> bytes:
    """Return *somebody* as it is sealed; who they are is their key's business."""
    return orjson.dumps(
        {
            "said": {name: (rank, _cut(name, text)) for name, (rank, text) in somebody.said.items()},
            "places": somebody.places,
            "categories": sorted(somebody.categories),
            "to": somebody.to,
            "services": somebody.services,
            "names": somebody.names,
            "earlier": lasting(somebody.earlier),
            "others": somebody.others,
        }
    )


def _cut(name: str, text: str) -> str:
    """Return *text* as far as it goes on an envelope; an address for mail is a whole or nothing."""
    lines = text.splitlines()
    if name == "email" or (len(lines) <= MOST_LINES and all(len(line) <= MOST_CHARACTERS for line in lines)):
        return text
    return "\n".join(line[:MOST_CHARACTERS] for line in lines[:MOST_LINES])


def lasting(found: Earlier) -> dict[str, Any]:
    """Return what was *found* of somebody as it is sealed."""
    return {"laws": found.laws, "categories": sorted(found.categories), "place": found.place}


def remembered(found: Mapping[str, Any]) -> Earlier:
    """Return what :func:`lasting` made."""
    return Earlier(tuple(found["laws"]), frozenset(found["categories"]), found["place"])


def read(content: bytes) -> AffectedPerson:
    """Return what :func:`written` wrote."""
    found: dict[str, Any] = orjson.loads(content)
    return AffectedPerson(
        who=(),
        said={name: (rank, text) for name, (rank, text) in found["said"].items()},
        places=found["places"],
        categories=frozenset(found["categories"]),
        to=found["to"],
        services=tuple(found["services"]),
        names=tuple(found["names"]),
        earlier=remembered(found["earlier"]),
        others=tuple(found.get("others", ())),
    )
