"""What intake alone needs to be told."""

from datetime import date
from typing import Annotated, TypeAlias

from pydantic import Field, SecretStr, StringConstraints, field_validator

from services.intake.clock import Practice
from services.intake.drp.directory import ListedAgent
from services.intake.fides.bodies import Key
from services.intake.fides.clients import Client
from services.intake.fides.policies import DATA_USES, DEFAULTS, Wish
from shared.calendars import calendar_named
from shared.errors import ConfigurationError
from shared.law import Company
from shared.policies import policies
from shared.settings import Settings

KEY_CHARACTERS = 16
"""An empty key would let everybody in, a short one everybody who tries."""

ClientId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.]{1,70}$")]
"""It stands in events as who has decided something."""
Origin: TypeAlias = Annotated[str, StringConstraints(pattern=r"^https?://[a-zA-Z0-9.:\[\]-]+$")]
"""Scheme, host and port of a site, without a slash at the end."""


class IntakeSettings(Settings):
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

    fides_served: bool = False
    """Whether requests are taken below `/fides` in the form that clients of Fides send them."""

    fides_clients: dict[ClientId, Client] = Field(default_factory=dict)
    """Clients of Fides that get tokens: JSON, id → `{"secret": "…", "scopes": ["privacy-request:read"]}`."""

    fides_origins: frozenset[Origin] = frozenset()
    """Sites whose pages call from a browser: JSON, `["https://privacy.example.com"]`."""

    fides_policies: dict[Key, Wish] = Field(default_factory=lambda: dict(DEFAULTS))
    """What policies of Fides stand for: JSON, key → right, or `direct_marketing` for an objection to that."""

    fides_data_uses: dict[str, Wish] = Field(default_factory=lambda: dict(DATA_USES))
    """What opting out of a use of data stands for, whatever the policy says: JSON, use → right."""

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
