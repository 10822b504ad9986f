"""The reader of data maps: strict, and compatible with datasets of Fides."""

from pathlib import Path

import pytest

from services.fulfillment.datamap.model import (
    DataMap,
    Direction,
    Erasure,
    RetentionPeriod,
    ValueCheck,
    WithholdingReason,
    WithholdingRule,
)
from services.fulfillment.datamap.reader import load, parse
from shared.errors import InvalidDataMap

EXAMPLE = Path(__file__).parents[3] / "datamaps" / "example"

PLAIN = """\
dataset:
  - fides_key: desk
    collections:
      - name: notes
        fields:
          - name: _id
            fides_meta: { primary_key: true }
          - name: email
            data_categories: [user.contact.email]
            fides_meta: { data_type: string, identity: email }
"""
ONE_MARK = "locked: { field: email, value: x }, restriction: { field: email, value: x }"
YEAR_END = "retention: { keep: P9Y, from: now, starts: end_of_year, because: x }"


def read(text: str) -> DataMap:
    return parse({"map.yml": text})


def flaws(text: str) -> str:
    with pytest.raises(InvalidDataMap) as raised:
        read(text)
    return str(raised.value)


def added(lines: str) -> str:
    """The plain map with more lines at the end of the last field."""
    return PLAIN + lines


def test_services_of_a_process_share_a_map_until_its_text_changes(tmp_path: Path) -> None:
    file = tmp_path / "map.yml"
    file.write_text(PLAIN, encoding="utf-8")
    first = load(tmp_path)
    assert load(tmp_path) is first
    file.write_text(f"{PLAIN}\n# changed", encoding="utf-8")
    assert load(tmp_path).version != first.version


@pytest.mark.slow
def test_the_example_loads_in_the_order_of_its_files() -> None:
    data_map = load(EXAMPLE)
    assert [c.key for c in data_map.collections][:3] == [
        "billing.customers",
        "billing.invoices",
        "billing.payments",
    ]
    assert len(data_map.collections) == 11
    assert data_map.remarks == ()


@pytest.mark.slow
def test_facts_of_a_dataset_hold_for_collections_that_say_nothing_else() -> None:
    by_key = load(EXAMPLE).by_key
    customers, invoices = by_key["billing.customers"].facts, by_key["billing.invoices"].facts
    assert invoices.purpose == "To keep the books as the law demands."
    assert invoices.source == customers.source
    assert by_key["billing.invoices"].erasure is Erasure.DELETE


@pytest.mark.slow
def test_retention_is_read_as_a_period_with_its_reason() -> None:
    retention = load(EXAMPLE).by_key["billing.invoices"].retention
    assert retention is not None
    assert (retention.keep, retention.start) == (RetentionPeriod(years=8), "issued_at")
    assert retention.year_end
    assert "Art. 17(3)(b)" in retention.because


def test_array_with_identities_of_people_is_divided() -> None:
    by_key = load(EXAMPLE).by_key
    assert by_key["portal.tickets"].divided == {"cc", "messages"}
    assert by_key["portal.contacts"].divided == frozenset(), "all phones are one person's"
    assert by_key["billing.customers"].divided == frozenset(), "no identity inside the addresses"


def test_nested_fields_go_by_dotted_paths_and_arrays_by_their_name() -> None:
    tickets = load(EXAMPLE).by_key["portal.tickets"]
    body = tickets.by_path["messages.body"]
    assert body.redact
    assert tickets.by_path["messages"].container
    assert tickets.by_path["messages.attachments.name"].type == "string"


def test_sensitive_values_are_guarded_unless_the_map_opens_them() -> None:
    by_path = load(EXAMPLE).by_key["billing.customers"].by_path
    assert by_path["bank.iban"].guarded
    assert not by_path["bank.holder"].guarded
    iban = PLAIN.replace("user.contact.email", "user.financial.bank_account")
    assert read(iban).collections[0].by_path["email"].guarded
    shown = read(iban + "            meta: { habeas: { disclose: always } }\n")
    assert not shown.collections[0].by_path["email"].guarded


