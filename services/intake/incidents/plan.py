"""How the register of incidents is put together; it runs beside intake, with a queue of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.intake.incidents.counting import Law
from services.intake.incidents.domain import RECORDS, Incident, evolve
from services.intake.incidents.handlers import SUBSCRIPTIONS, Incidents, Timers, Vault
from services.intake.incidents.keeping import Retention
from services.intake.settings import IntakeSettings
from shared.audit_keys import chain_key
from shared.calendars import calendar_named
from shared.host import Plan, Platform, Running
from shared.incidents import BreachTimeCame
from shared.journal import Journal
from shared.policies import breach_policies
from shared.service import Moment, Service
from shared.timers import Timers as MomentsKept
from shared.timers import tell_the_time

NAME = "incidents"


def service(vault: Vault, timers: Timers, law: Law, retention: Retention) -> Service[Incident, Incidents]:
    """Return the register, put together on *vault* and *timers*."""

    def context(moment: Moment[Incident]) -> Incidents:
        return Incidents(
            case_id=moment.case,
            incident=moment.state,
            now=moment.now,
            vault=vault,
            timers=timers,
            law=law,
            retention=retention,
        )

    return Service(NAME, SUBSCRIPTIONS, Incident(), evolve, context, RECORDS)


@asynccontextmanager
async def build(settings: IntakeSettings, platform: Platform) -> AsyncIterator[Running]:
    """Put the register together."""
    database = platform.client[f"{settings.database_prefix}_{NAME}"]
    journal, timers = (
        Journal(database, RECORDS, key=chain_key(settings.root_key, NAME)),
        MomentsKept(database),
    )
    await journal.prepare()
    await timers.prepare()
    law = Law(breach_policies(), settings.company, calendar_named)
    retention = Retention(settings.incident_months, settings.incident_people_months)
    made = service(platform.vault, timers, law, retention)
    clock = tell_the_time(timers, platform.bus, NAME, event=BreachTimeCame)
    yield Running(made, journal, background=clock)


INCIDENTS = Plan(IntakeSettings, build)
"""Keeps the register of breaches; a storm of requests must not hold its clocks up."""
