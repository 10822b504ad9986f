import csv
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from services.fulfillment.package import records
from services.fulfillment.package.builder import build
from services.fulfillment.package.records import text_of
from services.fulfillment.package.survey import PackageSection, filename_stems
from services.fulfillment.package.withheld import DisclosureRules, WithheldCount, WithheldNotice
from shared.law.library import policies
from shared.runtime import packed_content
from shared.runtime.mongo import Binary, Decimal128, Document, Int64, ObjectId, json_util
from tests.unit.fulfillment.sample_records import (
    ADA,
    CUSTOMERS,
    SIGNER,
    Many,
    contents,
    files_of,
    named,
    packed,
    parsed,
    unpacked,
)

AS_THE_DRIVER = json_util.JSONOptions(datetime_conversion=4, tz_aware=True)
"""Dates that Python cannot hold stay numbers."""
CALIFORNIA = DisclosureRules(policies().named("us-ca-ccpa@2026-01-01"))
AREA = "The person who pays"
CSV = "data/default.customers.csv"
JSON = "data/default.customers.json"
SCHEMA = "schema/default.customers.json"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=https://evil.example/x onerror=alert(1)>',
    "</style></title><base href=//evil.example>",
    "{{ 7*7 }}{% raw %}",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "\t=1+1",
    "-2+3",
    "+49 30 23125 000",
    "a\x00b\x1b[31m",
    "half a pair \ud800 here",
    "\u202egnp.exe",
    "javascript:alert(1)",
    'line\r\nline\n,"quoted"',
]


def table(files: dict[str, bytes], name: str = CSV) -> list[list[str]]:
    return list(csv.reader(io.StringIO(files[name].decode("utf-8-sig"), newline="")))


def test_a_package_has_the_files_of_the_contract() -> None:
    assert list(files_of(ADA)) == [
        "index.html",
        JSON,
        CSV,
        SCHEMA,
        "about.json",
        "public-key.pem",
        "manifest.json",
        "manifest.json.sig",
    ]


def test_the_same_contents_give_the_same_bytes() -> None:
    assert packed(contents()) == packed(contents())


@pytest.mark.slow
def test_the_sink_is_never_asked_to_seek_and_gets_the_file_in_pieces() -> None:
    pieces = list(build(contents(PackageSection(CUSTOMERS, Many(20_000))), signer=SIGNER))
    assert len(pieces) > 2
    assert parsed(unpacked(b"".join(pieces))["manifest.json"])["records"] == {JSON: 20_000}


def test_withheld_value_is_in_no_file() -> None:
    files = unpacked(packed(contents(rules=CALIFORNIA)))
    for content in files.values():
        assert b"TOPSECRET" not in content
        assert b"hunter" not in content
    assert b"Bank account number: held, not shown" in files["index.html"]
    assert "[Bank account number: never_disclosed]" in table(files)[1]
    notice = {
        "withheld": "Bank account number",
        "reason": "never_disclosed",
        "provision": "11 CCR 7024(d)",
    }
    assert parsed(files[JSON])[0]["bank"] == {"holder": "Ada Example", "iban": notice}
    assert "To protect you, this is never sent. (11 CCR 7024(d))" in files["index.html"].decode()


def test_masked_value_is_shown_by_its_last_characters_in_all_files() -> None:
    files = files_of(ADA)
    for content in files.values():
        assert b"XX00TOP" not in content
        assert b"hunter" not in content
    page = files["index.html"].decode()
    assert "What we show in part" in page
    assert "••••CRET" in page
    assert "[Bank account number: ••••CRET]" in table(files)[1]
    notice = {"withheld": "Bank account number", "reason": "masked_value", "shown": "••••CRET"}
    assert parsed(files[JSON])[0]["bank"]["iban"] == notice
    assert parsed(files["manifest.json"])["masked"] == 3


def test_withheld_data_is_counted_for_the_letter() -> None:
    summary = build(contents(), signer=SIGNER).summary
    assert [(area.label, area.records) for area in summary.areas] == [("The person who pays", 1)]
    assert summary.withheld == (
        WithheldCount("Bank account number", 1, "masked_value", AREA, "user.financial.bank_account"),
        WithheldCount("Password", 2, "masked_value", AREA, "user.authorization.password"),
    )


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"bank": "XX00TOPSECRET"}, id="a bare value where an object is declared"),
        pytest.param({"bank": [{"iban": "XX00TOPSECRET"}]}, id="an array where an object is declared"),
        pytest.param({"bank": {"iban": {"number": "XX00TOPSECRET"}}}, id="an object where text is declared"),
        pytest.param({"bank.iban": "XX00TOPSECRET"}, id="a name with a dot"),
        pytest.param({"keys": [["x", {"secret": "XX00TOPSECRET"}]]}, id="arrays in arrays"),
    ],
)
def test_secret_of_any_type_is_withheld(document: Document) -> None:
    assert not [name for name, content in files_of(document).items() if b"TOPSECRET" in content]


