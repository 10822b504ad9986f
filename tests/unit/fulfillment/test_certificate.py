import json
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.fulfillment.certificate.document import (
    Certificate,
    CertificateProof,
    Handled,
    LookedThrough,
    Retained,
    Searched,
    SecondLook,
    issue,
    page,
    read,
    template,
    verify_certificate,
)
from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.package.labels import words
from tests.unit.fulfillment.sample_records import SIGNER

NOW = datetime(2026, 3, 5, 13, 35, tzinfo=UTC)
DUTY = Retained(5, "retention_duty", "§ 147 AO", date(2035, 1, 31))
INVOICES = Handled("default", "billing", "invoices", "Invoices", found=8, erased=2, gone=1, retained=(DUTY,))
CERTIFICATE = Certificate(
    number="C-1",
    request_id="r-1",
    map_version="abc",
    controller="Fernlicht",
    begun_at=NOW,
    completed_at=NOW,
    handled=(INVOICES, Handled("default", "portal", "<b>", "Contacts <b>", found=1, masked=1)),
    second_look=SecondLook(NOW, collections=10, remaining=0),
    recipients=("Bank",),
)
FILE = issue(CERTIFICATE, SIGNER)
OTHER = CertificateSigner(b"o" * 32)


def html(certificate: Certificate, language: str = "en") -> str:
    return b"".join(page(certificate, words(language), fingerprint="f" * 64)).decode()


def test_issued_certificate_is_valid_and_states_the_results() -> None:
    report = verify_certificate(FILE, issuer=SIGNER.public_key.fingerprint)
    assert report.ok
    assert report.trusted
    assert report.content["collections"][0]["retained"] == [
        {"records": 5, "reason": "retention_duty", "citation": "§ 147 AO", "until": "2035-01-31"}
    ]
    assert report.content["verification"]["result"] == "nothing_left"


def test_the_same_certificate_has_the_same_bytes() -> None:
    assert issue(CERTIFICATE, SIGNER) == FILE


def test_a_certificate_is_trusted_only_with_the_key_that_signed_it() -> None:
    assert not verify_certificate(FILE).trusted
    report = verify_certificate(FILE, issuer=OTHER.public_key.fingerprint)
    assert not report.ok
    assert not report.trusted


@pytest.mark.slow
def test_no_changed_byte_goes_unnoticed() -> None:
    for position in range(len(FILE)):
        changed = bytearray(FILE)
        changed[position] ^= 1
        assert not verify_certificate(bytes(changed), issuer=SIGNER.public_key.fingerprint).ok


def test_content_with_a_duplicate_name_is_rejected() -> None:
    twice = FILE.replace(b'"number": "C-1"', b'"number": "C-2",\n    "number": "C-1"')
    assert json.loads(twice) == json.loads(FILE)
    assert not verify_certificate(twice).ok


@pytest.mark.parametrize("file", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"certificate":1,"seal":2}'])
def test_invalid_certificate_is_a_problem_and_no_exception(file: bytes) -> None:
    assert not verify_certificate(file).ok


def test_certificate_with_inconsistent_numbers_is_not_issued() -> None:
    unexplained = replace(CERTIFICATE, handled=(replace(INVOICES, found=9),))
    with pytest.raises(ValueError, match=r"default\.billing\.invoices: found 9 records, accounts for 8"):
        issue(unexplained, SIGNER)


def test_records_that_were_found_again_are_not_called_erased() -> None:
    partial = replace(CERTIFICATE, second_look=SecondLook(NOW, collections=10, remaining=3))
    content = verify_certificate(issue(partial, SIGNER)).content
    assert content["verification"]["result"] == "records_left"
    assert "not complete" in html(partial)


def test_page_states_retained_records_with_reason_and_last_day() -> None:
    text = html(CERTIFICATE, "de")
    assert "aufzubewahren: § 147 AO." in text
    assert "31. Januar 2035" in text
    assert "Contacts &lt;b&gt;" in text


WHOLE = replace(
    CERTIFICATE,
    handled=(replace(INVOICES, found=10, left=(Retained(2, "store_rules"),), incomplete=1),),
    second_look=SecondLook(NOW, collections=10, remaining=2),
    proof=CertificateProof(
        "erasure", "gdpr", date(2026, 3, 1), "mailbox", ("email",), ("mailbox",), "second.person"
    ),
    searched=(Searched("default", "billing", "invoices", "searched", 7, 10),),
    looked_through=(LookedThrough("default", "portal", "tickets", "Tickets", 500, 3, 1),),
    program="habeas 1.2.3",
)


def test_page_states_records_that_stay_for_other_people() -> None:
    stated = "These records stay; only the data of the data subject was erased from them."
    parted = replace(CERTIFICATE, handled=(replace(INVOICES, parted=1),))
    assert stated in html(parted)
    assert stated not in html(CERTIFICATE)


@pytest.mark.parametrize("certificate", [CERTIFICATE, WHOLE], ids=["little", "everything"])
def test_signed_certificate_can_be_read(certificate: Certificate) -> None:
    assert read(verify_certificate(issue(certificate, SIGNER)).content) == certificate


def test_page_states_request_remaining_records_and_mentions() -> None:
    text = html(WHOLE)
    assert "second.person" in text
    assert "The rules of a database refused the change." in text
    assert "Some details in these records cannot be changed." in text
    assert "Texts that may still name the person" in text
    assert "habeas 1.2.3" in text
    assert "Was noch vorhanden ist und warum" in html(WHOLE, "de")


def test_a_certificate_of_an_earlier_version_can_be_read_still() -> None:
    content = dict(verify_certificate(FILE).content)
    for name in ("asked", "issued_by"):
        del content[name]
    content["verification"] = {
        n: content["verification"][n] for n in ("at", "collections", "remaining", "result")
    }
    assert read(content).handled == CERTIFICATE.handled


def test_certificate_without_a_search_is_not_issued() -> None:
    nowhere = replace(CERTIFICATE, handled=(), second_look=SecondLook(NOW, collections=0, remaining=0))
    with pytest.raises(ValueError, match="nothing to certify"):
        issue(nowhere, SIGNER)
    issue(replace(nowhere, second_look=SecondLook(NOW, collections=1, remaining=0)), SIGNER)


def test_recipients_without_notification_are_not_called_notified() -> None:
    partly = replace(CERTIFICATE, recipients=("Bank", "Courier"), not_notified=("Courier",))
    content = verify_certificate(issue(partly, SIGNER)).content
    assert (content["recipients"], content["recipients_untold"]) == (["Bank", "Courier"], ["Courier"])
    assert read(content) == partly
    text = html(partly)
    assert text.index("Recipients being notified") < text.index("Bank")
    assert text.index("Recipients still to be notified") < text.index("Courier")
    assert "were told" not in text


def test_template_has_the_names_of_a_certificate_and_no_result() -> None:
    looked = LookedThrough("default", "billing", "invoices", "Invoices", 8, 2, 1)
    mine = replace(CERTIFICATE, looked_through=(looked,))
    other = replace(mine, number="n-2", request_id="r-2", handled=(), completed_at=NOW + timedelta(days=1))
    assert template(mine, SIGNER) == template(other, SIGNER)
    words = json.loads(template(mine, SIGNER))
    assert words["certificate"]["verification"]["texts"][0] == {
        **asdict(looked),
        "documents": 0,
        "places": 0,
        "records": 0,
    }
    for own in (CERTIFICATE.number, CERTIFICATE.request_id, "2026-03-05"):
        assert own.encode() not in template(mine, SIGNER)
