"""Test doubles for the dependencies of fulfillment's handlers, in memory."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.context import FulfillmentContext, FulfillmentProfile
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.holds.check import NO_HOLDS
from services.fulfillment.package.survey import PastRequest
from services.fulfillment.recipients.carrier import Carrier, Parcel
from services.fulfillment.recipients.receivers import PackageReceiver
from services.fulfillment.search.findings import Findings
from services.fulfillment.search.identities import Identities
from services.fulfillment.state import FulfillmentCase
from shared.contract.answer import SUBMISSION, Answer
from shared.contract.events import Assurance, IdentityVerified, RequestSubmitted
from shared.law import GivenCopies, Regulation, Right
from shared.runtime.safe_http import Receipt
from tests.runtime_fakes import MemoryVault

CASE = "a" * 32
KEY = bytes(32)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUSE = FulfillmentProfile(
    "Example", "privacy@example.com", "Authority", UTC, CertificateSigner(KEY), KEY, timedelta(days=30)
)

ON_PROOF = (Assurance.REASONABLE, Assurance.REASONABLY_HIGH)


@dataclass
class OneMap:
    """One data map, always the same."""

    current: DataMap

    async def of(self, version: str) -> DataMap:
        assert version == self.current.version
        return self.current


class Absent:
    """A dependency that a test does not use: every call fails."""

    def __getattr__(self, name: str) -> object:
        raise NotImplementedError(name)


@dataclass
class Held(Absent):
    """Records that every search finds."""

    findings: Findings

    def due_on(self, day: date) -> Self:
        del day
        return self

    async def gather(
        self, data_map: DataMap, identities: Identities, claimed: Identities | None = None
    ) -> Findings:
        del data_map, identities, claimed
        return self.findings

    async def gather_verified(self, data_map: DataMap, identities: Identities) -> Findings:
        return await self.gather(data_map, identities)


@dataclass
class Counter:
    """Counts copies, of whomever."""

    cases: set[str] = field(default_factory=set)
    before: GivenCopies = field(default_factory=GivenCopies)
    """What the person was given with earlier requests."""

    async def given(self, case: str, identities: Identities, at: datetime, content: bytes) -> GivenCopies:
        del case, identities, at, content
        return self.before

    async def count(
        self, case: str, identities: Identities, at: datetime, content: bytes | None = None
    ) -> int:
        del identities, at, content
        self.cases.add(case)
        return len(self.cases)


@dataclass
class RequestList:
    """The requests that were registered, of any person."""

    noted: dict[str, PastRequest] = field(default_factory=dict)

    async def note(self, event: IdentityVerified, identities: Identities, name: str | None) -> None:
        del identities, name
        self.noted[event.request_id] = PastRequest(event.received_on, event.right, "open")

    async def before(self, case: str, identities: Identities, name: str | None) -> Sequence[PastRequest]:
        del identities, name
        return [request for other, request in self.noted.items() if other != case]

    async def forget(self, case: str) -> None:
        self.noted.pop(case, None)


@dataclass
class Courier:
    """Takes parcels, or raises a given error."""

    error: Exception | None = None
    parcels: list[tuple[Parcel, bytes]] = field(default_factory=list)

    async def send(self, parcel: Parcel) -> Receipt:
        self.parcels.append((parcel, b"".join([piece async for piece in parcel.body()])))
        if self.error is not None:
            raise self.error
        return Receipt(201, {"location": "/imports/7"}, b"taken")


@dataclass
class Proofs:
    """Takes receivers for proven, or raises a given error."""

    error: Exception | None = None

    async def prove(self, receiver: PackageReceiver, carrier: Carrier, at: datetime) -> None:
        del receiver, carrier, at
        if self.error is not None:
            raise self.error


async def stage(  # noqa: PLR0913 - what tests change
    data_map: DataMap,
    findings: Findings,
    right: Right = Right.ACCESS,
    *,
    regulation: Regulation = Regulation.GDPR,
    assurance: Assurance = Assurance.MAILBOX,
    courier: Courier | None = None,
    **details: object,
) -> tuple[IdentityVerified, FulfillmentContext]:
    """Return a verified request for *right*, and all that its handler may use."""
    vault = MemoryVault()
    await vault.create(CASE)
    subject = {"email": "ada@example.org", "name": "Ada Example"}
    submitted = RequestSubmitted.model_validate(
        {"reference": "r", "right": right, "subject": subject, "details": details}
    )
    await vault.seal(CASE, SUBMISSION, submitted.model_dump_json().encode())
    event = IdentityVerified(
        request_id=CASE,
        right=right,
        regulation=regulation,
        received_on=date(2026, 11, 25),
        assurance=assurance,
        proven=("email",),
        reasons=("mailbox",) if assurance in ON_PROOF else (assurance.value,),
    )
    ctx = around(vault=vault, records=Held(findings), maps=OneMap(data_map), carrier=courier or Courier())
    return event, ctx


def around(**parts: Any) -> FulfillmentContext:
    """Return what a handler may use: *parts*, and of the others those that a test can do with as they are."""
    usual: dict[str, Any] = {
        "case_id": CASE,
        "known": FulfillmentCase(),
        "now": NOW,
        "occurred_at": NOW,
        "house": HOUSE,
        "copies": Counter(),
        "past": RequestList(),
        "holds": NO_HOLDS,
    }
    absent: dict[str, Any] = {part.name: Absent() for part in fields(FulfillmentContext)}
    return FulfillmentContext(**(absent | usual | parts))


async def answer_of(ctx: FulfillmentContext, name: str) -> Answer:
    """Return the answer sealed under *name*."""
    return Answer.model_validate_json(await ctx.vault.open(CASE, name))


async def whole(pieces: AsyncIterator[bytes]) -> bytes:
    """Return all of *pieces*."""
    return b"".join([piece async for piece in pieces])