def test_nothing_is_called_withheld_where_nothing_is_held() -> None:
    files = files_of({"_id": 1, "bank": {"iban": None}, "keys": [{"secret": ""}]})
    assert parsed(files["manifest.json"])["withheld"] == 0
    assert parsed(files[JSON])[0]["bank"] == {"iban": None}


def test_a_notice_put_there_by_another_redaction_is_shown_and_counted() -> None:
    document = {"_id": 1, "note": WithheldNotice("Name", "third_party_rights")}
    package = build(contents(PackageSection(CUSTOMERS, [document])), signer=SIGNER)
    assert package.summary.withheld == (
        WithheldCount("Name", 1, "third_party_rights", "The person who pays"),
    )
    page = unpacked(b"".join(package))["index.html"].decode()
    assert "Name: held, not shown" in page
    assert "It would show data about other people." in page


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_is_harmless_on_the_page(text: str) -> None:
    page = files_of({"_id": text, text: text, "in": [{text: text}, {text: [text, {"x": text}]}]})[
        "index.html"
    ]
    html = page.decode("utf-8")
    tags = set(re.findall(r"<\s*([a-z!/][a-z0-9]*)", html.lower()))
    assert not tags & {"script", "img", "base", "iframe", "object", "form", "link"}
    assert html.count("</style>") == html.count("</title>") == 1
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", html)
    assert "{{ 7*7 }}" not in text or "{{ 7*7 }}" in html


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_is_no_formula_in_a_spreadsheet(text: str) -> None:
    for cell in (cell for line in table(files_of({"_id": 1, text: text})) for cell in line):
        assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))
        assert "\x00" not in cell


def test_a_negative_number_stays_a_number() -> None:
    values = {"_id": -5, "f": -1.5, "d": Decimal128("-2.50")}
    assert sorted(table(files_of(values))[1]) == ["-1.5", "-2.50", "-5"]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_reaches_the_json_unchanged(text: str) -> None:
    assert parsed(files_of({"_id": text})[JSON]) == [{"_id": text}]


@pytest.mark.slow
def test_of_many_records_none_is_lost_and_each_is_clean() -> None:
    documents = [{"_id": ObjectId(), "text": f"\x01 {number} " + "x" * 60} for number in range(1_000)]
    files = files_of(*documents)
    assert json_util.loads(files[JSON].decode(), json_options=AS_THE_DRIVER) == documents
    assert [row[0] for row in table(files)[1:]] == [str(document["_id"]) for document in documents]
    page = files["index.html"].decode()
    assert "\x01" not in page
    assert page.count('<tr><td><bdi class="code">') == 200


def test_times_are_written_in_utc() -> None:
    at = datetime(2026, 1, 2, 1, tzinfo=timezone(timedelta(hours=3)))
    assert (
        text_of(at)
        == text_of(at.replace(hour=1, tzinfo=None) - timedelta(hours=3))
        == "2026-01-01T22:00:00.000Z"
    )
    files = files_of({"_id": 1, "at": at})
    assert parsed(files[JSON])[0]["at"] == {"$date": "2026-01-01T22:00:00Z"}


def every_type() -> Document:
    types: list[Any] = [
        None,
        True,
        1,
        Int64(2**60),
        1.5,
        float("inf"),
        Decimal128("12.340"),
        Decimal128("NaN"),
        "text",
        b"bytes",
        Binary(b"\x01" * 16, 4),
        Binary(b"odd", 128),
        ObjectId("65f000000000000000000001"),
        datetime(2026, 3, 5, 13, 35, tzinfo=UTC),
        datetime(1, 1, 1, 0, 30, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, tzinfo=UTC),
        [],
        {},
        [1, "two", None],
        {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}},
    ]
    extended = (
        '[{"$timestamp": {"t": 1, "i": 2}}, {"$regularExpression": {"pattern": "^a", "options": "i"}},'
        '{"$minKey": 1}, {"$maxKey": 1}, {"$ref": "c", "$id": 1}, {"$code": "f()", "$scope": {}},'
        '{"$date": {"$numberLong": "-99999999999999"}}]'
    )
    types += json_util.loads(extended, json_options=AS_THE_DRIVER)
    return {"_id": 1, **{f"f{number}": value for number, value in enumerate(types)}}


def test_every_bson_type_survives_in_the_json_and_shows_on_the_page() -> None:
    document = every_type()
    files = files_of(document, document)
    found = json_util.loads(files[JSON].decode(), json_options=AS_THE_DRIVER)[0]
    assert json_util.dumps(found) == json_util.dumps(document)
    assert len(table(files)) == 3
    assert "5 March 2026, 13:35 UTC" in files["index.html"].decode()


@pytest.mark.slow
def test_a_deep_document_and_a_huge_text_are_cut_on_the_page_alone() -> None:
    deep: Document = {"end": "here"}
    for _ in range(150):
        deep = {"in": deep}
    files = files_of({"_id": 1, "deep": deep, "huge": "x" * 3_000_000})
    assert b"here" in files[JSON]
    assert len(files[JSON]) > 3_000_000
    assert len(files["index.html"]) < 100_000


