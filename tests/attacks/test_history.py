"""A person who can write to the database changes what the journals say; the audit finds each change."""

import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from bson import Code, Regex

from habeas.client import audit
from habeas.embedded.stack import Stack
from services.intake.cases.retention import Purge, RegisterRetention
from shared.contract.events import Fact, RequestPurged
from shared.runtime.audit_chain import BEFORE, EXPIRES, MAC, START, ChainFault, ChainFinding, chained
from shared.runtime.audit_heads import COLLECTION, HeadExport
from shared.runtime.audit_keys import chain_key
from shared.runtime.mongo import Collection, Document, to_bson
from tests.integration.pipeline import PORTAL, Pipeline, comes_true, command, running

SERVICE = "fulfillment"


@dataclass
class History:
    """Closed cases of a running installation, and the heads that were exported since."""

    pipeline: Pipeline
    cases: list[str]
    heads: Path
    at: datetime
    """When the heads were exported: a day may end before a test looks."""

    @property
    def master_key(self) -> bytes:
        return base64.b64decode(self.pipeline.settings["HABEAS_MASTER_KEY"])

    def journal(self, service: str = SERVICE) -> Collection:
        return self.pipeline.client[f"{self.pipeline.prefix}_{service}"]["journal"]

    async def rows(self, case: str, service: str = SERVICE) -> list[Document]:
        return [row async for row in self.journal(service).find({"case": case}).sort("n", 1)]

    async def verify(self, case: str | None = None, *, kept: bool = False) -> list[ChainFinding]:
        stored = audit.StoredRows(self.pipeline.client, self.pipeline.prefix)
        heads = self.heads if kept else None
        return (await audit.verify(stored, self.master_key, case=case, kept=heads)).findings

    def after(self, days: int) -> datetime:
        """Return a moment *days* days later: the rows of the day before are settled, no others."""
        return (self.at + timedelta(days=days)).replace(hour=2)

    async def export(self, clock: Callable[[], datetime]) -> None:
        for service in audit.JOURNALS:
            database = self.pipeline.client[f"{self.pipeline.prefix}_{service}"]
            await HeadExport(database, service, self.master_key, clock).work()


