"""Diagrams show every collection in its wave, and every reference."""

from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from services.fulfillment.datamap.diagram.layout import DiagramPage, arranged
from services.fulfillment.datamap.diagram.mermaid import mermaid
from services.fulfillment.datamap.diagram.picture import CollectionReach, Picture, picture_of
from services.fulfillment.datamap.diagram.svg import svg
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import load, parse

EXAMPLE = Path(__file__).parents[3] / "datamaps" / "example"
SVG = "{http://www.w3.org/2000/svg}"

CIRCLE = """
dataset:
  - fides_key: desk
    meta: { habeas: { store: "vault <2>" } }
    collections:
      - name: a
        fields:
          - { name: email, fides_meta: { identity: 'e "mail"' } }
          - { name: b, fides_meta: { references: [ { dataset: desk, field: b._id, direction: to } ] } }
          - { name: c, fides_meta: { references: [ { dataset: desk, field: c._id, direction: from } ] } }
      - name: b
        meta: { habeas: { erasure: keep, legal_basis: a law } }
        fields:
          - { name: _id, fides_meta: { references: [ { dataset: desk, field: c.b, direction: to } ] } }
      - name: c
        fields:
          - { name: _id }
          - { name: b }
      - name: lost
        fields:
          - { name: _id, data_categories: [user.name] }
          - { name: a, fides_meta: { references: [ { dataset: desk, field: a.b, direction: to } ] } }
      - name: unreached
        fides_meta: { skip_processing: true }
        fields: [ { name: _id } ]
"""


@pytest.fixture(scope="module")
def example() -> DataMap:
    return load(EXAMPLE)


@pytest.fixture(params=["example", "circle", "nothing leads in"])
def picture(request: pytest.FixtureRequest, example: DataMap) -> Picture:
    texts = {
        "circle": CIRCLE,
        "nothing leads in": CIRCLE.replace("fides_meta: { identity: 'e \"mail\"' }", ""),
    }
    return picture_of(parse({"a.yml": texts[request.param]}) if request.param in texts else example)


def test_the_example_is_walked_in_two_waves(example: DataMap) -> None:
    picture = picture_of(example)
    waves = {wave: {b.key for b in picture.boxes if b.wave == wave} for wave in range(3)}
    assert waves == {
        0: {"ops.sites"},
        1: {
            "billing.customers",
            "ops.servers",
            "portal.accounts",
            "portal.contacts",
            "portal.newsletter",
            "portal.tickets",
        },
        2: {"billing.invoices", "billing.payments", "ops.usage", "portal.sessions"},
    }
    assert picture.lanes == ("billing", "ops", "portal")
    assert [box.key for box in picture.apart(CollectionReach.SKIPPED)] == ["ops.sites"]


def test_every_way_of_the_example_is_drawn_once(example: DataMap) -> None:
    ways = [f"{a.source}.{a.source_path}>{a.target}.{a.target_path}" for a in picture_of(example).arrows]
    assert len(ways) == len(set(ways)) == 18
    assert "email.>portal.tickets.messages.email" in ways
    assert "billing.invoices._id>billing.payments.invoice_id" in ways
    [both] = [arrow for arrow in picture_of(example).arrows if arrow.both]
    assert {both.source, both.target} == {"billing.customers", "portal.contacts"}


def test_circle_is_drawn_by_waves_and_unreached_collections_apart() -> None:
    picture = picture_of(parse({"a.yml": CIRCLE}))
    assert {box.key: (box.wave, box.reach.value) for box in picture.boxes} == {
        "desk.a": (1, "reached"),
        "desk.b": (2, "reached"),
        "desk.c": (3, "reached"),
        "desk.lost": (0, "unreached"),
        "desk.unreached": (0, "skipped"),
    }
    assert not [arrow for arrow in picture.arrows if "desk.lost" in (arrow.source, arrow.target)]
    assert [route.back for route in arranged(picture).routes if route.arrow.source == "desk.c"] == [True]


# --- the page -----------------------------------------------------------------------------------------


def test_nothing_covers_anything_else(picture: Picture) -> None:
    page = arranged(picture)
    for one, other in combinations(page.boxes, 2):
        apart = one.x + one.width <= other.x or other.x + other.width <= one.x
        assert apart or one.y + one.height <= other.y or other.y + other.height <= one.y
    assert all(placed.x >= 0 and placed.x + placed.width <= page.width for placed in page.boxes)
    assert all(placed.y + placed.height <= page.height for placed in page.boxes)


def test_waves_are_columns_and_databases_are_lanes(picture: Picture) -> None:
    page = arranged(picture)
    lanes = {lane.title: lane for lane in page.lanes}
    for placed in page.boxes:
        if placed.box.reach is CollectionReach.REACHED:
            lane = lanes[placed.box.lane]
            assert placed.x == page.columns[placed.box.wave]
            assert lane.y <= placed.y <= placed.y + placed.height <= lane.y + lane.height


