"""Which parts a notice has, under which headings and in which order: as the laws say. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from types import MappingProxyType

from services.notifier.notices.facts import Notice
from shared.law.breaches import BreachPolicy, LetterStyle, NoticeElement

Part = NoticeElement

UNDER: Mapping[Part, str] = MappingProxyType(
    {
        Part.NOTICE_DATE: "what-happened",
        Part.NATURE: "what-happened",
        Part.OCCURRED: "what-happened",
        Part.POLICE: "what-happened",
        Part.CATEGORIES: "what-data",
        Part.CONSEQUENCES: "what-it-means",
        Part.MEASURES: "what-we-do",
        Part.PROTECTION: "what-we-do",
        Part.ADVICE: "what-you-can-do",
        Part.CREDENTIALS: "what-you-can-do",
        Part.BUREAUS: "what-you-can-do",
        Part.TRADE_COMMISSION: "what-you-can-do",
        Part.ATTORNEY_GENERAL: "what-you-can-do",
        Part.BIOMETRIC: "what-you-can-do",
        Part.CONTACT: "more",
        Part.OFFICER: "more",
        Part.RIGHTS: "rights",
        Part.COMPLAINT: "rights",
    }
)
"""Where each part belongs."""

IN_FIVE: Mapping[str, str] = MappingProxyType({"what-it-means": "what-data", "rights": "more"})
"""Where it belongs under the five headings of California, which has no others."""
FIVE_HEADINGS = frozenset({LetterStyle.CALIFORNIA, LetterStyle.STATE})

ONLY_WHERE: Mapping[Part, Callable[[Notice], bool]] = MappingProxyType(
    {
        Part.PROTECTION: lambda notice: notice.watch is not None,
        Part.CREDENTIALS: lambda notice: notice.secrets,
        Part.BUREAUS: lambda notice: notice.identity_numbers,
        Part.BIOMETRIC: lambda notice: notice.features,
    }
)
"""Parts that not every breach calls for."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and what stands below it."""

    heading: str
    """Its id."""
    parts: tuple[Part, ...]


def sections(policies: Sequence[BreachPolicy], notice: Notice) -> tuple[Section, ...]:
    """
    Return the sections of a notice under *policies*, of which there is at least one.

    The first law says the order. What another wants besides stands below the heading where it belongs, last;
    so the order that the first one prescribes is never broken.
    """
    wanted = [part for part in _wanted(policies) if _is_called_for(part, notice)]
    first = [said.element for said in policies[0].letter]
    own = [part for part in wanted if part in first]
    heading_of = partial(_heading, policies[0].form)
    runs = [(heading, [*parts]) for heading, parts in groupby(own, heading_of)]
    for part in (part for part in wanted if part not in first):
        _below(heading_of(part), runs).append(part)
    return tuple(Section(heading, tuple(parts)) for heading, parts in runs)


def provisions(policies: Iterable[BreachPolicy]) -> Mapping[str, str]:
    """Return for each part where it is demanded."""
    found: dict[str, dict[str, None]] = {}
    for policy in policies:
        for said in policy.letter:
            found.setdefault(said.element, {})[said.provision] = None
    return {part: "; ".join(where) for part, where in found.items()}


def _wanted(policies: Iterable[BreachPolicy]) -> Iterable[Part]:
    return dict.fromkeys(said.element for policy in policies for said in policy.letter)


def _heading(style: LetterStyle, part: Part) -> str:
    return IN_FIVE.get(UNDER[part], UNDER[part]) if style in FIVE_HEADINGS else UNDER[part]


def _is_called_for(part: Part, notice: Notice) -> bool:
    return part not in ONLY_WHERE or ONLY_WHERE[part](notice)


def _below(heading: str, runs: list[tuple[str, list[Part]]]) -> list[Part]:
    """Return the parts below *heading*; a heading that is not there yet comes last."""
    for one, parts in runs:
        if one == heading:
            return parts
    runs.append((heading, []))
    return runs[-1][1]
