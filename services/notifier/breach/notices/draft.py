"""The draft of a notice: the text common to a chunk, before names are put in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

from services.notifier.breach.notices.body import NAME
from services.notifier.breach.notices.composer import MessageForm, bodies, form_of, headers_of
from services.notifier.breach.notices.declared import Circumstances, notice_of
from services.notifier.breach.notices.layout import NoticeShape, titled
from services.notifier.breach.notices.methods import MANNERS
from services.notifier.breach.notices.outline import Part
from services.notifier.context import SenderSettings
from services.notifier.letters import mime
from services.notifier.letters.composer import LetterOutline
from services.notifier.letters.languages import CATALOGUES
from services.notifier.letters.letter_models import AuthorityContact
from services.notifier.letters.skeletons import mark
from shared.contract.affected_people import Chunk, NoticeRecipient
from shared.contract.events.breaches import BreachDeclared
from shared.law.breaches import BreachPolicy
from shared.law.library import breach_policies
from shared.pages.translation import AT_HOME, Words

ENGLISH = frozenset({"US", "CA", "IN", "SG"})
"""Countries that write English, and dates in their own way."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The content, the recipients and the sender of a notice."""

    declared: BreachDeclared
    circumstances: Circumstances
    policies: tuple[BreachPolicy, ...]
    to: Literal["people", "controllers", "public", "users"]
    house: SenderSettings
    words: Words

    @classmethod
    def of(
        cls, declared: BreachDeclared, circumstances: Circumstances, chunk: Chunk, house: SenderSettings
    ) -> Self:
        """
        Return the draft for *chunk*.

        Raises:
            ConfigurationError: A law is none that is known.
        """
        policies = tuple(map(breach_policies().named, chunk.laws))
        return cls(
            declared, circumstances, policies, chunk.to, house, words_of(policies, chunk.language, house)
        )

    def form(self, person: NoticeRecipient, *, named: bool) -> MessageForm:
        """Return the message to all with the same breached data as *person*, without their names."""
        outline = LetterOutline(self.words, [])
        shape = self._shape(person, NAME if named else "", outline)
        manner = shape.manner
        subject = titled(manner.title, self.words.say, prescribed=manner.prescribed)
        headers = headers_of(
            subject, self.circumstances.incident, self.house.sender, self.words, self.circumstances.written_at
        )
        return form_of(bodies(shape, outline), headers)

    def body(self, person: NoticeRecipient, name: str) -> mime.Alternatives:
        """Return the body of the notice to *person*, with *name* in the greeting."""
        outline = LetterOutline(self.words, [])
        return bodies(self._shape(person, name, outline), outline)

    def _shape(self, person: NoticeRecipient, name: str, outline: LetterOutline) -> NoticeShape:
        american = _country(self.policies) == "US"
        notice = notice_of(person, self.declared, self.circumstances, self.words, american=american)
        notice = replace(
            notice,
            to_controller=self.to == "controllers",
            to_public=self.to == "public",
            to_users=self.to == "users",
        )
        return NoticeShape(
            facts=outline.of(notice),
            manner=MANNERS[self.to](self.policies, notice, person.categories or self.declared.categories),
            name=_marked(name, outline),
            reference=outline.of(self.circumstances.incident),
            sender=self.house.sender,
            authorities=self._bodies(Part.COMPLAINT, self.house.authority),
            attorneys=self._bodies(Part.AUTHORITIES, None),
            language=self.words.language,
        )

    def _bodies(self, part: Part, otherwise: AuthorityContact | None) -> tuple[AuthorityContact, ...]:
        """Return the bodies of the laws that want *part*, each once."""
        wanting = (policy for policy in self.policies if any(said.element is part for said in policy.letter))
        found = (_authority(policy) or otherwise for policy in wanting)
        return tuple(dict.fromkeys(filter(None, found)))


def words_of(policies: Sequence[BreachPolicy], language: str, house: SenderSettings) -> Words:
    """Return the words of *language* where the first of *policies* is in force: its English, and its days."""
    country = _country(policies)
    zone = next((policy.zone for policy in policies[:1] if policy.zone), house.sender.zone)
    return CATALOGUES.words(language, zone, at_home=country if country in ENGLISH else AT_HOME)


def _authority(policy: BreachPolicy) -> AuthorityContact | None:
    return AuthorityContact(policy.authority.name, policy.authority.for_people) if policy.authority else None


def _country(policies: Sequence[BreachPolicy]) -> str:
    """Return the country of the first of *policies*, if it is a law of one: laws are named after it."""
    law = policies[0].law if policies else ""
    return law[:2].upper() if law[2:3] == "-" else ""


def _marked(name: str, outline: LetterOutline) -> str:
    """Return a mark for *name*, which stays as it is."""
    if not name:
        return ""
    outline.values.append(name)
    return mark(len(outline.values) - 1)
