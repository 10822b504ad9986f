"""Filters of a declaration that are run in the company's databases, and refused ones."""

from pathlib import Path
from typing import Any

import pytest

from habeas.client import breach_files
from services.fulfillment.breach.filters import DEEPEST, FilterRefused, conditions, query, unmapped
from services.fulfillment.datamap.reader import load, parse
from shared.contract.events.breaches import AffectedCollection
from shared.runtime.mongo import ObjectId

MAP = parse(
    {
        "a.yml": """
dataset:
  - fides_key: a
    collections: [ { name: people, fields: [ { name: _id } ] } ]
  - fides_key: b
    collections: [ { name: people, fields: [ { name: _id } ] }, { name: orders, fields: [ { name: _id } ] } ]
  - fides_key: c
    meta: { habeas: { store: other } }
    collections: [ { name: cards, fields: [ { name: _id } ] } ]
"""
    }
)


def named(collection: str, store: str = "default", **condition: Any) -> AffectedCollection:
    return AffectedCollection(store=store, collection=collection, filter=condition)


def test_a_filter_is_read_as_extended_json() -> None:
    declared = {"_id": {"$oid": "0" * 24}, "n": {"$gt": {"$numberLong": "5"}}, "$or": [{"a": None}]}
    assert query(declared, "f") == {"_id": ObjectId("0" * 24), "n": {"$gt": 5}, "$or": [{"a": None}]}


def nested(levels: int) -> dict[str, Any]:
    return {"$and": [nested(levels - 1)]} if levels else {"a": 1}


@pytest.mark.parametrize(
    ("declared", "complaint"),
    [
        ({"$where": "this.a"}, r"f: `\$where` runs a script"),
        ({"a": {"$not": {"$where": "1"}}}, r"`\$where` runs a script"),
        ({"$expr": {"$function": {"body": "", "args": [], "lang": "js"}}}, r"`\$function` runs a script"),
        ({"$or": [{"$expr": {"$accumulator": {}}}]}, r"`\$accumulator` runs a script"),
        ({"a": {"$code": "1"}}, r"`\$code` runs a script"),
        ({"$out": "people"}, r"`\$out` writes"),
        ({"$merge": {"into": "people"}}, r"`\$merge` writes"),
        ({"$expr": {"$lt": [{"$rand": {}}, 0.5]}}, r"`\$rand` finds something else each time"),
        ({"$expr": {"$gt": ["$$NOW", "$a"]}}, r"`\$\$NOW` finds something else each time"),
        ({"$expr": {"$in": ["x", "$$USER_ROLES.role"]}}, r"`\$\$USER_ROLES` finds something else each time"),
        ({"a": {"$between": [1, 2]}}, r"`\$between` is none of the comparisons"),
        ({"$expr": {"$newest": 1}}, r"`\$newest` is none of the comparisons"),
        ({"_id": {"$oid": "none"}}, "is no extended JSON"),
        ({"a": {"$numberDecimal": "x"}}, "is no extended JSON"),
        ({"a": {"$binary": {}}}, "is no extended JSON"),
        ({"a": {"$date": {"$numberLong": "x"}}}, "is no extended JSON"),
        ({"a": {"$timestamp": {}}}, "is no extended JSON"),
        ({"a": {"$regularExpression": {"pattern": 1}}}, "is no extended JSON"),
        (nested(DEEPEST), "more than 50 levels"),
    ],
)
def test_a_filter_that_does_more_than_to_compare_is_refused(declared: dict[str, Any], complaint: str) -> None:
    with pytest.raises(FilterRefused, match=complaint):
        query(declared, "f")


def test_a_field_that_is_called_like_an_operator_is_none() -> None:
    assert query({"where": 1, "a.function": "$where"}, "f") == {"where": 1, "a.function": "$where"}


def test_filter_may_use_deterministic_operators() -> None:
    computed = {"$expr": {"$eq": [{"$toLower": "$$ROOT.a"}, "x"]}, "a": "$$NOW"}
    assert query(computed, "f") == computed


def test_records_are_named_by_dataset_and_collection_or_by_the_collection_alone() -> None:
    found = conditions(
        MAP, [named("orders", a=1), named("b.orders", a=2), named("a.people"), named("cards", "other")]
    )
    assert found == {"b.orders": {"$or": [{"a": 1}, {"a": 2}]}, "a.people": {}, "c.cards": {}}


@pytest.mark.parametrize(
    ("one", "complaint"),
    [
        (named("people"), r"affected.collections.0: `people` may be a.people, b.people"),
        (
            named("nobody"),
            "no collection `nobody` in the store `default`; declare it, or name the people in affected.list",
        ),
        (named("b.ordres"), "no collection `b.ordres` in the store `default`; the nearest is `b.orders`"),
        (named("cards"), "no collection `cards` in the store `default`"),
    ],
)
def test_unclear_records_are_refused(one: AffectedCollection, complaint: str) -> None:
    with pytest.raises(FilterRefused, match=complaint):
        conditions(MAP, [one])


HOMES = parse(
    {
        "h.yml": """
dataset:
  - fides_key: h
    collections:
      - name: people
        fields:
          - { name: _id }
          - { name: language }
          - { name: more, fides_meta: { data_type: object } }
          - { name: home, fields: [ { name: country } ] }
"""
    }
)


@pytest.mark.parametrize(
    ("condition", "nearest"),
    [
        ({"langauge": "de"}, {"langauge": "language"}),
        ({"$or": [{"language": "de"}, {"home.contry": "DE"}]}, {"home.contry": "home.country"}),
        ({"home": {"$elemMatch": {"countri": "DE"}}}, {"home.countri": "home.country"}),
        ({"$nor": [{"langage": {"$not": {"$in": ["de"]}}}]}, {"langage": "language"}),
        ({"home.0.countr": "DE"}, {"home.countr": "home.country"}),
        ({"xyzzy": {"$date": "2026-01-01T00:00:00Z"}}, {"xyzzy": None}),
        ({"language": {"$regularExpression": {"pattern": "d", "options": ""}}}, {}),
        ({"home": {"country": "DE", "zip": "1"}, "more.of.it": 1, "home.1.country": {"$ne": "DE"}}, {}),
    ],
)
def test_fields_that_the_map_does_not_have_are_known(
    condition: dict[str, Any], nearest: dict[str, str | None]
) -> None:
    found = unmapped(HOMES, [named("people", **condition)])
    assert {one.path: one.nearest for one in found} == nearest


def test_unknown_field_is_named_by_its_place() -> None:
    [slip, stranger] = unmapped(HOMES, [named("people"), named("people", langauge="de", xyzzy=1)])
    assert slip.complaint == (
        "affected.collections.1.filter: compares a field that no record of h.people has; "
        "the nearest is `language`"
    )
    assert stranger.complaint.endswith("that no record of h.people has")


@pytest.mark.slow
def test_the_example_of_a_declaration_compares_fields_of_the_example_map() -> None:
    root = Path(__file__).parents[3]
    breach = breach_files.unsigned(root / "examples" / "breach" / "incident.yaml")
    example = load(root / "datamaps" / "example")
    assert not list(unmapped(example, breach.affected.collections))
