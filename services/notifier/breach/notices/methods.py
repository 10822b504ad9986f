"""In which manner somebody is told: people as their laws want it, customers as they need it. Pure."""

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
What whoever uses a service is told.

Law:
    NIS2 Art. 23(1)-(2): the incident, and measures or remedies that they can take. No text sets more.
"""


@dataclass(frozen=True, slots=True)
class NoticeMethod:
    """How a notice is laid out."""

    title: str
    """In English."""
    prescribed: bool
    """Whether a law prescribes the words of title and headings."""
    sections: tuple[NoticeSection, ...]
    provisions: tuple[tuple[Part, str], ...]
    """Part → where it is demanded."""


def forbidden(policy: BreachPolicy) -> frozenset[Part]:
    """
    Return what a letter under *policy* must not say.

    Where that is what happened, what may come of it gives it away: it is left to a law that wants it there.

    Law:
        M.G.L. c. 93H § 3(b): the notice shall not include the nature of the breach.
    """
    implied = {Part.CONSEQUENCES} if Part.NATURE in policy.never else set()
    return frozenset({*policy.never, *implied})


def is_known(part: Part, notice: BreachNotice) -> bool:
    """Return whether something is to be said of *part*; of most there is, if only that nobody knows."""
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
    Return how people are told *notice*.

    Args:
        policies: The laws that protect them, of which there is at least one: the first one's order counts.
        notice: What they are told.
        categories: What of theirs was breached. Nothing: nobody knows, so everything may have been.
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
    """Return how a customer is told, whose processor the company is."""
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
    """Return how everybody is told because some could not be, one by one: like people, in public."""
    manner = to_people(policies, notice, categories)
    return replace(manner, title=policies[0].title or TO_THE_PUBLIC)


def to_users(
    policies: Sequence[BreachPolicy], _notice: BreachNotice, _categories: Iterable[str]
) -> NoticeMethod:
    """Return how those are told who use a service: under the first of *policies* that wants it."""
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
