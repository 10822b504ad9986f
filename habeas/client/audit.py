"""
Verification of the journals: every row against the chain of its case and the signed heads.

A daily verification reads the cases with rows since the last one, and the heads since then; its extent lies
beside the copies of heads, where the database's users cannot write. Now and then, and after any finding, it
reads all rows.
"""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, Protocol

from habeas.client import private_files
from services.console.read_model.chains import ChainVerification, ChainVerifications
from shared.contract.topology import CONSOLE, LISTENS
from shared.errors import ConfigurationError
from shared.portions import in_portions
from shared.runtime.audit_chain import ChainFault, ChainFinding, Head, faults_of, is_purged, replaced
from shared.runtime.audit_heads import (
    COLLECTION,
    LATE,
    OVERLAP,
    PLACE,
    SignedHeads,
    faults_of_heads,
    signed_heads,
)
from shared.runtime.audit_keys import chain_key
from shared.runtime.key_rings import RootKey
from shared.runtime.mongo import (
    Client,
    Collection,
    Document,
    document_at,
    documents_in,
    in_order,
    positions_in,
    translated,
)

JOURNALS: Final = tuple(LISTENS)
"""Services that keep a journal."""
EXTENT: Final = "verified.json"
"""File with the extent of the verifications, beside the copies of heads."""
WHOLE_EVERY: Final = timedelta(days=7)
"""How often the daily verification reads all rows."""
CASES_AT_ONCE = 500
HEADS_SUFFIX, SIGNATURE_SUFFIX = ".heads.json", ".heads.sig"


class AuditRowPort(Protocol):
    """A source of journals and heads."""

    def cases(
        self, service: str, case: str | None, since: datetime | None = None, named: Iterable[str] = ()
    ) -> AsyncIterator[tuple[str, list[Document]]]:
        """
        Yield each case with its rows in their order.

        With *case*, that alone; with *since*, those with a row since that moment, and those *named*.
        """

    async def heads(self, service: str, first: int = 1) -> list[SignedHeads]:
        """Return the exported heads of a service from number *first* on."""


@dataclass(frozen=True, slots=True)
class VerifiedExtent:
    """The extent of the verifications so far."""

    whole_at: datetime
    """When all rows were verified last."""
    until: datetime
    """When the last verification began: it has every row that was durable then."""
    heads: Mapping[str, int]
    """Service → number of the newest verified heads."""

    def since(self, now: datetime, whole_every: timedelta) -> "VerifiedExtent | None":
        """Return this extent, to verify what is new; None where all rows are to be verified again."""
        return self if timedelta() <= now - self.whole_at < whole_every else None

    @classmethod
    def read(cls, folder: Path) -> "VerifiedExtent | None":
        """Return the extent that is noted in *folder*; None where none is, or it does not read."""
        try:
            found = json.loads((folder / EXTENT).read_text(encoding="utf-8"))
            whole_at, until = (datetime.fromisoformat(found[name]) for name in ("whole_at", "until"))
            heads = {str(service): int(number) for service, number in found["heads"].items()}
            return cls(whole_at, until, heads)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def write(self, folder: Path) -> None:
        """Note it in *folder*. Raises ConfigurationError if it cannot be written."""
        moments = {"whole_at": self.whole_at.isoformat(), "until": self.until.isoformat()}
        with private_files.replaced(folder / EXTENT) as text:
            json.dump({**moments, "heads": dict(self.heads)}, text)


TEXT_CASE: Document = {"$expr": {"$eq": [{"$type": "$case"}, "string"]}}
"""The rows whose case is a text, as that of every row of ours is."""


