"""Metrics in files for Prometheus and Grafana, and in documents, exist; alerts name a section of a page."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from habeas.client.backups import OWN
from habeas.reference import _metrics
from shared.contract.topology import inboxes
from shared.runtime.accounts import UPKEEP
from tests.unit.pages import documents, text

ROOT = Path(__file__).parents[2]
RULES = yaml.safe_load((ROOT / "deploy/prometheus/rules.yaml").read_text(encoding="utf-8"))
DASHBOARD = json.loads((ROOT / "deploy/grafana/habeas.json").read_text(encoding="utf-8"))
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SCRAPED = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
ALERTS: list[dict[str, Any]] = [rule for group in RULES["groups"] for rule in group["rules"]]
HISTOGRAM = ("_bucket", "_sum", "_count")
VOLUMES = {f"habeas_{name}" for name in COMPOSE["volumes"]} | {"habeas_database"}
DATABASES = {f"habeas_{name}" for name in (*OWN, UPKEEP)}
FORMER = {"habeas_drop_days_left"}
"""Metrics of earlier releases, of which the pages for upgrades speak."""
OTHERS = {"habeas_", "habeas_client", "habeas_build_info"}
"""Further names in documents: a prefix, the package for publishers, and an info that is no figure."""


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in ALERTS)
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))


def headings(page: str) -> set[str]:
    """Return the anchors of the headings of *page*, as a reader of Markdown makes them."""
    text = (ROOT / page).read_text(encoding="utf-8")
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}


def declared_series() -> set[str]:
    """Return the names under which Prometheus gets the metrics of the code."""
    declared = {name.strip("`"): kind for name, kind, *_ in _metrics()}
    histograms = (name for name in declared if declared[name] == "histogram")
    return {*declared, *(name + end for name in histograms for end in HISTOGRAM)}


@pytest.mark.slow
def test_alerts_and_dashboard_use_metrics_that_the_code_declares() -> None:
    process_of = {name.strip("`"): process for name, _, _, process, _ in _metrics()}
    assert process_of["habeas_code_alarm"] == process_of["habeas_drop_set_aside"] == "intake"
    assert process_of["habeas_consuming"] == "each service"
    series = declared_series()
    used = {name for expression in expressions() for name in re.findall(r"\bhabeas_[a-z_]+", expression)}
    assert used - series == set()


@pytest.mark.slow
def test_every_metric_in_a_document_is_declared() -> None:
    known = declared_series() | VOLUMES | DATABASES | FORMER | OTHERS
    named = {
        (page, name)
        for page in documents()
        for name in re.findall(r"(?<![\w./-])habeas_[a-z0-9_]*(?![\w./-])", text(page))
    }
    assert {(page, name) for page, name in named if name not in known} == set()


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_alert_says_what_is_wrong_and_where_the_remedy_is(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert anchor in headings(page)
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert {"summary", "description", "runbook_url"} == set(rule["annotations"])
    assert f"`{rule['alert']}`" in (ROOT / page).read_text(encoding="utf-8")


def test_alert_about_held_messages_looks_at_the_queue_of_each_service() -> None:
    [alert] = [rule for rule in ALERTS if rule["alert"] == "HabeasMessagesHeld"]
    [named] = re.findall(r'unacked{queue=~"(.*?)"}', alert["expr"])
    assert set(named.split("|")) == set(inboxes())
    [job] = [job for job in SCRAPED["scrape_configs"] if job["job_name"] == "rabbitmq-queues"]
    assert (job["metrics_path"], job["params"]) == (
        "/metrics/detailed",
        {"family": ["queue_coarse_metrics"]},
    )


def test_every_service_of_compose_is_scraped() -> None:
    [ours] = [job for job in SCRAPED["scrape_configs"] if job["job_name"] == "habeas"]
    port = COMPOSE["x-environment"]["HABEAS_OPS_PORT"]
    served = {
        name
        for name, one in COMPOSE["services"].items()
        if "HABEAS_OPS_PORT" in (one.get("environment") or {})
    }
    assert {target for part in ours["static_configs"] for target in part["targets"]} == {
        f"{name}:{port}" for name in served
    }
    assert "inside" in COMPOSE["services"]["prometheus"]["networks"]


def test_job_for_replicas_in_the_documents_finds_the_services_that_compose_scrapes() -> None:
    [shown] = re.findall(r"```yaml\n(  - job_name.*?)  ```", text("docs/how-to/operate.md"), re.DOTALL)
    [[job], [ours]] = (
        yaml.safe_load(shown),
        [one for one in SCRAPED["scrape_configs"] if one["job_name"] == "habeas"],
    )
    [found] = job.pop("dns_sd_configs")
    [named] = ours["static_configs"]
    assert job == {"job_name": ours["job_name"]}
    assert [f"{name}:{found['port']}" for name in found["names"]] == named["targets"]


def test_panels_of_the_dashboard_fill_its_grid_and_name_their_source() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    [source] = DASHBOARD["templating"]["list"]
    taken = set[tuple[int, int]]()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells
        if panel["type"] != "row":
            assert panel["type"] in {"stat", "timeseries"}
            assert panel["datasource"] == {"type": source["query"], "uid": "${datasource}"}
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0
