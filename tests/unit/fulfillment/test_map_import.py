"""Import of a Fides dataset as a data map, with remarks by line."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as some

from services.fulfillment.datamap.fides_import import imported, word
from services.fulfillment.datamap.model import Collection, DataMap, localized_map
from services.fulfillment.datamap.reader import load, parse
from shared.errors import InvalidDataMap

EXAMPLE = Path(__file__).parents[3] / "datamaps" / "example"
FIDES = """
dataset:
  - fides_key: shop
    name: Shop
    data_qualifier: aggregated
    retention: No policy
    collections:
      - name: people
        fides_meta: { after: [hall.visitors] }
        fields:
          - name: _id
            data_categories: [system.operations]
            fidesops_meta: { primary_key: True, data_type: object_id }
          - name: email
            data_categories: [user.contact.email]
            fides_meta: { identity: email, data_type: string, custom_request_field: mail }
          - name: shoe
            data_categories: [user.shoe_size]
            fides_meta: { references: [ { dataset: hall, field: visitors.shoe, direction: to } ] }
          - name: thread
            fides_meta: { data_type: "object[]" }
            fields:
              - name: mail
                data_categories: [user.contact.email]
                fides_meta: { identity: email, masking_strategy_override: { strategy: aes_encrypt } }
"""
HALL = """
data_category: [ { fides_key: user.shoe_size } ]
dataset:
  - fides_key: hall
    collections:
      - name: visitors
        fields:
          - { name: shoe, data_categories: [user.shoe_size] }
"""


def said(data_map: DataMap) -> list[Collection]:
    """The content of a map."""
    return [
        replace(
            collection,
            where="",
            fields=tuple(
                replace(
                    field,
                    where="",
                    categories=() if field.container else field.categories,
                    references=tuple(replace(reference, where="") for reference in field.references),
                )
                for field in collection.fields
            ),
        )
        for collection in data_map.collections
    ]


def test_imported_map_equals_the_original() -> None:
    shoes = FIDES.replace("[user.shoe_size]", "[user.content]")
    before = parse({"a.yml": shoes, "b.yml": HALL})
    made = imported({"a.yml": shoes}, parse({"b.yml": HALL}).collections)
    after = parse({"a.yml": made.text, "b.yml": HALL})
    assert said(after) == said(before)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["billing.yml", "ops.yml", "portal.yml"])
def test_a_map_of_ours_is_imported_without_loss(name: str) -> None:
    sources = dict(load(EXAMPLE).sources)
    others = {other: text for other, text in sources.items() if other != name}
    beside = [one for one in load(EXAMPLE).collections if one.dataset != name.removesuffix(".yml")]
    made = imported({name: sources[name]}, beside)
    before, after = parse(sources), parse({**others, name: made.text})
    for language in ("en", "de"):
        assert said(localized_map(after, language)) == said(localized_map(before, language))


def test_unsupported_words_are_remarked_by_line() -> None:
    made = imported({"a.yml": FIDES})
    assert [(remark.where, remark.what) for remark in made.remarks] == [
        ("a.yml:5", "`data_qualifier` is not honoured"),
        ("a.yml:6", "`retention` is not honoured"),
        ("a.yml:8", "`shop.people` comes after `hall.visitors`, which is not in this file"),
        ("a.yml:16", "`custom_request_field` is not honoured"),
        ("a.yml:18", "`user.shoe_size` is no category of Fides' taxonomy"),
        ("a.yml:19", "`shoe` refers to `hall.visitors`, which is not in this file"),
        ("a.yml:25", "`aes_encrypt` could be undone, which is no erasure"),
    ]
    assert all(f"#   {remark}\n" in made.text for remark in made.remarks)


def test_comments_name_missing_facts_and_explain_keys() -> None:
    text = imported({"a.yml": FIDES}).text
    assert "        # purpose: why the data is held (Art. 15(1)(a) GDPR)\n" in text
    assert "# A request with an `email` is looked up here.\n" in text
    assert "# Proposed: `ownership: element`, because the document is that of the person in `email`;" in text
    assert "data_category:\n  - { fides_key: user.shoe_size }\n" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("policy: []\n", "no collection is declared", id="no dataset"),
        pytest.param(FIDES.replace("retention:", "retenton:"), "a.yml:6: unknown key `retenton`", id="slip"),
        pytest.param("dataset: [}", "no valid YAML", id="no YAML"),
    ],
)
def test_file_without_datasets_is_refused(text: str, expected: str) -> None:
    with pytest.raises(InvalidDataMap, match=expected):
        imported({"a.yml": text})


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "no",
        "a: b",
        "# x",
        "§ 147 AO",
        "12",
        "a 'quoted' \"word\"",
        "[x]",
        "two\nlines",
        "é *",
        "- x",
    ],
)
def test_every_text_survives_being_written(text: str) -> None:
    described = HALL.replace("- name: visitors", f"- name: visitors\n        description: {word(text)}")
    assert parse({"a.yml": described}).collections[0].description == text


def only(field: str, more: str = "") -> str:
    """A Fides file with one field in its collection."""
    return f"""
