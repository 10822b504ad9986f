"""A shelf holds each document once, however many there are, and shows none of them to who reads the disk."""

from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from services.fulfillment.search import shelf as shelves
from services.fulfillment.search.shelf import Shelf
from shared.mongo import Binary, Decimal128, Document, Int64, ObjectId


@pytest.fixture(params=["in memory", "in a file"])
def shelf(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    if request.param == "in a file":
        monkeypatch.setattr(shelves, "MOST_IN_MEMORY", 1_000)
        monkeypatch.setattr(shelves, "BLOCK", 500)
    return Shelf()


def note(number: int) -> Document:
    return {"_id": number, "text": "Ada wrote " + "x" * 50, "of": {"who": ["ada@example.org", number]}}


def test_every_document_is_there_once_and_in_order(shelf: Shelf) -> None:
    for number in [*range(200), *range(0, 200, 3)]:
        shelf.put(("number", number), note(number))
    assert len(shelf) == 200
    assert list(shelf) == [note(number) for number in range(200)]
    assert list(islice(shelf, 150)) + list(shelf)[150:] == list(shelf)


def test_what_is_put_while_somebody_reads_is_there_for_the_next(shelf: Shelf) -> None:
    for number in range(100):
        shelf.put(number, note(number))
    before = iter(shelf)
    first = next(before)
    for number in range(100):
        shelf.put(1_000 + number, note(7))
    assert [first, *before][:100] == [note(number) for number in range(100)]
    assert len(list(shelf)) == len(shelf) == 200


def test_every_type_survives(shelf: Shelf) -> None:
    document: dict[str, Any] = {
        "_id": ObjectId(), "a": Int64(1), "b": 1, "c": Decimal128("1.10"), "d": Binary(bytes(16), 3),
        "e": None, "f": [1.5, {"g": "x" * 2_000}],
    }  # fmt: skip
    shelf.put(1, document)
    [found] = shelf
    assert found == document
    assert {name: type(value) for name, value in found.items()} == {n: type(v) for n, v in document.items()}


def test_nothing_readable_lies_on_the_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shelves, "MOST_IN_MEMORY", 1_000)
    monkeypatch.setattr(shelves, "BLOCK", 500)
    written = (tmp_path / "spool").open("w+b")
    monkeypatch.setattr("tempfile.TemporaryFile", lambda: written)
    shelf = Shelf()
    for number in range(100):
        shelf.put(number, note(number))
    written.flush()
    content = (tmp_path / "spool").read_bytes()
    assert len(content) > 1_000
    assert b"ada@example.org" not in content
    assert b"Ada wrote" not in content
    assert len(list(shelf)) == 100
