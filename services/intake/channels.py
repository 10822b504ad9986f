"""
Puts together the channels that are turned on: each is an adapter to the same door.

What is turned off is not there: its address answers 404.
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

from services.intake.attempts import FailedAttempts
from services.intake.callbacks import Reached, Telling, Watch
from services.intake.door import Door
from services.intake.drop.client import Platform as California
from services.intake.drop.files import hours
from services.intake.drop.ledger import Ledger
from services.intake.drop.puller import Puller
from services.intake.drp.api import drp_app
from services.intake.drp.desk import Desk
from services.intake.drp.tokens import Tokens
from services.intake.fides import sweeping
from services.intake.fides.api import Served as ClientsServed
from services.intake.fides.api import fides_app
from services.intake.fides.consents import Begun, Consents, Sweep
from services.intake.fides.desk import Desk as ClientsDesk
from services.intake.fides.ledger import Ledger as ClientsLedger
from services.intake.fides.oauth import Clients
from services.intake.fides.policies import Policies
from services.intake.fides.reviews import Reviews
from services.intake.fides.sweeping import Leftovers
from services.intake.fides.tokens import Tokens as ClientTokens
from services.intake.firsts import Firsts
from services.intake.listing import Listing
from services.intake.mail.desk import Desk as MailDesk
from services.intake.mail.imap import Account, Mailbox
from services.intake.mail.reading import LARGEST
from services.intake.mail.rulebook import rulebook
from services.intake.mail.senders import Senders
from services.intake.mail.smtp import Port
from services.intake.opendsr.api import opendsr_app
from services.intake.opendsr.certificate import Certified
from services.intake.opendsr.desk import Desk as ControllersDesk
from services.intake.opendsr.filing import Files
from services.intake.opendsr.groups import Groups
from services.intake.opendsr.messages import Served
from services.intake.settings import IntakeSettings
from services.intake.webhooks import apple, risc
from services.intake.webhooks.api import webhooks_app
from services.intake.webhooks.desk import Desk as Platforms
from services.intake.webhooks.tokens import Expected
from shared import incoming
from shared.client_limits import Allowance
from shared.errors import ConfigurationError
from shared.jwks import ISSUER_TIMEOUT_S, KeySet
from shared.keyring import derived_key
from shared.mongo import Database
from shared.outward import Outward
from shared.vault import Vault

Background: TypeAlias = Coroutine[Any, Any, None]


@dataclass(frozen=True, slots=True)
class Ground:
    """What channels stand on."""

    settings: IntakeSettings
    database: Database
    vault: Vault
    door: Door
    firsts: Firsts
    public: Allowance
    """How often people may lodge without a key."""
    attempts: FailedAttempts

    def key(self, purpose: str) -> bytes:
        """Return the key for *purpose* alone."""
        return derived_key(self.settings.root_key, purpose)


@dataclass(frozen=True, slots=True)
class Channel:
    """A way in."""

    path: str = ""
    """Where *app* lies below the address of intake."""
    app: ASGIApp | None = None
    works: Sequence[Background] = ()
    """What it does all the time."""


@asynccontextmanager
async def channels(ground: Ground) -> AsyncIterator[list[Channel]]:
    """
    Open the channels that are turned on.

    Raises:
        ConfigurationError: What one of them needs is missing, or does not fit.
    """
    settings = ground.settings
    async with AsyncExitStack() as stack:
        begun = Begun(ground.database)
        requests = ClientsLedger(ground.database)
        # Where they are served no longer, too, what people have begun is destroyed in time.
        sweeps = Sweep(begun, ground.vault), Leftovers(requests, ground.door, ground.vault)
        swept = Channel(works=[sweeping.for_ever(sweep.work) for sweep in sweeps])
        opened = [await _platforms(ground, stack), swept]
        if settings.fides_served:
            opened.append(await _clients(ground, begun, requests))
        if settings.drp_business:
            opened.append(await _agents(ground))
        if settings.opendsr_controllers:
            opened.append(await _controllers(ground))
        if settings.drop_key.get_secret_value():
            opened.append(await _california(ground))
        yield [*opened, *_inbox(ground, stack)]


async def _agents(ground: Ground) -> Channel:
    """Return what authorised agents call, and are called back by."""
    settings = ground.settings
    tokens = Tokens(ground.database, ground.key("tokens of agents"))
    watch = Watch(ground.database["drp_callbacks"])
    await tokens.prepare()
    await watch.prepare()
    desk = Desk(
        door=ground.door,
        tokens=tokens,
        watch=watch,
        agents={agent.id: agent for agent in settings.drp_agents},
        business=settings.drp_business,
        practice=settings.practice(),
        root=settings.public_url.rstrip("/"),
    )
    telling = Telling(desk, watch, Reached(Outward(settings.drp_callback_allow)))
    return Channel("/drp", drp_app(desk), [telling.for_ever()])


async def _controllers(ground: Ground) -> Channel:
    """Return what controllers call, and are called back by."""
    settings = ground.settings
    domain = urlsplit(settings.opendsr_url).hostname
    if not domain:
        raise ConfigurationError("HABEAS_OPENDSR_URL: must say where controllers reach intake")
    key = settings.opendsr_key.get_secret_value()
    certified = Certified.of(key, settings.opendsr_certificate, domain, datetime.now(UTC))
    groups = Groups(ground.database, ground.key("groups of requests"))
    watch = Watch(ground.database["opendsr_callbacks"])
    await groups.prepare()
    await watch.prepare()
    files = Files(
        door=ground.door,
        watch=watch,
        groups=groups,
        firsts=ground.firsts,
        controllers={controller.id: controller for controller in settings.opendsr_controllers},
        served=Served(domain, settings.opendsr_identities),
    )
    desk = ControllersDesk(
        files=files,
        certified=certified,
        practice=settings.practice(),
        url=settings.opendsr_url.rstrip("/"),
        submissions=Allowance(settings.opendsr_requests_per_hour),
        attempts=ground.attempts,
    )
    telling = Telling(desk, watch, Reached(Outward(settings.opendsr_callback_allow)))
    return Channel("/opendsr", opendsr_app(desk), [telling.for_ever()])


async def _platforms(ground: Ground, stack: AsyncExitStack) -> Channel:
    """Return what platforms call."""
    settings = ground.settings
    http = await stack.enter_async_context(httpx.AsyncClient(timeout=ISSUER_TIMEOUT_S))
    apples = KeySet(apple.ISSUER, http, url=settings.apple_keys)
    others = KeySet(settings.risc_issuer, http, url=settings.risc_keys)
    desk = Platforms(
        door=ground.door,
        shopify=_bytes_of(settings.shopify_secrets),
        meta=_bytes_of(settings.meta_secrets),
        apple=Expected(apples, settings.apple_clients, apple.REQUIRED) if settings.apple_clients else None,
        risc=Expected(others, settings.risc_audiences, risc.REQUIRED) if settings.risc_issuer else None,
        root=settings.public_url.rstrip("/"),
    )
    return Channel("/webhooks", webhooks_app(desk))


async def _clients(ground: Ground, begun: Begun, requests: ClientsLedger) -> Channel:
    """Return what clients of Fides call."""
    settings = ground.settings
    tokens = ClientTokens(ground.database, ground.key("tokens of clients"))
    for collection in (tokens, requests, begun):
        await collection.prepare()
    policies = Policies(settings.fides_policies, settings.fides_data_uses)
    root = settings.public_url.rstrip("/")
    desk = ClientsDesk(ground.door, requests, policies, settings.practice(), root)
    clients = Clients(settings.fides_clients, tokens, attempts=ground.attempts)
    served = ClientsServed(
        desk, Reviews(desk, requests, settings.fides_clients), Consents(desk, begun), clients, ground.public
    )
    return Channel("/fides", fides_app(served, settings.fides_origins))


async def _california(ground: Ground) -> Channel:
    """Return what fetches and answers the lists of California's DROP."""
    settings, door = ground.settings, ground.door
    ledger = Ledger(ground.database)
    await ledger.prepare()
    state = California(settings.drop_url, settings.drop_key.get_secret_value())
    listing = Listing(ground.vault, door.journal, door.publisher)
    puller = Puller(state, ledger, listing, door, settings.drop_every, hours(settings.drop_closed))
    return Channel(works=[puller.for_ever()])


def _inbox(ground: Ground, stack: AsyncExitStack) -> Iterator[Channel]:
    """Yield what takes mail in."""
    settings = ground.settings
    threads = settings.threads()
    if threads is None:
        return
    senders = Senders(settings.inbox_per_hour)
    desk = MailDesk(ground.door, threads, rulebook(), senders, settings.practice(), settings.inbox_trust)
    if settings.inbox_port:
        bound = incoming.bound(settings.http_host, settings.inbox_port, "HABEAS_INBOX_PORT")
        local = settings.inbox_protocol == "lmtp"
        listener = stack.enter_context(bound)
        yield Channel(works=[incoming.listen(Port(desk), listener, largest=LARGEST, local=local)])
    if settings.inbox_imap is not None:
        account = Account.parse(settings.inbox_imap.get_secret_value())
        yield Channel(works=[Mailbox(account, desk, settings.inbox_folder).run()])


def _bytes_of(secrets: Sequence[SecretStr]) -> tuple[bytes, ...]:
    return tuple(secret.get_secret_value().encode() for secret in secrets)
