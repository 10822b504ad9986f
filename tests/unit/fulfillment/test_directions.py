"""Default direction of references in arrays."""

import pytest

from services.fulfillment.datamap.model import Direction
from services.fulfillment.datamap.reader import parse

OUT, BOTH = Direction.TO, Direction.BOTH


def directions(listed: str, orders: str = "", others: str = "") -> dict[str, Direction]:
    """Return the directions in a record of people, where *listed* describes what it lists of orders."""
    data_map = parse(
        {
            "map.yml": f"""
dataset:
  - fides_key: shop
    collections:
      - name: people
        fields:
          - {{ name: email, data_categories: [user.contact.email], fides_meta: {{ identity: email }} }}
          - {listed}
          {others}
      - name: orders
        fields:
          - {{ name: _id }}
          - {{ name: text, {orders} }}
"""
        }
    )
    people = data_map.by_key["shop.people"]
    return {field.path: reference.direction for field in people.leaves for reference in field.references}


REFERENCE = "references: [ { dataset: shop, field: orders._id } ]"
PLAIN_ID = f"{{ name: id, fides_meta: {{ {REFERENCE} }} }}"
PLAIN = f'{{ name: ids, fides_meta: {{ data_type: "string[]", {REFERENCE} }} }}'

NAME = "{ name: name, data_categories: [user.name] }"


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        pytest.param(PLAIN, {"ids": OUT}, id="values"),
        pytest.param(
            f'{{ name: o, fides_meta: {{ data_type: "object[]" }}, fields: [ {PLAIN_ID} ] }}',
            {"o.id": OUT},
            id="objects",
        ),
        pytest.param(
            f'{{ name: o, fides_meta: {{ data_type: "object[]" }}, fields: [ {PLAIN_ID}, {{ name: d }} ] }}',
            {"o.id": OUT},
            id="objects with a date",
        ),
        pytest.param(
            f'{{ name: o, fides_meta: {{ data_type: "object[]" }}, fields: [ {PLAIN_ID}, {NAME} ] }}',
            {"o.id": BOTH},
            id="people by name",
        ),
        pytest.param(PLAIN_ID, {"id": BOTH}, id="in no array"),
        pytest.param(
            PLAIN.replace("data_type:", "return_all_elements: true, data_type:"),
            {"ids": BOTH},
            id="all one person's",
        ),
    ],
)
def test_list_leads_out_to_a_collection_without_another_entry(
    listed: str, expected: dict[str, Direction]
) -> None:
    assert directions(listed) == expected


def test_two_lists_of_the_same_are_no_other_way_to_it() -> None:
    assert directions(PLAIN, others=f"- {PLAIN.replace('ids', 'more')}") == {"ids": OUT, "more": OUT}


@pytest.mark.parametrize(
    "orders",
    [
        "data_categories: [user.contact.email], fides_meta: { identity: email }",
        "fides_meta: { references: [ { dataset: shop, field: people.email, direction: from } ] }",
    ],
    ids=["an identity", "a reference"],
)
def test_list_of_people_divides_if_the_records_are_found_otherwise(orders: str) -> None:
    assert directions(PLAIN, orders) == {"ids": BOTH}
