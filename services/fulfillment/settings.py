"""Settings of fulfillment."""

import base64
import binascii
from contextlib import suppress
from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.context import FulfillmentProfile
from services.fulfillment.package.review import ALL, REVIEWED
from services.fulfillment.recipients.directory import DataRecipient
from services.fulfillment.recipients.receivers import PackageReceiver
from services.fulfillment.search.search_memory import SearchMemory
from services.fulfillment.stores.registers import USUAL_RETENTION
from shared.law.library import picture, policies
from shared.runtime.key_rings import derived_key
from shared.runtime.openpgp import FINGERPRINTS, OpenPgpCertificate
from shared.runtime.settings import Settings

PREFIX = "whsec_"
LEAST_KEY_BYTES = 24


class AgreedRecipient(BaseModel):
    """The agreed notification of one recipient of data."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: SecretStr
    """`whsec_` and base64 of 24 bytes or more: it hashes identifiers and signs webhooks."""
    webhook: str | None = None
    """Address, `https://…`; without it the recipient listens to `habeas.recipient.concerned.v1`."""
    inside: bool = False
    """Whether the address may be internal, and use plain HTTP."""

    @field_validator("key")
    @classmethod
    def _is_a_key(cls, key: SecretStr) -> SecretStr:
        text, content = key.get_secret_value(), b""
        with suppress(binascii.Error):
            content = base64.b64decode(text.removeprefix(PREFIX), validate=True)
        if not text.startswith(PREFIX) or len(content) < LEAST_KEY_BYTES:
            raise ValueError(f"must be {PREFIX} and base64 of {LEAST_KEY_BYTES} bytes or more")
        return key

    @model_validator(mode="after")
    def _leads_where_it_may(self) -> "AgreedRecipient":
        schemes = ("https://", "http://") if self.inside else ("https://",)
        if self.webhook is not None and not self.webhook.startswith(schemes):
            raise ValueError(f"webhook: must begin with {' or '.join(schemes)}")
        return self

    def value(self) -> DataRecipient:
        """Return the value for handlers."""
        key = base64.b64decode(self.key.get_secret_value().removeprefix(PREFIX))
        return DataRecipient(key, self.webhook, self.inside)


class AgreedReceiver(BaseModel):
    """Another controller that packages may be sent to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern="^https://")
    """Address of the messages."""
    certificate: Path
    """File with its OpenPGP certificate."""
    fingerprint: str = Field(pattern=FINGERPRINTS)
    """Fingerprint of the certificate, in small letters, as its owner confirmed it."""

    def value(self) -> PackageReceiver:
        """Return the value for handlers; raises ConfigurationError for an unusable certificate."""
        return PackageReceiver(self.url, OpenPgpCertificate.read(self.certificate, self.fingerprint))


