"""What fulfillment does when something arrives: it compares claims, gathers, plans an erasure, erases."""

import asyncio
import hashlib
import hmac
import secrets
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from services.fulfillment import answers
from services.fulfillment.cases import (
    BY_STAFF,
    DISCLOSING,
    MOST_ROUNDS,
    NOTHING_DECLARED,
    outcome_of_disclosure,
    outcome_of_erasure,
    united,
)
from services.fulfillment.certificate import issue
from services.fulfillment.context import Fulfillment
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.erasure.execution import Remains
from services.fulfillment.erasure.planning import plan
from services.fulfillment.erasure.steps import Plan
from services.fulfillment.package.building import Package, build
from services.fulfillment.package.contents import Contents, Section
from services.fulfillment.search.comparison import compare
from services.fulfillment.search.identities import Identities
from services.fulfillment.search.trust import confirmed, proven, to_look_up, told
from services.fulfillment.search.walk import Answer as Search
from services.fulfillment.search.walk import Findings, Status
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
from shared.law import Right
from shared.mongo import Document
from shared.service import on

PACKAGE = "package"
PLAN = "erasure_plan"
CERTIFICATE = "erasure_certificate"


async def compare_claims(event: IdentityClaimed, ctx: Fulfillment) -> Sequence[Fact]:
    """Compare the data points that a person claims with the records held, unless it is decided already."""
    if not ctx.known.waiting or not all(
        [await ctx.vault.holds(ctx.case_id, proof.ref) for proof in event.proofs]
    ):
        return []
    identities = to_look_up(await ctx.submission(), ctx.maps.current)
    findings = await _gathered(ctx, identities)
    points: dict[str, str] = {}
    for proof in event.proofs:
        content = await ctx.vault.open(ctx.case_id, proof.ref)
        points |= DataPoints.model_validate_json(content).points
    agreement = compare(points, findings.found, identities)
    return [
        IdentityCompared(
            request_id=ctx.case_id,
            agreed=agreement.agreed,
            claimed=agreement.claimed,
            identities=tuple(identities),
        )
    ]


async def answer(event: IdentityVerified, ctx: Fulfillment) -> Sequence[Fact]:
    """Answer a request whose requester is known: hand over, plan an erasure, or leave it to the staff."""
    if ctx.known.withdrawn:
        return []
    if event.right not in {*DISCLOSING, Right.ERASURE}:
        return [_referred(event.right, BY_STAFF, ctx)]
    submitted = await ctx.submission()
    identities, findings = await _found(submitted, event.proven, ctx)
    match findings.answer:
        case Search.NOTHING_DECLARED:
            return [_referred(event.right, NOTHING_DECLARED, ctx)]
        case Search.NOTHING_FOUND:
            return await _nothing_held(event.right, findings, ctx)
        case Search.FOUND if event.right is Right.ERASURE:
            return await _plan_erasure(event, submitted, identities, findings, ctx)
        case Search.FOUND:
            return await _hand_over(event, submitted, findings, ctx)


async def erase(event: ErasurePlanned, ctx: Fulfillment) -> Sequence[Fact]:
    """
    Carry a planned erasure out and look again: certify it, or plan what has come meanwhile.

    Raises:
        PermanentError: Records come back as often as they are erased; a person must find out from where.
    """
    plans = await asyncio.gather(*(_opened(ref, ctx) for ref in ctx.known.plans))
    data_map = await ctx.maps.of(plans[0].version)
    identities = plans[0].identities
    await ctx.records.erase(plans[-1])
    decided = united(plans)
    remains = await ctx.records.verify(decided, data_map, identities)
    if remains.clean:
        return await _erased(event, decided, remains, identities, ctx)
    if len(plans) == MOST_ROUNDS:
        raise PermanentError(f"{len(remains.remainders)} records are back after {MOST_ROUNDS} erasures")
    again = replace(plan(remains.findings, data_map, ctx.today()), identities=identities)
    return [event.model_copy(update={"plan": await ctx.sealed(PLAN, again.to_json())})]


async def note(_event: RequestWithdrawn, _ctx: Fulfillment) -> Sequence[Fact]:
    """Remember that nothing is to be done any more."""
    return []


SUBSCRIPTIONS = (
    on(IdentityClaimed, compare_claims),
    on(IdentityVerified, answer),
    on(ErasurePlanned, erase),
    on(RequestWithdrawn, note),
)


async def _found(
    submitted: RequestSubmitted, names: Sequence[str] | None, ctx: Fulfillment
) -> tuple[Identities, Findings]:
    """Return the identities that are surely the requester's (*names*; all if None), and their records."""
    everything = told(submitted, ctx.maps.current)
    if names is None:
        return everything, await _gathered(ctx, everything)
    sure = proven(submitted, names, ctx.maps.current)
    findings = await _gathered(ctx, sure)
    more = confirmed({n: s for n, s in everything.items() if n not in sure}, findings.found)
    if not more:
        return sure, findings
    return {**sure, **more}, await _gathered(ctx, {**sure, **more})


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
    told_so = answers.nothing_held(findings, ctx.maps.current)
    name = await ctx.sealed(ANSWER, told_so.model_dump_json())
    return [RequestFulfilled(request_id=ctx.case_id, right=right, outcome=Outcome.NOTHING_HELD, answer=name)]


