"""Handlers of incidents: registration, clocks, approvals, holds, reports, expiry."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from typing import TypeAlias, TypeVar

from services.intake.breach import approvals, clocks
from services.intake.breach.assessment import BreachLaw, customer_labels, customers_in
from services.intake.breach.domain import HOLD, Incident, end_of_hold, evolve
from services.intake.breach.duties import (
    PEOPLE,
    ClocksSet,
    CustomersFound,
    CustomersMissed,
    DutiesDone,
    DutiesWithdrawn,
    NotificationDue,
)
from services.intake.breach.facts import DeclaredIncident, known_facts, phase_letters
from services.intake.breach.statements import stated_duties, stated_incident
from services.intake.cases.deadlines import CaseTimer
from shared.contract.affected_people import UNREACHED, NoticeBatch, NoticeRecipient, batch_item, batches_of
from shared.contract.breach_facts import FACTS, FilingFacts
from shared.contract.events import Code, Fact, RequestPurged
from shared.contract.events.breaches import (
    BreachAlarmed,
    BreachApproved,
    BreachDeclared,
    BreachForgotten,
    BreachHeld,
    BreachHoldEnded,
    BreachLodged,
    BreachNotified,
    BreachOpened,
    BreachRecounted,
    BreachRegistered,
    BreachReported,
    BreachScoped,
    BreachTimeCame,
    BreachUnscoped,
    BreachWithdrawn,
    CampaignAborted,
    FilingsAsked,
    Missed,
    NoticeProofAsked,
    NoticesProven,
    RegisterOpened,
    SamplesAsked,
)
from shared.contract.ports import TimersPort, VaultPort
from shared.contract.staff import WRITTEN
from shared.errors import PermanentError, RefusedDecision, TooEarly
from shared.runtime.log import logger
from shared.runtime.service import on

BEHIND = "the timer is ahead of this clock"


@dataclass(frozen=True, slots=True)
class IncidentContext:
    """The ports and the state that a handler of incidents uses."""

    case_id: str
    incident: Incident
    now: datetime
    vault: VaultPort = field(repr=False)
    timers: TimersPort = field(repr=False)
    law: BreachLaw = field(repr=False)
    retention: clocks.IncidentRetention

    async def declared(self, item: Code) -> BreachDeclared:
        """Return the declaration sealed as *item*."""
        return BreachDeclared.model_validate_json(await self.vault.open(self.case_id, item))

    async def people(self, phase: int, batch: int) -> Sequence[NoticeRecipient]:
        """Return the people of a batch; KeyError if they are forgotten."""
        sealed = await self.vault.open(self.case_id, batch_item(phase, batch))
        return NoticeBatch.model_validate_json(sealed).people

    async def set_timers(self, waits: Sequence[CaseTimer]) -> None:
        """Set timers for *waits*."""
        # All at once, for a single write.
        await asyncio.gather(*(self.timers.set(self.case_id, wait.name, wait.at) for wait in waits))


async def register(event: BreachLodged, ctx: IncidentContext) -> Sequence[Fact]:
    """Register an incident, or its next phase, and start the clocks; earlier notifications stand."""
    declared = await ctx.declared(event.declaration)
    said = declared.model_copy(update={"by": None})
    for phase in ctx.incident.standing:
        if said == (await ctx.declared(phase.declaration)).model_copy(update={"by": None}):
            return []
    registered = BreachRegistered(
        request_id=ctx.case_id,
        phase=len(ctx.incident.phases) + 1,
        declaration=event.declaration,
        role=declared.role,
        aware_at=min(declared.aware_at, ctx.now),  # a future time comes from a wrong clock
        by=declared.by,
        drill=bool(declared.drill),
    )
    await ctx.set_timers(ctx.retention.waits(registered.phase, ctx.now))
    after = evolve(ctx.incident, registered)
    fact = registered.model_copy(update={"judged_at": after.judged_at})
    return [fact, *await _set_clocks(after, ctx)]


async def correct_clocks(event: BreachScoped, ctx: IncidentContext) -> Sequence[Fact]:
    """Recalculate duties and last days, now that the residences are known."""
    after = evolve(ctx.incident, event)
    found = await _find_customers(event, after, ctx)
    return [*found, *await _set_clocks(reduce(evolve, found, after), ctx)]


async def _find_customers(event: BreachScoped, after: Incident, ctx: IncidentContext) -> Sequence[Fact]:
    """Return the customers that a phase notifies: a letter stops its customer's clock (GDPR Art. 33(2))."""
    phase = after.phases[event.phase - 1]
    if not phase.customers or phase not in after.standing:
        return []
    declared = [await ctx.declared(one.declaration) for one in after.phases]
    names, written = customer_labels(after, declared), set[str]()
    for number in range(event.chunks):
        try:
            people = await ctx.people(event.phase, number)
        except KeyError:  # its people are forgotten by now
            return []
        written.update(names[id_] for id_ in customers_in(people, declared[event.phase - 1]))
    return [CustomersFound(request_id=ctx.case_id, phase=event.phase, customers=tuple(sorted(written)))]


