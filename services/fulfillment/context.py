"""The dependencies of fulfillment's handlers: vault, records, data maps, controller."""

import asyncio
import codecs
import secrets
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from functools import reduce
from typing import Protocol

from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.changes.change import MissingChange
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.drop.hash_lists import HashLists
from services.fulfillment.erasure.completion import (
    ErasableRecords,
    ErasureJournalPort,
    RetainedRecordsPort,
    SuppressionsPort,
)
from services.fulfillment.erasure.steps import RecordPlan
from services.fulfillment.holds.check import HoldCheck, HoldsPort
from services.fulfillment.package.survey import PastRequest
from services.fulfillment.recipients.carrier import Carrier, RecipientWebhooks
from services.fulfillment.recipients.directory import DataRecipient, pseudonyms
from services.fulfillment.recipients.receivers import PackageReceiver
from services.fulfillment.search.findings import Findings
from services.fulfillment.search.identities import Identities
from services.fulfillment.state import FulfillmentCase, evolve
from services.fulfillment.stores.registers import PurgeOrders
from shared.contract.answer import ANSWER, SUBMISSION, Answer, scope_entries
from shared.contract.events import Fact, IdentityVerified, RequestReferred, RequestSubmitted
from shared.contract.ports import TimersPort, VaultPort
from shared.law import GivenCopies, Money, Right

SEALED_AT_ONCE = 1 << 20
"""Most characters of lines that are sealed as one item."""
LINES_PER_TURN = 100
"""Lines that are sealed before other tasks run."""
LIKE_ANSWERS = Answer().model_dump_json().encode()
"""An answer without content, which all resemble."""


class PersonRecords(ErasableRecords, Protocol):
    """The person's records, in the stores of the data map."""

    def due_on(self, day: date) -> "PersonRecords":
        """Return the records for a request due on *day*: its look-ups precede those due later."""

    async def gather(
        self,
        data_map: DataMap,
        identities: Identities,
        claimed: Identities | None = None,
        verified: Identities | None = None,
    ) -> Findings:
        """Return every record of the person."""

    async def gather_verified(self, data_map: DataMap, identities: Identities) -> Findings:
        """Return the records in which *identities* stand verified, and the records that refer to these."""

    async def change(self, plan: RecordPlan) -> Sequence[MissingChange]:
        """Mark and correct by *plan*, read again, and return the changes that are missing."""

    def release(self) -> None:
        """Give the memory of all searches back."""


class DataMapPort(Protocol):
    """The data maps."""

    @property
    def current(self) -> DataMap:
        """The map for new cases."""

    async def of(self, version: str) -> DataMap:
        """Return the map of a case."""


class CopyCounterPort(Protocol):
    """The copies that people were given."""

    async def given(self, case: str, identities: Identities, at: datetime, content: bytes) -> GivenCopies:
        """Return the copies with known content that other cases than *case* gave the person within a year."""

    async def count(
        self, case: str, identities: Identities, at: datetime, content: bytes | None = None
    ) -> int:
        """Register a copy by *case*, and return the number of the person's copies within a year."""


class PastRequestsPort(Protocol):
    """The verified requests of people."""

    async def note(self, event: IdentityVerified, identities: Identities, name: str | None) -> None:
        """Register the request of *name* that *event* verifies by *identities*; it may be repeated."""

    async def before(self, case: str, identities: Identities, name: str | None) -> Sequence[PastRequest]:
        """Return the verified requests of the person but *case*, the oldest first."""

    async def forget(self, case: str) -> None:
        """Remove the entries of *case*; it may be repeated."""


class DisagreementsPort(Protocol):
    """The statements of people whose data was not corrected."""

    async def keep(self, case: str, identities: Identities, at: datetime) -> None:
        """Register that *case* has a statement of the person; it may be repeated."""


class ReceiverProofsPort(Protocol):
    """The receivers of packages that have proven their keys."""

    async def prove(self, receiver: PackageReceiver, carrier: Carrier, at: datetime) -> None:
        """Return when *receiver* has proven its key, now or earlier; raises ReceiverUnproven."""


@dataclass(frozen=True, slots=True)
class FulfillmentProfile:
    """The controller, and its policies for answers."""

    controller: str
    contact: str
    authority: str
    zone: tzinfo
    signer: CertificateSigner = field(repr=False)
    pseudonyms: bytes = field(repr=False)
    """Key that identifiers are hashed with for the recipients of data."""
    package_lifetime: timedelta
    approval_above: int | None = None
    """Most records that an erasure changes without the approval of a second person; None: any number."""
    approvers: int = 1
    """How many staff accounts must approve such an erasure."""
    two_deciders: bool = False
    """Whether two staff accounts must decide that an alias or a corrected identity is the person's."""
    review: frozenset[str] = frozenset()
    """The packages that the staff reviews before they are sent: ``access``, ``gdpr:access``, ``*``."""
    erasure_window: timedelta = timedelta()
    """The window before a planned erasure, in which it can be stopped."""
    recipients: Mapping[str, DataRecipient] = field(default_factory=dict)
    """Recipients that are notified automatically, by their names in the data map."""
    receivers: Mapping[str, PackageReceiver] = field(default_factory=dict)
    """Other controllers that packages may be sent to, by their host."""
    patience: timedelta = timedelta(hours=24)
    """How long the notification of a recipient is retried."""
    automated_decisions: str = ""
    """The answers' statement on automated decisions; may be empty."""
    logo: bytes = field(default=b"", repr=False)
    """The logo of packages; empty: the name stands there."""
    further_copy_fee: Money | None = None
    """The fee for a copy after the free ones; None: all are free."""
    backup_retention: timedelta | None = None
    """How long backups of the business data are kept; None if the operator has not declared it."""

    def key_of(self, recipient: str) -> bytes:
        """Return the key for the hashes of identifiers for *recipient*."""
        agreed = self.recipients.get(recipient)
        return self.pseudonyms if agreed is None else agreed.key


