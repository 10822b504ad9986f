"""An incident from declaration to last notice: intake and the register of incidents, killed in between."""

import csv
import json
import re
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from habeas.embedded.stack import Stack
from shared.contract import topology
from shared.contract.envelope import encode
from shared.contract.events import Fact
from shared.contract.events.breaches import (
    AffectedGroup,
    BreachApproved,
    BreachHeld,
    BreachNotified,
    BreachScoped,
)
from shared.runtime.broker import Message, Parking
from tests.integration.incident_pages import shown, shown_once_it_is, until_it_is
from tests.integration.pipeline import Heard, Pipeline, comes_true, command, now, prepared
from tests.unit.pages import ROOT
from tests.waiting import eventually

EXAMPLE = ROOT / "examples" / "breach" / "incident.yaml"
GDPR = "gdpr@2018-05-25"
REGISTERED, RELEASED = "breach.registered", "breach.released"
HELD_FOR = timedelta(seconds=8)


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    async with prepared(parts, tmp_path_factory.mktemp("incidents"), customers=0) as pipeline:
        await pipeline.start("intake")
        yield pipeline
        await pipeline.stop()


@pytest_asyncio.fixture(scope="module")
async def heard(pipeline: Pipeline) -> AsyncIterator[Heard]:
    async with pipeline.listening() as heard:
        yield heard


def written(folder: Path, **changes: Any) -> Path:
    """Write the example of a declaration, as of today and with *changes*, into a file."""
    content = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    today = now()
    there = [{"collection": "contacts", "filter": {"language": "de"}}, {"collection": "invoices"}]
    known = {
        "affected": content["affected"] | {"collections": there},  # however the datasets are called here
        "reference": f"INC-{uuid.uuid4().hex}",
        "occurred_from": (today - timedelta(days=2)).isoformat(),
        "occurred_to": (today - timedelta(days=1)).isoformat(),
        "detected_at": (today - timedelta(hours=3)).isoformat(),
        "aware_at": (today - timedelta(hours=2)).isoformat(),
        "next_update_at": (today + timedelta(days=7)).isoformat(),
    }
    file = folder / "incident.json"
    file.write_text(json.dumps(content | known | changes, default=str), encoding="utf-8")
    return file


def more_of(file: Path, **more: Any) -> None:
    """Add to what stands in *file*."""
    content = json.loads(file.read_text(encoding="utf-8")) | more
    file.write_text(json.dumps(content), encoding="utf-8")


async def declared(pipeline: Pipeline, file: Path, *, by: str = "ada") -> str:
    """Declare what stands in *file*; return the incident's id."""
    code, said, wrong = await command(pipeline, "breach", "declare", str(file), "--as", by)
    assert code == 0, wrong
    return str(re.findall(r"\b[0-9a-f]{32}\b", said)[0])


async def hear(heard: Heard, case: str, type_: str, count: int) -> list[dict[str, Any]]:
    """Return the data of the events of a type, once there are *count*."""

    def enough() -> bool:
        return len(heard.of(case, type_)) >= count

    await eventually(enough, timedelta(seconds=60))
    return [event["data"] for event in heard.of(case, type_)]


async def tell(pipeline: Pipeline, fact: Fact, id_: str | None = None) -> str:
    """Publish *fact* as a service would that is not running here; return the event's id."""
    id_ = id_ or uuid.uuid4().hex
    body = encode(fact, id=id_, source="habeas/elsewhere", time=now())
    await pipeline.announce(Message(topology.EVENTS, fact.TYPE, body, id_))
    return id_


def scoped(case: str, phase: int = 1, people: int = 700) -> BreachScoped:
    """Return what scoping tells."""
    group = AffectedGroup(laws=(GDPR,), place="DE", language="de", people=people)
    return BreachScoped(request_id=case, phase=phase, groups=(group,), chunks=2, records=900)


def clock(plain: dict[str, Any], name: str) -> dict[str, Any]:
    return next(dict(one) for one in plain["duties"] if one["clock"] == name)


