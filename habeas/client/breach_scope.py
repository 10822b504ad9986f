"""The scope of a breach for operators: the service's engine, without storage."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from habeas.client.breach_notices.samples import LetterCounter
from habeas.client.engine import OperatorEngine
from services.fulfillment.breach.dry_run import DryRunResult, Progress, run_dry
from services.fulfillment.breach.filters import conditions
from services.fulfillment.breach.obligations import PolicyEditions
from services.fulfillment.breach.search import AffectedSearch
from shared.contract.breach_facts import groups_by_law
from shared.contract.events.breaches import BreachDeclared
from shared.errors import InvalidDataMap, StoreUnavailable


@dataclass(frozen=True, slots=True)
class ScopeResult:
    """The affected people of a breach, and the letters."""

    trial: DryRunResult
    letters: LetterCounter
    collections: tuple[str, ...]
    """The declared ones of the map."""


async def check(engine: OperatorEngine, declared: BreachDeclared) -> None:
    """
    Check that the records of *declared* can be searched.

    An unreachable store or a missing collection is no error here: the service checks them. Raises
    PermanentError if they cannot be searched as named.
    """
    with suppress(StoreUnavailable, InvalidDataMap):
        await AffectedSearch(engine.data_map, engine.stores).check(declared)


async def scoped(
    engine: OperatorEngine, declared: BreachDeclared, law: PolicyEditions, progress: Progress
) -> ScopeResult:
    """
    Return the scope of *declared*.

    Raises:
        PermanentError: The records cannot be searched as named, or the map does not fit.
        StoreUnavailable: A store did not answer.
    """
    finding = AffectedSearch(engine.data_map, engine.stores)
    letters = LetterCounter(declared)
    named = tuple(conditions(engine.data_map, declared.affected.collections))
    return ScopeResult(await run_dry(declared, finding, law, progress, letters.add), letters, named)


def plain(found: ScopeResult) -> dict[str, Any]:
    """
    Return the result as plain values: numbers, places and codes.

    Each person is in one of ``by_letter``, ``unreachable``, ``unsafe`` and ``untold``; those are ``people``.
    """
    trial, letters = found.trial, found.letters
    groups = trial.counting.groups()
    notified = sum(group.people for group in groups if group.laws)
    unreachable = sum(group.unreachable for group in groups if group.laws)
    people_by_place, letters_by_language = Counter[str](), Counter[str]()
    for group in groups:
        people_by_place[group.place or "unknown"] += group.people
    for wanted, number in letters.counted.items():
        letters_by_language[wanted.language] += number
    return {
        "people": trial.counting.people,
        "unreachable": unreachable,
        "unsafe": letters.unsafe,
        "by_letter": notified - unreachable - letters.unsafe,
        "untold": trial.counting.people - notified,
        "told": notified,
        "letters": letters.counted.total(),
        "customers": trial.counting.customers,
        "records": trial.records,
        "collections": {key: trial.by_collection[key] for key in found.collections},
        "unnamed": trial.named.unnamed,
        "crowded": trial.counting.crowded,
        "categories": list(trial.counting.categories()),
        "laws": _most_first(groups_by_law(groups)),
        "places": _most_first(people_by_place),
        "languages": _most_first(letters_by_language),
        "groups": [group.model_dump(mode="json") for group in groups],
    }


def _most_first(people: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(people.items(), key=lambda one: (-one[1], one[0])))
