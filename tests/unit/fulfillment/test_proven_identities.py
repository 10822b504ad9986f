"""Proven identities of a request, and the proof by claimed data points."""

from typing import Any

import pytest

from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import parse
from services.fulfillment.search.comparison import Agreement, compare
from services.fulfillment.search.findings import FoundRecord
from services.fulfillment.search.identities import (
    identity_to_look_up,
    proven_identities,
    stated_identities,
    vouched_identities,
)
from services.fulfillment.search.ownership import OwnershipMatch
from shared.contract.events import RequestSubmitted

MAP = """
dataset:
  - fides_key: shop
    collections:
      - name: customers
        fields:
          - {name: _id, data_categories: [system.operations], fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - {name: phone, data_categories: [user.contact.phone_number], fides_meta: {identity: phone_number}}
          - name: number
            data_categories: [user.unique_id]
            fides_meta: {identity: customer_no}
            meta: {habeas: {verified: always}}
          - {name: country, data_categories: [user.contact.address.country]}
          - {name: currency, data_categories: [system.operations]}
          - {name: street, data_categories: [user.contact.address.street]}
          - {name: zip, data_categories: [user.contact.address.postal_code]}
          - {name: born, data_categories: [user.demographic.date_of_birth]}
          - {name: full_name, data_categories: [user.name]}
          - {name: last_name, data_categories: [user.name.last]}
          - {name: mobile, data_categories: [user.contact.phone_number]}
"""
MINE: dict[str, Any] = {
    "_id": 1,
    "email": "ada@example.org",
    "phone": "+353209100142",
    "number": "C-1001",
    "country": "IRL1",
    "currency": "EURO",
    "street": "7 Specimen Quay",
    "zip": "D00 E1E1",
    "born": "1984-12-10",
    "full_name": "Zoë Ann Müller",
    "last_name": "Müller",
    "mobile": "+49 171 3920042",
}


@pytest.fixture(scope="module")
def data_map() -> DataMap:
    return parse({"shop.yml": MAP})


@pytest.fixture
def found(data_map: DataMap) -> list[FoundRecord]:
    [customers] = data_map.collections
    return [FoundRecord(customers, {"_id": 1}, MINE, (OwnershipMatch("email", None, (MINE["email"],)),))]


def request(**subject: Any) -> RequestSubmitted:
    return RequestSubmitted(reference="r", right="access", subject=subject)


def test_a_proven_mailbox_proves_no_telephone_number(data_map: DataMap) -> None:
    submitted = request(email="mallory@example.com", phone="+353 20 910 0142")
    assert proven_identities(submitted, ("email",), data_map) == {"email": ("mallory@example.com",)}


@pytest.mark.parametrize(
    ("subject", "names"),
    [
        pytest.param({"email": "a@example.org", "phone": "+4930901820"}, {"email"}, id="mailbox and number"),
        pytest.param(
            {"phone": "+4930901820", "identifiers": {"customer_no": "C-1"}},
            {"customer_no"},
            id="id and number",
        ),
        pytest.param({"phone": "+4930901820"}, {"phone_number"}, id="number alone"),
    ],
)
def test_trusted_source_proves_a_telephone_number_only_where_it_is_alone(
    subject: dict[str, Any], names: set[str], data_map: DataMap
) -> None:
    assert set(vouched_identities(request(**subject), data_map)) == names


def test_a_name_that_the_map_does_not_know_is_dropped(data_map: DataMap) -> None:
    submitted = request(email="ada@example.org", identifiers={"ada.example": "x"})
    assert set(stated_identities(submitted, data_map)) == {"email"}


def test_claims_are_looked_up_by_one_identity_alone(data_map: DataMap) -> None:
    submitted = request(email="mallory@example.com", phone="+353 20 910 0142")
    assert set(identity_to_look_up(submitted, data_map)) == {"email"}
    assert set(identity_to_look_up(request(identifiers={"customer_no": "C-1001"}), data_map)) == {
        "customer_no"
    }
    assert identity_to_look_up(request(name="Ada Example"), data_map) == {}


