"""A mailbox or telephone number among the identifiers gets the codes and letters."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.fulfillment.search.identities import identities_of
from services.intake.cases.clock import _is_reachable
from shared.contract.correspondents import person_mailbox
from shared.contract.events import Requester, RequestSubmitted, Subject

ADA, NUMBER = "ada@example.org", "+353 20 910 0142"


def request(**subject: Any) -> RequestSubmitted:
    return RequestSubmitted.model_validate({"reference": "r", "right": "access", "subject": subject})


def test_mailbox_among_the_identifiers_gets_codes_and_notices_and_is_searched() -> None:
    submitted = request(identifiers={"email": ADA, "customer_no": "1"})
    assert _is_reachable(submitted, Requester.PERSON)
    assert person_mailbox(submitted) == ADA
    assert identities_of(submitted.subject) == {"email": (ADA,), "customer_no": ("1",)}


@pytest.mark.parametrize("name", ["phone", "phone_number"])
def test_number_among_the_identifiers_is_moved_to_its_field(name: str) -> None:
    subject = request(identifiers={name: NUMBER}).subject
    assert (subject.phone, subject.identifiers) == (NUMBER, {})


def test_moved_contacts_survive_a_second_reading() -> None:
    subject = request(identifiers={"email": ADA, "phone": NUMBER}).subject
    assert Subject.model_validate_json(subject.model_dump_json()) == subject


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ({"email": "mallory@example.com", "identifiers": {"email": ADA}}, "email"),
        ({"phone": "+49 171 39200 42", "identifiers": {"phone": NUMBER}}, "phone"),
        ({"phone": "+49 171 39200 42", "identifiers": {"phone_number": NUMBER}}, "phone_number"),
        ({"identifiers": {"phone_number": NUMBER, "phone": "+49 171 39200 42"}}, "phone"),
    ],
)
def test_second_contact_that_differs_is_refused_with_its_path(subject: dict[str, Any], name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        request(**subject)
    [error] = refused.value.errors()
    assert error["loc"] == ("subject", "identifiers", name)
    assert "must not differ" in error["msg"]


@pytest.mark.parametrize(
    ("name", "field", "written"),
    [("email", "email", " ADA@Example.org "), ("phone_number", "phone", "+353-20-9100142")],
)
def test_same_contact_in_another_notation_is_accepted(name: str, field: str, written: str) -> None:
    given = {"email": ADA, "phone": NUMBER}[field]
    subject = request(**{field: given}, identifiers={name: written}).subject
    assert (getattr(subject, field), subject.identifiers) == (given, {})


@pytest.mark.parametrize("written", ["kim", f"kim+{'x' * 70}@example.org", "Kim <kim@example.org>", "a@b@c"])
def test_email_identifier_that_is_no_mailbox_is_refused(written: str) -> None:
    with pytest.raises(ValidationError, match=r"subject\.email"):
        request(identifiers={"email": written})


def test_code_goes_to_the_spelling_that_the_search_uses() -> None:
    submitted = request(email="\N{KELVIN SIGN}im@example.org")
    assert person_mailbox(submitted) == "Kim@example.org"
    assert identities_of(submitted.subject) == {"email": ("Kim@example.org",)}
