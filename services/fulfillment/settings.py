"""What fulfillment alone needs to be told."""

from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from services.fulfillment.context import House
from services.fulfillment.signing import Signer
from shared.settings import Settings, Zone
from shared.vault import derived_key


class FulfillmentSettings(Settings):
    """Settings of fulfillment."""

    datamap: Path
    """Folder of the data map: YAML files that say where personal data lies."""

    stores: dict[str, SecretStr] = Field(default_factory=dict)
    """MongoDB URLs of the business data: JSON, store name → URL; `default` is Habeas' own when left out."""

    zone: Zone
    """Time zone in which the company answers, `Europe/Berlin`."""

    mail_from: str
    """Who answers: `Example Privacy <privacy@example.com>`."""

    authority_name: str
    """Supervisory authority of the place of establishment; the package names it (GDPR Art. 15(1)(f))."""

    package_lifetime: timedelta = timedelta(days=30)
    """How long a package can be downloaded."""

    @field_validator("stores")
    @classmethod
    def _are_databases(cls, stores: dict[str, SecretStr]) -> dict[str, SecretStr]:
        """Refuse a URL of another kind: the driver would look for a host of that name for ever."""
        schemes = ("mongodb://", "mongodb+srv://")
        if not all(url.get_secret_value().startswith(schemes) for url in stores.values()):
            raise ValueError(f"every URL must begin with {' or '.join(schemes)}")
        return stores

    def store_urls(self) -> dict[str, str]:
        """Return the URL of every store."""
        urls = {name: url.get_secret_value() for name, url in self.stores.items()}
        return {"default": self.mongo_url.get_secret_value(), **urls}

    def house(self) -> House:
        """Return who answers, and how."""
        name, address = parseaddr(self.mail_from)
        return House(
            controller=name,
            contact=address,
            authority=self.authority_name,
            zone=self.zone,
            signer=Signer(self.master_key_bytes),
            pseudonyms=derived_key(self.master_key_bytes, "pseudonyms"),
            package_lifetime=self.package_lifetime,
        )
