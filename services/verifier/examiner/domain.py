"""What the examiner remembers of a case, and what it makes of what was read from a document. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from services.verifier.documents.bills import bill_checks
from services.verifier.documents.cards import print_checks
from services.verifier.documents.mrz.zone import zone_checks
from services.verifier.documents.reading import Check, Licence, Reading, Result, Zone, reasons_of
from shared.errors import IllegalTransition
from shared.events import Code, Fact, ProofExamined, ProofPresented, Slot, Subject, Verdict
from shared.matching import Address, Match, Name, Outcome, match_names

OLDEST_PERSON_YEARS = 120
LONGEST_VALIDITY = timedelta(days=15 * 366)
"""No passport is valid for longer than ten years; some cards are for fifteen."""
ANOTHER_PICTURE_MAY_HELP = (
    "file_", "image_", "mrz_not_found", "mrz_unreadable", "mrz_low_agreement", "barcode_unreadable",
    "bill_date_unreadable", "bill_recipient_missing", "back_missing", "document_not_found",
)  # fmt: skip
FINAL = (
    "doc_expired", "doc_not_yet_valid", "doc_type_not_accepted", "name_mismatch", "dob_mismatch",
    "address_mismatch", "bill_type_not_accepted", "bill_too_old", "barcode_malformed",
)  # fmt: skip
"""What reasons begin with for which a proof is refused. For any other a person looks at it."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What the examiner knows of a case."""

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
    reading: Reading, slot: Slot, subject: Subject, today: date, bill_age: timedelta
) -> tuple[Check, ...]:
    """
    Return everything that is asked of a document, and the answers.

    Args:
        reading: What was read from it.
        slot: What it is to prove.
        subject: Who the request says the person is.
        today: The day it is judged by.
        bill_age: How old a bill may be.
    """
    if any(check.result is Result.FAIL for check in reading.checks):
        return reading.checks
    match slot:
        case Slot.PERMISSION:
            by_a_person = Check(name="permission", result=Result.INCONCLUSIVE, reasons=("needs_a_person",))
            return (*reading.checks, by_a_person)
        case Slot.ADDRESS:
            address = _address(subject)
            found = bill_checks(reading.bill, subject.name, address, today, bill_age.days)
            return (*reading.checks, *found)
        case Slot.IDENTITY:
            return (*reading.checks, *_identity_checks(reading, subject, today))


def verdict_on(checks: Iterable[Check]) -> Verdict:
    """
    Return what *checks* come to. What could not be decided never convinces.

    Check digits that do not fit are for a person to look at: one genuine specimen in nine carries such.
    """
    wrong = [check for check in checks if check.result in (Result.FAIL, Result.INCONCLUSIVE)]
    if not wrong:
        return Verdict.CONVINCING
    refused = any(reason.startswith((*FINAL, *ANOTHER_PICTURE_MAY_HELP)) for reason in reasons_of(wrong))
    return Verdict.REFUSED if refused else Verdict.UNCLEAR


def document_number(reading: Reading) -> str:
    """Return issuer and number of the document, by which it is known again; empty where none was read."""
    read = reading.zone or reading.licence
    return f"{read.issuer}|{read.number}" if read and read.number else ""


def _identity_checks(reading: Reading, subject: Subject, today: date) -> Iterable[Check]:
    read = reading.zone or reading.licence
    if reading.zone is not None or reading.licence is None:
        yield from zone_checks(reading.zone)
    if read is None:
        return
    yield _name_check(read, subject.name)
    yield _birth_check(read.born, subject.date_of_birth, today)
    yield _expiry_check(read.expires, today)
    yield from print_checks(reading.lines, read)
    if reading.zone is not None and reading.licence is not None:
        yield _agreement_check(reading.zone, reading.licence)


def _name_check(read: Zone | Licence, claimed: str | None) -> Check:
    if claimed is None:
        return Check(name="name", result=Result.INCONCLUSIVE, reasons=("name_not_claimed",))
    truncated = isinstance(read, Licence) and read.truncated
    printed = Name(read.surname, read.given_names, truncated=truncated)
    return _judged("name", match_names(printed, claimed))


def _judged(name: str, match: Match) -> Check:
    result = {
        Outcome.MATCH: Result.PASS,
        Outcome.PARTIAL: Result.INCONCLUSIVE,
        Outcome.MISMATCH: Result.FAIL,
    }[match.outcome]
    return Check(name=name, result=result, reasons=(f"{name}_{match.outcome.value}",))


def _birth_check(born: date | None, claimed: date | None, today: date) -> Check:
    if claimed is not None and born is not None and born != claimed:
        return Check(name="birth", result=Result.FAIL, reasons=("dob_mismatch",))
    if born is not None and not 0 <= (today - born).days <= OLDEST_PERSON_YEARS * 366:
        return Check(name="birth", result=Result.INCONCLUSIVE, reasons=("dob_implausible",))
    if claimed is None:
        return Check(name="birth", result=Result.NOT_RUN)
    known = born is not None
    return Check(
        name="birth",
        result=Result.PASS if known else Result.INCONCLUSIVE,
        reasons=() if known else ("dob_unreadable",),
    )


def _expiry_check(expires: date | None, today: date) -> Check:
    if expires is None:
        return Check(name="expiry", result=Result.INCONCLUSIVE, reasons=("expiry_unreadable",))
    if expires < today:
        return Check(name="expiry", result=Result.FAIL, reasons=("doc_expired",))
    if expires - today > LONGEST_VALIDITY:
        return Check(name="expiry", result=Result.INCONCLUSIVE, reasons=("expiry_implausible",))
    return Check(name="expiry", result=Result.PASS)


def _agreement_check(zone: Zone, licence: Licence) -> Check:
    same = zone.born == licence.born and zone.number == licence.number
    return Check(
        name="zone_and_barcode",
        result=Result.PASS if same else Result.INCONCLUSIVE,
        reasons=() if same else ("barcode_zone_mismatch",),
    )


def _address(subject: Subject) -> Address | None:
    told = subject.postal_address
    if told is None:
        return None
    return Address(
        lines=told.lines, city=told.city or "", postal_code=told.postal_code or "", country=told.country or ""
    )
