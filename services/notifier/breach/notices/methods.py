"""
The method of a notice: its parts, headings and order, as its laws or its recipients need them. Pure.

Titles and headings are marked here, and translated when composing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from typing import TypeAlias

from services.notifier.breach.notices.facts import BreachNotice
from shared.law.breaches import (
    BreachPolicy,
    LetterStyle,
    NoticeElement,
    NoticeRecipientKind,
    RequiredStatement,
)
from shared.law.policies import SourceStatus
from shared.pages.translation import mark as _

Part: TypeAlias = NoticeElement
Statements: TypeAlias = Sequence[RequiredStatement]
SECTIONS: Mapping[str, tuple[Part, ...]] = {
    "what-happened": (Part.INCIDENT, Part.PHASE, Part.AWARE, Part.NATURE, Part.OCCURRED, Part.DISCOVERED),
    "what-data": (Part.SERVICES, Part.DATA, Part.CONTENT_UNKNOWN),
    "what-it-means": (Part.CONSEQUENCES,),
    "what-we-do": (Part.MEASURES, Part.CONTAINMENT, Part.PROTECTION),
    "what-you-can-do": (
        Part.ADVICE,
        Part.PASSWORD,
        Part.BIOMETRIC_ADVICE,
        Part.CREDIT_BUREAUS,
        Part.FREEZE,
        Part.POLICE_REPORT,
        Part.AUTHORITIES,
    ),
    "why-now": (Part.LATE_BECAUSE,),
    "more": (Part.HELD_BY_POLICE, Part.WRITTEN_ON, Part.CONTACT, Part.SENDER, Part.OFFICER),
    "rights": (Part.RIGHTS, Part.COMPLAINT),
    "next": (Part.NEXT_UPDATE,),
}
UNDER = {part: section for section, parts in SECTIONS.items() for part in parts}
"""Where each part belongs that stands in letters."""
INSTEAD = {"what-it-means": "what-data", "why-now": "what-happened", "rights": "more", "next": "more"}
"""The place in a letter with prescribed headings, for an element without such a heading."""

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

TITLES: Mapping[LetterStyle, str] = {
    LetterStyle.GDPR: _("Your data was part of a data breach"),
    LetterStyle.CALIFORNIA: _("Notice of Data Breach"),
    LetterStyle.STATE: _("Notice of Data Breach"),
}
TO_CONTROLLERS = _("Data breach affecting data you keep with us")
TO_THE_PUBLIC = _("Public notice of a data breach")
TO_USERS = _("Incident affecting a service you use")

HEADINGS: Mapping[str, str] = {
    "what-happened": _("What happened"),
    "what-data": _("Which data was affected"),
    "what-it-means": _("What it may mean for you"),
    "what-we-do": _("What we are doing"),
    "what-you-can-do": _("What you can do"),
    "why-now": _("Why we are writing only now"),
    "more": _("Where to ask"),
    "rights": _("Your rights, and where to complain"),
    "next": _("When you hear from us again"),
}
HEADINGS_TO_CONTROLLERS: Mapping[str, str] = {
    **HEADINGS,
    "what-data": _("Which of your data is affected"),
    "what-it-means": _("What it may lead to"),
    "what-we-do": _("What we have done, and how things stand"),
}
HEADINGS_OF_STATES: Mapping[str, str] = {
    **HEADINGS,
    "what-happened": _("What Happened"),
    "what-data": _("What Information Was Involved"),
    "what-we-do": _("What We Are Doing"),
    "what-you-can-do": _("What You Can Do"),
    "more": _("For More Information"),
}
"""
The headings that Cal. Civ. Code § 1798.82(d)(1)(A) prescribes word for word; other States know them as well.

