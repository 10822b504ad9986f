"""
The method of a notice: people as their laws demand it, customers as they need it. Pure.

Titles and headings are marked here, and translated when composing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from services.notifier.breach.notices.facts import BreachNotice
from services.notifier.breach.notices.outline import NoticeSection, Part, provisions, sections
from shared.law.breaches import BreachPolicy, LetterStyle, NoticeRecipientKind, RequiredStatement
from shared.law.policies import SourceStatus
from shared.pages.translation import mark as _

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

TITLES: Mapping[LetterStyle, str] = MappingProxyType(
    {
        LetterStyle.GDPR: _("Your data was part of a data breach"),
        LetterStyle.CALIFORNIA: _("Notice of Data Breach"),
        LetterStyle.STATE: _("Notice of Data Breach"),
    }
)
TO_CONTROLLERS = _("Data breach that concerns data you keep with us")
TO_THE_PUBLIC = _("Public notice of a data breach")
TO_USERS = _("Incident that concerns a service you use")

HEADINGS: Mapping[str, str] = MappingProxyType(
    {
        "what-happened": _("What happened"),
        "what-data": _("What data it is about"),
        "what-it-means": _("What it can mean for you"),
        "what-we-do": _("What we are doing"),
        "what-you-can-do": _("What you can do"),
        "why-now": _("Why we write only now"),
        "more": _("Where to ask"),
        "rights": _("Your rights, and where to complain"),
        "next": _("When you hear from us again"),
    }
)
HEADINGS_TO_CONTROLLERS: Mapping[str, str] = MappingProxyType(
    {
        **HEADINGS,
        "what-data": _("What of yours is affected"),
        "what-it-means": _("What it can lead to"),
        "what-we-do": _("What we have done, and how things stand"),
    }
)
HEADINGS_OF_STATES: Mapping[str, str] = MappingProxyType(
    {
        **HEADINGS,
        "what-happened": _("What Happened"),
        "what-data": _("What Information Was Involved"),
        "what-we-do": _("What We Are Doing"),
        "what-you-can-do": _("What You Can Do"),
        "more": _("For More Information"),
    }
)
"""
The headings that Cal. Civ. Code § 1798.82(d)(1)(A) prescribes word for word; other States know them as well.

Where they are prescribed, they stay in English in a notice in another language: the law gives the words, and
no others. Their meaning stands beside them. The same goes for the title.
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
