"""
Which customers are told of a breach at their processor: those whose records were found. Pure.

Who is missed here hears nothing. So a record that does not name one of those that are declared makes it
unknown whose it is, and then all of them are told.
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
from shared.contract.breaches import AffectedController, BreachDeclared, BreachRole
from shared.runtime.mongo import Decimal128, Document

Listed: TypeAlias = Mapping[str, frozenset[str]]
"""Ids of customers, by what they are whatever their case."""


@dataclass(frozen=True, slots=True)
class NamedCustomers:
    """Which customers some records name."""

    ids: frozenset[str] = frozenset()
    unnamed: int = 0
    """Records of which nobody can say whose they are."""

    def __or__(self, other: "NamedCustomers") -> "NamedCustomers":
        """Return which customers these and *other* records name."""
        return NamedCustomers(self.ids | other.ids, self.unnamed + other.unnamed)


def named_in(documents: Iterable[Document], paths: Sequence[str], declared: BreachDeclared) -> NamedCustomers:
    """Return which customers *documents* name at *paths*, of those that are *declared*."""
    if declared.role is not BreachRole.PROCESSOR or not paths:
        return NamedCustomers()
    listed = defaultdict[str, frozenset[str]](frozenset)
    for one in declared.affected.controllers:
        listed[folded(one.id)] |= {one.id}
    found = [_ids(document, paths, listed) for document in documents]
    return NamedCustomers(frozenset().union(*found), sum(not ids for ids in found))


def customers(declared: BreachDeclared, named: NamedCustomers, *, all_tell: bool) -> list[AffectedPerson]:
    """
    Return the customers to be told: those that are *named*, and all where nobody can say which.

    Args:
        declared: What happened.
        named: Whom the records that were breached name.
        all_tell: Whether all collections that were breached say whose each record is.
    """
    if declared.role is not BreachRole.PROCESSOR:
        return []
    every = declared.affected.controllers
    meant = [one for one in every if one.id in named.ids] if all_tell and not named.unnamed else every
    return [_customer(one, declared) for one in meant]


def _ids(document: Document, paths: Sequence[str], listed: Listed) -> frozenset[str]:
    """Return which of *listed* the document names; none where it names anybody else."""
    values = [value for path in paths for value in values_at(document, path) if refers(value)]
    each = [_meant(_written(value), listed) for value in values]
    return frozenset().union(*each) if all(each) else frozenset()


def _meant(text: str, listed: Listed) -> frozenset[str]:
    """Return which of *listed* is written *text*: exactly, else whatever its case."""
    alike = listed.get(folded(text), frozenset())
    return alike & {text} or alike


def _written(value: Any) -> str:
    """Return *value* as a declaration writes it: a number is one whatever its type."""
    number = value.to_decimal() if isinstance(value, Decimal128) else value
    if isinstance(number, float | Decimal) and isfinite(number) and number % 1 == 0:
        return str(int(number))
    return str(value).strip()


def _customer(controller: AffectedController, declared: BreachDeclared) -> AffectedPerson:
    email = address_in(controller.email) or controller.email
    said = {"email": email, "name": controller.name, "language": controller.locale}
    return AffectedPerson(
        who=(CONTROLLERS, controller.id),
        said={name: (SAID_BY_HAND, text) for name, text in said.items()},
        categories=frozenset(declared.categories),
        to=CONTROLLERS,
        services=controller.services,
    )