def test_every_arrow_ends_at_the_rows_of_its_fields(picture: Picture) -> None:
    page = arranged(picture)
    at = {placed.box.key: placed for placed in page.boxes}
    for route in page.routes:
        target, (x, y) = at[route.arrow.target], route.points[-1]
        assert x in (target.x, target.x + target.width)
        assert y == target.port(route.arrow.target_path)
        if not route.arrow.entering:
            source, (x, y) = at[route.arrow.source], route.points[0]
            assert x in (source.x, source.x + source.width)
            assert y == source.port(route.arrow.source_path)


def crossings_of_text(page: DiagramPage) -> list[str]:
    return [p.box.key for p in page.boxes for port in p.box.shown if len(port) * 7.3 + 28 > p.width]


def test_every_text_fits_into_its_box(picture: Picture) -> None:
    assert crossings_of_text(arranged(picture)) == []


# --- SVG ----------------------------------------------------------------------------------------------


def test_the_drawing_has_a_group_per_collection_in_the_colour_of_its_erasure(picture: Picture) -> None:
    root = ET.fromstring(svg(picture))  # noqa: S314  ours
    groups = {group.get("id"): group.get("class") for group in root.iter(f"{SVG}g") if group.get("id")}
    assert groups == {
        box.key: box.erasure.value if box.wave else "missed" if box.missed else "apart"
        for box in picture.boxes
    }


@pytest.mark.slow
def test_the_drawing_has_a_named_path_per_arrow(picture: Picture) -> None:
    root = ET.fromstring(svg(picture))  # noqa: S314  ours
    titles = [path.findtext(f"{SVG}title") or "" for path in root.iter(f"{SVG}path")]
    assert len([title for title in titles if title]) == len(picture.arrows)


def test_withheld_fields_are_marked_and_named(example: DataMap) -> None:
    root = ET.fromstring(svg(picture_of(example)))  # noqa: S314  ours
    [customers] = [group for group in root.iter(f"{SVG}g") if group.get("id") == "billing.customers"]
    titles = [title.text for title in customers.iter(f"{SVG}title")]
    assert titles == ["masked or withheld: vat_id, bank.iban, bank.bic, card.last4, card.expires_on"]
    assert [path for path in customers.iter(f"{SVG}path") if path.get("class") == "lock"]


SKIPPED = CIRCLE.replace("unreached\n", "payments\n").replace(
    "[ { name: _id } ]", "[ { name: _id }, { name: iban, data_categories: [user.financial.bank_account] } ]"
)


def test_personal_data_outside_the_search_is_drawn_as_not_examined() -> None:
    picture = picture_of(parse({"a.yml": SKIPPED}))
    assert [(box.key, box.missed) for box in picture.unexamined] == [
        ("desk.lost", ("_id",)),
        ("desk.payments", ("iban",)),
    ]
    root = ET.fromstring(svg(picture))  # noqa: S314  ours
    [payments] = [group for group in root.iter(f"{SVG}g") if group.get("id") == "desk.payments"]
    assert payments.get("class") == "missed"
    assert "not examined: iban" in [text.text for text in payments.iter(f"{SVG}text")]
    assert "desk.payments<br/>not examined: iban" in mermaid(picture)
    assert crossings_of_text(arranged(picture)) == []


def test_skipped_collection_without_personal_data_is_drawn_as_such(example: DataMap) -> None:
    assert picture_of(example).unexamined == ()
    assert "no personal data</text>" in svg(picture_of(example))


def test_a_drawing_needs_nothing_from_elsewhere(picture: Picture) -> None:
    text = svg(picture).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "http" not in text
    assert "<script" not in text


# --- Mermaid ------------------------------------------------------------------------------------------


def test_mermaid_says_the_same_as_text(example: DataMap) -> None:
    picture = picture_of(example)
    lines = [line.strip() for line in mermaid(picture).splitlines()]
    assert lines[1] == "flowchart LR"
    assert 'i0(["email"]):::identity' in lines
    assert 'subgraph d0["billing"]' in lines
    assert 'c1["invoices<br/>wave 2 · delete · kept P8Y"]:::delete' in lines
    assert 'i0 ==>|"messages.email"| c9' in lines
    assert 'c0 <-->|"_id → customer_id"| c6' in lines
    assert sum("|" in line for line in lines) == len(picture.arrows)


def test_mermaid_quotes_names_like_its_keywords() -> None:
    text = mermaid(picture_of(parse({"a.yml": CIRCLE})))
    assert '(["e #34;mail#34;"])' in text
    assert 'subgraph d0["desk · vault #60;2#62;"]' in text


CROSSED = """
dataset:
  - fides_key: desk
    collections:
      - { name: a, fields: [ { name: email, fides_meta: { identity: email } }, { name: key } ] }
      - { name: b, fields: [ { name: email, fides_meta: { identity: email } }, { name: key } ] }
      - name: of_b
        fields:
          - { name: b, fides_meta: { references: [ { dataset: desk, field: b.key, direction: from } ] } }
      - name: of_a
        fields:
          - { name: a, fides_meta: { references: [ { dataset: desk, field: a.key, direction: from } ] } }
"""


def test_connected_collections_are_neighbours() -> None:
    at = {placed.box.name: placed.y for placed in arranged(picture_of(parse({"a.yml": CROSSED}))).boxes}
    assert (at["a"] < at["b"]) is (at["of_a"] < at["of_b"])
