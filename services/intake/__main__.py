"""Run intake: ``python -m services.intake``."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.intake.api import Callers, create_app
from services.intake.channels import Background, Ground, channels
from services.intake.clock import Practice
from services.intake.code_limits import CodeLimit, WrongCodes
from services.intake.context import CodeAttempts, Firsts, Intake, Room, Timers, Vault
from services.intake.domain import RECORDS, Case, evolve, incident_id, request_id
from services.intake.door import Door, Keys
from services.intake.firsts import Firsts as FirstsKept
from services.intake.guard import Guard
from services.intake.handlers import SUBSCRIPTIONS
from services.intake.incidents.plan import INCIDENTS
from services.intake.purge import Purge, Retention
from services.intake.settings import IntakeSettings
from services.intake.site import Site
from services.intake.staff_decisions import CALLS_PER_HOUR, StaffDecisions
from services.intake.stop_page import stop_page
from services.intake.unsubscribing.links import Links
from services.intake.waiting import WaitingRoom, let_in
from shared.audit_keys import chain_key
from shared.bus import user_of
from shared.client_limits import Allowance
from shared.envelope import Envelope
from shared.events import (
    AppealSubmitted,
    DeadlineCame,
    Event,
    ProofSubmitted,
    RequestSubmitted,
    UnreadableSubmission,
    WithdrawalSubmitted,
)
from shared.host import Plan, Platform, Running, main
from shared.incidents import BreachDeclared
from shared.journal import Journal
from shared.keyring import derived_key
from shared.outbox import Outbox
from shared.service import Moment, Service, case_of_fact
from shared.sources import Bindings, command_user
from shared.stop_links import PURPOSE as STOP_LINKS
from shared.timers import Timers as MomentsKept
from shared.timers import tell_the_time

NAME = "intake"


@dataclass(frozen=True, slots=True)
class Ports:
    """What intake stands on."""

    vault: Vault
    timers: Timers
    firsts: Firsts
    room: Room
    codes: CodeAttempts


def service(ports: Ports, practice: Practice, key: bytes, bindings: Bindings) -> Service[Case, Intake]:
    """Return intake, put together on *ports*; *key* turns references into ids."""

    def case_of(envelope: Envelope[Event]) -> str:
        event = envelope.event
        match event:
            case RequestSubmitted():
                return request_id(envelope.source, event.reference, key=key)
            case BreachDeclared():
                return incident_id(envelope.source, event.reference, key=key)
            case ProofSubmitted() | WithdrawalSubmitted() | AppealSubmitted():
                return event.request or request_id(envelope.source, event.reference or "", key=key)
            case UnreadableSubmission():
                return envelope.id
            case _:
                return case_of_fact(envelope)

    def context(moment: Moment[Case]) -> Intake:
        return Intake(
            case_id=moment.case,
            case=moment.state,
            now=moment.now,
            event_id=moment.event_id,
            source=moment.source,
            occurred_at=moment.occurred_at,
            vault=ports.vault,
            timers=ports.timers,
            firsts=ports.firsts,
            room=ports.room,
            codes=ports.codes,
            practice=practice,
        )

    return Service(NAME, SUBSCRIPTIONS, Case(), evolve, context, RECORDS, case_of, key, bindings.refusal)


@asynccontextmanager
async def build(settings: IntakeSettings, platform: Platform) -> AsyncIterator[Running]:
    """Put intake together."""
    database = platform.client[f"{settings.database_prefix}_{NAME}"]
    journal, timers = (
        Journal(database, RECORDS, key=chain_key(settings.root_key, NAME)),
        MomentsKept(database),
    )
    await journal.prepare()
    await timers.prepare()
    firsts = FirstsKept(database, journal, derived_key(settings.root_key, "repeated requests"))
    await firsts.prepare()
    room = WaitingRoom(database, settings.requests_per_hour)
    await room.prepare()
    retention = Retention(settings.register_months, settings.company.zone)
    purge = Purge(platform.client, database, journal, platform.vault, platform.bus, retention)
    await purge.prepare()
    keys = Keys(
        requests=derived_key(settings.root_key, "request ids"),
        codes=derived_key(settings.root_key, "package codes"),
    )
    wrong = WrongCodes(database, alarm_at=settings.wrong_codes_alarm)
    await wrong.prepare()
    codes = CodeLimit.of(wrong, settings.codes_offered_per_hour)
    door = Door(platform.vault, journal, platform.bus, keys, codes=codes, room=room)
    callers = Callers(settings.api_keys, Allowance(settings.public_requests_per_hour))
    links = Links(settings.root_key, settings.public_url)
    guard = Guard.of(
        derived_key(settings.root_key, "forms"), settings.public_url, settings.public_requests_per_hour
    )
    site = Site(settings.company, guard)
    ground = Ground(settings, database, platform.vault, door, firsts, callers.public, callers.attempts)
    async with channels(ground) as opened:
        app = create_app(
            door,
            callers,
            site,
            protocols={channel.path: channel.app for channel in opened if channel.app},
            links=links,
            staff=StaffDecisions(door, platform.staff, door.clock, Allowance(CALLS_PER_HOUR)),
        )
        app.include_router(stop_page(door, site, derived_key(settings.root_key, STOP_LINKS)))
        clock = tell_the_time(timers, platform.bus, NAME, event=DeadlineCame)
        works = [work for channel in opened for work in channel.works]
        background = _together(
            clock,
            purge.run(),
            let_in(room, platform.bus),
            Outbox(NAME, journal, platform.bus).run(),
            *works,
        )
        ports = Ports(platform.vault, timers, firsts, room, codes)
        own = user_of(settings.amqp_url.get_secret_value())
        bindings = Bindings(settings.sources, command_user(own), own)
        intake = service(ports, settings.practice(), keys.requests, bindings)
        yield Running(intake, journal, app, background=background)


async def _together(*works: Background) -> None:
    """Do all of *works*; when one fails, so do the others."""
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work)


PLANS = (Plan(IntakeSettings, build), INCIDENTS)

if __name__ == "__main__":
    main(PLANS)
