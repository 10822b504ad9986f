"""The method of a notice: people as their laws demand it, customers as they need it. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from services.notifier.breach.notices.facts import BreachNotice
from services.notifier.breach.notices.outline import NoticeSection, Part, provisions, sections
from services.notifier.breach.notices.translations import (
    HEADINGS,
    HEADINGS_OF_STATES,
    HEADINGS_TO_CONTROLLERS,
    TITLES,
    TO_CONTROLLERS,
    TO_THE_PUBLIC,
    TO_USERS,
)
from shared.law.breaches import BreachPolicy, LetterStyle, NoticeRecipientKind, RequiredStatement
from shared.law.policies import SourceStatus

USERS_LEARN = (
    Part.NATURE,
    Part.OCCURRED,
    Part.SERVICES,
    Part.CONSEQUENCES,
    Part.MEASURES,
    Part.ADVICE,
    Part.CONTACT,
)
"""
Contents for the users of a service.

Law:
    NIS2 Art. 23(1)-(2): the incident, and measures or remedies that they can take. No text sets more.
"""


@dataclass(frozen=True, slots=True)
class NoticeMethod:
    """The layout of a notice."""

    title: str
    """In English."""
    prescribed: bool
    """Whether a law prescribes the words of title and headings."""
    sections: tuple[NoticeSection, ...]
    provisions: tuple[tuple[Part, str], ...]
    """Part → where it is demanded."""


def forbidden(policy: BreachPolicy) -> frozenset[Part]:
    """
    Return the elements that a letter under *policy* must not contain.

    If an element must not be stated, its consequences reveal it: they are left to a law that demands them.

    Law:
        M.G.L. c. 93H § 3(b): the notice shall not include the nature of the breach.
    """
    implied = {Part.CONSEQUENCES} if Part.NATURE in policy.never else set()
    return frozenset({*policy.never, *implied})


def is_known(part: Part, notice: BreachNotice) -> bool:
    """Return whether *part* has content; most parts do, if only that it is unknown."""
    match part:
        case Part.PROTECTION:
            return notice.watch is not None
        case Part.LATE_BECAUSE:
            return bool(notice.late_because)
        case _:
            return True


def to_people(
    policies: Sequence[BreachPolicy], notice: BreachNotice, categories: Iterable[str]
) -> NoticeMethod:
    """
    Return the method of *notice* to people.

    Args:
        policies: The laws that protect them, of which there is at least one: the first one's order counts.
        notice: The notice.
        categories: Their breached data. Nothing: unknown, so everything may have been breached.
    """
    first, theirs = policies[0], tuple(categories)
    never = forbidden(first)

    def is_needed(said: RequiredStatement) -> bool:
        called_for = not theirs or said.holds_for(theirs)
        return called_for and is_known(said.element, notice) and said.element not in never

    letters = [policy.letter for policy in policies]
    return NoticeMethod(
        title=first.title or TITLES[first.form],
        prescribed=any(said.heading for said in first.letter),
        sections=sections(
            letters, HEADINGS if first.form is LetterStyle.GDPR else HEADINGS_OF_STATES, is_needed
        ),
        provisions=tuple(provisions(letters).items()),
    )


def to_controllers(
    policies: Sequence[BreachPolicy], _notice: BreachNotice, _categories: Iterable[str]
) -> NoticeMethod:
    """Return the method of a notice to a customer of the processor."""
    letters = [policy.to_controller for policy in policies]
    return NoticeMethod(
        title=TO_CONTROLLERS,
        prescribed=False,
        sections=sections(letters, HEADINGS_TO_CONTROLLERS, lambda _said: True),
        provisions=tuple(provisions(letters).items()),
    )


def to_the_public(
    policies: Sequence[BreachPolicy], notice: BreachNotice, categories: Iterable[str]
) -> NoticeMethod:
    """Return the method of a public notice, for people not reached individually: as for people, in public."""
    manner = to_people(policies, notice, categories)
    return replace(manner, title=policies[0].title or TO_THE_PUBLIC)


def to_users(
    policies: Sequence[BreachPolicy], _notice: BreachNotice, _categories: Iterable[str]
) -> NoticeMethod:
    """Return the method of a notice to users of a service: under the first of *policies* that demands it."""
    wanted = (
        notice for policy in policies if (notice := policy.notice(NoticeRecipientKind.SERVICE_RECIPIENTS))
    )
    provision = next(wanted).provision
    said = [
        RequiredStatement(element=part, provision=provision, read=SourceStatus.OURS) for part in USERS_LEARN
    ]
    return NoticeMethod(
        title=TO_USERS,
        prescribed=False,
        sections=sections([said], HEADINGS_TO_CONTROLLERS, lambda _said: True),
        provisions=tuple(provisions([said]).items()),
    )


MANNERS: Mapping[str, Callable[[Sequence[BreachPolicy], BreachNotice, Iterable[str]], NoticeMethod]] = (
    MappingProxyType(
        {"people": to_people, "controllers": to_controllers, "public": to_the_public, "users": to_users}
    )
)
