"""
The only module that names the MongoDB driver.

Motor is in maintenance; its successor is ``pymongo.AsyncMongoClient``. Everything that would differ
(the client, its databases, GridFS, the driver's exceptions) is reached through here, so that the swap
is a change of this file alone (docs/adr/0003).
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import bson
import motor.motor_asyncio as motor
from bson import Binary, Code, DBRef, Decimal128, Int64, ObjectId, Timestamp, json_util
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from bson.tz_util import utc
from pymongo import ReadPreference, ReturnDocument
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent
from pymongo.operations import (
    DeleteMany,
    DeleteOne,
    IndexModel,
    InsertOne,
    ReplaceOne,
    UpdateMany,
    UpdateOne,
)
from pymongo.read_concern import ReadConcern

from shared.errors import ConfigurationError, CredentialsRefused, PermanentError, StoreUnavailable
from shared.runtime import metrics, traces

__all__ = [
    "BSON_ERRORS",
    "OWN_STORE",
    "Binary",
    "Client",
    "Code",
    "Collection",
    "DBRef",
    "Database",
    "Decimal128",
    "DeleteMany",
    "DeleteOne",
    "Document",
    "DuplicateKeyError",
    "IndexModel",
    "InsertOne",
    "Int64",
    "ObjectId",
    "RawDocument",
    "ReplaceOne",
    "ReturnDocument",
    "Session",
    "Timestamp",
    "UpdateMany",
    "UpdateOne",
    "at_primary",
    "connect",
    "create_compressed",
    "document_at",
    "documents_in",
    "each_with_bson",
    "found_surely",
    "from_bson",
    "from_bson_with_binary",
    "id_bytes",
    "in_order",
    "insert_new",
    "json_util",
    "ping",
    "positions_in",
    "raw_batches",
    "raw_documents",
    "raw_documents_in",
    "secondary_first",
    "size_of",
    "snapshot",
    "starting",
    "to_bson",
    "transaction",
    "translated",
    "utc",
    "write_each",
]

Document: TypeAlias = dict[str, Any]
Client: TypeAlias = motor.AsyncIOMotorClient[Document]
Database: TypeAlias = motor.AsyncIOMotorDatabase[Document]
Collection: TypeAlias = motor.AsyncIOMotorCollection[Document]
Session: TypeAlias = motor.AsyncIOMotorClientSession
RawDocument: TypeAlias = RawBSONDocument
"""A document as its bytes, which the driver sends as they are."""
BSON_ERRORS = (BSONError, OverflowError, TypeError, ValueError)
"""Errors of encoding a value that BSON has no form for."""
Write: TypeAlias = DeleteOne | DeleteMany | UpdateOne

_SIZE_BYTES = 4
_MOST_BYTES = 17 << 20
"""More than a document has, with the server's additions to the 16 MiB of one."""
_OPTIONS: CodecOptions[Document] = CodecOptions(
    tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
"""How documents are read, from the server as from a file."""
OWN_STORE = "own"
"""Name of Habeas' own database in metrics, beside the names of ``HABEAS_STORES``."""
BATCH = 5_000
"""Documents that are read by one round trip, where all are wanted."""
ZSTD = {"storageEngine": {"wiredTiger": {"configString": "block_compressor=zstd"}}}
"""Options of a collection, and of its indexes: the server's own compress documents less, and no index."""
LAST_CHARACTER = "\U0010ffff"
CONFIRMED_WITHIN_MS = 3_000
"""How long the members of a replica set may take to confirm who is primary; a cut-off one gets no answer."""
DUPLICATE_KEY = 11000
DOCUMENT_TOO_LARGE = 10334
UNAUTHORIZED = 13
MEANINGS = {
    UNAUTHORIZED: ": the user lacks the permission",
    18: ": wrong user, password or authSource",
    8000: ": wrong user, password or authSource",  # Atlas
}
"""Meaning of server codes that operators meet first."""
CREDENTIALS_REFUSED = frozenset({18, 8000})
"""A password that was replaced lets no new connection in until the process is started again."""
RETRYABLE_CODES = frozenset(
    {6, 7, 50, 64, 89, 91, 112, 189, 262, 317, 9001, 10107, 11600, 11602, 13435, 13436}
)
"""Server codes after which the same call may succeed: shutdowns, elections, time-outs, write conflicts."""


class _CommandTimer(CommandListener):
    """Records the time of each command to one store."""

    def __init__(self, store: str) -> None:
        self._store = store

    def started(self, event: CommandStartedEvent) -> None:
        """Ignore it: the events of its end have the time."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Record it."""
        self._record(event, failed=False)

    def failed(self, event: CommandFailedEvent) -> None:
        """Record it."""
        self._record(event, failed=True)

    def _record(self, event: CommandSucceededEvent | CommandFailedEvent, *, failed: bool) -> None:
        seconds, command = event.duration_micros / 1e6, event.command_name
        metrics.store_time(self._store, command, seconds, failed=failed)
        traces.past_span(f"mongodb {command}", seconds, store=self._store)


def connect(url: str, *, app_name: str, timed_as: str = "") -> Client:
    """
    Return a client with writes acknowledged by a majority and journalled.

    Args:
        url: MongoDB connection string.
        app_name: Name the server shows for this connection.
        timed_as: Name of the store in metrics; empty: commands are not timed.

    Raises:
        ConfigurationError: The URL is none. The message does not repeat it: it may hold a password.
    """
    remedy = "in user and password, write @ as %40, / as %2F, : as %3A"
    if "@" in url.partition("://")[2].partition("/")[2].partition("?")[0]:
        raise ConfigurationError(f"not a MongoDB URL; {remedy}")  # the driver would name a part as a host
    try:
        return motor.AsyncIOMotorClient(
            url,
            appname=app_name,
            tz_aware=True,
            datetime_conversion=DatetimeConversion.DATETIME_AUTO,
            w="majority",
            journal=True,
            retryWrites=True,
            readConcernLevel="majority",
            serverSelectionTimeoutMS=5_000,
            event_listeners=[_CommandTimer(timed_as)] if timed_as else [],
        )
    except (PyMongoError, ValueError) as error:
        raise ConfigurationError(f"not a MongoDB URL ({type(error).__name__}); {remedy}") from None


@asynccontextmanager
async def transaction(client: Client, what: str) -> AsyncIterator[Session]:
    """
    Commit all writes of the session, or none; *what* names them in a message.

    Raises:
        StoreUnavailable: It may not be done: the server did not answer, or another writer was faster.
        PermanentError: The server refused it.
    """
    with translated(what):
        async with await client.start_session() as session, session.start_transaction():
            yield session


@asynccontextmanager
async def snapshot(client: Client, what: str) -> AsyncIterator[Session]:
    """
    Read everything in the session as it was at one moment, at most five minutes ago.

    Raises:
        StoreUnavailable: The server did not answer.
        PermanentError: The server no longer has that moment (``minSnapshotHistoryWindowInSeconds``).
    """
    with translated(what):
        async with await client.start_session(snapshot=True) as session:
            yield session


async def raw_batches(collection: Collection, session: Session) -> AsyncIterator[bytes]:
    """Yield all documents of *collection* in *session*, many at a time, as one BSON after the other."""
    async for batch in collection.find_raw_batches({}, session=session, batch_size=BATCH):
        yield batch


def at_primary(collection: Collection) -> Collection:
    """Return *collection*, read from the server that takes the writes."""
    return collection.with_options(read_preference=ReadPreference.PRIMARY)  # type: ignore[arg-type]


async def found_surely(collection: Collection, ids: Sequence[Any]) -> Mapping[Any, Document | None]:
    """
    Return each document of *collection* with one of *ids* as the members have it now; None if it is missing.

    A primary that was cut off from the other members, and does not know it yet, answers with old data. This
    read waits until they have confirmed a write after it, so it is for what other reads have missed. Each
    document is as sure as if it were read alone; together they are no snapshot.

    Raises:
        StoreUnavailable: The server did not answer, or the members did not confirm in time.
    """
    surely = collection.with_options(
        read_preference=ReadPreference.PRIMARY,  # type: ignore[arg-type]
        read_concern=ReadConcern("linearizable"),
    )
    with translated(f"look for documents of {collection.name} again"):
        found = surely.find({"_id": {"$in": list(ids)}}, max_time_ms=CONFIRMED_WITHIN_MS)
        documents = {document["_id"]: document async for document in found}
    return {id_: documents.get(id_) for id_ in ids}


async def ping(client: Client) -> None:
    """
    Ask the server for a sign of life.

    Raises:
        StoreUnavailable: It gave none.
    """
    with translated("ping"):
        await client.admin.command("ping")


@contextmanager
def translated(what: str) -> Iterator[None]:
    """
    Turn the driver's exceptions into ours; *what* names the call in the message.

    Raises:
        StoreUnavailable: The server did not answer, is changing its primary, ran out of time, or did not take
            the password.
        PermanentError: It refused the call. Neither message repeats the driver's text about a call, which may
            quote documents; its text about unreachable servers names hosts and causes alone.
    """
    try:
        yield
    except (BSONError, OverflowError) as error:
        raise PermanentError(
            f"{what}: a value does not fit into a document ({type(error).__name__})"
        ) from None
    except PyMongoError as error:
        code = getattr(error, "code", None)
        name = type(error).__name__
        if isinstance(error, ServerSelectionTimeoutError):
            raise StoreUnavailable(f"{what}: MongoDB did not answer: {_unavailability(error)}") from None
        if _may_pass(error):
            raise StoreUnavailable(f"{what}: MongoDB did not answer ({name})") from None
        if error.has_error_label("TransientTransactionError"):
            raise StoreUnavailable(f"{what}: MongoDB asks to try again ({name})") from None
        kind = CredentialsRefused if code in CREDENTIALS_REFUSED else PermanentError
        raise kind(f"{what}: MongoDB refused ({name}, code {code}{MEANINGS.get(code or 0, '')})") from None


def _unavailability(error: ServerSelectionTimeoutError) -> str:
    """Return why no server could be chosen, without the driver's account of all that it knows of each."""
    return str(error).partition(", Timeout: ")[0].partition(" (configured timeouts")[0]


def _may_pass(error: PyMongoError) -> bool:
    if isinstance(error, BulkWriteError):
        return _is_unconfirmed(error)
    code = getattr(error, "code", None)
    return isinstance(error, ConnectionFailure | ExecutionTimeout) or code in RETRYABLE_CODES


def secondary_first(collection: Collection) -> Collection:
    """Return *collection* read from secondaries first, so that reading does not slow writers."""
    # Motor declares the class that these modes are attributes of.
    return collection.with_options(read_preference=ReadPreference.SECONDARY_PREFERRED)  # type: ignore[arg-type]


async def in_order(collection: Collection, wanted: Document, by: str) -> AsyncIterator[Document]:
    """
    Yield the documents of *collection* that match *wanted*, ordered by the indexed field *by*, in batches.

    Raises:
        StoreUnavailable: The server did not answer.
    """
    with translated(f"read {collection.name}"):
        # Asking the driver for one document at a time takes longer than reading it.
        async for batch in collection.find_raw_batches(wanted, batch_size=BATCH).sort(by):
            for document in from_bson(batch):
                yield document


def starting(prefix: str) -> Document:
    """Return the condition on a text to begin with *prefix*, as a range of an index."""
    return {"$gte": prefix, "$lt": prefix + LAST_CHARACTER}


def size_of(document: Document) -> int:
    """Return how many bytes *document* has where it is stored."""
    return len(bson.encode(document))


def id_bytes(document_id: Any) -> bytes:
    """Return the ``_id`` of a document as bytes that no other ``_id`` has."""
    return bson.encode({"_id": document_id})


def to_bson(document: Document) -> bytes:
    """Return *document* as BSON."""
    return bson.encode(document, codec_options=_OPTIONS)


def from_bson_with_binary(document: bytes, name: str, value: bytes) -> RawDocument:
    """Return the BSON *document* with one more field at its end: the bytes *value* as *name*."""
    added = b"\x05" + name.encode() + b"\x00" + len(value).to_bytes(4, "little") + b"\x00" + value
    size = (len(document) + len(added)).to_bytes(4, "little")
    return RawBSONDocument(size + document[4:-1] + added + b"\x00")


def documents_in(file: Path) -> Iterator[Document]:
    """Yield the documents of a file that mongodump wrote; errors as of :func:`positions_in`."""
    return (document for _, document in positions_in(file))


def positions_in(file: Path) -> Iterator[tuple[int, Document]]:
    """
    Yield the documents of a file that mongodump wrote, each with its position, one at a time in memory.

    Raises:
        ConfigurationError: It is no such file.
    """
    with file.open("rb") as opened:
        position = 0
        while size := len(head := opened.read(_SIZE_BYTES)):
            try:
                document = _read_on(opened, head)
            except BSONError:
                raise ConfigurationError(f"{file}: is no BSON file, or damaged at byte {position}") from None
            yield position, document
            position += int.from_bytes(head, "little") if size == _SIZE_BYTES else size


def document_at(opened: BinaryIO, position: int) -> Document:
    """Return the document at *position* of a file, as :func:`positions_in` found it."""
    opened.seek(position)
    return _read_on(opened, opened.read(_SIZE_BYTES))


def _read_on(opened: BinaryIO, head: bytes) -> Document:
    """Return the document that begins with *head*; the driver raises where it is none, or cut off."""
    return bson.decode(_bytes_on(opened, head), codec_options=_OPTIONS)


def _bytes_on(opened: BinaryIO, head: bytes) -> bytes:
    size = int.from_bytes(head, "little", signed=True)
    return head + (opened.read(size - _SIZE_BYTES) if _SIZE_BYTES < size <= _MOST_BYTES else b"")


def raw_documents_in(file: Path) -> Iterator[RawDocument]:
    """Yield the documents of a file as :func:`positions_in` does, as their bytes."""
    with file.open("rb") as opened:
        while head := opened.read(_SIZE_BYTES):
            try:
                yield RawBSONDocument(_bytes_on(opened, head))
            except BSONError:
                raise ConfigurationError(f"{file}: is no BSON file, or damaged") from None


def from_bson(data: bytes) -> list[Document]:
    """Return the documents that lie one after the other in *data*, as the server would have sent them."""
    return bson.decode_all(data, codec_options=_OPTIONS)


def each_with_bson(data: bytes) -> Iterator[tuple[Document, bytes]]:
    """Yield the documents that lie one after the other in *data*, each with its own BSON."""
    start = 0
    for document in from_bson(data):
        end = start + int.from_bytes(data[start : start + 4], "little")
        yield document, data[start:end]
        start = end


async def raw_documents(collection: Collection) -> AsyncIterator[tuple[bytes, bytes]]:
    """
    Yield every document of *collection* as its ``_id`` (see :func:`id_bytes`) and its whole BSON.

    Raises:
        StoreUnavailable: The server did not answer.
    """
    options = CodecOptions(document_class=RawBSONDocument)
    with translated(f"read {collection.name}"):
        async for document in collection.with_options(codec_options=options).find({}):
            yield id_bytes(document["_id"]), bytes(document.raw)  # a view into a large answer


async def create_compressed(*collections: Collection) -> None:
    """
    Create each of *collections* that is not there, compressed by zstd with its indexes.

    A server of another storage engine refuses that; the first write creates the collection all the same.

    Raises:
        StoreUnavailable: The server did not answer.
    """
    for collection in collections:
        with translated(f"create {collection.name}"), suppress(OperationFailure):
            await collection.database.command("create", collection.name, **ZSTD, indexOptionDefaults=ZSTD)


async def insert_new(collection: Collection, documents: Sequence[Document | RawDocument]) -> frozenset[Any]:
    """
    Insert new documents in one round trip; return the ``_id``s that were there already.

    Raises:
        StoreUnavailable: The server did not answer; inserted documents count as "there already" next time.
    """
    if not documents:
        return frozenset()
    with translated(f"insert into {collection.name}"):
        try:
            await collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            return _there_already(error, documents)
    return frozenset()


def _there_already(error: BulkWriteError, documents: Sequence[Document | RawDocument]) -> frozenset[Any]:
    """Return the ids that were taken, if nothing else went wrong."""
    if _is_unconfirmed(error):
        raise StoreUnavailable("MongoDB did not confirm an insertion") from None
    others = [flaw["code"] for flaw in error.details["writeErrors"] if flaw["code"] != DUPLICATE_KEY]
    if others:
        raise PermanentError(f"MongoDB refused an insertion (code {others[0]})") from None
    return frozenset(documents[flaw["index"]]["_id"] for flaw in error.details["writeErrors"])


async def write_each(collection: Collection, operations: Sequence[Write]) -> dict[int, int]:
    """
    Carry out *operations*, in no order; refused ones do not hold up the others.

    Returns:
        The place of each refused operation → the server's code for it.

    Raises:
        StoreUnavailable: The server did not answer, or not for good; all may be repeated.
    """
    if not operations:
        return {}
    with translated(f"write to {collection.name}"):
        try:
            await collection.bulk_write(operations, ordered=False)
        except BulkWriteError as error:
            return _refused(error)
        except (BSONError, OverflowError) as error:
            if len(operations) == 1:
                return {0: DOCUMENT_TOO_LARGE if isinstance(error, DocumentTooLarge) else 0}
        except OperationFailure as error:
            if _may_pass(error):
                raise
            if len(operations) == 1 or error.code == UNAUTHORIZED:
                return dict.fromkeys(range(len(operations)), error.code or 0)
        else:
            return {}
    # One of them spoils the command for all; only a retry of each shows which.
    half = len(operations) // 2
    first = await write_each(collection, operations[:half])
    second = await write_each(collection, operations[half:])
    return first | {place + half: code for place, code in second.items()}


def _refused(error: BulkWriteError) -> dict[int, int]:
    if _is_unconfirmed(error):
        raise StoreUnavailable("MongoDB did not confirm a write") from None
    return {flaw["index"]: flaw["code"] for flaw in error.details["writeErrors"]}


def _is_unconfirmed(error: BulkWriteError) -> bool:
    """Return whether a bulk write may succeed if it is repeated; its own code does not say."""
    codes = {flaw["code"] for flaw in error.details["writeErrors"]}
    return bool(error.details["writeConcernErrors"]) or not RETRYABLE_CODES.isdisjoint(codes)