@pytest.mark.timeout(180)
async def test_an_incident_goes_its_way_through_a_hold_a_crash_and_a_second_phase(
    pipeline: Pipeline, heard: Heard, tmp_path: Path
) -> None:
    file = written(tmp_path)
    case = await declared(pipeline, file)
    [registered] = await hear(heard, case, REGISTERED, 1)
    assert (registered["phase"], registered["by"]) == (1, "ada")
    before = await shown_once_it_is(pipeline, case, "registered")
    assert clock(before, "gdpr.authority.DE")["due_at"], "the 72 hours run before anybody has looked"

    id_ = await tell(pipeline, scoped(case))
    plain = await shown_once_it_is(pipeline, case, "scoped")
    assert plain["phases"][0]["by_law"] == {GDPR: 700}
    assert plain["phases"][0]["by_language"] == {"de": 700}

    code, _, wrong = await command(pipeline, "breach", "approve", case, "--as", "ada")
    assert (code, "Another account has to approve" in " ".join(wrong.split())) == (2, True)
    own = BreachApproved(request_id=case, by="ada", phase=1)
    await tell(pipeline, await pipeline.accounts.signed(own))

    async def refused() -> bool:
        async with Parking(pipeline.amqp_url, topology.parking_of("incidents")) as parking:
            return any([b'"ada"' in parked.body async for parked in parking])

    await comes_true(refused)

    until = now() + timedelta(hours=1)
    code, _, wrong = await command(
        pipeline, "breach", "hold", case, "--as", "ada", "--agency", "police", "--until", until.isoformat()
    )
    assert code == 0, wrong

    async def held() -> bool:
        return bool((await shown(pipeline, case))["stated"]["held_until"])

    await comes_true(held)
    code, said, wrong = await command(pipeline, "breach", "approve", case, "--as", "bruno")
    assert code == 0, wrong
    assert "when the hold of police is over" in said
    await until_it_is(pipeline, case, "approved")

    until = now() + HELD_FOR
    sooner = BreachHeld(request_id=case, by="ada", agency="police", until=until)
    await tell(pipeline, await pipeline.accounts.signed(sooner))

    async def noted() -> bool:
        holds = await pipeline.rows("incidents", **{"case": case, "event.type": BreachHeld.TYPE})
        return len(holds) == 2

    await comes_true(noted)
    await pipeline.kill()
    await tell(pipeline, scoped(case), id_)
    await pipeline.start("intake")

    [released] = await hear(heard, case, RELEASED, 1)
    assert now() >= until
    assert (released["chunks"], released["held_by_police"]) == (2, True)
    await tell(pipeline, BreachNotified(request_id=case, phase=1, sent=699, doubtful=0, failed=1))
    plain = await shown_once_it_is(pipeline, case, "notified")
    assert clock(plain, "gdpr.people")["done_at"]
    assert not clock(plain, "gdpr.authority.DE")["done_at"]

    code, _, wrong = await command(
        pipeline, "breach", "reported", case, "--as", "ada", "--clock", "gdpr.authority.DE"
    )
    assert code == 0, wrong

    async def stopped() -> bool:
        return bool(clock(await shown(pipeline, case), "gdpr.authority.DE")["done_at"])

    await comes_true(stopped)
    await _second_phase(pipeline, heard, case, file)
    await _register(pipeline, case, tmp_path)
    causes = [row["cause"] for row in await pipeline.rows("incidents", case=case)]
    assert len(set(causes)) == len(causes), "what was delivered twice is handled once"


async def _second_phase(pipeline: Pipeline, heard: Heard, case: str, file: Path) -> None:
    assert await declared(pipeline, file) == case
    more_of(file, measures="Everybody has a new password.")
    assert await declared(pipeline, file, by="carla") == case
    registered = await hear(heard, case, REGISTERED, 2)
    assert [one["phase"] for one in registered] == [1, 2]
    await tell(pipeline, scoped(case, 2, people=5))
    await until_it_is(pipeline, case, "scoped", 2)
    code, _, wrong = await command(pipeline, "breach", "approve", case, "--as", "ada", "--phase", "1")
    assert (code, "phase 2 is newer" in " ".join(wrong.split())) == (2, True)
    code, _, wrong = await command(pipeline, "breach", "approve", case, "--as", "ada")
    assert code == 0, wrong
    released = await hear(heard, case, RELEASED, 2)
    assert [one["phase"] for one in released] == [1, 2]
    assert not released[1]["held_by_police"]


