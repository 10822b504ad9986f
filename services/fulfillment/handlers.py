"""What fulfillment does when something arrives: it compares claims, gathers, plans an erasure, erases."""

import asyncio
import hashlib
import hmac
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Protocol

from services.fulfillment import answers
from services.fulfillment.cases import (
    BY_STAFF,
    DISCLOSING,
    MOST_ROUNDS,
    NOTHING_DECLARED,
    Fulfilment,
    outcome_of_erasure,
    united,
)
from services.fulfillment.certificate import issue
from services.fulfillment.comparison import compare
from services.fulfillment.contents import Contents, Section
from services.fulfillment.erasure import Remains
from services.fulfillment.identities import Identities, identities_of
from services.fulfillment.model import DataMap
from services.fulfillment.package import Package, build
from services.fulfillment.planning import plan
from services.fulfillment.signing import Signer
from services.fulfillment.steps import Plan
from services.fulfillment.walk import Answer as Search
from services.fulfillment.walk import Findings, Status
from shared.answer import ANSWER, Answer
from shared.errors import InvalidDataMap, PermanentError, Sealed
from shared.events import (
    DataPoints,
    ErasurePlanned,
    Fact,
    IdentityClaimed,
    IdentityCompared,
    IdentityVerified,
    Outcome,
    RequestFulfilled,
    RequestReferred,
    RequestSubmitted,
    RequestWithdrawn,
    SubjectErased,
)
from shared.law import Regulation, Right
from shared.mongo import Document
from shared.service import on

SUBMISSION = "submission"
"""Name under which intake seals a request in the vault."""
PACKAGE = "package"
PLAN = "erasure_plan"
CERTIFICATE = "erasure_certificate"


class Vault(Protocol):
    """Where personal data is sealed."""

    async def seal(self, case: str, item: str, content: bytes) -> bool:
        """Keep *content*, unless something is kept there already; return whether it is."""

    async def open(self, case: str, item: str) -> bytes:
        """Return what is kept."""

    async def holds(self, case: str, item: str) -> bool:
        """Return whether something is kept."""

    async def seal_stream(self, case: str, item: str, content: AsyncIterator[bytes]) -> int:
        """Keep something large, replacing an unfinished attempt."""

    def open_stream(self, case: str, item: str) -> AsyncIterator[bytes]:
        """Yield the pieces of something large."""


class Records(Protocol):
    """The person's records, in the stores of the data map."""

    async def gather(self, data_map: DataMap, identities: Identities) -> Findings:
        """Return every record of the person."""

    async def erase(self, plan: Plan) -> None:
        """Carry *plan* out."""

    async def verify(self, plan: Plan, data_map: DataMap, identities: Identities) -> Remains:
        """Look again."""


class Maps(Protocol):
    """The data maps."""

    @property
    def current(self) -> DataMap:
        """The map that new cases start with."""

    async def of(self, version: str) -> DataMap:
        """Return the map that a case started with."""


@dataclass(frozen=True, slots=True)
class House:
    """Who answers, and how."""

    controller: str
    contact: str
    authority: str
    zone: tzinfo
    signer: Signer = field(repr=False)
    pseudonyms: bytes = field(repr=False)
    """Key that identifiers are hashed with for the recipients of data."""
    package_lifetime: timedelta


@dataclass(frozen=True, slots=True)
class Fulfillment:
    """What a handler may know and use."""

    case_id: str
    known: Fulfilment
    now: datetime
    occurred_at: datetime
    vault: Vault = field(repr=False)
    records: Records = field(repr=False)
    maps: Maps = field(repr=False)
    house: House

    async def submission(self) -> RequestSubmitted:
        """Return the request as it was submitted."""
        return RequestSubmitted.model_validate_json(await self.vault.open(self.case_id, SUBMISSION))

    def today(self) -> date:
        """Return the day it is where requests are answered."""
        return self.now.astimezone(self.house.zone).date()


async def compare_claims(event: IdentityClaimed, ctx: Fulfillment) -> Sequence[Fact]:
    """Compare the data points that a person claims with the records held, unless it is decided already."""
    if not all([await ctx.vault.holds(ctx.case_id, proof.ref) for proof in event.proofs]):
        return []
    identities = _identities(await ctx.submission())
    findings = await _gathered(ctx, identities)
    points: dict[str, str] = {}
    for proof in event.proofs:
        content = await ctx.vault.open(ctx.case_id, proof.ref)
        points |= DataPoints.model_validate_json(content).points
    agreement = compare(points, findings.found, identities)
    return [IdentityCompared(request_id=ctx.case_id, agreed=agreement.agreed, claimed=agreement.claimed)]


