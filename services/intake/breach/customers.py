"""What customers are called in events, and which of them somebody is who is written to. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from services.intake.breach.domain import Incident
from shared.contract.affected_people import NoticeRecipient
from shared.contract.breaches import AffectedController, BreachDeclared, customer_numbers


def customer_labels(incident: Incident, declared: Sequence[BreachDeclared]) -> Mapping[str, str]:
    """
    Return what each customer is called in events about *incident*, by its id: a number.

    In an incident whose clocks are called by ids, as all were before there were numbers, they stay so: a
    customer who was told then must not be taken for another, or for one who is still to be told.

    Args:
        incident: What is known of it.
        declared: The declarations of all its phases.
    """
    numbers = customer_numbers(declared)
    known = {duty.customer for duty in incident.duties if duty.customer is not None}
    return numbers if known <= set(numbers.values()) else {id_: id_ for id_ in numbers}


def customers_in(people: Iterable[NoticeRecipient], declared: BreachDeclared) -> Iterator[str]:
    """Yield the ids of the customers who are *people* of a chunk, of those that were *declared*."""
    for reached in people:
        at = [one for one in declared.affected.controllers if one.email == reached.email]
        yield from (one.id for one in _with_name(at, reached))


def _with_name(at: list[AffectedController], reached: NoticeRecipient) -> list[AffectedController]:
    """
    Return which of those *at* one address is meant; all, where their names tell nobody apart.

    A name that was too long for an envelope is the beginning of theirs.
    """
    exactly = [one for one in at if one.name == reached.name]
    begun = [one for one in at if reached.name and one.name.startswith(reached.name)]
    return exactly or begun or at
