"""
Records the corpus of the present version: ``python -m tests.corpus.record``.

``events.jsonl`` has events in wire form; ``rows.jsonl`` has journal rows and ``notes.jsonl`` noted facts in
stored form. Of each type there is an example with all fields and one with the required fields; rows have
each value of an enumeration as well.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from habeas.reference import records
from shared.contract.catalogue import catalogue
from shared.contract.envelope import derived_id, encode, encode_submission
from shared.contract.events import Event, Fact, RequestPurged, Submission
from shared.runtime.audit_chain import START
from shared.runtime.journal import Journal, JournalRow
from shared.runtime.mongo import from_bson, json_util

FOLDER = Path(__file__).parent
FORM = json_util.CANONICAL_JSON_OPTIONS
UNRELEASED = "unreleased"
"""Folder of events and rows that are newer than the present version."""
AT = datetime(2026, 11, 29, 9, 30, tzinfo=UTC)
CASE = "0123456789abcdef0123456789abcdef"
E = TypeVar("E", bound=Event)
SAMPLES = (
    "example", CASE, "ada@example.org", "gdpr@2018-05-25", "DE", "DE-BE", "EUR", "en", "123456", "a.b.c",
    "application/pdf", "user.contact.email", "example.org", "BE", "0123456789abcdef" * 8,
    "0123456789abcdef" * 4, "shop.orders",
)  # fmt: skip
"""Texts for patterns: the first that fits is taken."""
CONTRADICTIONS = {"risk_unlikely": False, "ongoing": False}
"""Fields that exclude others."""


def main() -> None:
    """Write the corpus of the present version; once that is released, only what is new since then."""
    released = _is_released(version("habeas"))
    folder = FOLDER / (UNRELEASED if released else version("habeas"))
    if not released:
        shutil.rmtree(FOLDER / UNRELEASED, ignore_errors=True)
    folder.mkdir(exist_ok=True)
    known = set(_lines("events", released=released))
    _write(folder / "events.jsonl", (line for line in map(json.dumps, events()) if line not in known))
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


def _fact_of(row: Mapping[str, Any]) -> str:
    return json_util.dumps((row["event"], len(row["facts"])), json_options=FORM)


def _is_released(number: str) -> bool:
    git = ("git", "tag", "--list", f"v{number}")
    return bool(subprocess.run(git, cwd=FOLDER, capture_output=True, check=False).stdout)  # noqa: S603


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


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


def fullest(kind: type[E]) -> E:
    """Return an example of *kind* with all fields."""
    schema = kind.model_json_schema()
    return kind.model_validate(_object(schema, schema.get("$defs", {}), full=True))


def least(kind: type[E], /, **chosen: str) -> E:
    """Return an example of *kind* with the required fields, and the *chosen* ones."""
    schema = kind.model_json_schema()
    return kind.model_validate(_object(schema, schema.get("$defs", {}), full=False) | chosen)


def examples(kind: type[E]) -> Iterator[E]:
    """Yield all examples of *kind*."""
    yield fullest(kind)
    yield least(kind)
    schema = kind.model_json_schema()
    for name, part in schema["properties"].items():
        for value in _enumerated(part, schema.get("$defs", {})):
            yield least(kind, **{name: value})


def _enumerated(part: Mapping[str, Any], types: Mapping[str, Any]) -> Iterable[str]:
    found: Iterable[str] = _resolved(part, types).get("enum", ())
    return found


def _resolved(part: Mapping[str, Any], types: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema that *part* refers to; of alternatives the first."""
    if "$ref" in part:
        return _resolved(types[part["$ref"].rpartition("/")[2]], types)
    for word in ("anyOf", "oneOf", "allOf"):
        if word in part:
            return _resolved(part[word][0], types)
    return part


def _object(schema: Mapping[str, Any], types: Mapping[str, Any], *, full: bool) -> dict[str, Any]:
    wanted = schema.get("properties", {}) if full else schema.get("required", ())
    return {name: _value(name, schema["properties"][name], types, full=full) for name in wanted}


def _value(name: str, part: Mapping[str, Any], types: Mapping[str, Any], *, full: bool) -> Any:
    if name in CONTRADICTIONS:
        return CONTRADICTIONS[name]
    schema = _resolved(part, types)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [""])[0])
    match schema.get("type"):
        case "object" if "properties" in schema:
            return _object(schema, types, full=full)
        case "object":
            return _mapping(schema, types, full=full)
        case "array":
            return _items(schema, types, full=full)
        case "boolean":
            return True
        case "integer" | "number":
            return max(schema.get("minimum", 1), 1)
        case _:
            return _text(schema)


def _mapping(schema: Mapping[str, Any], types: Mapping[str, Any], *, full: bool) -> dict[str, Any]:
    """Return a mapping with one key."""
    patterns = schema.get("patternProperties") or {"^example$": schema.get("additionalProperties") or {}}
    ((pattern, part),) = patterns.items()
    key = _text(schema.get("propertyNames") or {"pattern": pattern})
    return {key: _value("", part, types, full=full)}


def _items(schema: Mapping[str, Any], types: Mapping[str, Any], *, full: bool) -> list[Any]:
    if "prefixItems" in schema:
        return [_value("", item, types, full=full) for item in schema["prefixItems"]]
    item = schema.get("items", {})
    return list(_enumerated(item, types)) or [_value("", item, types, full=full)]


def _text(schema: Mapping[str, Any]) -> str:
    match schema.get("format"):
        case "date":
            return AT.date().isoformat()
        case "date-time":
            return (AT + timedelta(hours=1)).isoformat()
        case "base64":
            return "YQ=="
        case _:
            return next(text for text in SAMPLES if re.search(schema.get("pattern", ""), text))


if __name__ == "__main__":
    main()
