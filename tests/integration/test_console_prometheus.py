"""Prometheus' own programs on the alerts, and every query of the dashboard on real services."""

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from habeas.embedded.parts.ports import HOST, free_port
from tests.conftest import missing
from tests.integration.console_fixture import Console
from tests.integration.pipeline import Somebody, comes_true
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
PROMETHEUS, DASHBOARD = ROOT / "deploy" / "prometheus", ROOT / "deploy" / "grafana" / "habeas.json"
WITHIN = timedelta(seconds=120)
ANSWERED_BY_OTHERS = {"rabbitmq", "rabbitmq-queues"}
"""Jobs of exporters that are not ours."""


@pytest.fixture(scope="session", autouse=True)
def _programs() -> None:
    if shutil.which("prometheus") is None:
        missing("there is no Prometheus here: scripts/setup-tests installs it")


async def promtool(*arguments: str | Path, stdin: bytes = b"") -> str:
    child = await asyncio.create_subprocess_exec(
        "promtool", *map(str, arguments), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await child.communicate(stdin)
    assert child.returncode == 0, output.decode()
    return output.decode()


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / "rules.yaml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def queries() -> Iterator[tuple[str, str]]:
    """Yield the panel and the text of each query of the dashboard."""
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"].replace("$__rate_interval", "1m")


async def test_alerts_are_well_formed_and_fire_when_they_should() -> None:
    await promtool("check", "config", PROMETHEUS / "prometheus.yml")
    await promtool("test", "rules", PROMETHEUS / "rules_test.yaml")


@asynccontextmanager
async def scraping(folder: Path, target: str) -> AsyncIterator[httpx.AsyncClient]:
    """Run a Prometheus with our configuration, which scrapes our services at *target* every half second."""
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))
    config["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
    config["rule_files"] = [str(PROMETHEUS / "rules.yaml")]
    [ours] = [job for job in config["scrape_configs"] if job["job_name"] not in ANSWERED_BY_OTHERS]
    ours["static_configs"] = [{"targets": [target]}]
    config["scrape_configs"] = [ours]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    port = free_port()
    child = await asyncio.create_subprocess_exec(
        "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={HOST}:{port}", "--log.level=error", env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    try:
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}/api/v1", timeout=90) as client:
            yield client
    finally:
        child.terminate()
        await child.wait()


async def asked(client: httpx.AsyncClient, query: str) -> list[Any]:
    try:
        answer = await client.get("/query", params={"query": query})
    except httpx.TransportError:
        return []
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:  # it starts
        return []
    assert answer.status_code == httpx.codes.OK, (query, answer.text)
    found: list[Any] = answer.json()["data"]["result"]
    return found


async def test_every_query_of_the_dashboard_is_answered_by_real_services(
    console: Console, tmp_path: Path
) -> None:
    pipeline = console.pipeline
    http = await pipeline.http.post("/v1/requests", json=Somebody("kim@example.net", "Kim").asks("access"))
    assert http.status_code == 202
    async with scraping(tmp_path, pipeline.ops_url.removeprefix("http://")) as client:

        async def all_are_answered() -> bool:
            answers = [(title, query, await asked(client, query)) for title, query in queries()]
            assert [(title, query) for title, query, found in answers if not found] == []
            return True

        answered: bool = await eventually(all_are_answered, WITHIN)
        assert answered
        known = set((await client.get("/label/__name__/values")).json()["data"])

        async def no_service_is_down() -> bool:
            down = await client.get("/query", params={"query": 'ALERTS{alertname="HabeasServiceDown"}'})
            return bool(down.raise_for_status().json()["data"]["result"] == [])

        await comes_true(no_service_is_down)
    used = {name for rule in rules() for name in re.findall(r"\bhabeas_[a-z_]+", rule["expr"])}
    of_others = {
        "habeas_code_alarm",
        "habeas_cases_stalled",
        "habeas_journal_findings_total",
        "habeas_journals_compared_timestamp_seconds",
        "habeas_journals_verified_timestamp_seconds",
    }
    off = {name for name in used if "drop" in name} | of_others
    assert used - off <= known
