"""The words of Fides' dataset format and their effect on search and erasure."""

from datetime import date
from typing import Any

import pytest

from services.fulfillment.datamap.graph import Graph, graph_of
from services.fulfillment.datamap.model import Collection, DataMap
from services.fulfillment.datamap.reader import parse
from services.fulfillment.datamap.yaml_loader import MapError
from services.fulfillment.domain import NOT_CHANGEABLE
from services.fulfillment.erasure.planner import plan, plan_records
from services.fulfillment.erasure.steps import Disposition, RecordPlan, RecordStep
from services.fulfillment.search.findings import Findings, FoundRecord, RecordTuple
from services.fulfillment.search.ownership import OwnershipMatch

TODAY = date(2026, 11, 25)
EMAIL = "- { name: email, data_categories: [user.contact.email], fides_meta: { identity: email } }"


def notes(*fields: str, more: str = "", before: str = "", dataset: str = "") -> DataMap:
    """A map of the collection ``desk.notes`` with an e-mail address and *fields*."""
    lines = "\n".join(f"          {field}" for field in (EMAIL, *fields))
    text = f"""{before}
dataset:
  - fides_key: desk
    {dataset}
    collections:
      - name: notes
        {more}
        fields:
{lines}
"""
    return parse({"map.yml": "\n".join(line for line in text.splitlines() if line.strip())})


def remarks(data_map: DataMap) -> list[str]:
    return [flaw.what for flaw in data_map.remarks]


def only(data_map: DataMap) -> Collection:
    return data_map.by_key["desk.notes"]


def graph(data_map: DataMap) -> Graph:
    return graph_of(data_map)


def planned(data_map: DataMap, *documents: dict[str, Any]) -> RecordPlan:
    """The plan of an erasure in which each document is the person's as a whole."""
    found = [
        FoundRecord(
            only(data_map),
            {"_id": n},
            {"_id": n, **document},
            (OwnershipMatch("email", None, ("kim@example.org",)),),
        )
        for n, document in enumerate(documents)
    ]
    return plan(Findings(data_map.version, RecordTuple(found), ()), data_map, TODAY, secret=b"s" * 32)


def step(data_map: DataMap, **document: Any) -> RecordStep:
    return planned(data_map, {"email": "kim@example.org", **document}).steps[0]


def masks(data_map: DataMap, **document: Any) -> dict[str, Any]:
    return {mask.path: mask.value for mask in step(data_map, **document).masks}


# --- identity and references --------------------------------------------------------------------------


def test_identity_is_where_a_request_enters() -> None:
    [lookup] = graph(notes()).entries["email"]
    assert (lookup.key, lookup.path, lookup.caseless) == ("desk.notes", "email", True)


TWO = """
dataset:
  - fides_key: desk
    collections:
      - name: notes
        fields:
          - { name: _id }
          - name: person
            fides_meta: { references: [ { dataset: hall, field: people._id%s } ] }
  - fides_key: hall
    collections:
      - name: people
        %s
        fields:
          - { name: _id }
"""


@pytest.mark.parametrize(
    ("direction", "ways"),
    [
        pytest.param(", direction: from", {("hall.people", "desk.notes.person")}, id="from"),
        pytest.param(", direction: to", {("desk.notes", "hall.people._id")}, id="to"),
        pytest.param(
            "", {("hall.people", "desk.notes.person"), ("desk.notes", "hall.people._id")}, id="both ways"
        ),
    ],
)
def test_references_lead_across_datasets_in_their_direction(
    direction: str, ways: set[tuple[str, str]]
) -> None:
    edges = graph(parse({"map.yml": TWO % (direction, "")})).edges
    assert {
        (source, f"{edge.target.key}.{edge.target.path}") for source, some in edges.items() for edge in some
    } == ways


def test_skip_processing_takes_a_collection_out_of_the_walk() -> None:
    edges = graph(parse({"map.yml": TWO % ("", "fides_meta: { skip_processing: true }")})).edges
    assert edges == {}