def withholding(stated: str) -> WithholdingRule | None:
    text = PLAIN + f"            meta: {{ habeas: {{ disclose: {stated} }} }}\n"
    return read(text).collections[0].by_path["email"].withheld


def test_rule_of_the_map_names_a_reason_and_a_provision_for_all_or_for_named_laws() -> None:
    everywhere = withholding("{ never: security, because: Our policy }")
    assert everywhere == WithholdingRule(WithholdingReason.SECURITY, "Our policy")
    named = withholding('{ never: professional_secrecy, because: { gdpr: "Section 29 BDSG" } }')
    assert named is not None
    assert named.provision_under("gdpr") == "Section 29 BDSG"
    assert not named.provision_under("uk-gdpr")


@pytest.mark.parametrize(
    ("stated", "error"),
    [
        ("{ never: security }", "has no `because`"),
        ("{ because: Our policy }", "`disclose` has no reason"),
        ("{ never: whim, because: Our policy }", "`never: whim` means nothing"),
        ("{ never: security, because: { gdrp: Art. 32 } }", "unknown law `gdrp`"),
    ],
)
def test_rule_without_reason_or_provision_is_an_error(stated: str, error: str) -> None:
    with pytest.raises(InvalidDataMap, match=error):
        withholding(stated)


def test_bare_never_of_an_old_map_is_readable_and_reported_with_the_remedy() -> None:
    old = read(PLAIN + "            meta: { habeas: { disclose: never } }\n")
    assert old.collections[0].by_path["email"].withheld == WithholdingRule()
    assert [remark.what for remark in old.remarks] == ["`disclose: never` names no reason and no provision"]
    assert "disclose: { never: security, because: … }" in old.remarks[0].remedy


@pytest.mark.slow
def test_the_version_is_the_hash_of_the_text_and_parses_again_from_its_sources() -> None:
    data_map = load(EXAMPLE)
    assert parse(data_map.sources) == data_map
    assert len(data_map.version) == 64
    assert read(PLAIN).version == read(PLAIN).version != read(PLAIN + "# more\n").version


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        pytest.param(
            PLAIN.replace("identity:", "identty:"), "map.yml:10", "unknown key `identty`", id="typing slip"
        ),
        pytest.param(
            PLAIN.replace("contact.email", "contacts"), "map.yml:9", "unknown category", id="category"
        ),
        pytest.param(PLAIN.replace("string", "strnig"), "map.yml:8", "unknown data type", id="type"),
        pytest.param(added("          - { name: email }\n"), "map.yml", "declared 2 times", id="field twice"),
        pytest.param(PLAIN.replace("name: notes", "name: no"), "map.yml:4", "must be text", id="bare no"),
        pytest.param(
            added(
                "          - { name: x, fides_meta: { references: [{ dataset: desk, field: nots._id }] } }\n"
            ),
            "map.yml:11",
            "no collection `desk.nots`",
            id="reference to no collection",
        ),
        pytest.param(
            added(
                "          - { name: x, fides_meta: { references: [{ dataset: desk, field: notes.id }] } }\n"
            ),
            "map.yml:11",
            "no field `id`",
            id="reference to no field",
        ),
        pytest.param(
            PLAIN.replace("- name: notes", "- name: notes\n        meta: { habeas: { erasure: delte } }"),
            "map.yml:5",
            "`erasure: delte` means nothing",
            id="unknown word",
        ),
        pytest.param(
            PLAIN.replace(
                "- name: notes",
                "- name: notes\n        meta: { habeas: { retention: { keep: 9Y, from: now, because: x } } }",
            ),
            "map.yml:5",
            "is no period",
            id="no period",
        ),
        pytest.param(
            PLAIN.replace("- name: notes", f"- name: notes\n        meta: {{ habeas: {{ {ONE_MARK} }} }}"),
            "map.yml:4",
            "`locked` and `restriction` of `desk.notes` name one field",
            id="one field for lock and restriction",
        ),
        pytest.param(
            PLAIN.replace("- name: notes", f"- name: notes\n        meta: {{ habeas: {{ {YEAR_END} }} }}"),
            "map.yml:5",
            "`starts: end_of_year` has no field",
            id="end of the year of no day",
        ),
        pytest.param(
            PLAIN.replace(
                "- name: notes",
                "- name: notes\n        meta: { habeas: { legal_hold: { field: held, value: true } } }",
            ),
            "map.yml:4",
            "names no field",
            id="hold by no field",
        ),
        pytest.param(
            PLAIN + PLAIN.replace("dataset:\n", ""), "map.yml:13", "declared 2 times", id="collection twice"
        ),
        pytest.param("dataset: [}", "map.yml:1", "no valid YAML", id="no YAML"),
        pytest.param("dataset: []\n", "map.yml:1", "no collection is declared", id="empty"),
        pytest.param("dataset:\n  - x\n", "map.yml:2", "must be a mapping", id="not a mapping"),
        pytest.param(
            PLAIN.replace("name: email", "name: email\n            name: mail"),
            "map.yml:9",
            "twice",
            id="key",
        ),
    ],
)
def test_undefined_word_is_an_error_with_place_and_remedy(text: str, where: str, what: str) -> None:
    errors = flaws(text)
    assert where in errors
    assert what in errors
    assert ";" in errors


