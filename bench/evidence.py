"""
What a crash run has left behind, read from the database and the mail server's log, not from the product.

Rows are read as they are stored; which ids their facts travelled under is worked out from them.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

from bench.requesters import ACCOUNTS, ORDERS, STORE
from shared.contract.envelope import derived_id
from shared.contract.topology import LISTENS
from shared.runtime.mongo import Client, Document, id_bytes, raw_documents

SINK_STOPS_WITHIN = timedelta(seconds=10)

Place: TypeAlias = tuple[str, int]
"""A collection of the shop and the ``_id`` of a document in it."""


@dataclass(frozen=True, slots=True)
class Told:
    """A fact in a journal."""

    type: str
    id: str
    """The id it travelled under."""
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a journal."""

    case: str
    n: int
    cause: str
    event: str
    """Type of the handled event; empty for a submission."""
    facts: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that is looked at."""

    journals: Mapping[str, Sequence[Entry]]
    notes: Mapping[str, frozenset[str]]
    """Service → ids of the events that it noted without a row."""
    claims: frozenset[str]
    """Letters that were begun, by the id of the fact they tell of."""
    before: Mapping[Place, bytes]
    after: Mapping[Place, bytes]
    changes: Mapping[tuple[Place, str], int]
    """How often the database wrote ``u`` or ``d`` for a document into its log of operations."""
    letters: Mapping[tuple[str, str], int]
    """Recipient and id of the fact → how often the mail server accepted the letter."""
    heard: Mapping[str, Mapping[str, set[str]]]
    """Type → case → ids of the events that upstream heard."""
    queues: Mapping[str, int]
    """Messages left in each queue."""


async def journals(client: Client) -> dict[str, list[Entry]]:
    """Return every row of every service."""
    return {
        name: [_entry(row, name) async for row in client[f"habeas_{name}"]["journal"].find()]
        for name in LISTENS
    }


async def notes(client: Client) -> dict[str, frozenset[str]]:
    """Return the ids of the events that each service noted."""
    return {
        name: frozenset(
            [
                id_
                async for document in client[f"habeas_{name}"]["notes"].find()
                for id_ in document
                if id_ != "_id"
            ]
        )
        for name in LISTENS
    }


def _entry(row: Document, service: str) -> Entry:
    case, cause = row["case"], row["cause"]
    facts = tuple(
        Told(fact["type"], derived_id(f"{service}/{case}/{cause}", index), fact["data"])
        for index, fact in enumerate(row["facts"])
    )
    return Entry(case, row["n"], cause, (row["event"] or {}).get("type", ""), facts)


async def claims(client: Client) -> frozenset[str]:
    """Return which letters were begun."""
    return frozenset([claim["_id"] async for claim in client["habeas_notifier"]["claims"].find()])


async def records(client: Client) -> dict[Place, bytes]:
    """Return every document of the shop, byte for byte."""
    found: dict[Place, bytes] = {}
    for name in (ACCOUNTS, ORDERS):
        numbers = [document["_id"] async for document in client[STORE][name].find({}, {"_id": 1}).sort("_id")]
        wholes = {id_: whole async for id_, whole in raw_documents(client[STORE][name])}
        found |= {(name, number): wholes[id_bytes(number)] for number in numbers}
    return found


async def changes(client: Client) -> Counter[tuple[Place, str]]:
    """Return how often each document was changed or deleted, by the database's own log of operations."""
    return Counter([change async for change in _changes(client)])


async def _changes(client: Client) -> AsyncIterator[tuple[Place, str]]:
    wanted = {"$or": [{"ns": {"$regex": f"^{STORE}[.]"}}, {"o.applyOps.ns": {"$regex": f"^{STORE}[.]"}}]}
    async for entry in client["local"]["oplog.rs"].find(wanted):
        for operation in _operations(entry):
            if operation["op"] in {"u", "d"} and operation["ns"].startswith(f"{STORE}."):
                collection = operation["ns"].partition(".")[2]
                yield (collection, (operation.get("o2") or operation["o"])["_id"]), operation["op"]


def _operations(entry: Document) -> Iterable[Document]:
    """Return the operations of an entry: itself, or those of a transaction."""
    return entry["o"].get("applyOps", ()) if entry["op"] == "c" else (entry,)


def with_letters(found: Evidence, log: Path) -> Evidence:
    """Return *found* with what the mail server accepted; it writes the last of it down when it ends."""
    return replace(found, letters=letters(log))


def letters(log: Path) -> Counter[tuple[str, str]]:
    """Return how often the mail server accepted each letter."""
    return Counter(_letters(log.read_text(encoding="utf-8").splitlines()))


def _letters(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        recipient, _, message_id = line.partition(" ")
        yield recipient, message_id.strip("<>").partition("@")[0]
