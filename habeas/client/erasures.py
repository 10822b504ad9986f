"""The erasure journal and the suppression list for operators."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from typing import Any

from rich.table import Table

from services.fulfillment.certificate.issue import Certificates
from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.changes.suppressions import SuppressionList, SuppressionPurpose
from services.fulfillment.datamap.graph import EMAIL, graph_of
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.versions import DataMapVersions
from services.fulfillment.drop.fields import LISTED_IDENTITIES
from services.fulfillment.drop.hash_lists import HASH_LISTS_KEY, HashLists
from services.fulfillment.erasure.completion import Registers
from services.fulfillment.erasure.deferred import Purging
from services.fulfillment.erasure.journal.entries import FINGERPRINTS_KEY, Fingerprints
from services.fulfillment.erasure.journal.replay import Replay, ReplayReport, ReplayScope
from services.fulfillment.erasure.journal.returned import ScanProgress
from services.fulfillment.erasure.steps import RecordPlan
from services.fulfillment.holds.register import LegalHolds
from services.fulfillment.search.engine import RecordEngine
from services.fulfillment.stores.mongodb import Stores
from services.fulfillment.stores.registers import (
    EARLIEST,
    RETAINED_RECORDS_KEY,
    USUAL_RETENTION,
    ErasureJournal,
    PurgeOrders,
    RetainedRecords,
)
from shared.errors import ConfigurationError
from shared.law.library import policies
from shared.law.policies import MinorOptIn, Policy
from shared.runtime.key_rings import RootKey, derived_key
from shared.runtime.mongo import Database, connect
from shared.runtime.settings import duration

LINES_PER_LOOK = 1_000
DROPPED = frozenset({SuppressionPurpose.ERASED, SuppressionPurpose.SALE})
"""Purposes stopped for people on California's DROP lists (Cal. Civ. Code § 1798.99.86(d))."""
COUNTS = ("deleted", "masked", "pulled", "unnamed", "kept", "newer", "unsure", "failed")


@dataclass(frozen=True, slots=True)
class ErasureRecords:
    """The erasure journal and the suppression list of one installation; they outlive every case."""

    erasures: ErasureJournal
    suppressions: SuppressionList
    fingerprints: Fingerprints
    kept: RetainedRecords
    certificates: Certificates
    listed: HashLists
    holds: LegalHolds
    database: Database
    """Of fulfillment, with the data maps of retained records."""

    def of(self, erasure: str, data_map: DataMap) -> "ErasureRecorder":
        """Return the registers for an operator's erasure with the number *erasure*."""
        registers = Registers(
            self.kept, self.erasures, self.suppressions, erasure, datetime.now(UTC), asked=False
        )
        return ErasureRecorder(registers, DataMapVersions(self.database, data_map))

    def purging(
        self,
        current: DataMap,
        stores: Stores,
        controller: str,
        signer: CertificateSigner,
        zone: tzinfo = UTC,
    ) -> Purging:
        """Return the purge of records at the end of their retention; *zone* is the company's."""
        return Purging(
            self.kept,
            self.erasures,
            self.suppressions,
            self.certificates,
            DataMapVersions(self.database, current),
            RecordEngine(stores, zone=zone),
            controller,
            signer,
            zone,
            holds=self.holds,
        )


@dataclass(frozen=True, slots=True)
class ErasureRecorder:
    """The registers, and the data map for retained records."""

    registers: Registers
    maps: DataMapVersions

    async def remember(self, decided: RecordPlan, data_map: DataMap) -> None:
        """Record an erasure by *decided*; may be repeated if StoreUnavailable is raised."""
        await self.maps.prepare()
        await self.registers.remember(decided, data_map)


def kept_for(text: str | None) -> timedelta:
    """Read ``HABEAS_BACKUP_RETENTION``, if set. Raises ConfigurationError if it is no period."""
    return USUAL_RETENTION if text is None else duration("HABEAS_BACKUP_RETENTION", text)


@asynccontextmanager
async def memory(
    mongo_url: str, prefix: str, master_key: RootKey, keep: timedelta = USUAL_RETENTION
) -> AsyncIterator[ErasureRecords]:
    """Open the erasure records of the installation at *mongo_url*; new entries are kept for *keep*."""
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        database, fingerprints = (
            client[f"{prefix}_fulfillment"],
            Fingerprints(derived_key(master_key, FINGERPRINTS_KEY)),
        )
        erasures = ErasureJournal(database, fingerprints, keep)
        await erasures.prepare()
        suppressions = SuppressionList(database, derived_key(master_key, "suppressions"))
        kept = RetainedRecords(database, derived_key(master_key, RETAINED_RECORDS_KEY))
        await kept.prepare()
        listed = HashLists(database, derived_key(master_key, HASH_LISTS_KEY))
        certificates = Certificates(database)
        holds = LegalHolds(database, derived_key(master_key, RETAINED_RECORDS_KEY))
        yield ErasureRecords(
            erasures, suppressions, fingerprints, kept, certificates, listed, holds, database
        )


async def replay(  # noqa: PLR0913 - the parts of a replay
    remembered: ErasureRecords,
    data_map: DataMap,
    urls: Mapping[str, str],
    scope: ReplayScope,
    progress: ScanProgress,
    *,
    zone: tzinfo,
) -> ReplayReport:
    """
    Erase records again that a backup has brought back.

    Raises ConfigurationError if a store has no URL, or *scope* names one that :func:`check_store` refuses.
    """
    check_store(scope.store, data_map, urls)
    with closing(Stores.connect(urls)) as stores:
        today = datetime.now(zone).date()
        again = Replay(
            remembered.erasures, remembered.fingerprints, data_map, stores, today, zone, remembered.holds
        )
        return await again.run(scope, progress)