# --- arrays and objects -------------------------------------------------------------------------------

THREAD = (
    '- { name: thread, fides_meta: { data_type: "object[]"%s }, fields: [ { name: mail, fides_meta: '
    "{ identity: email } } ] }"
)


def test_identity_in_an_array_divides_it_unless_all_elements_are_returned() -> None:
    assert only(notes(THREAD % "")).divided == {"thread"}
    assert only(notes(THREAD % ", return_all_elements: true")).divided == frozenset()


def test_an_array_of_plain_values_is_divided_by_an_identity_in_it() -> None:
    assert only(notes('- { name: cc, fides_meta: { data_type: "string[]", identity: email } }')).divided == {
        "cc"
    }


def test_arrays_of_arrays_are_searched_as_one() -> None:
    field = only(notes('- { name: grid, fides_meta: { data_type: "integer[][]" } }')).by_path["grid"]
    assert (field.type, field.array) == ("integer[]", True)


def test_nested_objects_are_erased_by_their_dotted_paths() -> None:
    home = "- { name: home, fields: [ { name: city, data_categories: [user.contact.address.city] } ] }"
    assert masks(notes(home), home={"city": "Bern", "floor": 3}) == {"email": None, "home.city": None}


# --- categories ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dataset", "more", "field", "masked"),
    [
        pytest.param("data_categories: [user.content]", "", "- { name: x }", True, id="of the dataset"),
        pytest.param("", "data_categories: [user.content]", "- { name: x }", True, id="of the collection"),
        pytest.param(
            "data_categories: [user.content]",
            "data_categories: [system.operations]",
            "- { name: x }",
            False,
            id="of the collection before those of the dataset",
        ),
        pytest.param(
            "",
            "data_categories: [user.content]",
            "- { name: x, data_categories: [system.operations] }",
            False,
            id="of the field before those of the collection",
        ),
        pytest.param("", "", "- { name: x }", False, id="none"),
    ],
)
def test_categories_are_inherited_and_decide_what_is_erased(
    dataset: str, more: str, field: str, masked: bool
) -> None:
    assert ("x" in masks(notes(field, more=more, dataset=dataset), x="y")) is masked


# --- erasure ------------------------------------------------------------------------------------------

NOTE = "- { name: note, data_categories: [user.content], fides_meta: { %s } }"


@pytest.mark.parametrize("word", ["read_only: true", "primary_key: true"])
def test_read_only_and_primary_key_are_never_written(word: str) -> None:
    assert masks(notes(NOTE % word), note="y") == {"email": None}


def test_unchanged_read_only_field_is_remarked() -> None:
    data_map = notes(NOTE % "read_only: true")
    assert step(data_map, note="y").left == ("note",)
    assert step(data_map, note=None).left == step(data_map).left == (), "there is nothing to leave"


THREADED = """- name: thread
            fides_meta: { data_type: "object[]"%s }
            fields:
              - { name: mail, fides_meta: { identity: email } }
              - { name: proof, data_categories: [user.content], fides_meta: { %s } }"""
PRESERVE = "masking_strategy_override: { strategy: preserve }"


def test_unchangeable_fields_of_the_persons_elements_are_left() -> None:
    """The element cannot be taken out of its array, and nothing in it can be masked."""
    mail, proof = "fides_meta: { identity: email, read_only: true }", "read_only: true"
    thread = THREADED.replace("fides_meta: { identity: email }", mail) % (", read_only: true", proof)
    data_map = notes(thread)
    own = OwnershipMatch("thread.mail", "thread", ("kim@example.org",))
    theirs, others = {"mail": "kim@example.org", "proof": "x"}, {"mail": "lee@example.org", "proof": "y"}
    document = {"_id": 1, "thread": [theirs, others]}
    [left] = plan_records([FoundRecord(only(data_map), {"_id": 1}, document, (own,))], data_map, TODAY).steps
    assert (left.disposition, left.reason) == (Disposition.LEFT, NOT_CHANGEABLE)
    assert left.left == ("thread.proof",), "the address has no category: the map does not call it personal"


