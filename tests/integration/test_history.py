"""A request, a verb and an idle service read as much as they need, however many cases were closed before."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta

import pytest
import pytest_asyncio

from bench.history import VERBS, WHOLE, Profile, multiply, profiled, profiling
from habeas.embedded.stack import Stack
from services.intake.cases.retention import Purge, RegisterRetention
from services.intake.domain import RECORDS
from shared.contract.events import RequestPurged
from shared.runtime.audit_keys import chain_key
from shared.runtime.broker import Bus
from shared.runtime.journal import Journal
from shared.runtime.vault import Vault
from tests.extent import extent
from tests.integration.pipeline import SHOP, Pipeline, Somebody, comes_true, command, now, running

COPIES = extent(150, 50_000)
"""Copies of each of two closed cases."""
IDLE_S = extent(2.5, 30.0)
LONG = timedelta(seconds=extent(30, 300))
CALIFORNIA = {"residence": {"country": "US", "subdivision": "CA"}}
MOST_EXAMINED = 250
"""Documents that one of these verbs examines, and idle services."""


@dataclass(frozen=True)
class History:
    """A pipeline with many closed cases."""

    pipeline: Pipeline
    people: Sequence[Somebody]
    """Who has not asked for anything yet."""
    names: Mapping[str, str]
    """What stands for what in the verbs."""


@pytest_asyncio.fixture(scope="module")
async def history(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[History]:
    folder = tmp_path_factory.mktemp("history")
    async with running(parts, folder, customers=20) as pipeline:
        person, other, *people = await pipeline.people()
        closed = [await pipeline.verified("access", person), await pipeline.verified("erasure", other)]
        for case in closed:
            await pipeline.closed(case)
        await multiply(pipeline.client, pipeline.prefix, closed, range(COPIES))
        (folder / "people").write_text(f"{person.email}\n{other.email}\n", encoding="utf-8")
        names = {
            "access": closed[0],
            "erasure": closed[1],
            "person": person.email,
            "folder": str(folder),
            "tomorrow": f"{now() + timedelta(days=1):%Y-%m-%d}",
        }
        await profiling(pipeline.client, pipeline.prefix, on=True)
        yield History(pipeline, people, names)


@pytest.mark.campaign
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("verb", VERBS)
async def test_verbs_of_the_staff_examine_no_closed_cases(history: History, verb: str) -> None:
    found = await _profile_of(history, verb)
    assert found.costly == {}
    assert found.examined <= MOST_EXAMINED


@pytest.mark.campaign
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("verb", WHOLE)
async def test_verbs_about_all_cases_examine_no_more_than_they_read(history: History, verb: str) -> None:
    assert (await _profile_of(history, verb)).costly == {}


async def _profile_of(history: History, verb: str) -> Profile:
    pipeline, since = history.pipeline, now()
    code, _, wrong = await command(pipeline, *verb.format_map(history.names).split())
    assert code in (0, 1), wrong
    return await profiled(pipeline.client, pipeline.prefix, since)


@pytest.mark.campaign
@pytest.mark.timeout(1800)
async def test_a_day_of_requests_examines_no_closed_cases(history: History) -> None:
    pipeline, (reader, leaver, buyer, undecided, *_) = history.pipeline, history.people
    since = now()
    closed = [
        await pipeline.verified("access", reader),
        await pipeline.verified("erasure", leaver),
        await pipeline.lodge(buyer.asks("opt_out_of_sale", **CALIFORNIA), source=SHOP),
        await pipeline.lodge(undecided.asks("erasure")),
    ]
    (await pipeline.http.delete(f"/v1/requests/{closed[-1]}")).raise_for_status()
    for case in closed:
        await pipeline.closed(case, LONG)
    appeal = await pipeline.http.post(f"/v1/requests/{closed[0]}/appeals", json={"statement": "Look again."})
    appeal.raise_for_status()
    await comes_true(lambda: _has_fact(pipeline, closed[0], "habeas.appeal.received.v1"), LONG)
    found = await profiled(pipeline.client, pipeline.prefix, since)
    assert found.costly == {}


async def _has_fact(pipeline: Pipeline, case: str, type_: str) -> bool:
    return bool(await pipeline.rows("intake", **{"case": case, "facts.type": type_}))


@pytest.mark.campaign
@pytest.mark.timeout(1800)
async def test_idle_services_examine_no_closed_cases(history: History) -> None:
    pipeline = history.pipeline
    since = now()
    await asyncio.sleep(IDLE_S)
    found = await profiled(pipeline.client, pipeline.prefix, since)
    assert found.costly == {}
    assert found.examined <= MOST_EXAMINED


@pytest.mark.campaign
@pytest.mark.timeout(1800)
async def test_a_purge_examines_the_purged_case_and_leaves_one_row_for_good(history: History) -> None:
    pipeline, case = history.pipeline, history.names["access"]
    journal = pipeline.client[f"{pipeline.prefix}_intake"]["journal"]
    long_ago = now() - timedelta(days=900)
    await journal.update_many({"case": case}, {"$set": {"at": long_ago}})
    await pipeline.client[f"{pipeline.prefix}_intake"]["purge_dates"].delete_many({})  # it looked at them
    since = now()
    bus = Bus(pipeline.amqp_url_of("intake"), name="test")
    await _purge(pipeline, bus).work()
    await bus.close()

    async def is_forgotten() -> bool:
        services = ("verifier", "fulfillment", "notifier", "codes", "examiner", "login", "scoping")
        for service in services:
            rows = await pipeline.rows(service, case=case)
            assert [row["event"]["type"] for row in rows] == [RequestPurged.TYPE], service
            assert rows[0]["expires_at"] > now()
        return True

    await comes_true(is_forgotten, LONG)
    found = await profiled(pipeline.client, pipeline.prefix, since)
    [row] = await pipeline.rows("intake", case=case)
    assert "expires_at" not in row
    assert found.costly == {}


def _purge(pipeline: Pipeline, bus: Bus) -> Purge:
    master_key = base64.b64decode(pipeline.settings["HABEAS_MASTER_KEY"])
    database = pipeline.client[f"{pipeline.prefix}_intake"]
    journal = Journal(database, RECORDS, key=chain_key(master_key, "intake"))
    vault = Vault(pipeline.client, prefix=pipeline.prefix, master_key=master_key)
    return Purge(pipeline.client, database, journal, vault, bus, RegisterRetention(24, UTC))
