"""
A service's append-only journal: inbox, state and outbox in one write.

A row says which event was handled and which facts it led to. Its ``_id`` is ``<case>:<n>``, so that of two
writers who saw the same past only one can append; the other reads again and decides anew. Because a row
names its cause, a repeated event is recognised, and the facts stored with it are published again with the
same ids. The state of a case in a service is the fold of its rows; the rows are also the audit trail.

Facts of other services that a service decides nothing about are *noted*: one document per case, written
without reading. Their own publishers have them on record.
"""

from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from collections.abc import Collection as Many
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from shared.contract import contract_version
from shared.contract.correlation import Correlation
from shared.contract.envelope import FACTS, derived_id
from shared.contract.events import (
    DecisionRefused,
    Event,
    Fact,
    IdentityReviewNeeded,
    InquiryLodged,
    MessageLodged,
    RecipientAcknowledged,
    RecipientConcerned,
    RecipientFailed,
    RecipientNotified,
    Record,
    RequestPurged,
    RequestReceived,
    RequestRejected,
    RequestStopped,
)
from shared.errors import NewerContract, PermanentError, StoreUnavailable
from shared.runtime.audit_chain import BEFORE, EXPIRES, MAC, OCCURRED, PUBLISHER, START, chained
from shared.runtime.log import logger
from shared.runtime.mongo import (
    DUPLICATE_KEY,
    Collection,
    Database,
    Document,
    IndexModel,
    RawDocument,
    Session,
    UpdateOne,
    create_compressed,
    in_order,
    insert_new,
    translated,
    write_each,
)

LISTED = frozenset(
    one.TYPE
    for one in (
        IdentityReviewNeeded,
        InquiryLodged,
        MessageLodged,
        RecipientAcknowledged,
        RecipientConcerned,
        RecipientFailed,
        RecipientNotified,
        RequestRejected,
        RequestStopped,
    )
)
"""Events listed by staff commands; an index has their rows alone."""
PURGE_KEPT = timedelta(days=30)
"""
How long a service recognises late events of a case that another one has purged.

Longer than a message waits for its last try (``HABEAS_RETRY_FOR``); ``habeas dead-letters replay`` drops
older ones.
"""
PURGED = "_purged"
"""
In place of the notes of a purged case: a fact that comes late must not bring them back.

No id of an event begins with an underscore.
"""
SOURCE = f"{PUBLISHER}.source"
"""Of a row with a correlation."""
UNKEYED = b""
"""Where rows are only read."""
DatedFact: TypeAlias = tuple[datetime, Fact]
"""A fact, and when it was written down."""


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One handled event and its facts."""

    case: str
    n: int
    cause: str
    """Id of the handled event."""
    event: Fact | None
    """The handled event itself, unless it was a submission: those carry personal data."""
    facts: tuple[Fact, ...]
    at: datetime
    before: bytes | None = field(default=None, compare=False)
    """MAC of the row before it; None where that is not known."""
    mac: bytes = field(default=b"", compare=False)
    """Its own, once it is stored: see :mod:`shared.runtime.audit_chain`."""
    correlation: Correlation | None = None
    """The publisher's names of the request, for the events that the row leads to."""
    noted: bool = False
    """Whether it is a fact of another service that was only noted: it has no place in the chain."""
    occurred_at: datetime | None = field(default=None, compare=False)
    """Time of the handled event, as its publisher states it; None in rows of 0.1.0."""
    contract: int = field(default=0, compare=False)
    """Number of the contract that it was read back with."""

    @property
    def key(self) -> str:
        """Where the row stands in its case."""
        return f"{self.case}:{self.n}"

    def published(self, service: str) -> Iterable[tuple[str, Fact]]:
        """Yield the facts that travel, each with its id: two services, or two cases, never share one."""
        for index, fact in enumerate(self.facts):
            if fact.PUBLISHED:
                yield derived_id(f"{service}/{self.case}/{self.cause}", index), fact

    def events(self) -> Iterable[Fact]:
        """Yield the facts that a fold sees: the event, then its facts; a refused decision changes nothing."""
        if self.event is not None:
            yield self.event
        yield from (fact for fact in self.facts if not isinstance(fact, DecisionRefused))

    @property
    def is_last(self) -> bool:
        """Whether it is the only row left of a purged case."""
        return any(isinstance(fact, RequestPurged) for fact in self.events())