async def answer(event: IdentityVerified, ctx: Fulfillment) -> Sequence[Fact]:
    """Answer a request whose requester is known: hand over, plan an erasure, or leave it to the staff."""
    if ctx.known.withdrawn:
        return []
    if event.right not in {*DISCLOSING, Right.ERASURE}:
        return [_referred(event.right, BY_STAFF, ctx)]
    submitted = await ctx.submission()
    findings = await _gathered(ctx, _identities(submitted))
    match findings.answer:
        case Search.NOTHING_DECLARED:
            return [_referred(event.right, NOTHING_DECLARED, ctx)]
        case Search.NOTHING_FOUND:
            return await _nothing_held(event.right, findings, ctx)
        case Search.FOUND if event.right is Right.ERASURE:
            return await _plan_erasure(event, submitted, findings, ctx)
        case Search.FOUND:
            return await _hand_over(event, submitted, findings, ctx)


async def erase(event: ErasurePlanned, ctx: Fulfillment) -> Sequence[Fact]:
    """
    Carry a planned erasure out and look again: certify it, or plan what has come meanwhile.

    Raises:
        PermanentError: Records come back as often as they are erased; a person must find out from where.
    """
    identities = _identities(await ctx.submission())
    plans = [await _opened(ref, ctx) for ref in ctx.known.plans]
    data_map = await ctx.maps.of(plans[0].version)
    await ctx.records.erase(plans[-1])
    decided = united(plans)
    remains = await ctx.records.verify(decided, data_map, identities)
    if remains.clean:
        return await _erased(decided, remains, data_map, identities, ctx)
    if len(plans) == MOST_ROUNDS:
        raise PermanentError(f"{len(remains.remainders)} records are back after {MOST_ROUNDS} erasures")
    return await _planned(remains.findings, data_map, event.regulation, event.received_on, ctx)


async def note(_event: RequestWithdrawn, _ctx: Fulfillment) -> Sequence[Fact]:
    """Remember that nothing is to be done any more."""
    return []


SUBSCRIPTIONS = (
    on(IdentityClaimed, compare_claims),
    on(IdentityVerified, answer),
    on(ErasurePlanned, erase),
    on(RequestWithdrawn, note),
)


def _identities(submitted: RequestSubmitted) -> Identities:
    residence = submitted.residence
    return identities_of(submitted.subject, country=residence.country if residence else None)


async def _gathered(ctx: Fulfillment, identities: Identities) -> Findings:
    """
    Return the person's records.

    Raises:
        InvalidDataMap: The map names a collection that is not there: an answer would be less than whole.
    """
    findings = await ctx.records.gather(ctx.maps.current, identities)
    if findings.missing:
        raise InvalidDataMap(
            f"the data map names {', '.join(findings.missing)}, and the database has no such collection: "
            "correct the map, start fulfillment again, then `habeas dead-letters replay fulfillment`"
        )
    return findings


async def _nothing_held(right: Right, findings: Findings, ctx: Fulfillment) -> Sequence[Fact]:
    told = answers.nothing_held(findings, ctx.maps.current)
    await ctx.vault.seal(ctx.case_id, ANSWER, told.model_dump_json().encode())
    return [RequestFulfilled(request_id=ctx.case_id, right=right, outcome=Outcome.NOTHING_HELD)]


async def _hand_over(
    event: IdentityVerified, submitted: RequestSubmitted, findings: Findings, ctx: Fulfillment
) -> Sequence[Fact]:
    told = await _store_package(event, submitted, findings, ctx)
    await ctx.vault.seal(ctx.case_id, ANSWER, told.model_dump_json().encode())
    return [
        RequestFulfilled(
            request_id=ctx.case_id,
            right=event.right,
            outcome=Outcome.GRANTED,
            dispositions={"disclosed": len(findings.found)},
            reasons=_counted(told),
            package=PACKAGE,
            package_expires_at=ctx.now + ctx.house.package_lifetime,
        )
    ]


async def _plan_erasure(
    event: IdentityVerified, submitted: RequestSubmitted, findings: Findings, ctx: Fulfillment
) -> Sequence[Fact]:
    """Plan an erasure; where a copy is wanted first, nothing is planned before it is safe."""
    if submitted.details.with_copy:
        told = await _store_package(event, submitted, findings, ctx)
        await ctx.vault.seal(ctx.case_id, PACKAGE, told.model_dump_json().encode())
    return await _planned(findings, ctx.maps.current, event.regulation, event.received_on, ctx)


async def _planned(
    findings: Findings, data_map: DataMap, regulation: Regulation, received_on: date, ctx: Fulfillment
) -> Sequence[Fact]:
    secret = hmac.new(ctx.house.pseudonyms, f"masks of {ctx.case_id}".encode(), hashlib.sha256).digest()
    decided = plan(findings, data_map, ctx.today(), secret=secret)
    ref = f"{PLAN}_{len(ctx.known.plans)}"
    await ctx.vault.seal(ctx.case_id, ref, decided.to_json().encode())
    return [ErasurePlanned(request_id=ctx.case_id, plan=ref, regulation=regulation, received_on=received_on)]


