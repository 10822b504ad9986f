"""What intake alone needs to be told."""

from datetime import timedelta

from pydantic import Field, SecretStr, field_validator

from services.intake.domain import Practice
from shared.calendars import calendar_named
from shared.errors import ConfigurationError
from shared.law import Regulation
from shared.policies import policies
from shared.settings import Settings, Zone

KEY_CHARACTERS = 16
"""An empty key would let everybody in, a short one everybody who tries."""


class IntakeSettings(Settings):
    """Settings of intake."""

    zone: Zone
    """Time zone in which the company answers, `Europe/Berlin`: days begin and end there."""

    calendar: str
    """Public holidays of the place of establishment: a country or a part of it, `DE-BE`."""

    calendar_uk: str = "GB-ENG"
    """Public holidays that move the due dates of the United Kingdom."""

    calendar_california: str = "US-CA"
    """Holidays that business days are counted without in California."""

    margin: timedelta | None = None
    """How long before the statutory day an answer should be ready; by the law's period when left out."""

    floor: Regulation = Regulation.GDPR
    """The law granted to people whose own gives no such right."""

    api_keys: dict[str, SecretStr] = Field(default_factory=dict)
    """Upstream systems that may use the HTTP API: JSON, CloudEvents source → key of 16 characters or more."""

    public_requests_per_hour: int = Field(default=20, ge=0)
    """Requests one address may lodge without a key; 0 closes the public door."""

    @field_validator("api_keys")
    @classmethod
    def _are_hard_to_guess(cls, keys: dict[str, SecretStr]) -> dict[str, SecretStr]:
        if any(len(key.get_secret_value()) < KEY_CHARACTERS for key in keys.values()):
            raise ValueError(f"every key needs at least {KEY_CHARACTERS} characters")
        return keys

    @field_validator("calendar", "calendar_uk", "calendar_california")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            calendar_named(name)
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
        return name

    def practice(self) -> Practice:
        """Return how this company counts days."""
        calendars = {
            Regulation.GDPR: calendar_named(self.calendar),
            Regulation.UK_GDPR: calendar_named(self.calendar_uk),
            Regulation.CCPA: calendar_named(self.calendar_california),
        }
        return Practice(self.zone, calendars, policies(), self.margin, self.floor)
