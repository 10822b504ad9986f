"""
``python -m bench.console``: the time and the size of each page of the console, beside 200,000 cases.

The rows follow from synthetic facts, as in the service; the console runs as a process of its own, with a real
database. A time is that of one request over HTTP on this machine, to the last byte of the answer.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import httpx
import uvloop

from bench.figures import out
from bench.installation import Ground, ground, services
from habeas.embedded.parts.ports import HOST, free_port
from services.console.domain import HistoryEntry, row_of
from services.console.read_model.cases import CaseList
from services.console.read_model.figures import FigureReader
from services.console.read_model.histories import stored_entry, stored_row
from services.console.read_model.openings import Opening, OpeningKind, OpeningLog
from services.console.signin.sessions import SessionStore
from services.console.state import CaseRow
from shared.contract import events
from shared.contract.events import Fact, breaches
from shared.law import Regulation, Right
from shared.runtime.accounts import STAFF
from shared.runtime.broker import declare
from shared.runtime.journal import NotedFact
from shared.runtime.mongo import Database
from shared.vocabulary import LetterKind, Outcome, StaffRole

CASES = 200_000
INCIDENTS = 100
OPENINGS = 50_000
AT_ONCE = 5_000
READINGS = 60
"""Readings of each page."""
GOAL_MS, GOAL_KB = 100, 200
OPEN_SHARE = 0.02
"""Of the cases; a company with 200,000 has answered most of them."""
LAWS = {
    "DE": ("gdpr@2018-05-25", Regulation.GDPR),
    "FR": ("gdpr@2018-05-25", Regulation.GDPR),
    "GB": ("uk-gdpr@2026-02-05", Regulation.UK_GDPR),
    "US": ("us-ca-ccpa@2026-01-01", Regulation.CCPA),
}
SOURCES = ("shop.example", "app.example", "mail", "privacy_center")
OWNERS = ("dana.muster", "omar.sample", "ines.beispiel")
RIGHTS = tuple(Right)
UTC_ZONE = ZoneInfo("UTC")
NAMESPACE = UUID(int=7)
START = datetime(2026, 1, 1, 9, tzinfo=UTC)
PAGES = {
    "inbox": "/",
    "inbox, one kind of work": "/?work=approval",
    "inbox, own cases": "/?view=own",
    "inbox, all work": "/?view=all",
    "requests": "/requests",
    "requests, newest first": "/requests?order=newest",
    "requests by state": "/requests?stage=closed",
    "requests by state, newest first": "/requests?stage=referred&order=newest",
    "requests by outcome": "/requests?outcome=granted",
    "requests by outcome, newest first": "/requests?outcome=refused&order=newest",
    "requests by right": "/requests?right=access",
    "requests by law": "/requests?law=gdpr",
    "requests by law, newest first": "/requests?law=us-ca-ccpa&order=newest",
    "requests by country": "/requests?country=FR",
    "requests by source": "/requests?source=mail",
    "requests by incident": "/requests?incident=incident_7",
    "requests by owner": "/requests?owner=dana.muster",
    "requests without owner": "/requests?owner=-",
    "requests overdue": "/requests?due=late",
    "requests due in 30 days": "/requests?due=month",
    "requests by state and source": "/requests?stage=closed&source=mail",
    "requests by day of receipt": "/requests?from=2026-02-01&to=2026-02-28",
    "requests by five filters": "/requests?stage=closed&right=erasure&country=US&source=mail&from=2026-03-01",
    "requests by filters that exclude each other": "/requests?stage=closed&country=DE&law=us-ca-ccpa",
    "requests by a law that the country excludes": "/requests?country=FR&law=us-ca-ccpa&order=newest",
    "requests by the beginning of an id": "/requests?text=ab",
    "requests by reference of the source": "/requests?text=order-100",
    "figures": "/figures",
    "figures by year and law": "/figures?period=year&by=law",
    "figures as CSV": "/figures.csv",
    "breaches": "/breaches",
    "system": "/system",
    "openings": "/audit",
    "openings of an account": "/audit?account=dana.muster",
    "openings of a month": "/audit?from=2026-02-01&to=2026-02-28",
    "API: inbox": "/api/v1/inbox",
    "API: cases by state": "/api/v1/cases?stage=closed",
    "API: figures": "/api/v1/figures",
    "API: system": "/api/v1/system",
}
"""Page → its address."""


def case_id(number: int) -> str:
    """Return the id of a case."""
    return uuid5(NAMESPACE, str(number)).hex


def facts_of(number: int, count: int) -> list[Fact]:
    """Return the facts of a case: the last ones are open, the others answered and closed."""
    chance = random.Random(number)
    case, right = case_id(number), chance.choice(RIGHTS)
    country = chance.choice(tuple(LAWS))
    policy, regulation = LAWS[country]
    day = (START + timedelta(days=300 * number / count)).date()
    received = events.RequestReceived(
        request_id=case,
        right=right,
        regulation=regulation,
        policy=policy,
        laws=(policy,),
        country=country,
        source=chance.choice(SOURCES),
        incident=f"incident_{number % 50}" if number % 200 == 7 else None,
        received_at=datetime(day.year, day.month, day.day, 9, tzinfo=UTC),
        received_on=day,
        due_on=day + timedelta(days=30),
        internal_due_on=day + timedelta(days=20),
    )
    verified = events.IdentityVerified(
        request_id=case,
        right=right,
        regulation=regulation,
        received_on=day,
        assurance="mailbox",
        reasons=(),
    )
    if number >= count * (1 - OPEN_SHARE):
        return [received, *_waiting(received, verified, chance)]
    outcome = Outcome.REFUSED if number % 50 == 0 else Outcome.GRANTED
    answered = events.RequestFulfilled(
        request_id=case, right=right, outcome=outcome, answer="answer", dispositions={"erased": 3}
    )
    sent = events.NoticeSent(request_id=case, letter=LetterKind.OUTCOME)
    return [
        received,
        verified,
        answered,
        sent,
        events.RequestClosed(request_id=case, outcome=outcome),
    ]


def _waiting(
    received: events.RequestReceived, verified: events.IdentityVerified, chance: random.Random
) -> Sequence[Fact]:
    case, right = received.request_id, received.right
    match chance.randrange(4):
        case 0:
            return (events.IdentityReviewNeeded(request_id=case, reasons=("blurred",)),)
        case 1:
            planned = events.ErasurePlanned(
                request_id=case,
                plan="plan",
                regulation=received.regulation,
                received_on=received.received_on,
                approval=True,
            )
            return verified, planned
        case 2:
            return verified, events.RequestReferred(request_id=case, right=right, reason="unsure")
        case _:
            return (events.IdentityChallenged(request_id=case, expires_at=received.received_at),)


def history_of(number: int, count: int) -> list[HistoryEntry]:
    """Return the history of a case."""
    facts = facts_of(number, count)
    start = START + timedelta(days=300 * number / count)
    case = case_id(number)
    return [
        HistoryEntry(uuid5(NAMESPACE, f"{case} {place}").hex, start + timedelta(hours=place), fact)
        for place, fact in enumerate(facts)
    ]


def incident_of(number: int) -> list[HistoryEntry]:
    """Return the history of an incident whose notices wait for an approval."""
    case, aware_at = case_id(-number), START + timedelta(days=3 * number)
    law, _ = LAWS["DE"]
    groups = tuple(
        breaches.AffectedGroup(laws=(policy,), place=country, language="en", people=1_000)
        for country, (policy, _) in LAWS.items()
    )
    due_at = aware_at + timedelta(hours=72)
    duty = breaches.StatedDuty(clock="gdpr.authority.DE", policy=law, recipient="authority", due_at=due_at)
    facts: Sequence[Fact] = (
        breaches.BreachRegistered(
            request_id=case,
            phase=1,
            declaration="declared_1",
            role=breaches.BreachRole.CONTROLLER,
            aware_at=aware_at,
            by=OWNERS[1],
        ),
        breaches.BreachScoped(request_id=case, phase=1, groups=groups, chunks=4),
        breaches.IncidentStated(
            request_id=case,
            aware_at=aware_at,
            phases=(breaches.StatedPhase(phase=1, status="scoped"),),
            duties=(duty,),
        ),
    )
    return [
        HistoryEntry(uuid5(NAMESPACE, f"{case} {place}").hex, aware_at + timedelta(minutes=place), fact)
        for place, fact in enumerate(facts)
    ]


async def fill(database: Database, count: int) -> None:
    """Write *count* cases: their rows, and the histories that their pages read."""
    for first in range(0, count, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, count))
        await _write(database, [_row(number, history_of(number, count)) for number in numbers])


async def _open_some(database: Database, count: int) -> None:
    """Record openings of cases by the accounts, and index them."""
    openings = [
        Opening(
            uuid5(NAMESPACE, f"opening {number}").hex,
            case_id(number % count),
            OWNERS[number % 3],
            START + timedelta(minutes=8 * number),
            OpeningKind.CONTENT,
        )
        for number in range(OPENINGS)
    ]
    await database["openings"].insert_many([{**one.document(), "_id": one.id} for one in openings])
    await OpeningLog(database).prepare()


def _row(number: int, history: list[HistoryEntry]) -> tuple[CaseRow, list[HistoryEntry]]:
    row = row_of(case_id(number), history)
    assert row is not None
    row.owner = random.Random(number).choice((None, *OWNERS))
    row.reference = f"order-{number}"
    return row, history


async def _write(database: Database, cases: Sequence[tuple[CaseRow, list[HistoryEntry]]]) -> None:
    rows = [
        {"_id": row.id, **stored_row(row, history, UTC_ZONE), "facts_seen": len(history)}
        for row, history in cases
    ]
    histories = [
        {"_id": row.id, "facts": {one.id: _stored(row.id, one) for one in history}} for row, history in cases
    ]
    await database["cases"].insert_many(rows, ordered=False)
    await database["histories"].insert_many(histories, ordered=False)


def _stored(case: str, entry: HistoryEntry) -> dict[str, object]:
    return stored_entry(NotedFact(case, entry.id, entry.fact, entry.at, entry.at))


@dataclass(frozen=True, slots=True)
class PageCost:
    """Times and size of a page."""

    name: str
    first_ms: float
    """The reading before those that count: nothing is kept in memory yet."""
    times_ms: Sequence[float]
    size_kb: float

    @property
    def median(self) -> float:
        """Return the median."""
        return statistics.median(self.times_ms)

    @property
    def p95(self) -> float:
        """Return the 95th percentile."""
        return statistics.quantiles(self.times_ms, n=20)[-1]

    @property
    def kept(self) -> bool:
        """Return whether the page keeps the goals."""
        return self.p95 <= GOAL_MS and self.size_kb <= GOAL_KB


async def _reading(client: httpx.AsyncClient, path: str) -> tuple[float, bytes]:
    began = time.perf_counter()
    async with client.stream("GET", path) as answer:
        answer.raise_for_status()
        if path.startswith(("/requests.csv", "/counts")):
            body = await anext(answer.aiter_bytes())
        else:
            body = await answer.aread()
        return (time.perf_counter() - began) * 1000, body


async def cost_of(client: httpx.AsyncClient, name: str, path: str, readings: int) -> PageCost:
    """Return the cost of a page."""
    first, _ = await _reading(client, path)
    found = [await _reading(client, path) for _ in range(readings)]
    return PageCost(name, first, [one for one, _ in found], len(found[0][1]) / 1000)


async def _more(client: httpx.AsyncClient, count: int) -> dict[str, str]:
    """Return the addresses that follow from others: a next page, a case."""
    page = (await client.get("/requests?stage=closed")).text
    mark = page.split("after=")[1].split('"')[0]
    return {
        "next page": f"/requests?stage=closed&after={mark}",
        "a case": f"/requests/{case_id(count - 1)}",
        "openings of a case": f"/requests/{case_id(0)}/audit",
        "API: a case": f"/api/v1/cases/{case_id(count - 1)}",
        "a breach": f"/breaches/{case_id(-1)}",
        "counts, the first": "/counts",
        "CSV, the first bytes": "/requests.csv",
    }


@asynccontextmanager
async def console(here: Ground) -> AsyncIterator[httpx.AsyncClient]:
    """Start the console; return a client that is signed in."""
    port = free_port()
    settings = {"HABEAS_CONSOLE_PORT": str(port), "HABEAS_CONSOLE_URL": f"http://{HOST}:{port}"}
    token = await _sign_in(here)
    await declare(here.stack.amqp_url, console=True)
    client = httpx.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=60)
    client.cookies["habeas-console"] = token
    client.headers["Authorization"] = f"Bearer {token}"  # for the API
    async with services(here, ("console",), settings), client:
        yield client


async def _sign_in(here: Ground) -> str:
    """Make the owners' accounts, and a session of the first; return its token."""
    accounts = here.client[f"habeas_{STAFF}"]["accounts"]
    for name in OWNERS:
        account = {"display_name": "", "roles": list(StaffRole), "public_key": b"key", "second_factor": b"x"}
        await accounts.insert_one({"_id": name, "disabled": False, **account})
    sessions = SessionStore(here.client["habeas_console"], idle=timedelta(hours=1), length=timedelta(hours=2))
    return (await sessions.begin(OWNERS[0], b"key", datetime.now(UTC))).token


