"""What is done when a breach is registered: whom it concerns is looked for, if that can be."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from services.fulfillment.scoping.scopes import Scope
from shared.errors import IllegalTransition, TooEarly
from shared.events import Fact
from shared.incidents import BreachDeclared, BreachRegistered
from shared.service import on


class Vault(Protocol):
    """Where personal data is sealed."""

    async def open(self, case: str, item: str) -> bytes:
        """Return what is kept."""


class Finding(Protocol):
    """Where the affected are looked for."""

    async def check(self, declared: BreachDeclared) -> None:
        """See that the records that *declared* names can be looked for."""


class Scopes(Protocol):
    """What is worked on beside the messages."""

    async def take(self, scope: Scope) -> None:
        """Have *scope* worked on; taking it again changes nothing."""


@dataclass(frozen=True, slots=True)
class Registered:
    """What is known of an incident."""

    phases: int = 0


def evolve(known: Registered, fact: Fact) -> Registered:
    """
    Return *known* after *fact*.

    Raises:
        IllegalTransition: It registers no breach.
    """
    if not isinstance(fact, BreachRegistered):
        raise IllegalTransition(f"{fact.TYPE} registers no breach")
    return replace(known, phases=max(known.phases, fact.phase))


@dataclass(frozen=True, slots=True)
class Context:
    """What the handler may know and use."""

    known: Registered
    vault: Vault = field(repr=False)
    finding: Finding = field(repr=False)
    scopes: Scopes = field(repr=False)


async def scope(event: BreachRegistered, ctx: Context) -> Sequence[Fact]:
    """Have it found out whom the breach concerns; what cannot be followed is for a person to look at."""
    if event.phase > ctx.known.phases + 1:
        raise TooEarly(f"phase {event.phase} of {event.request_id} has overtaken the one before it")
    declared = BreachDeclared.model_validate_json(await ctx.vault.open(event.request_id, event.declaration))
    await ctx.finding.check(declared)
    await ctx.scopes.take(Scope(event.request_id, event.phase, event.declaration))
    return []


SUBSCRIPTIONS = (on(BreachRegistered, scope),)
