"""The value of claimed data points: one fact at most, and none if the request disputes it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from services.fulfillment.datamap.reader import parse
from services.fulfillment.handlers import compare_claims
from services.fulfillment.search.comparison import Agreement, compare
from services.fulfillment.search.findings import Coverage, Findings, FoundRecord, RecordTuple, SearchStatus
from services.fulfillment.search.ownership import OwnershipMatch
from shared.contract.answer import SUBMISSION
from shared.contract.events import (
    DataPoints,
    IdentityClaimed,
    IdentityCompared,
    ProofKind,
    ProofRef,
    RequestSubmitted,
)
from shared.law import Right
from tests.runtime_fakes import MemoryVault
from tests.unit.fulfillment.handler_fakes import CASE, Held, OneMap, around

MAP = parse(
    {
        "club.yml": """
dataset:
  - fides_key: club
    collections:
      - name: members
        fields:
          - { name: _id, data_categories: [system.operations], fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - { name: username, data_categories: [user.account.username] }
          - name: number
            data_categories: [user.unique_id]
            fides_meta: { identity: member_no }
            meta: { habeas: { verified: always } }
          - { name: nickname, data_categories: [user.unique_id], fides_meta: { identity: nickname } }
          - { name: mobile, data_categories: [user.contact.phone_number] }
          - { name: name, data_categories: [user.name] }
          - { name: born, data_categories: [user.demographic.date_of_birth] }
          - { name: zip, data_categories: [user.contact.address.postal_code] }
          - { name: city, data_categories: [user.contact.address.city] }
          - { name: code, data_categories: [user.account.username] }
          - name: home
            fields:
              - { name: street, data_categories: [user.contact.address.street] }
      - name: cards
        fields:
          - { name: _id, data_categories: [system.operations], fides_meta: { primary_key: true } }
          - { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }
          - { name: code, data_categories: [user.unique_id] }
          - { name: street, data_categories: [user.contact.address.street] }
"""
    }
)
MEMBERS, CARDS = MAP.collections
ADA = "ada@example.org"
KNOWN = {"email": (ADA,)}
PHONE = "+49 171 3920042"


def found(*cards: Mapping[str, Any], **member: Any) -> list[FoundRecord]:
    match = (OwnershipMatch("email", None, (ADA,)),)
    return [
        FoundRecord(MEMBERS, {"_id": 1}, {"_id": 1, "email": ADA, **member}, match),
        *(
            FoundRecord(CARDS, {"_id": n}, {"_id": n, "email": ADA, **card}, match)
            for n, card in enumerate(cards)
        ),
    ]


@pytest.mark.parametrize("name", ["user", "user.account", "user.contact", "user.demographic"])
def test_too_broad_name_claims_nothing(name: str) -> None:
    records = found(username="ada1984", number="ada1984", mobile="ada1984", born="ada1984")
    assert compare({name: "ada1984"}, records, KNOWN) == Agreement(0, 0)


@pytest.mark.parametrize("name", ["user.unique_id", "user.contact.phone_number"])
def test_proving_category_claims_its_fields(name: str) -> None:
    assert compare({name: "M-774100"}, found(number="M-774100", mobile="M-774100"), KNOWN).agreed == 1


@pytest.mark.parametrize(
    "points",
    [
        pytest.param({"username": "ada1984", "number": "ada1984"}, id="by two names"),
        pytest.param({"username": "ada1984", "number": "ADA-1984"}, id="in two spellings"),
        pytest.param({"code": "ada1984"}, id="by one name of two fields"),
    ],
)
def test_one_value_in_fields_of_two_kinds_is_one_thing(points: dict[str, str]) -> None:
    records = found({"code": "ada1984"}, username="ada1984", number="ada1984", code="ada1984")
    assert compare(points, records, KNOWN) == Agreement(1, 1, groups=1, private=False)


@pytest.mark.parametrize(
    ("name", "private"),
    [
        pytest.param("username", False, id="username"),
        pytest.param("nickname", False, id="identity without verification"),
        pytest.param("number", True, id="verified identity"),
    ],
)
def test_username_and_unverified_identity_are_no_private_data_point(name: str, *, private: bool) -> None:
    records = found(**{name: "ada-1984-x"}, zip="D00 E1E1")
    agreement = compare({name: "ada-1984-x", "zip": "D00 E1E1"}, records, KNOWN)
    assert agreement == Agreement(2, 2, groups=2, private=private)


@pytest.mark.parametrize("username", ["491713920042", "+491713920042", "01713920042", "0171 / 392 0042"])
def test_telephone_number_in_three_fields_is_one_data_point(
    username: str,
) -> None:
    records = found(mobile=PHONE, username=username, number=PHONE, zip="D00 E1E1")
    points = {"mobile": PHONE, "username": username, "number": PHONE}
    assert compare(points, records, KNOWN) == Agreement(1, 1, groups=1, private=False)
    with_zip = compare({**points, "zip": "D00 E1E1"}, records, KNOWN)
    assert (with_zip.groups, with_zip.private) == (2, False)


def test_a_name_that_is_a_username_too_is_known_to_a_neighbour() -> None:
    records = found(username="Zoë Müller", name="Zoë Müller", zip="D00 E1E1")
    points = {"username": "Zoë Müller", "name": "Zoë Müller", "zip": "D00 E1E1"}
    assert not compare(points, records, KNOWN).private


@pytest.mark.parametrize(
    ("points", "groups"),
    [
        pytest.param({"code": "first", "cards_no": "nowhere"}, 1, id="one value"),
        pytest.param({"code": "first", "number": "second"}, 2, id="one value has a place of its own"),
        pytest.param({"number": "second", "code": "first"}, 2, id="in the other order"),
        pytest.param({"code": "first", "username": "fourth"}, 2, id="the other place is its own"),
        pytest.param({"username": "fourth", "code": "first"}, 2, id="the other place, in the other order"),
        pytest.param({"number": "second", "user.unique_id": "third"}, 1, id="two values of one kind"),
        pytest.param({"code": "first", "name": "Ada Example"}, 1, id="a name takes no place of another"),
        pytest.param({"code": "first", "born": "1984-12-10"}, 2, id="a birthday does"),
        pytest.param(
            {"code": "first", "number": "second", "username": "fourth"}, 2, id="three values of two kinds"
        ),
    ],
)
def test_each_value_counts_for_one_fact(points: dict[str, str], groups: int) -> None:
    cards = ({"code": "first"}, {"code": "third"})
    member = {"username": "fourth", "number": "second", "code": "first", "name": "Ada Example"}
    assert compare(points, found(*cards, born="1984-12-10", **member), KNOWN).groups == groups


async def compared(
    points: Mapping[str, str], corrections: Sequence[str], right: Right = Right.RECTIFICATION
) -> IdentityCompared:
    """Have *points* compared for a request that disputes the fields *corrections*."""
    records = tuple(
        found(
            {"street": "7 Specimen Quay"},
            number="M-7741",
            mobile=PHONE,
            name="Zoë Müller",
            born="1984-12-10",
            zip="D00 E1E1",
            city="Testford",
        )
    )
    wanted = [{"field": name, "value": "something else"} for name in corrections]
    submitted = {
        "reference": "r",
        "right": right,
        "subject": {"email": ADA},
        "details": {"corrections": wanted},
    }
    vault = MemoryVault()
    await vault.create(CASE)
    await vault.seal(CASE, SUBMISSION, RequestSubmitted.model_validate(submitted).model_dump_json().encode())
    claim = DataPoints(kind="data_points", points=dict(points))
    await vault.seal(CASE, "proof_0", claim.model_dump_json().encode())
    findings = Findings(MAP.version, RecordTuple(records), (Coverage(MEMBERS.key, SearchStatus.SEARCHED, 1),))
    ctx = around(vault=vault, records=Held(findings), maps=OneMap(MAP))
    proof = ProofRef(kind=ProofKind.DATA_POINTS, ref="proof_0")
    [fact] = await compare_claims(IdentityClaimed(request_id=CASE, proofs=(proof,)), ctx)
    assert isinstance(fact, IdentityCompared)
    return fact


@pytest.mark.parametrize(
    ("disputed", "points"),
    [
        pytest.param("zip", {"zip": "D00 E1E1"}, id="by its last name"),
        pytest.param("members.zip", {"zip": "D00 E1E1"}, id="with the collection"),
        pytest.param("club.members.zip", {"zip": "D00 E1E1"}, id="with the dataset"),
        pytest.param("zip", {"user.contact.address.postal_code": "D00 E1E1"}, id="claimed by category"),
        pytest.param("zip", {"street": "7 Specimen Quay"}, id="another part of the address"),
        pytest.param("city", {"zip": "D00 E1E1"}, id="a part that proves nothing itself"),
        pytest.param("user.contact.address", {"zip": "D00 E1E1"}, id="disputed by category"),
        pytest.param("home", {"zip": "D00 E1E1"}, id="by what it is part of"),
        pytest.param("members.home", {"zip": "D00 E1E1"}, id="by what it is part of, with the collection"),
        pytest.param("member_no", {"number": "M-7741"}, id="by the name of an identity"),
        pytest.param("name", {"user.name": "Zoe Mueller"}, id="a name"),
        pytest.param("born", {"born": "1984-12-10"}, id="a birthday"),
        pytest.param("zip", {"zip": "D00 E1E2"}, id="what it should be instead"),
    ],
)
async def test_disputed_value_proves_nothing(disputed: str, points: dict[str, str]) -> None:
    """11 CCR § 7060(h)."""
    alone = await compared(points, [disputed])
    assert (alone.claimed, alone.agreed, alone.groups, alone.private) == (0, 0, 0, False)
    beside = await compared({**points, "mobile": PHONE}, [disputed])
    assert (beside.claimed, beside.agreed, beside.groups) == (1, 1, 1)


@pytest.mark.parametrize(
    "disputed", [(), ("mobile",), ("shoe_size",), ("email",), ("cards.zip",), ("_id",), ("zi",)]
)
async def test_undisputed_value_counts(disputed: tuple[str, ...]) -> None:
    fact = await compared({"number": "M-7741", "zip": "D00 E1E1"}, disputed)
    assert (fact.claimed, fact.agreed, fact.groups, fact.private) == (2, 2, 2, True)
