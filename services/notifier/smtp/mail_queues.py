"""
Two lanes for letters: codes, which people wait for on a page, and all others.

Each lane has a queue, a journal, connections to the mail server and a part of each domain's limit of its own,
so that none can use up the capacity of the other (docs/adr/0015-lanes.md).
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum

from services.notifier.context import LetterPostPort, NotifierContext, SenderSettings
from services.notifier.domain import Correspondence, evolve
from services.notifier.letters.store import LetterClaims
from services.notifier.settings import NotifierSettings
from services.notifier.smtp.letter_limits import Allowed, DomainLimits, MailboxLimits
from services.notifier.smtp.mail_channel import SmtpChannel
from services.notifier.smtp.post import LetterPost
from shared.contract.ports import VaultPort
from shared.runtime.bootstrap import ServiceRuntime
from shared.runtime.key_rings import derived_key
from shared.runtime.mongo import Database
from shared.runtime.service import Moment, Service, Subscription

BATCH = 64
"""Letters of a queue under way at once; a crash leaves about as many in doubt (docs/how-to/operate.md)."""
KEPT_FOR_CODES = 4
"""One in so many connections, and letters of a limit; one at the least."""
KEPT_FOR_NOTICES = 4
"""One in so many letters of a limit; one at the least. Their connections are their own."""


class MailLane(StrEnum):
    """A lane, by the name of its queue."""

    CODES = "codes"
    LETTERS = "notifier"

    def part_of(self, whole: int) -> int:
        """Return this lane's part of *whole*, which is at least two."""
        codes = max(1, whole // KEPT_FOR_CODES)
        return codes if self is MailLane.CODES else whole - codes

    def limit_of(self, whole: int) -> int:
        """Return this lane's part of a limit, which is at least three; breach notices have the rest."""
        return self.part_of(whole) - (notices_of(whole) if self is MailLane.LETTERS else 0)


def notices_of(whole: int) -> int:
    """Return the part of a limit that is for breach notices alone."""
    return max(1, whole // KEPT_FOR_NOTICES)


def database_of(settings: NotifierSettings, platform: ServiceRuntime) -> Database:
    """Return the database that both lanes share: claims and counted minutes."""
    return platform.client[f"{settings.database_prefix}_{MailLane.LETTERS}"]


@asynccontextmanager
async def way_out(
    lane: MailLane, settings: NotifierSettings, platform: ServiceRuntime
) -> AsyncIterator[LetterPost]:
    """Open *lane*."""
    database = database_of(settings, platform)
    claims, limits = LetterClaims(database), _limits(lane, settings, database)
    key = derived_key(settings.root_key, "letters of mailboxes")
    mailboxes = MailboxLimits(database, key, per_day=settings.letters_per_day)
    for prepared in (claims, limits, mailboxes):
        await prepared.prepare()
    connections = lane.part_of(settings.mail_connections)
    channel = SmtpChannel(settings.smtp_url.get_secret_value(), connections=connections)
    try:
        yield LetterPost(
            channel,
            claims,
            limits,
            mailboxes,
            settings.return_path(),
            settings.sign() or bytes,  # without a key it stays as it is
            wait_for=settings.retry_for / 2,  # later it would be parked without a report
        )
    finally:
        await channel.close()


def service(
    lane: MailLane,
    subscriptions: tuple[Subscription[NotifierContext], ...],
    vault: VaultPort,
    post: LetterPostPort,
    house: SenderSettings,
) -> Service[Correspondence, NotifierContext]:
    """Return the service of *lane*, put together on *vault* and *post*; codes wait for no acknowledgement."""

    def context(moment: Moment[Correspondence]) -> NotifierContext:
        return NotifierContext(
            moment.case,
            moment.state,
            moment.event_id,
            moment.occurred_at,
            vault,
            post,
            house,
        )

    start = Correspondence(assessed=lane is MailLane.CODES)
    return Service(lane, subscriptions, start, evolve, context)


def _limits(lane: MailLane, settings: NotifierSettings, database: Database) -> DomainLimits:
    per_minute: Mapping[str, int] = {
        domain: lane.limit_of(letters) for domain, letters in settings.mail_limits.items()
    }
    key = derived_key(settings.root_key, "mail domains")
    return DomainLimits(database, key, Allowed(lane, per_minute))
