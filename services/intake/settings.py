"""What intake alone needs to be told."""

from datetime import date
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from services.intake.clock import Practice
from services.intake.drp.directory import ListedAgent
from services.intake.mail.imap import Account
from shared.calendars import calendar_named
from shared.errors import ConfigurationError
from shared.law import Company
from shared.policies import policies
from shared.settings import InboxSettings

KEY_CHARACTERS = 16
"""An empty key would let everybody in, a short one everybody who tries."""


class IntakeSettings(InboxSettings):
    """Settings of intake."""

    api_keys: dict[str, SecretStr] = Field(default_factory=dict)
    """Upstream systems that may use the HTTP API: JSON, CloudEvents source → key of 16 characters or more."""

    register_months: int = Field(default=24, ge=24, le=1200)
    """Months that the record of a request is kept after it ended; then it is only counted."""

    public_requests_per_hour: int = Field(default=20, ge=0)
    """Requests one address may lodge without a key; 0 closes the public door."""

    drp_business: str = Field(default="", max_length=200)
    """Id of the company in the service directory of the Data Rights Protocol; empty: no agents are served."""

    drp_agents: tuple[ListedAgent, ...] = ()
    """Authorised agents that are served: JSON list of entries of the protocol's `agents.json`."""

    drp_callback_allow: frozenset[str] = frozenset()
    """Hosts that agents may be called back at although they lie inside: JSON, `["agent.example.com"]`."""

    inbox_port: int = Field(default=0, ge=0, le=65535)
    """Port that takes mail for `HABEAS_INBOX_ADDRESS`, on `HABEAS_HTTP_HOST`; 0: none."""

    inbox_protocol: Literal["smtp", "lmtp"] = "smtp"
    """What is spoken on that port: `smtp` or `lmtp`."""

    inbox_imap: SecretStr | None = Field(default=None, validate_default=True)
    """Mailbox that mail is fetched from, `imaps://user:password@host/INBOX`; `imap://` is not encrypted."""

    inbox_folder: str = Field(default="Habeas", pattern=r"^[\x20-\x7e]{0,100}$")
    """Folder of that mailbox that mails go to once they are taken in; empty: they stay, and are marked."""

    inbox_trust: str = Field(default="", max_length=255)
    """Name under which your mail server writes `Authentication-Results`; empty: none is believed."""

    inbox_per_hour: int = Field(default=6, ge=1, le=1000)
    """Cases that one sender may open by mail within an hour; more of it goes on file in the last of them."""

    @field_validator("inbox_port", "inbox_imap")
    @classmethod
    def _knows_its_address(cls, value: object, told: ValidationInfo) -> object:
        if value and not told.data.get("inbox_address"):
            raise ValueError("needs HABEAS_INBOX_ADDRESS")
        return value

    @field_validator("inbox_imap")
    @classmethod
    def _is_a_mailbox(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            Account.parse(url.get_secret_value())
        return url

    @field_validator("api_keys")
    @classmethod
    def _are_hard_to_guess(cls, keys: dict[str, SecretStr]) -> dict[str, SecretStr]:
        if any(len(key.get_secret_value()) < KEY_CHARACTERS for key in keys.values()):
            raise ValueError(f"every key needs at least {KEY_CHARACTERS} characters")
        return keys

    @field_validator("drp_agents")
    @classmethod
    def _are_listed_once(cls, agents: tuple[ListedAgent, ...]) -> tuple[ListedAgent, ...]:
        if len({agent.id for agent in agents}) < len(agents):
            raise ValueError("two agents have the same id")
        return agents

    @field_validator("company")
    @classmethod
    def _has_a_known_calendar(cls, company: Company) -> Company:
        try:
            for place in company.places:
                calendar_named(place)
            for law in filter(None, (company.grants_to_others, company.grants_to_everybody)):
                policies().in_force(law, date.max)
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
        return company

    def practice(self) -> Practice:
        """Return how this company counts days."""
        return Practice(self.company, policies(), calendar_named)
