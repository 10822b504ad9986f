"""What is made of a document that was read: plain values in, a verdict out."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from services.verifier.documents.examiner.domain import checks_of, document_number, verdict_on
from services.verifier.documents.files.copies import colour_check
from services.verifier.documents.mrz.consensus import zone_checks
from services.verifier.documents.results import (
    Bill,
    BillKind,
    Check,
    CheckResult,
    DocumentReading,
    Format,
    Licence,
    MachineZone,
    TextLine,
    reasons_of,
)
from shared.contract.events import PostalAddress, ProofSlot, Subject, Verdict

TODAY = date(2026, 11, 25)
AGE = timedelta(days=90)
KIM = Subject(
    name="Kim Brandel-Jones",
    email="kim@example.org",
    date_of_birth=date(1990, 5, 1),
    postal_address=PostalAddress(
        lines=("Example Street 12",), city="Berlin", postal_code="10115", country="DE"
    ),
)
ZONE = MachineZone(
    format=Format.TD3,
    lines=("P<D<<BRANDEL<JONES<<KIM<<<<<<<<<<<<<<<<<<<<<", "C4H9K2M838D<<9005011F3105019<<<<<<<<<<<<<<<8"),
    document_code="P",
    issuer="D",
    surname="BRANDEL JONES",
    given_names="KIM",
    number="C4H9K2M83",
    nationality="D",
    born=date(1990, 5, 1),
    sex="F",
    expires=date(2031, 5, 1),
    agreement=2,
)
PRINT = tuple(
    TextLine(text=text, box=(0.4, 0.1 * number, 0.3, 0.05))
    for number, text in enumerate(
        ["Surname", "BRANDEL-JONES", "Given names", "KIM", "Date of birth", "01.05.1990", "Date of expiry",
         "01.05.2031", "Passport No.", "C4H9K2M83"]
    )
)  # fmt: skip
LICENCE = Licence(
    version=8, issuer="CA", country="USA", surname="BRANDEL-JONES", given_names="KIM", number="D1234567",
    born=date(1990, 5, 1), expires=date(2031, 5, 1),
)  # fmt: skip
BILL = Bill(
    kind=BillKind.UTILITY, issuer="Example Power GmbH", issued=(date(2026, 11, 2),),
    recipient="Kim Brandel-Jones",
    address=("Example Street 12", "10115 Berlin"), addresses=1,
)  # fmt: skip


def passport(print_: tuple[TextLine, ...] = PRINT, **changes: Any) -> DocumentReading:
    zone = ZONE.model_copy(update=changes)
    return DocumentReading(
        media_type="image/jpeg", pages=1, zone=zone, lines=print_, checks=zone_checks(zone)
    )


def judged(
    reading: DocumentReading, slot: ProofSlot = ProofSlot.IDENTITY, subject: Subject = KIM
) -> tuple[Verdict, set[str]]:
    checks = checks_of(reading, slot, subject, TODAY, AGE)
    wrong = [check for check in checks if check.result in (CheckResult.FAIL, CheckResult.INCONCLUSIVE)]
    return verdict_on(checks), set(reasons_of(wrong))


def test_a_passport_of_the_person_convinces() -> None:
    assert judged(passport()) == (Verdict.CONVINCING, set())


@pytest.mark.parametrize(
    ("changes", "verdict", "reason"),
    [
        pytest.param({"expires": date(2026, 11, 24)}, Verdict.REFUSED, "doc_expired", id="expired yesterday"),
        pytest.param({"born": date(1990, 5, 2)}, Verdict.REFUSED, "dob_mismatch", id="born another day"),
        pytest.param({"surname": "OTHER"}, Verdict.REFUSED, "name_mismatch", id="another person"),
        pytest.param({"given_names": "MARIA"}, Verdict.REFUSED, "name_mismatch", id="a sister"),
        pytest.param({"document_code": "VC"}, Verdict.REFUSED, "doc_type_not_accepted", id="a visa"),
        pytest.param({"agreement": 1}, Verdict.REFUSED, "mrz_low_agreement", id="read but once"),
        pytest.param(
            {"wrong_digits": ("birth",)},
            Verdict.UNCLEAR,
            "mrz_check_digit_invalid.birth",
            id="a digit is wrong",
        ),
        pytest.param({"issuer": "QQQ"}, Verdict.UNCLEAR, "issuer_unknown", id="of no state"),
        pytest.param(
            {"issuer": "UTO", "nationality": "UTO"}, Verdict.UNCLEAR, "specimen_document", id="a sample"
        ),
        pytest.param({"expires": date(2056, 1, 1)}, Verdict.UNCLEAR, "expiry_implausible", id="for ever"),
        pytest.param({"expires": None}, Verdict.UNCLEAR, "expiry_unreadable", id="no end"),
        pytest.param(
            {"number": "C4H9K2M84"}, Verdict.UNCLEAR, "mrz_print_mismatch", id="another number printed"
        ),
    ],
)
def test_faults_of_a_passport_decide_its_verdict(
    changes: dict[str, Any], verdict: Verdict, reason: str
) -> None:
    found, reasons = judged(passport(**changes))
    assert found is verdict
    assert reason in reasons


def test_expiry_is_valid_through_its_day() -> None:
    assert "doc_expired" not in judged(passport(expires=TODAY))[1]


def test_unreadable_part_beside_the_zone_never_convinces() -> None:
    """Digits protect no name: only the print beside them does."""
    assert judged(passport(print_=()))[0] is Verdict.UNCLEAR


@pytest.mark.parametrize(
    ("label", "confidence"),
    [
        pytest.param("Date of expny", 1.0, id="its label misread"),
        pytest.param("", 1.0, id="no label"),
        pytest.param("Date of expiry", 0.75, id="read with doubt"),
    ],
)
def test_expired_passport_with_recomputed_zone_never_convinces(label: str, confidence: float) -> None:
    texts = {"Date of expiry": label, "01.05.2031": "01.05.2021"}
    changes = {
        line: {"text": texts[line.text], "confidence": confidence} for line in PRINT if line.text in texts
    }
    printed = tuple(line.model_copy(update=changes.get(line, {})) for line in PRINT)
    verdict, reasons = judged(passport(print_=printed))
    assert verdict is Verdict.UNCLEAR
    assert reasons & {"mrz_print_mismatch", "print_unreadable"}


def test_a_picture_without_colour_is_for_a_person_to_look_at() -> None:
    grey = colour_check([np.full((300, 400, 3), 128, np.uint8)])
    seen = passport()
    seen = seen.model_copy(update={"checks": (*seen.checks, grey)})
    assert judged(seen) == (Verdict.UNCLEAR, {"no_colour"})


def test_a_zone_names_no_century_of_birth_so_that_the_claim_and_the_print_do() -> None:
    old = KIM.model_copy(update={"date_of_birth": date(1922, 5, 1)})
    printed = tuple(
        line.model_copy(update={"text": line.text.replace("01.05.1990", "01.05.1922")}) for line in PRINT
    )
    assert judged(passport(printed, born=date(2022, 5, 1)), subject=old) == (Verdict.CONVINCING, set())
    child = tuple(
        line.model_copy(update={"text": line.text.replace("01.05.1990", "01.05.2022")}) for line in PRINT
    )
    assert judged(passport(child, born=date(2022, 5, 1)), subject=old)[0] is Verdict.UNCLEAR


def test_unclaimed_birth_date_is_no_mismatch() -> None:
    subject = KIM.model_copy(update={"date_of_birth": None})
    assert judged(passport(born=date(1971, 1, 1), print_=()), subject=subject)[0] is not Verdict.REFUSED


def test_without_a_claimed_name_a_person_looks() -> None:
    subject = KIM.model_copy(update={"name": None})
    assert judged(passport(), subject=subject)[0] is Verdict.UNCLEAR


def test_barcode_alone_does_not_convince() -> None:
    """Anybody can draw one."""
    reading = DocumentReading(media_type="image/jpeg", pages=1, licence=LICENCE)
    verdict, reasons = judged(reading)
    assert verdict is Verdict.UNCLEAR
    assert "print_unreadable" in reasons


def test_a_picture_without_anything_may_be_taken_again() -> None:
    reading = DocumentReading(media_type="image/jpeg", pages=1, checks=zone_checks(None))
    assert judged(reading) == (Verdict.REFUSED, {"mrz_not_found"})


@pytest.mark.parametrize(
    "hints",
    [
        (),
        (Check.unsure("image_sharpness", "image_blurred"),),
        (Check.unsure("image_light", "image_glare"),),
    ],
)
def test_picture_without_zone_barcode_or_print_never_convinces(
    hints: tuple[Check, ...],
) -> None:
    checks = (Check.passed("file"), *hints)
    verdict, reasons = judged(DocumentReading(media_type="image/jpeg", pages=1, checks=checks))
    assert verdict is Verdict.REFUSED
    assert "mrz_not_found" in reasons


def test_print_alone_that_fits_is_for_a_person() -> None:
    lines = (
        "1. BRANDEL-JONES",
        "2. KIM",
        "3. 01.05.1990 BERLIN",
        "4a. 02.02.2020",
        "4b. 01.02.2035",
        "5. B072RRE2I55",
    )
    card = tuple(TextLine(text=text, box=(0.4, 0.1 * n, 0.3, 0.05)) for n, text in enumerate(lines))
    reading = DocumentReading(media_type="image/jpeg", pages=1, lines=card, checks=zone_checks(None))
    assert judged(reading) == (Verdict.UNCLEAR, {"print_alone"})


@pytest.mark.parametrize(
    "reason", ["file_active_content", "file_polyglot", "file_decode_limit", "file_malware"]
)
def test_a_file_that_is_refused_is_refused(reason: str) -> None:
    reading = DocumentReading(checks=(Check(name="file", result=CheckResult.FAIL, reasons=(reason,)),))
    for slot in (ProofSlot.IDENTITY, ProofSlot.ADDRESS):
        assert judged(reading, slot)[0] is Verdict.REFUSED


@pytest.mark.parametrize(
    ("changes", "verdict", "reason"),
    [
        pytest.param({}, Verdict.CONVINCING, None, id="good"),
        pytest.param({"issued": (date(2026, 8, 1),)}, Verdict.REFUSED, "bill_too_old", id="old"),
        pytest.param({"issued": ()}, Verdict.REFUSED, "bill_date_unreadable", id="no date"),
        pytest.param({"kind": BillKind.INVOICE}, Verdict.REFUSED, "bill_type_not_accepted", id="an invoice"),
        pytest.param({"recipient": "Robin Other"}, Verdict.REFUSED, "name_mismatch", id="another person"),
        pytest.param(
            {"address": ("Other Street 9", "20095 Hamburg")},
            Verdict.REFUSED,
            "address_mismatch",
            id="elsewhere",
        ),
        pytest.param({"issuer": ""}, Verdict.UNCLEAR, "bill_issuer_unknown", id="without issuer"),
        pytest.param({"addresses": 2}, Verdict.UNCLEAR, "bill_address_ambiguous", id="two addresses"),
    ],
)
def test_faults_of_a_bill_decide_its_verdict(
    changes: dict[str, Any], verdict: Verdict, reason: str | None
) -> None:
    reading = DocumentReading(media_type="application/pdf", pages=1, bill=BILL.model_copy(update=changes))
    found, reasons = judged(reading, ProofSlot.ADDRESS)
    assert found is verdict
    assert reason is None or reason in reasons


def test_an_identity_document_proves_no_address() -> None:
    assert judged(passport(), ProofSlot.ADDRESS)[0] is not Verdict.CONVINCING


def test_a_written_permission_is_for_a_person() -> None:
    assert (
        judged(DocumentReading(media_type="application/pdf", pages=1), ProofSlot.PERMISSION)[0]
        is Verdict.UNCLEAR
    )


@pytest.mark.parametrize("slot", list(ProofSlot))
def test_document_that_no_reader_looked_at_is_for_staff_and_not_at_fault(slot: ProofSlot) -> None:
    reading = DocumentReading(checks=(Check.unsure("file", "reader_unavailable"),))
    assert judged(reading, slot) == (Verdict.UNCLEAR, {"reader_unavailable"})


@pytest.mark.parametrize("result", list(CheckResult))
def test_only_passed_or_unasked_checks_let_a_document_through(result: CheckResult) -> None:
    verdict = verdict_on([Check(name="x", result=result, reasons=("anything",))])
    assert (verdict is Verdict.CONVINCING) is (result in (CheckResult.PASS, CheckResult.NOT_RUN))


def test_a_dull_picture_from_which_all_was_read_is_good_enough() -> None:
    glare = Check(name="image_light", result=CheckResult.INCONCLUSIVE, reasons=("image_glare",))
    reading = passport()
    dull = reading.model_copy(update={"checks": (*reading.checks, glare)})
    assert judged(dull)[0] is Verdict.CONVINCING


def test_a_document_is_known_again_by_issuer_and_number() -> None:
    assert document_number(passport()) == "D|C4H9K2M83"
    assert document_number(DocumentReading(licence=LICENCE)) == "CA|D1234567"
    assert document_number(DocumentReading()) == ""


@pytest.mark.parametrize(
    ("claimed", "printed", "verdict"),
    [
        pytest.param("Kim Brandel-Jones", "JR", Verdict.CONVINCING, id="without"),
        pytest.param("Kim Brandel-Jones Jr.", "JR", Verdict.CONVINCING, id="the same"),
        pytest.param("Kim Brandel-Jones Sr.", "JR", Verdict.REFUSED, id="another"),
        pytest.param("Kim Brandel-Jones Jr.", "", Verdict.UNCLEAR, id="not printed"),
        pytest.param("Kim Brandel-Jones Jr.", "SR", Verdict.UNCLEAR, id="another is printed"),
    ],
)
def test_printed_suffix_of_a_licence_counts_where_one_is_claimed(
    claimed: str, printed: str, verdict: Verdict
) -> None:
    shown = {"BRANDEL-JONES": f"BRANDEL-JONES {printed}", "C4H9K2M83": "D7390421"}
    print_ = tuple(line.model_copy(update={"text": shown.get(line.text, line.text)}) for line in PRINT)
    licence = LICENCE.model_copy(update={"number": "D7390421", "suffix": "JR"})
    reading = DocumentReading(licence=licence, lines=print_)
    assert judged(reading, subject=KIM.model_copy(update={"name": claimed}))[0] is verdict


def test_a_picture_with_the_name_of_a_file_may_show_a_screen() -> None:
    window = TextLine(text="IMG_20260914_1027.jpg - Photos", box=(0.0, 0.0, 0.2, 0.02))
    assert judged(passport()) == (Verdict.CONVINCING, set())
    assert judged(passport((*PRINT, window))) == (Verdict.UNCLEAR, {"copy_on_screen"})
