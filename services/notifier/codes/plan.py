"""How the mailing of codes is put together; it runs beside the notifier, with a queue of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.notifier.codes.handlers import SUBSCRIPTIONS
from services.notifier.lanes import BATCH, Lane, service, way_out
from services.notifier.settings import NotifierSettings
from shared.audit_keys import chain_key
from shared.host import Plan, Platform, Running
from shared.journal import Journal


@asynccontextmanager
async def build(settings: NotifierSettings, platform: Platform) -> AsyncIterator[Running]:
    """Put it together."""
    journal = Journal(
        platform.client[f"{settings.database_prefix}_{Lane.CODES}"],
        key=chain_key(settings.root_key, Lane.CODES),
    )
    await journal.prepare()
    async with way_out(Lane.CODES, settings, platform) as post:
        codes = service(Lane.CODES, SUBSCRIPTIONS, platform.vault, post, settings.house())
        yield Running(codes, journal, batch=BATCH)


CODES = Plan(NotifierSettings, build)
"""Mails codes; a storm of other letters must not hold them up."""
