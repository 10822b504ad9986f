"""Assembles the scope search of breaches; it runs beside fulfillment, with a queue of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.fulfillment.breach.handlers import SUBSCRIPTIONS, ScopeContext, evolve
from services.fulfillment.breach.obligations import PolicyEditions
from services.fulfillment.breach.scope_job import ScopeJob
from services.fulfillment.breach.scope_store import BREACH_PEOPLE_KEY, BreachScopes
from services.fulfillment.breach.search import AffectedSearch
from services.fulfillment.datamap.reader import load
from services.fulfillment.settings import FulfillmentSettings
from services.fulfillment.stores.mongodb import Stores
from shared.law.library import breach_policies
from shared.runtime.audit_keys import chain_key
from shared.runtime.bootstrap import Running, ServicePlan, ServiceRuntime
from shared.runtime.journal import Journal
from shared.runtime.key_rings import derived_key
from shared.runtime.republication import RecordedPublisher
from shared.runtime.service import Moment, Service

NAME = "scoping"


@asynccontextmanager
async def build(settings: FulfillmentSettings, platform: ServiceRuntime) -> AsyncIterator[Running]:
    """Assemble the service."""
    journal = Journal(
        platform.client[f"{settings.database_prefix}_{NAME}"], key=chain_key(settings.root_key, NAME)
    )
    await journal.prepare()
    database = platform.client[f"{settings.database_prefix}_fulfillment"]
    scopes = BreachScopes(platform.client, database, derived_key(settings.root_key, BREACH_PEOPLE_KEY))
    await scopes.prepare()
    data_map = load(settings.datamap)
    stores = Stores.connect(settings.store_urls())

    def context(_moment: Moment[None]) -> ScopeContext:
        return ScopeContext(platform.vault, AffectedSearch(data_map, stores), scopes)

    law = PolicyEditions(breach_policies().accepting(settings.laws_accepted), settings.company)
    within = settings.breach_query_time
    publish = RecordedPublisher(journal.database, platform.bus).publish
    work = ScopeJob(scopes, stores, platform.vault, lambda: data_map, law, publish, within)
    try:
        yield Running(Service(NAME, SUBSCRIPTIONS, None, evolve, context), journal, background=work.run())
    finally:
        stores.close()


SCOPING = ServicePlan(FulfillmentSettings, build)
"""The search for people affected by breaches; it takes long, and requests must not wait for it."""
