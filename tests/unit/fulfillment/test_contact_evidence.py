"""Contact data in one person's part of a record."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fulfillment.breach.affected import AffectedPerson, read, written
from services.fulfillment.breach.contact_evidence import ContactFields, contact_fields_of
from services.fulfillment.datamap.reader import parse

FIELDS = """
dataset:
  - fides_key: shop
    collections:
      - name: people
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: number, data_categories: [user.unique_id], fides_meta: { identity: customer_no } }
          - { name: mail, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - { name: spare, data_categories: [user.contact.email] }
          - name: phone
            data_categories: [user.contact.phone_number]
            fides_meta: { identity: phone_number }
          - { name: names, fields: [
              { name: first, data_categories: [user.name.first] },
              { name: last, data_categories: [user.name.last] } ] }
          - { name: reads, data_categories: [user.demographic.language] }
          - name: addresses
            fides_meta: { data_type: "object[]" }
            fields:
              - { name: street, data_categories: [user.contact.address.street] }
              - { name: zip, data_categories: [user.contact.address.postal_code] }
              - { name: city, data_categories: [user.contact.address.city] }
              - { name: state, data_categories: [user.contact.address.state] }
              - { name: country, data_categories: [user.contact.address.country] }
          - name: emergency
            fields:
              - { name: name, data_categories: [user.name] }
              - { name: mail, data_categories: [user.contact.email] }
              - { name: country, data_categories: [user.contact.address.country] }
      - name: parcels
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - name: sender
            fields:
              - { name: mail, data_categories: [user.contact.email], fides_meta: { identity: email } }
              - { name: name, data_categories: [user.name] }
          - name: recipient
            fields:
              - { name: mail, data_categories: [user.contact.email], fides_meta: { identity: email } }
              - { name: name, data_categories: [user.name] }
          - { name: content, data_categories: [user.behavior.purchase_history] }
      - name: rooms
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: topic, data_categories: [user.content] }
          - name: guests
            fides_meta: { data_type: "object[]" }
            fields:
              - { name: mail, data_categories: [user.contact.email], fides_meta: { identity: email } }
              - { name: room_no, data_categories: [user.location] }
          - name: cc
            data_categories: [user.contact.email]
            fides_meta: { data_type: "string[]", identity: email }