@pytest_asyncio.fixture(scope="module")
async def history(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[History]:
    folder = tmp_path_factory.mktemp("history")
    async with running(parts, folder) as pipeline:
        cases = []
        for person in (await pipeline.people())[2:5]:
            asked = person.asks("access")
            await pipeline.send(asked, source=PORTAL)
            cases.append(await pipeline.id_of(asked))
            await pipeline.closed(cases[-1])
        first = (await pipeline.people())[2]
        await pipeline.http.post(f"/v1/requests/{cases[0]}/package/codes")
        await pipeline.code_for(first, cases[0])
        for _ in range(2):  # while the first one reads, a row may come that it does not see
            await comes_true(partial(rests, pipeline))
        history = History(pipeline, cases, folder / "heads", datetime.now(UTC))
        await history.export(lambda: history.after(1))
        code, said, errors = await command(pipeline, "audit", "heads", "--out", str(history.heads))
        assert (code, errors) == (0, ""), said
        yield history


async def rests(pipeline: Pipeline) -> bool:
    """Return whether each service has handled all facts of the others: no further row will come."""
    code, shown, wrong = await command(pipeline, "republish", "--dry-run", "--json")
    assert code == 0, wrong
    return bool(json.loads(shown)["unhandled"] == [])


@asynccontextmanager
async def restored(*collections: Collection) -> AsyncIterator[None]:
    """Put the documents of *collections* back as they were afterwards."""
    before = [await one.find().to_list(None) for one in collections]
    try:
        yield
    finally:
        for one, documents in zip(collections, before, strict=True):
            await one.delete_many({})
            if documents:
                await one.insert_many(documents)


def found(case: str, *faults: tuple[int | None, ChainFault], service: str = SERVICE) -> list[ChainFinding]:
    return [ChainFinding(service, case, n, fault) for n, fault in faults]


async def test_untouched_history_fits_and_the_command_says_so(history: History) -> None:
    code, said, errors = await command(history.pipeline, "audit", "verify")
    assert (code, errors) == (0, "")
    assert "are unchanged; signed heads reach to" in said
    code, said, _ = await command(history.pipeline, "audit", "verify", history.cases[0], "--json")
    assert code == 0
    report = json.loads(said)
    assert report["findings"] == []
    assert report["rows"] == sum([len(await history.rows(history.cases[0], name)) for name in audit.JOURNALS])


CHANGES: dict[str, dict[str, Any]] = {
    "moment": {"$set": {"at": datetime(2020, 1, 1, tzinfo=UTC)}},
    "cause": {"$set": {"cause": "another"}},
    "fact": {"$set": {"facts.0.data.outcome": "refused"}},
    "no facts": {"$set": {"facts": []}},
    "no event": {"$set": {"event": None}},
    "unknown field": {"$set": {"note": "nothing happened"}},
    "another case": {"$set": {"case": "0" * 32}},
    "no MAC": {"$unset": {MAC: ""}},
    "empty MAC": {"$set": {MAC: b""}},
    "first of a purged case": {"$set": {BEFORE: START}},
    "end": {"$set": {EXPIRES: datetime(2020, 1, 1, tzinfo=UTC)}},
}


@pytest.mark.parametrize("change", CHANGES)
async def test_changed_field_is_found(history: History, change: str) -> None:
    [*_, last] = await history.rows(history.cases[0])
    async with restored(history.journal()):
        await history.journal().update_one({"_id": last["_id"]}, CHANGES[change])
        findings = await history.verify()
    assert findings
    assert all(one.service == SERVICE for one in findings)


async def test_command_names_the_place_of_a_change_and_ends_with_1(history: History) -> None:
    case = history.cases[0]
    async with restored(history.journal()):
        await history.journal().update_one({"_id": f"{case}:0"}, {"$set": {"cause": "another"}})
        code, said, _ = await command(history.pipeline, "audit", "verify")
        one, _, _ = await command(history.pipeline, "audit", "verify", case)
        other, _, _ = await command(history.pipeline, "audit", "verify", history.cases[1])
    assert (code, said) == (1, f"{SERVICE} {case}:0 changed\n")
    assert (one, other) == (1, 0)


async def test_deleted_last_row_is_found_by_the_heads(history: History) -> None:
    case = history.cases[0]
    [*_, last] = await history.rows(case, "intake")
    async with restored(history.journal("intake")):
        await history.journal("intake").delete_one({"_id": last["_id"]})
        assert await history.verify() == found(case, (last["n"], ChainFault.MISSING), service="intake")


async def test_tail_that_was_cut_off_and_grew_again_is_found_by_the_earlier_heads(history: History) -> None:
    case, key = history.cases[0], chain_key(history.master_key, "intake")
    *_, before, last = await history.rows(case, "intake")
    journal, later = history.journal("intake"), history.after(1)
    heads = history.pipeline.client[f"{history.pipeline.prefix}_intake"][COLLECTION]
    mac = before[MAC]
    async with restored(journal, heads):
        await journal.delete_one({"_id": last["_id"]})
        for n in (last["n"], last["n"] + 1):  # the service appends to what it finds
            honest = {**last, "_id": f"{case}:{n}", "n": n, "cause": f"another {n}", "at": later}
            del honest[MAC]
            row = {**chained(honest, mac, key)}
            await journal.insert_one(row)
            mac = row[MAC]
        exported = await heads.count_documents({})
        await history.export(lambda: history.after(2))
        assert await heads.count_documents({}) == exported + 1
        assert await history.verify() == found(case, (last["n"], ChainFault.CHANGED), service="intake")


async def test_deleted_first_and_middle_rows_are_found(history: History) -> None:
    case = history.cases[0]
    count = len(await history.rows(case, "intake"))
    assert count > 2
    for n in (0, count // 2):
        async with restored(history.journal("intake")):
            await history.journal("intake").delete_one({"_id": f"{case}:{n}"})
            assert await history.verify() == found(case, (n, ChainFault.MISSING), service="intake")


async def test_swapped_rows_are_found(history: History) -> None:
    case = history.cases[0]
    rows = await history.rows(case, "intake")
    first, second = rows[1], rows[2]
    async with restored(history.journal("intake")):
        await history.journal("intake").delete_many({"_id": {"$in": [first["_id"], second["_id"]]}})
        content = ("cause", "event", "facts", "at", MAC)
        swapped = [
            first | {name: second[name] for name in content},
            second | {name: first[name] for name in content},
        ]
        await history.journal("intake").insert_many(swapped)
        findings = await history.verify()
    assert findings == found(
        case, (1, ChainFault.CHANGED), (2, ChainFault.CHANGED), (3, ChainFault.CHANGED), service="intake"
    )


async def test_inserted_row_is_found(history: History) -> None:
    case = history.cases[0]
    [*_, last] = await history.rows(case)
    n = last["n"] + 1
    async with restored(history.journal()):
        await history.journal().insert_one(last | {"_id": f"{case}:{n}", "n": n, "cause": "new"})
        assert await history.verify() == found(case, (n, ChainFault.ADDED))


async def test_invented_case_is_found(history: History) -> None:
    [first, *_] = await history.rows(history.cases[0])
    case = "f" * 32
    async with restored(history.journal()):
        await history.journal().insert_one(first | {"_id": f"{case}:0", "case": case})
        assert await history.verify() == found(case, (0, ChainFault.ADDED))


async def test_deleted_case_is_found(history: History) -> None:
    case = history.cases[0]
    async with restored(history.journal()):
        await history.journal().delete_many({"case": case})
        assert await history.verify() == found(case, (None, ChainFault.MISSING))
        assert await history.verify(case) == found(case, (None, ChainFault.MISSING))


async def test_replayed_old_rows_are_found(history: History) -> None:
    """An earlier state of a case is genuine row by row; it is only older than its heads."""
    case = history.cases[0]
    rows = await history.rows(case, "intake")
    async with restored(history.journal("intake")):
        await history.journal("intake").delete_many({"case": case})
        await history.journal("intake").insert_many(rows[:2])
        missing = [(n, ChainFault.MISSING) for n in range(2, len(rows))]
        assert await history.verify() == found(case, *missing, service="intake")


@pytest.mark.parametrize("name", ["notifier", "intake", ""])
async def test_rows_under_the_key_of_another_service_are_found(history: History, name: str) -> None:
    """Rows that no head covers yet: only the key tells them from genuine ones."""
    [*_, last] = await history.rows(history.cases[0])
    key = chain_key(history.master_key, name) if name else b""
    content = {field: last[field] for field in last if field != MAC}
    n, other = last["n"] + 1, "f" * 32
    added = chained(content | {"_id": f"{last['case']}:{n}", "n": n, "cause": "forged"}, last[MAC], key)
    begun = chained(content | {"_id": f"{other}:0", "case": other, "n": 0}, START, key)
    async with restored(history.journal()):
        await history.journal().insert_many([added, begun])
        findings = await history.verify()
    assert sorted(findings) == sorted(
        [*found(history.cases[0], (n, ChainFault.ADDED)), *found(other, (0, ChainFault.ADDED))]
    )


async def test_purge_that_did_not_happen_is_found(history: History) -> None:
    case = history.cases[0]
    rows = await history.rows(case)
    n = rows[-1]["n"] + 1
    purged = {"type": RequestPurged.TYPE, "data": {}}
    row = rows[-1] | {"_id": f"{case}:{n}", "n": n, "event": purged, BEFORE: rows[-1][MAC]}
    async with restored(history.journal()):
        await history.journal().delete_many({"case": case})
        await history.journal().insert_one(row)
        assert ChainFinding(SERVICE, case, n, ChainFault.ADDED) in await history.verify()


async def test_genuine_purge_fits(history: History) -> None:
    case = history.cases[2]
    pipeline = history.pipeline
    database = pipeline.client[f"{pipeline.prefix}_intake"]
    from shared.runtime.journal import Journal  # noqa: PLC0415
    from tests.runtime_fakes import MemoryBroker, MemoryVault  # noqa: PLC0415

    journal = Journal(database, key=chain_key(history.master_key, "intake"))
    retention = RegisterRetention(0, UTC)
    purge = Purge(pipeline.client, database, journal, MemoryVault(), MemoryBroker(), retention)
    rows = (await journal.histories({case}))[case]
    async with restored(history.journal("intake")):
        await purge._count_and_forget({case: rows})
        assert len(await history.rows(case, "intake")) == 1
        assert await history.verify() == []
        await history.journal("intake").update_one({"case": case}, {"$set": {"cause": "forged"}})
        assert await history.verify()


async def test_purged_case_fits_once_only_the_row_of_intake_is_left(history: History) -> None:
    purged, live = history.cases[2], history.cases[0]
    async with restored(history.journal("intake"), history.journal()):
        for service, facts in (("intake", (RequestPurged(request_id=purged),)), (SERVICE, ())):
            await purge_rows(history, purged, service, facts)
        assert await history.verify() == []
        await history.journal().update_one({"case": purged}, {"$unset": {EXPIRES: ""}})
        assert await history.verify(), "the end of the row is covered by its MAC"
        await history.journal().delete_many({"case": purged})
        assert await history.verify() == await history.verify(purged) == []
        await history.journal().delete_many({"case": live})
        assert await history.verify() == found(live, (None, ChainFault.MISSING))
        await history.journal("intake").delete_many({"case": purged})
        assert ChainFinding("intake", purged, None, ChainFault.MISSING) in await history.verify()


async def test_purge_delivered_again_after_its_row_expired_fits(history: History) -> None:
    case = history.cases[2]
    async with restored(history.journal("intake"), history.journal()):
        await purge_rows(history, case, "intake", (RequestPurged(request_id=case),))
        await history.journal().delete_many({"case": case})
        await purge_rows(history, case, SERVICE, ())
        assert [row["n"] for row in await history.rows(case)] == [0]
        assert await history.verify() == []


async def purge_rows(history: History, case: str, service: str, facts: Sequence[Fact]) -> None:
    """Append the row of a purge, decided there if it has *facts*, and remove the others, as services do."""
    from shared.runtime.journal import Journal, JournalRow  # noqa: PLC0415

    database = history.pipeline.client[f"{history.pipeline.prefix}_{service}"]
    journal = Journal(database, key=chain_key(history.master_key, service))
    rows = await history.rows(case, service)
    event = None if facts else RequestPurged(request_id=case)
    n = rows[-1]["n"] + 1 if rows else 0
    row = JournalRow(case, n, "purged", event, tuple(facts), datetime.now(UTC).replace(microsecond=0))
    assert not await journal.append([row])
    await journal.forget({case})


async def test_heads_that_are_removed_are_found_by_their_copies(history: History) -> None:
    heads = history.pipeline.client[f"{history.pipeline.prefix}_{SERVICE}"][COLLECTION]
    async with restored(heads, history.journal()):
        await heads.delete_many({})
        await history.journal().delete_many({"case": history.cases[0]})
        findings = await history.verify(kept=True)
    assert ChainFinding(SERVICE, COLLECTION, 1, ChainFault.MISSING) in findings
    assert ChainFinding(SERVICE, history.cases[0], None, ChainFault.MISSING) in findings


async def test_false_copies_of_heads_are_found(history: History) -> None:
    false = min(history.heads.glob(f"{SERVICE}*.heads.sig"))
    genuine = false.read_bytes()
    try:
        false.write_bytes(b"x" * len(genuine))
        assert ChainFinding(SERVICE, COLLECTION, None, ChainFault.ADDED) in await history.verify(kept=True)
    finally:
        false.write_bytes(genuine)


@pytest.mark.parametrize(
    "case",
    [{}, {"a": 1}, 5, None, ["x"], {"$gt": ""}, Code("1"), Regex("[")],
    ids=["empty", "object", "number", "none", "array", "operator", "code", "expression"],
)
async def test_row_of_no_form_is_found_and_ends_no_verification(
    history: History, tmp_path: Path, case: object
) -> None:
    now = history.at
    await daily(history, tmp_path, now)
    async with restored(history.journal()):
        await history.journal().insert_one({"_id": "odd", "case": case, "n": 0, "at": now})
        for findings in ((await daily(history, tmp_path, now)).findings, await history.verify()):
            assert findings == [ChainFinding(SERVICE, str(case), 0, ChainFault.ADDED)]


async def test_heads_of_no_form_are_found_and_end_no_verification(history: History) -> None:
    heads = history.pipeline.client[f"{history.pipeline.prefix}_{SERVICE}"][COLLECTION]
    async with restored(heads):
        await heads.insert_many([{"_id": 7}, {"_id": 8, "content": 1 << 40, "signature": b""}])
        assert await history.verify() == [ChainFinding(SERVICE, COLLECTION, None, ChainFault.ADDED)]


async def test_heads_that_are_changed_or_signed_by_others_are_found(history: History) -> None:
    heads = history.pipeline.client[f"{history.pipeline.prefix}_{SERVICE}"][COLLECTION]
    theirs = history.pipeline.client[f"{history.pipeline.prefix}_notifier"][COLLECTION]
    [other] = await theirs.find().to_list(1)
    for content, signature in ((b"{}", b"x" * 64), (other["content"], other["signature"])):
        async with restored(heads):
            await heads.update_one({"_id": 1}, {"$set": {"content": content, "signature": signature}})
            assert ChainFinding(SERVICE, COLLECTION, None, ChainFault.ADDED) in await history.verify()
            assert ChainFinding(SERVICE, COLLECTION, 1, ChainFault.MISSING) in await history.verify(kept=True)


async def test_heads_of_later_days_go_on_where_the_last_ones_ended(history: History) -> None:
    names = [f"{history.pipeline.prefix}_{service}" for service in audit.JOURNALS]
    collections = [history.pipeline.client[name][COLLECTION] for name in names]
    async with restored(*collections):
        exported = await collections[0].count_documents({})
        await history.export(lambda: history.after(1))
        assert await collections[0].count_documents({}) == exported, "a day is exported once"
        await history.export(lambda: history.after(2))
        assert await collections[0].count_documents({}) == exported + 1
        assert await history.verify(kept=True) == []
        await collections[0].delete_one({"_id": 1})
        assert ChainFinding(audit.JOURNALS[0], COLLECTION, 1, ChainFault.MISSING) in await history.verify()


async def test_dump_is_verified_without_a_database(history: History, tmp_path: Path) -> None:
    case, victim = history.cases[0], tmp_path / f"{history.pipeline.prefix}_{SERVICE}" / "journal.bson"
    for service in audit.JOURNALS:
        database = history.pipeline.client[f"{history.pipeline.prefix}_{service}"]
        folder = tmp_path / database.name
        folder.mkdir()
        for name in ("journal", COLLECTION):
            stored = [to_bson(one) async for one in database[name].find()]
            (folder / f"{name}.bson").write_bytes(b"".join(stored))
    offline = {"HABEAS_MONGO_URL": "mongodb://127.0.0.1:1/"}
    history.pipeline.settings |= (kept := dict(history.pipeline.settings)) | offline
    try:
        assert (await command(history.pipeline, "audit", "verify", "--dump", str(tmp_path)))[0] == 0
        rows = [row for row in _documents(victim) if row["case"] != case]
        victim.write_bytes(b"".join(map(to_bson, rows)))
        code, said, _ = await command(history.pipeline, "audit", "verify", "--dump", str(tmp_path))
        assert (code, said) == (1, f"{SERVICE} {case} missing\n")
    finally:
        history.pipeline.settings |= kept


def _documents(file: Path) -> Iterator[Document]:
    from shared.runtime.mongo import documents_in  # noqa: PLC0415

    return documents_in(file)


async def daily(history: History, folder: Path, now: datetime) -> audit.AuditReport:
    stored = audit.StoredRows(history.pipeline.client, history.pipeline.prefix)
    return await audit.verify_daily(stored, history.master_key, folder, now)


async def test_daily_verification_reads_cases_with_new_rows_and_weekly_all(
    history: History, tmp_path: Path
) -> None:
    now = history.at
    whole = await daily(history, tmp_path, now + timedelta(days=1, minutes=5))
    assert (whole.findings, whole.whole_at) == ([], None)
    assert (await daily(history, tmp_path, now + timedelta(days=2))).rows == 0
    old, moved = history.cases[0], history.cases[1]
    async with restored(history.journal()):
        await history.journal().update_one({"_id": f"{old}:0"}, {"$set": {"cause": "forged"}})
        last = (await history.rows(moved))[-1]
        last |= {"_id": f"{moved}:{last['n'] + 1}", "n": last["n"] + 1, "at": now + timedelta(days=2)}
        await history.journal().insert_one(last)
        found_new = await daily(history, tmp_path, now + timedelta(days=3))
        assert found_new.findings == found(moved, (last["n"], ChainFault.ADDED))
        assert found_new.rows == last["n"] + 1
        after_a_finding = await daily(history, tmp_path, now + timedelta(days=4))
        assert set(found_new.findings) < set(after_a_finding.findings), "all rows are verified"
    assert (await daily(history, tmp_path, now + timedelta(days=5))).findings == []
    async with restored(history.journal()):
        await history.journal().update_one({"_id": f"{old}:0"}, {"$set": {"cause": "forged"}})
        assert (await daily(history, tmp_path, now + timedelta(days=11))).findings == []
        weekly = await daily(history, tmp_path, now + timedelta(days=12))
        assert weekly.findings == found(old, (0, ChainFault.CHANGED))


async def test_daily_verification_finds_that_new_heads_name_rows_that_are_gone(
    history: History, tmp_path: Path
) -> None:
    now, case = history.at + timedelta(days=2), history.cases[0]
    await daily(history, tmp_path, now)
    known = audit.VerifiedExtent.read(tmp_path)
    assert known is not None
    before = replace(known, heads={**known.heads, SERVICE: known.heads[SERVICE] - 1})
    before.write(tmp_path)
    assert (await daily(history, tmp_path, now)).rows > 0, "the rows that new heads name are verified"
    before.write(tmp_path)
    async with restored(history.journal()):
        await history.journal().delete_many({"case": case})
        assert (await daily(history, tmp_path, now)).findings == found(case, (None, ChainFault.MISSING))
    before.write(tmp_path)
    heads = history.pipeline.client[f"{history.pipeline.prefix}_{SERVICE}"][COLLECTION]
    async with restored(heads):
        await heads.delete_one({"_id": before.heads[SERVICE]})
        missing = ChainFinding(SERVICE, COLLECTION, before.heads[SERVICE], ChainFault.MISSING)
        assert (await daily(history, tmp_path, now)).findings == [missing]


def test_extent_that_does_not_read_has_all_rows_verified(tmp_path: Path) -> None:
    for content in ("", "[]", '{"until": 1}'):
        (tmp_path / audit.EXTENT).write_text(content, encoding="utf-8")
        assert audit.VerifiedExtent.read(tmp_path) is None
