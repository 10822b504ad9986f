"""What the notices of an incident lack, seen from who is to be told."""

from collections.abc import Iterator

from habeas.incidents import Case
from services.notifier.facts import Sender
from services.notifier.notices.lacking import Lack, lacks_for_controllers, lacks_for_people
from shared.incidents import AffectedGroup, BreachRole
from shared.policies import breach_policies


def lacks(case: Case, sender: Sender) -> tuple[str, ...]:
    """Return what the last declaration of *case* lacks of what the laws want told, each once."""
    return tuple(dict.fromkeys(str(lack) for group in _groups(case) for lack in _lacks(case, group, sender)))


def _groups(case: Case) -> Iterator[AffectedGroup]:
    """Yield who is to be told; those of whom nobody wants it are none of them."""
    for phase in case.incident.standing:
        yield from (group for group in phase.scoped.groups if group.laws) if phase.scoped else ()


def _lacks(case: Case, group: AffectedGroup, sender: Sender) -> tuple[Lack, ...]:
    if case.last.role is BreachRole.PROCESSOR:
        return lacks_for_controllers(case.last, group.language)
    laws = tuple(map(breach_policies().named, group.laws))
    return lacks_for_people(case.last, laws, case.incident.categories, group.language, sender)
