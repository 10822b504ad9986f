"""The outline of a notice: its parts, headings and order, as the laws say. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType
from typing import TypeAlias

from shared.law.breaches import NoticeElement, RequiredStatement

Part: TypeAlias = NoticeElement

UNDER: Mapping[Part, str] = MappingProxyType(
    {
        Part.INCIDENT: "what-happened",
        Part.PHASE: "what-happened",
        Part.AWARE: "what-happened",
        Part.NATURE: "what-happened",
        Part.OCCURRED: "what-happened",
        Part.DISCOVERED: "what-happened",
        Part.SERVICES: "what-data",
        Part.DATA: "what-data",
        Part.CONTENT_UNKNOWN: "what-data",
        Part.CONSEQUENCES: "what-it-means",
        Part.MEASURES: "what-we-do",
        Part.CONTAINMENT: "what-we-do",
        Part.PROTECTION: "what-we-do",
        Part.ADVICE: "what-you-can-do",
        Part.PASSWORD: "what-you-can-do",
        Part.BIOMETRIC_ADVICE: "what-you-can-do",
        Part.CREDIT_BUREAUS: "what-you-can-do",
        Part.FREEZE: "what-you-can-do",
        Part.POLICE_REPORT: "what-you-can-do",
        Part.AUTHORITIES: "what-you-can-do",
        Part.LATE_BECAUSE: "why-now",
        Part.HELD_BY_POLICE: "more",
        Part.WRITTEN_ON: "more",
        Part.CONTACT: "more",
        Part.SENDER: "more",
        Part.OFFICER: "more",
        Part.RIGHTS: "rights",
        Part.COMPLAINT: "rights",
        Part.NEXT_UPDATE: "next",
    }
)
"""Where each part belongs that stands in letters."""
INSTEAD: Mapping[str, str] = MappingProxyType(
    {"what-it-means": "what-data", "why-now": "what-happened", "rights": "more", "next": "more"}
)
"""The place in a letter with prescribed headings, for an element without such a heading."""


@dataclass(frozen=True, slots=True)
class NoticeSection:
    """A heading, and the parts below it."""

    id: str
    heading: str
    """In English."""
    parts: tuple[Part, ...]


def sections(
    letters: Sequence[Iterable[RequiredStatement]],
    headings: Mapping[str, str],
    is_needed: Callable[[RequiredStatement], bool],
) -> tuple[NoticeSection, ...]:
    """
    Return the sections of a letter.

    The first law sets the order. Elements of others stand below the heading where they belong, last;
    so the order that the first one prescribes is never broken.

    Args:
        letters: The elements that each of the laws demands.
        headings: The heading of each part where no law prescribes it.
        is_needed: Whether this breach calls for it.
    """
    first, others = tuple(letters[0]), (said for letter in letters[1:] for said in letter)
    runs = [
        NoticeSection(_id(heading), heading, tuple(said.element for said in run if is_needed(said)))
        for heading, run in groupby(first, lambda said: said.heading or headings[UNDER[said.element]])
    ]
    own = {UNDER[said.element]: said.heading for said in first if said.heading}
    places = {**headings, **own}
    if own:
        places |= {gone: places[there] for gone, there in INSTEAD.items() if gone not in own}
    present = {said.element for said in first}
    for said in others:
        if said.element not in present and is_needed(said):
            present.add(said.element)
            _add(said.element, places[UNDER[said.element]], runs)
    return tuple(section for section in runs if section.parts)


def provisions(letters: Iterable[Iterable[RequiredStatement]]) -> Mapping[Part, str]:
    """Return for each part where it is demanded."""
    found: dict[Part, dict[str, None]] = {}
    for said in (said for letter in letters for said in letter):
        found.setdefault(said.element, {})[said.provision] = None
    return {part: "; ".join(where) for part, where in found.items()}


def _add(part: Part, heading: str, runs: list[NoticeSection]) -> None:
    """Put *part* last below *heading*; a heading that is not there yet comes last."""
    for place, section in enumerate(runs):
        if section.heading == heading:
            runs[place] = NoticeSection(section.id, heading, (*section.parts, part))
            return
    runs.append(NoticeSection(_id(heading), heading, (part,)))


def _id(heading: str) -> str:
    return "-".join(heading.lower().replace(",", "").split())
