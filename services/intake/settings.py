"""The settings of intake alone."""

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from services.intake.cases.code_limits import PER_NETWORK
from services.intake.channels.drop.terms import hours
from services.intake.channels.drp.agents import ListedAgent
from services.intake.channels.email.inbox import ImapAccount
from services.intake.channels.fides.bodies import Key
from services.intake.channels.fides.clients import Client
from services.intake.channels.fides.requests import DATA_USES, DEFAULTS, Wish
from services.intake.channels.opendsr.controllers import ListedController
from services.intake.channels.opendsr.messages import IDENTITY_TYPES
from services.intake.channels.webhooks.apple import KEYS
from services.intake.pages.site import AccountSignIn
from shared.contract.events import Code
from shared.contract.sources import Source, binding, upstream_source
from shared.errors import ConfigurationError
from shared.labels import InvalidLabel, label_of
from shared.law import ClockRules, CompanyProfile
from shared.law.calendars import calendar_named
from shared.law.library import breach_policies, policies, require_known
from shared.law.policies import E, EditionLibrary
from shared.runtime.hosts import is_local
from shared.runtime.settings import InboxSettings

SystemSource: TypeAlias = Annotated[Source, AfterValidator(upstream_source)]
SourcePattern: TypeAlias = Annotated[str, AfterValidator(binding)]
KEY_CHARACTERS = 16
"""An empty key would admit every caller, a short one can be guessed."""

ClientId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.]{1,70}$")]
"""Events name it as the decider."""
Origin: TypeAlias = Annotated[str, StringConstraints(pattern=r"^https?://[a-zA-Z0-9.:\[\]-]+$")]
"""Scheme, host and port of a site, without a slash at the end."""
HTTPS_OR_LOCAL: Final = r"^https://|^http://(127\.0\.0\.1|localhost)[:/]"
"""An address with TLS, or of this machine."""


def _in_the_protocol(kind: str) -> str:
    if kind not in IDENTITY_TYPES:
        raise ValueError("is no identity type of the protocol")
    return kind


IdentityType: TypeAlias = Annotated[str, AfterValidator(_in_the_protocol)]


def _must_apply(library: EditionLibrary[E], company: CompanyProfile | None) -> None:
    """Raise ConfigurationError unless the laws that *company* grants to people without one apply."""
    granted = (company.grants_to_others, company.grants_to_everybody) if company else ()
    for law in {law for law in granted if law in library.laws}:
        if not library.applies(library.in_force(law, date.max)):
            raise ConfigurationError(f"{law}: the company grants it, and a deadline of it was not read")


