"""Events and journal rows of each release are readable by this one."""

import json
from collections.abc import AsyncIterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from habeas.reference import records
from shared.contract.catalogue import catalogue
from shared.contract.contract_version import CONTRACT_NUMBER, FIELD
from shared.contract.envelope import STRUCTURED, decode
from shared.contract.events import Event, Fact
from shared.contract.topology import OBSOLETE
from shared.runtime.audit_chain import BEFORE, EXPIRES, START, chained
from shared.runtime.journal import Journal, document_of
from shared.runtime.mongo import Document, from_bson, json_util
from tests.corpus.record import DEVELOPMENT, FORM, UNRELEASED, bindings
from tests.unit.pages import ROOT

FOLDERS = sorted(path for path in (ROOT / "tests" / "corpus").iterdir() if (path / "rows.jsonl").is_file())
BY_VERSION = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
REMEDY = "run `make docs`"


class StoredRows:
    """A collection that holds *rows*, for a journal that only reads."""

    def __init__(self, rows: list[Document]) -> None:
        self.rows = rows

    async def find(self, _wanted: Mapping[str, Any], **_options: Any) -> AsyncIterator[Document]:
        """Yield all rows."""
        for row in self.rows:
            yield row

    aggregate = find


def events_in(folder: Path) -> list[dict[str, Any]]:
    """Return the recorded events, each with its exchange."""
    return [json.loads(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]


def rows_in(folder: Path) -> list[Document]:
    """Return the recorded rows."""
    return documents_in(folder, "rows")


def documents_in(folder: Path, name: str) -> list[Document]:
    """Return the documents of a file."""
    lines = (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json_util.loads(line, json_options=FORM) for line in lines]


def read(recorded: Mapping[str, Any]) -> Event:
    """Return a recorded event as a service receives it."""
    body = json.dumps(recorded["body"]).encode()
    return decode(body, exchange=recorded["exchange"], content_type=STRUCTURED, headers={}).event


def test_there_is_a_corpus_of_this_version() -> None:
    number = version("habeas")
    assert (UNRELEASED if DEVELOPMENT in number else number) in [folder.name for folder in FOLDERS], REMEDY


@BY_VERSION
def test_every_recorded_event_reads_with_its_whole_content(folder: Path) -> None:
    for recorded in events_in(folder):
        event = read(recorded)
        assert recorded["body"]["type"] == event.TYPE
        written = event.model_dump(mode="json", exclude_defaults=not isinstance(event, Fact))
        assert recorded["body"]["data"].items() <= written.items(), event.TYPE


@pytest.mark.slow
@BY_VERSION
async def test_every_recorded_row_reads_with_its_whole_content(folder: Path) -> None:
    for stored in rows_in(folder):
        journal = Journal({"journal": StoredRows([stored])}, records())  # type: ignore[arg-type]  # only read
        [[row]] = (await journal.histories([stored["case"]])).values()
        written = document_of(row)
        assert [written[part] for part in ("event", "facts", "at")] == [
            stored[part] for part in ("event", "facts", "at")
        ]


@BY_VERSION
async def test_every_noted_fact_reads(folder: Path) -> None:
    [stored] = documents_in(folder, "notes")
    collections = {"journal": StoredRows([stored]), "notes": None}
    journal = Journal(collections, records(), notes=True)  # type: ignore[arg-type]  # only read
    [read_back] = (await journal.histories([stored["_id"]])).values()
    recorded = [noted["type"] for name, noted in stored.items() if name != "_id"]
    assert sorted(row.event.TYPE for row in read_back if row.event) == sorted(recorded)


@BY_VERSION
def test_every_recorded_row_has_the_mac_of_its_content(folder: Path) -> None:
    for stored in rows_in(folder):
        content = {name: value for name, value in stored.items() if name not in {"mac", "unpublished"}}
        [document] = from_bson(bytes(chained(content, START, bytes(32)).raw))
        assert document["mac"] == stored["mac"]


def test_contract_has_a_higher_number_than_that_of_releases_whose_facts_differ() -> None:
    unreleased = [folder for folder in FOLDERS if folder.name == UNRELEASED]
    assert any(events_in(folder) for folder in unreleased), "the contract is that of the newest release"
    assert max(contract_in(folder) for folder in FOLDERS if folder.name != UNRELEASED) < CONTRACT_NUMBER


def test_bindings_of_releases_are_declared_or_known_as_obsolete() -> None:
    recorded = {
        tuple(json.loads(line))
        for path in (ROOT / "tests" / "corpus").glob("*/bindings.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
    }
    obsolete = {(queue, type_) for queue, types in OBSOLETE.items() for type_ in types}
    assert recorded - set(bindings()) == obsolete


def contract_in(folder: Path) -> int:
    """Return the number of the contract that a release published facts with."""
    return max(int(one["body"].get(FIELD, 0)) for one in events_in(folder))


def test_every_type_of_event_is_recorded() -> None:
    recorded = {(one["exchange"], one["body"]["type"]) for folder in FOLDERS for one in events_in(folder)}
    assert {(kind.EXCHANGE, kind.TYPE) for kind in catalogue()} <= recorded, REMEDY


def test_every_type_and_kind_of_row_is_recorded() -> None:
    rows = [row for folder in FOLDERS for row in rows_in(folder)]
    facts = {kind.TYPE for kind in catalogue() if issubclass(kind, Fact)}
    types = {fact["type"] for row in rows for fact in (row["event"], *row["facts"]) if fact}
    assert facts | {kind.TYPE for kind in records()} <= types, REMEDY
    assert {"unpublished", BEFORE, EXPIRES} <= {name for row in rows for name in row}
