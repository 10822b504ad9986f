"""Every record of the company, from a seed; and the indexes on its identities."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from random import Random

from habeas.embedded.company import invoices, ops, portal
from habeas.embedded.company.people import Dice
from habeas.embedded.company.population import organisations
from shared.runtime.mongo import Document

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
    ("billing", "payments", "customer_id"),
    ("billing", "payments", "invoice_id"),
    ("ops", "servers", "customer_id"),
    ("ops", "servers", "ssh_keys.email"),
    ("ops", "usage", "customer_id"),
)
"""Database, collection and name of every field that a request is looked up by."""


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