@pytest.mark.parametrize(
    ("fields", "more", "expected"),
    [
        pytest.param(NOTE % "read_only: true", "", [], id="masked: stays"),
        pytest.param(
            NOTE % "read_only: true",
            "meta: { habeas: { erasure: delete } }",
            ["`note` is `read_only` and goes with its document"],
            id="deleted",
        ),
        pytest.param(
            THREADED % ("", PRESERVE),
            "",
            ["`thread.proof` is `preserve` and goes with the person's elements of `thread`"],
            id="in an element",
        ),
        pytest.param(THREADED % (", read_only: true", PRESERVE), "", [], id="in an array that stays"),
    ],
)
def test_fixed_field_deleted_with_its_object_is_remarked(fields: str, more: str, expected: list[str]) -> None:
    assert remarks(notes(fields, more=more)) == expected


@pytest.mark.parametrize(
    ("strategy", "mask"),
    [
        pytest.param("null_rewrite", None, id="null_rewrite"),
        pytest.param("string_rewrite", "MASKED", id="string_rewrite"),
        pytest.param("string_rewrite, configuration: { rewrite_value: gone }", "gone", id="configured"),
        pytest.param(
            "string_rewrite, configuration: { rewrite_value: gone, format_preservation: { suffix: '@x' } }",
            "gone@x",
            id="format_preservation",
        ),
        pytest.param("aes_encrypt", None, id="aes_encrypt, which could be undone"),
    ],
)
def test_masking_strategy_override_of_a_field(strategy: str, mask: Any) -> None:
    data_map = notes(NOTE % f"masking_strategy_override: {{ strategy: {strategy} }}")
    assert masks(data_map, note="secret")["note"] == mask


@pytest.mark.parametrize("strategy", ["hash", "hmac", "random_string_rewrite"])
def test_masks_that_differ_from_value_to_value(strategy: str) -> None:
    data_map = notes(NOTE % f"masking_strategy_override: {{ strategy: {strategy} }}")
    one, other = (masks(data_map, note=text)["note"] for text in ("secret", "other secret"))
    assert len({one, other, None, "secret"}) == 4


def test_masking_strategy_override_preserve_leaves_a_field_as_it_is() -> None:
    data_map = notes(NOTE % "masking_strategy_override: { strategy: preserve }")
    assert masks(data_map, note="y") == {"email": None}


def test_masking_strategy_override_delete_of_a_collection_takes_the_document() -> None:
    more = "fides_meta: { masking_strategy_override: { strategy: delete } }"
    assert step(notes(more=more)).deleted
    assert not step(notes()).deleted


@pytest.mark.parametrize(
    ("strategy", "longest"),
    [("random_string_rewrite", 10), ("string_rewrite, configuration: { rewrite_value: abcdefghijklm }", 10)],
)
def test_a_mask_is_no_longer_than_the_length_of_its_field(strategy: str, longest: int) -> None:
    data_map = notes(NOTE % f"length: 10, masking_strategy_override: {{ strategy: {strategy} }}")
    assert len(masks(data_map, note="y" * 9)["note"]) == longest
    assert remarks(data_map) == []


def test_mask_too_long_for_its_field_is_remarked() -> None:
    data_map = notes(NOTE % "length: 10, masking_strategy_override: { strategy: hash }")
    assert remarks(data_map) == ["a mask by `hash` is longer than the `length: 10` of the field"]


ORDERED = """
dataset:
  - fides_key: desk
    %s
    collections:
      - { name: a, %s fields: [ { name: _id } ] }
      - { name: b, fields: [ { name: _id } ] }
  - fides_key: hall
    collections:
      - { name: c, fields: [ { name: _id } ] }
"""


