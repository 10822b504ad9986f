"""
A person affected by a breach, merged record by record. Pure.

The order of merging does not change the result, so that a restart after a crash leads to the same.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import orjson

from services.fulfillment.breach.places import main_language
from services.fulfillment.search.mailboxes import same
from shared.contract.affected_people import NoticeRecipient
from shared.matching import MatchOutcome, match_names

PersonIdentity: TypeAlias = tuple[Hashable, ...]
PEOPLE, CONTROLLERS = "people", "controllers"
PLACE, LANGUAGE = "place", "language"
MOST_NAMES = 16
"""Most names of people with one mailbox that are kept."""
SAID_BY_HAND = -1
"""Distance of declared data: nearer than any record."""
LONG_AGO = 1_000_000_000
"""Distance of the findings of an earlier phase: farther than any record."""
MOST_CHARACTERS = 200
"""Most characters of a name, or a line of a postal address; longer texts are neither."""
MOST_LINES = 12
Said = Mapping[str, tuple[int, str]]
"""``email``, ``name``, ``language``, ``postal`` (lines) → distance and value."""


@dataclass(frozen=True, slots=True)
class EarlierFindings:
    """The findings of earlier phases of the same breach about a person."""

    laws: tuple[str, ...] = ()
    """The laws by which they were notified; empty: they were not."""
    categories: frozenset[str] = frozenset()
    place: str | None = None

    def also(self, other: "EarlierFindings") -> "EarlierFindings":
        """Return these findings merged with *other*."""
        laws = tuple(dict.fromkeys((*self.laws, *other.laws)))
        return EarlierFindings(laws, self.categories | other.categories, self.place or other.place)


@dataclass(frozen=True, slots=True)
class AffectedPerson:
    """One person, or one customer, with all that is known about them."""

    identity: PersonIdentity
    """Their unique identity."""
    said: Said = field(default_factory=dict)
    places: Mapping[str, int] = field(default_factory=dict)
    """Places of residence in records → distance."""
    categories: frozenset[str] = frozenset()
    """Categories of their data that were breached."""
    to: str = PEOPLE
    services: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """Their names in breached records, in order: a family may share a mailbox."""
    earlier: EarlierFindings = EarlierFindings()
    aliases: frozenset[PersonIdentity] = frozenset()
    """Further identities: people with a common one are one person."""
    others: tuple[str, ...] = ()
    """Their further addresses, in order; used only if the first one fails."""

    def after(self, earlier: EarlierFindings) -> "AffectedPerson":
        """Return them with the findings of *earlier* phases."""
        places = {earlier.place: LONG_AGO} if earlier.place else {}
        known = AffectedPerson(identity=self.identity, places=places, categories=earlier.categories)
        return replace(self.also(known), earlier=earlier)

    def also(self, other: "AffectedPerson") -> "AffectedPerson":
        """Return this merged with *other*, the same person."""
        both = (self, other)
        said = {*self.said, *other.said}
        places = {*self.places, *other.places}
        return replace(
            self,
            said={name: min(one.said[name] for one in both if name in one.said) for name in said},
            places={place: min(one.places[place] for one in both if place in one.places) for place in places},
            categories=self.categories | other.categories,
            names=tuple(sorted({*self.names, *other.names})[:MOST_NAMES]),
            aliases=self.aliases | other.aliases,
            others=tuple(sorted({*self.others, *other.others})),
        )

    def with_address_of(self, other: "AffectedPerson") -> "AffectedPerson":
        """Return this merged with *other*, the same person, perhaps at another address."""
        both = self.also(other)
        found = sorted(filter(None, {*both.others, self.email, other.email}))
        mailboxes = {same(address, tagged=False): address for address in reversed(found)}
        if both.email:
            del mailboxes[same(both.email, tagged=False)]
        return replace(
            both, others=tuple(sorted(mailboxes.values())), earlier=self.earlier.also(other.earlier)
        )

    def as_named(self) -> "AffectedPerson":
        """Return this with the name kept."""
        return replace(self, names=tuple(filter(None, [self._said("name")])))

    @property
    def people(self) -> int:
        """Number of people with this mailbox, by names that cannot be one person's."""
        different: list[str] = []
        for name in self.names:
            if all(match_names(name, other).outcome is MatchOutcome.MISMATCH for other in different):
                different.append(name)
        return max(1, len(different))

    @property
    def crowd(self) -> bool:
        """Whether so many names share the mailbox that it may be no person's; there may be more people."""
        return self.email is not None and len(self.names) == MOST_NAMES and self.people > 1

    @property
    def place(self) -> str | None:
        """Their place of residence: the nearest one found, in the most exact form."""
        if not self.places:
            return None
        nearest, _ = min(self.places.items(), key=lambda one: (one[1], one[0]))
        inside = [place for place in self.places if place.startswith(f"{nearest}-")]
        return min(inside, key=lambda place: (self.places[place], place), default=nearest)

    @property
    def email(self) -> str | None:
        """Their mail address."""
        return self._said("email") or None

    def language(self, otherwise: str) -> str:
        """Return their language: of a record, else the main one of their residence, else *otherwise*."""
        return self._said("language") or main_language(self.place) or otherwise

    @property
    def lacks(self) -> tuple[str, ...]:
        """The missing facts for the choice of law and language of a letter."""
        if self.to != PEOPLE:
            return ()
        return (*(() if self.places else (PLACE,)), *(() if "language" in self.said else (LANGUAGE,)))

    def reached(self, key: str) -> NoticeRecipient:
        """Return them as a recipient in a batch, under *key*."""
        return NoticeRecipient(
            key=key,
            email=self.email,
            name=self._said("name") if self.people == 1 else "",
            place=self.place,
            categories=tuple(sorted(self.categories)),
            postal=tuple(self._said("postal").splitlines()),
            services=self.services,
            others=self.others,
        )

    def _said(self, name: str) -> str:
        return self.said[name][1] if name in self.said else ""


