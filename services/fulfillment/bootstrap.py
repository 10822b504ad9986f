"""Builds fulfillment: its data map, stores and daily jobs. Optional parts are imported here alone."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from services.fulfillment.breach.bootstrap import SCOPING
from services.fulfillment.certificate.store import Certificates
from services.fulfillment.changes.disagreements import PURPOSE as DISAGREEMENTS
from services.fulfillment.changes.disagreements import Disagreements
from services.fulfillment.changes.stop_list import StopList
from services.fulfillment.context import (
    CarrierPort,
    CopyCounterPort,
    DataMapPort,
    DisagreementPort,
    FulfillmentContext,
    FulfillmentProfile,
    HashListPort,
    PersonRecords,
    RecipientWebhookPort,
)
from services.fulfillment.datamap.reader import DataMap, load
from services.fulfillment.datamap.versions import DataMapVersions
from services.fulfillment.drop.hash_lists import PURPOSE as HASHES
from services.fulfillment.drop.hash_lists import HashLists
from services.fulfillment.drop.lookup import HashLookupJob
from services.fulfillment.erasure.deferred import DailyJob, Purging
from services.fulfillment.erasure.journal.fingerprints import PURPOSE, Fingerprints
from services.fulfillment.erasure.journal.recorder import (
    ErasureJournalPort,
    RetainedRecordsPort,
    StopListPort,
)
from services.fulfillment.erasure.window import window_ended
from services.fulfillment.handlers import SUBSCRIPTIONS
from services.fulfillment.package.copies import CopyCounter
from services.fulfillment.recipients.carrier import Carrier, RecipientWebhooks
from services.fulfillment.search.engine import RecordEngine
from services.fulfillment.settings import FulfillmentSettings
from services.fulfillment.state import FulfillmentCase, evolve
from services.fulfillment.stores.erasure_journal import ErasureJournal
from services.fulfillment.stores.mongodb import Stores
from services.fulfillment.stores.retained_records import PURPOSE as KEPT
from services.fulfillment.stores.retained_records import DailyJobStates, RetainedRecords
from shared.contract.ports import TimersPort, VaultPort
from shared.errors import ConfigurationError, InvalidDataMap
from shared.runtime.audit_keys import chain_key
from shared.runtime.bootstrap import Running, ServicePlan, ServiceRuntime
from shared.runtime.journal import Journal
from shared.runtime.key_rings import derived_key
from shared.runtime.safe_http import SafeHttp
from shared.runtime.scheduler import Timers, publish_due_timers
from shared.runtime.service import Moment, Service

NAME = "fulfillment"


def service(  # noqa: PLR0913 - the parts of a service
    vault: VaultPort,
    records: PersonRecords,
    maps: DataMapPort,
    house: FulfillmentProfile,
    suppressions: StopListPort,
    *,
    disagreements: DisagreementPort,
    erasures: ErasureJournalPort,
    kept: RetainedRecordsPort,
    copies: CopyCounterPort,
    carrier: CarrierPort,
    webhooks: RecipientWebhookPort,
    listed: HashListPort,
    timers: TimersPort,
) -> Service[FulfillmentCase, FulfillmentContext]:
    """Return the assembled service."""

    def context(moment: Moment[FulfillmentCase]) -> FulfillmentContext:
        return FulfillmentContext(
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

    return Service(NAME, SUBSCRIPTIONS, FulfillmentCase(), evolve, context)


@asynccontextmanager
async def build(settings: FulfillmentSettings, platform: ServiceRuntime) -> AsyncIterator[Running]:
    """Assemble fulfillment."""
    database = platform.client[f"{settings.database_prefix}_{NAME}"]
    journal = Journal(database, key=chain_key(settings.root_key, NAME))
    maps = DataMapVersions(database, _loaded(settings.datamap))
    await journal.prepare()
    await maps.prepare()
    suppressions = StopList(database, derived_key(settings.root_key, "suppressions"))
    disagreements = Disagreements(database, derived_key(settings.root_key, DISAGREEMENTS))
    await disagreements.prepare()
    fingerprints = Fingerprints(derived_key(settings.root_key, PURPOSE))
    erasures = ErasureJournal(database, fingerprints, settings.backup_retention)
    await erasures.prepare()
    kept = RetainedRecords(database, derived_key(settings.root_key, KEPT))
    await kept.prepare()
    copies = CopyCounter(database, derived_key(settings.root_key, "copies"))
    await copies.prepare()
    listed = HashLists(database, derived_key(settings.root_key, HASHES))
    await listed.prepare()
    timers = Timers(database)
    await timers.prepare()
    stores = Stores.connect(settings.store_urls())
    try:
        engine, house = RecordEngine(stores, settings.residual_scan), settings.house()
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
            carrier=Carrier(house.signer, SafeHttp(settings.transfer_allow)),
            webhooks=RecipientWebhooks(SafeHttp(), SafeHttp(settings.inner_recipients())),
            listed=listed,
            timers=timers,
        )
        days = DailyJobStates(database)
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
        daily = DailyJob(days, purging, platform.bus.publish)
        matching = HashLookupJob(listed, stores, platform.vault, lambda: maps.current, platform.bus.publish)
        timer_task = publish_due_timers(timers, platform.bus, NAME, event=window_ended)
        yield Running(put_together, journal, background=_together(daily.run(), matching.run(), timer_task))
    finally:
        stores.close()


async def _together(*works: Coroutine[Any, Any, None]) -> None:
    """Run all of *works* together; when one fails, so do the others."""
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work)


def _loaded(folder: Path) -> DataMap:
    try:
        return load(folder)
    except InvalidDataMap as error:
        raise ConfigurationError(f"HABEAS_DATAMAP: {error}") from None


PLANS = (ServicePlan(FulfillmentSettings, build), SCOPING)
