"""Facts that the notices of an incident lack."""

from collections.abc import Iterator

from habeas.client.incident_register import IncidentCase
from services.notifier.breach.notices.missing_facts import (
    NO_CUSTOMER,
    Omission,
    missing_for_controllers,
    missing_for_people,
)
from services.notifier.letters.letter_models import Sender
from shared.contract.events.breaches import AffectedGroup, BreachRole
from shared.law.library import breach_policies


def lacks(case: IncidentCase, sender: Sender) -> tuple[str, ...]:
    """Return the facts that laws demand and the last declaration of *case* lacks, each once."""
    found = (*_of_people(case, sender), *_of_customers(case))
    return tuple(dict.fromkeys(map(str, found)))


def _groups(case: IncidentCase) -> Iterator[AffectedGroup]:
    """Yield the groups of people to be notified."""
    for phase in case.incident.standing:
        yield from (group for group in phase.scoped.groups if group.laws) if phase.scoped else ()


def _of_people(case: IncidentCase, sender: Sender) -> Iterator[Omission]:
    declared = case.last_as(BreachRole.CONTROLLER)
    for group in _groups(case):
        laws = tuple(map(breach_policies().named, group.laws))
        yield from missing_for_people(declared, laws, case.incident.categories, group.language, sender)


def _of_customers(case: IncidentCase) -> Iterator[Omission]:
    """Yield the facts that customers' notices lack, in their languages."""
    declared = case.last_as(BreachRole.PROCESSOR)
    if declared.role is BreachRole.PROCESSOR:
        customers = [one for said in case.standing for one in said.affected.controllers]
        if not customers:
            yield NO_CUSTOMER
        for language in dict.fromkeys(one.locale for one in customers):
            yield from missing_for_controllers(declared, language)
