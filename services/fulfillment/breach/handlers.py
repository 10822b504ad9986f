"""What is done when a breach is registered: whom it concerns is looked for, if that can be."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from services.fulfillment.breach.scope_store import BreachScope
from shared.contract.breaches import BreachDeclared, BreachForgotten, BreachRegistered, BreachUnscoped
from shared.contract.events import Fact, RequestPurged
from shared.contract.ports import VaultPort
from shared.errors import IllegalTransition, PermanentError, StoreUnavailable
from shared.runtime.service import on


class AffectedSearchPort(Protocol):
    """Where the affected are looked for."""

    async def check(self, declared: BreachDeclared) -> None:
        """See that the records that *declared* names can be looked for."""


class BreachScopePort(Protocol):
    """What is worked on beside the messages."""

    async def take(self, scope: BreachScope) -> None:
        """Have *scope* worked on; taking it again changes nothing."""

    async def refuse(self, scope: BreachScope, reason: str) -> None:
        """Say why nobody can work on *scope*."""

    async def give_up(self, scope: BreachScope) -> None:
        """Have *scope* worked on no more, and forget whom it concerned."""

    async def forget_phase(self, incident: str, phase: int) -> None:
        """Forget whom one phase of *incident* concerned."""

    async def forget(self, incident: str) -> None:
        """Forget whom *incident* concerned."""


def evolve(known: None, fact: Fact) -> None:
    """
    Remember nothing of *fact* beside *known*: what is done about it stands in the scopes.

    Raises:
        IllegalTransition: It neither registers a breach nor takes it back or forgets it.
    """
    if not isinstance(fact, BreachRegistered | BreachUnscoped | BreachForgotten):
        raise IllegalTransition(f"{fact.TYPE} registers no breach, and takes none back")
    return known


@dataclass(frozen=True, slots=True)
class ScopeContext:
    """What the handler may know and use."""

    vault: VaultPort = field(repr=False)
    finding: AffectedSearchPort = field(repr=False)
    scopes: BreachScopePort = field(repr=False)


async def scope(event: BreachRegistered, ctx: ScopeContext) -> Sequence[Fact]:
    """
    Have it found out whom the breach concerns; what cannot be followed is for a person to look at.

    A store that does not answer holds nothing up: whoever works on the scope asks it again, and says why
    nobody is found yet.

    Raises:
        PermanentError: The records are not named in a way that can be followed; who looks at the incident is
            told so as well.
    """
    declared = BreachDeclared.model_validate_json(await ctx.vault.open(event.request_id, event.declaration))
    phase = BreachScope(event.request_id, event.phase, event.declaration, judged_at=event.judged_at)
    try:
        with suppress(StoreUnavailable):
            await ctx.finding.check(declared)
    except PermanentError as error:
        await ctx.scopes.refuse(phase, str(error))
        raise
    await ctx.scopes.take(phase)
    return []


async def give_up(event: BreachUnscoped, ctx: ScopeContext) -> Sequence[Fact]:
    """Forget whom a phase concerned that was taken back: a later one has to tell them."""
    await ctx.scopes.give_up(BreachScope(event.request_id, event.phase, declaration=""))
    return []


async def forget_phase(event: BreachForgotten, ctx: ScopeContext) -> Sequence[Fact]:
    """Forget whom a phase concerned; who was found again in a later one is known as long as that."""
    await ctx.scopes.forget_phase(event.request_id, event.phase)
    return []


async def forget(event: RequestPurged, ctx: ScopeContext) -> Sequence[Fact]:
    """Forget whom an incident concerned whose record is purged; of a request nothing is known here."""
    await ctx.scopes.forget(event.request_id)
    return []


SUBSCRIPTIONS = (
    on(BreachRegistered, scope),
    on(BreachUnscoped, give_up),
    on(BreachForgotten, forget_phase),
    on(RequestPurged, forget),
)
