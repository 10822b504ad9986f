"""Handlers of the examiner: it has a presented document read, and judges the reading."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from services.verifier.documents.examiner.domain import (
    Examination,
    checks_of,
    document_number,
    doubtful,
    verdict_on,
)
from services.verifier.documents.examiner.reuse import Traces
from services.verifier.documents.results import Check, CheckResult, DocumentReading, reasons_of
from shared.contract.answer import SUBMISSION
from shared.contract.events import (
    Code,
    Fact,
    ProofExamined,
    ProofPresented,
    ProofRef,
    ProofSlot,
    RequestPurged,
    RequestSubmitted,
    Subject,
    Verdict,
)
from shared.contract.ports import VaultPort
from shared.errors import Destroyed
from shared.runtime.service import forget, on

REPORT = "report"


class PresentedDocumentPort(Protocol):
    """The documents that were presented before."""

    async def note(self, case: str, ref: str, traces: Traces, person: str, at: datetime) -> tuple[str, ...]:
        """Note a document; return the reasons against it."""


Read = Callable[[bytes, str, ProofSlot], Coroutine[Any, Any, DocumentReading]]
"""Reads a file, apart from this process."""
Scan = Callable[[bytes], Coroutine[Any, Any, tuple[Check, ...]]]
"""Asks a virus scanner, where there is one."""


class ExaminationReport(BaseModel):
    """The reading and its checks, for the staff: sealed, and destroyed with the proof."""

    slot: ProofSlot | None
    verdict: Verdict
    checks: tuple[Check, ...] = ()
    reading: DocumentReading | None = None


@dataclass(frozen=True, slots=True)
class ExaminerContext:
    """The context of a handler."""

    case_id: str
    known: Examination
    now: datetime
    vault: VaultPort = field(repr=False)
    read: Read = field(repr=False)
    scan: Scan = field(repr=False)
    presented: PresentedDocumentPort = field(repr=False)
    zone: ZoneInfo
    """Of the company: a document is judged by its day."""
    bill_age: timedelta
    """How old a bill may be."""

    async def subject(self) -> Subject:
        """Return the person as the request describes them."""
        content = await self.vault.open(self.case_id, SUBMISSION)
        return RequestSubmitted.model_validate_json(content).subject


async def examine(event: ProofPresented, ctx: ExaminerContext) -> Sequence[Fact]:
    """Examine a document; one that is destroyed by now has served."""
    if event.proof.ref in ctx.known.examined:
        return []
    try:
        return [await _document_examined(event.proof, event.proof.slot or ProofSlot.IDENTITY, ctx)]
    except (KeyError, Destroyed):
        return [_examined(event.proof, Verdict.REFUSED, ("proof_destroyed",), ctx)]


SUBSCRIPTIONS = (on(ProofPresented, examine), on(RequestPurged, forget))


async def _document_examined(proof: ProofRef, slot: ProofSlot, ctx: ExaminerContext) -> ProofExamined:
    content = b"".join([piece async for piece in ctx.vault.open_stream(ctx.case_id, proof.ref)])
    scanned = await ctx.scan(content)
    if any(check.result is CheckResult.FAIL for check in scanned):
        return _examined(proof, Verdict.REFUSED, reasons_of(scanned), ctx)
    reading, subject = await ctx.read(content, proof.media_type, slot), await ctx.subject()
    today = ctx.now.astimezone(ctx.zone).date()
    found = checks_of(reading, slot, subject, today, ctx.bill_age)
    checks = (*scanned, *found, await _seen_before(proof, reading, subject, ctx))
    verdict = verdict_on(checks)
    report = ExaminationReport(slot=slot, verdict=verdict, checks=checks, reading=reading)
    name = f"{REPORT}_{proof.ref}"
    await ctx.vault.seal(ctx.case_id, name, report.model_dump_json().encode())
    return _examined(proof, verdict, reasons_of(doubtful(checks)), ctx, name)


async def _seen_before(
    proof: ProofRef, reading: DocumentReading, subject: Subject, ctx: ExaminerContext
) -> Check:
    """Note the document, so that it is recognised later, and return the check against earlier ones."""
    traces = Traces(document_number(reading), reading.digest, reading.picture)
    reasons = await ctx.presented.note(ctx.case_id, proof.ref, traces, _person(subject), ctx.now)
    return Check.unsure("reuse", *reasons, unless=not reasons)


def _person(subject: Subject) -> str:
    """Return name and birth in the request: addresses and numbers a requester chooses, for all alike."""
    born = subject.date_of_birth.isoformat() if subject.date_of_birth else ""
    return f"{' '.join(sorted((subject.name or '').casefold().split()))} {born}"


def _examined(
    proof: ProofRef,
    verdict: Verdict,
    reasons: tuple[Code, ...],
    ctx: ExaminerContext,
    report: str | None = None,
) -> ProofExamined:
    return ProofExamined(request_id=ctx.case_id, proof=proof, verdict=verdict, reasons=reasons, report=report)
