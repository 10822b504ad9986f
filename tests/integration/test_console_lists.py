"""The lists of the console on a database: every query reads in an index, and every index serves a query."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bench.console import fill
from services.console.read_model.cases import CaseFilter, CaseList, CaseOrder, DueFilter
from services.console.read_model.figures import FigureReader
from services.console.read_model.histories import CaseHistories
from services.console.read_model.holds import HoldFilter, HoldList, PlacedHold
from services.console.read_model.marks import PAGE
from services.console.read_model.openings import Opening, OpeningFilter, OpeningKind, OpeningLog
from services.console.read_model.recipients import NoticeList
from services.console.saved_views import MOST_VIEWS, SavedViews
from services.console.state import CaseKind, CaseRow, HoldState, RecipientState, WaitKind
from shared.contract import events
from shared.contract.references import IdRange
from shared.runtime.journal import NotedFact
from shared.runtime.mongo import Client, Database
from shared.vocabulary import HoldScope

CASES = 400
TODAY = date(2026, 11, 20)
START, HOUR, A_DAY = datetime(2026, 11, 19, tzinfo=UTC), timedelta(hours=1), timedelta(days=1)
KIND = OpeningKind.CONTENT
ALONE: Mapping[str, Mapping[str, Any]] = {
    "all": {},
    "stage": {"stage": "closed"},
    "outcome": {"outcome": "refused"},
    "most frequent outcome": {"outcome": "granted", "owner": "-"},
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
    first, *others = [row async for row in cases.all(CaseFilter(), TODAY)][:3]
    await database["cases"].update_many(
        {"_id": {"$in": [one.id for one in others]}}, {"$set": {"follows": first.id}}
    )
    assert set(await cases.following(first.id)) == {one.id for one in others}
    await cases.work(TODAY)
    await cases.work(TODAY, "dana.muster")
    await cases.open_counts(TODAY)
    assert sum((await FigureReader(database).ages(TODAY)).values()) > 0
    await database.command("profile", 0)
    read = {"op": {"$in": ["query", "command"]}, "ns": f"{database.name}.cases"}
    plans = [str(one["planSummary"]) async for one in database["system.profile"].find(read)]
    assert len(plans) > len(ALONE)
    assert not [plan for plan in plans if "COLLSCAN" in plan]
    known = await database["cases"].index_information()
    used = {name for name, keys in known.items() if any(_shown(keys["key"]) in plan for plan in plans)}
    assert known.keys() - used == set()


async def test_facts_are_shown_once_the_row_of_their_case_has_them(database: Database) -> None:
    model, case = CaseHistories(database, ZoneInfo("UTC")), "ab" * 16
    assert await model.shown(case) == []
    await model.note(
        [NotedFact(case, "1", events.CaseAssigned(request_id=case, owner="kai", by="kai"), START)]
    )
    assert len(await model.shown(case)) == 1
    second = {"type": events.CaseNoted.TYPE, "data": {"note": "note_1", "by": "kai"}, "at": START}
    await database["histories"].update_one({"_id": case}, {"$set": {"facts.2": second}})
    assert await model.shown(case) == []
    await model.renew([case])
    assert len(await model.shown(case)) == 2


async def test_facts_are_not_shown_before_the_list_of_holds_has_them(database: Database) -> None:
    case, holds = "ab" * 16, list[int]()

    class Watched(CaseHistories):
        async def _write(self, collection: Any, changes: Sequence[Any], what: str) -> None:
            if collection.name == "cases":
                holds.append(await database["holds"].count_documents({"case": case}))
            await super()._write(collection, changes, what)

    hold = events.HoldPlaced(request_id=case, by="dana", hold="1" * 32, scope=HoldScope.PERSON, matter="m")
    await Watched(database, ZoneInfo("UTC")).note([NotedFact(case, "placed", hold, START, START)])
    assert holds == [1]


async def test_open_requests_are_counted_in_their_index_alone(database: Database) -> None:
    cases = CaseList(database)
    await fill(database, CASES)
    await cases.prepare()
    await database.command("profile", 2)
    counts = await cases.open_counts(TODAY)
    await database.command("profile", 0)
    open_ones = [row async for row in cases.all(CaseFilter(open=True), TODAY)]
    day = TODAY.isoformat()
    near = [
        row
        for row in open_ones
        if row.meant_for and row.meant_for <= TODAY and row.document()["sort_due"] >= day
    ]
    assert sum(one.count for one in counts) == len(open_ones) > 0
    assert sum(one.count for one in counts if one.near) == len(near) > 0
    [read] = [one async for one in database["system.profile"].find({"command.aggregate": "cases"})]
    assert (read["docsExamined"], read["keysExamined"]) == (0, len(open_ones))


async def test_list_by_target_day_reads_open_requests_alone(database: Database) -> None:
    cases = CaseList(database)
    await fill(database, CASES)
    await cases.prepare()
    open_ones = [row async for row in cases.all(CaseFilter(open=True), TODAY)]
    await database.command("profile", 2)
    page = await cases.page(CaseFilter(open=True, meant_by=date(2000, 1, 1)), TODAY)
    await database.command("profile", 0)
    assert list(page.rows) == []
    [read] = [one async for one in database["system.profile"].find({"command.find": "cases"})]
    assert read["docsExamined"] == 0
    assert read["keysExamined"] <= len(open_ones) + 1


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


async def test_holds_are_listed_in_an_index_standing_ones_first(database: Database) -> None:
    """One whose last day is over comes after them, a lifted one last; held requests have an index."""
    listed = HoldList(database)
    await listed.prepare()
    days = (None, TODAY, TODAY - A_DAY)
    placed = [hold(number, days[number % 3], lifted=number % 5 == 0) for number in range(120)]
    await database["holds"].insert_many([{"_id": one.id, **one.document()} for one in placed])
    held = CaseRow("ef" * 16, CaseKind.REQUEST, START, START, holds=(placed[1].hold, placed[7].hold))
    await database["cases"].insert_one(held.document())
    some = (HoldFilter(), HoldFilter(standing=True), HoldFilter(standing=True, collection="shop.orders"))
    await database.command("profile", 2)
    found = {wanted: await _all_holds(listed, wanted) for wanted in some}
    await database.command("profile", 0)
    ordered = sorted(placed, key=lambda one: one.place, reverse=True)
    assert [one for one, _ in found[some[0]]] == ordered
    standing = [one for one in ordered if one.state_on(TODAY) is HoldState.STANDING]
    assert ordered[: len(standing)] == standing
    assert [one for one, _ in found[some[1]]] == standing != []
    assert [one for one, _ in found[some[2]]] == [one for one in standing if one.collection] != []
    kept = {one.id: list(cases) for one, cases in found[some[0]] if cases}
    assert kept == {placed[1].id: [held.id], placed[7].id: [held.id]}
    read = {"op": {"$in": ["query", "command"]}, "ns": {"$regex": r"\.(holds|cases)$"}}
    examined = [one async for one in database["system.profile"].find(read)]
    assert not [one for one in examined if "IXSCAN" not in one["planSummary"]]
    assert max(one["docsExamined"] for one in examined) <= PAGE + 1
    assert await listed.standing(TODAY) == standing


async def test_hold_stays_with_its_newest_state_when_its_case_is_purged(database: Database) -> None:
    """A refused one goes. A writer that has seen fewer facts of the case changes nothing."""
    histories, case, at = CaseHistories(database, ZoneInfo("UTC")), "ab" * 16, START
    placed, refused = (
        events.HoldPlaced(request_id=case, by="dana", hold=one * 32, scope=HoldScope.PERSON, matter="claim_7")
        for one in "12"
    )
    first = [NotedFact(case, name, fact, at, at) for name, fact in (("placed", placed), ("refused", refused))]
    await histories.note(first)
    seen = await histories.of([case])
    assert await database["holds"].count_documents({"lifted_at": None}) == 2
    lifted = events.HoldLifted(request_id=case, by="omar", hold=placed.hold, reason="claim_ended")
    refusal = events.DecisionRefused(
        request_id=case, decision="refused", type=placed.TYPE, account="dana", reason="hold_exists"
    )
    later = (("lifted", lifted), ("refusal", refusal), ("purged", events.RequestPurged(request_id=case)))
    await histories.note([NotedFact(case, name, fact, at + HOUR, at) for name, fact in later[:2]])
    await histories._renew_others({case: [one for one in seen[case] if one.id == "placed"]})
    assert await database["holds"].count_documents({"_id": "placed", "lifted_by": "omar"}) == 1
    await histories.note([NotedFact(case, name, fact, at + HOUR, at) for name, fact in later[2:]])
    [kept] = [PlacedHold.read(one) async for one in database["holds"].find()]
    assert (kept.id, kept.lifted_by, kept.reason) == ("placed", "omar", "claim_ended")


async def test_notices_are_listed_in_an_index_and_go_with_their_case(database: Database) -> None:
    listed, histories = NoticeList(database), CaseHistories(database, ZoneInfo("UTC"))
    await listed.prepare()
    facts = [concerned(number) for number in range(110)]
    facts += [failed(number, one) for number, one in enumerate(facts) if number % 2]
    await histories.note(facts)
    await database.command("profile", 2)
    pages = [await listed.page(failed=one) for one in (False, True)]
    marks = [page.next or "" for page in pages]
    rest = [await listed.page(failed=one, after=marks[one]) for one in (False, True)]
    await database.command("profile", 0)
    assert [len(page.notices) for page in (*pages, *rest)] == [50, 50, 50, 5]
    states = [one.state for page in (pages[1], rest[1]) for one in page.notices]
    assert states == [RecipientState.FAILED] * 55
    times = [one.at for page in (pages[0], rest[0]) for one in page.notices]
    assert times == sorted(times, reverse=True)
    stored = [one async for one in database["histories"].find()]
    assert "secret hash" not in str(stored)
    read = {"op": {"$in": ["query", "command"]}, "ns": f"{database.name}.notices"}
    examined = [one async for one in database["system.profile"].find(read)]
    assert not [one for one in examined if "IXSCAN" not in one["planSummary"]]
    assert max(one["docsExamined"] for one in examined) <= PAGE + 1
    case = facts[0].case
    await histories.note([NotedFact(case, "purged", events.RequestPurged(request_id=case), START, START)])
    assert await database["notices"].count_documents({}) == 100


def concerned(number: int) -> NotedFact:
    """Return one of ten notices of a case."""
    case, at = f"{number // 10:032x}", START + number * HOUR
    fact = events.RecipientConcerned(
        request_id=case,
        recipient="Mailer",
        notice=f"notice_{number}",
        about=events.SubjectErased.TYPE,
        identifiers={"email": "secret hash"},
    )
    return NotedFact(case, f"concerned-{number}", fact, at, at)


def failed(number: int, concerned: NotedFact) -> NotedFact:
    """Return that the notice has failed."""
    assert isinstance(concerned.fact, events.RecipientConcerned)
    known = concerned.fact.model_dump(exclude={"identifiers", "fields"})
    fact = events.RecipientFailed(**known, reason="refused")
    return NotedFact(concerned.case, f"failed-{number}", fact, concerned.at + HOUR, concerned.at + HOUR)


def hold(number: int, until: date | None, *, lifted: bool) -> PlacedHold:
    """Return a hold on a request, or every other time on a collection."""
    scope, at = (HoldScope.PERSON, HoldScope.COLLECTION)[number % 2], START + number // 2 * HOUR
    name, key = f"{number:032x}", "shop.orders" if number % 2 else None
    ended = at if lifted else None
    return PlacedHold(name, name, name, scope, "claim_7", "dana", at, until, key, lifted_at=ended)


async def _all_holds(listed: HoldList, wanted: HoldFilter) -> list[tuple[PlacedHold, Sequence[str]]]:
    page = await listed.page(wanted, TODAY)
    found = [(one, page.kept_from(one)) for one in page.holds]
    while page.next is not None:
        page = await listed.page(wanted, TODAY, page.next)
        found += [(one, page.kept_from(one)) for one in page.holds]
    return found


async def _all_pages(log: OpeningLog, wanted: OpeningFilter) -> list[Opening]:
    page = await log.page(wanted)
    found = list(page.openings)
    while page.next is not None:
        page = await log.page(wanted, page.next)
        found += page.openings
    return found
