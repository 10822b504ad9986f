"""Names of customers in events, and the customers among the people of a batch. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from services.intake.breach.domain import Incident
from shared.contract.affected_people import NoticeRecipient
from shared.contract.events.breaches import AffectedController, BreachDeclared, customer_numbers


def customer_labels(incident: Incident, declared: Sequence[BreachDeclared]) -> Mapping[str, str]:
    """
    Return the name of each customer in events about *incident*, by its id: a number.

    If clocks of an incident already name customers by id, the ids stay: a customer notified then must stay
    the same customer.

    Args:
        incident: The present state of the incident.
        declared: The declarations of all its phases.
    """
    numbers = customer_numbers(declared)
    known = {duty.customer for duty in incident.duties if duty.customer is not None}
    return numbers if known <= set(numbers.values()) else {id_: id_ for id_ in numbers}


def customers_in(people: Iterable[NoticeRecipient], declared: BreachDeclared) -> Iterator[str]:
    """Yield the ids of the *declared* customers among *people*, the people of a batch."""
    for reached in people:
        at = [one for one in declared.affected.controllers if one.email == reached.email]
        yield from (one.id for one in _with_name(at, reached))


def _with_name(at: list[AffectedController], reached: NoticeRecipient) -> list[AffectedController]:
    """
    Return the customers *at* one address with that name; all, if their names do not tell them apart.

    A name longer than an envelope allows is compared by its beginning.
    """
    exactly = [one for one in at if one.name == reached.name]
    begun = [one for one in at if reached.name and one.name.startswith(reached.name)]
    return exactly or begun or at
