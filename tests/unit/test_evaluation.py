"""What an evaluation of known documents counts, and what it must not let pass."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bench.document_images import zone
from habeas.cli import app
from habeas.client.evaluation.barcodes import licences
from habeas.client.evaluation.judged import EvaluationVerdicts
from habeas.client.evaluation.known_files import FileOutcome, FileResult, Manifest
from habeas.client.evaluation.run import row_of
from shared.errors import ConfigurationError

PAYLOAD = (
    "@\n\x1e\rANSI 636014080002DL00410200DLDCSBRANDEL\nDACOTTILIE\nDADANNA\nDBB03041988\nDBA05012034\n"
    "DAQD1234567\nDAG12 EXAMPLE ST\nDAISACRAMENTO\nDAJCA\nDAK958140000  \nDCGUSA\r"
)


def written(folder: Path, entries: list[dict[str, Any]], **files: bytes) -> Path:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "manifest.json").write_text(json.dumps({"entries": entries}), encoding="utf-8")
    return folder / "manifest.json"


def judged(row: str, verdict: str) -> FileOutcome:
    marks = {name: name == verdict for name in ("convincing", "unclear", "refused")}
    return FileOutcome({"file": row, "kind": "mrz_document"}, row, FileResult(marks, {}), 1.0)


def licence(folder: Path, payload: str, **more: Any) -> FileResult:
    entry = {"file": "payload", "kind": "aamva_payload", **more}
    manifest = Manifest.read(written(folder, [entry], payload=payload.encode()))
    return licences().read(manifest, entry)


def test_a_manifest_is_found_in_its_folder(tmp_path: Path) -> None:
    written(tmp_path, [{"file": "a", "kind": "pdf417"}], a=b"x")
    assert Manifest.read(tmp_path) == Manifest.read(tmp_path / "manifest.json")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"entries": [{"file": "a"}]}', '{"entries": 1}'])
def test_invalid_manifest_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r'manifest\.json: no JSON with "entries"'):
        Manifest.read(tmp_path)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param("nowhere.json", "cannot be read", id="no manifest"),
        pytest.param("", "1 files are not there, missing.jpg among them", id="no picture"),
    ],
)
def test_missing_file_of_an_evaluation_is_named_first(tmp_path: Path, words: str, told: str) -> None:
    written(tmp_path, [{"file": "missing.jpg", "kind": "mrz_document"}])
    with pytest.raises(ConfigurationError, match=told):
        CliRunner().invoke(app, ["verify", "evaluate", str(tmp_path / words)], catch_exceptions=False)


def test_a_licence_is_right_when_every_field_is(tmp_path: Path) -> None:
    assert set(licence(tmp_path, PAYLOAD).marks.values()) == {True}


def test_value_of_the_manifest_overrides_the_payload(tmp_path: Path) -> None:
    marks = licence(tmp_path, PAYLOAD, fields={"expiry": "2030-05-01"}).marks
    assert [name for name, right in marks.items() if not right] == ["expiry", "right"]


def test_a_broken_payload_is_right_when_it_is_refused(tmp_path: Path) -> None:
    assert licence(tmp_path, "@\nnothing", valid=False).marks == {"right": True}
    assert licence(tmp_path, PAYLOAD, valid=False).marks == {"right": False}


@pytest.mark.parametrize(
    ("more", "row"),
    [
        ({}, "clean"),
        ({"derived_from": "a"}, "degraded"),
        ({"derived_from": "a", "tampered": True}, "tampered"),
    ],
)
def test_a_picture_is_of_one_sort(more: dict[str, Any], row: str) -> None:
    lines = zone("BRANDEL<<OTTILIE", "C4H9K2M83", date(1988, 3, 4), date(2034, 5, 1), "D<<")
    assert row_of({"file": "a", "kind": "mrz_document", "mrz": lines, **more}) == row


@pytest.mark.parametrize("row", ["expired", "tampered"])
def test_expired_or_altered_document_does_not_convince(row: str) -> None:
    assert EvaluationVerdicts([judged(row, "convincing"), judged(row, "refused")], []).wrongly_convincing == [
        row
    ]


@pytest.mark.parametrize("row", ["good", "specimen"])
def test_others_may_convince(row: str) -> None:
    assert (
        EvaluationVerdicts([judged(row, "convincing"), judged("expired", "unclear")], []).wrongly_convincing
        == []
    )


def test_what_was_tampered_with_may_not_convince_while_it_was_valid_either() -> None:
    assert EvaluationVerdicts([], [judged("tampered", "convincing")]).wrongly_convincing == ["tampered"]
