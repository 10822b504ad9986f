"""
The registry of channels with a setting: each is an adapter of the application service.

A disabled channel has no routes: its address answers 404. Sheets (``csv``) and ``unsubscribe`` have no
setting: ``http/api.py`` mounts them.
"""

from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr
from starlette.types import ASGIApp

from services.intake.cases.duplicates import FirstRequests
from services.intake.cases.service import RequestService
from services.intake.channels.drop.client import DropClient
from services.intake.channels.drop.ledger import DropLedger
from services.intake.channels.drop.lists import BatchLists
from services.intake.channels.drop.puller import DropPuller
from services.intake.channels.drop.terms import hours
from services.intake.channels.drp.agents import DrpTokens
from services.intake.channels.drp.api import drp_app
from services.intake.channels.drp.service import DrpService
from services.intake.channels.email.inbox import ImapAccount, MailboxWatcher, SmtpPort
from services.intake.channels.email.parser import LARGEST
from services.intake.channels.email.rulebook import rulebook
from services.intake.channels.email.senders import Senders
from services.intake.channels.email.service import EmailService
from services.intake.channels.fides.api import FidesContext, fides_app
from services.intake.channels.fides.clients import Clients, FidesTokens
from services.intake.channels.fides.consents import ConsentCleanup, Consents, OpenConsents
from services.intake.channels.fides.ledger import FidesLedger, RequestCleanup, run_cleanup
from services.intake.channels.fides.requests import FidesPolicies
from services.intake.channels.fides.reviews import Reviews
from services.intake.channels.fides.service import FidesService
from services.intake.channels.opendsr.api import opendsr_app
from services.intake.channels.opendsr.certificate import ProcessorCertificate
from services.intake.channels.opendsr.controllers import RequestGroups
from services.intake.channels.opendsr.instructions import Instructions
from services.intake.channels.opendsr.messages import DiscoveryDocument
from services.intake.channels.opendsr.service import OpenDsrService
from services.intake.channels.webhooks import apple, risc
from services.intake.channels.webhooks.service import WebhookService, webhooks_app
from services.intake.http.callbacks import CallbackClient, CallbackProtocol, WatchedRequests
from services.intake.http.failed_attempts import FailedAttempts
from services.intake.settings import IntakeSettings
from shared.errors import ConfigurationError
from shared.runtime import smtp_limits
from shared.runtime.client_limits import Allowance
from shared.runtime.jwks import ISSUER_TIMEOUT_S, KeySet
from shared.runtime.key_rings import derived_key
from shared.runtime.mongo import Database
from shared.runtime.safe_http import SafeHttp
from shared.runtime.tokens import ExpectedToken
from shared.runtime.vault import Vault

Background: TypeAlias = Coroutine[Any, Any, None]


@dataclass(frozen=True, slots=True)
class ChannelContext:
    """The dependencies of channels."""

    settings: IntakeSettings
    database: Database
    vault: Vault
    requests: RequestService
    duplicates: FirstRequests
    public: Allowance
    """The limit of public requests without a key."""
    attempts: FailedAttempts

    def key(self, purpose: str) -> bytes:
        """Return the key for *purpose* alone."""
        return derived_key(self.settings.root_key, purpose)


@dataclass(frozen=True, slots=True)
class ChannelAdapter:
    """A channel."""

    path: str = ""
    """The path of *app* below the address of intake."""
    app: ASGIApp | None = None
    works: Sequence[Background] = ()
    """Its background tasks."""


@asynccontextmanager
async def channels(context: ChannelContext) -> AsyncIterator[list[ChannelAdapter]]:
    """
    Build the channels that are enabled.

    Raises:
        ConfigurationError: A setting of one of them is missing or invalid.
    """
    settings = context.settings
    async with AsyncExitStack() as stack:
        begun = OpenConsents(context.database)
        ledger = FidesLedger(context.database)
        # If they are disabled later, open consent requests still expire.
        sweeps = ConsentCleanup(begun, context.vault), RequestCleanup(ledger, context.requests, context.vault)
        swept = ChannelAdapter(works=[run_cleanup(sweep.work) for sweep in sweeps])
        opened = [await _webhooks(context, stack), swept]
        if settings.fides_served:
            opened.append(await _fides(context, begun, ledger))
        if settings.drp_business:
            opened.append(await _drp(context))
        if settings.opendsr_controllers:
            opened.append(await _opendsr(context))
        if settings.drop_key.get_secret_value():
            opened.append(await _drop(context))
        yield [*opened, *_email(context, stack)]


def _callback_client(settings: IntakeSettings, allowed: frozenset[str]) -> CallbackClient:
    """Return the client for callbacks to addresses outside and *allowed* ones."""
    return CallbackClient(SafeHttp(allowed, local=settings.local_callbacks))


async def _drp(context: ChannelContext) -> ChannelAdapter:
    """Return the API and the callbacks of authorised agents."""
    settings = context.settings
    tokens = DrpTokens(context.database, context.key("tokens of agents"))
    watch = WatchedRequests(context.database["drp_callbacks"])
    await tokens.prepare()
    await watch.prepare()
    service = DrpService(
        requests=context.requests,
        tokens=tokens,
        watch=watch,
        agents={agent.id: agent for agent in settings.drp_agents},
        business=settings.drp_business,
        practice=settings.practice(),
        root=settings.public_url.rstrip("/"),
        local_callbacks=settings.local_callbacks,
    )
    callbacks = CallbackProtocol(service, watch, _callback_client(settings, settings.drp_callback_allow))
    return ChannelAdapter("/drp", drp_app(service), [callbacks.run_forever()])


