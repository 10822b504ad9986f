"""Run intake: ``python -m services.intake``."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any, TypeAlias

from services.intake.api import Callers, create_app
from services.intake.clock import Practice
from services.intake.context import Firsts, Intake, Timers, Vault
from services.intake.domain import RECORDS, Case, evolve, request_id
from services.intake.door import Allowance, Door, Keys
from services.intake.drp.api import drp_app
from services.intake.drp.callbacks import Reached, Telling, Watch
from services.intake.drp.desk import Desk
from services.intake.drp.tokens import Tokens
from services.intake.firsts import Firsts as FirstsKept
from services.intake.handlers import SUBSCRIPTIONS
from services.intake.mail.desk import Desk as MailDesk
from services.intake.mail.imap import Account, Mailbox
from services.intake.mail.reading import LARGEST
from services.intake.mail.rulebook import rulebook
from services.intake.mail.senders import Senders
from services.intake.mail.smtp import Port
from services.intake.purge import Purge, Retention
from services.intake.settings import IntakeSettings
from shared import incoming
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
    protocols = {"/drp": drp_app(telling.desk)} if telling else {}
    app = create_app(door, callers, public_url=settings.public_url, protocols=protocols)
    clock = tell_the_time(timers, platform.bus, NAME, event=DeadlineCame)
    intake = service(platform.vault, timers, firsts, settings.practice(), keys.requests)
    with ExitStack() as stack:
        inbox = list(_inbox(settings, door, stack))
        background = _together(clock, purge.run(), *([telling.for_ever()] if telling else []), *inbox)
        yield Running(intake, journal, app, background=background)


def _inbox(settings: IntakeSettings, door: Door, stack: ExitStack) -> Iterator[Background]:
    """Yield what takes mail in."""
    threads = settings.threads()
    if threads is None:
        return
    senders = Senders(settings.inbox_per_hour)
    desk = MailDesk(door, threads, rulebook(), senders, settings.practice(), settings.inbox_trust)
    if settings.inbox_port:
        listener = stack.enter_context(
            incoming.bound(settings.http_host, settings.inbox_port, "HABEAS_INBOX_PORT")
        )
        local = settings.inbox_protocol == "lmtp"
        yield incoming.listen(Port(desk), listener, largest=LARGEST, local=local)
    if settings.inbox_imap is not None:
        account = Account.parse(settings.inbox_imap.get_secret_value())
        yield Mailbox(account, desk, settings.inbox_folder).run()


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


async def _together(*works: Background) -> None:
    """Do all of *works*; when one fails, so do the others."""
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work)


PLANS = (Plan(IntakeSettings, build),)

if __name__ == "__main__":
    main(PLANS)