def merge_people(
    people: Iterable[AffectedPerson], name_of: Callable[[PersonIdentity], str]
) -> dict[str, AffectedPerson]:
    """Return *people*, each once, by the name that *name_of* gives their identity."""
    found: dict[str, AffectedPerson] = {}
    for one in people:
        name = name_of(one.identity)
        found[name] = found[name].also(one) if name in found else one
    return found


def written(person: AffectedPerson) -> bytes:
    """Return *person* in sealed form; their identity is left to the key."""
    return orjson.dumps(
        {
            "said": {name: (rank, _cut(name, text)) for name, (rank, text) in person.said.items()},
            "places": person.places,
            "categories": sorted(person.categories),
            "to": person.to,
            "services": person.services,
            "names": person.names,
            "earlier": written_findings(person.earlier),
            "others": person.others,
        }
    )


def _cut(name: str, text: str) -> str:
    """Return *text*, cut to the length of an envelope line; an address for mail is not cut."""
    lines = text.splitlines()
    if name == "email" or (len(lines) <= MOST_LINES and all(len(line) <= MOST_CHARACTERS for line in lines)):
        return text
    return "\n".join(line[:MOST_CHARACTERS] for line in lines[:MOST_LINES])


def written_findings(found: EarlierFindings) -> dict[str, Any]:
    """Return the findings in sealed form."""
    return {"laws": found.laws, "categories": sorted(found.categories), "place": found.place}


def read_findings(found: Mapping[str, Any]) -> EarlierFindings:
    """Return the findings that :func:`written_findings` wrote."""
    return EarlierFindings(tuple(found["laws"]), frozenset(found["categories"]), found["place"])


def read(content: bytes) -> AffectedPerson:
    """Return the person that :func:`written` wrote."""
    found: dict[str, Any] = orjson.loads(content)
    return AffectedPerson(
        identity=(),
        said={name: (rank, text) for name, (rank, text) in found["said"].items()},
        places=found["places"],
        categories=frozenset(found["categories"]),
        to=found["to"],
        services=tuple(found["services"]),
        names=tuple(found["names"]),
        earlier=read_findings(found["earlier"]),
        others=tuple(found.get("others", ())),
    )
