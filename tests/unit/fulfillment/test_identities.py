"""What a request tells about its person becomes what records are looked up by."""

from services.fulfillment.search.identities import identities_of, typed
from shared.events import PostalAddress, Subject
from shared.mongo import Int64, ObjectId


def test_a_telephone_number_is_looked_up_as_given_and_in_the_usual_forms() -> None:
    found = identities_of(Subject(phone="+353 20 910 0142"))
    assert found == {
        "phone_number": ("+353209100142", "+353 20 910 0142", "00353209100142"),
    }


def test_a_number_without_country_code_is_dialled_where_the_person_lives() -> None:
    subject = Subject(phone="030 23125 123", postal_address=PostalAddress(country="DE"))
    assert "+493023125123" in identities_of(subject)["phone_number"]
    assert identities_of(Subject(phone="030 23125 123"))["phone_number"] == ("030 23125 123",)


def test_identifiers_keep_their_names() -> None:
    subject = Subject(email="kim@example.org", identifiers={"customer_no": "100001"})
    assert identities_of(subject) == {"email": ("kim@example.org",), "customer_no": ("100001",)}


def test_an_identifier_is_tried_in_the_type_of_its_field_and_as_text() -> None:
    assert list(typed("7", "long")) == ["7", Int64(7)]
    assert list(typed("5a9427648b0beebeb6957bfd", "object_id[]"))[1] == ObjectId("5a9427648b0beebeb6957bfd")
    assert list(typed("seven", "long")) == ["seven"]
    assert list(typed("9" * 30, "long")) == ["9" * 30]
    assert list(typed("x", None)) == ["x"]
