"""Run the notifier: ``python -m services.notifier``."""

from collections.abc import AsyncIterator, Coroutine
from contextlib import ExitStack, asynccontextmanager
from typing import Any

from services.notifier.bounces import Desk, Door, NoticeDesk
from services.notifier.campaigns.plan import CAMPAIGNS, CHUNKS, standings_of
from services.notifier.codes.plan import CODES
from services.notifier.handlers import SUBSCRIPTIONS
from services.notifier.lanes import BATCH, Lane, database_of, service, way_out
from services.notifier.reports import LARGEST
from services.notifier.settings import NotifierSettings
from services.notifier.store import Claims
from shared import incoming
from shared.audit_keys import chain_key
from shared.bus import user_of
from shared.host import Plan, Platform, Running, main
from shared.journal import Journal


@asynccontextmanager
async def build(settings: NotifierSettings, platform: Platform) -> AsyncIterator[Running]:
    """Put the notifier together."""
    journal = Journal(database_of(settings, platform), key=chain_key(settings.root_key, Lane.LETTERS))
    await journal.prepare()
    with ExitStack() as stack:
        returned = _returned(settings, platform, journal, stack)
        async with way_out(Lane.LETTERS, settings, platform) as post:
            letters = service(Lane.LETTERS, SUBSCRIPTIONS, platform.vault, post, settings.house())
            yield Running(letters, journal, batch=BATCH, background=returned)


def _returned(
    settings: NotifierSettings, platform: Platform, journal: Journal, stack: ExitStack
) -> Coroutine[Any, Any, None] | None:
    """Return what takes returned letters, if anything does."""
    if not settings.bounce_port:
        return None
    listener = incoming.bound(settings.http_host, settings.bounce_port, "HABEAS_BOUNCE_PORT")
    stack.enter_context(listener)
    codes = Journal(platform.client[f"{settings.database_prefix}_{Lane.CODES}"])
    claims = Claims(database_of(settings, platform))
    user = user_of(settings.amqp_url.get_secret_value())
    desk = Desk(claims, {Lane.LETTERS: journal, Lane.CODES: codes}, platform.bus, user=user)
    notices = NoticeDesk(standings_of(settings, platform), platform.bus, settings.notice_paths())
    return incoming.listen(Door(desk, settings.return_paths(), notices), listener, largest=LARGEST)


PLANS = (Plan(NotifierSettings, build), CODES, CAMPAIGNS, CHUNKS)

if __name__ == "__main__":
    main(PLANS)
