"""Whom a breach would concern, for operators: the same engine as the service, and nothing is kept."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from habeas.client.breach_notices.samples import LetterCounter
from habeas.client.engine import OperatorEngine
from habeas.client.incident_register import groups_by_law
from services.fulfillment.breach.dry_run import DryRunResult, Progress, run_dry
from services.fulfillment.breach.filters import conditions
from services.fulfillment.breach.obligations import PolicyEditions
from services.fulfillment.breach.search import AffectedSearch
from shared.contract.breaches import AffectedGroup, BreachDeclared
from shared.errors import InvalidDataMap, StoreUnavailable
from shared.law import CompanyProfile
from shared.law.library import breach_policies


@dataclass(frozen=True, slots=True)
class ScopeResult:
    """Whom a breach would concern, and which letters would be sent."""

    trial: DryRunResult
    letters: LetterCounter
    collections: tuple[str, ...]
    """Those of the map that were declared."""


async def check(engine: OperatorEngine, declared: BreachDeclared) -> None:
    """
    See that the records that *declared* names can be looked for.

    What only the service can find out holds up no declaration: a store that does not answer here, or a
    collection that is not there yet.

    Raises:
        PermanentError: They are not named in a way that can be followed.
    """
    with suppress(StoreUnavailable, InvalidDataMap):
        await AffectedSearch(engine.data_map, engine.stores).check(declared)


async def scoped(
    engine: OperatorEngine, declared: BreachDeclared, company: CompanyProfile, progress: Progress
) -> ScopeResult:
    """
    Return whom *declared* would concern.

    Raises:
        PermanentError: The records are not named in a way that can be followed, or the map does not fit.
        StoreUnavailable: A store did not answer. That is not the same as nobody.
    """
    finding = AffectedSearch(engine.data_map, engine.stores)
    letters = LetterCounter(declared)
    law = PolicyEditions(breach_policies(), company)
    named = tuple(conditions(engine.data_map, declared.affected.collections))
    return ScopeResult(await run_dry(declared, finding, law, progress, letters.add), letters, named)


def plain(found: ScopeResult) -> dict[str, Any]:
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


def _letters_by_language(letters: LetterCounter) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for wanted, number in letters.counted.items():
        counted[wanted.language] += number
    return _most_first(counted)


def _most_first(people: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(people.items(), key=lambda one: (-one[1], one[0])))
