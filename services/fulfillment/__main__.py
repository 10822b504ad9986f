"""Run fulfillment: ``python -m services.fulfillment``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.fulfillment.cases import Fulfilment, evolve
from services.fulfillment.context import Fulfillment, House, Maps, Records, Vault
from services.fulfillment.datamap.reading import DataMap, load
from services.fulfillment.engine import Engine
from services.fulfillment.handlers import SUBSCRIPTIONS
from services.fulfillment.search.stores import Stores
from services.fulfillment.settings import FulfillmentSettings
from services.fulfillment.store import Maps as StoredMaps
from shared.errors import ConfigurationError, InvalidDataMap
from shared.host import Plan, Platform, Running, main
from shared.journal import Journal
from shared.service import Moment, Service

NAME = "fulfillment"


def service(vault: Vault, records: Records, maps: Maps, house: House) -> Service[Fulfilment, Fulfillment]:
    """Return fulfillment, put together."""

    def context(moment: Moment[Fulfilment]) -> Fulfillment:
        return Fulfillment(
            moment.case,
            moment.state,
            moment.now,
            moment.occurred_at,
            vault,
            records,
            maps,
            house,
        )

    return Service(NAME, SUBSCRIPTIONS, Fulfilment(), evolve, context)


@asynccontextmanager
async def build(settings: FulfillmentSettings, platform: Platform) -> AsyncIterator[Running]:
    """Put fulfillment together."""
    database = platform.client[f"{settings.database_prefix}_{NAME}"]
    journal, maps = Journal(database), StoredMaps(database, _loaded(settings.datamap))
    await journal.prepare()
    await maps.prepare()
    stores = Stores.connect(settings.store_urls())
    try:
        yield Running(service(platform.vault, Engine(stores), maps, settings.house()), journal)
    finally:
        stores.close()


def _loaded(folder: Path) -> DataMap:
    try:
        return load(folder)
    except InvalidDataMap as error:
        raise ConfigurationError(f"HABEAS_DATAMAP: {error}") from None


PLAN = Plan(FulfillmentSettings, build)

if __name__ == "__main__":
    main([PLAN])
