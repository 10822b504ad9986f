"""Builds fulfillment: its data map, stores and daily jobs. Optional parts are imported here alone."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from services.fulfillment.breach.bootstrap import SCOPING
from services.fulfillment.certificate.issue import Certificates
from services.fulfillment.changes.suppressions import DISAGREEMENTS_KEY, Disagreements, SuppressionList
from services.fulfillment.context import FulfillmentContext
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import load
from services.fulfillment.datamap.versions import DataMapVersions
from services.fulfillment.drop.hash_lists import HASH_LISTS_KEY, HashLists
from services.fulfillment.drop.lookup import HashLookupJob
from services.fulfillment.erasure.deferred import DailyJob, Purging
from services.fulfillment.erasure.expiry import ExpiryJob
from services.fulfillment.erasure.journal.entries import FINGERPRINTS_KEY, Fingerprints
from services.fulfillment.erasure.window import window_ended
from services.fulfillment.handlers import SUBSCRIPTIONS
from services.fulfillment.holds.register import LegalHolds
from services.fulfillment.map_check.report import MapReporter
from services.fulfillment.package.copies import CopyCounter
from services.fulfillment.package.past_requests import PastRequests
from services.fulfillment.recipients.carrier import Carrier, RecipientWebhooks
from services.fulfillment.recipients.receivers import ProvenReceivers
from services.fulfillment.search.engine import RecordEngine
from services.fulfillment.settings import FulfillmentSettings
from services.fulfillment.state import FulfillmentCase, evolve
from services.fulfillment.stores.existence import MapReadiness, SeenCollections
from services.fulfillment.stores.mongodb import Stores
from services.fulfillment.stores.registers import (
    RETAINED_RECORDS_KEY,
    DailyJobStates,
    ErasureJournal,
    PurgeOrders,
    RetainedRecords,
)
from shared.errors import ConfigurationError, InvalidDataMap
from shared.runtime.audit_keys import chain_key
from shared.runtime.bootstrap import Running, ServicePlan, ServiceRuntime
from shared.runtime.journal import Journal
from shared.runtime.key_rings import derived_key
from shared.runtime.mongo import Database
from shared.runtime.republication import RecordedPublisher
from shared.runtime.safe_http import SafeHttp
from shared.runtime.scheduler import Timers, publish_due_timers
from shared.runtime.service import Moment, Service
from shared.runtime.service_reports import MAP_REPORT

NAME = "fulfillment"


@dataclass(frozen=True, slots=True)
class FulfillmentRegisters:
    """The collections of fulfillment's own database."""

    journal: Journal
    maps: DataMapVersions
    disagreements: Disagreements
    erasures: ErasureJournal
    kept: RetainedRecords
    copies: CopyCounter
    past: PastRequests
    listed: HashLists
    timers: Timers
    days: DailyJobStates
    purges: PurgeOrders
    certificates: Certificates
    holds: LegalHolds

    @classmethod
    async def prepared(cls, database: Database, settings: FulfillmentSettings) -> Self:
        """Return all of them with their indexes."""
        root = settings.root_key
        journal = Journal(database, key=chain_key(root, NAME))
        fingerprints = Fingerprints(derived_key(root, FINGERPRINTS_KEY))
        made = cls(
            journal,
            DataMapVersions(database, _loaded(settings.datamap)),
            Disagreements(database, derived_key(root, DISAGREEMENTS_KEY)),
            ErasureJournal(database, fingerprints, settings.backup_retention),
            RetainedRecords(database, derived_key(root, RETAINED_RECORDS_KEY)),
            CopyCounter(database, derived_key(root, "copies")),
            PastRequests(database, journal, derived_key(root, "copies")),
            HashLists(database, derived_key(root, HASH_LISTS_KEY)),
            Timers(database),
            DailyJobStates(database),
            PurgeOrders(database),
            Certificates(database),
            LegalHolds(database, derived_key(root, RETAINED_RECORDS_KEY)),
        )
        for one in fields(made):
            await getattr(made, one.name).prepare()
        return made


@asynccontextmanager
async def build(settings: FulfillmentSettings, platform: ServiceRuntime) -> AsyncIterator[Running]:
    """Assemble fulfillment."""
    database, root = platform.client[f"{settings.database_prefix}_{NAME}"], settings.root_key
    own = await FulfillmentRegisters.prepared(database, settings)
    suppressions = SuppressionList(database, derived_key(root, "suppressions"))
    stores, house = Stores.connect(settings.store_urls()), settings.house()
    seen = SeenCollections(database)
    engine = RecordEngine(stores, settings.residual_scan, house.zone, seen, settings.memory())
    carrier = Carrier(house.signer, SafeHttp(settings.transfer_allow))
    proven = ProvenReceivers(database)
    inner = settings.inner_recipients()
    webhooks = RecipientWebhooks(SafeHttp(), SafeHttp(inner, plain=inner))

    def context(moment: Moment[FulfillmentCase]) -> FulfillmentContext:
        return FulfillmentContext(
            moment.case, moment.state, moment.now, moment.occurred_at,
            vault=platform.vault, records=engine.for_handler(), maps=own.maps, house=house,
            suppressions=suppressions, disagreements=own.disagreements, erasures=own.erasures,
            kept=own.kept, copies=own.copies, past=own.past, carrier=carrier, webhooks=webhooks,
            receivers=proven, listed=own.listed, purges=own.purges, timers=own.timers, holds=own.holds,
        )  # fmt: skip

    readiness = MapReadiness(own.maps.current, stores, seen)
    reporter = MapReporter(database, own.maps.current, stores, settings.map_check_every)
    try:
        await reporter.prepare()
        publish, correlations = RecordedPublisher(database, platform.bus).publish, own.journal.correlations
        purging = Purging(
            own.kept, own.erasures, suppressions, own.certificates, own.maps, engine, house.controller,
            house.signer, house.zone, holds=own.holds,
        )  # fmt: skip
        lookup = HashLookupJob(
            own.listed, stores, platform.vault, lambda: own.maps.current, publish, register=seen
        )
        works = _together(
            DailyJob(own.days, purging, publish, correlations).run(),
            ExpiryJob(own.purges, purging).run(),
            lookup.run(),
            reporter.run(),
            readiness.run(),
            publish_due_timers(own.timers, platform.bus, NAME, event=window_ended, correlations=correlations),
        )
        service = Service(
            NAME, SUBSCRIPTIONS, FulfillmentCase(), evolve, context, leave=lambda ctx: ctx.records.release()
        )
        outside = {f"store {name}": check for name, check in stores.checks.items()}
        ready = {MAP_REPORT: readiness.check}
        yield Running(service, own.journal, background=works, ready=ready, outside=outside)
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
