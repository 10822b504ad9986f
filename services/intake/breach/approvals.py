"""
Approvals of notices: who may approve, what delays notices, and which clocks stop when they are out. Pure.

Law:
    Cal. Civ. Code § 1798.82(c) and similar laws: notices may wait while they would hinder an investigation.
"""

from collections.abc import Iterator
from datetime import datetime

from services.intake.breach.domain import Incident
from services.intake.breach.duties import CONTROLLER, CUSTOMERS, NotificationDue
from services.intake.breach.phases import Phase, PhaseStatus
from shared.contract.events import Code, RequestId
from shared.contract.events.breaches import NoticesReleased


def approval_refusal(incident: Incident, number: int, by: Code, shown: Code | None = None) -> str | None:
    """Return why *by*, who saw the declaration *shown*, may not approve phase *number*; None if they may."""
    against = _not_there(incident, number)
    if against is not None:
        return against
    if incident.aborted:
        return "the notices of the incident were stopped for good: use another reference for the others"
    phase, newest = incident.phases[number - 1], approvable_phase(incident)
    if number < newest.number:
        return f"phase {newest.number} is newer: approve it, it covers the notices of phase {number}"
    if phase.status is PhaseStatus.REGISTERED:
        return f"phase {number} has no scope yet"
    if not any(one.awaits_approval for one in incident.phases[:number]):
        if phase.approved_by:
            return f"phase {number} is approved already"
        return f"phase {number} has no notices to approve: it affects no people"
    if shown not in {None, phase.declaration}:
        return f"phase {number} differs from the declaration that was shown: read it again"
    return _already_involved(phase, by)


def _not_there(incident: Incident, number: int) -> str | None:
    if not 1 <= number <= len(incident.phases):
        return f"there is no phase {number}; the newest is {incident.newest.number}"
    if incident.phases[number - 1].status is PhaseStatus.WITHDRAWN:
        return f"phase {number} was withdrawn"
    return None


def withdrawal_refusal(incident: Incident, number: int) -> str | None:
    """
    Return why phase *number* cannot be withdrawn; None if it can.

    A newer phase does not notify the people of an older one: withdrawing the older alone would leave them
    out.
    """
    against = _not_there(incident, number)
    if against is not None:
        return against
    phase, newest = incident.phases[number - 1], incident.newest
    if any(one.out and phase.declaration in {one.declaration, one.words} for one in incident.phases):
        return f"notices in the words of phase {number} are out: `habeas breach abort` stops the rest"
    if number < newest.number:
        return f"phase {newest.number} is newer, and builds on it: withdraw that one first"
    return None


def approvable_phase(incident: Incident) -> Phase:
    """Return the newest phase with a known scope: one without a scope, perhaps for ever, delays no other."""
    known = [phase for phase in incident.standing if phase.status is not PhaseStatus.REGISTERED]
    return known[-1] if known else incident.newest


def _already_involved(phase: Phase, by: Code) -> str | None:
    if by == phase.by:
        return f"phase {phase.number} was declared by the same person: another account has to approve"
    if by in phase.approved_by and not phase.seconded:
        return (
            f"phase {phase.number} has this approval, and its declarer is not named: a second has to approve"
        )
    return None


def releasable_notices(case: RequestId, incident: Incident, now: datetime) -> list[NoticesReleased]:
    """Return the notices that may be sent at *now*: two people approved them, and no hold delays them."""
    if incident.held(now):
        return []
    out = [phase for phase in incident.phases if phase.status is PhaseStatus.APPROVED and phase.seconded]
    return [
        NoticesReleased(
            request_id=case,
            phase=phase.number,
            declaration=phase.words,
            chunks=phase.chunks,
            held_by_police=phase.delayed,
            at=now,
            along=tuple(other.number for other in out if other is not phase),
            further=incident.has_earlier_notices(phase),
        )
        for phase in out
    ]


def notified_duties(incident: Incident) -> Iterator[NotificationDue]:
    """Yield the running clocks with their notices out; any letter counts for a customer."""
    for duty in incident.clocks:
        notified = [phase.has_notified(duty) for phase in _phases_of(incident, duty)]
        if incident.running(duty.clock) and (any(notified) if duty.customer else notified and all(notified)):
            yield duty


def _phases_of(incident: Incident, duty: NotificationDue) -> list[Phase]:
    """Return the phases with letters to the people of *duty*; only its own phase for a supplement to all."""
    if duty.recipient != CUSTOMERS:
        return [phase for phase in incident.standing if phase.concerns(duty)]
    theirs = {one.customer for one in incident.clocks if one.recipient == CONTROLLER and one.owed}
    phases = [one for one in incident.standing if one.number == duty.supplement]
    return [one for one in phases if theirs <= (one.written_to or set())]