@pytest.mark.parametrize(
    ("points", "agreement"),
    [
        pytest.param(
            {"street": "7 specimen  quay", "zip": "d00e1e1", "born": "1984-12-10"}, (3, 3), id="all"
        ),
        pytest.param({"street": "8 Specimen Quay", "zip": "D00 E1E1"}, (2, 1), id="one is wrong"),
        pytest.param({"country": "IRL1", "currency": "EURO"}, (0, 0), id="what many share"),
        pytest.param({"zip": "D00 E1E1", "customers.zip": "D00 E1E1"}, (1, 1), id="no such path"),
        pytest.param({"number": "C-1001", "customer_no": "C-1001"}, (1, 1), id="one field by two names"),
        pytest.param({"number": "C-1001", "customer_no": "c 1001"}, (1, 1), id="one value in two spellings"),
        pytest.param({"email": "ADA@example.org"}, (0, 0), id="what the search began with"),
        pytest.param({"zip": "D00"}, (0, 0), id="too short to mean anything"),
        pytest.param({"nothing": "whatever"}, (0, 0), id="no such field"),
        pytest.param({"full_name": "Zoe Mueller"}, (1, 1), id="a name without accents"),
        pytest.param({"full_name": "Zoe Muller", "last_name": "MUELLER"}, (2, 2), id="a surname alone"),
        pytest.param({"full_name": "Zora Müller"}, (1, 0), id="a sister's name"),
        pytest.param({"full_name": "Müller"}, (1, 0), id="half a name"),
        pytest.param({"street": "7 Specimen Qu."}, (1, 0), id="what is only alike"),
        pytest.param({"born": "10 December 1984"}, (1, 1), id="a date in words"),
        pytest.param({"born": "10/12/1984"}, (1, 0), id="a date that may be two"),
        pytest.param({"mobile": "+49 (171) 392-0042"}, (1, 1), id="a number in other groups"),
        pytest.param(
            {"full_name": "Zoë Müller", "customers.full_name": "Zoe Mueller"},
            (1, 1),
            id="one value spelled twice",
        ),
        pytest.param(
            {"user.name": "Zoe Mueller", "user.contact.address.postal_code": "D00E1E1"},
            (2, 2),
            id="by category",
        ),
        pytest.param({"user.name": "Zora Müller"}, (1, 0), id="a sister's, by category"),
        pytest.param({"user.demographic.gender": "f" * 9}, (0, 0), id="a category that proves nothing"),
        pytest.param({"phone": "020 910 0142"}, (0, 0), id="what the search began with, as dialled at home"),
    ],
)
def test_claimed_data_points_are_compared_with_the_records(
    found: list[FoundRecord], points: dict[str, str], agreement: tuple[int, int]
) -> None:
    known = {"email": ("ada@example.org",), "phone_number": ("+353209100142",)}
    compared = compare(points, found, known)
    assert (compared.claimed, compared.agreed) == agreement


def test_claim_without_records_agrees_with_nothing() -> None:
    assert compare({"street": "7 Specimen Quay"}, [], {"email": ("ada@example.org",)}) == Agreement(0, 0)


@pytest.mark.parametrize(
    ("points", "groups", "private"),
    [
        pytest.param({"full_name": "Zoë Müller", "last_name": "Müller"}, 0, False, id="a name is none"),
        pytest.param(
            {"full_name": "Zoë Müller", "born": "1984-12-10"}, 1, False, id="with the birthday, one"
        ),
        pytest.param({"street": "7 Specimen Quay", "zip": "D00 E1E1"}, 1, False, id="an address is one"),
        pytest.param({"full_name": "Zoë Müller", "zip": "D00 E1E1"}, 1, False, id="what a neighbour knows"),
        pytest.param({"zip": "D00 E1E1", "mobile": "+49 171 3920042"}, 2, False, id="two"),
        pytest.param({"number": "C-1001", "zip": "D00 E1E1"}, 2, True, id="what no directory has"),
    ],
)
def test_only_independent_facts_count(
    found: list[FoundRecord], points: dict[str, str], groups: int, private: bool
) -> None:
    compared = compare(points, found, {"email": ("ada@example.org",)})
    assert (compared.groups, compared.private) == (groups, private)
