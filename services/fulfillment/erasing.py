"""What fulfillment does with a planned erasure: carries it out, looks again, and says what is so."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from services.fulfillment import answers
from services.fulfillment.cases import (
    MOST_ROUNDS,
    Fulfilment,
    Status,
    evolve,
    outcome_of_erasure,
    united,
)
from services.fulfillment.certificate import Proof, issue
from services.fulfillment.certifying import Issue, certificate
from services.fulfillment.context import Fulfillment
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.domain import MENTIONED_ELSEWHERE, NOT_CHANGEABLE, SHARED_IDENTITY
from services.fulfillment.erasure.residue import Residue, records_naming
from services.fulfillment.erasure.rounds import Round, settled
from services.fulfillment.erasure.steps import Disposition, Plan, step_of_line
from services.fulfillment.search.findings import Findings
from services.fulfillment.search.mentions import Needle, needles
from services.fulfillment.suppression import Purpose
from services.fulfillment.telling import concerned
from shared.answer import ANSWER, Answer
from shared.events import (
    ErasureApproved,
    ErasurePlanned,
    ErasureRetried,
    Fact,
    RequestFulfilled,
    SubjectErased,
)
from shared.law import Right

PLAN = "erasure_plan"
CERTIFICATE = "erasure_certificate"
MENTIONS = "erasure_mentions"


async def erase(event: ErasurePlanned, ctx: Fulfillment) -> Sequence[Fact]:
    """Carry a planned erasure out, unless it waits for a second person or was withdrawn while it did."""
    return await _carried_out(event, ctx) if ctx.known.status is Status.PLANNED else []


async def approve(event: ErasureApproved, ctx: Fulfillment) -> Sequence[Fact]:
    """Carry out an erasure that waited for a second person; approving it twice changes nothing."""
    planned = ctx.known.planned
    if planned is None or ctx.known.status is not Status.PROPOSED:
        return []
    return await _carried_out(planned, replace(ctx, known=evolve(ctx.known, event)))


async def retry(_event: ErasureRetried, ctx: Fulfillment) -> Sequence[Fact]:
    """Try again what an erasure has left behind."""
    planned, told = ctx.known.planned, ctx.known.fulfilled
    if planned is None or told is None or not told.dispositions.get(Disposition.LEFT):
        return []
    decided = united(await _plans(ctx))
    data_map = await ctx.maps.of(decided.version)
    remains = await ctx.records.verify(decided, data_map, decided.identities)
    done = Round(decided, {}, remains)
    if remains.clean:
        return await _told(planned, done, data_map, ctx)
    return [await _again(planned, done, data_map, ctx)]


async def _carried_out(event: ErasurePlanned, ctx: Fulfillment) -> Sequence[Fact]:
    """Erase by the newest plan and look again: certify it, or plan what another round may take."""
    plans = await _plans(ctx)
    refused = await ctx.records.erase(plans[-1])
    decided = united(plans)
    data_map = await ctx.maps.of(decided.version)
    remains = await ctx.records.verify(decided, data_map, decided.identities)
    done = Round(decided, refused, remains)
    if done.promising and ctx.known.rounds < MOST_ROUNDS:
        return [await _again(event, done, data_map, ctx)]
    return await _told(event, done, data_map, ctx)


async def _plans(ctx: Fulfillment) -> Sequence[Plan]:
    return await asyncio.gather(*(_plan(ref, ctx) for ref in ctx.known.plans))


async def _plan(ref: str, ctx: Fulfillment) -> Plan:
    lines = ctx.opened_lines(ref)
    decided = Plan.of_line(await anext(lines))
    return replace(decided, steps=tuple([step_of_line(line) async for line in lines]))


async def _again(event: ErasurePlanned, done: Round, data_map: DataMap, ctx: Fulfillment) -> ErasurePlanned:
    again = await ctx.records.plan_again(done, data_map, ctx.today())
    name = await ctx.sealed_lines(PLAN, again.lines())
    return event.model_copy(update={"plan": name, "approval": False})


async def _told(event: ErasurePlanned, done: Round, data_map: DataMap, ctx: Fulfillment) -> Sequence[Fact]:
    """Certify what was done; a try that has taken nothing more is not worth another letter."""
    decided = settled(done)
    told = ctx.known.fulfilled
    if told is not None and told.dispositions == decided.counts():
        return []
    await _remember(decided, data_map, ctx)
    residues = await ctx.records.look_through(decided, done.remains, data_map, await _needles(decided, ctx))
    issued = certificate(decided, done.remains, residues, data_map, _issue(ctx))
    answer = answers.erasure(decided, residues, data_map, await _copied(event, ctx))
    name, certified, places = await asyncio.gather(
        ctx.sealed(ANSWER, answer.model_dump_json()),
        ctx.sealed(CERTIFICATE, issue(issued, ctx.house.signer)),
        _places(residues, ctx),
    )
    fulfilled = RequestFulfilled(
        request_id=ctx.case_id,
        right=Right.ERASURE,
        outcome=outcome_of_erasure(decided, mentions=records_naming(residues)),
        dispositions=decided.counts(),
        reasons=_reasons(decided, residues, done.remains.findings),
        answer=name,
        package=event.package,
        package_expires_at=ctx.now + ctx.house.package_lifetime if event.package else None,
        certificate=certified,
        mentions=places,
    )
    erased = SubjectErased(request_id=ctx.case_id, identifiers=ctx.pseudonyms_of(decided.identities))
    return [fulfilled, erased, *concerned(erased, decided, data_map, ctx)]


async def _needles(decided: Plan, ctx: Fulfillment) -> frozenset[Needle]:
    """Return what texts may still name the person by."""
    subject = (await ctx.submission()).subject
    return needles({**decided.aliases, **decided.identities}, subject.name)


async def _places(residues: Sequence[Residue], ctx: Fulfillment) -> str | None:
    """Seal where the person is still named, for the staff to look at; none where nowhere."""
    lines = [line for residue in residues for line in residue.lines()]
    return await ctx.sealed_lines(MENTIONS, lines) if lines else None


def _reasons(decided: Plan, residues: Sequence[Residue], findings: Findings) -> dict[str, int]:
    """Return the number of records per reason for which something of the person stays, or may."""
    more = {
        NOT_CHANGEABLE: sum(step.incomplete for step in decided.steps),
        MENTIONED_ELSEWHERE: records_naming(residues),
        SHARED_IDENTITY: len(findings.shared),
    }
    return {**decided.reasons(), **{reason: records for reason, records in more.items() if records}}


async def _remember(decided: Plan, data_map: DataMap, ctx: Fulfillment) -> None:
    """
    Make sure that nothing brings the person back unseen, and that nothing left is forgotten.

    That is done before anybody is told.
    """
    await ctx.kept.keep(decided, erasure=ctx.case_id, at=ctx.now, asked=True)
    await ctx.erasures.record(decided, data_map, erasure=ctx.case_id, at=ctx.now)
    if any(step.changes for step in decided.steps):
        await ctx.suppressions.add(decided.identities, Purpose.ERASED, ctx.now)


async def _copied(event: ErasurePlanned, ctx: Fulfillment) -> Answer:
    """Return what was handed over before the erasure."""
    if event.package is None:
        return Answer()
    return Answer.model_validate_json(await ctx.vault.open(ctx.case_id, contents_of(event.package)))


def _issue(ctx: Fulfillment) -> Issue:
    return Issue(
        number=ctx.case_id,
        request_id=ctx.case_id,
        controller=ctx.house.controller,
        begun_at=ctx.occurred_at,
        completed_at=ctx.now,
        proof=_proof(ctx.known),
    )


def _proof(known: Fulfilment) -> Proof | None:
    verified = known.verified
    if verified is None:
        return None
    return Proof(
        right=verified.right,
        regulation=verified.regulation,
        received_on=verified.received_on,
        assurance=verified.assurance,
        by=verified.proven or (),
        reasons=verified.reasons,
        approved_by=known.approved_by,
    )


def contents_of(package: str) -> str:
    """Return the name under which lies what *package* holds, in words."""
    return f"{package}_contents"