@dataclass(frozen=True, slots=True)
class NotedFact:
    """A fact of another service that leads to no decision: it is kept without a row."""

    case: str
    id: str
    """Id of its event."""
    fact: Fact
    at: datetime
    """When it was noted first."""
    occurred_at: datetime | None = None
    """Time of its event; None where it was read back."""
    correlation: Correlation | None = None
    """The publisher's names of the request that its event carried."""

    def row(self, contract: int = 0) -> JournalRow:
        """Return it as a fold reads it, noted with the *contract* of that number."""
        return JournalRow(self.case, -1, self.id, self.fact, (), self.at, noted=True, contract=contract)


class Journal:
    """The journal of one service, and the facts that it only notes."""

    def __init__(
        self,
        database: Database,
        records: Iterable[type[Record]] = (),
        *,
        key: bytes = UNKEYED,
        notes: bool = False,
    ) -> None:
        """
        Keep rows in *database*.

        Args:
            database: The service's own.
            records: The service's own kinds of record.
            key: Chains the rows that are appended; not needed to read.
            notes: Whether the service notes facts: then histories contain them.
        """
        self._key = key
        self.database = database
        self._rows: Collection = database["journal"]
        self._notes: Collection | None = database["notes"] if notes else None
        self._kinds: Mapping[str, type[Fact]] = FACTS | {kind.TYPE: kind for kind in records}

    async def prepare(self) -> None:
        """Create the collections and their indexes."""
        await create_compressed(self._rows, *([] if self._notes is None else [self._notes]))
        with translated("index the journal"):
            await self._rows.create_indexes(_indexes())
            if self._notes is not None:
                ends = int(PURGE_KEPT.total_seconds())
                await self._notes.create_index(PURGED, expireAfterSeconds=ends, sparse=True)

    async def histories(self, cases: Many[str], *, partial: bool = False) -> dict[str, list[JournalRow]]:
        """
        Return the rows of each of *cases*, oldest first, and between them the facts that were noted.

        With *partial*, facts that only a newer version reads are left out: such a history may be shown, and
        nothing be decided on it.

        Raises:
            StoreUnavailable: The server did not answer.
            NewerContract: A row holds what only a newer version knows; it names the row.
            PermanentError: A row does not read; it names the row.
        """
        histories: dict[str, list[JournalRow]] = defaultdict(list)
        notes: dict[str, list[JournalRow]] = {}
        wanted = set(cases)
        with translated("read the journal"):
            async for document in self._documents_of(list(wanted)):
                if document["_id"] in wanted:
                    notes[document["_id"]] = self._noted(document, partial=partial)
                else:
                    histories[document["case"]].append(self._row(document, partial=partial))
        for rows in histories.values():
            rows.sort(key=lambda row: row.n)
        for case, noted in ((case, noted) for case, noted in notes.items() if noted):
            histories[case] = merged(histories.get(case, []), noted)
        return histories

    async def cases_between(self, first: str, last: str) -> list[str]:
        """
        Return the cases with ids from *first* to *last*, in order.

        Raises:
            StoreUnavailable: The server did not answer.
        """
        with translated("search the journal"):
            return sorted(await self._rows.distinct("case", {"case": {"$gte": first, "$lte": last}}))

    async def correlations(self, cases: Many[str]) -> dict[str, Correlation]:
        """
        Return the correlation of each of *cases* that has one.

        Raises:
            StoreUnavailable: The server did not answer.
        """
        named = {"case": {"$in": list(cases)}, PUBLISHER: {"$exists": True}}
        with translated("read the publishers of requests"):
            found = await self._rows.find(named, {"case": 1, PUBLISHER: 1}).sort("n", 1).to_list(None)
        return {row["case"]: Correlation(**row[PUBLISHER]) for row in found}

    async def sources(self) -> list[str]:
        """
        Return the sources of registered requests, by one look at the index for each; not those of 0.1.0.

        Raises:
            StoreUnavailable: The server did not answer.
        """
        found = [""]
        with translated("read the sources of requests"):
            while row := await self._rows.find_one(_after(found[-1]), sort=[(SOURCE, 1)]):
                found.append(row[PUBLISHER]["source"])
        return found[1:]

    def _documents_of(self, cases: list[str]) -> AsyncIterator[Document]:
        """Read the rows of *cases*, and the document with the notes of each, in one query."""
        rows = {"case": {"$in": cases}}
        if self._notes is None:
            return self._rows.find(rows, batch_size=5_000)
        notes = {"coll": "notes", "pipeline": [{"$match": {"_id": {"$in": cases}}}]}
        return self._rows.aggregate([{"$match": rows}, {"$unionWith": notes}], batchSize=5_000)

    def _noted(self, document: Document, *, partial: bool) -> list[JournalRow]:
        case = document["_id"]
        stored = {id_: note for id_, note in document.items() if id_ not in {"_id", PURGED}}
        try:
            return [self._note(case, id_, note, partial=partial) for id_, note in stored.items()]
        except (KeyError, TypeError, ValueError) as error:
            raise PermanentError(f"the notes of {case} do not read ({type(error).__name__})") from None

    def _note(self, case: str, id_: str, stored: Document, *, partial: bool) -> JournalRow:
        contract = stored.get(contract_version.FIELD, 0)
        try:
            return NotedFact(case, id_, self._fact(stored, case, contract), stored["at"]).row(contract)
        except (KeyError, TypeError, ValueError):
            if not contract_version.is_newer(contract):
                raise
            if not partial:
                raise contract_version.newer_contract(f"a note of {case}", contract) from None
        known = tuple(self._known_facts([stored], case))
        return JournalRow(case, -1, id_, None, known, stored["at"], noted=True)

    async def note(self, facts: Sequence[NotedFact]) -> None:
        """
        Keep *facts* in one durable write that reads nothing; it may be repeated.

        Facts about purged cases are dropped.

        Raises:
            StoreUnavailable: The server did not answer, or another writer noted the same case first.
            PermanentError: A fact does not fit.
        """
        notes: dict[str, Document] = defaultdict(dict)
        for one in facts:
            contract = {contract_version.FIELD: contract_version.CONTRACT_NUMBER}
            note = {"$literal": {**_stored(one.fact, one.case), "at": one.at, **contract}}
            kept = {"$ifNull": [f"${one.id}", note]}
            notes[one.case][one.id] = {"$cond": [{"$gt": [f"${PURGED}", None]}, "$$REMOVE", kept]}
        changes = [UpdateOne({"_id": case}, [{"$set": noted}], upsert=True) for case, noted in notes.items()]
        codes = await write_each(self.database["notes"], changes)
        if DUPLICATE_KEY in codes.values():
            raise StoreUnavailable("note facts: another writer was faster")
        if codes:
            raise PermanentError(f"note facts: MongoDB refused (code {next(iter(codes.values()))})")

    async def append(self, rows: Sequence[JournalRow]) -> frozenset[str]:
        """Append *rows* in one durable write; return the keys that another writer had taken."""
        return await insert_new(self._rows, await self._chained(rows))

    async def append_unpublished(self, rows: Sequence[JournalRow]) -> frozenset[str]:
        """Append *rows* in one durable write, marked as unpublished; return the keys that were taken."""
        documents = await self._chained(rows)
        return await insert_new(self._rows, [{**one, "unpublished": True} for one in documents])

    async def _chained(self, rows: Sequence[JournalRow]) -> list[RawDocument]:
        """Return *rows* as they are stored, each with its MAC."""
        unknown = [row for row in rows if row.before is None and row.n > 0]
        before = await self._macs_before(unknown) if unknown else {}
        return [self.chained(row, before.get(row.key, START)) for row in rows]

    def chained(self, row: JournalRow, before: bytes = START) -> RawDocument:
        """Return *row* as it is stored; *before* is the MAC of the row before, unless the row says so."""
        known = before if row.before is None else row.before
        document = document_of(row)
        if row.is_last:
            document[BEFORE] = known
        if isinstance(row.event, RequestPurged):
            document[EXPIRES] = row.at + PURGE_KEPT
        return chained(document, known, self._key)

    async def rows(self, keys: Many[str]) -> list[JournalRow]:
        """Return the rows of *keys* that are there and read. Raises StoreUnavailable without an answer."""
        with translated("read rows of the journal"):
            found = await self._rows.find(rows_at(keys)).to_list(None)
        return [row for document in found if (row := self._row_if_it_reads(document)) is not None]

    async def rows_since(self, moment: datetime) -> AsyncIterator[JournalRow]:
        """Yield the rows from *moment* on that read, in their order in time; raises as :meth:`histories`."""
        async for document in in_order(self._rows, {"at": {"$gte": moment}}, "at"):
            if (row := self._row_if_it_reads(document)) is not None:
                yield row

    async def _macs_before(self, rows: Sequence[JournalRow]) -> dict[str, bytes]:
        """Return the MAC that stands before each of *rows*, by the row's key."""
        found: dict[str, bytes] = {}
        with translated("read the chain"):
            for row in rows:
                earlier = self._rows.find({"case": row.case, "n": {"$lt": row.n}}, {MAC: 1})
                for document in await earlier.sort("n", -1).to_list(1):
                    found[row.key] = document.get(MAC, START)
        return found

    async def unpublished(self, most: int, before: datetime) -> list[JournalRow]:
        """Return up to *most* rows from *before* a moment that are marked as unpublished, and that read."""
        with translated("look for unpublished rows"):
            found = await self._rows.find({"unpublished": True, "at": {"$lt": before}}).to_list(most)
        return [row for document in found if (row := self._row_if_it_reads(document)) is not None]

    def _row_if_it_reads(self, document: Document) -> JournalRow | None:
        """Return the row in *document*; None if it does not read: it must not hold up the others."""
        try:
            return self._row(document)
        except NewerContract as error:
            logger().warning("row is not published", reason=str(error))
            return None
        except PermanentError as error:
            logger().error("row is not published", reason=str(error))
            return None

    async def mark_published(self, keys: Iterable[str]) -> None:
        """Remove the mark from the rows of *keys*; it may be repeated."""
        with translated("mark rows as published"):
            await self._rows.update_many(rows_at(keys), {"$unset": {"unpublished": ""}})

    async def forget(self, cases: Many[str]) -> None:
        """
        Remove the rows of purged *cases* but the last of each; it may be repeated.

        That one stays for good in the journal of the service that purged the case, and for
        :data:`PURGE_KEPT` in the others.
        """
        others = {"event.type": {"$ne": RequestPurged.TYPE}, "facts.type": {"$ne": RequestPurged.TYPE}}
        with translated("forget cases"):
            await self._rows.delete_many({"case": {"$in": list(cases)}, **others})
        await self.forget_notes(cases)

    async def forget_notes(self, cases: Many[str], session: Session | None = None) -> None:
        """
        Remove the facts noted about *cases*, and those that come late; it may be repeated.

        Facts that were published without a row go as well.
        """
        with translated("forget publications"):
            published = self.database["publications"]
            await published.delete_many({"case": {"$in": list(cases)}}, session=session)
        if self._notes is None or not cases:
            return
        emptied = [{"$replaceWith": {"_id": "$_id", PURGED: "$$NOW"}}]
        changes = [UpdateOne({"_id": case}, emptied, upsert=True) for case in cases]
        with translated("forget notes"):
            await self._notes.bulk_write(changes, ordered=False, session=session)

    async def forget_parts(self, case: str) -> None:
        """Remove the rows of cases that are parts of *case*, and are named after it; it may be repeated."""
        parts = {"case": {"$gte": f"{case}.", "$lt": f"{case}/"}}
        with translated("forget parts of a case"):
            await self._rows.delete_many(parts)

    async def rows_by_case(self) -> AsyncIterator[JournalRow]:
        """Yield every row, case by case; raises as :meth:`histories`."""
        async for document in in_order(self._rows, {}, "case"):
            yield self._row(document)

    def _row(self, document: Document, *, partial: bool = False) -> JournalRow:
        contract = document.get(contract_version.FIELD, 0)
        try:
            stored = document["event"]
            return JournalRow(
                case=document["case"],
                n=document["n"],
                cause=document["cause"],
                event=None if stored is None else self._fact(stored, document["case"], contract),
                facts=tuple(self._fact(fact, document["case"], contract) for fact in document["facts"]),
                at=document["at"],
                mac=document.get(MAC, b""),
                correlation=correlation_from(document.get(PUBLISHER)),
                occurred_at=document.get(OCCURRED),
                contract=contract,
            )
        except (KeyError, TypeError, ValueError) as error:
            name = f"row {document['_id']} of the journal"
            if not contract_version.is_newer(contract):
                raise PermanentError(f"{name} does not read ({type(error).__name__})") from None
            if not partial:
                raise contract_version.newer_contract(name, contract) from None
        return self._partial_row(document)

    def _partial_row(self, document: Document) -> JournalRow:
        """Return what this version knows of the row of a newer one."""
        case, stored = document["case"], [document["event"] or {}, *document["facts"]]
        known = tuple(self._known_facts(stored, case))
        return JournalRow(case, document["n"], document["cause"], None, known, document["at"])

    def _known_facts(self, stored: Iterable[Document], case: str) -> Iterator[Fact]:
        """Yield the facts that read, whatever else they hold."""
        for fact in stored:
            with suppress(KeyError, TypeError, ValueError):
                yield self._fact(fact, case, 0)

    def _fact(self, stored: Mapping[str, Any], case: str, contract: object) -> Fact:
        kind = self._kinds[stored["type"]]
        return contract_version.read(kind, {"request_id": case, **stored["data"]}, contract)