async def _register(pipeline: Pipeline, case: str, folder: Path) -> None:
    for name in ("register.csv", "register.json", "register.html"):
        code, _, wrong = await command(
            pipeline, "breach", "register", "--out", str(folder / name), "--as", "ada"
        )
        assert code == 0, wrong
    with (folder / "register.csv").open(encoding="utf-8", newline="") as lines:
        [row] = [row for row in csv.DictReader(lines) if row["incident"] == case]
    assert row["measures"] == "Everybody has a new password."
    assert row["phases"] == "2"
    assert case in (folder / "register.html").read_text(encoding="utf-8")


async def test_a_phase_that_was_declared_wrongly_is_taken_back_and_the_one_before_approved(
    pipeline: Pipeline, heard: Heard, tmp_path: Path
) -> None:
    file = written(tmp_path)
    case = await declared(pipeline, file)
    await tell(pipeline, scoped(case).model_copy(update={"customers": 3}))
    await until_it_is(pipeline, case, "scoped")
    more_of(file, measures="This is about another breach.")
    assert await declared(pipeline, file, by="carla") == case
    await tell(pipeline, scoped(case, 2, people=5))
    await until_it_is(pipeline, case, "scoped", 2)
    code, _, wrong = await command(pipeline, "breach", "approve", case, "--as", "bruno")
    assert (code, "--phase: name the reviewed one" in " ".join(wrong.split())) == (2, True)

    code, _, wrong = await command(pipeline, "breach", "withdraw", case, "--as", "ada", "--phase", "1")
    assert (code, "phase 2 is newer" in " ".join(wrong.split())) == (2, True)
    code, _, wrong = await command(pipeline, "breach", "withdraw", case, "--as", "ada", "--phase", "2")
    assert code == 0, wrong
    plain = await shown_once_it_is(pipeline, case, "withdrawn", 2)
    assert plain["phases"][1]["stated"]["withdrawn_by"] == "ada"
    assert [one["phase"] for one in await hear(heard, case, "breach.unscoped", 1)] == [2]
    code, _, wrong = await command(pipeline, "breach", "declare", str(file), "--as", "ada")
    assert (code, "the same phase was withdrawn" in " ".join(wrong.split())) == (2, True)

    code, said, wrong = await command(pipeline, "breach", "approve", case, "--as", "bruno")
    assert code == 0, wrong
    assert "phase 1: 700 people (de 700), 3 customers" in said
    [released] = await hear(heard, case, RELEASED, 1)
    assert released["phase"] == 1
    code, _, wrong = await command(pipeline, "breach", "withdraw", case, "--as", "ada", "--phase", "1")
    assert (code, "notices are out" in " ".join(wrong.split())) == (2, True)


async def test_a_malformed_declaration_is_set_aside_without_a_value(pipeline: Pipeline, heard: Heard) -> None:
    wrong = {"reference": "r", "nature": "Quastenflosser", "high_risk": "Quastenflosser"}
    await pipeline.send(wrong, source="shop", type_="habeas.breach.declared.v1")

    def rejected() -> list[dict[str, Any]]:
        return [event for event in heard.events if event["type"].endswith("request.rejected.v1")]

    [event] = await eventually(rejected, timedelta(seconds=60))
    paths = {flaw["path"] for flaw in event["data"]["errors"]}
    assert {"data.high_risk", "data.aware_at"} <= paths
    assert "Quastenflosser" not in json.dumps(event)


async def test_no_word_of_a_declaration_leaves_the_vault(
    pipeline: Pipeline, heard: Heard, tmp_path: Path
) -> None:
    case = await declared(pipeline, written(tmp_path, nature="Quastenflosser", rationale="Quastenflosser"))
    await hear(heard, case, REGISTERED, 1)
    rows = await pipeline.rows("incidents") + await pipeline.rows("intake")
    assert "Quastenflosser" not in str(rows)
    assert "Quastenflosser" not in json.dumps(heard.events)
    assert "Quastenflosser" not in pipeline.log.read_text(encoding="utf-8")
