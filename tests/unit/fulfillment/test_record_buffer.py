"""Buffers keep each document once, in memory or in an encrypted file."""

from collections.abc import Hashable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from services.fulfillment.search import holdings as shelves
from services.fulfillment.search import spool as spools
from services.fulfillment.search.holdings import RecordBuffers
from services.fulfillment.search.search_memory import FREE, SearchMemory, SearchRoom
from services.fulfillment.search.spool import Spool
from shared.runtime.mongo import Binary, Decimal128, Document, Int64, ObjectId, to_bson

ONE = "notes"


@pytest.fixture(params=["in memory", "in a file"])
def rack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> RecordBuffers:
    if request.param == "in a file":
        small(monkeypatch)
    return RecordBuffers([ONE], Spool())


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "MOST_IN_MEMORY", 1_000)
    monkeypatch.setattr(spools, "BLOCK", 500)


def note(number: int) -> Document:
    return {"_id": number, "text": "Ada wrote " + "x" * 50, "of": {"who": ["ada@example.org", number]}}


def put(rack: RecordBuffers, key: Hashable, document: Document, name: str = ONE) -> None:
    rack.put(name, key, document, to_bson(document))


def test_documents_are_kept_once_in_order(rack: RecordBuffers) -> None:
    for number in [*range(200), *range(0, 200, 3)]:
        put(rack, ("number", number), note(number))
    shelf = rack[ONE]
    assert len(shelf) == 200
    assert list(shelf) == [note(number) for number in range(200)]
    assert list(islice(shelf, 150)) + list(shelf)[150:] == list(shelf)


def test_document_put_during_an_iteration_is_in_the_next(rack: RecordBuffers) -> None:
    for number in range(100):
        put(rack, number, note(number))
    before = iter(rack[ONE])
    first = next(before)
    for number in range(100):
        put(rack, 1_000 + number, note(7))
    assert [first, *before][:100] == [note(number) for number in range(100)]
    assert len(list(rack[ONE])) == len(rack[ONE]) == 200


def test_every_type_survives(rack: RecordBuffers) -> None:
    document: dict[str, Any] = {
        "_id": ObjectId(), "a": Int64(1), "b": 1, "c": Decimal128("1.10"), "d": Binary(bytes(16), 3),
        "e": None, "f": [1.5, {"g": "x" * 2_000}],
    }  # fmt: skip
    put(rack, 1, document)
    [found] = rack[ONE]
    assert found == document
    assert {name: type(value) for name, value in found.items()} == {n: type(v) for n, v in document.items()}


def test_many_buffers_share_the_memory_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "MOST_IN_MEMORY", 20_000)
    names = [f"shelf {number}" for number in range(20)]
    rack = RecordBuffers(names, Spool())
    for number in range(600):
        put(rack, number, note(number), names[number % 20])
        assert sum(rack[name].bytes for name in names) <= 20_000
    assert [document["_id"] for name in names for document in rack[name]] == [
        number for shelf in range(20) for number in range(shelf, 600, 20)
    ]


def test_fullest_buffer_moves_to_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "MOST_IN_MEMORY", 20_000)
    rack = RecordBuffers(["small", "large"], Spool())
    put(rack, 0, note(0), "small")
    for number in range(200):
        put(rack, number, note(number), "large")
    assert rack["large"].spooled
    assert not rack["small"].spooled


def test_blocks_in_memory_shrink_with_their_number() -> None:
    spool = Spool()
    rolls = [spool.roll() for _ in range(64)]
    assert len(rolls) * spool.block <= spools.MOST_OPEN
    del rolls
    assert spool.block == spools.BLOCK


def test_file_is_encrypted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    small(monkeypatch)
    written = (tmp_path / "spool").open("w+b")
    monkeypatch.setattr("tempfile.TemporaryFile", lambda: written)
    rack = RecordBuffers([ONE], Spool())
    for number in range(100):
        put(rack, number, note(number))
    written.flush()
    content = (tmp_path / "spool").read_bytes()
    assert len(content) > 1_000
    assert b"ada@example.org" not in content
    assert b"Ada wrote" not in content
    assert len(list(rack[ONE])) == 100


def test_records_without_room_are_dropped_with_all_before_them() -> None:
    memory = SearchMemory(10 << 20)
    memory.overdraw(10 << 20)
    room = SearchRoom(memory)
    rack = RecordBuffers([ONE], Spool(), room)
    for number in range(1_000):
        put(rack, number, note(number))
        assert rack.bytes_in_memory <= FREE
    assert room.refused
    assert len(rack[ONE]) == 0
