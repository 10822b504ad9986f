"""What becomes of an incident when something arrives: it is registered, counted, approved, held, released."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from services.intake.incidents.clocks import (
    END,
    Law,
    Wait,
    after_hold,
    clocks_of,
    duty_named,
    kind_of,
    waits_of,
)
from services.intake.incidents.domain import HOLD, Incident, end_of_hold, evolve
from services.intake.incidents.duties import ClocksSet, Due, DutiesDone
from services.intake.incidents.keeping import KEPT, PEOPLE_KEPT, Retention, phase_of
from services.intake.incidents.notices import objection, released, told_by_letter, waits_for_hold
from shared.affected import chunks_of
from shared.errors import PermanentError, TooEarly
from shared.events import Code, Fact, RequestPurged
from shared.incidents import (
    BreachAlarmed,
    BreachApproved,
    BreachDeclared,
    BreachHeld,
    BreachHoldEnded,
    BreachLodged,
    BreachNotified,
    BreachRegistered,
    BreachReported,
    BreachScoped,
    BreachTimeCame,
)
from shared.log import logger
from shared.service import on

BEHIND = "the moment came to a clock that is behind"


class Vault(Protocol):
    """Where what was declared, and who is affected, lies sealed."""

    async def open(self, case: str, item: str) -> bytes:
        """Return what is kept."""

    async def discard_all(self, case: str, prefixes: Sequence[str], *, but: Sequence[str] = ()) -> None:
        """Remove for good what has a name that begins with one of *prefixes*."""

    async def destroy(self, case: str) -> None:
        """Destroy the key of *case*, and what it sealed."""


class Timers(Protocol):
    """Moments that are waited for."""

    async def set(self, case: str, name: str, at: datetime) -> None:
        """Have the moment *at* told; the first one that is set under *name* counts."""


@dataclass(frozen=True, slots=True)
class Incidents:
    """What a handler may know and use."""

    case_id: str
    incident: Incident
    now: datetime
    vault: Vault = field(repr=False)
    timers: Timers = field(repr=False)
    law: Law = field(repr=False)
    retention: Retention

    async def declared(self, item: Code) -> BreachDeclared:
        """Return what was declared under the name *item*."""
        return BreachDeclared.model_validate_json(await self.vault.open(self.case_id, item))

    async def await_all(self, waits: Sequence[Wait]) -> None:
        """Have each of *waits* told when it has come."""
        for wait in waits:
            await self.timers.set(self.case_id, wait.name, wait.at)


async def register(event: BreachLodged, ctx: Incidents) -> Sequence[Fact]:
    """Register an incident, or its next phase, and start the clocks; what was told before changes nothing."""
    declared = await ctx.declared(event.declaration)
    for phase in ctx.incident.phases:
        if _same(declared, await ctx.declared(phase.declaration)):
            return []
    registered = BreachRegistered(
        request_id=ctx.case_id,
        phase=len(ctx.incident.phases) + 1,
        declaration=event.declaration,
        role=declared.role,
        aware_at=min(declared.aware_at, ctx.now),  # one that lies ahead is a clock that goes wrong
        by=declared.by,
    )
    await ctx.await_all(ctx.retention.waits(registered.phase, ctx.now))
    return [registered, *await _clocks_set(evolve(ctx.incident, registered), ctx)]


def _same(one: BreachDeclared, other: BreachDeclared) -> bool:
    """Tell whether both say the same, whoever says it."""
    return one.model_copy(update={"by": None}) == other.model_copy(update={"by": None})


async def correct_clocks(event: BreachScoped, ctx: Incidents) -> Sequence[Fact]:
    """Count again who is to be told and by when, now that it is known how many people live where."""
    return await _clocks_set(evolve(ctx.incident, event), ctx)


async def _clocks_set(incident: Incident, ctx: Incidents) -> Sequence[Fact]:
    """Return the clocks of *incident* where they are not as they were, and wait for their moments."""
    clocks = clocks_of(incident, await ctx.declared(incident.newest.declaration), ctx.law)
    for duty in clocks:
        await ctx.await_all(waits_of(duty, ctx.now))
    return [ClocksSet(request_id=ctx.case_id, clocks=clocks)] if clocks != incident.clocks else []


async def approve(event: BreachApproved, ctx: Incidents) -> Sequence[Fact]:
    """
    Let the notices of an incident go out, once two people stand behind them and nothing holds them.

    Raises:
        PermanentError: Whoever approves may not, or there is nothing to approve of.
    """
    against = objection(ctx.incident, event.phase, event.by)
    if against is not None:
        raise PermanentError(against)
    return released(ctx.case_id, evolve(ctx.incident, event), ctx.now)


async def hold(event: BreachHeld, ctx: Incidents) -> Sequence[Fact]:
    """Keep notices back that have not gone out, until a moment that is waited for."""
    after = evolve(ctx.incident, event)
    await ctx.timers.set(ctx.case_id, end_of_hold(event), event.until)
    # It may be about a moment that is over by now, in the place of a hold that was in force.
    return released(ctx.case_id, after, ctx.now)


async def end_hold(event: BreachHoldEnded, ctx: Incidents) -> Sequence[Fact]:
    """Let the notices out that nothing else keeps back."""
    return released(ctx.case_id, evolve(ctx.incident, event), ctx.now)


async def note_report(event: BreachReported, ctx: Incidents) -> Sequence[Fact]:
    """Stop a clock: the staff has told whom it is about. What runs from there is counted now."""
    return await _clocks_set(evolve(ctx.incident, event), ctx)


async def note_notified(event: BreachNotified, ctx: Incidents) -> Sequence[Fact]:
    """Stop the clocks of those to whom all notices are out; what runs from there is counted now."""
    after = evolve(ctx.incident, event)
    told = tuple(duty.clock for duty in told_by_letter(after))
    if not told:
        return []
    done = DutiesDone(request_id=ctx.case_id, clocks=told, at=ctx.now)
    return [done, *await _clocks_set(evolve(after, done), ctx)]


async def heed_time(event: BreachTimeCame, ctx: Incidents) -> Sequence[Fact]:
    """
    Do what a moment was waited for: end a hold, forget, warn.

    Raises:
        TooEarly: The moment overtook the incident, or the clock here is behind.
    """
    if not ctx.incident.phases:
        raise TooEarly("the moment came before its incident")
    after, kind = evolve(ctx.incident, event), kind_of(event.name)
    if kind == HOLD:
        if ctx.incident.held(ctx.now) and not after.held(ctx.now):
            raise TooEarly(BEHIND)
        return released(ctx.case_id, after, ctx.now)
    if kind in KEPT:
        return await _forgotten(event, ctx)
    duty = duty_named(event.name, ctx.incident)
    return [] if duty is None else await _warned(duty, kind, ctx)


async def _forgotten(event: BreachTimeCame, ctx: Incidents) -> Sequence[Fact]:
    """Forget who was told, or all of an incident that no later phase has taken up."""
    later = ctx.retention.later(event.name, ctx.now)
    if later is not None:
        if later.name == event.name:
            raise TooEarly(BEHIND)
        await ctx.await_all([later])
        return []
    phase = phase_of(event.name)
    if kind_of(event.name) == PEOPLE_KEPT:
        await ctx.vault.discard_all(ctx.case_id, [chunks_of(phase)])
        return []
    if phase < ctx.incident.newest.number:
        return []
    await ctx.vault.destroy(ctx.case_id)
    return [RequestPurged(request_id=ctx.case_id)]


async def _warned(duty: Due, kind: str, ctx: Incidents) -> Sequence[Fact]:
    """Tell, loudly, that somebody is not told of a breach; whom an investigation holds up, later."""
    if ctx.incident.hold is not None and waits_for_hold(duty, ctx.incident, ctx.now):
        await ctx.await_all([after_hold(duty, ctx.incident.hold.until)])
        return []
    missed = duty.due_at is not None and ctx.now >= duty.due_at
    if kind == END and not missed:
        raise TooEarly(BEHIND)
    return [_alarm(duty, ctx, missed=missed)]


def _alarm(duty: Due, ctx: Incidents, *, missed: bool) -> BreachAlarmed:
    due = "without undue delay" if duty.due_at is None else f"due at {duty.due_at:%Y-%m-%d %H:%M} UTC"
    write = logger().error if missed else logger().warning
    what = "breach deadline missed" if missed else "breach deadline approaching"
    write(what, request_id=ctx.case_id, reason=f"{duty.clock}, {due}")
    due_at = duty.due_at or ctx.now
    return BreachAlarmed(request_id=ctx.case_id, clock=duty.clock, due_at=due_at, missed=missed)


SUBSCRIPTIONS = (
    on(BreachLodged, register),
    on(BreachScoped, correct_clocks),
    on(BreachApproved, approve),
    on(BreachHeld, hold),
    on(BreachHoldEnded, end_hold),
    on(BreachReported, note_report),
    on(BreachNotified, note_notified),
    on(BreachTimeCame, heed_time),
)
