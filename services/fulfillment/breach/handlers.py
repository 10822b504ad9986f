"""Handlers for breaches: start, stop and delete the search for the people affected."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from services.fulfillment.breach.scope_store import BreachScope, BreachScopes
from shared.contract.events import Fact, RequestPurged
from shared.contract.events.breaches import BreachDeclared, BreachForgotten, BreachRegistered, BreachUnscoped
from shared.contract.ports import VaultPort
from shared.errors import IllegalTransition, PermanentError, StoreUnavailable
from shared.runtime.service import on


class AffectedSearchPort(Protocol):
    """The search for the people affected."""

    async def check(self, declared: BreachDeclared) -> None:
        """Check that the records of *declared* can be searched."""


def evolve(known: None, fact: Fact) -> None:
    """Return nothing, as the scopes hold the state; another fact is an :class:`IllegalTransition`."""
    if not isinstance(fact, BreachRegistered | BreachUnscoped | BreachForgotten):
        raise IllegalTransition(f"{fact.TYPE} registers no breach, and takes none back")
    return known


@dataclass(frozen=True, slots=True)
class ScopeContext:
    """The dependencies of the handlers."""

    vault: VaultPort = field(repr=False)
    finding: AffectedSearchPort = field(repr=False)
    scopes: BreachScopes = field(repr=False)


async def scope(event: BreachRegistered, ctx: ScopeContext) -> Sequence[Fact]:
    """
    Enqueue the search for the people affected; unclear declarations go to the staff.

    An unavailable store stops nothing: the search asks it again, and reports why there is no result yet.

    Raises:
        PermanentError: The declaration does not name the records in a usable way; the incident shows it as
          well.
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
    """Delete the people of a withdrawn phase: a later one has to notify them."""
    await ctx.scopes.give_up(BreachScope(event.request_id, event.phase, declaration=""))
    return []


async def forget_phase(event: BreachForgotten, ctx: ScopeContext) -> Sequence[Fact]:
    """Delete the people of a phase; those found again in a later one are kept as long as that."""
    await ctx.scopes.forget_phase(event.request_id, event.phase)
    return []


async def forget(event: RequestPurged, ctx: ScopeContext) -> Sequence[Fact]:
    """Delete the people of a purged incident; of requests nothing is stored here."""
    await ctx.scopes.forget(event.request_id)
    return []


SUBSCRIPTIONS = (
    on(BreachRegistered, scope),
    on(BreachUnscoped, give_up),
    on(BreachForgotten, forget_phase),
    on(RequestPurged, forget),
)
