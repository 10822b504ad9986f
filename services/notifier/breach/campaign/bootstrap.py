"""
Assembles campaigns: two services beside the notifier.

``campaigns`` steers, ``chunks`` writes. Each has a queue of its own: stopping a campaign does not
wait behind it.
"""

import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.notifier.breach.campaign.batch import handlers as writing
from services.notifier.breach.campaign.batch.handlers import Writer
from services.notifier.breach.campaign.batch.run import Persistence
from services.notifier.breach.campaign.batch.send_queue import NoticePace
from services.notifier.breach.campaign.handlers import SUBSCRIPTIONS, Campaign, Steering, evolve
from services.notifier.breach.campaign.ledgers import LateBounceCounter, Ledgers
from services.notifier.breach.campaign.states import Standings
from services.notifier.settings import NotifierSettings
from services.notifier.smtp.letter_limits import notices_of
from services.notifier.smtp.mail_channel import SmtpChannel
from shared.runtime.audit_keys import chain_key
from shared.runtime.bootstrap import Running, ServicePlan, ServiceRuntime
from shared.runtime.journal import Journal
from shared.runtime.key_rings import derived_key
from shared.runtime.mongo import Database
from shared.runtime.republication import RecordedPublisher
from shared.runtime.service import Moment, Service

STEERING, WRITING = "campaigns", "chunks"
"""Names of the services, and of their queues."""
SWITCH_S = 0.0005
"""How long the interpreter stays with a busy thread. The database is spoken to by another, which waits
for its turn several times an update: at the usual 5 ms that took longer than the letters it stood for."""
BATCHES_AT_ONCE = 32
"""More than are written to at a time: some wait for letters that are not taken at once."""


def standings_of(settings: NotifierSettings, platform: ServiceRuntime) -> Standings:
    """Return how it stands with all campaigns."""
    return Standings(_database(STEERING, settings, platform))


def _database(name: str, settings: NotifierSettings, platform: ServiceRuntime) -> Database:
    return platform.client[f"{settings.database_prefix}_{name}"]


def _ledgers(database: Database) -> Ledgers:
    """Return the ledgers of all campaigns, for this process."""
    return Ledgers(database, by=uuid.uuid4().hex)


@asynccontextmanager
async def steering(settings: NotifierSettings, platform: ServiceRuntime) -> AsyncIterator[Running]:
    """Assemble the steering of campaigns."""
    database = _database(STEERING, settings, platform)
    ledgers, standings = _ledgers(database), Standings(database)
    journal = Journal(database, key=chain_key(settings.root_key, STEERING))
    await ledgers.prepare()
    await standings.prepare()
    paths, house = settings.notice_paths(), settings.house()

    def context(moment: Moment[Campaign]) -> Steering:
        return Steering(
            moment.case,
            moment.state,
            ledgers,
            standings,
            platform.vault,
            paths,
            said_at=moment.occurred_at,
            journal=journal,
            house=house,
            company=settings.company,
        )

    service = Service(STEERING, SUBSCRIPTIONS, Campaign(), evolve, context)
    publish = RecordedPublisher(database, platform.bus).publish
    recounting = LateBounceCounter(ledgers, standings, publish)
    yield Running(service, journal, background=recounting.run())


@asynccontextmanager
async def writers(settings: NotifierSettings, platform: ServiceRuntime) -> AsyncIterator[Running]:
    """Assemble the writers of batches."""
    sys.setswitchinterval(SWITCH_S)
    database = _database(STEERING, settings, platform)
    per_minute = {domain: notices_of(letters) for domain, letters in settings.mail_limits.items()}
    pace = NoticePace(database, derived_key(settings.root_key, "mail domains"), per_minute)
    await pace.prepare()
    connections = settings.notice_connections
    journal = Journal(_database(WRITING, settings, platform), key=chain_key(settings.root_key, WRITING))
    channel = SmtpChannel(settings.smtp_url.get_secret_value(), connections=connections)
    writer = Writer(
        _ledgers(database),
        Standings(database),
        platform.vault,
        channel,
        connections,
        settings.house(),
        settings.notice_paths(),
        sender="" if settings.mail_bounces else settings.return_path()(""),
        sign=settings.sign(),
        persistence=Persistence(settings.retry_for),
        pace=pace,
        journal=journal,
    )
    service = Service(WRITING, writing.SUBSCRIPTIONS, None, lambda *_: None, lambda _moment: writer)
    try:
        yield Running(service, journal, batch=BATCHES_AT_ONCE)
    finally:
        await channel.close()


CAMPAIGNS = ServicePlan(NotifierSettings, steering)
CHUNKS = ServicePlan(NotifierSettings, writers)
"""Notify people of a breach; a campaign must not hold up any other letter."""