async def _find_missed(
    event: BreachNotified | BreachRecounted, after: Incident, ctx: IncidentContext
) -> Sequence[Fact]:
    """Return the customers without a letter of a phase, unless on record already (GDPR Art. 33(2))."""
    phase = after.phases[event.phase - 1]
    if not phase.customers or event.missed is None:
        return []
    missed = await _customers_of(phase.number, event.missed, after, ctx)
    if phase.missed is not None and missed <= phase.missed:
        return []
    return [CustomersMissed(request_id=ctx.case_id, phase=phase.number, customers=tuple(sorted(missed)))]


async def _customers_of(
    phase: int, letters: Sequence[Missed], incident: Incident, ctx: IncidentContext
) -> set[str]:
    """Return the customers of *letters* of a phase, by their names in clocks; all, if that is forgotten."""
    declared = [await ctx.declared(one.declaration) for one in incident.phases]
    names, found = customer_labels(incident, declared), set[str]()
    for some in letters:
        try:
            people = await ctx.people(phase, some.chunk)
        except KeyError:
            return set(names.values())
        theirs = customers_in([people[number] for number in some.numbers], declared[phase - 1])
        found.update(names[id_] for id_ in theirs)
    return found


async def _set_clocks(incident: Incident, ctx: IncidentContext) -> Sequence[Fact]:
    """Return the changed clocks of *incident*, and set timers for their moments."""
    duties: tuple[NotificationDue, ...] = ()
    if incident.standing:
        declared = [await ctx.declared(phase.declaration) for phase in incident.phases]
        duties = clocks.clocks_of(incident, declared, ctx.law, ctx.now)
    await ctx.set_timers([wait for duty in duties for wait in clocks.timers_of(duty, ctx.now)])
    return [ClocksSet(request_id=ctx.case_id, clocks=duties)] if duties != incident.clocks else []


async def approve(event: BreachApproved, ctx: IncidentContext) -> Sequence[Fact]:
    """Release the notices of an incident once two people have approved them and no hold delays them."""
    against = approvals.approval_refusal(ctx.incident, event.phase, event.by, event.declaration)
    if against is not None:
        raise PermanentError(against)
    return await _release(evolve(ctx.incident, event), ctx)


async def _release(incident: Incident, ctx: IncidentContext) -> Sequence[Fact]:
    """Release the notices of *incident* that are ready, and start the clocks that run from there."""
    out = approvals.releasable_notices(ctx.case_id, incident, ctx.now)
    return [*out, *await _set_clocks(reduce(evolve, out, incident), ctx)] if out else []


async def withdraw(event: BreachWithdrawn, ctx: IncidentContext) -> Sequence[Fact]:
    """Withdraw a phase: its notices are not sent, and the other phases alone determine the clocks."""
    against = approvals.withdrawal_refusal(ctx.incident, event.phase)
    if against is not None:
        raise PermanentError(against)
    after = evolve(ctx.incident, event)
    # Clocks that ran because of this phase alone were stopped before.
    notified = {
        duty.clock: after.stopped.get(duty.clock, ctx.now) for duty in approvals.notified_duties(after)
    }
    unscoped = BreachUnscoped(request_id=ctx.case_id, phase=event.phase)
    found = [unscoped, *await _stop_clocks(after, notified, ctx)]
    return [*found, *_end_duties(event, reduce(evolve, found, after), ctx)]


def _end_duties(event: BreachWithdrawn, after: Incident, ctx: IncidentContext) -> Sequence[Fact]:
    """Return the duties that end *after* a phase was withdrawn: they stay in the register."""
    gone = [
        duty
        for duty in ctx.incident.clocks
        if ctx.incident.running(duty.clock) and not after.running(duty.clock) and duty.clock not in after.done
    ]
    if not gone:
        return []
    return [DutiesWithdrawn(request_id=ctx.case_id, phase=event.phase, duties=tuple(gone))]


async def note_abort(_event: CampaignAborted, _ctx: IncidentContext) -> Sequence[Fact]:
    """Record that notices were stopped for good: none is approved after that."""
    return []


async def hold(event: BreachHeld, ctx: IncidentContext) -> Sequence[Fact]:
    """Delay notices that are not out yet, until a set moment."""
    after = evolve(ctx.incident, event)
    await ctx.timers.set(ctx.case_id, end_of_hold(event), event.until)
    await _remind_after_hold(after, max(event.until, ctx.now), ctx)
    # It may be about a moment already past, and replace a hold that was in force.
    return await _release(after, ctx)