async def prepared(here: Ground, count: int) -> None:
    """Write *count* cases, and index them."""
    database = here.client["habeas_console"]
    await fill(database, count)
    await _write(database, [_row(-number, incident_of(number)) for number in range(1, INCIDENTS + 1)])
    await CaseList(database).prepare()
    await FigureReader(database).prepare()
    await _open_some(database, count)


async def measure(here: Ground, count: int, readings: int) -> list[PageCost]:
    """Return the cost of each page beside *count* cases."""
    began = time.perf_counter()
    await prepared(here, count)
    out.print(f"{count:,} cases written in {time.perf_counter() - began:.0f} s")
    async with console(here) as client:
        pages = {**PAGES, **await _more(client, count)}
        return [await cost_of(client, name, path, readings) for name, path in pages.items()]


def table(costs: Sequence[PageCost]) -> str:
    """Return *costs* in the form of ``docs/performance.md``."""
    lines = [
        f"| {one.name} | {one.first_ms:.0f} ms | {one.median:.0f} ms | {one.p95:.0f} ms "
        f"| {one.size_kb:.0f} kB |" + ("" if one.kept else " MISSED")
        for one in costs
    ]
    return "\n".join(["| page | first | median | p95 | size |", "|---|---|---|---|---|", *lines])


async def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.console", description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--readings", type=int, default=READINGS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="habeas-bench-") as folder:
        async with ground(Path(folder)) as here:
            out.print(table(await measure(here, given.cases, given.readings)))


if __name__ == "__main__":
    uvloop.run(_main())
