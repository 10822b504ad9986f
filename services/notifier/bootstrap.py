"""Builds the notifier, and the server for returned letters. Optional parts are imported here alone."""

from collections.abc import AsyncIterator, Coroutine
from contextlib import ExitStack, asynccontextmanager
from typing import Any

from services.notifier.breach.campaign.bootstrap import CAMPAIGNS, CHUNKS, standings_of
from services.notifier.codes.handlers import SUBSCRIPTIONS as CODE_SUBSCRIPTIONS
from services.notifier.handlers import SUBSCRIPTIONS
from services.notifier.letters.store import LetterClaims
from services.notifier.settings import NotifierSettings
from services.notifier.smtp.bounces import BounceHandler, BounceServer, NoticeBounceHandler
from services.notifier.smtp.delivery_reports import LARGEST
from services.notifier.smtp.mail_queues import BATCH, MailLane, database_of, service, way_out
from shared.runtime import smtp_limits
from shared.runtime.audit_keys import chain_key
from shared.runtime.bootstrap import Running, ServicePlan, ServiceRuntime
from shared.runtime.broker import user_of
from shared.runtime.journal import Journal


@asynccontextmanager
async def build(settings: NotifierSettings, platform: ServiceRuntime) -> AsyncIterator[Running]:
    """Put the notifier together."""
    key = chain_key(settings.root_key, MailLane.LETTERS)
    journal = Journal(database_of(settings, platform), key=key, notes=True)
    await journal.prepare()
    with ExitStack() as stack:
        returned = _returned(settings, platform, journal, stack)
        async with way_out(MailLane.LETTERS, settings, platform) as post:
            letters = service(MailLane.LETTERS, SUBSCRIPTIONS, platform.vault, post, settings.house())
            yield Running(letters, journal, batch=BATCH, background=returned)


def _returned(
    settings: NotifierSettings, platform: ServiceRuntime, journal: Journal, stack: ExitStack
) -> Coroutine[Any, Any, None] | None:
    """Return the server for returned letters, if its port is configured."""
    if not settings.bounce_port:
        return None
    listener = smtp_limits.bound(settings.http_host, settings.bounce_port, "HABEAS_BOUNCE_PORT")
    stack.enter_context(listener)
    codes = Journal(platform.client[f"{settings.database_prefix}_{MailLane.CODES}"])
    claims = LetterClaims(database_of(settings, platform))
    user = user_of(settings.amqp_url.get_secret_value())
    desk = BounceHandler(claims, {MailLane.LETTERS: journal, MailLane.CODES: codes}, platform.bus, user=user)
    notices = NoticeBounceHandler(standings_of(settings, platform), platform.bus, settings.notice_paths())
    return smtp_limits.listen(BounceServer(desk, settings.return_paths(), notices), listener, largest=LARGEST)


@asynccontextmanager
async def build_codes(settings: NotifierSettings, platform: ServiceRuntime) -> AsyncIterator[Running]:
    """Put it together."""
    journal = Journal(
        platform.client[f"{settings.database_prefix}_{MailLane.CODES}"],
        key=chain_key(settings.root_key, MailLane.CODES),
        notes=True,
    )
    await journal.prepare()
    async with way_out(MailLane.CODES, settings, platform) as post:
        codes = service(MailLane.CODES, CODE_SUBSCRIPTIONS, platform.vault, post, settings.house())
        yield Running(codes, journal, batch=BATCH)


CODES = ServicePlan(NotifierSettings, build_codes)
"""Mails codes; a storm of other letters must not hold them up."""

PLANS = (ServicePlan(NotifierSettings, build), CODES, CAMPAIGNS, CHUNKS)