def rows_at(keys: Iterable[str]) -> Document:
    """Return the query for the rows of *keys*; it names their cases, the shard key of a journal."""
    wanted = list(keys)
    return {"_id": {"$in": wanted}, "case": {"$in": [key.rpartition(":")[0] for key in wanted]}}


def _after(source: str) -> Document:
    """Return the query for registrations of the sources after *source*."""
    return {"facts.type": RequestReceived.TYPE, SOURCE: {"$gt": source}}


def _indexes() -> list[IndexModel]:
    """Return the indexes of the rows; one command creates all, in one pass over what is stored."""
    listed = sorted(LISTED)
    return [
        IndexModel(EXPIRES, expireAfterSeconds=0, sparse=True),
        IndexModel("case"),
        IndexModel("at"),
        IndexModel("unpublished", partialFilterExpression={"unpublished": True}),
        IndexModel(SOURCE, partialFilterExpression={"facts.type": RequestReceived.TYPE}),
        *(
            IndexModel([(field, 1), ("at", 1)], partialFilterExpression={field: {"$in": listed}})
            for field in ("facts.type", "event.type")
        ),
    ]


def correlation_in(rows: Iterable[JournalRow]) -> Correlation | None:
    """Return the newest correlation in a history: before the request comes, events have their own."""
    return next((row.correlation for row in reversed([*rows]) if row.correlation is not None), None)