async def _opendsr(context: ChannelContext) -> ChannelAdapter:
    """Return the API and the callbacks of controllers."""
    settings = context.settings
    domain = urlsplit(settings.opendsr_url).hostname
    if not domain:
        raise ConfigurationError("HABEAS_OPENDSR_URL: must be the address of intake for controllers")
    key = settings.opendsr_key.get_secret_value()
    certified = ProcessorCertificate.of(key, settings.opendsr_certificate, domain, datetime.now(UTC))
    groups = RequestGroups(context.database, context.key("groups of requests"))
    watch = WatchedRequests(context.database["opendsr_callbacks"])
    await groups.prepare()
    await watch.prepare()
    files = Instructions(
        requests=context.requests,
        watch=watch,
        groups=groups,
        duplicates=context.duplicates,
        controllers={controller.id: controller for controller in settings.opendsr_controllers},
        served=DiscoveryDocument(domain, settings.opendsr_identities),
    )
    service = OpenDsrService(
        files=files,
        certified=certified,
        practice=settings.practice(),
        url=settings.opendsr_url.rstrip("/"),
        submissions=Allowance(settings.opendsr_requests_per_hour),
        local_callbacks=settings.local_callbacks,
        attempts=context.attempts,
    )
    callbacks = CallbackProtocol(service, watch, _callback_client(settings, settings.opendsr_callback_allow))
    return ChannelAdapter("/opendsr", opendsr_app(service), [callbacks.run_forever()])


async def _webhooks(context: ChannelContext, stack: AsyncExitStack) -> ChannelAdapter:
    """Return the webhooks of platforms."""
    settings = context.settings
    http = await stack.enter_async_context(httpx.AsyncClient(timeout=ISSUER_TIMEOUT_S))
    apples, clients = KeySet(apple.ISSUER, http, url=settings.apple_keys), settings.apple_clients
    others = KeySet(settings.risc_issuer, http, url=settings.risc_keys)
    service = WebhookService(
        requests=context.requests,
        shopify=_bytes_of(settings.shopify_secrets),
        meta=_bytes_of(settings.meta_secrets),
        apple=ExpectedToken(apples, clients, apple.REQUIRED) if clients else None,
        risc=ExpectedToken(others, settings.risc_audiences, risc.REQUIRED) if settings.risc_issuer else None,
        root=settings.public_url.rstrip("/"),
    )
    return ChannelAdapter("/webhooks", webhooks_app(service))


async def _fides(context: ChannelContext, begun: OpenConsents, ledger: FidesLedger) -> ChannelAdapter:
    """Return the API for clients of Fides."""
    settings = context.settings
    tokens = FidesTokens(context.database, context.key("tokens of clients"))
    for collection in (tokens, ledger, begun):
        await collection.prepare()
    policies = FidesPolicies(settings.fides_policies, settings.fides_data_uses)
    root = settings.public_url.rstrip("/")
    service = FidesService(context.requests, ledger, policies, settings.practice(), root)
    clients = Clients(settings.fides_clients, tokens, attempts=context.attempts)
    served = FidesContext(
        service,
        Reviews(service, settings.fides_clients),
        Consents(service, begun),
        clients,
        context.public,
    )
    return ChannelAdapter("/fides", fides_app(served, settings.fides_origins))


async def _drop(context: ChannelContext) -> ChannelAdapter:
    """Return the background work for California's DROP."""
    settings, requests = context.settings, context.requests
    ledger = DropLedger(context.database)
    await ledger.prepare()
    state = DropClient(settings.drop_url, settings.drop_key.get_secret_value())
    listing = BatchLists(context.vault, requests.journal, requests.publisher)
    puller = DropPuller(state, ledger, listing, requests, settings.drop_every, hours(settings.drop_closed))
    return ChannelAdapter(works=[puller.run_forever()])


def _email(context: ChannelContext, stack: AsyncExitStack) -> Iterator[ChannelAdapter]:
    """Yield the channels of incoming mail."""
    settings = context.settings
    threads = settings.threads()
    if threads is None:
        return
    senders = Senders(settings.inbox_per_hour)
    service = EmailService(
        context.requests, threads, rulebook(), senders, settings.practice(), settings.inbox_trust
    )
    if settings.inbox_port:
        bound = smtp_limits.bound(settings.http_host, settings.inbox_port, "HABEAS_INBOX_PORT")
        local = settings.inbox_protocol == "lmtp"
        listener = stack.enter_context(bound)
        yield ChannelAdapter(
            works=[smtp_limits.listen(SmtpPort(service), listener, largest=LARGEST, local=local)]
        )
    if settings.inbox_imap is not None:
        account = ImapAccount.parse(settings.inbox_imap.get_secret_value())
        yield ChannelAdapter(works=[MailboxWatcher(account, service, settings.inbox_folder).run()])


def _bytes_of(secrets: Sequence[SecretStr]) -> tuple[bytes, ...]:
    return tuple(secret.get_secret_value().encode() for secret in secrets)
