"""Run intake: ``python -m services.intake``."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from starlette.types import ASGIApp

from services.intake.api import Callers, create_app
from services.intake.clock import Practice
from services.intake.context import Firsts, Intake, Timers, Vault
from services.intake.domain import RECORDS, Case, evolve, request_id
from services.intake.door import Allowance, Door, Keys
from services.intake.drp.api import drp_app
from services.intake.drp.callbacks import Reached, Telling, Watch
from services.intake.drp.desk import Desk
from services.intake.drp.tokens import Tokens
from services.intake.fides.api import Served, fides_app
from services.intake.fides.consents import Begun, Consents, Sweep
from services.intake.fides.desk import Desk as FidesDesk
from services.intake.fides.ledger import Ledger
from services.intake.fides.oauth import Clients
from services.intake.fides.policies import Policies
from services.intake.fides.reviews import Reviews
from services.intake.fides.tokens import Tokens as ClientTokens
from services.intake.firsts import Firsts as FirstsKept
from services.intake.handlers import SUBSCRIPTIONS
from services.intake.purge import Purge, Retention
from services.intake.settings import IntakeSettings
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
from shared.journal import Journal
from shared.mongo import Database
from shared.outward import Outward
from shared.service import Moment, Service, case_of_fact
from shared.timers import Timers as MomentsKept
from shared.timers import tell_the_time
from shared.vault import derived_key

NAME = "intake"
Background: TypeAlias = Coroutine[Any, Any, None]


def service(
    vault: Vault, timers: Timers, firsts: Firsts, practice: Practice, key: bytes
) -> Service[Case, Intake]:
    """Return intake, put together on *vault*; *key* turns references into ids."""

    def case_of(envelope: Envelope[Event]) -> str:
        event = envelope.event
        match event:
            case RequestSubmitted():
                return request_id(envelope.source, event.reference, key=key)
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
            vault=vault,
            timers=timers,
            firsts=firsts,
            practice=practice,
        )

    return Service(NAME, SUBSCRIPTIONS, Case(), evolve, context, RECORDS, case_of, key)


@asynccontextmanager
async def build(settings: IntakeSettings, platform: Platform) -> AsyncIterator[Running]:
    """Put intake together."""
    database = platform.client[f"{settings.database_prefix}_{NAME}"]
    journal, timers = Journal(database, RECORDS), MomentsKept(database)
    await journal.prepare()
    await timers.prepare()
    firsts = FirstsKept(database, journal, derived_key(settings.master_key_bytes, "repeated requests"))
    await firsts.prepare()
    retention = Retention(settings.register_months, settings.company.zone)
    purge = Purge(platform.client, database, journal, platform.vault, platform.bus, retention)
    await purge.prepare()
    keys = Keys(
        requests=derived_key(settings.master_key_bytes, "request ids"),
        codes=derived_key(settings.master_key_bytes, "package codes"),
    )
    door = Door(platform.vault, journal, platform.bus, keys)
    callers = Callers(settings.api_keys, Allowance(settings.public_requests_per_hour))
    telling = await _for_agents(settings, door, database) if settings.drp_business else None
    protocols: dict[str, ASGIApp] = {"/drp": drp_app(telling.desk)} if telling else {}
    begun = Begun(database)
    if settings.fides_served:
        served = await _for_clients(settings, door, database, begun, callers.public)
        protocols["/fides"] = fides_app(served, settings.fides_origins)
    app = create_app(door, callers, public_url=settings.public_url, protocols=protocols)
    clock = tell_the_time(timers, platform.bus, NAME, event=DeadlineCame)
    # Where they are served no longer, too, what people have begun is destroyed in time.
    sweep = Sweep(begun, platform.vault).for_ever()
    background = _together(clock, purge.run(), sweep, *([telling.for_ever()] if telling else []))
    intake = service(platform.vault, timers, firsts, settings.practice(), keys.requests)
    yield Running(intake, journal, app, background=background)


async def _for_agents(settings: IntakeSettings, door: Door, database: Database) -> Telling:
    """Return what calls authorised agents back, and with it the desk that they call."""
    tokens = Tokens(database, derived_key(settings.master_key_bytes, "tokens of agents"))
    watch = Watch(database)
    await tokens.prepare()
    await watch.prepare()
    desk = Desk(
        door=door,
        tokens=tokens,
        watch=watch,
        agents={agent.id: agent for agent in settings.drp_agents},
        business=settings.drp_business,
        practice=settings.practice(),
        root=settings.public_url.rstrip("/"),
    )
    return Telling(desk, watch, Reached(Outward(settings.drp_callback_allow)))


async def _for_clients(
    settings: IntakeSettings, door: Door, database: Database, begun: Begun, public: Allowance
) -> Served:
    """Return what clients of Fides are served by."""
    tokens = ClientTokens(database, derived_key(settings.master_key_bytes, "tokens of clients"))
    ledger = Ledger(database)
    for collection in (tokens, ledger, begun):
        await collection.prepare()
    policies = Policies(settings.fides_policies, settings.fides_data_uses)
    desk = FidesDesk(door, ledger, policies, settings.practice(), settings.public_url.rstrip("/"))
    clients = Clients(settings.fides_clients, tokens)
    return Served(desk, Reviews(desk, ledger), Consents(desk, begun), clients, public)


async def _together(*works: Background) -> None:
    """Do all of *works*; when one fails, so do the others."""
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work)


PLANS = (Plan(IntakeSettings, build),)

if __name__ == "__main__":
    main(PLANS)
