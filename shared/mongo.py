"""
The only module that names the MongoDB driver.

Motor is in maintenance; its successor is ``pymongo.AsyncMongoClient``. Everything that would differ
(the client, its databases, GridFS, the driver's exceptions) is reached through here, so that the swap
is a change of this file alone (docs/adr/0003).
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import bson
import motor.motor_asyncio as motor
from bson import Binary, Decimal128, Int64, ObjectId, json_util
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from pymongo.errors import BulkWriteError, ConnectionFailure, ExecutionTimeout, PyMongoError
from pymongo.operations import DeleteMany, DeleteOne, InsertOne, UpdateMany, UpdateOne

from shared.errors import ConfigurationError, PermanentError, StoreUnavailable

__all__ = [
    "Binary",
    "Client",
    "Collection",
    "Database",
    "Decimal128",
    "DeleteMany",
    "DeleteOne",
    "Document",
    "InsertOne",
    "Int64",
    "ObjectId",
    "UpdateMany",
    "UpdateOne",
    "connect",
    "id_bytes",
    "insert_new",
    "json_util",
    "ping",
    "raw_documents",
    "translated",
]

Document: TypeAlias = dict[str, Any]
Client: TypeAlias = motor.AsyncIOMotorClient[Document]
Database: TypeAlias = motor.AsyncIOMotorDatabase[Document]
Collection: TypeAlias = motor.AsyncIOMotorCollection[Document]

DUPLICATE_KEY = 11000
RETRYABLE_CODES = frozenset(
    {6, 7, 50, 64, 89, 91, 112, 189, 262, 317, 9001, 10107, 11600, 11602, 13435, 13436}
)
"""Server codes after which the same call may succeed: shutdowns, elections, time-outs, write conflicts."""


def connect(url: str, *, app_name: str) -> Client:
    """
    Return a client whose writes are acknowledged by a majority and journalled.

    Args:
        url: MongoDB connection string.
        app_name: Name the server shows for this connection.

    Raises:
        ConfigurationError: The URL is none. The message does not repeat it: it may hold a password.
    """
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
        )
    except (PyMongoError, ValueError) as error:
        raise ConfigurationError(f"not a MongoDB URL ({type(error).__name__})") from None


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
        StoreUnavailable: The server did not answer, is changing its primary, or ran out of time.
        PermanentError: It refused the call. Neither message repeats the driver's: it may quote documents.
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
        if isinstance(error, ConnectionFailure | ExecutionTimeout) or code in RETRYABLE_CODES:
            raise StoreUnavailable(f"{what}: MongoDB did not answer ({name})") from None
        if error.has_error_label("TransientTransactionError"):
            raise StoreUnavailable(f"{what}: MongoDB asks to try again ({name})") from None
        raise PermanentError(f"{what}: MongoDB refused ({name}, code {code})") from None


def id_bytes(document_id: Any) -> bytes:
    """Return the ``_id`` of a document as bytes that no other ``_id`` has."""
    return bson.encode({"_id": document_id})


async def raw_documents(collection: Collection) -> AsyncIterator[tuple[bytes, bytes]]:
    """
    Yield every document of *collection* as its ``_id`` (see :func:`id_bytes`) and its whole BSON.

    Raises:
        StoreUnavailable: The server did not answer.
    """
    options = CodecOptions(document_class=RawBSONDocument)
    with translated(f"read {collection.name}"):
        async for document in collection.with_options(codec_options=options).find({}):
            yield id_bytes(document["_id"]), document.raw


async def insert_new(collection: Collection, documents: list[Document]) -> frozenset[Any]:
    """
    Insert what is not there yet, in one round trip; return the ``_id``s that were there already.

    Raises:
        StoreUnavailable: The server did not answer; what was inserted is found as "there already" next time.
    """
    if not documents:
        return frozenset()
    with translated(f"insert into {collection.name}"):
        try:
            await collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            return _there_already(error, documents)
    return frozenset()


def _there_already(error: BulkWriteError, documents: list[Document]) -> frozenset[Any]:
    """Return which ids were taken, if that is all that went wrong; a bulk error's own code tells nothing."""
    others = [flaw["code"] for flaw in error.details["writeErrors"] if flaw["code"] != DUPLICATE_KEY]
    if error.details["writeConcernErrors"] or any(code in RETRYABLE_CODES for code in others):
        raise StoreUnavailable("MongoDB did not confirm an insertion") from None
    if others:
        raise PermanentError(f"MongoDB refused an insertion (code {others[0]})") from None
    return frozenset(documents[flaw["index"]]["_id"] for flaw in error.details["writeErrors"])
