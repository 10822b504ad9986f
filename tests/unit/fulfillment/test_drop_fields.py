"""Hashes of a record by the fields of the data map."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import parse
from services.fulfillment.drop.fields import HashedPerson, sources
from services.fulfillment.drop.standard_hashes import composed, hashed
from shared.contract.drop import ListKind

MAP = """
dataset:
  - fides_key: shop
    meta: { habeas: { store: default, purpose: p, legal_basis: l, source: s } }
    collections:
      - name: people
        fields:
          - name: _id
            data_categories: [system.operations]
            fides_meta: { primary_key: true, data_type: object_id }
          - name: mail
            data_categories: [user.contact.email]
            fides_meta: { data_type: string, identity: email }
          - name: number
            data_categories: [user.unique_id]
            fides_meta: { data_type: string, identity: customer_number }
          - name: phone
            data_categories: [user.contact.phone_number]
            fides_meta: { data_type: string }
          - name: first
            data_categories: [user.name.first]
            fides_meta: { data_type: string }
          - name: last
            data_categories: [user.name.last]
            fides_meta: { data_type: string }
          - name: born
            data_categories: [user.demographic.date_of_birth]
            fides_meta: { data_type: datetime }
          - name: places
            fides_meta: { data_type: "object[]" }
            fields:
              - name: zip
                data_categories: [user.contact.address.postal_code]
                fides_meta: { data_type: string }
          - name: car
            data_categories: [user.unique_id]
            fides_meta: { data_type: string, identity: vin }
          - name: device
            data_categories: [user.device.device_id]
            fides_meta: { data_type: string, identity: maid }
          - name: tv
            data_categories: [user.device.device_id]
            fides_meta: { data_type: string, identity: ctv_id }
      - name: teams
        fields:
          - name: _id
            data_categories: [system.operations]
            fides_meta: { primary_key: true, data_type: object_id }
          - name: members
            fides_meta: { data_type: "object[]" }
            fields:
              - name: name
                data_categories: [user.name]
                fides_meta: { data_type: string }
              - name: mail
                data_categories: [user.contact.email]
                fides_meta: { data_type: string, identity: email }
          - name: cc
            data_categories: [user.contact.email]
            fides_meta: { data_type: "string[]", identity: email }
      - name: orders
        fields:
          - name: _id
            data_categories: [system.operations]
            fides_meta: { primary_key: true, data_type: object_id }
          - name: zip
            data_categories: [user.contact.address.postal_code]
            fides_meta: { data_type: string }
          - name: recipient
            data_categories: [user.name]
            fides_meta: { data_type: string }
"""
ANNA = {
    "_id": 1,
    "mail": "Anna@Example.org",
    "number": "C-1",
    "phone": "(415) 555-0100",
    "first": "Anna",
    "last": "Quast",
    "born": datetime(1980, 1, 2, tzinfo=UTC),
    "places": [{"zip": "90210"}, {"zip": "02134-1000"}],
    "car": "1HGCM82633A004352",
    "device": "38400000-8cf0-11bd-b23e-10b96e40000d",
    "tv": "abcd-1234",
}


@pytest.fixture(scope="module")
def data_map() -> DataMap:
    return parse({"shop.yml": MAP})


def people(data_map: DataMap, collection: str, document: dict[str, Any]) -> list[HashedPerson]:
    return [person for source in sources(data_map)[collection] for person in source.people(document)]


def hashes(person: HashedPerson) -> dict[ListKind, set[str]]:
    found: dict[ListKind, set[str]] = {}
    for one in person.hashes:
        found.setdefault(one.kind, set()).add(one.value)
    return found


def composite(*standards: str) -> str:
    return composed(*map(hashed, standards))


def test_a_record_has_a_hash_for_each_list(data_map: DataMap) -> None:
    [anna] = people(data_map, "shop.people", ANNA)
    assert hashes(anna) == {
        ListKind.EMAIL: {hashed("anna@example.org")},
        ListKind.PHONE: {hashed("4155550100")},
        ListKind.NDZ: {composite("anna", "quast", "19800102", z) for z in ("90210", "2134")},
        ListKind.NAME_VIN: {composite("anna", "quast", "1hgcm82633a004352")},
        ListKind.MAID: {hashed("384000008cf011bdb23e10b96e40000d")},
        ListKind.CTV_ID: {hashed("abcd1234")},
    }


def test_hashed_identity_is_followed_if_searchable(data_map: DataMap) -> None:
    [anna] = people(data_map, "shop.people", ANNA)
    identities = {one.kind: one.identity for one in anna.hashes}
    assert identities[ListKind.EMAIL] == ("email", "Anna@Example.org")
    assert identities[ListKind.PHONE] is None
    assert anna.known_by[0] == ("email", "Anna@Example.org")


def test_people_in_one_document_are_not_mixed(data_map: DataMap) -> None:
    document = {
        "_id": 1,
        "members": [
            {"name": "Anna Quast", "mail": "anna@example.org"},
            {"name": "Ben", "mail": "ben@example.org"},
        ],
        "cc": ["cleo@example.org"],
    }
    found = {person.known_by: person.names for person in people(data_map, "shop.teams", document)}
    assert set(found) == {
        (("email", "anna@example.org"),),
        (("email", "ben@example.org"),),
        (("email", "cleo@example.org"),),
    }
    assert found[("email", "anna@example.org"),] == ("Anna Quast",)


def test_a_collection_that_can_make_up_no_hash_is_not_read(data_map: DataMap) -> None:
    assert set(sources(data_map)) == {"shop.people", "shop.teams"}


@pytest.mark.parametrize(
    ("whole", "standards"),
    [
        pytest.param("Anna Quast", ("anna", "quast"), id="two words"),
        pytest.param("Anna Maria Quast", ("anna", "quast"), id="a middle name left out"),
        pytest.param("Anna Maria Quast", ("annamaria", "quast"), id="a middle name is a first one"),
        pytest.param("Anna van der Quast", ("anna", "vanderquast"), id="a last name of several words"),
        pytest.param("Quast, Anna", ("anna", "quast"), id="the last name first"),
    ],
)
def test_a_whole_name_may_be_parted_in_several_ways(whole: str, standards: tuple[str, str]) -> None:
    text = MAP.replace(
        "- name: last\n            data_categories: [user.name.last]",
        "- name: last\n            data_categories: [user.name]",
    )
    text = text.replace("data_categories: [user.name.first]", "data_categories: [system.operations]")
    document = ANNA | {"last": whole}
    [anna] = people(parse({"shop.yml": text}), "shop.people", document)
    assert composite(*standards, "19800102", "90210") in hashes(anna)[ListKind.NDZ]


@pytest.mark.parametrize("missing", ["first", "last", "born", "places"])
def test_missing_part_makes_no_composite_hash(data_map: DataMap, missing: str) -> None:
    [anna] = people(data_map, "shop.people", {name: v for name, v in ANNA.items() if name != missing})
    assert ListKind.NDZ not in hashes(anna)


def test_values_of_other_types_are_left_out(data_map: DataMap) -> None:
    for junk in (None, {}, [], [None], {"a": 1}, True, 1.5, b"x", "", " "):
        document = dict.fromkeys(ANNA, junk)
        assert all(
            len(one.value) == 44
            for person in people(data_map, "shop.people", document)
            for one in person.hashes
        )