def newest(rows: Sequence[JournalRow]) -> JournalRow | None:
    """Return the last row of a history; noted facts are none."""
    return next((row for row in reversed(rows) if not row.noted), None)


def not_before_notes(history: Iterable[JournalRow], moment: datetime) -> datetime:
    """
    Return *moment*, or that of the newest note in *history*: a row follows the notes that it was decided on.

    The clock of the replica that noted them may be ahead.
    """
    return max([moment, *(row.at for row in history if row.noted)])


def merged(rows: Sequence[JournalRow], notes: Iterable[JournalRow]) -> list[JournalRow]:
    """Return *rows* in their order with *notes* between them by time, none before the first row."""
    waiting = deque(sorted(notes, key=lambda note: note.at))
    history: list[JournalRow] = []
    for row in rows:
        while history and waiting and waiting[0].at <= row.at:
            history.append(waiting.popleft())
        history.append(row)
    return [*history, *waiting]


def events_of(rows: Iterable[JournalRow]) -> Iterable[Fact]:
    """Yield all facts of *rows* in their order."""
    for row in rows:
        yield from row.events()


def facts_of(rows: Iterable[JournalRow]) -> Iterable[DatedFact]:
    """Yield all facts of *rows* in their order, each with the moment it was recorded."""
    for row in rows:
        for fact in row.events():
            yield row.at, fact


