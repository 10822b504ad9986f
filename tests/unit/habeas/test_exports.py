"""Exports of mongoexport and mongodump are read in all their forms; a wrong file is named with its line."""

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from habeas.client.exports import exported, require_readable
from shared.errors import ConfigurationError
from shared.runtime.mongo import ObjectId, to_bson

ADA = '{"_id":{"$oid":"65f0c0ffee65f0c0ffee0001"},"email":"ada@example.org"}'
BRUNO = '{"_id":{"$oid":"65f0c0ffee65f0c0ffee0002"},"email":"bruno@example.org"}'
INDENTED = '{\n\t"_id": {\n\t\t"$oid": "65f0c0ffee65f0c0ffee0001"\n\t},\n\t"email": "ada@example.org"\n}\n'
IDS = [ObjectId("65f0c0ffee65f0c0ffee0001"), ObjectId("65f0c0ffee65f0c0ffee0002")]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{ADA}\n{BRUNO}\n", id="a line each"),
        pytest.param(f"\ufeff{ADA}\r\n\r\n{BRUNO}", id="of Windows"),
        pytest.param(f"[{ADA},{BRUNO}]\n", id="jsonArray"),
        pytest.param(f"[{ADA},\n{BRUNO}]\n", id="jsonArray of lines"),
        pytest.param(f"{INDENTED}{BRUNO}\n", id="pretty"),
        pytest.param(f"[{INDENTED},{BRUNO}]", id="pretty array"),
    ],
)
def test_each_form_of_mongoexport_is_read(tmp_path: Path, text: str) -> None:
    file = tmp_path / "shop" / "customers.json"
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    found = list(exported(file))
    assert [document["_id"] for _, _, document in found] == IDS
    assert {where[:2] for where in found} == {("shop", "customers")}


def test_extended_json_keeps_types(tmp_path: Path) -> None:
    at = '"$date": {"$numberLong": "1704101400000"}'
    (tmp_path / "a.json").write_text(
        f'{{"_id": {{"$numberLong": "7"}}, "at": {{{at}}}, "old": {{"$date": "2024-01-01T09:30:00Z"}}, '
        '"price": {"$numberDecimal": "1.50"}, "count": 3}'
    )
    [(_, _, document)] = exported(tmp_path / "a.json")
    assert document["at"] == document["old"] == datetime(2024, 1, 1, 9, 30, tzinfo=UTC).replace(tzinfo=None)
    assert document["price"].to_decimal() == Decimal("1.50")
    assert (document["_id"], document["count"]) == (7, 3)


def test_folder_holds_collections_and_folders_of_databases(tmp_path: Path) -> None:
    (tmp_path / "crm").mkdir()
    (tmp_path / ".state").mkdir()
    (tmp_path / "orders.jsonl").write_text('{"_id": 1}')
    (tmp_path / "crm" / "people.json.gz").write_bytes(gzip.compress(b'{"_id": 2}'))
    (tmp_path / "crm" / "visits.bson").write_bytes(to_bson({"_id": 3}))
    (tmp_path / "crm" / "visits.metadata.json").write_text("{}")
    (tmp_path / ".state" / "stack.json").write_text("{}")
    assert list(exported(tmp_path, "shop")) == [
        ("crm", "people", {"_id": 2}),
        ("crm", "visits", {"_id": 3}),
        ("shop", "orders", {"_id": 1}),
    ]


@pytest.mark.parametrize(
    ("folder", "database"), [("My Shop 2.0", "My_Shop_2_0"), ("admin", "admin_"), ("…", "data")]
)
def test_folder_names_a_database_that_may_exist(tmp_path: Path, folder: str, database: str) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "a.json").write_text("{}")
    [(name, _, _)] = exported(tmp_path / folder / "a.json")
    assert name == database


def test_document_without_an_id_gets_the_same_one_each_time(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"x": 1}\n{"x": 1}\n')
    first, second = ([document["_id"] for _, _, document in exported(tmp_path, "shop")] for _ in range(2))
    assert first == second
    assert len(set(first)) == 2


@pytest.mark.parametrize(
    "text", ['{"_id": 1}\n{"_id": 2', '{"_id": 1}\n7', '{"_id": 1}\n{"_id": {"$oid": 1}}']
)
def test_line_that_is_no_document_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ConfigurationError, match=r"a\.json:2: no document in extended JSON"):
        list(exported(tmp_path))


@pytest.mark.parametrize("name", ["a.json", "a.json.gz", "a.bson"])
def test_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=name):
        list(exported(tmp_path))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("none", r"^--data: none: there is no such file or folder"),
        (".", r"^--data: .*: no export is here; .*\.json.*; CSV has no types: export as JSON"),
        ("mongodb://reader:ses@me/@127.0.0.1:1/", r"^--data: 127\.0\.0\.1:1: not a MongoDB URL; .*%40"),
    ],
)
async def test_missing_data_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str, message: str
) -> None:
    (tmp_path / "customers.csv").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=message) as caught:
        await require_readable(data)
    assert "sesame" not in str(caught.value)
