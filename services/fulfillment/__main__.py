"""Run fulfillment: ``python -m services.fulfillment``."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from services.fulfillment.backups.erasures import Erasures
from services.fulfillment.backups.fingerprints import PURPOSE, Fingerprints
from services.fulfillment.carrier import Carrier
from services.fulfillment.cases import Fulfilment, evolve
from services.fulfillment.certificates import Certificates
from services.fulfillment.context import Carrier as Carrying
from services.fulfillment.context import Copies as Counted
from services.fulfillment.context import Disagreements as Disputed
from services.fulfillment.context import Fulfillment, House, Maps, Records, Timers, Vault
from services.fulfillment.context import Listed as Listing
from services.fulfillment.context import Webhooks as Telling
from services.fulfillment.copies import Copies
from services.fulfillment.daily import Daily, Days
from services.fulfillment.datamap.reading import DataMap, load
from services.fulfillment.disagreements import PURPOSE as DISAGREEMENTS
from services.fulfillment.disagreements import Disagreements
from services.fulfillment.drop.wanted import PURPOSE as HASHES
from services.fulfillment.drop.wanted import Listed
from services.fulfillment.engine import Engine
from services.fulfillment.handlers import SUBSCRIPTIONS
from services.fulfillment.keeping import PURPOSE as KEPT
from services.fulfillment.keeping import Kept
from services.fulfillment.matching import Matching
from services.fulfillment.purging import Purging
from services.fulfillment.remembering import Erasures as Remembered
from services.fulfillment.remembering import Kept as Registered
from services.fulfillment.remembering import Suppressions as Stopped
from services.fulfillment.scoping.plan import SCOPING
from services.fulfillment.search.stores import Stores
from services.fulfillment.settings import FulfillmentSettings
from services.fulfillment.store import Maps as StoredMaps
from services.fulfillment.suppression import Suppressions
from services.fulfillment.webhooks import Webhooks
from services.fulfillment.window import window_ended
from shared.audit_keys import chain_key
from shared.errors import ConfigurationError, InvalidDataMap
from shared.host import Plan, Platform, Running, main
from shared.journal import Journal
from shared.keyring import derived_key
from shared.outward import Outward
from shared.service import Moment, Service
from shared.timers import Timers as MomentsKept
from shared.timers import tell_the_time

NAME = "fulfillment"


def service(  # noqa: PLR0913 - the parts of a service
    vault: Vault,
    records: Records,
    maps: Maps,
    house: House,
    suppressions: Stopped,
    *,
    disagreements: Disputed,
    erasures: Remembered,
    kept: Registered,
    copies: Counted,
    carrier: Carrying,
    webhooks: Telling,
    listed: Listing,
    timers: Timers,
) -> Service[Fulfilment, Fulfillment]:
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
            suppressions,
            disagreements,
            erasures,
            kept,
            copies,
            carrier,
            webhooks,
            listed,
            timers,
        )

    return Service(NAME, SUBSCRIPTIONS, Fulfilment(), evolve, context)


@asynccontextmanager
async def build(settings: FulfillmentSettings, platform: Platform) -> AsyncIterator[Running]:
    """Put fulfillment together."""
    database = platform.client[f"{settings.database_prefix}_{NAME}"]
    journal = Journal(database, key=chain_key(settings.root_key, NAME))
    maps = StoredMaps(database, _loaded(settings.datamap))
    await journal.prepare()
    await maps.prepare()
    suppressions = Suppressions(database, derived_key(settings.root_key, "suppressions"))
    disagreements = Disagreements(database, derived_key(settings.root_key, DISAGREEMENTS))
    await disagreements.prepare()
    fingerprints = Fingerprints(derived_key(settings.root_key, PURPOSE))
    erasures = Erasures(database, fingerprints, settings.backup_retention)
    await erasures.prepare()
    kept = Kept(database, derived_key(settings.root_key, KEPT))
    await kept.prepare()
    copies = Copies(database, derived_key(settings.root_key, "copies"))
    await copies.prepare()
    listed = Listed(database, derived_key(settings.root_key, HASHES))
    await listed.prepare()
    timers = MomentsKept(database)
    await timers.prepare()
    stores = Stores.connect(settings.store_urls())
    try:
        engine, house = Engine(stores, settings.residual_scan), settings.house()
        put_together = service(
            platform.vault,
            engine,
            maps,
            house,
            suppressions,
            disagreements=disagreements,
            erasures=erasures,
            kept=kept,
            copies=copies,
            carrier=Carrier(house.signer, Outward(settings.transfer_allow)),
            webhooks=Webhooks(Outward(), Outward(settings.inner_recipients())),
            listed=listed,
            timers=timers,
        )
        days = Days(database)
        await days.prepare()
        purging = Purging(
            kept,
            erasures,
            suppressions,
            Certificates(database),
            maps,
            engine,
            house.controller,
            house.signer,
            house.zone,
        )
        daily = Daily(days, purging, platform.bus.publish)
        matching = Matching(listed, stores, platform.vault, lambda: maps.current, platform.bus.publish)
        clock = tell_the_time(timers, platform.bus, NAME, event=window_ended)
        yield Running(put_together, journal, background=_together(daily.run(), matching.run(), clock))
    finally:
        stores.close()


async def _together(*works: Coroutine[Any, Any, None]) -> None:
    """Do all of *works*; when one fails, so do the others."""
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work)


def _loaded(folder: Path) -> DataMap:
    try:
        return load(folder)
    except InvalidDataMap as error:
        raise ConfigurationError(f"HABEAS_DATAMAP: {error}") from None


PLANS = (Plan(FulfillmentSettings, build), SCOPING)

if __name__ == "__main__":
    main(PLANS)
