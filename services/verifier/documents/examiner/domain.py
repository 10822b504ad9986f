"""The examiner's state of a case, and its verdict on a document. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from services.verifier.documents.bills.checks import RESULTS, bill_checks
from services.verifier.documents.cards.comparison import ExpectedPrint, print_checks
from services.verifier.documents.cards.fields import PrintedField, printed_fields
from services.verifier.documents.results import (
    UNAVAILABLE,
    Check,
    CheckResult,
    DocumentReading,
    Licence,
    MachineZone,
    TextLine,
    reasons_of,
)
from shared.contract.events import (
    Code,
    EvidenceShown,
    Fact,
    ProofExamined,
    ProofPresented,
    ProofSlot,
    Subject,
    Verdict,
)
from shared.errors import IllegalTransition
from shared.matching import Address, PersonName, match_names

OLDEST_PERSON_YEARS = 120
_FILE_NAME = re.compile(r"\w\.(jpe?g|png|heic|webp|tiff?|pdf)\b", re.IGNORECASE)
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
    """Return *known* after *fact*. Raises IllegalTransition if the examiner has nothing to do with *fact*."""
    match fact:
        case ProofPresented() | EvidenceShown():
            return known
        case ProofExamined():
            return replace(known, examined=(*known.examined, fact.proof.ref))
        case _:
            raise IllegalTransition(f"{fact.TYPE} is nothing that is examined")


def checks_of(
    reading: DocumentReading, slot: ProofSlot, subject: Subject, today: date, bill_age: timedelta
) -> tuple[Check, ...]:
    """Return all checks of a document that is to prove *slot* for *subject*, as of *today*."""
    if UNAVAILABLE in reasons_of(reading.checks):
        return reading.checks  # nothing was looked at: no finding is the file's fault
    match slot:
        case ProofSlot.PERMISSION:
            return (*reading.checks, Check.unsure("permission", "needs_a_person"))
        case ProofSlot.ADDRESS:
            return (*reading.checks, *_bill(reading, subject, today, bill_age))
        case ProofSlot.IDENTITY:
            return tuple(_identity_checks(reading, subject, today))


def verdict_on(checks: Iterable[Check]) -> Verdict:
    """
    Return the verdict on *checks*: an undecided one never convinces.

    Check digits that do not fit are for a person to look at: one genuine specimen in nine carries such.
    """
    wrong = [check for check in doubtful(checks) if check.name not in HINTS or _failed(check)]
    if not wrong:
        return Verdict.CONVINCING
    failed = reasons_of(filter(_failed, wrong))
    refused = any(reason.startswith(FINAL) for reason in failed)
    again = any(reason.startswith(ANOTHER_PICTURE_MAY_HELP) for reason in reasons_of(wrong))
    return Verdict.REFUSED if refused or again else Verdict.UNCLEAR


def _failed(check: Check) -> bool:
    return check.result is CheckResult.FAIL


def doubtful(checks: Iterable[Check]) -> list[Check]:
    """Return the *checks* that have not passed."""
    return [check for check in checks if check.result in (CheckResult.FAIL, CheckResult.INCONCLUSIVE)]


def document_number(reading: DocumentReading) -> str:
    """Return issuer and number of the document, by which it is known again; empty where none was read."""
    read = reading.zone or reading.licence
    return f"{read.issuer}|{read.number}" if read and read.number else ""


def _bill(reading: DocumentReading, subject: Subject, today: date, bill_age: timedelta) -> tuple[Check, ...]:
    if reading.bill is None:
        return (Check.unsure("bill", "document_not_found"),)
    issuer = () if reading.bill.issuer else (Check.unsure("bill_issuer", "bill_issuer_unknown"),)
    said = subject.postal_address
    address = (
        said if said is None else Address(said.lines, said.city, said.region, said.postal_code, said.country)
    )
    return (*bill_checks(reading.bill, subject.name, address, today, bill_age.days), *issuer)


def _identity_checks(reading: DocumentReading, subject: Subject, today: date) -> Iterator[Check]:
    read = reading.zone or reading.licence
    if read is None:
        yield from _print_alone(reading, subject)
        return
    read = _with_century(read, subject.date_of_birth)
    yield from reading.checks
    yield _window_check(reading.lines)
    # A visa permits an entry, and proves no identity.
    visa = isinstance(read, MachineZone) and read.document_code.startswith("V")
    yield Check.failed("kind", "doc_type_not_accepted", unless=not visa)
    yield _name_check(_holder(read, reading.lines, subject.name), subject.name)
    yield _birth_check(read.born, subject.date_of_birth, today)
    yield _expiry_check(read.expires, today)
    yield from print_checks(reading.lines, read)


def _holder(read: MachineZone | Licence, lines: Sequence[TextLine], claimed: str | None) -> PersonName:
    """Return the holder's name, with a printed suffix such as JR where one is claimed: many leave it out."""
    expected = ExpectedPrint.of(read)
    name = expected.name(lines)
    if expected.prints_suffix(lines) and claimed is not None and PersonName.of(claimed).generation:
        return replace(name, surname=f"{name.surname} {expected.suffix}".strip())
    return name


def _with_century(read: MachineZone | Licence, claimed: date | None) -> MachineZone | Licence:
    """Return *read*, born in the century that is *claimed*: a zone names no century (9303-3, 4.8)."""
    born = read.born
    if (
        isinstance(read, Licence)
        or born is None
        or claimed is None
        or f"{born:%y%m%d}" != f"{claimed:%y%m%d}"
    ):
        return read
    return read.model_copy(update={"born": claimed})


def _print_alone(reading: DocumentReading, subject: Subject) -> Iterator[Check]:
    """Yield the checks of a card without anything for a machine: a person looks at print that fits."""
    printed = printed_fields(reading.lines)
    name = PersonName(printed.text(PrintedField.SURNAME), printed.text(PrintedField.GIVEN_NAMES))
    if not (name.surname and subject.name and match_names(name, subject.name)):
        yield from reading.checks
        if verdict_on(reading.checks) is Verdict.CONVINCING:
            yield Check.unsure("zone", "mrz_not_found")  # no reader may let an empty picture convince
        return
    yield from (check for check in reading.checks if "mrz_not_found" not in check.reasons)
    yield Check.unsure("print", "print_alone")


def _window_check(lines: Iterable[TextLine]) -> Check:
    """Return whether the name of a picture's file stands in *lines*, as above one on a screen."""
    named = any(_FILE_NAME.search(line.text) for line in lines)
    return Check.unsure("image_window", "copy_on_screen", unless=not named)


def _name_check(printed: PersonName, claimed: str | None) -> Check:
    if claimed is None:
        return Check.unsure("name", "name_not_claimed")
    outcome = match_names(printed, claimed).outcome
    return Check(name="name", result=RESULTS[outcome], reasons=(f"name_{outcome.value}",))


def _birth_check(born: date | None, claimed: date | None, today: date) -> Check:
    if claimed is not None and born is not None and born != claimed:
        return Check.failed("birth", "dob_mismatch")
    if born is not None and not 0 <= (today - born).days <= OLDEST_PERSON_YEARS * 366:
        return Check.unsure("birth", "dob_implausible")
    if claimed is None:
        return Check(name="birth", result=CheckResult.NOT_RUN)
    return Check.unsure("birth", "dob_unreadable", unless=born is not None)


def _expiry_check(expires: date | None, today: date) -> Check:
    if expires is None:
        return Check.unsure("expiry", "expiry_unreadable")
    if expires < today:
        return Check.failed("expiry", "doc_expired")
    return Check.unsure("expiry", "expiry_implausible", unless=expires - today <= LONGEST_VALIDITY)
