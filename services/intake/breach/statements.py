"""
Statements of an incident: its phases and duties after each change, for readers outside the register. Pure.

They hold codes, moments, places and names of accounts, and no personal data.
"""

from collections.abc import Iterable

from services.intake.breach.domain import Incident
from services.intake.breach.duties import NotificationDue
from services.intake.breach.phases import Phase
from shared.contract.events import RequestId
from shared.contract.events.breaches import IncidentStated, StatedDuty, StatedPhase

MOST_CUSTOMERS = 20
"""Duties to single customers that are stated: a message has a greatest size."""


def stated_incident(case: RequestId, incident: Incident) -> IncidentStated | None:
    """Return the state of *incident*; None before its first phase, and after its purge."""
    if incident.purged or not incident.phases:
        return None
    duties = list(_applying(incident))
    customers = [duty for duty in duties if duty.customer is not None]
    left_out = {duty.clock for duty in customers[MOST_CUSTOMERS:]}
    hold = incident.hold
    return IncidentStated(
        request_id=case,
        aware_at=incident.aware_at,
        phases=tuple(map(_phase, incident.phases)),
        duties=tuple(_duty(duty, incident) for duty in duties if duty.clock not in left_out),
        more=sum(incident.running(clock) is not None for clock in left_out),
        agency=hold and hold.agency,
        held_until=hold and hold.until,
        aborted=incident.aborted,
    )


def stated_duties(incident: Incident) -> tuple[StatedDuty, ...]:
    """Return the duties of *incident* that apply."""
    return tuple(_duty(duty, incident) for duty in _applying(incident))


def _applying(incident: Incident) -> Iterable[NotificationDue]:
    """Yield the duties that run, are done or were withdrawn: of the others no notice is due."""
    for duty in incident.duties:
        if duty.owed or duty.clock in incident.done or incident.withdrawn_with(duty.clock) is not None:
            yield duty


def _phase(phase: Phase) -> StatedPhase:
    return StatedPhase(
        phase=phase.number,
        status=phase.status.value,
        approved_by=phase.approved_by,
        seconded=phase.seconded,
        withdrawn_by=phase.withdrawn_by,
    )


def _duty(duty: NotificationDue, incident: Incident) -> StatedDuty:
    done = incident.done.get(duty.clock)
    return StatedDuty(
        clock=duty.clock,
        policy=duty.policy,
        recipient=duty.recipient,
        place=duty.place,
        due_at=duty.due_at,
        begun=duty.begun,
        owed=duty.owed,
        done_at=done and done.at,
        done_by=done and done.by,
        receipt=done and done.receipt,
        withdrawn=incident.withdrawn_with(duty.clock),
        why=duty.why,
    )