@dataclass(frozen=True, slots=True)
class StoredRows:
    """Journals in the database."""

    client: Client
    prefix: str

    async def cases(
        self, service: str, case: str | None, since: datetime | None = None, named: Iterable[str] = ()
    ) -> AsyncIterator[tuple[str, list[Document]]]:
        """
        Yield each case with its rows in their order.

        With *case*, that alone; with *since*, those with a row since that moment, and those *named*.
        """
        journal = self.client[f"{self.prefix}_{service}"]["journal"]
        if case is None and since is not None:
            moved = self._moved(journal, since, frozenset(named))
            async for some in in_portions(moved, CASES_AT_ONCE):
                async for found in self._whole(journal, {"case": {"$in": some}}):
                    yield found
            # Of forged rows: a query by such a case may be refused, or find others.
            async for found in self._whole(journal, {"at": {"$gte": since}, "$nor": [TEXT_CASE]}):
                yield found
            return
        async for found in self._whole(journal, {} if case is None else {"case": case}):
            yield found

    async def _moved(self, journal: Collection, since: datetime, named: frozenset[str]) -> AsyncIterator[str]:
        """Yield the cases that are *named*, then the others with a row *since* a moment."""
        for case in named:
            yield case
        new = {"at": {"$gte": since}, **TEXT_CASE}
        stages: list[Document] = [{"$match": new}, {"$group": {"_id": "$case"}}]
        with translated("look for new rows"):
            async for found in journal.aggregate(stages, allowDiskUse=True):
                if found["_id"] not in named:
                    yield found["_id"]

    async def _whole(
        self, journal: Collection, wanted: Document
    ) -> AsyncIterator[tuple[str, list[Document]]]:
        name, rows = "", list[Document]()
        async for row in in_order(journal, wanted, "case"):
            if row.get("case") != name:
                if rows:
                    yield name, sorted(rows, key=_number)
                name, rows = str(row.get("case")), []
            rows.append(row)
        if rows:
            yield name, sorted(rows, key=_number)

    async def heads(self, service: str, first: int = 1) -> list[SignedHeads]:
        """Return the exported heads of a service from number *first* on."""
        stored = self.client[f"{self.prefix}_{service}"][COLLECTION]
        wanted = {"_id": {"$gte": first}} if first > 1 else {}
        return [signed_heads(document) async for document in in_order(stored, wanted, "_id")]


@dataclass(frozen=True, slots=True)
class DumpedRows:
    """Journals that mongodump wrote, in no order: a table on the disk says where each row lies."""

    folder: Path
    prefix: str

    async def cases(
        self, service: str, case: str | None, since: datetime | None = None, named: Iterable[str] = ()
    ) -> AsyncIterator[tuple[str, list[Document]]]:
        """Yield each case with its rows in their order, or *case* alone; a dump is read whole."""
        del since, named
        file = self._file(service, "journal")
        if not file.is_file():
            return
        with closing(sqlite3.connect("")) as table, file.open("rb") as opened:
            table.execute("CREATE TABLE rows (position INTEGER, case_id TEXT, n INTEGER)")
            rows = (
                (position, str(row.get("case")), _number(row))
                for position, row in positions_in(file)
                if case is None or row.get("case") == case
            )
            table.executemany("INSERT INTO rows VALUES (?, ?, ?)", rows)
            found = table.execute("SELECT case_id, position FROM rows ORDER BY case_id, n, position")
            for name, places in groupby(found, key=itemgetter(0)):
                yield name, [document_at(opened, position) for _, position in places]

    async def heads(self, service: str, first: int = 1) -> list[SignedHeads]:
        """Return the exported heads of a service."""
        del first
        file = self._file(service, COLLECTION)
        return [signed_heads(document) for document in documents_in(file)] if file.is_file() else []

    def _file(self, service: str, collection: str) -> Path:
        return self.folder / f"{self.prefix}_{service}" / f"{collection}.bson"