class FulfillmentSettings(Settings):
    """Settings of fulfillment."""

    account: ClassVar[str] = "fulfillment"

    datamap: Path
    """Folder of the data map: YAML files that describe where personal data is."""

    map_check_every: timedelta = Field(default=timedelta(hours=6), ge=timedelta(0))
    """How often the data map is compared with the stores, for the console; `PT0S`: never."""

    stores: dict[str, SecretStr] = Field(default_factory=dict)
    """MongoDB URLs of the business data: JSON, store name → URL; `default` is Habeas' own when left out."""

    mail_from: str
    """The controller: `Example Privacy <privacy@example.com>`."""

    automated_decisions: str = ""
    """The answers' statement on automated decisions and their logic (GDPR Art. 15(1)(h))."""

    package_lifetime: timedelta = timedelta(days=30)
    """How long a package can be downloaded."""

    backup_retention: timedelta = USUAL_RETENTION
    """How long backups of the business data are kept; also the expiry of the erasure journal."""

    recipients: dict[str, AgreedRecipient] = Field(default_factory=dict)
    """Notified recipients: JSON, name in the data map → `{"webhook": "https://…", "key": "whsec_…"}`."""

    receivers: dict[str, AgreedReceiver] = Field(default_factory=dict)
    """
    Other controllers that packages may be sent to: JSON, host → `{"url": "https://…", "certificate": "FILE",
    "fingerprint": "…"}`, with an OpenPGP certificate. Other hosts get nothing.
    """

    erasure_approval: str = Field(default="never", pattern=r"^(never|always|above:[0-9]{1,9})$")
    """Whether a second person must approve of an erasure: `never`, `always`, or `above:N` records."""

    erasure_approvers: int = Field(default=1, ge=1, le=2)
    """How many staff accounts must approve such an erasure: 1 or 2; 2 needs `HABEAS_ERASURE_APPROVAL`."""

    erasure_window: timedelta = Field(default=timedelta(days=1), ge=timedelta(), le=timedelta(days=7))
    """
    The window before an erasure, before a copy or transfer of records with other mailboxes, and before the
    end of services with a withdrawn consent: the people concerned are notified first. It can be stopped until
    then. At most a week; shorter before the last day for the answer, but a day at least. `PT0S`: none waits.
    """

    two_deciders: bool = False
    """Whether two of the staff must release values, end a referral, purge, or confirm an identity."""

    review: frozenset[str] = frozenset()
    """
    Packages that the staff reviews before they are sent: JSON, `["access", "us-ca-ccpa:portability"]`, with
    rights, or laws and rights; `["*"]`: all. `access` means the copy that goes with an erasure as well.
    """

    transfer_allow: frozenset[str] = frozenset()
    """Internal hosts that a package may be sent on to: JSON, `["import.example.com"]`."""

    breach_query_time: timedelta = timedelta(minutes=10)
    """Time limit of one query for the people affected by a breach, before it is retried later."""

    search_memory: int = Field(default=256, ge=1)
    """
    Most MiB that the records of all searches under way take; further large requests wait. A single one may
    take more.
    """

    residual_scan: bool = True
    """Whether an erasure ends with a search of all mapped texts for the person."""

    @model_validator(mode="after")
    def _approvers_approve(self) -> "FulfillmentSettings":
        if self.erasure_approvers > 1 and self.erasure_approval == "never":
            raise ValueError("erasure_approvers: no erasure waits while HABEAS_ERASURE_APPROVAL is never")
        return self

    @field_validator("stores")
    @classmethod
    def _are_databases(cls, stores: dict[str, SecretStr]) -> dict[str, SecretStr]:
        """Reject a URL of another kind: the driver would look for a host of that name for ever."""
        schemes = ("mongodb://", "mongodb+srv://")
        if not all(url.get_secret_value().startswith(schemes) for url in stores.values()):
            raise ValueError(f"every URL must begin with {' or '.join(schemes)}")
        return stores

    @field_validator("receivers")
    @classmethod
    def _are_their_hosts(cls, receivers: dict[str, AgreedReceiver]) -> dict[str, AgreedReceiver]:
        """Reject an address at another host: the person confirms the host."""
        if any(urlsplit(agreed.url).hostname != host for host, agreed in receivers.items()):
            raise ValueError("every url must be at the host that it stands under")
        return receivers

    @field_validator("review")
    @classmethod
    def _are_rights(cls, review: frozenset[str]) -> frozenset[str]:
        """Reject unknown rights and laws: their packages would be sent unreviewed."""
        laws = {law.law for law in policies()}
        known = {ALL, *REVIEWED, *(f"{law}:{right}" for law in laws for right in REVIEWED)}
        if unknown := sorted(review - known):
            raise ValueError(f"unknown: {', '.join(unknown)}; rights are {', '.join(sorted(REVIEWED))}")
        return review

    def store_urls(self) -> dict[str, str]:
        """Return the URL of every store."""
        urls = {name: url.get_secret_value() for name, url in self.stores.items()}
        return {"default": self.mongo_url.get_secret_value(), **urls}

    def memory(self) -> SearchMemory:
        """Return the memory of all searches."""
        return SearchMemory(self.search_memory << 20)

    def inner_recipients(self) -> frozenset[str]:
        """Return the hosts of the recipients that may be internal."""
        inside = [agreed for agreed in self.recipients.values() if agreed.inside]
        return frozenset(urlsplit(agreed.webhook or "").hostname or "" for agreed in inside)

    def house(self) -> FulfillmentProfile:
        """Return the controller's profile."""
        _, address = parseaddr(self.mail_from)
        limit = self.erasure_approval.partition(":")[2]
        return FulfillmentProfile(
            controller=self.company.name,
            contact=address,
            authority=self.company.authority.name,
            logo=picture(self.company.brand.logo),
            zone=self.company.zone,
            signer=CertificateSigner(self.root_key),
            pseudonyms=derived_key(self.root_key, "pseudonyms"),
            package_lifetime=self.package_lifetime,
            further_copy_fee=self.company.further_copy_fee,
            approval_above=None if self.erasure_approval == "never" else int(limit or 0),
            approvers=self.erasure_approvers,
            two_deciders=self.two_deciders,
            review=self.review,
            erasure_window=self.erasure_window,
            recipients={name: agreed.value() for name, agreed in self.recipients.items()},
            receivers={host: agreed.value() for host, agreed in self.receivers.items()},
            patience=self.retry_for,
            automated_decisions=self.automated_decisions,
            # The default is an assumption for the journal; a letter names a day only if it was set.
            backup_retention=self.backup_retention if "backup_retention" in self.model_fields_set else None,
        )
