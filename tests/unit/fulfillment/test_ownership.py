"""The person's part of a document."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from bson import Code, Regex, json_util
from hypothesis import given
from hypothesis import strategies as some

from services.fulfillment.datamap.model import Collection
from services.fulfillment.datamap.paths import places, tuples_at, values_at
from services.fulfillment.datamap.reader import parse
from services.fulfillment.search.bson_equality import key_of, refers
from services.fulfillment.search.digests import digest
from services.fulfillment.search.ownership import ANOTHERS, OwnershipMatch, disclosed, is_alone
from shared.errors import InvalidDataMap
from shared.runtime.mongo import Decimal128, Int64, ObjectId

TEXT = """
dataset:
  - fides_key: desk
    collections:
      - name: tickets
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - { name: owner, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - { name: subject, data_categories: [user.content] }
          - name: cc
            data_categories: [user.contact.email]
            fides_meta: { data_type: "string[]", identity: email }
          - name: messages
            fides_meta: { data_type: "object[]" }
            fields:
              - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
              - { name: body, data_categories: [user.content] }
              - name: readers
                data_categories: [user.contact.email]
                fides_meta: { data_type: "string[]", identity: email }
"""
PEOPLE = ("kim", "bo", "lee", None)


def tickets(text: str = TEXT) -> Collection:
    return parse({"map.yml": text}).collections[0]


def matches(document: dict[str, Any], person: str) -> list[OwnershipMatch]:
    """What the walk would find *person* by."""
    units = {"owner": None, "cc": "cc", "messages.email": "messages", "messages.readers": "messages.readers"}
    return [
        OwnershipMatch(p, unit, (person,)) for p, unit in units.items() if person in values_at(document, p)
    ]


def test_match_in_a_shared_array_does_not_own_the_record() -> None:
    collection = tickets()
    assert [field.path for field in collection.common] == ["_id", "owner", "subject"]
    assert [field.path for field in collection.common_about("user.contact")] == ["owner"]
    assert collection.common_about("user.name") == ()


def of(author: str | None) -> some.SearchStrategy[dict[str, Any]]:
    return some.fixed_dictionaries(
        {
            "email": some.just(author),
            "body": some.just(f"written by {author}"),
            "readers": some.lists(some.sampled_from(PEOPLE), max_size=3),
        }
    )


DOCUMENTS = some.sampled_from(PEOPLE).flatmap(
    lambda owner: some.fixed_dictionaries(
        {
            "_id": some.integers(),
            "owner": some.just(owner),
            "subject": some.just(f"opened by {owner}"),
            "cc": some.lists(some.sampled_from(PEOPLE), max_size=3),
            "messages": some.lists(some.sampled_from(PEOPLE).flatmap(of), max_size=4),
        }
    )
)


@pytest.mark.slow
@given(DOCUMENTS)
def test_other_peoples_elements_are_not_disclosed(document: dict[str, Any]) -> None:
    shown = json_util.dumps(disclosed(tickets(), document, matches(document, "kim")))
    assert not any(f"by {other}" in shown or f'"{other}"' in shown for other in PEOPLE[1:])


@pytest.mark.slow
@given(DOCUMENTS)
def test_own_elements_are_all_disclosed(document: dict[str, Any]) -> None:
    shown = disclosed(tickets(), document, matches(document, "kim"))
    assert list(values_at(shown, "messages.body")).count("written by kim") == sum(
        message["email"] == "kim" for message in document["messages"]
    )
    assert list(values_at(shown, "cc")) == [name for name in document["cc"] if name == "kim"]
    assert ("subject" in shown) == (document["owner"] == "kim")


def test_an_array_of_one_person_is_shown_whole() -> None:
    collection = tickets(TEXT.replace('"string[]",', '"string[]", return_all_elements: true,'))
    document = {"_id": 1, "owner": "kim", "cc": ["kim", "other mailbox of kim"]}
    assert disclosed(collection, document, [OwnershipMatch("owner", None, ("kim",))]) == document


@pytest.mark.parametrize("owner", ["kim", "bo"])
def test_each_element_of_nested_arrays_is_one_persons(owner: str) -> None:
    document = {"_id": 1, "owner": owner, "cc": ["kim", ["bo", "kim"], ["bo"]]}
    matches = [
        OwnershipMatch("cc", "cc", ("kim",)),
        *([OwnershipMatch("owner", None, ("kim",))] if owner == "kim" else []),
    ]
    own = {"owner": "kim"} if owner == "kim" else {}
    assert disclosed(tickets(TEXT), document, matches) == {"_id": 1, **own, "cc": ["kim", ["kim"]]}


def test_a_key_that_is_another_persons_name_is_not_shown() -> None:
    collection = tickets(TEXT.replace("{ name: _id,", "{ name: _id, data_categories: [user.contact.email],"))
    document = {"_id": "bo", "cc": ["kim"]}
    assert disclosed(collection, document, [OwnershipMatch("cc", "cc", ("kim",))]) == {"cc": ["kim"]}


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " ",
        "\t\n",
        b"",
        {},
        True,
        False,
        float("nan"),
        Decimal128("NaN"),
        Regex("."),
        Code("x"),
        {"$in": []},
    ],
)
def test_nothing_refers_to_nothing(value: Any) -> None:
    assert not refers(value)


@pytest.mark.parametrize(
    "value",
    ["x", 0, Int64(1), 1.5, Decimal128("0"), ObjectId(), b"x", datetime(2026, 1, 1, tzinfo=UTC), {"a": 1}],
)
def test_a_value_refers_to_its_equals(value: Any) -> None:
    assert refers(value)
    assert key_of(value) == key_of(value)


def test_a_program_is_no_text_and_compares_all_the_same() -> None:
    assert {key_of(Code("x")), key_of(Code("x"), caseless=True)} == {key_of(Code("x"))}
    assert key_of(Code("x")) not in {key_of("x"), key_of(Code("y"))}


def test_numbers_are_equal_across_types_as_in_a_query() -> None:
    assert len({key_of(5), key_of(Int64(5)), key_of(5.0), key_of(Decimal128(Decimal("5.0")))}) == 1
    assert key_of(True) != key_of(1)
    assert key_of("Kim", caseless=True) == key_of("KIM", caseless=True)
    assert key_of("Kim") != key_of("KIM")


def test_places_name_the_arrays_on_the_way_as_they_are_stored() -> None:
    document = {"a": [{"b": {"c": [1]}}, {"b": [{"c": 2}]}]}
    assert list(places(document, "a.b.c")) == [(("a",), [1]), (("a", "a.b"), 2)]


KEY = OwnershipMatch("rooms.t", "rooms.who", ("acme",), (("rooms.who.n", 1),), ("rooms", "rooms.who"))


@pytest.mark.parametrize(
    ("document", "positions"),
    [
        pytest.param(
            {"rooms": [{"t": "acme", "who": [{"n": 1}, {"n": 2}]}]}, [("rooms", 0, "who", 0)], id="one"
        ),
        pytest.param(
            {"rooms": [{"t": "beta", "who": [{"n": 1}]}, {"t": "acme", "who": []}]}, [], id="crossed"
        ),
        pytest.param({"rooms": {"t": "acme", "who": {"n": 1.0}}}, [("rooms", "who")], id="no arrays"),
        pytest.param({"rooms": [{"t": "acme"}, {"who": [{"n": 1}]}, None]}, [], id="parts missing"),
    ],
)
def test_an_element_is_known_by_all_parts_of_a_key(
    document: dict[str, Any], positions: list[tuple[Any, ...]]
) -> None:
    assert [element.position for element in KEY.elements(document)] == positions
    assert KEY.holds_of(document) == bool(positions)


def test_values_of_arrays_beside_one_another_do_not_stand_together() -> None:
    document = {"t": ["a", "b"], "n": [1, 2], "x": 5, "in": [{"t": "c", "n": [3, 4]}]}
    assert list(tuples_at(document, ("t", "n"))) == []
    assert list(tuples_at(document, ("x", "n"))) == [(5, 1), (5, 2)]
    assert list(tuples_at(document, ("in.t", "in.n"))) == [("c", 3), ("c", 4)]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param({"a": 1, "b": [1, 2]}, {"a": Int64(1), "b": [1.0, Decimal128("2")]}, True, id="numbers"),
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, False, id="the order of fields"),
        pytest.param({"a": 1}, {"a": True}, False, id="truth is no number"),
        pytest.param({"a": 1}, {"a": "1"}, False, id="nor is a text"),
        pytest.param({"a": []}, {"a": {}}, False, id="an array is no object"),
        pytest.param({"a": float("nan")}, {"a": Decimal128("NaN")}, True, id="not a number"),
    ],
)
def test_objects_are_equal_as_in_a_query(one: Any, other: Any, *, same: bool) -> None:
    assert (key_of(one) == key_of(other)) == same
    assert (digest(key_of(one)) == digest(key_of(other))) == same


ARRAYS = """
dataset:
  - fides_key: desk
    collections:
      - name: trips
        fields:
          - { name: _id, fides_meta: { primary_key: true } }
          - name: riders
            fides_meta: { data_type: "object[]", RIDERS }
            fields:
              - { name: email, fides_meta: { identity: email }, meta: { habeas: { OWN } } }
              - { name: phone, fides_meta: { identity: phone_number }, meta: { habeas: { OTHER } } }
              - { name: seat, meta: { habeas: { SEAT } } }
              - name: guests
                fides_meta: { data_type: "string[]", identity: email }
                meta: { habeas: { GUESTS } }
          - { name: train, meta: { habeas: { TRAIN } } }
          - { name: agent, data_categories: [user.name], meta: { habeas: { AGENT } } }
          - name: legs
            fides_meta: { data_type: "object[]" }
            fields:
              - { name: place, data_categories: [system.operations] }
              - { name: host, data_categories: [user.name] }
"""


def arrays(**stated: str) -> Collection:
    text = ARRAYS
    for place in ("RIDERS", "OWN", "OTHER", "SEAT", "GUESTS", "TRAIN", "AGENT"):
        text = text.replace(place, stated.get(place.lower(), ""))
    return tickets(text)


def test_ownership_of_the_document_makes_all_arrays_around_one_persons() -> None:
    assert arrays().divided == {"riders", "riders.guests"}
    assert arrays(own="ownership: document").divided == {"riders.guests"}
    assert arrays(guests="ownership: document").divided == set()
    assert arrays(own="ownership: shared").divided == {"riders", "riders.guests"}


@pytest.mark.parametrize(
    ("stated", "what"),
    [
        ({"seat": "ownership: element"}, "`riders.seat` states `ownership`, and no person is found by it"),
        (
            {"own": "ownership: shared", "other": "ownership: document"},
            "`riders.email` is `ownership: shared`",
        ),
        ({"own": "ownership: element", "riders": "return_all_elements: true"}, "declared as one person's"),
        ({"guests": "ownership: shared"}, "in an array within an array"),
        ({"own": "ownership: mine"}, "`ownership: mine` means nothing"),
        ({"agent": "ownership: shared"}, "`agent` states `ownership`, and no person is found by it"),
        ({"own": "ownership: shared", "agent": "ownership: element"}, "`agent` states `ownership`"),
        ({"own": "ownership: shared", "train": "ownership: shared"}, "`train` states `ownership`"),
    ],
)
def test_ownership_without_effect_or_in_contradiction_is_rejected(stated: dict[str, str], what: str) -> None:
    with pytest.raises(InvalidDataMap, match=re.escape(what)):
        arrays(**stated)


def test_ownership_outside_arrays_is_rejected() -> None:
    stated = "fides_meta: { identity: email }, meta: { habeas: { ownership: document } } }"
    with pytest.raises(InvalidDataMap, match="`owner` states `ownership` and stands in no array"):
        tickets(TEXT.replace("fides_meta: { identity: email } }", stated, 1))


SHARED = OwnershipMatch("riders.email", "riders", ("kim",))


@pytest.mark.parametrize(
    ("part", "shown", "marked"),
    [
        pytest.param({"train": 7}, {"train": 7}, {}, id="no personal data"),
        pytest.param({"agent": "Bo"}, {}, {"agent": ANOTHERS}, id="personal data"),
        pytest.param({"agent": ""}, {}, {"agent": ""}, id="no value"),
        pytest.param({"agent": 0}, {}, {"agent": ANOTHERS}, id="zero"),
        pytest.param({"card": "4000", "bo@example.org": {"mail": "bo"}}, {}, {}, id="undeclared"),
        pytest.param(
            {"legs": [{"place": "Bern", "host": "Bo", "fare": 4}, {"place": "Chur"}]},
            {"legs": [{"place": "Bern"}, {"place": "Chur"}]},
            {"legs": [{"place": "Bern", "host": ANOTHERS}, {"place": "Chur"}]},
            id="an array that no one is found in",
        ),
        pytest.param({"legs": ["Bo"]}, {"legs": []}, {"legs": [ANOTHERS]}, id="values in place of objects"),
    ],
)
def test_people_in_a_shared_document_read_the_data_outside_its_array_that_is_no_other_persons(
    part: dict[str, Any], shown: dict[str, Any], marked: dict[str, Any]
) -> None:
    collection = arrays(own="ownership: shared")
    document = {"_id": 1, "riders": [{"email": "kim", "tag": 3}, {"email": "bo"}], **part}
    own = {"_id": 1, "riders": [{"email": "kim", "tag": 3}]}
    assert disclosed(collection, document, [SHARED], shared=True) == own | shown
    assert disclosed(collection, document, [SHARED], shared=True, marked=True) == own | shown | marked
    collection = arrays(own="ownership: shared", agent="ownership: shared")
    agent = {name: value for name, value in part.items() if name == "agent"}
    assert disclosed(collection, document, [SHARED], shared=True) == own | shown | agent


def test_person_is_alone_in_a_shared_document_without_other_elements_and_identities() -> None:
    collection = arrays(own="ownership: shared")
    for others, alone in (([], True), ([{"email": "bo"}], False), ([None], False), ([{"seat": 1}], False)):
        document = {"_id": 1, "riders": [{"email": "kim"}, *others]}
        assert is_alone(collection, document, [SHARED]) is alone
        assert is_alone(collection, document | {"agent": "Bo"}, [SHARED]) is alone
        stated = arrays(own="ownership: shared", agent="ownership: document")
        assert not is_alone(stated, document | {"agent": "Bo"}, [SHARED])
        assert is_alone(stated, document | {"agent": None}, [SHARED]) is alone