@dataclass(slots=True)
class AuditReport:
    """The result of a verification."""

    rows: int = 0
    cases: int = 0
    findings: list[ChainFinding] = field(default_factory=list)
    until: dict[str, str] = field(default_factory=dict)
    """Service → the day up to which signed heads cover its rows."""
    unsigned: list[str] = field(default_factory=list)
    """Services that have rows and no signed heads."""
    rows_of: dict[str, int] = field(default_factory=dict)
    """Service → its rows that were verified."""
    heads: dict[str, int] = field(default_factory=dict)
    """Service → number of its newest heads."""
    whole_at: datetime | None = None
    """When all rows were verified last, where these are not all."""

    def verifications(self, at: datetime) -> list[ChainVerification]:
        """Return the result for each journal, verified at a moment, as the console shows it."""
        faults, whole_at = Counter(one.service for one in self.findings), self.whole_at or at
        return [
            ChainVerification(service, at, rows, faults[service], self.until.get(service), whole_at)
            for service, rows in self.rows_of.items()
        ]

    def plain(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        counts = {"rows": self.rows, "cases": self.cases}
        heads = {"heads_until": self.until, "without_heads": self.unsigned}
        found = [
            {"service": one.service, "case": one.case, "n": one.n, "fault": one.fault.value}
            for one in self.findings
        ]
        whole = {} if self.whole_at is None else {"all_rows_at": self.whole_at.isoformat()}
        return {**counts, **heads, **whole, "findings": found}


async def verify(
    rows: AuditRowPort,
    master_key: RootKey,
    *,
    case: str | None = None,
    kept: Path | None = None,
    since: VerifiedExtent | None = None,
) -> AuditReport:
    """
    Verify all journals, or one *case*, or what is new *since* an earlier verification.

    *kept* is a folder with copies of heads.

    Raises:
        StoreUnavailable: The database did not answer.
        ConfigurationError: A file cannot be read, or no row is of *case*.
    """
    report, purged = AuditReport(whole_at=since.whole_at if since else None), set[str]()
    moment = since.until - OVERLAP if since else None
    for service in JOURNALS:
        first = max(1, since.heads.get(service, 1)) if since else 1
        copies = read_heads(kept, service, first) if kept else []
        stored = await rows.heads(service, first)
        heads, faults = faults_of_heads(stored, copies, master_key, service, first)
        report.findings += faults if case is None else []
        before = report.rows
        new = [one for one in heads if since is None or one.number > since.heads.get(service, 0)]
        await _verify_journal(
            _Journal(service, master_key, new, purged, heads[-1] if heads else None, moment),
            rows,
            case,
            report,
        )
        report.rows_of[service] = report.rows - before
        if heads:
            report.until[service] = heads[-1].day.isoformat()
            report.heads[service] = heads[-1].number
        elif report.rows > before:
            report.unsigned.append(service)
    if case is not None and not report.rows:
        raise ConfigurationError(
            f"no journal has a row of request {case}; `habeas request find` prints its id"
        )
    return report


async def verify_daily(
    rows: AuditRowPort, master_key: RootKey, folder: Path, now: datetime, whole_every: timedelta = WHOLE_EVERY
) -> AuditReport:
    """
    Verify what is new since the last verification that *folder* knows, or all; note the extent there.

    After a finding all is verified until there is none. Raises as :func:`verify`.
    """
    known = VerifiedExtent.read(folder)
    since = known and known.since(now, whole_every)
    report = await verify(rows, master_key, kept=folder, since=since)
    if report.findings:
        (folder / EXTENT).unlink(missing_ok=True)
    else:
        heads = {**(since.heads if since else {}), **report.heads}
        VerifiedExtent(report.whole_at or now, now, heads).write(folder)
    return report


async def record(client: Client, prefix: str, report: AuditReport, at: datetime) -> None:
    """Show the result of a verification of all journals in the console. Raises StoreUnavailable."""
    await ChainVerifications(client[f"{prefix}_{CONSOLE}"]).record(report.verifications(at))


@dataclass(slots=True)
class _Journal:
    """The state of a journal's verification."""

    service: str
    master_key: RootKey
    signed: Sequence[SignedHeads]
    purged: set[str]
    """Cases that a journal, this or one before, shows as purged: the services that purge come first."""
    last: SignedHeads | None = None
    """The newest heads, of those as well that were verified before."""
    since: datetime | None = None
    """Cases with rows since then are read; all, where it is None."""
    seen: set[str] = field(default_factory=set)
    oldest: datetime | None = None
    newest: datetime | None = None

    def note(self, moments: Iterable[datetime]) -> None:
        """Extend the period of the rows by *moments*."""
        for at in moments:
            self.oldest = min(at, self.oldest or at)
            self.newest = max(at, self.newest or at)

    def head_of(self) -> Mapping[str, Head]:
        """Return the newest exported row of each case."""
        heads = (item for one in self.signed for item in one.heads.items())
        return dict(sorted(heads, key=lambda item: item[1].n))

    def all_heads(self) -> Mapping[str, Sequence[Head]]:
        """Return all exported rows of each case."""
        found: dict[str, list[Head]] = defaultdict(list)
        for case, head in (item for one in self.signed for item in one.heads.items()):
            found[case].append(head)
        return found


async def _verify_journal(
    journal: _Journal, rows: AuditRowPort, case: str | None, report: AuditReport
) -> None:
    key = chain_key(journal.master_key, journal.service)
    heads, earlier = journal.head_of(), journal.all_heads()
    async for name, stored in rows.cases(journal.service, case, journal.since, heads):
        report.cases += 1
        report.rows += len(stored)
        journal.seen.add(name)
        head = None if name in journal.purged else heads.get(name)
        if is_purged(name, stored, key):
            journal.purged.add(name)
        journal.note(row["at"] for row in stored if isinstance(row.get("at"), datetime))
        found = [*faults_of(name, stored, key, head), *(replaced(stored, earlier[name]) if head else ())]
        report.findings += [ChainFinding(journal.service, name, n, fault) for n, fault in found]
    report.findings += _gone(journal, heads, case)
    if case is None:
        report.findings += _late(journal)


def _gone(journal: _Journal, heads: Mapping[str, Head], case: str | None) -> Iterable[ChainFinding]:
    """Yield cases with exported heads and without rows, but for purged ones and parts of them."""
    wanted = heads.keys() if case is None else heads.keys() & {case}
    for name in sorted(wanted - journal.seen):
        whole, _, _ = name.partition(".")
        if journal.purged.isdisjoint({name, whole}):
            yield ChainFinding(journal.service, name, None, ChainFault.MISSING)


def _late(journal: _Journal) -> Iterable[ChainFinding]:
    """Yield the heads that should have been exported by now."""
    if journal.newest is None or journal.oldest is None:
        return
    newest = journal.last
    since = newest.day if newest else journal.oldest.date()
    if journal.newest.date() - since > LATE:
        yield ChainFinding(journal.service, PLACE, newest.number + 1 if newest else 1, ChainFault.MISSING)


def _number(row: Document) -> int:
    """Return the number of a row; those that have none come first."""
    n = row.get("n")
    return n if isinstance(n, int) else -1


def write_heads(folder: Path, service: str, heads: Iterable[SignedHeads]) -> int:
    """
    Write heads that are not in *folder* yet, each with its signature; return how many were new.

    They name requests, so they are for the owner alone. A copy that a full disk left empty is written again.

    Raises:
        ConfigurationError: A file cannot be written.
    """
    private_files.make_folder(folder)
    new = 0
    for one in heads:
        stem = f"{service}-{one.number:06}"
        files = {
            folder / f"{stem}{SIGNATURE_SUFFIX}": one.signature,
            folder / f"{stem}{HEADS_SUFFIX}": one.content,
        }
        if not all(map(_has_content, files)):
            for file, content in files.items():
                with private_files.replaced_bytes(file) as out:
                    out.write(content)
            new += 1
    return new


def _has_content(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0


def require_heads(folder: Path) -> None:
    """Raise ConfigurationError if *folder* has no copies of heads: nothing would be compared with them."""
    if not any(folder.glob(f"*{HEADS_SUFFIX}")):
        raise ConfigurationError(f"{folder}: holds no heads; name the folder that `habeas audit heads` wrote")


def require_journals(dump: Path, prefix: str) -> None:
    """Raise ConfigurationError if the folder *dump* has none of the journals."""
    if not any((dump / f"{prefix}_{service}" / "journal.bson").is_file() for service in JOURNALS):
        raise ConfigurationError(
            f"{dump}: holds no {prefix}_…/journal.bson; name the folder that mongodump wrote"
        )


def read_heads(folder: Path, service: str, first: int = 1) -> list[SignedHeads]:
    """Return the heads of *service* in *folder* from *first* on; raises ConfigurationError on damage."""
    try:
        stems = [str(file).removesuffix(HEADS_SUFFIX) for file in folder.glob(f"{service}-*{HEADS_SUFFIX}")]
        stems = [stem for stem in stems if int(stem.rpartition("-")[2]) >= first]
        return [
            SignedHeads(Path(stem + HEADS_SUFFIX).read_bytes(), Path(stem + SIGNATURE_SUFFIX).read_bytes())
            for stem in sorted(stems)
        ]
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a name has no number"
        raise ConfigurationError(f"{folder}: heads cannot be read ({reason})") from None


def text_of(report: AuditReport) -> str:
    """Return *report* for people: one finding a line, or a confirmation."""
    if report.findings:
        return "\n".join(map(str, report.findings))
    covered = min(report.until.values(), default="")
    whole = report.whole_at
    new = "" if whole is None else f" new since the last verification (of all: {whole:%Y-%m-%d})"
    said = [f"{report.rows} rows of {report.cases} cases{new} are unchanged"]
    said += [f"signed heads reach to {covered}"] if covered else []
    said += [f"no signed heads yet: {', '.join(report.unsigned)}"] if report.unsigned else []
    return "; ".join(said)


def json_of(report: AuditReport) -> str:
    """Return *report* for programs."""
    return json.dumps(report.plain())