def test_all_errors_are_reported_at_once() -> None:
    text = PLAIN.replace("identity:", "identty:").replace("contact.email", "contacts")
    assert len(flaws(text).splitlines()) == 2


def test_an_erase_order_that_goes_round_is_refused() -> None:
    text = PLAIN.replace("- name: notes", "- name: notes\n        fides_meta: { erase_after: [desk.notes] }")
    assert "go round in a circle" in flaws(text)


def test_unsupported_words_of_fides_are_remarked() -> None:
    text = PLAIN.replace(
        "identity: email", "identity: email, masking_strategy_override: { strategy: aes_encrypt }"
    ).replace("- fides_key: desk", "- fides_key: desk\n    fides_meta: { namespace: { a: b } }")
    data_map = read(text)
    assert len(data_map.remarks) == 2
    masking = data_map.collections[0].by_path["email"].masking
    assert masking is not None
    assert masking.strategy == "null_rewrite"


def test_fides_own_words_keep_their_meaning() -> None:
    text = """
dataset:
  - fides_key: shop
    organization_fides_key: default_organization
    collections:
      - name: orders
        fides_meta:
          after: [shop.people]
          erase_after: [shop.people]
          masking_strategy_override: { strategy: delete }
        fields:
          - name: id
            fides_meta: { primary_key: true, data_type: integer }
          - name: person
            fides_meta:
              references: [{ dataset: shop, field: people.info.id, direction: to }]
          - name: tags
            fides_meta: { data_type: "string[]", data_categories: [system.operations], read_only: true }
      - name: people
        fides_meta: { skip_processing: false }
        fields:
          - name: info
            fields:
              - name: id
                fides_meta: { length: 40, return_all_elements: true }
"""
    orders, people = read(text).collections
    assert orders.erasure is Erasure.DELETE
    assert orders.primary_key == ("_id", "id")
    assert orders.by_path["person"].references[0].direction is Direction.TO
    assert orders.by_path["tags"].read_only
    assert orders.by_path["tags"].categories == ("system.operations",)
    assert people.primary_key == ("_id",)
    assert people.by_path["info"].container


def test_a_map_may_add_categories() -> None:
    text = "data_category:\n  - { fides_key: user.shoe_size, name: Shoe size }\n"
    data_map = read(text + PLAIN.replace("user.contact.email", "user.shoe_size"))
    assert data_map.collections[0].by_path["email"].categories == ("user.shoe_size",)


