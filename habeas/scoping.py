"""Whom a breach would concern, for operators: the same engine as the service, and nothing is kept."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from habeas.engine import Engine
from habeas.incidents import groups_by_law
from habeas.notices.samples import Letters
from services.fulfillment.scoping.filters import conditions
from services.fulfillment.scoping.finding import Finding
from services.fulfillment.scoping.judging import Editions
from services.fulfillment.scoping.trying import Progress, Trial, tried
from shared.errors import InvalidDataMap, StoreUnavailable
from shared.incidents import AffectedGroup, BreachDeclared
from shared.law import Company
from shared.policies import breach_policies


@dataclass(frozen=True, slots=True)
class Found:
    """Whom a breach would concern, and which letters would be sent."""

    trial: Trial
    letters: Letters
    collections: tuple[str, ...]
    """Those of the map that were declared."""


async def check(engine: Engine, declared: BreachDeclared) -> None:
    """
    See that the records that *declared* names can be looked for.

    What only the service can find out holds up no declaration: a store that does not answer here, or a
    collection that is not there yet.

    Raises:
        PermanentError: They are not named in a way that can be followed.
    """
    with suppress(StoreUnavailable, InvalidDataMap):
        await Finding(engine.data_map, engine.stores).check(declared)


async def scoped(engine: Engine, declared: BreachDeclared, company: Company, progress: Progress) -> Found:
    """
    Return whom *declared* would concern.

    Raises:
        PermanentError: The records are not named in a way that can be followed, or the map does not fit.
        StoreUnavailable: A store did not answer. That is not the same as nobody.
    """
    finding = Finding(engine.data_map, engine.stores)
    letters = Letters(declared)
    law = Editions(breach_policies(), company)
    named = tuple(conditions(engine.data_map, declared.affected.collections))
    return Found(await tried(declared, finding, law, progress, letters.add), letters, named)


def plain(found: Found) -> dict[str, Any]:
    """
    Return what it came to as plain values: numbers, places and codes.

    Everybody is in one of ``by_letter``, ``unreachable``, ``unsafe`` and ``untold``; those are ``people``.
    """
    trial, letters = found.trial, found.letters
    groups = trial.counting.groups()
    told = sum(group.people for group in groups if group.laws)
    unreachable = sum(group.unreachable for group in groups if group.laws)
    return {
        "people": trial.counting.people,
        "unreachable": unreachable,
        "unsafe": letters.unsafe,
        "by_letter": told - unreachable - letters.unsafe,
        "untold": trial.counting.people - told,
        "told": told,
        "letters": letters.counted.total(),
        "customers": trial.counting.customers,
        "records": trial.records,
        "collections": {key: trial.by_collection[key] for key in found.collections},
        "unnamed": trial.named.unnamed,
        "crowded": trial.counting.crowded,
        "categories": list(trial.counting.categories()),
        "laws": _most_first(groups_by_law(groups)),
        "places": _by_place(groups),
        "languages": _letters_by_language(letters),
        "groups": [group.model_dump(mode="json") for group in groups],
    }


def _by_place(groups: tuple[AffectedGroup, ...]) -> dict[str, int]:
    people: Counter[str] = Counter()
    for group in groups:
        people[group.place or "unknown"] += group.people
    return _most_first(people)


def _letters_by_language(letters: Letters) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for wanted, number in letters.counted.items():
        counted[wanted.language] += number
    return _most_first(counted)


def _most_first(people: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(people.items(), key=lambda one: (-one[1], one[0])))
