"""
A service's append-only journal: inbox, state and outbox in one write.

A row says which event was handled and which facts it led to. Its ``_id`` is ``<case>:<n>``, so that of two
writers who saw the same past only one can append; the other reads again and decides anew. Because a row
names its cause, a repeated event is recognised, and the facts stored with it are published again with the
same ids. What a service knows of a case is the fold of its rows; the rows are also the audit trail.
"""

from collections import defaultdict
from collections.abc import Collection as Many
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.envelope import FACTS, derived_id
from shared.errors import PermanentError
from shared.events import Event, Fact, Record
from shared.mongo import Collection, Database, Document, insert_new, translated

KEEP = timedelta(days=3 * 366)
"""A case file is kept for the general limitation period (docs/law.md); rows go by themselves after it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One handled event and what it led to."""

    case: str
    n: int
    cause: str
    """Id of the handled event."""
    event: Fact | None
    """The handled event itself, unless it was a submission: those carry personal data."""
    facts: tuple[Fact, ...]
    at: datetime

    @property
    def key(self) -> str:
        """Where the row stands in its case."""
        return f"{self.case}:{self.n}"

    def published(self, service: str) -> Iterable[tuple[str, Fact]]:
        """Yield the facts that travel, each with its id: two services, or two cases, never share one."""
        for index, fact in enumerate(self.facts):
            if fact.PUBLISHED:
                yield derived_id(f"{service}/{self.case}/{self.cause}", index), fact

    def story(self) -> Iterable[Fact]:
        """Yield what a fold sees: the event, then what it led to."""
        if self.event is not None:
            yield self.event
        yield from self.facts


class Journal:
    """The journal of one service."""

    def __init__(self, database: Database, records: Iterable[type[Record]] = ()) -> None:
        """Keep rows in *database*; *records* are the service's own kinds of record."""
        self._rows: Collection = database["journal"]
        self._kinds: Mapping[str, type[Fact]] = FACTS | {kind.TYPE: kind for kind in records}

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the journal"):
            await self._rows.create_index("case")
            await self._rows.create_index("at", expireAfterSeconds=int(KEEP.total_seconds()))

    async def histories(self, cases: Many[str]) -> dict[str, list[Row]]:
        """
        Return the rows of each of *cases*, oldest first.

        Raises:
            StoreUnavailable: The server did not answer.
            PermanentError: A row does not read; it names the row.
        """
        histories: dict[str, list[Row]] = defaultdict(list)
        with translated("read the journal"):
            async for document in self._rows.find({"case": {"$in": list(cases)}}, batch_size=5_000):
                histories[document["case"]].append(self._row(document))
        for rows in histories.values():
            rows.sort(key=lambda row: row.n)
        return histories

    async def append(self, rows: Sequence[Row]) -> frozenset[str]:
        """Append *rows* in one durable write; return the keys that somebody else had taken."""
        return await insert_new(self._rows, [_document(row) for row in rows])

    def _row(self, document: Document) -> Row:
        try:
            stored = document["event"]
            return Row(
                case=document["case"],
                n=document["n"],
                cause=document["cause"],
                event=None if stored is None else self._fact(stored, document["case"]),
                facts=tuple(self._fact(fact, document["case"]) for fact in document["facts"]),
                at=document["at"],
            )
        except (KeyError, ValueError) as error:
            raise PermanentError(
                f"row {document['_id']} of the journal does not read ({type(error).__name__})"
            ) from None

    def _fact(self, stored: Mapping[str, Any], case: str) -> Fact:
        return self._kinds[stored["type"]].model_validate({**stored["data"], "request_id": case})


def story_of(rows: Iterable[Row]) -> Iterable[Fact]:
    """Yield the whole story that *rows* tell."""
    for row in rows:
        yield from row.story()


def journalled(event: Event) -> Fact | None:
    """Return *event* if a journal may keep it: a submission carries personal data and may not."""
    return event if isinstance(event, Fact) else None


def _document(row: Row) -> Document:
    return {
        "_id": row.key,
        "case": row.case,
        "n": row.n,
        "cause": row.cause,
        "event": None if row.event is None else _stored(row.event),
        "facts": [_stored(fact) for fact in row.facts],
        "at": row.at,
    }


def _stored(fact: Fact) -> Document:
    return {
        "type": fact.TYPE,
        "data": fact.model_dump(mode="json", exclude={"request_id"}, exclude_defaults=True),
    }
