"""Whom a breach would concern, for operators: the same engine as the service, and nothing is kept."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from habeas.engine import Engine
from habeas.incidents import groups_by_law
from services.fulfillment.scoping.finding import Finding
from services.fulfillment.scoping.judging import Editions
from services.fulfillment.scoping.trying import Progress, Trial, tried
from shared.incidents import AffectedGroup, BreachDeclared
from shared.law import Company
from shared.policies import breach_policies


async def scoped(engine: Engine, declared: BreachDeclared, company: Company, progress: Progress) -> Trial:
    """
    Return whom *declared* would concern.

    Raises:
        PermanentError: The records are not named in a way that can be followed, or the map does not fit.
        StoreUnavailable: A store did not answer. That is not the same as nobody.
    """
    finding = Finding(engine.data_map, engine.stores)
    return await tried(declared, finding, Editions(breach_policies(), company), progress)


def plain(trial: Trial) -> dict[str, Any]:
    """Return what it came to as plain values: numbers, places and codes."""
    groups = trial.counting.groups()
    return {
        "people": trial.counting.people,
        "unreachable": sum(group.unreachable for group in groups if group.laws),
        "told": sum(group.people for group in groups if group.laws),
        "customers": trial.counting.customers,
        "records": trial.records,
        "unnamed": trial.named.unnamed,
        "categories": list(trial.counting.categories()),
        "laws": _most_first(groups_by_law(groups)),
        "places": _by(groups, "place"),
        "languages": _by(groups, "language"),
        "groups": [group.model_dump(mode="json") for group in groups],
    }


def _by(groups: tuple[AffectedGroup, ...], what: str) -> dict[str, int]:
    people: Counter[str] = Counter()
    for group in groups:
        people[getattr(group, what) or "unknown"] += group.people
    return _most_first(people)


def _most_first(people: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(people.items(), key=lambda one: (-one[1], one[0])))
