"""Assembles the mailing of codes; it runs beside the notifier, with a queue of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.notifier.codes.handlers import SUBSCRIPTIONS
from services.notifier.settings import NotifierSettings
from services.notifier.smtp.mail_queues import BATCH, MailLane, service, way_out
from shared.runtime.audit_keys import chain_key
from shared.runtime.bootstrap import Running, ServicePlan, ServiceRuntime
from shared.runtime.journal import Journal


@asynccontextmanager
async def build(settings: NotifierSettings, platform: ServiceRuntime) -> AsyncIterator[Running]:
    """Put it together."""
    journal = Journal(
        platform.client[f"{settings.database_prefix}_{MailLane.CODES}"],
        key=chain_key(settings.root_key, MailLane.CODES),
        notes=True,
    )
    await journal.prepare()
    async with way_out(MailLane.CODES, settings, platform) as post:
        codes = service(MailLane.CODES, SUBSCRIPTIONS, platform.vault, post, settings.house())
        yield Running(codes, journal, batch=BATCH)


CODES = ServicePlan(NotifierSettings, build)
"""Mails codes; a storm of other letters must not hold them up."""
