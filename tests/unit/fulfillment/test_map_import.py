"""Import of a Fides dataset as a data map, with remarks by line."""

from dataclasses import replace
from pathlib import Path

import pytest

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
    before = parse({"a.yml": FIDES.replace("[user.shoe_size]", "[user.content]"), "b.yml": HALL})
    made = imported("a.yml", FIDES.replace("[user.shoe_size]", "[user.content]"))
    after = parse({"a.yml": made.text, "b.yml": HALL})
    assert said(after) == said(before)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["billing.yml", "ops.yml", "portal.yml"])
def test_a_map_of_ours_is_imported_without_loss(name: str) -> None:
    sources = dict(load(EXAMPLE).sources)
    made = imported(name, sources[name])
    before, after = parse(sources), parse({**sources, name: made.text})
    for language in ("en", "de"):
        assert said(localized_map(after, language)) == said(localized_map(before, language))


def test_unsupported_words_are_remarked_by_line() -> None:
    made = imported("a.yml", FIDES)
    assert [(remark.where, remark.what) for remark in made.remarks] == [
        ("a.yml:5", "`data_qualifier` is not honoured"),
        ("a.yml:6", "`retention` is not honoured"),
        ("a.yml:16", "`custom_request_field` is not honoured"),
        ("a.yml:18", "`user.shoe_size` is no category of Fides' taxonomy"),
        ("a.yml:19", "`shoe` refers to `hall.visitors`, which is not in this file"),
        ("a.yml:25", "`aes_encrypt` could be undone, which is no erasure"),
    ]
    assert all(f"#   {remark}\n" in made.text for remark in made.remarks)


def test_comments_name_missing_facts_and_explain_keys() -> None:
    text = imported("a.yml", FIDES).text
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
        imported("a.yml", text)


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
