"""The draft of a notice: what everybody in a chunk is told, before anybody's name is put in. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

from services.notifier import mime
from services.notifier.facts import Authority
from services.notifier.letters import Outline
from services.notifier.notices.composing import Form, bodies, form_of, headers_of
from services.notifier.notices.declared import Circumstances, notice_of
from services.notifier.notices.layout import Shape, titled
from services.notifier.notices.manners import MANNERS
from services.notifier.notices.outline import Part
from services.notifier.notices.pressing import NAME
from services.notifier.templating import mark
from services.notifier.wording import CATALOGUES
from services.notifier.writing import House
from shared.affected import Chunk, Reached
from shared.incidents import BreachDeclared
from shared.law.breaches import BreachPolicy
from shared.policies import breach_policies
from shared.wording import AT_HOME, Words

ENGLISH = frozenset({"US", "CA", "IN", "SG"})
"""Countries that write English, and dates in their own way."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is told, to whom and by whom."""

    declared: BreachDeclared
    told: Circumstances
    policies: tuple[BreachPolicy, ...]
    to: Literal["people", "controllers", "public", "users"]
    house: House
    words: Words

    @classmethod
    def of(cls, declared: BreachDeclared, told: Circumstances, chunk: Chunk, house: House) -> Self:
        """
        Return the draft for *chunk*.

        Raises:
            ConfigurationError: A law is none that is known.
        """
        policies = tuple(map(breach_policies().named, chunk.laws))
        return cls(declared, told, policies, chunk.to, house, words_of(policies, chunk.language, house))

    def form(self, person: Reached, *, named: bool) -> Form:
        """Return what everybody gets of whom the same was breached as of *person*, lacking who they are."""
        outline = Outline(self.words, [])
        shape = self._shape(person, NAME if named else "", outline)
        manner = shape.manner
        subject = titled(manner.title, self.words.say, prescribed=manner.prescribed)
        headers = headers_of(subject, self.told.incident, self.house.sender, self.words, self.told.written_at)
        return form_of(bodies(shape, outline), headers)

    def body(self, person: Reached, name: str) -> mime.Alternatives:
        """Return the words of the notice to *person*, who is greeted as *name*."""
        outline = Outline(self.words, [])
        return bodies(self._shape(person, name, outline), outline)

    def _shape(self, person: Reached, name: str, outline: Outline) -> Shape:
        american = _country(self.policies) == "US"
        notice = notice_of(person, self.declared, self.told, self.words, american=american)
        notice = replace(
            notice,
            to_controller=self.to == "controllers",
            to_public=self.to == "public",
            to_users=self.to == "users",
        )
        return Shape(
            facts=outline.of(notice),
            manner=MANNERS[self.to](self.policies, notice, person.categories or self.declared.categories),
            name=_marked(name, outline),
            reference=outline.of(self.told.incident),
            sender=self.house.sender,
            authorities=self._bodies(Part.COMPLAINT, self.house.authority),
            attorneys=self._bodies(Part.AUTHORITIES, None),
            language=self.words.language,
        )

    def _bodies(self, part: Part, otherwise: Authority | None) -> tuple[Authority, ...]:
        """Return the bodies of the laws that want *part*, each once."""
        wanting = (policy for policy in self.policies if any(said.element is part for said in policy.letter))
        found = (_authority(policy) or otherwise for policy in wanting)
        return tuple(dict.fromkeys(filter(None, found)))


def words_of(policies: Sequence[BreachPolicy], language: str, house: House) -> Words:
    """Return the words of *language* where the first of *policies* is in force: its English, and its days."""
    country = _country(policies)
    zone = next((policy.zone for policy in policies[:1] if policy.zone), house.sender.zone)
    return CATALOGUES.words(language, zone, at_home=country if country in ENGLISH else AT_HOME)


def _authority(policy: BreachPolicy) -> Authority | None:
    return Authority(policy.authority.name, policy.authority.for_people) if policy.authority else None


def _country(policies: Sequence[BreachPolicy]) -> str:
    """Return the country of the first of *policies*, if it is a law of one: laws are named after it."""
    law = policies[0].law if policies else ""
    return law[:2].upper() if law[2:3] == "-" else ""


def _marked(name: str, outline: Outline) -> str:
    """Return a mark for *name*, which stays as it is."""
    if not name:
        return ""
    outline.values.append(name)
    return mark(len(outline.values) - 1)