"""
MAP = parse({"shop.yml": FIELDS})


def only(name: str) -> ContactFields:
    [contact] = [one for one in contact_fields_of(MAP)[f"shop.{name}"] if not one.mentions]
    return contact


def people_in(name: str, document: dict[str, Any]) -> list[AffectedPerson]:
    several = [contact for contact in contact_fields_of(MAP)[f"shop.{name}"] if not contact.mentions]
    return [contact.person_of(part) for contact in several for part in contact.parts(document)]


@pytest.mark.slow
def test_contact_data_comes_from_the_persons_own_part() -> None:
    document = {
        "mail": " Kim@Example.org ",
        "names": {"first": "Kim", "last": "Muster"},
        "reads": "fr-CA",
        "addresses": [
            {"kind": "none"},
            {"street": ["7 Quay", "Flat 2"], "zip": "D00", "city": "Dublin", "country": "Ireland"},
            {"street": "Weg 1", "country": "DE"},
        ],
        "emergency": {"name": "Carla", "mail": "carla@example.net", "country": "IT"},
    }
    [person] = people_in("people", document)
    reached = person.reached("k")
    assert (reached.email, reached.name, reached.place) == ("Kim@Example.org", "Kim Muster", "IE")
    assert reached.postal == ("7 Quay", "Flat 2", "D00 Dublin", "Ireland")
    assert person.language("en") == "fr"
    assert person.identity == ("email", "kim@example.org")


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"emergency": {"mail": "carla@example.net"}}, id="of person else"),
        pytest.param({"mail": "unknown", "spare": "none at all"}, id="none at all"),
        pytest.param({"mail": ["a@b@example.org", "a b@example.org"]}, id="not to be written to"),
    ],
)
def test_person_without_an_own_address_gets_no_letter(document: dict[str, Any]) -> None:
    [person] = people_in("people", document)
    assert (person.email, person.identity) == (None, ())


def test_an_address_that_records_are_found_by_comes_before_another() -> None:
    [person] = people_in("people", {"spare": "old@example.org", "mail": "new@example.org"})
    assert person.email == "new@example.org"
    document = {"spare": "old@example.org", "mail": ""}
    [person] = people_in("people", document)
    assert person.identity == (), "it is followed first"
    last = only("people").guess_of(document)
    assert last is not None
    assert last.email == "old@example.org"


def test_only_fields_with_values_are_breached() -> None:
    document = {"mail": "", "phone": None, "reads": " ", "names": {"first": "K"}, "addresses": [{"zip": 7}]}
    assert only("people").categories(document) == {"user.name.first", "user.contact.address.postal_code"}
    assert only("people").categories({"emergency": {"name": "C"}}) == {"user.name"}, "it lay in their record"


def test_people_with_roles_are_separate_people() -> None:
    document = {"sender": {"mail": "s@example.org", "name": "S"}, "recipient": {"mail": "r@example.org"}}
    assert {one.email: one.reached("").name for one in people_in("parcels", document)} == {
        "s@example.org": "S",
        "r@example.org": "",
    }
    senders = [
        t for t in contact_fields_of(MAP)["shop.parcels"] if t.person_of(document).email == "s@example.org"
    ]
    assert [t.categories({**document, "content": "x"}) for t in senders] == [
        {"user.contact.email", "user.name", "user.behavior.purchase_history"}
    ]


def test_people_in_one_record_are_separate() -> None:
    document = {
        "topic": "T",
        "guests": [{"mail": "a@example.org"}, {"mail": "b@example.org"}],
        "cc": ["c@example.org"],
    }
    assert [one.email for one in people_in("rooms", document)] == [
        "a@example.org",
        "b@example.org",
        "c@example.org",
    ]


@pytest.mark.parametrize(
    ("document", "who"),
    [
        pytest.param(
            {"phone": "+49 30 23125 001", "number": 7}, ("known", "customer_no"), id="a number first"
        ),
        pytest.param({"phone": "+49 30 23125 001"}, ("known", "phone_number"), id="a telephone"),
        pytest.param({"mail": "Kim Muster"}, ("known", "email"), id="a name for an address"),
        pytest.param({"names": {"first": "K"}}, ("record", "shop.people"), id="nothing"),
    ],
)
def test_person_without_an_address_has_the_surest_identity(
    document: dict[str, Any], who: tuple[str, str]
) -> None:
    assert only("people").strangers_key(document, ("1", "", 0))[:2] == who


def test_notations_of_one_telephone_number_are_one() -> None:
    keys = {
        only("people").strangers_key({"phone": text}, ())
        for text in ("+49 30 23125001", "0049 30 23125-001", "+49 (0)30 23125001")
    }
    assert len(keys) == 1


SAID = st.dictionaries(
    st.sampled_from(["email", "name", "language", "postal"]),
    st.tuples(st.integers(0, 3), st.text(max_size=3)),
)
PLACES = st.dictionaries(st.sampled_from(["DE", "US", "US-CA", "US-NY", "FR"]), st.integers(0, 3))
PEOPLE = st.builds(
    AffectedPerson,
    st.just(("k",)),
    SAID,
    PLACES,
    st.frozensets(st.sampled_from(["user.name", "user.contact.email"])),
)


@given(PEOPLE, PEOPLE, PEOPLE)
def test_order_of_records_does_not_matter(a: AffectedPerson, b: AffectedPerson, c: AffectedPerson) -> None:
    assert a.also(b) == b.also(a)
    assert a.also(b).also(c) == a.also(b.also(c))
    assert a.also(a) == a


@given(PEOPLE)
def test_sealed_person_is_read_back(person: AffectedPerson) -> None:
    again = read(written(person))
    assert again.also(person) == again
    assert again.reached("k") == person.reached("k")


def test_state_in_any_record_is_kept() -> None:
    person = AffectedPerson(("k",), places={"US": 0, "US-CA": 5, "DE": 3})
    assert person.place == "US-CA"
