"""Run intake: ``python -m services.intake``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.intake.api import Callers, create_app
from services.intake.domain import RECORDS, Case, Practice, evolve, request_id
from services.intake.door import Allowance, Door, Keys
from services.intake.handlers import SUBSCRIPTIONS, Intake, Timers, Vault
from services.intake.settings import IntakeSettings
from shared.envelope import Envelope
from shared.events import (
    DeadlineCame,
    Event,
    ProofSubmitted,
    RequestSubmitted,
    UnreadableSubmission,
    WithdrawalSubmitted,
)
from shared.host import Plan, Platform, Running, main
from shared.journal import Journal
from shared.service import Moment, Service, case_of_fact
from shared.timers import Timers as MomentsKept
from shared.timers import tell_the_time
from shared.vault import derived_key

NAME = "intake"


def service(vault: Vault, timers: Timers, practice: Practice, key: bytes) -> Service[Case, Intake]:
    """Return intake, put together on *vault*; *key* turns references into ids."""

    def case_of(envelope: Envelope[Event]) -> str:
        event = envelope.event
        match event:
            case RequestSubmitted():
                return request_id(envelope.source, event.reference, key=key)
            case ProofSubmitted() | WithdrawalSubmitted():
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
    keys = Keys(
        requests=derived_key(settings.master_key_bytes, "request ids"),
        codes=derived_key(settings.master_key_bytes, "package codes"),
    )
    door = Door(platform.vault, journal, platform.bus, keys)
    callers = Callers(settings.api_keys, Allowance(settings.public_requests_per_hour))
    app = create_app(door, callers, public_url=settings.public_url)
    clock = tell_the_time(timers, platform.bus, NAME, event=DeadlineCame)
    intake = service(platform.vault, timers, settings.practice(), keys.requests)
    yield Running(intake, journal, app, background=clock)


PLANS = (Plan(IntakeSettings, build),)

if __name__ == "__main__":
    main(PLANS)
