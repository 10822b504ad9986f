"""
Who may let notices go out, what keeps them back, and whose clocks stop when they are out. Pure.

Law:
    Cal. Civ. Code § 1798.82(c) and the like: telling people may wait while it would hinder an investigation.
"""

from collections.abc import Iterator
from datetime import datetime

from services.intake.breach.domain import Incident
from services.intake.breach.duties import CONTROLLER, CUSTOMERS, PEOPLE, NotificationDue
from services.intake.breach.phases import Phase, PhaseStatus
from shared.contract.breaches import NoticesReleased
from shared.contract.events import Code, RequestId


def approval_refusal(incident: Incident, number: int, by: Code, shown: Code | None = None) -> str | None:
    """
    Return why *by* may not approve of the notices of phase *number*; None where they may.

    Args:
        incident: What is known of it.
        number: Of the phase.
        by: Who approves.
        shown: The declaration that they have looked at; None where nobody says it.
    """
    against = _not_there(incident, number)
    if against is not None:
        return against
    if incident.aborted:
        return "the notices of the incident were stopped for good: tell the others under another reference"
    phase, newest = incident.phases[number - 1], approvable_phase(incident)
    if number < newest.number:
        return f"phase {newest.number} is newer: approve that one, it covers what waits of phase {number}"
    if phase.status is PhaseStatus.REGISTERED:
        return f"who is affected by phase {number} is not known yet: nobody has scoped it"
    if not any(one.awaits_approval for one in incident.phases[:number]):
        return _nothing_to_approve(phase)
    if shown not in {None, phase.declaration}:
        return f"phase {number} declares something else than what was shown: look at it again"
    return _not_by_them(phase, by)


def _not_there(incident: Incident, number: int) -> str | None:
    if not 1 <= number <= len(incident.phases):
        return f"there is no phase {number}; the newest is {incident.newest.number}"
    if incident.phases[number - 1].status is PhaseStatus.WITHDRAWN:
        return f"phase {number} was withdrawn"
    return None


def withdrawal_refusal(incident: Incident, number: int) -> str | None:
    """
    Return why phase *number* cannot be taken back; None where it can.

    Whom an older phase told is not told in a newer one: taken back alone, it would leave them out.
    """
    against = _not_there(incident, number)
    if against is not None:
        return against
    phase, newest = incident.phases[number - 1], incident.newest
    if any(one.out and phase.declaration in {one.declaration, one.words} for one in incident.phases):
        return f"notices in the words of phase {number} are out: `habeas breach abort` stops what is not sent"
    if number < newest.number:
        return f"phase {newest.number} is newer, and builds on it: withdraw that one first"
    return None


def approvable_phase(incident: Incident) -> Phase:
    """
    Return the phase that may be approved: the newest of which it is known who is affected.

    One of which nobody knows it yet, and perhaps never will, holds up nobody's notices.
    """
    known = [phase for phase in incident.standing if phase.status is not PhaseStatus.REGISTERED]
    return known[-1] if known else incident.newest


def _nothing_to_approve(phase: Phase) -> str:
    if phase.approved_by:
        return f"phase {phase.number} is approved already"
    return f"nobody is to be written to because of phase {phase.number}: nothing is to be approved"


def _not_by_them(phase: Phase, by: Code) -> str | None:
    if by == phase.by:
        return f"phase {phase.number} was declared by the same person: somebody else has to approve"
    if by in phase.approved_by and not phase.seconded:
        return (
            f"phase {phase.number} has this approval, and nobody is named who declared it: a second has to "
            "approve"
        )
    return None


def releasable_notices(case: RequestId, incident: Incident, now: datetime) -> list[NoticesReleased]:
    """Return the notices that may go out at *now*: two people stand behind them, and nothing holds them."""
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
            further=incident.tells_more(phase),
        )
        for phase in out
    ]


def notified_duties(incident: Incident) -> Iterator[NotificationDue]:
    """
    Yield the clocks that run about people, or customers, to whom the notices are out.

    A customer is told by any letter: what is more in another phase, a supplement has to tell.
    """
    for duty in incident.clocks:
        notified = [phase.has_notified(duty) for phase in _about(incident, duty)]
        if incident.running(duty.clock) and (any(notified) if duty.customer else notified and all(notified)):
            yield duty


def _about(incident: Incident, duty: NotificationDue) -> list[Phase]:
    """Return the phases whose letters tell whom *duty* is about: of a supplement, its own if it tells all."""
    if duty.recipient != CUSTOMERS:
        return [phase for phase in incident.standing if phase.concerns(duty)]
    theirs = {one.customer for one in incident.clocks if one.recipient == CONTROLLER and one.owed}
    phases = [one for one in incident.standing if one.number == duty.supplement]
    return [one for one in phases if theirs <= (one.written_to or set())]


def waits_for_hold(duty: NotificationDue, incident: Incident, now: datetime) -> bool:
    """Tell whether an investigation is why *duty* is not done."""
    return duty.recipient == PEOPLE and incident.held(now)
