"""Handlers of the examiner: it has a presented document read, and judges the reading."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
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
from services.verifier.documents.sandbox import DocumentWorker, FilePreview, PagePixels
from services.verifier.documents.worker.frames import WorkerTask
from shared.contract.answer import SUBMISSION
from shared.contract.case_openings import DrawnPages, page_of, pages_of, report_of
from shared.contract.events import (
    MOST_DOCUMENT_BYTES,
    OPENPGP_MESSAGE,
    Code,
    EvidenceShown,
    Fact,
    ProofExamined,
    ProofKind,
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
from shared.runtime.dataloader import in_thread
from shared.runtime.openpgp import NotDecrypted, TooMuchContent, decrypted
from shared.runtime.service import forget, on

UNDECLARED = ""
"""The media type of a document that was inside an encrypted message: its first bytes decide."""


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


async def draw(event: EvidenceShown, ctx: ExaminerContext) -> Sequence[Fact]:
    """Draw the pages of documents that the staff is shown, as long as it reads the case, and seal them."""
    for proof in event.proofs:
        if proof.kind is ProofKind.DOCUMENT and event.until is not None and ctx.now < event.until:
            await _drawn(proof, ctx)
    return []


def draws_nothing(event: EvidenceShown) -> bool:
    """Return whether no page is to be drawn: the command draws those that it shows itself."""
    return all(proof.kind is not ProofKind.DOCUMENT for proof in event.proofs)


SUBSCRIPTIONS = (
    on(ProofPresented, examine),
    on(EvidenceShown, draw, ignored=draws_nothing),
    on(RequestPurged, forget),
)


async def _drawn(proof: ProofRef, ctx: ExaminerContext) -> None:
    """Seal pictures of the pages of *proof*, then how many they are; nothing once it is destroyed."""
    if await ctx.vault.holds(ctx.case_id, pages_of(proof.ref)):
        return
    try:
        content, media_type = await document_of(proof, ctx.case_id, ctx.vault)
    except (KeyError, Destroyed):
        return
    shown = await ctx.sandbox.show(content, media_type)
    for number, page in enumerate(shown.pages, 1):
        picture = await in_thread(_encoded, page)
        await ctx.vault.seal(ctx.case_id, page_of(proof.ref, number), picture)
    drawn = pages_drawn(shown)
    await ctx.vault.seal(ctx.case_id, pages_of(proof.ref), drawn.model_dump_json().encode())


def pages_drawn(shown: FilePreview) -> DrawnPages:
    """Return how many pages of a document are shown, and why the others are not."""
    pages = len(shown.pages)
    if not pages:
        return DrawnPages(pages=0, reasons=tuple(reasons_of(shown.known.checks)))
    return DrawnPages(pages=pages, more=max(0, shown.known.pages - pages))


def _encoded(page: PagePixels) -> bytes:
    from services.verifier.documents.files.jpeg import encode  # noqa: PLC0415 - the extra `documents`

    return encode(page.pixels, (page.width, page.height))


async def document_of(proof: ProofRef, case: str, vault: VaultPort) -> tuple[bytes, str]:
    """
    Return a document and its media type: decrypted, if the person encrypted it and the examiner could.

    Raises:
        KeyError: It is destroyed.
        Destroyed: The case is.
    """
    if proof.media_type == OPENPGP_MESSAGE:
        with suppress(KeyError):
            return await whole(vault.open_stream(case, decrypted_name(proof))), UNDECLARED
    return await whole(vault.open_stream(case, proof.ref)), proof.media_type


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
    name = report_of(proof.ref)
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
