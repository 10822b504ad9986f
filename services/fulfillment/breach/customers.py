"""
The customers to notify of a breach at their processor: those with records in the breach. Pure.

A customer that is missed is not notified at all. So a record without one of the declared customers has an
unknown customer, and then all of them are notified.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Any, TypeAlias

from services.fulfillment.breach.affected import CONTROLLERS, SAID_BY_HAND, AffectedPerson
from services.fulfillment.datamap.paths import values_at
from services.fulfillment.search.bson_equality import folded, refers
from services.fulfillment.search.mailboxes import address_in
from shared.contract.events.breaches import AffectedController, BreachDeclared, BreachRole
from shared.runtime.mongo import Decimal128, Document

Listed: TypeAlias = Mapping[str, frozenset[str]]
"""Case-folded ids of customers → their exact ids."""


@dataclass(frozen=True, slots=True)
class NamedCustomers:
    """The customers named in records."""

    ids: frozenset[str] = frozenset()
    unnamed: int = 0
    """Records with unknown customer."""

    def __or__(self, other: "NamedCustomers") -> "NamedCustomers":
        """Return the customers of these and *other* records."""
        return NamedCustomers(self.ids | other.ids, self.unnamed + other.unnamed)


def named_in(documents: Iterable[Document], paths: Sequence[str], declared: BreachDeclared) -> NamedCustomers:
    """Return the *declared* customers that *documents* name at *paths*."""
    if declared.role is not BreachRole.PROCESSOR or not paths:
        return NamedCustomers()
    listed = defaultdict[str, frozenset[str]](frozenset)
    for one in declared.affected.controllers:
        listed[folded(one.id)] |= {one.id}
    found = [_ids(document, paths, listed) for document in documents]
    return NamedCustomers(frozenset().union(*found), sum(not ids for ids in found))


def customers(declared: BreachDeclared, named: NamedCustomers, *, all_named: bool) -> list[AffectedPerson]:
    """
    Return the customers to notify: the *named* ones, and all if a record's customer is unknown.

    Args:
        declared: The breach.
        named: The customers named in the breached records.
        all_named: Whether all breached collections have a field for the customer.
    """
    if declared.role is not BreachRole.PROCESSOR:
        return []
    every = declared.affected.controllers
    meant = [one for one in every if one.id in named.ids] if all_named and not named.unnamed else every
    return [_customer(one, declared) for one in meant]


def _ids(document: Document, paths: Sequence[str], listed: Listed) -> frozenset[str]:
    """Return the *listed* customers that the document names; none if it names any other."""
    values = [value for path in paths for value in values_at(document, path) if refers(value)]
    each = [_meant(_written(value), listed) for value in values]
    return frozenset().union(*each) if all(each) else frozenset()


def _meant(text: str, listed: Listed) -> frozenset[str]:
    """Return the *listed* customers written as *text*: exactly, else in any case."""
    alike = listed.get(folded(text), frozenset())
    return alike & {text} or alike


def _written(value: Any) -> str:
    """Return *value* as a declaration writes it: a number and its text are the same."""
    number = value.to_decimal() if isinstance(value, Decimal128) else value
    if isinstance(number, float | Decimal) and isfinite(number) and number % 1 == 0:
        return str(int(number))
    return str(value).strip()


def _customer(controller: AffectedController, declared: BreachDeclared) -> AffectedPerson:
    email = address_in(controller.email) or controller.email
    said = {"email": email, "name": controller.name, "language": controller.locale}
    return AffectedPerson(
        identity=(CONTROLLERS, controller.id),
        said={name: (SAID_BY_HAND, text) for name, text in said.items()},
        categories=frozenset(declared.categories),
        to=CONTROLLERS,
        services=controller.services,
    )
