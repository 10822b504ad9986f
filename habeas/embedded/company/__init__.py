"""
Fernlicht, a fictional provider of edge, bare metal and transit, and its customers all over the world.

Three databases: ``portal`` (accounts, contacts, sessions, tickets, newsletter), ``billing`` (customers,
invoices, payments) and ``ops`` (servers, usage, and sites without people). The map to them is
``datamaps/example``; ``fill`` loads the records.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from random import Random
from typing import TypeAlias

from habeas.embedded.company import invoices, ops, portal
from habeas.embedded.company.people import ADA, BRUNO, DemoPerson, Dice
from habeas.embedded.company.population import organisations
from shared.runtime.mongo import Client, Document, RawDocument, connect, insert_new, translated

__all__ = ["ADA", "BRUNO", "INDEXES", "DemoPerson", "Progress", "fill", "generate", "holds_company"]

CHUNK = 1_000
"""Documents per round trip."""

IN_FLIGHT = 4
"""Chunks under way at a time: the next ones are made while the server writes."""

Stored: TypeAlias = Document | RawDocument
Record: TypeAlias = tuple[str, str, Document] | tuple[str, str, RawDocument]
"""Database, collection and document."""
Records: TypeAlias = Iterable[Record] | AsyncIterable[Record]

Progress = Callable[[str, int], None]
"""Called with ``database.collection`` and the number of documents just stored there."""


async def fill(
    mongo_url: str,
    records: Records,
    *,
    prefix: str = "",
    index: bool = True,
    progress: Progress = lambda _where, _stored: None,
) -> int:
    """
    Create the company's own indexes if *index* is set, then insert missing *records*; return their number.

    *records* have repeatable ids: a second call changes nothing. *prefix* begins the names of the databases;
    *progress* is called after every stored chunk. Raises StoreUnavailable if the server does not answer.
    """
    with closing(connect(mongo_url, app_name="habeas-company")) as client:
        with translated("create the indexes of the example company"):
            for database, collection, field in INDEXES if index else ():
                await client[prefix + database][collection].create_index(field)
        return await _insert(client, records, prefix, progress)


async def holds_company(mongo_url: str, prefix: str = "") -> bool:
    """Return whether records are in a database of the example company; the names begin with *prefix*."""
    look = translated("look for records of the example company")
    with closing(connect(mongo_url, app_name="habeas-company")) as client, look:
        for database, collection, _ in INDEXES:
            if await client[prefix + database][collection].find_one({}, {"_id": 1}):
                return True
    return False


async def _insert(client: Client, records: Records, prefix: str, progress: Progress) -> int:
    slots = asyncio.Semaphore(IN_FLIGHT)
    total = 0

    async def store(database: str, collection: str, documents: list[Stored]) -> None:
        try:
            await insert_new(client[prefix + database][collection], documents)
        finally:
            slots.release()
        progress(f"{prefix}{database}.{collection}", len(documents))

    try:
        async with asyncio.TaskGroup() as tasks:
            async for database, collection, documents in _chunks(records):
                await slots.acquire()
                total += len(documents)
                tasks.create_task(store(database, collection, documents))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return total


async def _chunks(records: Records) -> AsyncIterator[tuple[str, str, list[Stored]]]:
    """Yield *records* in lists of one collection each, none longer than :data:`CHUNK`."""
    waiting: defaultdict[tuple[str, str], list[Stored]] = defaultdict(list)
    async for database, collection, document in _each(records):
        documents = waiting[database, collection]
        documents.append(document)
        if len(documents) == CHUNK:
            yield database, collection, waiting.pop((database, collection))
    for (database, collection), documents in waiting.items():
        yield database, collection, documents


async def _each(records: Records) -> AsyncIterator[tuple[str, str, Stored]]:
    if isinstance(records, AsyncIterable):
        async for record in records:
            yield record
    else:
        for record in records:
            yield record


INDEXES = (
    ("portal", "accounts", "addresses.email"),
    ("portal", "accounts", "members.email"),
    ("portal", "contacts", "customer_id"),
    ("portal", "contacts", "email"),
    ("portal", "contacts", "phones"),
    ("portal", "newsletter", "customer_id"),
    ("portal", "newsletter", "email"),
    ("portal", "sessions", "contact_id"),
    ("portal", "tickets", "cc"),
    ("portal", "tickets", "messages.email"),
    ("portal", "tickets", "requester.email"),
    ("billing", "customers", "email"),
    ("billing", "invoices", "customer_id"),
    ("billing", "invoices", "issued_at"),
    ("billing", "payments", "customer_id"),
    ("billing", "payments", "invoice_id"),
    ("ops", "servers", "customer_id"),
    ("ops", "servers", "ssh_keys.email"),
    ("ops", "usage", "customer_id"),
)
"""Database, collection and name of every field that a request, or the end of a period, is looked up by."""


def generate(seed: int, customers: int = 4_000, *, today: date) -> Iterator[tuple[str, str, Document]]:
    """
    Yield (database, collection, document) of the company that *seed* chooses, always the same ones.

    It has *customers* people, two of them Ada and Bruno; nothing in it happened later than *today*.
    """
    now = datetime(today.year, today.month, today.day, tzinfo=UTC)
    dice = Dice(Random(seed), now)  # noqa: S311 - fictional data, no secrets
    for collection, document in ops.sites():
        yield ops.DATABASE, collection, document
    for organisation in organisations(dice, customers, seed=seed):
        for part in (portal, invoices, ops):
            for collection, document in part.documents(organisation, dice):
                yield part.DATABASE, collection, document