@dataclass(frozen=True, slots=True, repr=False)
class FoundRequest:
    """A verified request, and the records that were found for it."""

    event: IdentityVerified
    submitted: RequestSubmitted
    identities: Identities
    """The identities that the records were found by."""
    findings: Findings


@dataclass(frozen=True, slots=True)
class FulfillmentContext:
    """The dependencies of a handler."""

    case_id: str
    known: FulfillmentCase
    now: datetime
    occurred_at: datetime
    vault: VaultPort = field(repr=False)
    records: PersonRecords = field(repr=False)
    maps: DataMapPort = field(repr=False)
    house: FulfillmentProfile
    suppressions: SuppressionsPort = field(repr=False)
    disagreements: DisagreementsPort = field(repr=False)
    erasures: ErasureJournalPort = field(repr=False)
    kept: RetainedRecordsPort = field(repr=False)
    copies: CopyCounterPort = field(repr=False)
    past: PastRequestsPort = field(repr=False)
    carrier: Carrier = field(repr=False)
    webhooks: RecipientWebhooks = field(repr=False)
    receivers: ReceiverProofsPort = field(repr=False)
    listed: HashLists = field(repr=False)
    purges: PurgeOrders = field(repr=False)
    timers: TimersPort = field(repr=False)
    holds: HoldsPort = field(repr=False)

    async def submission(self) -> RequestSubmitted:
        """Return the request as it was submitted, limited to the data that the person named when asked."""
        submitted = RequestSubmitted.model_validate_json(await self.vault.open(self.case_id, SUBMISSION))
        if self.known.scope is None:
            return submitted
        entries = scope_entries((await self.vault.open(self.case_id, self.known.scope)).decode())
        return submitted.model_copy(
            update={"details": submitted.details.model_copy(update={"scope": entries})}
        )

    async def sealed(self, kind: str, content: str | bytes, *, like: bytes = b"") -> str:
        """
        Seal *content* under a name of its own and return the name, for a fact to carry.

        An attempt that is overtaken, or dies before its facts are written, leaves an unused name; it never
        replaces the content of another attempt.
        """
        name = f"{kind}_{secrets.token_hex(8)}"
        sealed = content if isinstance(content, bytes) else content.encode()
        await self.vault.seal(self.case_id, name, sealed, like=like)
        return name

    @property
    def answer_number(self) -> int:
        """The number of the next answer, from 1 on: its readers may get the answers in any order."""
        return self.known.answers + 1

    async def sealed_answer(self, answer: Answer) -> str:
        """Seal *answer* like :meth:`sealed`."""
        return await self.sealed(ANSWER, answer.model_dump_json(), like=LIKE_ANSWERS)

    def referred(self, right: Right, reason: str) -> RequestReferred:
        """Return the fact that the staff has to answer, for *reason*."""
        return RequestReferred(request_id=self.case_id, right=right, reason=reason)

    def after(self, *facts: Fact) -> "FulfillmentContext":
        """Return a copy of this after *facts*."""
        return replace(self, known=reduce(evolve, facts, self.known))

    def pseudonyms_of(self, identities: Identities) -> dict[str, str]:
        """Return the identifiers as recipients know them: hashed with their key."""
        return pseudonyms(identities, self.house.pseudonyms)

    async def sealed_lines(self, kind: str, lines: Iterable[str]) -> str:
        """Seal any number of *lines* like :meth:`sealed`; they are never all in memory."""
        name = f"{kind}_{secrets.token_hex(8)}"
        rest, first = iter(lines), ""
        for line in rest:
            first += f"{line}\n"
            if len(first) > SEALED_AT_ONCE:
                await self.vault.seal_stream(self.case_id, name, _encoded(first, rest))
                return name
        await self.vault.seal(self.case_id, name, first.encode())
        return name

    def opened_lines(self, name: str) -> AsyncIterator[str]:
        """Yield the lines that :meth:`sealed_lines` sealed under *name*."""
        return open_lines(self.vault, self.case_id, name)

    @property
    def holding(self) -> HoldCheck:
        """The legal holds that count for this request today."""
        return HoldCheck(self.holds, self.case_id, self.today())

    def today(self) -> date:
        """Return today's date in the time zone of the controller."""
        return self.now.astimezone(self.house.zone).date()


async def open_lines(vault: VaultPort, case: str, name: str) -> AsyncIterator[str]:
    """Yield the lines of :meth:`FulfillmentContext.sealed_lines`; raises :class:`KeyError` without any."""
    held = ""
    async for piece in _pieces(vault, case, name):
        *whole, held = (held + piece).split("\n")
        for line in whole:
            yield line


async def _encoded(first: str, rest: Iterator[str]) -> AsyncIterator[bytes]:
    yield first.encode()
    for number, line in enumerate(rest):
        yield f"{line}\n".encode()
        if number % LINES_PER_TURN == 0:
            await asyncio.sleep(0)


async def _pieces(vault: VaultPort, case: str, name: str) -> AsyncIterator[str]:
    try:
        whole = await vault.open(case, name)
    except KeyError:  # it is stored in chunks
        decoder = codecs.getincrementaldecoder("utf-8")()
        async for piece in vault.open_stream(case, name):
            yield decoder.decode(piece)
    else:
        yield whole.decode()
