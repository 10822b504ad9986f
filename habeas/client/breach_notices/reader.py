"""Reader of an incident's facts for authorities, and of its recipients."""

from collections.abc import AsyncIterator, Iterable, Sequence

from habeas.client.incident_register import IncidentCase
from services.intake.breach.approvals import approvable_phase
from services.intake.breach.domain import residents_of
from services.intake.breach.phases import Phase
from services.notifier.breach.notices.forms import IncidentFacts, NoticeCounts
from shared.contract.affected_people import NoticeBatch, batch_item, notified_elsewhere
from shared.contract.events.breaches import BreachDeclared, BreachRole, NoticesReleased
from shared.runtime.vault import Vault


def waiting(case: IncidentCase) -> tuple[Phase, ...]:
    """Return the phases with notices that wait for approval or the end of a hold."""
    phases = () if case.incident.aborted else case.incident.standing
    return tuple(phase for phase in phases if phase.chunks and not phase.out)


def words_of(case: IncidentCase, phase: Phase) -> BreachDeclared:
    """Return the declaration used in notices of *phase*: the approved one, or the approvable one."""
    words = phase.words
    if phase.awaits_approval:
        words = case.incident.words_for(phase, approvable_phase(case.incident).number)
    said = (other.declaration for other in case.incident.phases)
    return dict(zip(said, case.declared, strict=True))[words]


async def batches(
    case: IncidentCase, vault: Vault, phases: Iterable[Phase] | None = None
) -> AsyncIterator[tuple[int, NoticeBatch]]:
    """
    Yield phase and batch of all people notified in *phases*, or in all standing ones; one batch at a time.

    Phases with forgotten people are left out. Raises Destroyed if the incident has no key any more.
    """
    for phase in case.incident.standing if phases is None else phases:
        for number in range(phase.chunks):
            try:
                sealed = await vault.open(case.id, batch_item(phase.number, number))
            except KeyError:
                break
            along = _going_along(case, phase)
            spared = await notified_elsewhere(vault, case.id, phase.number, number, along)
            batch = NoticeBatch.model_validate_json(sealed)
            people = tuple(person for place, person in enumerate(batch.people) if place not in spared)
            yield phase.number, batch.model_copy(update={"people": people})


def _going_along(case: IncidentCase, phase: Phase) -> Iterable[int]:
    """Return the phases released together with *phase*, or that would be."""
    for _, fact in case.facts:
        if isinstance(fact, NoticesReleased) and fact.phase == phase.number:
            return fact.along
    return [one.number for one in case.incident.standing if one is not phase and not one.out]


def known(case: IncidentCase) -> IncidentFacts:
    """Return the known facts of *case* for an authority; customers report data that is processed for them."""
    incident, declared = case.incident, case.last_as(BreachRole.CONTROLLER)
    same_role = [phase for phase in incident.standing if phase.role is declared.role]
    phases = same_role or list(incident.standing)
    scoped = [phase.scoped for phase in phases if phase.scoped]
    return IncidentFacts(
        incident=case.id,
        phase=incident.newest.number,
        declared=declared.model_copy(update={"detected_at": case.detected_at}),
        aware_at=incident.aware_at,
        people=residents_of(phases) if scoped else None,
        categories=case.categories,
        records=case.records(phases) or declared.records,
        letters=_notified(case, phases),
        held_until=incident.hold.until if incident.hold else None,
        delayed=any(phase.delayed for phase in phases),
        notice_owed=any(group.laws for one in scoped for group in one.groups) or not scoped,
    )


def _notified(case: IncidentCase, phases: Sequence[Phase]) -> NoticeCounts | None:
    """Return since when, and how many people of *phases* are notified; None before the first."""
    numbers = {phase.number for phase in phases}
    released = (at for at, fact in case.facts if isinstance(fact, NoticesReleased) and fact.phase in numbers)
    first_at = next(released, None)
    if first_at is None:
        return None
    through = [phase.notified for phase in phases if phase.notified]
    return NoticeCounts(
        first_at=first_at,
        sent=sum(one.sent for one in through),
        not_reached=sum(one.failed for one in through),
        through=len(through) == sum(phase.chunks > 0 for phase in phases),
    )
