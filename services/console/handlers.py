"""
Events in, rows out: the console notes every fact that reports something, and decides nothing.

Decisions are noted as they were signed; one that a service refused is left out once that is known.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from services.console.domain import UNOBSERVED
from shared.contract.catalogue import catalogue
from shared.contract.events import Fact
from shared.errors import PermanentError
from shared.runtime.service import Subscription, noted, on


def observed() -> Iterator[type[Fact]]:
    """Yield the facts that the console notes."""
    for kind in catalogue():
        if issubclass(kind, Fact) and kind not in UNOBSERVED:
            yield kind


async def refuse(fact: Fact, _ctx: object) -> NoReturn:
    """Refuse a fact that cannot be noted: its id names no field of a document."""
    raise PermanentError(f"{fact.TYPE} has an id that no service of ours writes")


def _always(_fact: object) -> bool:
    return True


def subscriptions() -> Sequence[Subscription[Any]]:
    """Return a subscription for each fact: observed ones are noted, the others are let through unseen."""
    others = (on(kind, refuse, ignored=_always) for kind in sorted(UNOBSERVED, key=lambda one: one.TYPE))
    return (*(noted(kind, refuse) for kind in observed()), *others)