async def _hand_over(
    event: IdentityVerified, submitted: RequestSubmitted, findings: Findings, ctx: Fulfillment
) -> Sequence[Fact]:
    package, contents = await _store_package(event, submitted, findings, ctx)
    return [
        RequestFulfilled(
            request_id=ctx.case_id,
            right=event.right,
            outcome=outcome_of_disclosure(contents),
            dispositions={"disclosed": findings.total},
            reasons=dict(Counter(item.reason for item in contents.withheld)),
            answer=await ctx.sealed(ANSWER, contents.model_dump_json()),
            package=package,
            package_expires_at=ctx.now + ctx.house.package_lifetime,
        )
    ]


async def _plan_erasure(
    event: IdentityVerified,
    submitted: RequestSubmitted,
    identities: Identities,
    findings: Findings,
    ctx: Fulfillment,
) -> Sequence[Fact]:
    """Plan an erasure; where a copy is wanted first, nothing is planned before it is safe."""
    package = None
    if submitted.details.with_copy:
        package, contents = await _store_package(event, submitted, findings, ctx)
        await ctx.vault.seal(ctx.case_id, _contents_of(package), contents.model_dump_json().encode())
    found_by = {name: tuple(spellings) for name, spellings in identities.items()}
    decided = replace(plan(findings, ctx.maps.current, ctx.today()), identities=found_by)
    return [
        ErasurePlanned(
            request_id=ctx.case_id,
            plan=await ctx.sealed(PLAN, decided.to_json()),
            package=package,
            regulation=event.regulation,
            received_on=event.received_on,
        )
    ]


async def _opened(ref: str, ctx: Fulfillment) -> Plan:
    return Plan.from_json((await ctx.vault.open(ctx.case_id, ref)).decode())


async def _erased(
    event: ErasurePlanned, decided: Plan, remains: Remains, identities: Identities, ctx: Fulfillment
) -> Sequence[Fact]:
    data_map = await ctx.maps.of(decided.version)
    copied = Answer()
    if event.package is not None:
        content = await ctx.vault.open(ctx.case_id, _contents_of(event.package))
        copied = Answer.model_validate_json(content)
    done = answers.erasure(decided, data_map, copied)
    answer_name, certificate_name = await asyncio.gather(
        ctx.sealed(ANSWER, done.model_dump_json()),
        ctx.sealed(CERTIFICATE, _certificate(decided, remains, data_map, ctx)),
    )
    fulfilled = RequestFulfilled(
        request_id=ctx.case_id,
        right=Right.ERASURE,
        outcome=outcome_of_erasure(decided),
        dispositions=decided.counts(),
        reasons=decided.reasons(),
        answer=answer_name,
        package=event.package,
        package_expires_at=ctx.now + ctx.house.package_lifetime if event.package else None,
        certificate=certificate_name,
    )
    return [fulfilled, SubjectErased(request_id=ctx.case_id, identifiers=_pseudonyms(identities, ctx))]


def _certificate(decided: Plan, remains: Remains, data_map: DataMap, ctx: Fulfillment) -> bytes:
    details = answers.Issue(
        number=ctx.case_id,
        request_id=ctx.case_id,
        controller=ctx.house.controller,
        begun_at=ctx.occurred_at,
        completed_at=ctx.now,
    )
    return issue(answers.certificate(decided, remains, data_map, details), ctx.house.signer)


def _contents_of(package: str) -> str:
    """Return the name under which lies what *package* holds, in words."""
    return f"{package}_contents"


async def _store_package(
    event: IdentityVerified, submitted: RequestSubmitted, findings: Findings, ctx: Fulfillment
) -> tuple[str, Answer]:
    """
    Store the package and read it back; return its name and what it holds.

    Raises:
        Sealed: What is read is not what was written.
    """
    data_map = await ctx.maps.of(findings.version)
    package = build(_contents(event, submitted, findings, data_map, ctx), signer=ctx.house.signer)
    name = f"{PACKAGE}_{secrets.token_hex(8)}"
    written, read = hashlib.sha256(), hashlib.sha256()
    await ctx.vault.seal_stream(ctx.case_id, name, _pieces(package, written))
    async for piece in ctx.vault.open_stream(ctx.case_id, name):
        read.update(piece)
    if written.digest() != read.digest():
        raise Sealed(f"the package of {ctx.case_id} was not stored as it was written")
    return name, answers.disclosure(package.summary, findings, data_map)


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


def _referred(right: Right, reason: str, ctx: Fulfillment) -> RequestReferred:
    return RequestReferred(request_id=ctx.case_id, right=right, reason=reason)


def _pseudonyms(identities: Identities, ctx: Fulfillment) -> dict[str, str]:
    """Return the identifiers as recipients know them: hashed with the key agreed with them."""
    return {
        name: hmac.new(ctx.house.pseudonyms, spellings[0].casefold().encode(), hashlib.sha256).hexdigest()
        for name, spellings in identities.items()
        if spellings
    }