async def listed(remembered: ErasureRecords, since: datetime = EARLIEST) -> list[dict[str, Any]]:
    """Return the erasures of the journal as plain values, the latest first."""
    found: dict[str, dict[str, Any]] = {}
    async for entry in remembered.erasures.since(since):
        new = {"erasure": entry.erasure, "at": entry.at.isoformat(), "collections": Counter[str]()}
        found.setdefault(entry.erasure, new)["collections"][entry.treatment.key] += entry.records
    return list(found.values())


async def purges(remembered: ErasureRecords, number: str | None) -> list[dict[str, Any]]:
    """Return proposed and approved purges as plain values, the latest first; or only *number*."""
    return [
        {
            "purge": order.id,
            "collection": order.key,
            "day": order.day.isoformat(),
            "records": order.records,
            "version": order.version,
            "status": "proposed" if order.proposed else "done" if order.done else "under way",
            "certificates": await remembered.certificates.numbers_of(order.id),
        }
        async for order in PurgeOrders(remembered.database).listed(number)
    ]


def table_of_report(report: ReplayReport) -> Table:
    """Return the result of a replay as a table."""
    table = Table("collection", *COUNTS)
    for key, counts in report.plain()["collections"].items():
        table.add_row(key, *(str(counts[name] or "") for name in COUNTS))
    return table


def remarks(report: ReplayReport) -> Iterator[str]:
    """Yield the remarks on an incomplete replay."""
    if report.stopped:
        yield f"stopped: {report.stopped}; start it again when the store is back"
    for key in sorted(report.unmapped):
        yield f"{key}: the data map does not name it any more"
    for key, tally in report.collections.items():
        if tally.unsure:
            yield f"{key}: {tally.unsure} left, since nothing shows that they are older than the erasure"
        if tally.failed:
            yield f"{key}: {tally.failed} still there; the store refuses, or another system writes them again"


def purpose_of(text: str) -> SuppressionPurpose:
    """Read the name of a purpose of the list. Raises ConfigurationError if there is no such purpose."""
    try:
        return SuppressionPurpose(text)
    except ValueError:
        raise ConfigurationError(f"a purpose is one of {', '.join(SuppressionPurpose)}") from None


def check_identity(name: str, data_map: DataMap) -> None:
    """Raise ConfigurationError if neither *data_map* nor a list of DROP has the identity *name*."""
    known = graph_of(data_map).entries.keys() | LISTED_IDENTITIES
    if name not in known:
        raise ConfigurationError(f"no data has the identity {name}; known are {', '.join(sorted(known))}")


def check_store(name: str | None, data_map: DataMap, urls: Mapping[str, str]) -> None:
    """Raise ConfigurationError if neither *data_map* nor *urls* has the store *name*; None names all."""
    known = urls.keys() | {one.store for one in data_map.collections}
    if name is not None and name not in known:
        raise ConfigurationError(
            f"--store {name}: neither the data map nor HABEAS_STORES names this store; known are "
            f"{', '.join(sorted(known))}"
        )


def californian(now: datetime) -> Policy:
    """Return the law of California that is in force."""
    return policies().in_force("us-ca-ccpa", now.date())


def minor_rule(now: datetime) -> MinorOptIn:
    """Return the ages below which a sale needs an opt-in. Raises ConfigurationError if no law sets them."""
    rule = californian(now).minor_opt_in
    if rule is None:
        raise ConfigurationError("policies: the law of California sets no age for an opt-in")
    return rule


async def unlisted_lines(
    remembered: ErasureRecords, lines: Iterable[str], *, identity: str, purpose: SuppressionPurpose
) -> AsyncIterator[str]:
    """
    Yield those of *lines*, an identity each, that are not on the suppression list for *purpose*.

    An opt-in to sale that is given after an opt-out prevails. Identities on California's DROP lists are
    neither imported nor sold, matched or not. Raises ConfigurationError if a line is more than an identity
    and would match no entry.
    """
    waiting = (bare(number, line, identity) for number, line in enumerate(lines, 1))
    while some := list(islice(waiting, LINES_PER_LOOK)):
        stopped = await remembered.suppressions.stopped(identity, some, purpose)
        if purpose is SuppressionPurpose.SALE and stopped:
            today = datetime.now(UTC).date()
            stopped -= await remembered.suppressions.opted_in(identity, list(stopped), today)
        if purpose in DROPPED:
            stopped |= await remembered.listed.stopped(identity, some)
        for line in some:
            if line not in stopped:
                yield line


_MORE = re.compile(r"[,;\t|{}\[\]\"]")
"""Characters of a line of a table or of JSON, in no address and no number."""


def bare(number: int, line: str, identity: str) -> str:
    """
    Return *line*, which must be an identity only.

    Raises ConfigurationError if it is a line of a table or of JSON, or no address.
    """
    value = line.rstrip("\r\n")
    text = value.strip()
    if text and (_MORE.search(text) or (identity == EMAIL and ("@" not in text or " " in text))):
        kind = "an e-mail address" if identity == EMAIL else f"a value of {identity}"
        raise ConfigurationError(
            f"line {number} is not just {kind}; give one to a line, as `cut -d, -f2 FILE | tail -n +2` or "
            "`jq -r .email FILE` print them"
        )
    return value