dataset:
  - fides_key: shop
    collections:
      - name: people
        fields:
          - {{ name: _id, fides_meta: {{ primary_key: true }} }}
          - {field}
{more}
"""


INSIDE = "{ name: mail, data_categories: [user.contact.email] }, { name: phone }"
OWN_KEY = "references: [ { dataset: shop, field: people._id } ]"
FORMS = {
    "identity of an array of objects": (
        f"{{ name: x, fides_meta: {{ data_type: 'object[]', identity: email }}, fields: [{INSIDE}] }}",
        "it is that of `x.mail` now; check this",
    ),
    "identity of an object": (
        f"{{ name: x, fides_meta: {{ identity: phone }}, fields: [{INSIDE}] }}",
        "it is that of `x.phone` now; check this",
    ),
    "identity of objects without fields": (
        "{ name: x, fides_meta: { data_type: 'object[]', identity: email } }",
        "it is left out; declare it for the field inside that holds it",
    ),
    "identity of an object that no field inside may hold": (
        f"{{ name: x, fides_meta: {{ identity: loyalty }}, fields: [{INSIDE}] }}",
        "it is left out; declare it for the field inside that holds it",
    ),
    "reference of an object": (
        f"{{ name: x, fides_meta: {{ {OWN_KEY} }}, fields: [{INSIDE}] }}",
        "it is left out; declare it for a field inside",
    ),
    "reference into another file": (
        "{ name: x, fides_meta: { references: [ { dataset: hall, field: visitors._id } ] } }",
        "it is left out; import both files at once",
    ),
    "order after another file": (
        "{ name: x }\n        fides_meta: { after: [hall.visitors], erase_after: [hall.visitors] }",
        "the order is left out; import both files at once",
    ),
}
"""Declarations that Fides accepts and no map can have, each with the remedy of its remark."""


@pytest.mark.parametrize("form", FORMS)
def test_declaration_that_no_map_can_have_is_left_out_and_remarked(form: str) -> None:
    field, remedy = FORMS[form]
    made = imported({"a.yml": only(field)})
    assert remedy in {remark.remedy for remark in made.remarks}
    assert parse({"map.yml": made.text}).remarks == ()


def test_identity_of_an_object_moves_to_the_field_inside_that_holds_it() -> None:
    field, _ = FORMS["identity of an array of objects"]
    (people,) = parse({"map.yml": imported({"a.yml": only(field)}).text}).collections
    assert {one.path: one.identity for one in people.identifying} == {"x.mail": "email"}


def test_files_that_refer_to_one_another_are_imported_as_one_map() -> None:
    made = imported({"a.yml": FIDES, "b.yml": HALL})
    people = parse({"map.yml": made.text}).by_key["shop.people"]
    assert people.by_path["shoe"].references[0].key == "hall.visitors"
    assert people.after == ("hall.visitors",)


WORDS = ["_id", "email", "a", "b", "no", "12"]
TYPES = ["string", "string[]", "object", "object[]", "object_id", "date"]
FLAGS = some.sampled_from([True, False, None])
META = some.fixed_dictionaries(
    {},
    optional={
        "data_type": some.sampled_from(TYPES),
        "identity": some.sampled_from(["email", "a", "loyalty id"]),
        "primary_key": FLAGS,
        "read_only": FLAGS,
        "return_all_elements": FLAGS,
        "length": some.sampled_from([3, 40]),
        "masking_strategy_override": some.fixed_dictionaries(
            {"strategy": some.sampled_from(["hash", "aes_encrypt", "null_rewrite", "string_rewrite"])},
            optional={"configuration": some.just({"rewrite_value": "x: 'y'"})},
        ),
        "references": some.lists(
            some.fixed_dictionaries(
                {
                    "dataset": some.sampled_from(["shop", "hall", "no"]),
                    "field": some.sampled_from(["people.email", "people.a", "people.a.b", "orders._id"]),
                },
                optional={"direction": some.sampled_from(["from", "to"])},
            ),
            max_size=2,
        ),
    },
)


def _name(one: Mapping[str, Any]) -> str:
    return str(one.get("name", one.get("fides_key")))


def fields(inside: some.SearchStrategy[Any]) -> some.SearchStrategy[Any]:
    field = some.fixed_dictionaries(
        {"name": some.sampled_from(WORDS)},
        optional={
            "data_categories": some.lists(some.sampled_from(["user.contact.email", "user.own"]), max_size=2),
            "description": some.sampled_from(["plain", "no", "a: b", "# x", "two\nlines", "-"]),
            "fides_meta": META,
            "fidesops_meta": META,
            "fields": inside,
        },
    )
    return some.lists(field, max_size=3, unique_by=_name)


COLLECTION: some.SearchStrategy[dict[str, Any]] = some.fixed_dictionaries(
    {
        "name": some.sampled_from(["people", "orders", "no"]),
        "fields": some.recursive(some.just([]), fields, max_leaves=6),
    },
    optional={
        "description": some.sampled_from(["plain", "a: b"]),
        "fides_meta": some.fixed_dictionaries(
            {},
            optional={
                "after": some.lists(some.sampled_from(["shop.people", "hall.visitors", "shop"]), max_size=2),
                "erase_after": some.lists(some.sampled_from(["shop.orders", "hall.visitors"]), max_size=2),
                "skip_processing": FLAGS,
                "masking_strategy_override": some.just({"strategy": "delete"}),
            },
        ),
    },
)
DATASET: some.SearchStrategy[dict[str, Any]] = some.fixed_dictionaries(
    {
        "fides_key": some.sampled_from(["shop", "hall"]),
        "collections": some.lists(COLLECTION, max_size=3, unique_by=_name),
    },
    optional={
        "data_qualifier": some.just("aggregated"),
        "retention": some.just("No policy"),
        "third_country_transfers": some.just(["GBR"]),
        "fides_meta": some.fixed_dictionaries({"after": some.just(["hall"])}),
    },
)
DATASETS = some.lists(DATASET, min_size=1, max_size=2, unique_by=_name)


@pytest.mark.slow
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(DATASETS)
def test_imported_map_loads_or_the_import_is_refused(datasets: list[Any]) -> None:
    try:
        made = imported({"a.yml": json.dumps({"dataset": datasets})})
    except InvalidDataMap:
        event("refused")
        return
    event("imported")
    parse({"map.yml": made.text})