def journalled(event: Event) -> Fact | None:
    """Return *event* if a journal may keep it: a submission carries personal data and may not."""
    return event if isinstance(event, Fact) else None


def document_of(row: JournalRow) -> Document:
    """Return *row* as it is stored."""
    document = {
        "_id": row.key,
        "case": row.case,
        "n": row.n,
        "cause": row.cause,
        "event": None if row.event is None else _stored(row.event, row.case),
        "facts": [_stored(fact, row.case) for fact in row.facts],
        "at": row.at,
        contract_version.FIELD: contract_version.CONTRACT_NUMBER,
    }
    if row.occurred_at is not None and row.event is not None:
        document[OCCURRED] = row.occurred_at
    return document | ({} if row.correlation is None else {PUBLISHER: stored_correlation(row.correlation)})


def stored_correlation(correlation: Correlation) -> Document:
    """Return *correlation* as it is stored."""
    return {name: value for name, value in asdict(correlation).items() if value is not None}


def correlation_from(stored: Mapping[str, str] | None) -> Correlation | None:
    """Return the correlation that was *stored*."""
    return None if stored is None else Correlation(**stored)


def _stored(fact: Fact, case: str) -> Document:
    """The row says which case it is; only a fact that begins another one names it itself."""
    known = {"request_id"} if fact.request_id == case else None
    return {"type": fact.TYPE, "data": fact.model_dump(mode="json", exclude=known, exclude_defaults=True)}
