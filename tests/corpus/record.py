"""
Records the corpus of the present version: ``python -m tests.corpus.record``.

``events.jsonl`` has events in wire form; ``rows.jsonl`` has journal rows and ``notes.jsonl`` noted facts in
stored form; ``bindings.jsonl`` has the queues and the types that they are bound to. Of each type there is an
example with all fields and one with the required fields; rows have each value of an enumeration as well.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from habeas.event_samples import AT, CASE, examples, fullest, least
from habeas.reference import records
from shared.contract import contract_version
from shared.contract.catalogue import catalogue
from shared.contract.envelope import derived_id, encode, encode_submission
from shared.contract.events import Fact, RequestPurged, Submission
from shared.contract.topology import EVENTS, console_queues, queues
from shared.runtime.audit_chain import START
from shared.runtime.journal import Journal, JournalRow
from shared.runtime.mongo import from_bson, json_util

FOLDER = Path(__file__).parent
FORM = json_util.CANONICAL_JSON_OPTIONS
UNRELEASED = "unreleased"
"""Folder of events and rows that are newer than the last release."""
DEVELOPMENT = ".dev"
"""Part of the versions between two releases, of which there is no corpus."""


def main() -> None:
    """Write the corpus of the present version; after a release, only what is new since then."""
    released = DEVELOPMENT in version("habeas") or _is_released(version("habeas"))
    folder = FOLDER / (UNRELEASED if released else version("habeas"))
    if not released:
        shutil.rmtree(FOLDER / UNRELEASED, ignore_errors=True)
    folder.mkdir(exist_ok=True)
    if not released:
        _write(folder / "bindings.jsonl", map(json.dumps, bindings()))
    known = {_unnumbered(json.loads(line)) for line in _lines("events", released=released)}
    _write(folder / "events.jsonl", (json.dumps(one) for one in events() if _unnumbered(one) not in known))
    lines = _lines("rows", released=released)
    stored = {_fact_of(json_util.loads(line, json_options=FORM)) for line in lines}
    new = [row for row in rows() if _fact_of(row) not in stored]
    for name, documents in (("rows", new), ("notes", notes())):
        _write(folder / f"{name}.jsonl", (json_util.dumps(one, json_options=FORM) for one in documents))


def _lines(name: str, *, released: bool) -> Iterator[str]:
    """Yield the lines of a file of all releases; none before the present version is *released*."""
    for path in FOLDER.glob(f"*/{name}.jsonl"):
        if released and path.parent.name != UNRELEASED:
            yield from path.read_text(encoding="utf-8").splitlines()


def _unnumbered(event: Mapping[str, Any]) -> str:
    """Return *event* without the number of its contract, which each release raises."""
    body = {name: value for name, value in event["body"].items() if name != contract_version.FIELD}
    return json.dumps({**event, "body": body})


def _fact_of(row: Mapping[str, Any]) -> str:
    return json_util.dumps((row["event"], len(row["facts"])), json_options=FORM)


def _is_released(number: str) -> bool:
    """Return whether the changelog has a section of that version: a clone may lack the tag."""
    lines = (FOLDER.parents[1] / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    return any(line.startswith(f"## {number} - ") for line in lines)


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def bindings() -> Iterator[tuple[str, str]]:
    """Yield each queue of the topology with a type of facts that it is bound to."""
    for queue in (*queues(), *console_queues()):
        for exchange, key in queue.bindings:
            if exchange == EVENTS:
                yield queue.name, key


def events() -> Iterator[dict[str, Any]]:
    """Yield each example as a message, with its exchange."""
    for kind in catalogue():
        for number, event in enumerate((fullest(kind), least(kind))):
            id_ = derived_id(kind.TYPE, number)
            if isinstance(event, Fact):
                body = encode(event, id=id_, source="habeas/intake", time=AT, cause="cause")
            else:
                assert isinstance(event, Submission)
                body = encode_submission(event, id=id_, source="shop.example", time=AT)
            yield {"exchange": kind.EXCHANGE, "body": json.loads(body)}


def rows() -> Iterator[Mapping[str, Any]]:
    """Yield a row for each example of a fact, and the other kinds of rows, as they are stored."""
    journal = Journal({"journal": None}, records(), key=bytes(32))  # type: ignore[arg-type]  # nothing is stored
    facts = [fact for kind in fact_kinds() for fact in examples(kind)]
    made = [JournalRow(CASE, n, f"cause-{n}", fact, (), AT) for n, fact in enumerate(facts)]
    purged = next(fact for fact in facts if isinstance(fact, RequestPurged))
    last = JournalRow(CASE, len(made), "purge", None, (purged,), AT, before=START)
    for row in (*made, last):
        yield _stored(journal, row)
    yield {**_stored(journal, made[0]), "unpublished": True}


def notes() -> Iterator[Mapping[str, Any]]:
    """Yield the noted facts of a case, as they are stored."""
    of_type = {row["event"]["type"]: row for row in rows() if row["event"] is not None}
    yield {"_id": CASE, **{row["cause"]: {**row["event"], "at": row["at"]} for row in of_type.values()}}


def _stored(journal: Journal, row: JournalRow) -> Mapping[str, Any]:
    """Return *row* as it is stored."""
    return from_bson(bytes(journal.chained(row, START).raw))[0]


def fact_kinds() -> Iterator[type[Fact]]:
    """Yield every type that a journal may hold."""
    yield from (kind for kind in catalogue() if issubclass(kind, Fact))
    yield from records()


if __name__ == "__main__":
    main()
