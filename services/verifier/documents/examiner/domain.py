"""The examiner's state of a case, and its verdict on a document. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from services.verifier.documents.bills import bill_checks
from services.verifier.documents.cards import ExpectedPrint, PrintedField, print_checks, printed_fields
from services.verifier.documents.results import (
    Check,
    CheckResult,
    DocumentReading,
    Licence,
    MachineZone,
    reasons_of,
)
from shared.contract.events import Code, Fact, ProofExamined, ProofPresented, ProofSlot, Subject, Verdict
from shared.errors import IllegalTransition
from shared.matching import Address, Match, MatchOutcome, PersonName, match_names

OLDEST_PERSON_YEARS = 120
LONGEST_VALIDITY = timedelta(days=15 * 366)
"""No passport is valid for longer than ten years; some cards are for fifteen."""
ANOTHER_PICTURE_MAY_HELP = (
    "file_", "image_", "mrz_not_found", "mrz_unreadable", "mrz_low_agreement", "barcode_unreadable",
    "bill_date_unreadable", "bill_recipient_missing", "back_missing", "document_not_found",
)  # fmt: skip
HINTS = frozenset({"image_sharpness", "image_light"})
"""Checks that say why something else may not have been read."""
FINAL = (
    "doc_expired", "doc_not_yet_valid", "doc_type_not_accepted", "name_mismatch", "dob_mismatch",
    "address_mismatch", "bill_type_not_accepted", "bill_too_old", "barcode_malformed",
)  # fmt: skip
"""Prefixes of the reasons that refuse a proof. For any other a person looks at it."""


@dataclass(frozen=True, slots=True)
class Examination:
    """The examiner's state of a case."""

    examined: tuple[Code, ...] = ()
    """Names of the proofs that it has reported on."""


def evolve(known: Examination, fact: Fact) -> Examination:
    """
    Return *known* after *fact*.

    Raises:
        IllegalTransition: The examiner has nothing to do with *fact*.
    """
    match fact:
        case ProofPresented():
            return known
        case ProofExamined():
            return replace(known, examined=(*known.examined, fact.proof.ref))
        case _:
            raise IllegalTransition(f"{fact.TYPE} is nothing that is examined")


def checks_of(
    reading: DocumentReading, slot: ProofSlot, subject: Subject, today: date, bill_age: timedelta
) -> tuple[Check, ...]:
    """
    Return all checks of a document.

    Args:
        reading: The document as it was read.
        slot: The claim that it is to prove.
        subject: The person as the request names them.
        today: The day it is judged by.
        bill_age: Greatest age of a bill.
    """
    match slot:
        case ProofSlot.PERMISSION:
            return (*reading.checks, _unsure("permission", "needs_a_person"))
        case ProofSlot.ADDRESS:
            return (*reading.checks, *_bill(reading, subject, today, bill_age))
        case ProofSlot.IDENTITY:
            return tuple(_identity_checks(reading, subject, today))


def verdict_on(checks: Iterable[Check]) -> Verdict:
    """
    Return the verdict on *checks*. An undecided check never convinces.

    Check digits that do not fit are for a person to look at: one genuine specimen in nine carries such.
    """
    wrong = [check for check in checks if _speaks_against(check)]
    if not wrong:
        return Verdict.CONVINCING
    failed = reasons_of(check for check in wrong if check.result is CheckResult.FAIL)
    refused = any(reason.startswith(FINAL) for reason in failed)
    again = any(reason.startswith(ANOTHER_PICTURE_MAY_HELP) for reason in reasons_of(wrong))
    return Verdict.REFUSED if refused or again else Verdict.UNCLEAR


def _speaks_against(check: Check) -> bool:
    """Return whether *check* does; that a picture is none of the best does not, if all was read from it."""
    hint = check.name in HINTS and check.result is not CheckResult.FAIL
    return check.result in (CheckResult.FAIL, CheckResult.INCONCLUSIVE) and not hint


def document_number(reading: DocumentReading) -> str:
    """Return issuer and number of the document, by which it is known again; empty where none was read."""
    read = reading.zone or reading.licence
    return f"{read.issuer}|{read.number}" if read and read.number else ""


