"""The result of a survey as a data map that loads."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from services.fulfillment.datamap.model import DataMap, Direction, Ownership
from services.fulfillment.datamap.reader import parse
from services.fulfillment.drafting.ownership import beside, identities
from services.fulfillment.drafting.references import End, ReferenceLink
from services.fulfillment.drafting.schema import CollectionOutline, Inference
from services.fulfillment.drafting.survey import StoreSurvey
from services.fulfillment.drafting.writer import summary, unreached, word, write
from shared.runtime.mongo import Binary, Decimal128, Int64, ObjectId

PERSON = {"email": "ada@example.org", "name": "Ada Example"}


def outline(name: str, *documents: dict[str, Any], unique: Sequence[str] = ()) -> CollectionOutline:
    seen = Inference()
    for number, document in enumerate(documents):
        seen.add({"_id": number, **document})
    properties = seen.properties()
    return CollectionOutline(
        "default",
        "shop",
        name,
        len(documents),
        len(documents),
        properties,
        frozenset(unique),
        seen.repeated(),
    )


def survey(*outlines: CollectionOutline, links: Sequence[ReferenceLink] = ()) -> StoreSurvey:
    who = {one.key: identities(one) for one in outlines}
    return StoreSurvey(tuple(beside(one, who[one.key]) for one in outlines), who, tuple(links))


def drafted(*outlines: CollectionOutline, links: Sequence[ReferenceLink] = ()) -> DataMap:
    return parse(write(survey(*outlines, links=links)))


def link(source: CollectionOutline, path: str, target: CollectionOutline, **more: Any) -> ReferenceLink:
    ends = End(source, source.by_path[path]), End(target, target.by_path["_id"])
    return ReferenceLink(*ends, 0.9, "all values are there; its name", 1.0, **more)


def test_doubtful_category_in_a_record_of_a_person_is_an_open_point() -> None:
    texts = [
        "The parcel came late and the box was damaged when I opened it, so I sent it back to you.",
        "Very good quality, I would buy it again for my friends and for the whole family any time.",
    ]
    reviews = [{"email": f"a{n}@example.net", "topic": texts[n % 2]} for n in range(30)]
    [reviewed] = write(survey(outline("reviews", *reviews))).values()
    assert "[system.operations] # to decide: whether it is user.content.private" in reviewed
    [products] = write(survey(outline("products", *({"topic": texts[n % 2]} for n in range(30))))).values()
    assert "to decide" not in products


@pytest.mark.parametrize("line_break", ["\n", "\r", "\x85", "\u2028"])
def test_name_of_a_field_adds_no_line_to_the_map(line_break: str) -> None:
    guest = {"email": "ada@example.org"}
    name = f"email{line_break}            meta: {{ habeas: {{ erasure: keep }} }} #"
    documents = [{name: f"a{n}@example.net", "guests": [guest, guest]} for n in range(30)]
    [collection] = drafted(outline("bookings", *documents)).collections
    assert [field.path for field in collection.fields] == ["_id", name, "guests", "guests.email"]
    assert collection.by_path["guests.email"].ownership is Ownership.ELEMENT


def test_every_type_is_declared_as_it_is_stored() -> None:
    values: dict[str, Any] = {
        "text": "word",
        "flag": True,
        "small": 1,
        "large": 2**40,
        "long": Int64(1),
        "ratio": 0.5,
        "money": Decimal128("1.50"),
        "at": datetime(2026, 1, 1, tzinfo=UTC),
        "ref": ObjectId(),
        "uuid": Binary(bytes(16), 4),
        "raw": b"\x00",
        "inside": {"a": 1},
        "many": [1, 2],
        "rows": [{"a": "x"}],
        "nothing": None,
        "empty": [],
    }
    [collection] = drafted(outline("things", values)).collections
    assert {field.path: field.type for field in collection.fields} == {
        "_id": "integer",
        "text": "string",
        "flag": "boolean",
        "small": "integer",
        "large": "long",
        "long": "long",
        "ratio": "double",
        "money": "decimal",
        "at": "datetime",
        "ref": "object_id",
        "uuid": "uuid",
        "raw": "binary",
        "inside": "object",
        "inside.a": "integer",
        "many": "integer[]",
        "rows": "object[]",
        "rows.a": "string",
        "nothing": None,
        "empty": "string[]",
    }


def test_identity_is_written_with_its_confidence() -> None:
    found = survey(outline("people", PERSON))
    [text] = write(found).values()
    [collection] = parse({"shop.yml": text}).collections
    assert collection.by_path["email"].identity == "email"
    assert "# Identity, 0.99: its name; 100% of 1 values are e-mail addresses." in text


@pytest.mark.parametrize(
    ("more", "category"),
    [({}, "system.operations"), ({"customer_id": 7}, "user.content.private")],
    ids=["a product", "a text beside a customer"],
)
def test_text_about_a_product_is_drafted_as_no_personal_data(more: dict[str, int], category: str) -> None:
    body = "<p>Made by hand in a small workshop; each one differs a little from the next one.</p>"
    [collection] = drafted(outline("lamps", *[{"body": body, "price": 12, **more}] * 9)).collections
    assert collection.by_path["body"].categories == (category,)


def test_an_office_and_a_flag_about_an_address_are_no_identities() -> None:
    office = {"email": "support@example.org", "email_verified": True}
    [collection] = drafted(outline("shops", *[office] * 5)).collections
    assert [field.identity for field in collection.fields] == [None, None, None]


def test_message_id_is_no_address() -> None:
    [collection] = drafted(outline("mails", {"message_id": "2026.17@mail.example.org"})).collections
    assert collection.by_path["message_id"].identity is None


def test_people_in_an_array_are_separate() -> None:
    [collection] = drafted(outline("teams", {"members": [PERSON, PERSON]})).collections
    assert collection.divided == {"members"}


def test_numbers_of_one_person_stay_together() -> None:
    phones = [{**PERSON, "phones": [f"+49302312{n:03d}", f"+49302313{n:03d}"]} for n in range(20)]
    [collection] = drafted(outline("people", *phones)).collections
    assert collection.by_path["phones"].ownership is Ownership.DOCUMENT
    assert collection.divided == set()


@pytest.mark.parametrize(
    ("more", "element", "ownership"),
    [
        ({"username": "ada"}, {}, Ownership.DOCUMENT),
        ({"username": "ada"}, {"name": "Ada Example"}, Ownership.ELEMENT),
        ({"topic": "News"}, {}, Ownership.SHARED),
    ],
    ids=["a profile", "contacts of a profile", "a list"],
)
def test_objects_with_addresses_are_one_persons_in_a_profile(
    more: dict[str, str], element: dict[str, str], ownership: Ownership
) -> None:
    people = [{**more, "emails": [{"address": f"p{n}@example.org", **element}]} for n in range(20)]
    [collection] = drafted(outline("people", *people)).collections
    assert collection.by_path["emails.address"].ownership is ownership


def test_further_addresses_of_a_profile_make_the_document_the_persons() -> None:
    people = [{"email": f"p{n}@example.org", "emails": [f"p{n}@example.org"]} for n in range(20)]
    [collection] = drafted(outline("people", *people)).collections
    assert collection.by_path["emails"].ownership is Ownership.DOCUMENT


@pytest.mark.parametrize(
    ("more", "expected"),
    [({}, Ownership.SHARED), ({"email": "host@example.org"}, Ownership.ELEMENT)],
    ids=["a booking", "a list of another person"],
)
def test_array_of_references_to_people_gets_an_ownership(more: dict[str, str], expected: Ownership) -> None:
    bookings = outline("bookings", *[{"passenger_ids": [n, n + 1], **more} for n in range(9)])
    link_ = link(bookings, "passenger_ids", outline("people", PERSON), direction=Direction.FROM)
    found = drafted(bookings, outline("people", PERSON), links=[link_]).by_key["shop.bookings"]
    assert found.by_path["passenger_ids"].ownership is expected
    assert found.divided == {"passenger_ids"}


def test_the_readers_of_one_mailing_are_not_one_person() -> None:
    mailings = [{"name": "News", "to": [f"reader{n}.{k}@example.org" for k in range(40)]} for n in range(5)]
    [collection] = drafted(outline("mailings", *mailings)).collections
    assert collection.by_path["to"].identity == "email"
    assert collection.divided == {"to"}


@pytest.mark.parametrize(("number", "name"), [("+49 30 2312 5999", "phone_number"), ("030 23125999", None)])
def test_number_is_an_identity_if_it_names_its_country(number: str, name: str | None) -> None:
    [text] = write(survey(outline("people", *[{**PERSON, "phone": number}] * 9))).values()
    assert parse({"shop.yml": text}).by_key["shop.people"].by_path["phone"].identity == name
    assert ("# No identity: few have their country code" in text) is (name is None)


def test_collections_with_personal_data_that_no_request_finds_are_listed() -> None:
    payments = outline("payments", {"iban": "DE89370400440532013000", "amount": 3})
    found = survey(payments, outline("people", PERSON), outline("colours", {"name": "blue"}))
    assert unreached(found) == ["shop.payments"]
    assert summary(found)["unreached"] == ["shop.payments"]


def test_name_beside_a_username_is_a_persons() -> None:
    message = {"u": {"username": "ada", "name": "Zyx Wvuts"}, "room": {"name": "Zyx Wvuts"}}
    found = survey(outline("messages", *[message] * 9)).outlines[0].by_path
    assert found["u.name"].seems("user.name", 0.6)
    assert not found["room.name"].seems("user.name", 0.6)


def test_word_for_things_and_people_is_personal_only_beside_personal_data() -> None:
    [countries] = survey(outline("countries", *[{"country": "Portugal"}] * 9)).outlines
    [people] = survey(outline("people", *[{**PERSON, "country": "Portugal"}] * 9)).outlines
    assert not countries.by_path["country"].seems("user.contact.address.country", 0.5)
    assert people.by_path["country"].seems("user.contact.address.country", 0.5)


def test_a_reference_is_written_with_its_direction() -> None:
    people, orders = outline("people", PERSON), outline("orders", {"person_id": 0})
    follow = link(orders, "person_id", people, direction=Direction.FROM)
    [_, collection] = drafted(people, orders, links=[follow]).collections
    [reference] = collection.by_path["person_id"].references
    assert (reference.key, reference.path, reference.direction) == ("shop.people", "_id", Direction.FROM)


def test_unfollowed_reference_is_a_comment_only() -> None:
    people, teams = outline("people", {**PERSON, "team_id": 0}), outline("teams", {"title": "x"})
    found = survey(people, teams, links=[link(people, "team_id", teams, because="it belongs to many")])
    [text] = write(found).values()
    assert not parse({"shop.yml": text}).by_key["shop.people"].by_path["team_id"].references
    assert "# Refers to shop.teams._id, 0.90: all values are there; its name." in text
    assert "# Not followed: it belongs to many." in text


def test_unreached_collection_is_skipped_with_a_comment() -> None:
    found = survey(outline("leads", {"fullName": "Ada Example"}))
    [text] = write(found).values()
    [collection] = parse({"shop.yml": text}).collections
    assert collection.skipped
    assert "fullName may be personal data" in text


def test_document_with_a_personal_key_is_deleted() -> None:
    [collection] = drafted(outline("people", {"_id": "ada@example.org"})).collections
    assert collection.erasure == "delete"


def test_a_unique_personal_field_is_masked_by_something_unique() -> None:
    [collection] = drafted(outline("people", PERSON, unique=["email"])).collections
    masking = collection.by_path["email"].masking
    assert masking is not None
    assert masking.strategy == "hash"


def test_free_text_of_a_person_may_name_others() -> None:
    [collection] = drafted(outline("people", {**PERSON, "notes": "a word about another person"})).collections
    assert collection.by_path["notes"].redact


def test_a_key_of_several_parts_loads() -> None:
    [collection] = drafted(outline("people", {"_id": {"tenant": 1, "person": 2}, **PERSON})).collections
    assert {"_id.tenant", "_id.person"} <= set(collection.by_path)


@pytest.mark.parametrize(
    "name",
    [
        "no",
        "null",
        "1st",
        "with space",
        "a: b",
        "# c",
        '"',
        "'",
        "ä",
        "😀",
        "line\nbreak",
        "-",
        "~",
        "12",
        "\x7f",
    ],
)
def test_any_name_is_read_back_as_it_is(name: str) -> None:
    [collection] = drafted(outline(f"c{name}", {name: 1, "inside": [PERSON]})).collections
    assert collection.name == f"c{name}"
    assert name in collection.by_path


@pytest.mark.parametrize("name", ["with.dot", "$ref", ""])
def test_a_name_that_no_map_can_name_is_left_out(name: str) -> None:
    [collection] = drafted(outline("things", {name: 1})).collections
    assert set(collection.by_path) == {"_id"}


@pytest.mark.parametrize(
    "name", ["ada@example.org", "+493023125999", "64b7f0c2a1d3e4f5a6b7c8d9", "4711", "ada", "Ada Example"]
)
def test_a_name_that_is_data_is_not_repeated(name: str) -> None:
    found = survey(outline("kept", {"by": {name: {"score": 1}}}))
    [text] = write(found).values()
    assert name not in text
    assert parse({"shop.yml": text}).by_key["shop.kept"].by_path["by"].type == "object"


def test_names_that_differ_from_document_to_document_are_data() -> None:
    [collection] = drafted(
        *[outline("kept", *[{"by": {f"k{chr(97 + n)}": 1}} for n in range(26)])]
    ).collections
    assert set(collection.by_path) == {"_id", "by"}


def test_words_are_quoted_where_yaml_would_read_something_else() -> None:
    assert [word(text) for text in ("plain", "no", "a b")] == ["plain", '"no"', '"a b"']


def test_an_empty_collection_is_declared_and_passed_over() -> None:
    [collection] = drafted(outline("empty")).collections
    assert collection.skipped
    assert not collection.fields


def test_stated_verification_of_an_identity_is_written() -> None:
    found = survey(outline("people", PERSON), outline("guests", PERSON), outline("others", PERSON))
    stated = {"shop.people.email": "always", "shop.guests.email": "never", "shop.people.name": "always"}
    [text] = write(found, stated).values()
    checks = {key: one.by_path["email"].verified for key, one in parse({"a.yml": text}).by_key.items()}
    assert (checks["shop.people"] is None, checks["shop.others"] is None) == (False, True)
    assert parse({"a.yml": text}).by_key["shop.people"].by_path["email"].always_verified
    assert not parse({"a.yml": text}).by_key["shop.guests"].by_path["email"].verifiable
    assert text.count("State how its value is verified") == 1
