"""Drawn documents through a whole evaluation, the confined worker included."""

import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bench.document_images import passport, zone
from habeas.cli import app
from services.verifier.documents.mrz.reader import has_model, models_folder

TODAY = datetime.now(UTC).date()
BORN, VALID_UNTIL = date(1988, 3, 4), TODAY + timedelta(days=900)
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(autouse=True)
def require_model() -> None:
    if not has_model(models_folder()):
        if os.environ.get("CI"):
            pytest.fail("the model of scripts/models is missing", pytrace=False)
        pytest.skip("the model of scripts/models is missing")


def drawn(folder: Path, name: str, expires: date, **more: Any) -> dict[str, Any]:
    (folder / name).write_bytes(passport("Brandel", "Ottilie", born=BORN, expires=expires))
    lines = zone("BRANDEL<<OTTILIE", "C4H9K2M83", BORN, expires, "D<<")
    holder = {
        "surname": "Brandel",
        "given_names": "Ottilie",
        "date_of_birth": str(BORN),
        "expiry": str(expires),
    }
    return {
        "file": name,
        "kind": "mrz_document",
        "mrz": lines,
        "check_digits_valid": True,
        "fields": holder,
    } | more


def evaluated(folder: Path, *entries: dict[str, Any]) -> tuple[int, str, dict[str, Any]]:
    (folder / "manifest.json").write_text(json.dumps({"entries": entries}), encoding="utf-8")
    words = ["verify", "evaluate", str(folder), "--readings", str(folder / "readings.json")]
    words += ["--page", str(folder / "page")]
    ended = CliRunner().invoke(app, words)
    return ended.exit_code, ended.output, json.loads((folder / "readings.json").read_text(encoding="utf-8"))


def test_a_good_document_convinces_and_an_expired_one_is_refused(tmp_path: Path) -> None:
    good = drawn(tmp_path, "good.jpg", VALID_UNTIL)
    code, output, readings = evaluated(tmp_path, good, drawn(tmp_path, "old.jpg", TODAY - timedelta(days=1)))
    assert code == 0, output
    assert {name: one["judged"]["verdict"] for name, one in readings.items()} == {
        "good.jpg": "convincing",
        "old.jpg": "refused",
    }
    assert all(one["right"]["exact"] for one in readings.values())
    assert {"zones", "clean", "judged", "good", "expired"} <= set(output.split())
    assert "None." in (tmp_path / "page" / "index.html").read_text(encoding="utf-8")


def test_an_evaluation_fails_where_a_document_convinces_that_must_not(tmp_path: Path) -> None:
    code, output, _ = evaluated(tmp_path, drawn(tmp_path, "forged.jpg", VALID_UNTIL, tampered=True))
    assert code == 1
    assert "accepted wrongly: forged.jpg" in output
    page = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert "forged.jpg" in page
    assert "accepted, and must not be" in page
    assert (tmp_path / "page" / "001.jpg").read_bytes().startswith(b"\xff\xd8")
