"""Points of a data map that a reviewer still has to decide."""

from typing import Any

import pytest

from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import parse
from services.fulfillment.map_check.observations import Observed
from services.fulfillment.map_check.open_points import skipped_personal_data, unreviewed

STATED = "purpose: To deliver, legal_basis: A contract, storage: A year"
SHOP = """dataset:
  - fides_key: shop
    collections:
      - name: customers
        meta: { habeas: { STATED } }
        fields:
          - name: email
            data_categories: [user.contact.email]
            fides_meta: { identity: email }
            meta: { habeas: { verified: always } }
          - { name: size, data_categories: [system.operations] }
"""
SKIPPED = """      - name: payments
        fides_meta: { skip_processing: true }
        fields: [ { name: iban, data_categories: [CATEGORY] }, { name: note } ]
"""


def shop(text: str = SHOP, stated: str = STATED) -> DataMap:
    return parse({"shop.yml": text.replace("STATED", stated)})


def reported(data_map: DataMap) -> list[str]:
    flaws = list(unreviewed(data_map))
    assert all(flaw.severity == "open" for flaw in flaws)
    return [f"{flaw.where}: {flaw.what}" for flaw in flaws]


def skipped(category: str, *documents: dict[str, Any]) -> list[str]:
    collection = shop(SHOP + SKIPPED.replace("CATEGORY", category)).by_key["shop.payments"]
    return [flaw.what for flaw in skipped_personal_data(Observed(collection, documents))]


def test_reviewed_map_has_no_open_point() -> None:
    assert reported(shop()) == []


@pytest.mark.parametrize(
    ("missing", "points"),
    [
        pytest.param(
            "purpose: To deliver, ", ["`shop.customers` holds personal data without `purpose`"], id="purpose"
        ),
        pytest.param(
            "legal_basis: A contract, ",
            ["`shop.customers` holds personal data without `legal_basis`"],
            id="legal basis",
        ),
        pytest.param(
            ", storage: A year",
            ["`shop.customers` does not state how long its records are kept"],
            id="storage",
        ),
        pytest.param(
            "purpose: To deliver, legal_basis: A contract, ",
            ["`shop.customers` holds personal data without `purpose` and `legal_basis`"],
            id="both",
        ),
    ],
)
def test_missing_ground_of_personal_data_is_open(missing: str, points: list[str]) -> None:
    assert reported(shop(stated=STATED.replace(missing, ""))) == [f"shop.yml:4: {one}" for one in points]


def test_ground_of_the_field_itself_is_enough() -> None:
    own = SHOP.replace("verified: always", f"verified: always, {STATED}")
    assert reported(shop(own, stated="")) == []


def test_collection_without_personal_data_needs_no_ground() -> None:
    plain = SHOP.replace("user.contact.email", "system.operations")
    assert reported(shop(plain, stated="")) == []


def test_unstated_verification_is_open() -> None:
    unstated = SHOP.replace("            meta: { habeas: { verified: always } }\n", "")
    assert reported(shop(unstated)) == ["shop.yml:7: `email` does not state whether its value is verified"]


@pytest.mark.parametrize(
    ("line", "open_"),
    [
        pytest.param("      # to decide: mask or keep\n", True, id="comment"),
        pytest.param("        description: to decide later\n", False, id="no comment"),
    ],
)
def test_mark_in_a_comment_is_open(line: str, *, open_: bool) -> None:
    marked = SHOP.replace("      - name: customers\n", f"      - name: customers\n{line}")
    assert reported(shop(marked)) == (["shop.yml:5: a comment says `to decide`"] if open_ else [])


def test_skipped_collection_with_declared_personal_data_is_open() -> None:
    assert skipped("user.financial.bank_account") == [
        "`shop.payments` is skipped, and no request finds the personal data in `iban`"
    ]


def test_skipped_collection_with_undeclared_personal_data_is_open() -> None:
    assert skipped("system.operations", {"iban": "x", "holder": {"mail": "ada@example.org"}}) == [
        "`shop.payments` is skipped, and no request finds the personal data in `holder`"
    ]


def test_skipped_collection_without_personal_data_is_no_open_point() -> None:
    assert skipped("system.operations", {"iban": "ada@example.org", "colour": "blue"}) == []