async def _opened(ref: str, ctx: Fulfillment) -> Plan:
    return Plan.from_json((await ctx.vault.open(ctx.case_id, ref)).decode())


async def _erased(
    decided: Plan, remains: Remains, data_map: DataMap, identities: Identities, ctx: Fulfillment
) -> Sequence[Fact]:
    await _certify(decided, remains, data_map, ctx)
    disclosed = await _disclosed(ctx)
    told = answers.erasure(decided, data_map, disclosed)
    await ctx.vault.seal(ctx.case_id, ANSWER, told.model_dump_json().encode())
    fulfilled = RequestFulfilled(
        request_id=ctx.case_id,
        right=Right.ERASURE,
        outcome=outcome_of_erasure(decided),
        dispositions=decided.counts(),
        reasons=decided.reasons(),
        package=PACKAGE if disclosed else None,
        package_expires_at=ctx.now + ctx.house.package_lifetime if disclosed else None,
        certificate=CERTIFICATE,
    )
    return [fulfilled, SubjectErased(request_id=ctx.case_id, identifiers=_pseudonyms(identities, ctx))]


async def _certify(decided: Plan, remains: Remains, data_map: DataMap, ctx: Fulfillment) -> None:
    details = answers.Issue(
        number=ctx.case_id,
        request_id=ctx.case_id,
        controller=ctx.house.controller,
        begun_at=ctx.occurred_at,
        completed_at=ctx.now,
    )
    certificate = answers.certificate(decided, remains, data_map, details)
    await ctx.vault.seal(ctx.case_id, CERTIFICATE, issue(certificate, ctx.house.signer))


async def _disclosed(ctx: Fulfillment) -> Answer | None:
    """Return what was handed over before an erasure, if anything was."""
    if not (await ctx.submission()).details.with_copy:
        return None
    return Answer.model_validate_json(await ctx.vault.open(ctx.case_id, PACKAGE))


async def _store_package(
    event: IdentityVerified, submitted: RequestSubmitted, findings: Findings, ctx: Fulfillment
) -> Answer:
    """
    Store the package and read it back; return what it holds.

    Raises:
        Sealed: What is read is not what was written.
    """
    data_map = await ctx.maps.of(findings.version)
    package = build(_contents(event, submitted, findings, data_map, ctx), signer=ctx.house.signer)
    written, read = hashlib.sha256(), hashlib.sha256()
    await ctx.vault.seal_stream(ctx.case_id, PACKAGE, _pieces(package, written))
    async for piece in ctx.vault.open_stream(ctx.case_id, PACKAGE):
        read.update(piece)
    if written.digest() != read.digest():
        raise Sealed(f"the package of {ctx.case_id} was not stored as it was written")
    return answers.disclosure(package.summary, findings, data_map)


async def _pieces(package: Package, digest: "hashlib._Hash") -> AsyncIterator[bytes]:
    """Yield the package; between two pieces others have their turn."""
    for piece in package:
        digest.update(piece)
        yield piece
        await asyncio.sleep(0)


def _contents(
    event: IdentityVerified,
    submitted: RequestSubmitted,
    findings: Findings,
    data_map: DataMap,
    ctx: Fulfillment,
) -> Contents:
    documents: defaultdict[str, list[Document]] = defaultdict(list)
    for found in findings.found:
        documents[found.collection.key].append(found.disclosed)
    searched = [part.key for part in findings.coverage if part.status is Status.SEARCHED]
    return Contents(
        request_id=ctx.case_id,
        map_version=findings.version,
        made_at=ctx.now,
        controller=ctx.house.controller,
        sections=[Section(data_map.by_key[key], documents[key]) for key in searched],
        contact=ctx.house.contact,
        person=submitted.subject.name or "",
        locale=submitted.locale or "en",
        zone=ctx.house.zone,
        law=event.regulation,
        received_on=event.received_on,
        authority=ctx.house.authority,
    )


def _counted(told: Answer) -> dict[str, int]:
    return dict(Counter(item.reason for item in told.withheld))


def _referred(right: Right, reason: str, ctx: Fulfillment) -> RequestReferred:
    return RequestReferred(request_id=ctx.case_id, right=right, reason=reason)


def _pseudonyms(identities: Identities, ctx: Fulfillment) -> dict[str, str]:
    """Return the identifiers as recipients know them: hashed with the key agreed with them."""
    return {
        name: hmac.new(ctx.house.pseudonyms, spellings[0].casefold().encode(), hashlib.sha256).hexdigest()
        for name, spellings in identities.items()
        if spellings
    }