@pytest.mark.slow
def test_fields_without_number_do_not_make_a_table_without_end() -> None:
    files = files_of(*({"_id": n, f"k{n}": 1} for n in range(1_000)))
    assert len(table(files)[0]) == 1
    nested = files_of(*({"_id": n, "by": {f"k{n}": 1}} for n in range(1_000)))
    assert table(nested)[0] == ["_id", "by"]


def test_documents_that_can_be_read_only_once_are_refused() -> None:
    def once() -> Iterator[Document]:
        yield ADA

    with pytest.raises(TypeError):
        PackageSection(CUSTOMERS, once())


def test_collections_of_the_same_name_in_two_databases_get_different_files() -> None:
    assert filename_stems([named("s", "a", "users"), named("s", "b", "users"), named("s", "a", "notes")]) == [
        "s.a.users",
        "s.b.users",
        "s.notes",
    ]


def test_file_names_are_unique_where_case_does_not_count_and_possible_on_windows() -> None:
    names = filename_stems(
        [
            named("con", "a", "users"),
            named("s", "a", "Users"),
            named("s", "a", "users"),
            named("s", "a", "../../etc"),
            named("s", "a", "x:y?"),
            named("s", "a", "end. "),
            named("s", "a", "n" * 300),
            named("a.b", "x", "c"),
            named("a", "x", "b.c"),
        ]
    )
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert re.fullmatch(r"[^<>:\"/\\|?*]{1,110}", name)
        assert not name.startswith(("con.", "."))
        assert not name.endswith((".", " "))


def test_a_collection_cannot_be_in_a_package_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        build(contents(PackageSection(CUSTOMERS, [ADA]), PackageSection(CUSTOMERS, [ADA])), signer=SIGNER)


def test_the_records_are_valid_under_the_schema_beside_them() -> None:
    files = files_of(ADA)
    schema = parsed(files[SCHEMA])
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(parsed(files[JSON]))
    assert schema["items"]["properties"]["keys"]["items"]["properties"]["secret"]["x-withheld"] is True


def test_about_states_the_facts_of_every_category() -> None:
    about = parsed(files_of(ADA)["about.json"])
    email = about["categories"]["user.contact.email"]
    assert email["purposes"] == ["To invoice services"]
    assert email["recipients"] == ["Bank", "Tax adviser"]
    assert all(email[fact] for fact in ("legal_bases", "sources", "transfers", "storage", "collections"))


def test_a_collection_in_which_nothing_was_found_is_named() -> None:
    empty = PackageSection(named("s", "a", "old_orders"), [])
    files = unpacked(packed(contents(PackageSection(CUSTOMERS, [ADA]), empty)))
    assert "Old orders" in files["index.html"].decode()
    assert parsed(files["about.json"])["searched_without_result"] == ["Old orders"]
    assert not [name for name in files if "old_orders" in name]


def test_nothing_found_at_all_is_said() -> None:
    files = unpacked(packed(contents(PackageSection(CUSTOMERS, []))))
    assert "found no data about you" in files["index.html"].decode()


@pytest.mark.parametrize(
    "text", ["plain", "a,b", 'say "no"', '"', "two\r\nlines", "a\nb", "a\rb", "", "a;b", " a "]
)
@pytest.mark.parametrize("names", [("_id",), ("_id", "note")])
def test_cells_are_read_by_any_csv_reader(text: str, names: tuple[str, ...]) -> None:
    content = b"".join(records.csv_file([dict.fromkeys(names, text)] * 2, [(name,) for name in names]))
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert (tuple(header), rows) == (names, [[records.cell(text) for _ in names]] * 2)


def test_template_has_the_words_of_a_package_and_nothing_of_the_person() -> None:
    person = contents(request_id="f" * 32, person="Ada Example", locale="de")
    other = contents(PackageSection(CUSTOMERS, [{"_id": 8}]), request_id="e" * 32, locale="de")
    template = build(person, signer=SIGNER).template
    assert template == build(other, signer=SIGNER).template
    for own in ("Ada", "ada@example.org", "laptop", "f" * 32, "2026-03-05"):
        assert own.encode() not in template
    whole = packed(person)
    small = packed_content.packed(whole, packed_content.PackingTemplate(template))
    assert len(small or whole) < len(whole) / 8


def test_small_package_has_sizes_before_its_files_and_is_not_compressed() -> None:
    with zipfile.ZipFile(io.BytesIO(packed(contents()))) as small:
        assert {(one.compress_type, one.flag_bits & 8) for one in small.infolist()} == {(0, 0)}
    many = contents(PackageSection(CUSTOMERS, Many(2_000)))
    with zipfile.ZipFile(io.BytesIO(packed(many))) as large:
        assert {one.compress_type for one in large.infolist()} == {zipfile.ZIP_DEFLATED}