class IntakeSettings(InboxSettings):
    """Settings of intake."""

    account: ClassVar[str] = "intake"

    api_keys: dict[SystemSource, SecretStr] = Field(default_factory=dict)
    """Upstream systems that may use the HTTP API: JSON, CloudEvents source → key of 16 characters or more."""

    sources: dict[str, frozenset[SourcePattern]] = Field(default_factory=dict)
    """
    Sources that each broker user may publish as: JSON, `{"shop": ["shop.example", "shop.example/*"]}`; a user
    without an entry may use its own name.
    """

    codes_offered_per_hour: int = Field(default=PER_NETWORK, ge=1)
    """One-time codes that one network may offer within an hour, over all requests."""

    wrong_codes_alarm: int = Field(default=100, ge=1)
    """
    Wrong codes within an hour, over all requests, that log an error and limit each network to five codes an
    hour.
    """

    register_months: int = Field(default=24, ge=24, le=1200)
    """Months that the record of a request is kept after its end; then it is only counted."""

    incident_months: int = Field(default=60, ge=24, le=1200)
    """Months that an incident stays in the register of breaches after its last declaration."""

    incident_people_months: int = Field(default=36, ge=12, le=1200)
    """Months that the people notified of a breach are kept, as evidence of their notices."""

    public_requests_per_hour: int = Field(default=20, ge=0)
    """Requests that one address may lodge without a key within an hour; 0 closes the public channels."""

    requests_per_hour: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    """Requests that begin in an hour, more wait: JSON, upstream system → number; `*`: each other one."""

    proof_certificate: Path | None = None
    """File with the OpenPGP certificate of `HABEAS_PROOF_KEY`: the page offers it to encrypt documents."""

    editable_fields: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Fields that people may correct, by label in the form: JSON, as `habeas map editable` prints it."""

    login_page: str = Field(default="", pattern=rf"^$|{HTTPS_OR_LOCAL}")
    """
    Authorization endpoint of the company's own log-in (OpenID Connect): the page links to it, and takes its
    ID token by form_post at `/requests/sign-in`.
    """

    login_client: str = ""
    """Audience that those tokens must be meant for."""

    drp_business: str = Field(default="", max_length=200)
    """
    Id of the company in the service directory of the Data Rights Protocol; empty: the protocol is disabled.
    """

    drp_agents: tuple[ListedAgent, ...] = ()
    """Authorised agents: JSON list of entries of the protocol's `agents.json`."""

    drp_callback_allow: frozenset[str] = frozenset()
    """Internal hosts that agents may be called back at: JSON, `["agent.example.com"]`."""

    local_callbacks: bool = False
    """
    Whether agents and controllers on this machine may be called back over plain HTTP, for trials. Intake
    refuses to start with it where `HABEAS_HTTP_HOST` or `HABEAS_PUBLIC_URL` is not of this machine.
    """

    opendsr_controllers: tuple[ListedController, ...] = ()
    """
    Controllers that may use OpenDSR: JSON, `[{"id": "shop", "key": "…", "secret": "…"}]`; a secret has 16
    characters or more. Each can request any person's data, and its erasure; with `"always_waits": true`, no
    erasure before the window has passed.
    """

    opendsr_url: str = Field(default="", pattern=r"^$|^https://[^/?#@]+(/[^?#]*)?$")
    """Public address of intake's `/opendsr`, `https://opendsr.example.com/opendsr`: over HTTPS."""

    opendsr_key: SecretStr = SecretStr("")
    """Private key that signs answers to controllers: PEM, RSA of 2048 bits or more."""

    opendsr_certificate: str = ""
    """Certificate of that key, for the host of `HABEAS_OPENDSR_URL`: PEM, with its chain to an authority."""

    opendsr_identities: dict[IdentityType, Code] = Field(
        default_factory=lambda: {"email": "email"}, min_length=1
    )
    """Identity types of people in OpenDSR: JSON, the protocol's identity type → identity of the data map."""

    opendsr_requests_per_hour: int = Field(default=10_000, ge=1)
    """Requests that one controller may send within an hour."""

    opendsr_callback_allow: frozenset[str] = frozenset()
    """Internal hosts that controllers may be called back at: JSON, `["dsr.example.com"]`."""

    shopify_secrets: tuple[SecretStr, ...] = ()
    """
    Client secrets of Shopify apps that send webhooks: JSON list, the old one beside the new one during an
    exchange; empty: disabled.
    """

    meta_secrets: tuple[SecretStr, ...] = ()
    """Secrets of Meta apps that send data deletion requests: JSON list; empty: disabled."""

    apple_clients: frozenset[str] = frozenset()
    """Apps that send Sign in with Apple notifications: JSON list of client ids; empty: disabled."""

    apple_keys: str = Field(default=KEYS, pattern=HTTPS_OR_LOCAL)
    """Address of Apple's public keys."""

    risc_issuer: str = Field(default="", pattern="^$|^https://")
    """Issuer of security events (RISC), pushed by RFC 8935; empty: disabled."""

    risc_audiences: frozenset[str] = frozenset()
    """Audiences of those events: JSON list, usually the client ids of your apps there."""

    risc_keys: str = Field(default="", pattern=rf"^$|{HTTPS_OR_LOCAL}")
    """Address of the issuer's public keys; empty: as its OpenID Connect configuration states."""

    @field_validator("shopify_secrets", "meta_secrets")
    @classmethod
    def _are_secrets(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(secret.get_secret_value()) < KEY_CHARACTERS for secret in secrets):
            raise ValueError(f"every secret needs at least {KEY_CHARACTERS} characters")
        return secrets

    drop_key: SecretStr = SecretStr("")
    """Key of a data broker for California's DROP; empty: disabled."""

    drop_url: str = Field(default="https://api.drop.privacy.ca.gov", pattern=HTTPS_OR_LOCAL)
    """Address of DROP; its sandbox is at `https://api.drop.privacy.ca.gov/sandbox`."""

    drop_every: timedelta = Field(default=timedelta(days=7), gt=timedelta(), le=timedelta(days=40))
    """Interval between downloads of the lists; by law at most 45 days."""

    drop_closed: str = "01:00/03:00"
    """Hours in which DROP is closed, in California's time; empty: none."""

    inbox_port: int = Field(default=0, ge=0, le=65535)
    """Port for mail to `HABEAS_INBOX_ADDRESS`, on `HABEAS_HTTP_HOST`; 0: none."""

    inbox_protocol: Literal["smtp", "lmtp"] = "smtp"
    """Protocol of that port: `smtp` or `lmtp`."""

    inbox_imap: SecretStr | None = Field(default=None, validate_default=True)
    """Mailbox to fetch mail from, `imaps://user:password@host/INBOX`; `imap://` is not encrypted."""

    inbox_folder: str = Field(default="Habeas", pattern=r"^[\x20-\x7e]{0,100}$")
    """Folder of that mailbox for processed mail; empty: it stays, and is marked."""

    inbox_trust: str = Field(default="", max_length=255)
    """Name of your mail server in `Authentication-Results`; empty: no results are trusted."""

    inbox_per_hour: int = Field(default=6, ge=1, le=1000)
    """Cases that one sender may open by mail within an hour; further mail is filed in the last one."""

    @field_validator("inbox_port", "inbox_imap")
    @classmethod
    def _knows_its_address(cls, value: object, info: ValidationInfo) -> object:
        if value and not info.data.get("inbox_address"):
            raise ValueError("needs HABEAS_INBOX_ADDRESS")
        return value

    @field_validator("inbox_imap")
    @classmethod
    def _is_a_mailbox(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            ImapAccount.parse(url.get_secret_value())
        return url

    fides_served: bool = False
    """Whether the API of Fides is served below `/fides`."""

    fides_clients: dict[ClientId, Client] = Field(default_factory=dict)
    """
    Clients of Fides that get tokens: JSON, id → `{"secret": "…", "scopes": ["privacy-request:read"]}`; with
    `"account"` and `"key"` (verb `staff add-program`) it decides as that staff account, else nothing.
    """

    fides_origins: frozenset[Origin] = frozenset()
    """Sites that may call from a browser: JSON, `["https://privacy.example.com"]`."""

    fides_policies: dict[Key, Wish] = Field(default_factory=lambda: dict(DEFAULTS))
    """Rights of Fides' policies: JSON, key → right, or `direct_marketing` for an objection to that."""

    fides_data_uses: dict[str, Wish] = Field(default_factory=lambda: dict(DATA_USES))
    """Rights of an opt-out from a use of data, for any policy: JSON, use → right."""

    @field_validator("api_keys")
    @classmethod
    def _are_hard_to_guess(cls, keys: dict[Source, SecretStr]) -> dict[Source, SecretStr]:
        if any(len(key.get_secret_value()) < KEY_CHARACTERS for key in keys.values()):
            raise ValueError(f"every key needs at least {KEY_CHARACTERS} characters")
        return keys

    @field_validator("drop_closed")
    @classmethod
    def _are_hours(cls, written: str) -> str:
        hours(written)
        return written

    @field_validator("drp_agents")
    @classmethod
    def _are_listed_once(cls, agents: tuple[ListedAgent, ...]) -> tuple[ListedAgent, ...]:
        if len({agent.id for agent in agents}) < len(agents):
            raise ValueError("two agents have the same id")
        return agents

    @field_validator("local_callbacks")
    @classmethod
    def _is_a_trial(cls, local: bool, info: ValidationInfo) -> bool:
        hosts = info.data.get("http_host"), urlsplit(str(info.data.get("public_url"))).hostname
        if local and not all(map(is_local, hosts)):
            raise ValueError("needs HABEAS_HTTP_HOST and HABEAS_PUBLIC_URL of this machine: 127.0.0.1")
        return local

    @field_validator("opendsr_controllers")
    @classmethod
    def _have_distinct_names(cls, listed: tuple[ListedController, ...]) -> tuple[ListedController, ...]:
        secrets = {one.secret.get_secret_value() for one in listed}
        if min(len({one.id for one in listed}), len({one.key for one in listed}), len(secrets)) < len(listed):
            raise ValueError("two controllers have the same id, key or secret")
        return listed

    @field_validator("company")
    @classmethod
    def _has_a_known_calendar(cls, company: CompanyProfile) -> CompanyProfile:
        try:
            for place in company.places:
                calendar_named(place)
            for law in filter(None, (company.grants_to_others, company.grants_to_everybody)):
                policies().in_force(law, date.max)
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
        return company

    @field_validator("laws_accepted")
    @classmethod
    def _are_laws(cls, laws: frozenset[str], info: ValidationInfo) -> frozenset[str]:
        try:
            require_known(laws)
            _must_apply(policies().accepting(laws), info.data.get("company"))
            _must_apply(breach_policies().accepting(laws), info.data.get("company"))
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
        return laws

    @field_validator("editable_fields")
    @classmethod
    def _have_labels(cls, fields: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        for labels in fields.values():
            try:
                label_of(labels)
            except InvalidLabel as error:
                raise ValueError(str(error)) from None
        return fields

    def sign_in(self) -> AccountSignIn | None:
        """Return the company's sign-in page; None without one."""
        return AccountSignIn(self.login_page, self.login_client) if self.login_page else None

    def practice(self) -> ClockRules:
        """Return how this company counts days."""
        return ClockRules(self.company, policies().accepting(self.laws_accepted), calendar_named)