def test_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidDataMap, match="HABEAS_DATAMAP"):
        load(tmp_path / "none")
    with pytest.raises(InvalidDataMap, match="no YAML"):
        load(tmp_path)


NESTED = """\
dataset:
  - fides_key: desk
    collections:
      - name: users
        fields:
          - name: _id
          - name: email_verified_at
          - name: contact
            fields:
              - name: email
                fides_meta: {{ identity: email }}
                meta: {{ habeas: {{ {verified} }} }}
              - name: verified_at
                {more}
"""


@pytest.mark.parametrize(
    ("named", "meant"),
    [("verified_at", "contact.verified_at"), ("email_verified_at", "email_verified_at")],
)
def test_field_that_states_a_verification_is_the_nearest_of_that_name(named: str, meant: str) -> None:
    data_map = read(NESTED.format(verified=f"verified: {{ field: {named} }}", more=""))
    assert data_map.by_key["desk.users"].by_path["contact.email"].verified == ValueCheck(meant)


@pytest.mark.parametrize(
    ("verified", "verifiable"), [("always", True), ("never", False), ("{ field: at }", True)]
)
def test_identity_states_how_its_value_is_verified(verified: str, *, verifiable: bool) -> None:
    text = added(f"            meta: {{ habeas: {{ verified: {verified} }} }}\n          - name: at\n")
    notes = read(text).by_key["desk.notes"]
    assert [field.path for field in notes.verifiable] == (["email"] if verifiable else [])


def test_identity_that_states_nothing_is_not_verified() -> None:
    assert read(PLAIN).by_key["desk.notes"].verifiable == ()


@pytest.mark.parametrize(
    ("said", "flaw"),
    [
        ("verified: yes", "`verified` must be text"),
        ("verified: sometimes", "`verified: sometimes` means nothing; use one of always, never"),
        ("verified: { field: nowhere }", "names no other field with a value: `nowhere`"),
        ("verified: { field: email }", "names no other field with a value: `email`"),
        ("verified: { field: at, value: 1 }", "unknown key `value` in `verified`"),
        ("verified: { }", "`verified` has no `field`"),
    ],
)
def test_verification_that_cannot_be_read_is_an_error(said: str, flaw: str) -> None:
    text = added(f"            meta: {{ habeas: {{ {said} }} }}\n          - name: at\n")
    assert flaw in flaws(text)


def test_statement_that_a_request_can_change_is_an_error() -> None:
    text = NESTED.format(
        verified="verified: { field: verified_at }", more="meta: { habeas: { editable: true } }"
    )
    assert "`contact.verified_at` states that `contact.email` is verified and is `editable`" in flaws(text)


def test_verification_of_a_field_without_identity_is_an_error() -> None:
    text = PLAIN.replace("            fides_meta: { data_type: string, identity: email }\n", "")
    assert "is no identity" in flaws(text + "            meta: { habeas: { verified: always } }\n")


def test_one_statement_for_several_values_is_an_error() -> None:
    text = added("            meta: { habeas: { verified: { field: at } } }\n          - name: at\n")
    several = text.replace("data_type: string,", "data_type: 'string[]', return_all_elements: true,")
    assert "`at` does not stand in the same element as `email`" in flaws(several)


def test_editable_identity_is_not_always_verified() -> None:
    data_map = read(added("            meta: { habeas: { verified: always, editable: true } }\n"))
    assert [str(remark) for remark in data_map.remarks if "does not hold" in str(remark)]
    assert data_map.by_key["desk.notes"].verifiable == ()


@pytest.mark.parametrize("mark", ["restriction", "opt_out", "consent"])
def test_statement_that_a_request_marks_is_an_error(mark: str) -> None:
    text = added("            meta: { habeas: { verified: { field: at } } }\n          - name: at\n")
    marked = text.replace(
        "      - name: notes\n",
        f"      - name: notes\n        meta: {{ habeas: {{ {mark}: {{ field: at, value: true }} }} }}\n",
    )
    assert "`at` states that `email` is verified, and a request marks it" in flaws(marked)
