"""Handlers of the examiner: it has a presented document read, and judges the reading."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from services.verifier.documents.examiner.domain import (
    Examination,
    checks_of,
    document_number,
    doubtful,
    verdict_on,
)
from services.verifier.documents.examiner.reuse import PresentedDocuments, Traces
from services.verifier.documents.files.antivirus import Clamd
from services.verifier.documents.results import (
    Check,
    CheckResult,
    DocumentReading,
    FileFlaw,
    FileRefused,
    reasons_of,
)
from services.verifier.documents.sandbox import DocumentWorker
from services.verifier.documents.worker.frames import WorkerTask
from shared.contract.answer import SUBMISSION
from shared.contract.events import (
    MOST_DOCUMENT_BYTES,
    OPENPGP_MESSAGE,
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
from shared.runtime.openpgp import NotDecrypted, TooMuchContent, decrypted
from shared.runtime.service import forget, on

UNDECLARED = ""
"""The media type of a document that was inside an encrypted message: its first bytes decide."""

REPORT = "report"


def decrypted_name(proof: ProofRef) -> str:
    """Return the name under which the content of an encrypted *proof* is sealed; destroyed with it."""
    return f"{proof.ref}_decrypted"


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
    sandbox: DocumentWorker = field(repr=False)
    scanner: Clamd | None
    presented: PresentedDocuments = field(repr=False)
    zone: ZoneInfo
    """Of the company: a document is judged by its day."""
    bill_age: timedelta
    proof_key: bytes | None = field(default=None, repr=False)
    """The private key of encrypted documents; None: they are refused."""


async def examine(event: ProofPresented, ctx: ExaminerContext) -> Sequence[Fact]:
    """Examine a document; one that is destroyed by now has served."""
    if event.proof.ref in ctx.known.examined:
        return []
    try:
        return [await _document_examined(event.proof, event.proof.slot or ProofSlot.IDENTITY, ctx)]
    except (KeyError, Destroyed):
        return [_refused(event.proof, ("proof_destroyed",), ctx)]


SUBSCRIPTIONS = (on(ProofPresented, examine), on(RequestPurged, forget))


async def _document_examined(proof: ProofRef, slot: ProofSlot, ctx: ExaminerContext) -> ProofExamined:
    content, media_type = await whole(ctx.vault.open_stream(ctx.case_id, proof.ref)), proof.media_type
    if media_type == OPENPGP_MESSAGE:
        try:
            content, media_type = await _decrypted(content, proof, ctx), UNDECLARED
        except FileRefused as error:
            return _refused(proof, (error.refusal.value,), ctx)
    scanned = () if ctx.scanner is None else (await ctx.scanner.scan(content),)
    if any(check.result is CheckResult.FAIL for check in scanned):
        return _refused(proof, reasons_of(scanned), ctx)
    task = WorkerTask.IDENTITY if slot is ProofSlot.IDENTITY else WorkerTask.ADDRESS
    reading = await ctx.sandbox.examine(content, media_type, task)
    submission = RequestSubmitted.model_validate_json(await ctx.vault.open(ctx.case_id, SUBMISSION))
    subject, today = submission.subject, ctx.now.astimezone(ctx.zone).date()
    found = checks_of(reading, slot, subject, today, ctx.bill_age)
    traces = Traces(document_number(reading), reading.digest, reading.picture)
    seen = await ctx.presented.note(ctx.case_id, proof.ref, traces, _person(subject), ctx.now)
    checks = (*scanned, *found, Check.unsure("reuse", *seen, unless=not seen))
    verdict, reasons = verdict_on(checks), reasons_of(doubtful(checks))
    report = ExaminationReport(slot=slot, verdict=verdict, checks=checks, reading=reading)
    name = f"{REPORT}_{proof.ref}"
    await ctx.vault.seal(ctx.case_id, name, report.model_dump_json().encode())
    return ProofExamined(request_id=ctx.case_id, proof=proof, verdict=verdict, reasons=reasons, report=name)


async def _decrypted(message: bytes, proof: ProofRef, ctx: ExaminerContext) -> bytes:
    """Return the document in *message*, and seal it for the staff; raises FileRefused."""
    if ctx.proof_key is None:
        raise FileRefused(FileFlaw.NOT_DECRYPTED)
    try:
        content = await decrypted(message, ctx.proof_key, MOST_DOCUMENT_BYTES)
    except NotDecrypted:
        raise FileRefused(FileFlaw.NOT_DECRYPTED) from None
    except TooMuchContent:
        raise FileRefused(FileFlaw.DECODE_LIMIT) from None

    async def pieces() -> AsyncIterator[bytes]:
        yield content

    await ctx.vault.seal_stream(ctx.case_id, decrypted_name(proof), pieces())
    return content


async def whole(pieces: AsyncIterator[bytes]) -> bytes:
    """Return all *pieces* together."""
    return b"".join([piece async for piece in pieces])


def _person(subject: Subject) -> str:
    """Return name and birth in the request: a requester is free to choose addresses and numbers."""
    born = subject.date_of_birth.isoformat() if subject.date_of_birth else ""
    return f"{' '.join(sorted((subject.name or '').casefold().split()))} {born}"


def _refused(proof: ProofRef, reasons: tuple[Code, ...], ctx: ExaminerContext) -> ProofExamined:
    return ProofExamined(request_id=ctx.case_id, proof=proof, verdict=Verdict.REFUSED, reasons=reasons)