Where they are prescribed, they stay in English in a notice in another language: the law gives the words, and
no others. Their meaning stands beside them. The same goes for the title.
"""


@dataclass(frozen=True, slots=True)
class NoticeSection:
    """A heading, and the parts below it."""

    id: str
    heading: str
    """In English."""
    parts: tuple[Part, ...]

    @classmethod
    def below(cls, heading: str, parts: Iterable[Part]) -> "NoticeSection":
        """Return the section with *parts* below *heading*."""
        return cls("-".join(heading.lower().replace(",", "").split()), heading, tuple(parts))


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


def to_people(
    policies: Sequence[BreachPolicy], notice: BreachNotice, categories: Iterable[str]
) -> NoticeMethod:
    """
    Return the method of *notice* to people: the order is that of the first of *policies*.

    Without *categories* of data, everything may have been breached.
    """
    first, theirs = policies[0], tuple(categories)
    left_out = set(forbidden(first))
    if notice.watch is None:
        left_out.add(Part.PROTECTION)
    if not notice.late_because:
        left_out.add(Part.LATE_BECAUSE)

    def is_needed(said: RequiredStatement) -> bool:
        return said.element not in left_out and (not theirs or said.holds_for(theirs))

    prescribed = any(said.heading for said in first.letter)
    headings = HEADINGS if first.form is LetterStyle.GDPR else HEADINGS_OF_STATES
    letters = [policy.letter for policy in policies]
    return _method(first.title or TITLES[first.form], letters, headings, is_needed, prescribed=prescribed)


def to_controllers(
    policies: Sequence[BreachPolicy], _notice: BreachNotice, _categories: Iterable[str]
) -> NoticeMethod:
    """Return the method of a notice to a customer of the processor."""
    return _method(TO_CONTROLLERS, [policy.to_controller for policy in policies], HEADINGS_TO_CONTROLLERS)


def to_the_public(
    policies: Sequence[BreachPolicy], notice: BreachNotice, categories: Iterable[str]
) -> NoticeMethod:
    """Return the method of a public notice, for people not reached individually: as for people, in public."""
    return replace(to_people(policies, notice, categories), title=policies[0].title or TO_THE_PUBLIC)


def to_users(
    policies: Sequence[BreachPolicy], _notice: BreachNotice, _categories: Iterable[str]
) -> NoticeMethod:
    """Return the method of a notice to users of a service: under the first of *policies* that demands it."""
    notices = (policy.notice(NoticeRecipientKind.SERVICE_RECIPIENTS) for policy in policies)
    provision = next(filter(None, notices)).provision
    said = [
        RequiredStatement(element=part, provision=provision, read=SourceStatus.OURS) for part in USERS_LEARN
    ]
    return _method(TO_USERS, [said], HEADINGS_TO_CONTROLLERS)


MANNERS: Mapping[str, Callable[[Sequence[BreachPolicy], BreachNotice, Iterable[str]], NoticeMethod]] = {
    "people": to_people,
    "controllers": to_controllers,
    "public": to_the_public,
    "users": to_users,
}


def _method(
    title: str,
    letters: Sequence[Statements],
    headings: Mapping[str, str],
    is_needed: Callable[[RequiredStatement], bool] = lambda _said: True,
    *,
    prescribed: bool = False,
) -> NoticeMethod:
    """
    Return the method of a notice under the laws that demand *letters*.

    The first law sets the order. Elements of others stand below the heading where they belong, last;
    so the order that the first one prescribes is never broken. *headings* are for parts without a prescribed
    one; *prescribed*: whether the first law prescribes title and headings.
    """
    first, *others = letters
    runs = [
        NoticeSection.below(heading, [said.element for said in run if is_needed(said)])
        for heading, run in groupby(first, lambda said: said.heading or headings[UNDER[said.element]])
    ]
    own = {UNDER[said.element]: said.heading for said in first if said.heading}
    places = {**headings, **own}
    if own:
        places |= {gone: places[there] for gone, there in INSTEAD.items() if gone not in own}
    present = {said.element for said in first}
    for said in chain.from_iterable(others):
        if said.element not in present and is_needed(said):
            present.add(said.element)
            _add(said.element, places[UNDER[said.element]], runs)
    sections = tuple(section for section in runs if section.parts)
    return NoticeMethod(title, prescribed, sections, tuple(_provisions(letters).items()))


def _provisions(letters: Iterable[Statements]) -> Mapping[Part, str]:
    """Return for each part where it is demanded."""
    found: dict[Part, dict[str, None]] = {}
    for said in chain.from_iterable(letters):
        found.setdefault(said.element, {})[said.provision] = None
    return {part: "; ".join(where) for part, where in found.items()}


def _add(part: Part, heading: str, runs: list[NoticeSection]) -> None:
    """Put *part* last below *heading*; a heading that is not there yet comes last."""
    for place, section in enumerate(runs):
        if section.heading == heading:
            runs[place] = replace(section, parts=(*section.parts, part))
            return
    runs.append(NoticeSection.below(heading, [part]))
