"""How scoping is put together; it runs beside fulfillment, with a queue of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.fulfillment.datamap.reading import load
from services.fulfillment.scoping.finding import Finding
from services.fulfillment.scoping.handlers import SUBSCRIPTIONS, Context, evolve
from services.fulfillment.scoping.judging import Editions
from services.fulfillment.scoping.scopes import PURPOSE, Scopes
from services.fulfillment.scoping.working import Scoping
from services.fulfillment.search.stores import Stores
from services.fulfillment.settings import FulfillmentSettings
from shared.audit_keys import chain_key
from shared.host import Plan, Platform, Running
from shared.journal import Journal
from shared.keyring import derived_key
from shared.policies import breach_policies
from shared.service import Moment, Service

NAME = "scoping"


@asynccontextmanager
async def build(settings: FulfillmentSettings, platform: Platform) -> AsyncIterator[Running]:
    """Put it together."""
    journal = Journal(
        platform.client[f"{settings.database_prefix}_{NAME}"], key=chain_key(settings.root_key, NAME)
    )
    await journal.prepare()
    database = platform.client[f"{settings.database_prefix}_fulfillment"]
    scopes = Scopes(platform.client, database, derived_key(settings.root_key, PURPOSE))
    await scopes.prepare()
    data_map = load(settings.datamap)
    stores = Stores.connect(settings.store_urls())

    def context(_moment: Moment[None]) -> Context:
        return Context(platform.vault, Finding(data_map, stores), scopes)

    law = Editions(breach_policies(), settings.company)
    within = settings.breach_query_time
    work = Scoping(scopes, stores, platform.vault, lambda: data_map, law, platform.bus.publish, within)
    try:
        yield Running(Service(NAME, SUBSCRIPTIONS, None, evolve, context), journal, background=work.run())
    finally:
        stores.close()


SCOPING = Plan(FulfillmentSettings, build)
"""Finds out whom breaches concern; that takes long, and requests must not wait for it."""
