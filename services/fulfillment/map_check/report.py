"""
The report about the data map, which the console shows: its graph, and what a check against the stores found.

It names collections, fields and places in the map's files; it holds no value of a record.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.fulfillment.datamap.diagram.picture import Box, picture_of
from services.fulfillment.datamap.diagram.svg import svg
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.yaml_loader import MapError
from services.fulfillment.map_check.comparison import MapCoverage, check, coverage
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.mongo import Database, Document, translated
from shared.runtime.service_reports import MAP_REPORT, reports_in
from shared.runtime.worker import work_forever

FIRST_CHECK_AFTER_S = 30.0
"""A check reads samples of all collections; requests that waited for the start come first."""
TRY_AGAIN_S = 60.0


@dataclass(frozen=True, slots=True)
class MapReporter:
    """Writes the report about the current data map."""

    database: Database
    data_map: DataMap
    stores: Stores
    every: timedelta
    """Between two checks; zero: no check."""

    async def prepare(self) -> None:
        """Write version, graph and categories of the map; what a check found in an older map is removed."""
        picture = picture_of(self.data_map)
        drawn = {
            "svg": svg(picture),
            "collections": [_row(box) for box in picture.boxes],
            "categories": sorted(self.data_map.categories),
        }
        version = self.data_map.version
        with translated("write the report about the data map"):
            old = {"_id": MAP_REPORT, "version": {"$ne": version}}
            await reports_in(self.database).delete_one(old)
            await reports_in(self.database).update_one(
                {"_id": MAP_REPORT}, {"$set": drawn | {"version": version}}, upsert=True
            )

    async def run(self) -> None:
        """Check the map again and again."""
        await asyncio.sleep(FIRST_CHECK_AFTER_S)
        if not self.every:
            await asyncio.Event().wait()
        await work_forever(
            self.check,
            service="fulfillment",
            delayed="check of the data map delayed",
            every_s=self.every.total_seconds(),
            retry_s=lambda _: TRY_AGAIN_S,
        )

    async def check(self) -> None:
        """Write what a check finds. Raises StoreUnavailable if a store or the database does not answer."""
        found = await check(self.data_map, self.stores)
        documents = await coverage(self.data_map, found, self.stores)
        checked = {"checked_at": datetime.now(UTC), **_result(found, documents)}
        with translated("write the report about the data map"):
            await reports_in(self.database).update_one(
                {"_id": MAP_REPORT, "version": self.data_map.version}, {"$set": checked}
            )


def _row(box: Box) -> Document:
    return {
        "key": box.key,
        "reach": box.reach.value,
        "wave": box.wave,
        "erasure": box.erasure.value,
        "kept": box.kept,
        "missed": len(box.missed),
    }


def _result(found: Sequence[MapError], documents: MapCoverage) -> Document:
    return {
        "findings": [
            {"severity": one.severity, "where": one.where, "what": one.what, "remedy": one.remedy}
            for one in found
        ],
        "searched": documents.searched,
        "skipped": documents.skipped,
        "unexamined": sorted(documents.unexamined),
    }
