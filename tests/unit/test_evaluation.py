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
from habeas.client.evaluation.judged import NEVER, EvaluationVerdicts, _sort
from habeas.client.evaluation.known_files import FileOutcome, FileResult, Manifest
from habeas.client.evaluation.rates import accepted_rates, wilson
from habeas.client.evaluation.run import Evaluation, row_of, zones
from shared.errors import ConfigurationError

TODAY = date(2026, 11, 24)
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


@pytest.mark.parametrize("row", sorted(NEVER))
def test_only_good_documents_may_convince(row: str) -> None:
    judgements = [judged(row, "convincing"), judged(row, "refused"), judged("good", "convincing")]
    assert EvaluationVerdicts(judgements, []).wrongly_convincing == [row]


def test_what_was_tampered_with_may_not_convince_while_it_was_valid_either() -> None:
    assert EvaluationVerdicts([], [judged("tampered", "convincing")]).wrongly_convincing == ["tampered"]


def test_a_zone_that_counts_as_read_with_a_wrong_field_fails_the_evaluation() -> None:
    misread = FileOutcome({"file": "a"}, "clean", FileResult({"accepted_wrong": True}, {}), 1.0)
    assert Evaluation([(zones(TODAY), [misread])], EvaluationVerdicts([], [])).wrongly_accepted == ["a"]


def test_a_document_with_a_mark_is_a_specimen() -> None:
    assert _sort({"specimen": True}, {"surname": "BRANDEL"}, TODAY) == "specimen"
    assert _sort({}, {"surname": "BRANDEL"}, TODAY) == "good"


@pytest.mark.parametrize(
    ("right", "of", "ends"),
    [(0, 0, (0.0, 1.0)), (0, 10, (0.0, 0.278)), (10, 10, (0.722, 1.0)), (81, 263, (0.255, 0.366))],
)
def test_interval_of_a_share_is_that_of_wilson(right: int, of: int, ends: tuple[float, float]) -> None:
    """The last one is an example of R. G. Newcombe (Statistics in Medicine, 1998), method 3."""
    assert tuple(round(end, 3) for end in wilson(right, of)) == ends


def test_rates_are_of_types_and_count_each_good_document_while_it_is_valid() -> None:
    judgements = EvaluationVerdicts(
        [judged("good", "convincing"), judged("expired", "refused")], [judged("good", "unclear")]
    )
    table = accepted_rates(judgements)
    columns = [list(column.cells) for column in table.columns]
    assert columns[0] == ["unknown zone", "all"]
    assert [column[-1] for column in columns[1:]] == ["2", "1", "9 to 91", "1", "0", "0 to 79"]
