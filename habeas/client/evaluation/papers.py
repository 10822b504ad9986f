"""Bills, and the printed side of cards, read like by the worker."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from habeas.client.evaluation.known_files import Entry, Family, FileResult, Manifest
from services.verifier.documents.bills.checks import MOST_DAYS
from services.verifier.documents.cards.fields import PrintedField, PrintedFields, printed_fields
from services.verifier.documents.results import Bill, BillKind, DocumentReading
from services.verifier.documents.worker.examination import Readers, examine
from services.verifier.documents.worker.frames import Request, WorkerTask
from shared.matching import match_addresses, match_names
from shared.matching.characters import folded, stripped

BILL_QUESTIONS = ("kind", "issuer", "date", "recipient", "address", "claimed_wrong")
"""The last: whether a recipient or an address is claimed that is not the printed one."""
CLAIMS = ("recipient", "address")
CARD_QUESTIONS = {
    "surname": ("surname", PrintedField.SURNAME),
    "given": ("given_names", PrintedField.GIVEN_NAMES),
    "birth": ("date_of_birth", PrintedField.BORN),
    "expiry": ("expiry", PrintedField.EXPIRES),
    "number": ("document_number", PrintedField.NUMBER),
}
"""Question → field of the manifest, field on the card."""
KINDS = {
    BillKind.UTILITY: ("utility", "electricity", "energy", "gas", "water", "power"),
    BillKind.TELECOM: ("telecom", "phone", "mobile", "internet"),
    BillKind.BANK: ("bank",),
    BillKind.CARD: ("card",),
    BillKind.TAX: ("tax", "council"),
    BillKind.INVOICE: ("invoice",),
    BillKind.UNKNOWN: ("unknown", "other"),
}
"""Their names in manifests."""


def bills(readers: Readers, today: date) -> Family:
    """Return the questions about proofs of address."""

    def read(manifest: Manifest, entry: Entry) -> FileResult:
        bill = _examined(manifest, entry, WorkerTask.ADDRESS, readers).bill
        if bill is None:
            return FileResult(dict.fromkeys((*_known(entry["expected"]), "claimed_wrong"), False), {})
        expected = entry["expected"]
        marks = {question: _right(question, bill, expected, today) for question in _known(expected)}
        wrong = any(getattr(bill, claim) and not _right(claim, bill, expected, today) for claim in CLAIMS)
        return FileResult(marks | {"claimed_wrong": wrong}, bill.model_dump(mode="json"))

    return Family("bills", ("proof_of_address",), BILL_QUESTIONS, read, bill_type)


def bill_type(entry: Entry) -> str:
    """Return the type of a proof of address, such as utility."""
    return str(entry["expected"].get("bill_type", "bill")).replace("_", " ")


def cards(readers: Readers) -> Family:
    """Return the questions about card fronts without machine-readable parts."""

    def read(manifest: Manifest, entry: Entry) -> FileResult:
        lines = _examined(manifest, entry, WorkerTask.IDENTITY, readers).lines
        printed, wanted = printed_fields(lines), entry["printed_fields"]
        marks = {
            question: _printed_right(printed, field, str(wanted[name]))
            for question, (name, field) in CARD_QUESTIONS.items()
            if wanted.get(name)
        }
        return FileResult(marks, {name: printed.text(field) for name, field in CARD_QUESTIONS.values()})

    return Family("cards", ("card_front_no_mrz",), tuple(CARD_QUESTIONS), read, lambda _: "front")


def _examined(manifest: Manifest, entry: Entry, slot: WorkerTask, readers: Readers) -> DocumentReading:
    return examine(Request(manifest.content(entry), "", slot), readers)


def _known(expected: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the questions answered by the manifest."""
    has = {"kind": "bill_type", "issuer": "issuer", "recipient": "recipient", "address": "address"}
    dated = "date" in expected or "stale" in expected
    known = [question for question, key in has.items() if expected.get(key)]
    return (*known, *(("date",) if dated else ()))


def _right(question: str, bill: Bill, expected: Mapping[str, Any], today: date) -> bool:
    match question:
        case "kind":
            return any(word in str(expected["bill_type"]).casefold() for word in KINDS[bill.kind])
        case "issuer":
            return bool(bill.issuer) and any(
                _plain(bill.issuer) in _plain(one) for one in _all(expected, question)
            )
        case "recipient":
            return any(match_names(bill.recipient, one) for one in _all(expected, question))
        case "address":
            return any(match_addresses(bill.address, one) for one in _all(expected, question))
        case _:
            return _dated(bill, expected, today)


def _all(expected: Mapping[str, Any], question: str) -> list[str]:
    """Return the expected reading, and others that are as good."""
    return [expected.get(question, ""), *expected.get(f"{question}_accept", ())]


def _dated(bill: Bill, expected: Mapping[str, Any], today: date) -> bool:
    """Return whether the day is read, or at least whether the bill is too old."""
    if "date" in expected:
        return date.fromisoformat(expected["date"]) in bill.issued
    stale = [today - day > timedelta(days=MOST_DAYS) for day in bill.issued]
    return bool(stale) and all(old == expected["stale"] for old in stale)


def _printed_right(printed: PrintedFields, field: PrintedField, wanted: str) -> bool:
    with suppress(ValueError):
        day = date.fromisoformat(wanted)
        return any(day in one.dates for one in printed.of(field))
    return any(_plain(one.text) == _plain(wanted) for one in printed.of(field))


def _plain(text: str) -> str:
    return " ".join(stripped(folded(text)).replace(".", " ").replace(",", " ").split())
