"""What fulfillment's handlers may know and use: the vault, the records, the data maps, and who answers."""

import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from functools import reduce
from typing import Protocol

from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.changes.change import Undone
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.drop.hash_lists import HashListBatch
from services.fulfillment.erasure.completion import ErasableRecords as Erasing
from services.fulfillment.erasure.journal.recorder import (
    ErasureJournalPort,
    RetainedRecordsPort,
    StopListPort,
)
from services.fulfillment.erasure.steps import ErasurePlan
from services.fulfillment.package.sealed_text import open_lines, seal_lines
from services.fulfillment.recipients.carrier import Parcel
from services.fulfillment.recipients.directory import DataRecipient, pseudonyms
from services.fulfillment.search.identities import Identities
from services.fulfillment.search.walk import Findings
from services.fulfillment.state import Fulfilment, evolve
from shared.contract.answer import SUBMISSION
from shared.contract.events import Fact, RequestSubmitted
from shared.contract.ports import TimersPort, VaultPort
from shared.law import GivenCopies, Money
from shared.runtime.safe_http import Receipt


class PersonRecords(Erasing, Protocol):
    """The person's records, in the stores of the data map."""

    async def gather(
        self,
        data_map: DataMap,
        identities: Identities,
        claimed: Identities | None = None,
        verified: Identities | None = None,
    ) -> Findings:
        """Return every record of the person."""

    async def gather_verified(self, data_map: DataMap, identities: Identities) -> Findings:
        """Return the records in which *identities* stand verified, and those that belong to these."""

    async def change(self, plan: ErasurePlan) -> Sequence[Undone]:
        """Mark and correct by *plan*, read it again, and return what does not stand there."""


class DataMapPort(Protocol):
    """The data maps."""

    @property
    def current(self) -> DataMap:
        """The map that new cases start with."""

    async def of(self, version: str) -> DataMap:
        """Return the map that a case started with."""


class DisagreementPort(Protocol):
    """Who disagrees with what is held about them."""

    async def keep(self, case: str, identities: Identities, at: datetime) -> None:
        """Remember that *case* holds a statement of the person whom *identities* name."""


class CopyCounterPort(Protocol):
    """The copies that people were given."""

    async def given(self, case: str, identities: Identities, at: datetime, content: bytes) -> GivenCopies:
        """Return the copies, of known content, that cases but *case* gave the person within a year."""

    async def count(
        self, case: str, identities: Identities, at: datetime, content: bytes | None = None
    ) -> int:
        """Note that *case* gives a copy, and return how many the person was given within a year."""


class CarrierPort(Protocol):
    """The way to other controllers."""

    async def send(self, parcel: Parcel) -> Receipt:
        """Send *parcel* and return the receiver's receipt."""


class RecipientWebhookPort(Protocol):
    """The way to the recipients of data."""

    async def send(self, recipient: DataRecipient, message_id: str, body: bytes, at: datetime) -> None:
        """Return when *recipient* has acknowledged *body*."""


class HashListPort(Protocol):
    """What California's DROP has listed."""

    async def take(self, batch: HashListBatch) -> None:
        """Have *batch* looked up; taking it again changes nothing."""


@dataclass(frozen=True, slots=True)
class FulfillmentProfile:
    """Who answers, and how."""

    controller: str
    contact: str
    authority: str
    zone: tzinfo
    signer: CertificateSigner = field(repr=False)
    pseudonyms: bytes = field(repr=False)
    """Key that identifiers are hashed with for the recipients of data."""
    package_lifetime: timedelta
    approval_above: int | None = None
    """How many records an erasure may change before a second person must approve of it; none: any number."""
    two_deciders: bool = False
    """Whether two of the staff must decide that an alias or a corrected identity is the person's."""
    erasure_window: timedelta = timedelta()
    """How long a planned erasure waits, in which it can be stopped."""
    recipients: Mapping[str, DataRecipient] = field(default_factory=dict)
    """Those with whom a way to tell them is agreed, by their names in the data map."""
    patience: timedelta = timedelta(hours=24)
    """How long a recipient is tried to be told."""

    def key_of(self, recipient: str) -> bytes:
        """Return the key that identifiers are hashed with for *recipient*."""
        agreed = self.recipients.get(recipient)
        return self.pseudonyms if agreed is None else agreed.key

    automated_decisions: str = ""
    """What answers say of decisions that machines make alone; nothing when empty."""
    further_copy_fee: Money | None = None
    """What a copy costs after those that the laws give for nothing; none: they are all free."""


@dataclass(frozen=True, slots=True)
class Fulfillment:
    """What a handler may know and use."""

    case_id: str
    known: Fulfilment
    now: datetime
    occurred_at: datetime
    vault: VaultPort = field(repr=False)
    records: PersonRecords = field(repr=False)
    maps: DataMapPort = field(repr=False)
    house: FulfillmentProfile
    suppressions: StopListPort = field(repr=False)
    disagreements: DisagreementPort = field(repr=False)
    erasures: ErasureJournalPort = field(repr=False)
    kept: RetainedRecordsPort = field(repr=False)
    copies: CopyCounterPort = field(repr=False)
    carrier: CarrierPort = field(repr=False)
    webhooks: RecipientWebhookPort = field(repr=False)
    listed: HashListPort = field(repr=False)
    timers: TimersPort = field(repr=False)

    async def submission(self) -> RequestSubmitted:
        """Return the request as it was submitted."""
        return RequestSubmitted.model_validate_json(await self.vault.open(self.case_id, SUBMISSION))

    async def sealed(self, kind: str, content: str | bytes) -> str:
        """
        Seal *content* under a name of its own and return the name, for a fact to carry.

        An attempt that is overtaken, or dies before its facts are written, leaves what nobody names; it can
        never stand in for what another attempt told.
        """
        name = f"{kind}_{secrets.token_hex(8)}"
        await self.vault.seal(self.case_id, name, content if isinstance(content, bytes) else content.encode())
        return name

    def after(self, *facts: Fact) -> "Fulfillment":
        """Return this after *facts*."""
        return replace(self, known=reduce(evolve, facts, self.known))

    def free(self) -> "Fulfillment":
        """Return this where nothing costs a fee: what completes an answer is no further copy."""
        return replace(self, house=replace(self.house, further_copy_fee=None))

    def pseudonyms_of(self, identities: Identities) -> dict[str, str]:
        """Return the identifiers as recipients know them: hashed with the key agreed with them."""
        return pseudonyms(identities, self.house.pseudonyms)

    async def sealed_lines(self, kind: str, lines: Iterable[str]) -> str:
        """Seal *lines* as :meth:`sealed` does, however many they are; they are never all in memory."""
        name = f"{kind}_{secrets.token_hex(8)}"
        await seal_lines(self.vault, self.case_id, name, lines)
        return name

    def opened_lines(self, name: str) -> AsyncIterator[str]:
        """Yield the lines that :meth:`sealed_lines` sealed under *name*."""
        return open_lines(self.vault, self.case_id, name)

    def today(self) -> date:
        """Return the day it is where requests are answered."""
        return self.now.astimezone(self.house.zone).date()
