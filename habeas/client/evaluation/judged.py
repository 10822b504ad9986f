"""
The examiner's verdicts on documents presented by their own holders.

Each goes through the worker as it runs in production, and is judged by today's date. Good documents should
convince, all others must not. Expired ones are judged a second time by the day before expiry:
most specimens have expired, which would hide other findings.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from habeas.client.evaluation.barcodes import payload_of
from habeas.client.evaluation.known_files import Entry, FileOutcome, FileResult, Manifest
from services.verifier.documents.barcode.aamva import NotALicenceError, parse_aamva
from services.verifier.documents.cards.samples import known_holder, made_up, marks_in
from services.verifier.documents.examiner.domain import checks_of, verdict_on
from services.verifier.documents.mrz.reader import models_folder
from services.verifier.documents.results import CheckResult, DocumentReading, reasons_of
from services.verifier.documents.sandbox import DocumentWorker, WorkerLimits
from services.verifier.documents.worker.confinement import MODELS_VARIABLE
from services.verifier.documents.worker.frames import WorkerTask as Kind
from services.verifier.settings import ExaminerSettings
from shared.contract.events import PostalAddress, ProofSlot, Subject, Verdict

PAPERS = ("proof_of_address",)
CARDS = ("mrz_document", "no_mrz", "card_front_no_mrz", "aamva_barcode_image")
SORTS = ("good", "expired", "tampered", "specimen", "wrong digits", "nothing to read")
DAY = timedelta(days=1)
NEVER = frozenset(SORTS) - {"good"}
"""Sorts that must not convince."""
VERDICTS = tuple(verdict.value for verdict in Verdict)


@dataclass(frozen=True, slots=True)
class EvaluationVerdicts:
    """The verdicts."""

    today: list[FileOutcome]
    while_valid: list[FileOutcome]
    """Of expired ones, by the last day before."""

    @property
    def wrongly_convincing(self) -> list[str]:
        """Return the files that convince wrongly."""
        never = (outcome for outcome in (*self.today, *self.while_valid) if outcome.row in NEVER)
        return [one.entry["file"] for one in never if one.found.marks[Verdict.CONVINCING.value]]


async def judge(manifest: Manifest, today: date, note: Callable[[], None]) -> EvaluationVerdicts:
    """
    Return the verdicts on the documents of *manifest*.

    They are judged by the day *today*; *note* is called after each.
    """
    limits = WorkerLimits(wall=_setting("examination_timeout"))
    judged = EvaluationVerdicts([], [])
    environment = {MODELS_VARIABLE: str(models_folder().absolute())}
    async with DocumentWorker(limits, environment=environment) as examiner:
        await examiner.start()
        for entry in manifest.of(*CARDS, *PAPERS):
            known = _known(manifest, entry)
            began = time.perf_counter()
            reading = await examiner.examine(manifest.content(entry), "", Kind(_slot(entry).value))
            read = _Read(entry, known, reading, time.perf_counter() - began)
            judged.today.append(_judged(read, today))
            expires = _day(known.get("expiry"))
            if expires is not None and expires < today:
                judged.while_valid.append(_judged(read, expires - DAY))
            note()
    return judged


@dataclass(frozen=True, slots=True)
class _Read:
    """A document that was read."""

    entry: Entry
    known: Mapping[str, Any]
    """Of the holder and of the document."""
    reading: DocumentReading
    seconds: float


def _judged(read: _Read, today: date) -> FileOutcome:
    checks = checks_of(read.reading, _slot(read.entry), _subject(read.known), today, _setting("bill_age"))
    verdict = verdict_on(checks)
    against = reasons_of(one for one in checks if one.result in (CheckResult.FAIL, CheckResult.INCONCLUSIVE))
    marks = {name: name == verdict.value for name in VERDICTS}
    found = FileResult(marks, {"verdict": verdict.value, "reasons": list(against)})
    return FileOutcome(read.entry, _sort(read.entry, read.known, today), found, read.seconds)


def _slot(entry: Entry) -> ProofSlot:
    return ProofSlot.ADDRESS if entry["kind"] in PAPERS else ProofSlot.IDENTITY


def _setting(name: str) -> timedelta:
    """Return the default of a setting of the examiner."""
    value: timedelta = ExaminerSettings.model_fields[name].default
    return value


def _known(manifest: Manifest, entry: Entry) -> dict[str, Any]:
    """Return the known facts of the holder and of the document."""
    if entry["kind"] == "aamva_barcode_image":
        try:
            licence = parse_aamva(payload_of(manifest, entry))
        except NotALicenceError:
            return {}
        dates = {"date_of_birth": str(licence.born or ""), "expiry": str(licence.expires or "")}
        return {"surname": licence.surname, "given_names": licence.given_names, **dates}
    return dict(entry.get("fields") or entry.get("printed_fields") or entry.get("expected") or {})


def _subject(known: Mapping[str, Any]) -> Subject:
    """Return the holder as they would describe themselves."""
    name = known.get("recipient") or f"{known.get('given_names') or ''} {known.get('surname') or ''}"
    lines = [line.strip() for line in str(known.get("address") or "").split(",")]
    return Subject(
        name=name.strip() or None,
        date_of_birth=_day(known.get("date_of_birth")),
        postal_address=PostalAddress(lines=tuple(filter(None, lines))) if any(lines) else None,
    )


def _sort(entry: Entry, known: Mapping[str, Any], today: date) -> str:
    expires = _day(known.get("expiry"))
    names = ("surname", "given_names", "document_number")
    surname, given, number = (str(known.get(name) or "") for name in names)
    if entry.get("tampered"):
        return "tampered"
    if (known.get("stale") or entry.get("expired")) if expires is None else expires < today:
        return "expired"
    if entry.get("must_refuse") and not (entry.get("specimen") or entry.get("expired")):
        return "tampered"
    if entry.get("specimen") or known_holder(surname, given) or made_up(number) or marks_in((surname, given)):
        return "specimen"
    if not entry.get("check_digits_valid", True):
        return "wrong digits"
    return "good" if known else "nothing to read"


def _day(text: object) -> date | None:
    with suppress(ValueError):
        return date.fromisoformat(str(text))
    return None
