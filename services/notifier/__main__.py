"""Run the notifier: ``python -m services.notifier``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.notifier.channels import SmtpChannel
from services.notifier.domain import Correspondence, evolve
from services.notifier.handlers import SUBSCRIPTIONS, House, Notifier, Vault
from services.notifier.post import Post
from services.notifier.settings import NotifierSettings
from services.notifier.store import Claims
from shared.host import Plan, Platform, Running, main
from shared.journal import Journal
from shared.service import Moment, Service

NAME = "notifier"
BATCH = 64
"""Letters under way at once; after a crash as many are in doubt, and some from before (docs/runbook.md)."""


def service(vault: Vault, post: Post, house: House) -> Service[Correspondence, Notifier]:
    """Return the notifier, put together on *vault* and *post*."""

    def context(moment: Moment[Correspondence]) -> Notifier:
        return Notifier(
            moment.case,
            moment.state,
            moment.now,
            moment.event_id,
            moment.occurred_at,
            vault,
            post,
            house,
        )

    return Service(NAME, SUBSCRIPTIONS, Correspondence(), evolve, context)


@asynccontextmanager
async def build(settings: NotifierSettings, platform: Platform) -> AsyncIterator[Running]:
    """Put the notifier together."""
    database = platform.client[f"{settings.database_prefix}_{NAME}"]
    journal, claims = Journal(database), Claims(database)
    await journal.prepare()
    await claims.prepare()
    house = settings.house()
    channel = SmtpChannel(settings.smtp_url.get_secret_value(), connections=settings.mail_connections)
    try:
        post = Post(channel, claims, house.sender.address)
        yield Running(service(platform.vault, post, house), journal, batch=BATCH)
    finally:
        await channel.close()


PLANS = (Plan(NotifierSettings, build),)

if __name__ == "__main__":
    main(PLANS)
