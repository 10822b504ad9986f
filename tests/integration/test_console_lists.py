"""The lists of the console on a database: every query reads in an index, and every index serves a query."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bench.console import fill
from services.console.read_model.cases import CaseFilter, CaseList, CaseOrder, DueFilter
from services.console.read_model.figures import FigureReader
from services.console.read_model.openings import PAGE, Opening, OpeningFilter, OpeningKind, OpeningLog
from services.console.saved_views import MOST_VIEWS, SavedViews
from services.console.state import CaseKind, WaitKind
from shared.contract.references import IdRange
from shared.runtime.mongo import Client, Database

CASES = 400
TODAY = date(2026, 11, 20)
START, HOUR = datetime(2026, 11, 19, tzinfo=UTC), timedelta(hours=1)
KIND = OpeningKind.CONTENT
ALONE: Mapping[str, Mapping[str, Any]] = {
    "all": {},
    "stage": {"stage": "closed"},
    "right": {"right": "access"},
    "law": {"law": "gdpr"},
    "country": {"country": "FR"},
    "law and country": {"law": "gdpr", "country": "FR"},
    "source": {"source": "mail"},
    "owner": {"owner": "dana.muster"},
    "no owner": {"owner": "-"},
    "incident": {"incident": "incident_7"},
    "waiting": {"waiting": WaitKind.DOCUMENT.value},
    "inbox": {"kind": None, "waiting": "any"},
    "for one account": {
        "kind": None,
        "waiting": "any",
        "doable": (WaitKind.DOCUMENT, WaitKind.REFERRED),
        "account": "dana.muster",
    },
    "overdue": {"due": DueFilter.LATE},
    "month": {"due": DueFilter.MONTH},
    "open": {"open": True},
    "target day": {"open": True, "meant_by": date(2026, 11, 25)},
    "received": {"received_from": date(2026, 2, 1), "received_to": date(2026, 4, 1)},
    "received in a week": {"received_from": date(2026, 2, 1), "received_to": date(2026, 2, 7)},
    "mails": {"kind": CaseKind.MAIL, "open": True},
    "id": {"text": "ab"},
    "reference": {"text": "order-7"},
    "mailbox": {"ids": ("ab" * 16,)},
}


@pytest.fixture
def database(mongo_client: Client, database_prefix: str) -> Database:
    return mongo_client[f"{database_prefix}_console"]


def filters() -> Iterator[CaseFilter]:
    for values in ALONE.values():
        for order in CaseOrder:
            yield CaseFilter(**values, order=order)


async def test_every_list_reads_in_an_index_and_every_index_serves_a_list(database: Database) -> None:
    cases = CaseList(database)
    await fill(database, CASES)
    await cases.prepare()
    used: set[str] = set()
    await database.command("profile", 2)
    for wanted in filters():
        await cases.page(wanted, TODAY, size=5)
    for field in ("law_name", "country", "source", "incident"):
        await cases.values(field)
    await cases.work(TODAY)
    await cases.work(TODAY, "dana.muster")
    assert sum((await FigureReader(database).ages(TODAY)).values()) > 0
    await database.command("profile", 0)
    read = {"op": {"$in": ["query", "command"]}, "ns": f"{database.name}.cases"}
    plans = [str(one["planSummary"]) async for one in database["system.profile"].find(read)]
    assert len(plans) > len(ALONE)
    assert not [plan for plan in plans if "COLLSCAN" in plan]
    known = await database["cases"].index_information()
    used = {name for name, keys in known.items() if any(_shown(keys["key"]) in plan for plan in plans)}
    assert known.keys() - used == set()


def _shown(keys: list[tuple[str, int]]) -> str:
    """Return the keys of an index as a plan shows them."""
    return "{ " + ", ".join(f"{name}: {int(step)}" for name, step in keys) + " }"


async def test_list_is_the_same_in_every_index(database: Database) -> None:
    cases = CaseList(database)
    await fill(database, CASES)
    await cases.prepare()
    every = [row async for row in cases.all(CaseFilter(), TODAY)]
    assert len(every) == CASES
    for wanted in filters():
        if wanted.text or wanted.ids or wanted.kind is None:
            continue
        query = wanted.query(TODAY)
        expected = {one["_id"] async for one in database["cases"].find(query, {"_id": 1})}
        found: list[str] = []
        page = await cases.page(wanted, TODAY, size=150)
        while True:
            found += [row.id for row in page.rows]
            if page.next is None:
                break
            page = await cases.page(wanted, TODAY, page.next, size=150)
        assert len(found) == len(expected)
        assert set(found) == expected


async def test_work_for_an_account_leaves_out_what_it_decided_before(database: Database) -> None:
    cases = CaseList(database)
    await fill(database, CASES)
    await cases.prepare()
    wanted = CaseFilter(kind=None, waiting="any", doable=(WaitKind.DOCUMENT,), account="dana.muster")
    before = (await cases.page(wanted, TODAY)).rows
    assert before
    assert (await cases.work(TODAY)).counts([WaitKind.DOCUMENT], "dana.muster")["document"] == len(before)
    decided = replace(before[0], waits=tuple(replace(one, by=("dana.muster",)) for one in before[0].waits))
    await database["cases"].replace_one({"_id": before[0].id}, decided.document())
    after = (await cases.page(wanted, TODAY)).rows
    assert {row.id for row in before} - {row.id for row in after} == {before[0].id}
    work = await cases.work(TODAY)
    assert work.counts([WaitKind.DOCUMENT], "dana.muster")["document"] == len(after)
    assert work.counts([WaitKind.DOCUMENT], "omar.sample")["document"] == len(before)
    assert work.counts([WaitKind.APPROVAL], "omar.sample")["document"] == 0


async def test_days_of_receipt_are_both_included(database: Database) -> None:
    cases = CaseList(database)
    await fill(database, CASES)
    await cases.prepare()
    some = [row async for row in cases.all(CaseFilter(), TODAY)][100]
    day = some.received_on
    assert day is not None
    for order in CaseOrder:
        wanted = CaseFilter(received_from=day, received_to=day, order=order)
        assert some.id in {row.id for row in (await cases.page(wanted, TODAY)).rows}
        for other in (day - timedelta(days=1), day + timedelta(days=1)):
            without = replace(wanted, received_from=other, received_to=other)
            assert some.id not in {row.id for row in (await cases.page(without, TODAY)).rows}


async def test_views_belong_to_one_account_and_one_of_them_opens_first(database: Database) -> None:
    views = SavedViews(database)
    assert await views.save("dana.muster", "Late", "due=late", default=True)
    assert await views.save("dana.muster", "Mine", "owner=dana.muster", default=True)
    assert await views.save("omar.sample", "Late", "due=late")
    own = await views.of("dana.muster")
    assert [(one.name, one.default) for one in own] == [("Late", False), ("Mine", True)]
    await views.delete("omar.sample", own[0].id)
    assert await views.of("dana.muster") == own
    await views.delete("dana.muster", own[0].id)
    assert [one.name for one in await views.of("dana.muster")] == ["Mine"]
    for number in range(MOST_VIEWS - 1):
        assert await views.save("dana.muster", f"View {number}", "due=late")
    assert not await views.save("dana.muster", "One more", "due=late")
    assert await views.save("dana.muster", "Mine", "stage=closed")


async def test_openings_are_listed_in_an_index_page_by_page(database: Database) -> None:
    log, case = OpeningLog(database), "ab" * 16
    await log.prepare()
    opened = [
        Opening(
            f"{n:032x}",
            case if n % 3 else "cd" * 16,
            f"account.{n % 2}",
            START + n // 2 * HOUR,
            KIND,
            "review",
        )
        for n in range(150)
    ]
    await database["openings"].insert_many([{"_id": one.id, **one.document()} for one in opened])
    of_case = OpeningFilter(case=IdRange(case, case))
    some = (
        OpeningFilter(),
        OpeningFilter(account="account.1"),
        of_case,
        OpeningFilter(first=TODAY, last=TODAY),
    )
    await database.command("profile", 2)
    found = {wanted: await _all_pages(log, wanted) for wanted in some}
    await database.command("profile", 0)
    newest = sorted(opened, key=lambda one: (one.at, one.id), reverse=True)
    assert found[some[0]] == newest == [one async for one in log.all(OpeningFilter())]
    assert found[some[1]] == [one for one in newest if one.account == "account.1"]
    assert found[of_case] == [one for one in newest if one.case == case]
    assert found[some[3]] == [one for one in newest if one.at.date() == TODAY] != []
    read = {"op": {"$in": ["query", "command"]}, "ns": f"{database.name}.openings"}
    examined = [one async for one in database["system.profile"].find(read)]
    assert not [one for one in examined if "IXSCAN" not in one["planSummary"]]
    looked_at = [one["docsExamined"] for one in examined if one.get("nreturned", 0) <= PAGE + 1]
    assert max(looked_at) <= PAGE + 3  # those of the mark's moment are read again


async def _all_pages(log: OpeningLog, wanted: OpeningFilter) -> list[Opening]:
    page = await log.page(wanted)
    found = list(page.openings)
    while page.next is not None:
        page = await log.page(wanted, page.next)
        found += page.openings
    return found