async def end_hold(event: BreachHoldEnded, ctx: IncidentContext) -> Sequence[Fact]:
    """Release the notices that nothing else delays; raise RefusedDecision if they are not held."""
    if not ctx.incident.held(ctx.now):
        raise RefusedDecision("not_held")
    after = evolve(ctx.incident, event)
    await _remind_after_hold(after, ctx.now, ctx)
    return await _release(after, ctx)


async def _remind_after_hold(incident: Incident, until: datetime, ctx: IncidentContext) -> None:
    """Set a check, soon after *until*, of duties that a hold delays beyond their time."""
    over = [
        duty
        for duty in incident.clocks
        if incident.running(duty.clock) and clocks.is_held_over(duty, ctx.now)
    ]
    await ctx.set_timers([clocks.check_after_hold(duty, until) for duty in over])


async def note_report(event: BreachReported, ctx: IncidentContext) -> Sequence[Fact]:
    """
    Stop a clock after a report of the staff; clocks that run from there start now.

    Raises RefusedDecision if the incident has no such clock.
    """
    if event.clock not in {duty.clock for duty in ctx.incident.duties}:
        raise RefusedDecision("no_such_clock")
    return await _set_clocks(evolve(ctx.incident, event), ctx)


async def note_opening(event: BreachOpened, ctx: IncidentContext) -> Sequence[Fact]:
    """Record that an account reads sealed content of the incident, and ask for its documents."""
    if not ctx.incident.phases:
        raise TooEarly("the reading came before its incident")
    if event.proof is None:
        return []
    declared = [await ctx.declared(phase.declaration) for phase in ctx.incident.phases]
    case = DeclaredIncident(ctx.case_id, ctx.incident, (), tuple(declared))
    phases = tuple(phase_letters(ctx.incident))
    facts = FilingFacts(known_facts(case), stated_duties(ctx.incident), phases)
    item = f"{FACTS}{event.proof.at.astimezone(UTC):%Y%m%d%H%M%S}"
    await ctx.vault.seal(ctx.case_id, item, facts.packed())
    asked = FilingsAsked(request_id=ctx.case_id, facts=item)
    return [asked, *_samples(event.language, ctx.incident, ctx.case_id)]


async def note_reading(_event: RegisterOpened | NoticeProofAsked, ctx: IncidentContext) -> Sequence[Fact]:
    """Record that an account reads the entry of the incident in the register, or records of its notices."""
    if not ctx.incident.phases:
        raise TooEarly("the reading came before its incident")
    return []


async def forget_address(event: NoticesProven, ctx: IncidentContext) -> Sequence[Fact]:
    """Remove an address that an account asked about: the records of its notices are found."""
    await ctx.vault.discard(ctx.case_id, [event.address])
    return []


def _samples(language: str | None, incident: Incident, case: str) -> Iterator[Fact]:
    """Yield what asks for samples in *language* of the letters of each phase that stands."""
    scopes = [(phase, phase.scoped) for phase in incident.standing if phase.scoped is not None]
    for phase, scoped in scopes if language is not None else ():
        if laws := dict.fromkeys(group.laws for group in scoped.groups if group.laws):
            yield SamplesAsked(
                request_id=case,
                phase=phase.number,
                declaration=phase.declaration,
                language=language,
                laws=tuple(laws),
                categories=scoped.categories,
            )


async def note_notified(event: BreachNotified, ctx: IncidentContext) -> Sequence[Fact]:
    """Stop the clocks of people with all notices out; clocks that run from there start now."""
    after = evolve(ctx.incident, event)
    missed = await _find_missed(event, after, ctx)
    after = reduce(evolve, missed, after)
    notified = {duty.clock: ctx.now for duty in approvals.notified_duties(after)}
    return [*missed, *await _stop_clocks(after, notified, ctx)] if notified else missed


async def note_recount(event: BreachRecounted, ctx: IncidentContext) -> Sequence[Fact]:
    """Recount the people reached, update the clocks, and raise an alarm for customers not reached."""
    after = evolve(ctx.incident, event)
    missed = await _find_missed(event, after, ctx)
    after = reduce(evolve, missed, after)
    running = [duty for duty in after.clocks if after.running(duty.clock)]
    restarted = [duty for duty in running if not ctx.incident.running(duty.clock)]
    alarms = [_alarm(duty, ctx, missed=_is_over(duty, ctx.now)) for duty in restarted]
    return [*missed, *alarms, *await _set_clocks(after, ctx)]


def _is_over(duty: NotificationDue, now: datetime) -> bool:
    return duty.due_at is not None and now >= duty.due_at


