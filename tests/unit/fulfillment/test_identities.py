"""Identities of a request that records are looked up by."""

from services.fulfillment.search.identities import identities_of
from shared.contract.events import PostalAddress, Subject


def test_a_telephone_number_is_looked_up_as_given_and_in_the_usual_forms() -> None:
    found = identities_of(Subject(phone="+353 20 910 0142"))
    usual = {"+353209100142", "+353 20 910 0142", "00353209100142", "353209100142", "+353-20-910-0142"}
    assert usual < set(found["phone_number"])
    assert found["phone_number"][0] == "+353209100142"


def test_a_number_without_country_code_is_dialled_where_the_person_lives() -> None:
    subject = Subject(phone="030 23125 123", postal_address=PostalAddress(country="DE"))
    assert "+493023125123" in identities_of(subject)["phone_number"]
    assert identities_of(Subject(phone="030 23125 123"))["phone_number"] == ("030 23125 123",)


def test_identifiers_keep_their_names() -> None:
    subject = Subject(email="kim@example.org", identifiers={"customer_no": "100001"})
    assert identities_of(subject) == {"email": ("kim@example.org",), "customer_no": ("100001",)}
