"""
Documents of the operator, to fill an embedded database with: exports in files, or a live MongoDB.

Files are those of mongoexport (JSON lines, an array, or indented; extended JSON) and of mongodump (BSON):
one file of a collection, a folder of them, or a folder for each database.
"""

import gzip
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import Any, TextIO

from habeas.client.stores import SYSTEM, absence, database_in, existing, is_url, server
from shared.errors import ConfigurationError, HabeasError
from shared.runtime.mongo import (
    Client,
    Document,
    ObjectId,
    RawDocument,
    connect,
    documents_in,
    json_util,
    raw_documents,
    translated,
)

ENDINGS = (".json", ".jsonl", ".ndjson")
COMPRESSED = ".gz"
BSON = ".bson"
OF_MONGODUMP = ".metadata.json"
"""Ending of the indexes that mongodump writes beside the documents."""
NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]+")
LONGEST_NAME = 38
"""Of a database, as MongoDB Atlas allows."""
FORMATS = "exports end in .json, .jsonl, .ndjson (also .gz) or .bson"


def exported(source: Path, database: str | None = None) -> Iterator[tuple[str, str, Document]]:
    """
    Yield (database, collection, document) of the exports in *source*, a file or a folder.

    *database* is that of files outside a folder of a database; the name of their folder if None.
    Raises ConfigurationError if there is none, or one cannot be read; it names the file and the line.
    """
    for path in _files(source):
        nested = source.is_dir() and path.parent != source
        name = _database(path) if nested else database or _database(path)
        collection = _collection(path)
        for number, document in enumerate(_documents(path)):
            yield name, collection, _with_id(document, f"{name}.{collection}:{number}")


def _files(source: Path) -> list[Path]:
    if not source.exists():
        raise ConfigurationError(f"--data: {source}: there is no such file or folder")
    found = sorted([*source.glob("*"), *source.glob("[!.]*/*")]) if source.is_dir() else [source]
    exports = [path for path in found if path.is_file() and _is_export(path)]
    if not exports:
        csv = "; CSV has no types: export as JSON" if any(path.suffix == ".csv" for path in found) else ""
        raise ConfigurationError(f"--data: {source}: no export is here; {FORMATS}{csv}")
    return exports


def _is_export(path: Path) -> bool:
    name = path.name.removesuffix(COMPRESSED)
    return name.endswith((*ENDINGS, BSON)) and not name.startswith(".") and not name.endswith(OF_MONGODUMP)


def _collection(path: Path) -> str:
    return path.name.removesuffix(COMPRESSED).rpartition(".")[0]


def _database(path: Path) -> str:
    """Return the name of the folder of *path*, as a database may be called."""
    name = NOT_IN_A_NAME.sub("_", path.resolve().parent.name)[:LONGEST_NAME].strip("_")
    return f"{name}_" if name.casefold() in SYSTEM else name or "data"


def _documents(path: Path) -> Iterator[Document]:
    if path.suffix == BSON:
        yield from documents_in(path)
        return
    opened = gzip.open if path.suffix == COMPRESSED else open
    try:
        with opened(path, "rt", encoding="utf-8-sig") as text:
            for number, content in _texts(text):
                yield from _parsed(content, f"{path}:{number}")
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError):
        raise ConfigurationError(f"{path}: is no UTF-8 text, or damaged") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from None


def _texts(lines: TextIO) -> Iterator[tuple[int, str]]:
    """Yield texts with one document, or an array of them, each with the number of its first line."""
    first, indented = 0, list[str]()
    for number, line in enumerate(lines, 1):
        if not indented and line.lstrip().startswith("["):
            yield number, line + lines.read()
            return
        if not indented and not line.strip():
            continue
        first = first if indented else number
        indented.append(line)
        if indented[0].strip() != "{" or line.rstrip() == "}":
            yield first, "".join(indented)
            indented = []
    if indented:
        yield first, "".join(indented)


def _parsed(text: str, place: str) -> Iterator[Document]:
    try:
        found: Any = json_util.loads(text, json_options=json_util.CANONICAL_JSON_OPTIONS)
    except (ValueError, TypeError, KeyError):
        found = None
    documents = found if isinstance(found, list) else [found]
    for document in documents:
        if not isinstance(document, dict):
            raise ConfigurationError(f"{place}: no document in extended JSON, as mongoexport writes it")
        yield document


def _with_id(document: Document, place: str) -> Document:
    """Return *document* with an ``_id``, always the same one, so that a second load changes nothing."""
    if "_id" in document:
        return document
    return {"_id": ObjectId(blake2b(place.encode(), digest_size=12).digest()), **document}


async def require_readable(data: str) -> None:
    """Check that *data*, a path or a URL, has documents. Raises ConfigurationError with place and remedy."""
    if not is_url(data):
        _files(Path(data))
        return
    try:
        with closing(connect(data, app_name="habeas-copy")) as client:
            await _databases(client, data)
    except HabeasError as error:
        raise ConfigurationError(f"--data: {server(data)}: {error}") from None


async def live(url: str) -> AsyncIterator[tuple[str, str, RawDocument]]:
    """
    Yield (database, collection, document) of the MongoDB at *url*: of the database in its path, or of all.

    It is only read. Raises ConfigurationError if there is no database with data.
    """
    with closing(connect(url, app_name="habeas-copy")) as client:
        for database in await _databases(client, url):
            async for collection in _collections(client, database):
                async for _, raw in raw_documents(client[database][collection]):
                    yield database, collection, RawDocument(raw)


async def _databases(client: Client, url: str) -> list[str]:
    named = database_in(url)
    there = await existing(client)
    databases = [name for name in there if named in {None, name}]
    if not databases:
        raise ConfigurationError(absence(named, there) if named else absence("with data", there))
    return databases


async def _collections(client: Client, database: str) -> AsyncIterator[str]:
    """Yield the names of the collections of *database*, without views and those of the server."""
    with translated(f"list the collections of {database}"):
        for name in await client[database].list_collection_names(filter={"type": {"$ne": "view"}}):
            if not name.startswith("system."):
                yield name
