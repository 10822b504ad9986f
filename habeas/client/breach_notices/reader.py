"""Reader of an incident's facts for authorities, and of its recipients."""

from collections.abc import AsyncIterator, Iterable

from habeas.client.incident_register import IncidentCase
from services.intake.breach.approvals import approvable_phase
from services.intake.breach.phases import Phase
from shared.contract.affected_people import NoticeBatch, batch_item, notified_elsewhere
from shared.contract.events.breaches import BreachDeclared, NoticesReleased
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
