"""Files for Prometheus and Grafana: their metrics exist, and alerts name a section of the documentation."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from habeas.reference import _metrics

ROOT = Path(__file__).parents[2]
RULES = yaml.safe_load((ROOT / "deploy/prometheus/rules.yaml").read_text(encoding="utf-8"))
DASHBOARD = json.loads((ROOT / "deploy/grafana/habeas.json").read_text(encoding="utf-8"))
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SCRAPED = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
ALERTS: list[dict[str, Any]] = [rule for group in RULES["groups"] for rule in group["rules"]]
HISTOGRAM = ("_bucket", "_sum", "_count")


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in ALERTS)
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))


def headings(page: str) -> set[str]:
    """Return the anchors of the headings of *page*, as a reader of Markdown makes them."""
    text = (ROOT / page).read_text(encoding="utf-8")
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.slow
def test_alerts_and_dashboard_use_metrics_that_the_code_declares() -> None:
    found = [(name.strip("`"), kind, process) for name, kind, _, process, _ in _metrics()]
    declared = {name: kind for name, kind, _ in found}
    process_of = {name: process for name, _, process in found}
    assert process_of["habeas_code_alarm"] == process_of["habeas_drop_set_aside"] == "intake"
    assert process_of["habeas_consuming"] == "each service"
    series = set(declared) | {
        name + end for name in declared if declared[name] == "histogram" for end in HISTOGRAM
    }
    used = {name for expression in expressions() for name in re.findall(r"\bhabeas_[a-z_]+", expression)}
    assert used - series == set()


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_alert_says_what_is_wrong_and_where_the_remedy_is(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert anchor in headings(page)
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert {"summary", "description", "runbook_url"} == set(rule["annotations"])
    assert f"`{rule['alert']}`" in (ROOT / page).read_text(encoding="utf-8")


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