async def _stop_clocks(
    incident: Incident, notified: Mapping[str, datetime], ctx: IncidentContext
) -> Sequence[Fact]:
    """Stop the clocks of people *notified* by letters, and start the clocks that run from there."""
    done = [
        DutiesDone(
            request_id=ctx.case_id, clocks=tuple(clock for clock in notified if notified[clock] == at), at=at
        )
        for at in sorted(set(notified.values()))
    ]
    return [*done, *await _set_clocks(reduce(evolve, done, incident), ctx)]


async def handle_timer(event: BreachTimeCame, ctx: IncidentContext) -> Sequence[Fact]:
    """Handle a timer: end a hold, forget data, or warn; wait if it overtook the incident or this clock."""
    if not ctx.incident.phases:
        raise TooEarly("the timer came before its incident")
    after, kind = evolve(ctx.incident, event), clocks.kind_of(event.name)
    if kind == HOLD:
        if ctx.incident.held(ctx.now) and not after.held(ctx.now):
            raise TooEarly(BEHIND)
        return await _release(after, ctx)
    if kind in clocks.KEPT:
        return await _forget(event, ctx)
    duty = clocks.duty_named(event.name, ctx.incident)
    return [] if duty is None else await _warn(duty, kind, ctx)


async def _forget(event: BreachTimeCame, ctx: IncidentContext) -> Sequence[Fact]:
    """Forget the people notified, or the whole incident if no later phase has renewed it."""
    later = ctx.retention.later(event.name, ctx.now)
    if later is not None:
        if later.name == event.name:
            raise TooEarly(BEHIND)
        await ctx.set_timers([later])
        return []
    phase = clocks.phase_of(event.name)
    if clocks.kind_of(event.name) == clocks.PEOPLE_KEPT:
        await ctx.vault.discard_all(ctx.case_id, [batches_of(phase), UNREACHED, WRITTEN])
        return [BreachForgotten(request_id=ctx.case_id, phase=phase)]
    if phase < len(ctx.incident.phases):
        return []
    await ctx.vault.destroy(ctx.case_id)
    return [RequestPurged(request_id=ctx.case_id)]


async def _warn(duty: NotificationDue, kind: str, ctx: IncidentContext) -> Sequence[Fact]:
    """Raise an alarm for a missing notification; later, if an investigation delays it."""
    hold = ctx.incident.hold
    if hold is not None and duty.recipient == PEOPLE and ctx.incident.held(ctx.now):
        await ctx.set_timers([clocks.check_after_hold(duty, hold.until)])
        return []
    missed = _is_over(duty, ctx.now)
    if kind == clocks.END and not missed:
        raise TooEarly(BEHIND)
    return [_alarm(duty, ctx, missed=missed)]


def _alarm(duty: NotificationDue, ctx: IncidentContext, *, missed: bool) -> BreachAlarmed:
    due = "without undue delay" if duty.due_at is None else f"due at {duty.due_at:%Y-%m-%d %H:%M} UTC"
    write = logger().error if missed else logger().warning
    what = "breach deadline missed" if missed else "breach deadline approaching"
    drill = ctx.incident.drill
    write(what, request_id=ctx.case_id, reason=f"{'drill, ' if drill else ''}{duty.clock}, {due}")
    due_at = duty.due_at or ctx.now
    return BreachAlarmed(request_id=ctx.case_id, clock=duty.clock, due_at=due_at, missed=missed, drill=drill)


E = TypeVar("E", bound=Fact)
Handler: TypeAlias = Callable[[E, IncidentContext], Awaitable[Sequence[Fact]]]


def stating(handler: "Handler[E]") -> "Handler[E]":
    """Return *handler*, which also states the incident if the event has changed its phases or duties."""

    async def handled(event: E, ctx: IncidentContext) -> Sequence[Fact]:
        facts = await handler(event, ctx)
        before = stated_incident(ctx.case_id, ctx.incident)
        after = stated_incident(ctx.case_id, reduce(evolve, facts, evolve(ctx.incident, event)))
        return facts if after is None or after == before else [*facts, after]

    return handled


SUBSCRIPTIONS = (
    on(BreachLodged, stating(register)),
    on(BreachScoped, stating(correct_clocks)),
    on(BreachApproved, stating(approve)),
    on(BreachWithdrawn, stating(withdraw)),
    on(CampaignAborted, stating(note_abort)),
    on(BreachHeld, stating(hold)),
    on(BreachHoldEnded, stating(end_hold)),
    on(BreachReported, stating(note_report)),
    on(BreachOpened, note_opening),
    on(RegisterOpened, note_reading),
    on(NoticeProofAsked, note_reading),
    on(NoticesProven, forget_address),
    on(BreachNotified, stating(note_notified)),
    on(BreachRecounted, stating(note_recount)),
    on(BreachTimeCame, stating(handle_timer)),
)
