"""Requests go their way; the report counts them. Years later they are purged everywhere; it says the same."""

import csv
import io
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from habeas.client import read_model
from habeas.embedded.stack import Stack
from services.console.read_model.register import REGISTER_FIELDS
from shared.contract.events import RequestPurged, RequestReceived
from shared.law import library
from tests.integration.pipeline import (
    PORTAL,
    SERVICES,
    SHOP,
    WITHIN,
    Pipeline,
    comes_true,
    command,
    followed,
    running,
)
from tests.waiting import eventually

YEARS_LATER = timedelta(days=3 * 366)
DAYS = ("received_on", "due_on", "internal_due_on")


async def report(pipeline: Pipeline, on: date, *words: str) -> str:
    code, output, errors = await command(
        pipeline, "report", "--year", str(on.year), *words, "--as", "vera.viewer"
    )
    assert code == 0, errors
    return output


async def figures(pipeline: Pipeline, on: date) -> dict[tuple[str, str], dict[str, Any]]:
    found = json.loads(await report(pipeline, on, "--format", "json"))
    return {(one["law"], one["right"]): {**one, "year": None} for one in found}


async def grow_old(pipeline: Pipeline) -> None:
    """Let years pass for all that is written down."""
    for service in SERVICES:
        journal = pipeline.client[f"{pipeline.prefix}_{service}"]["journal"]
        async for row in journal.find():
            for fact in (row["event"], *row["facts"]):
                if fact and fact["type"] == RequestReceived.TYPE:
                    fact["data"] |= {name: _earlier(fact["data"][name]) for name in DAYS}
            earlier = {name: row[name] - YEARS_LATER for name in ("at", "occurred_at") if row.get(name)}
            await journal.replace_one({"_id": row["_id"]}, {**row, **earlier})
    await pipeline.client[f"{pipeline.prefix}_intake"]["purge_dates"].delete_many(
        {}
    )  # of looks in those years


def _earlier(day: str) -> str:
    return (date.fromisoformat(day) - YEARS_LATER).isoformat()


async def test_report_counts_results_alike_before_and_after_a_purge(
    parts: Stack | None, tmp_path: Path
) -> None:
    async with running(parts, tmp_path) as pipeline:
        ada, bea, cem, *_ = await pipeline.people()
        access = await pipeline.verified("access", ada)
        opt_out = await pipeline.lodge(
            bea.asks("opt_out_of_sale", residence={"country": "US", "subdivision": "CA"}), source=SHOP
        )
        withdrawn = await pipeline.lodge(cem.asks("erasure"))
        (await pipeline.http.delete(f"/v1/requests/{withdrawn}")).raise_for_status()
        sent = ada.asks("access")
        sent["subject"] = {"email": "nobody@example.org", "name": "Nobody Known"}
        await pipeline.send(sent)
        nothing = await pipeline.id_of(sent, source=PORTAL)
        still_open = await pipeline.lodge(bea.asks("erasure"))
        closed = (access, opt_out, withdrawn, nothing)
        for case in closed:
            await pipeline.closed(case)
        page = await pipeline.until_it_is("challenged", still_open)
        day = date.fromisoformat(page["received_on"])
        for case in (*closed, still_open):
            await followed(pipeline, case)

        before = await figures(pipeline, day)
        assert before["gdpr", "access"] | {"complied_in_whole": 0, "complied_in_part": 0} == {
            "year": None,
            "law": "gdpr",
            "right": "access",
            "received": 2,
            "complied_in_whole": 0,
            "complied_in_part": 0,
            "denied": 0,
            "of_which_lapsed": 0,
            "nothing_held": 1,
            "forwarded": 0,
            "duplicate": 0,
            "withdrawn": 0,
            "open": 0,
            "late": 0,
            "median_days": 0,
            "mean_days": 0,
            "denied_for": {},
            "limited_for": before["gdpr", "access"]["limited_for"],
        }
        assert before["us-ca-ccpa", "opt_out_of_sale"]["complied_in_whole"] == 1
        assert before["gdpr", "erasure"]["withdrawn"] == before["gdpr", "erasure"]["open"] == 1

        printed = await report(pipeline, day, "--register", "--format", "csv")
        register = list(csv.DictReader(io.StringIO(printed)))
        assert {entry["request"]: entry["manner"] for entry in register} == {
            access: "web", opt_out: "api", withdrawn: "web", nothing: "event", still_open: "web"
        }  # fmt: skip
        assert tuple(register[0]) == REGISTER_FIELDS
        printed = await report(pipeline, day, "--register", "--format", "json", "--law", "us-ca-ccpa")
        lines = printed.splitlines()
        assert [json.loads(line)["request"] for line in lines] == [opt_out]

        await pipeline.stop()
        await grow_old(pipeline)
        then = day - YEARS_LATER
        zone = library.company(library.EXAMPLE).zone
        await read_model.rebuild(pipeline.mongo_url, pipeline.prefix, zone)
        await pipeline.start()

        async def gone_everywhere() -> bool:
            for service in (*SERVICES, "examiner", "login"):
                for case in closed:
                    rows = await pipeline.rows(service, case=case)
                    told = [fact["type"] for row in rows for fact in (row["event"], *row["facts"]) if fact]
                    assert told == [RequestPurged.TYPE], (service, told)
            return True

        async def gone_from_the_console() -> bool:
            cases = pipeline.client[f"{pipeline.prefix}_console"]["cases"]
            return await cases.count_documents({"_id": {"$in": [*closed]}, "kind": {"$ne": None}}) == 0

        gone: bool = await eventually(gone_everywhere, WITHIN)
        assert gone
        await comes_true(gone_from_the_console, WITHIN)
        vault, keys = (pipeline.client[f"{pipeline.prefix}_{name}"] for name in ("vault", "keys"))
        assert {one["_id"].partition("/")[0] async for one in vault["items"].find()} == {still_open}
        assert {one["_id"] async for one in keys["keys"].find({"key": {"$ne": None}})} == {still_open}
        assert {row["case"] for row in await pipeline.rows("verifier")} >= {still_open}
        assert (await pipeline.page(access))["status"] == "purged"

        assert await figures(pipeline, then) == before
        assert not any((await pipeline.parked()).values())
