"""Bootstrap of the register of incidents; it runs beside intake, with its own queue."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.intake.breach.assessment import BreachLaw
from services.intake.breach.clocks import IncidentRetention
from services.intake.breach.domain import RECORDS, Incident, evolve
from services.intake.breach.handlers import SUBSCRIPTIONS, IncidentContext
from services.intake.settings import IntakeSettings
from shared.contract.events.breaches import BreachTimeCame
from shared.contract.ports import TimersPort, VaultPort
from shared.law.calendars import calendar_named
from shared.law.library import breach_policies
from shared.runtime.audit_keys import chain_key
from shared.runtime.bootstrap import Running, ServicePlan, ServiceRuntime
from shared.runtime.journal import Journal
from shared.runtime.scheduler import Timers, publish_due_timers
from shared.runtime.service import Moment, Service

NAME = "incidents"


def service(
    vault: VaultPort, timers: TimersPort, law: BreachLaw, retention: IncidentRetention
) -> Service[Incident, IncidentContext]:
    """Return the register, built on *vault* and *timers*."""

    def context(moment: Moment[Incident]) -> IncidentContext:
        return IncidentContext(moment.case, moment.state, moment.now, vault, timers, law, retention)

    return Service(NAME, SUBSCRIPTIONS, Incident(), evolve, context, RECORDS)


@asynccontextmanager
async def build(settings: IntakeSettings, platform: ServiceRuntime) -> AsyncIterator[Running]:
    """Build the register."""
    database = platform.client[f"{settings.database_prefix}_{NAME}"]
    journal, timers = Journal(database, RECORDS, key=chain_key(settings.root_key, NAME)), Timers(database)
    await journal.prepare()
    await timers.prepare()
    policies = breach_policies().accepting(settings.laws_accepted)
    law = BreachLaw(policies, settings.company, calendar_named)
    retention = IncidentRetention(settings.incident_months, settings.incident_people_months)
    made = service(platform.vault, timers, law, retention)
    timer_task = publish_due_timers(
        timers, platform.bus, NAME, event=BreachTimeCame, correlations=journal.correlations
    )
    yield Running(made, journal, background=timer_task)


INCIDENTS = ServicePlan(IntakeSettings, build)
"""The register of breaches, apart from intake: a storm of requests must not delay its clocks."""