def _bill(reading: DocumentReading, subject: Subject, today: date, bill_age: timedelta) -> tuple[Check, ...]:
    if reading.bill is None:
        return (_unsure("bill", "document_not_found"),)
    issuer = () if reading.bill.issuer else (_unsure("bill_issuer", "bill_issuer_unknown"),)
    return (*bill_checks(reading.bill, subject.name, _address(subject), today, bill_age.days), *issuer)


def _identity_checks(reading: DocumentReading, subject: Subject, today: date) -> Iterator[Check]:
    read = reading.zone or reading.licence
    if read is None:
        yield from _print_alone(reading, subject)
        return
    expected = ExpectedPrint.of(read)
    yield from reading.checks
    yield _kind_check(read)
    yield _name_check(expected.name, subject.name)
    yield _birth_check(read.born, subject.date_of_birth, today)
    yield _expiry_check(read.expires, today)
    yield from print_checks(reading.lines, expected)


def _print_alone(reading: DocumentReading, subject: Subject) -> Iterator[Check]:
    """
    Yield the checks of a card without anything for a machine, as licences of the Union are.

    Print that fits the claim is for a person to look at; nothing in it could be checked.
    """
    printed = printed_fields(reading.lines)
    name = PersonName(printed.text(PrintedField.SURNAME), printed.text(PrintedField.GIVEN_NAMES))
    fits = bool(name.surname and subject.name and match_names(name, subject.name))
    if not fits:
        yield from reading.checks
        return
    yield from (check for check in reading.checks if "mrz_not_found" not in check.reasons)
    yield _unsure("print", "print_alone")


def _unsure(name: str, reason: str) -> Check:
    return Check(name=name, result=CheckResult.INCONCLUSIVE, reasons=(reason,))


def _kind_check(read: MachineZone | Licence) -> Check:
    """Return whether the document proves an identity: a visa permits an entry, no more."""
    visa = isinstance(read, MachineZone) and read.document_code.startswith("V")
    return Check(
        name="kind",
        result=CheckResult.FAIL if visa else CheckResult.PASS,
        reasons=("doc_type_not_accepted",) if visa else (),
    )


def _name_check(printed: PersonName, claimed: str | None) -> Check:
    if claimed is None:
        return _unsure("name", "name_not_claimed")
    return _judged("name", match_names(printed, claimed))


def _judged(name: str, match: Match) -> Check:
    result = {
        MatchOutcome.MATCH: CheckResult.PASS,
        MatchOutcome.PARTIAL: CheckResult.INCONCLUSIVE,
        MatchOutcome.MISMATCH: CheckResult.FAIL,
    }[match.outcome]
    return Check(name=name, result=result, reasons=(f"{name}_{match.outcome.value}",))


def _birth_check(born: date | None, claimed: date | None, today: date) -> Check:
    if claimed is not None and born is not None and born != claimed:
        return Check(name="birth", result=CheckResult.FAIL, reasons=("dob_mismatch",))
    if born is not None and not 0 <= (today - born).days <= OLDEST_PERSON_YEARS * 366:
        return _unsure("birth", "dob_implausible")
    if claimed is None:
        return Check(name="birth", result=CheckResult.NOT_RUN)
    return (
        _unsure("birth", "dob_unreadable") if born is None else Check(name="birth", result=CheckResult.PASS)
    )


def _expiry_check(expires: date | None, today: date) -> Check:
    if expires is None:
        return _unsure("expiry", "expiry_unreadable")
    if expires < today:
        return Check(name="expiry", result=CheckResult.FAIL, reasons=("doc_expired",))
    if expires - today > LONGEST_VALIDITY:
        return _unsure("expiry", "expiry_implausible")
    return Check(name="expiry", result=CheckResult.PASS)


def _address(subject: Subject) -> Address | None:
    claimed = subject.postal_address
    if claimed is None:
        return None
    return Address(claimed.lines, claimed.city, claimed.region, claimed.postal_code, claimed.country)
