"""Builds the notifier, and the server for returned letters. Optional parts are imported here alone."""

from collections.abc import AsyncIterator, Coroutine
from contextlib import ExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from services.notifier.breach.campaign.bootstrap import CAMPAIGNS, CHUNKS, standings_of
from services.notifier.codes.handlers import SUBSCRIPTIONS as CODE_SUBSCRIPTIONS
from services.notifier.context import LetterPostPort, NotifierContext, SenderSettings, keeping_notices
from services.notifier.domain import Correspondence, evolve
from services.notifier.handlers import SUBSCRIPTIONS
from services.notifier.settings import NotifierSettings
from services.notifier.smtp.bounces import BounceHandler, BounceServer, NoticeBounceHandler
from services.notifier.smtp.delivery_reports import LARGEST
from services.notifier.smtp.letter_limits import DomainLimits, MailboxLimits, MailLane
from services.notifier.smtp.mail_channel import SmtpChannel
from services.notifier.smtp.post import LetterClaims, LetterPost, begin_counts
from shared.contract.ports import VaultPort
from shared.law import CompanyProfile
from shared.runtime import log, smtp_limits
from shared.runtime.accounts import Publishers
from shared.runtime.audit_keys import chain_key
from shared.runtime.bootstrap import Running, ServicePlan, ServiceRuntime
from shared.runtime.broker import user_of
from shared.runtime.hosts import is_local
from shared.runtime.journal import Journal
from shared.runtime.key_rings import derived_key
from shared.runtime.message_origin import OriginSeals
from shared.runtime.mongo import Database
from shared.runtime.republication import RecordedPublisher
from shared.runtime.seal_store import seal_keys
from shared.runtime.service import Moment, Service, Subscription
from shared.runtime.service_reports import MAIL_SERVER

BATCH = 64
"""Letters of a queue under way at once; a crash leaves about as many in doubt (docs/how-to/operate.md)."""


def log_gaps(company: CompanyProfile) -> None:
    """Log each line of the company's profile that letters need and that is empty, with the substitute."""
    for line, instead in company.gaps.items():
        log.logger().warning("company profile is incomplete", variable=line, reason=instead)


def log_open_mail(smtp_url: str) -> None:
    """Log a mail server on another machine that letters reach without TLS (GDPR Art. 32(1)(a))."""
    encrypted = smtp_url.startswith("smtps://") or "starttls=true" in smtp_url
    if not encrypted and not is_local(urlsplit(smtp_url).hostname):
        reason = "letters and codes travel in clear: use smtps, or starttls=true"
        log.logger().warning("address is not encrypted", variable="HABEAS_SMTP_URL", reason=reason)


@asynccontextmanager
async def build(settings: NotifierSettings, platform: ServiceRuntime) -> AsyncIterator[Running]:
    """Put the notifier together."""
    log_gaps(settings.company)
    log_open_mail(settings.smtp_url.get_secret_value())
    with ExitStack() as stack:
        async with _lane(MailLane.LETTERS, SUBSCRIPTIONS, settings, platform) as (letters, journal, channel):
            returned = _returned(settings, platform, journal, stack)
            outside = {MAIL_SERVER: channel.ping}
            yield Running(letters, journal, batch=BATCH, background=returned, outside=outside)


@asynccontextmanager
async def build_codes(settings: NotifierSettings, platform: ServiceRuntime) -> AsyncIterator[Running]:
    """Put the lane for codes together."""
    async with _lane(MailLane.CODES, CODE_SUBSCRIPTIONS, settings, platform) as (codes, journal, _):
        yield Running(codes, journal, batch=BATCH)


@asynccontextmanager
async def _lane(
    lane: MailLane,
    subscriptions: tuple[Subscription[NotifierContext], ...],
    settings: NotifierSettings,
    platform: ServiceRuntime,
) -> AsyncIterator[tuple[Service[Correspondence, NotifierContext], Journal, SmtpChannel]]:
    """Open *lane*: its service, its journal and its connections."""
    journal = Journal(_database(lane, settings, platform), key=chain_key(settings.root_key, lane), notes=True)
    await journal.prepare()
    database = _database(MailLane.LETTERS, settings, platform)
    per_minute = {domain: lane.limit_of(letters) for domain, letters in settings.mail_limits.items()}
    begin_counts()
    claims = LetterClaims(database)
    limits = DomainLimits(database, derived_key(settings.root_key, "mail domains"), lane, per_minute)
    key = derived_key(settings.root_key, "letters of mailboxes")
    mailboxes = MailboxLimits(database, key, per_day=settings.letters_per_day)
    for prepared in (claims, limits, mailboxes):
        await prepared.prepare()
    connections = lane.part_of(settings.mail_connections)
    channel = SmtpChannel(settings.smtp_url.get_secret_value(), connections=connections)
    post = LetterPost(
        channel,
        claims,
        limits,
        mailboxes,
        settings.return_path(),
        settings.sign() or bytes,  # without a key it stays as it is
        wait_for=settings.retry_for / 2,  # later it would be parked without a report
    )
    try:
        kept = tuple(keeping_notices(one, claims) for one in subscriptions)
        yield service(lane, kept, platform.vault, post, settings.house()), journal, channel
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
        at = moment.occurred_at
        return NotifierContext(moment.case, moment.state, moment.event_id, at, vault, post, house)

    return Service(lane, subscriptions, Correspondence(assessed=lane is MailLane.CODES), evolve, context)


def _database(lane: MailLane, settings: NotifierSettings, platform: ServiceRuntime) -> Database:
    """Return the database of *lane*; that of the letters has the claims and counts of both."""
    return platform.client[f"{settings.database_prefix}_{lane}"]


def _returned(
    settings: NotifierSettings, platform: ServiceRuntime, journal: Journal, stack: ExitStack
) -> Coroutine[Any, Any, None] | None:
    """Return the server for returned letters, if its port is configured."""
    if not settings.bounce_port:
        return None
    listener = smtp_limits.bound(settings.http_host, settings.bounce_port, "HABEAS_BOUNCE_PORT")
    stack.enter_context(listener)
    codes = Journal(_database(MailLane.CODES, settings, platform))
    claims = LetterClaims(_database(MailLane.LETTERS, settings, platform))
    publishers = Publishers(user_of(settings.amqp_url.get_secret_value()), settings.account)
    bus = RecordedPublisher(journal.database, platform.bus)
    seals = {str(lane): OriginSeals(lane, seal_keys(settings.root_key, lane)) for lane in MailLane}
    desk = BounceHandler(
        claims,
        {MailLane.LETTERS: journal, MailLane.CODES: codes},
        bus,
        seals,
        publisher_of=publishers.publisher_of,
    )
    notices = NoticeBounceHandler(standings_of(settings, platform), bus, settings.notice_paths())
    return smtp_limits.listen(BounceServer(desk, settings.return_paths(), notices), listener, largest=LARGEST)


CODES = ServicePlan(NotifierSettings, build_codes)
"""Mails codes; a storm of other letters must not hold them up."""

PLANS = (ServicePlan(NotifierSettings, build), CODES, CAMPAIGNS, CHUNKS)