@pytest.mark.parametrize(
    ("dataset", "collection", "before_a"),
    [
        pytest.param(
            "", "fides_meta: { erase_after: [desk.b, hall.c] },", {"desk.b", "hall.c"}, id="erase_after"
        ),
        pytest.param("", "fides_meta: { after: [hall.c] },", {"hall.c"}, id="after of a collection"),
        pytest.param("fides_meta: { after: [hall] }", "", {"hall.c"}, id="after of a dataset"),
        pytest.param("", "", set(), id="none"),
    ],
)
def test_after_and_erase_after_order_the_erasure(dataset: str, collection: str, before_a: set[str]) -> None:
    data_map = parse({"map.yml": ORDERED % (dataset, collection)})
    assert data_map.predecessors["desk.a"] == before_a


# --- what is read, and changes nothing ----------------------------------------------------------------


def test_file_with_every_key_of_fides_loads_and_lists_ignored_keys() -> None:
    text = """
organization: [ { fides_key: default_organization } ]
system: [ { fides_key: shop, system_type: Service, privacy_declarations: [] } ]
policy: []
data_subject: []
data_use: []
data_category: [ { fides_key: user.shoe_size, parent_key: user, name: Shoe size, is_default: false } ]
dataset:
  - fides_key: desk
    organization_fides_key: default_organization
    name: Desk
    description: Everything on the desk.
    tags: [a, b]
    meta: { owner: somebody }
    data_qualifier: aggregated.anonymized
    data_categories: [system.operations]
    joint_controller: { name: Somebody else }
    retention: No retention policy
    third_country_transfers: [GBR]
    fidesctl_meta: { resource_id: x }
    fides_meta: { resource_id: x, after: [], namespace: { database_id: x }, redact: name }
    collections:
      - name: notes
        description: Notes.
        data_categories: null
        data_qualifier: aggregated
        fidesops_meta: { after: null, skip_processing: false, partitioning: { x: 1 }, redact: name }
        fields:
          - name: _id
            description: The key.
            data_categories: [system.operations]
            data_qualifier: aggregated
            retention: none
            fidesops_meta: { primary_key: True, data_type: object_id, length: 24, read_only: false }
            fields: null
          - name: email
            fides_meta:
              identity: email
              data_type: string
              custom_request_field: mail
              redact: name
              references: []
              return_all_elements: null
              masking_strategy_override: null
              data_categories: [user.contact.email]
"""
    data_map = parse({"map.yml": text})
    assert [(flaw.where, flaw.what.split("`")[1]) for flaw in data_map.remarks] == [
        ("map.yml:2", "organization"),
        ("map.yml:3", "system"),
        ("map.yml:15", "data_qualifier"),
        ("map.yml:17", "joint_controller"),
        ("map.yml:18", "retention"),
        ("map.yml:19", "third_country_transfers"),
        ("map.yml:21", "namespace"),
        ("map.yml:21", "redact"),
        ("map.yml:26", "data_qualifier"),
        ("map.yml:27", "partitioning"),
        ("map.yml:27", "redact"),
        ("map.yml:32", "data_qualifier"),
        ("map.yml:33", "retention"),
        ("map.yml:40", "custom_request_field"),
        ("map.yml:41", "redact"),
    ]
    assert only(data_map).primary_key == ("_id",)
    assert only(data_map).by_path["email"].categories == ("user.contact.email",)


def test_key_beside_fides_meta_is_accepted_and_remarked() -> None:
    data_map = notes("- { name: number, identity: customer_no, data_type: long }")
    assert graph(data_map).entries["customer_no"][0].type == "long"
    assert [flaw.what for flaw in data_map.remarks] == [
        "`data_type` stands outside the `fides_meta` of a field, where Fides loses it",
        "`identity` stands outside the `fides_meta` of a field, where Fides loses it",
    ]


def test_every_remark_has_its_place_and_a_remedy() -> None:
    [remark] = notes(before="policy: [ { fides_key: x } ]").remarks
    assert remark == MapError(
        "map.yml:1", "`policy` is not honoured", "only datasets and data categories are read", remark=True
    )
