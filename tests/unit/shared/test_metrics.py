"""Metrics: names by Prometheus' conventions, labels of a list, and no series of features that are off."""

import re

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from prometheus_client.parser import text_string_to_metric_families

from habeas.reference import _metrics
from shared.runtime import metrics
from shared.runtime.http_metrics import TimedApp

LABELS = {
    "age", "command", "event", "figures", "kind", "method", "outcome", "part", "queue", "route", "service",
    "stage", "state", "status", "store",
}  # fmt: skip
BASE_UNITS = ("_seconds", "_bytes", "_total", "_size")
OTHER_UNITS = re.compile("_(ms|millis|minutes|hours|days|kib|mib|kb|mb|percent)(_|$)")


def samples(name: str) -> set[tuple[tuple[str, str], ...]]:
    """Return the labels of the series *name*."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {tuple(one.labels.items()) for family in families for one in family.samples if one.name == name}


@pytest.mark.slow
def test_names_follow_the_conventions_and_labels_are_of_the_list() -> None:
    declared = list(_metrics())
    assert len(declared) > 20
    for quoted, kind, labels, _, _ in declared:
        name = quoted.strip("`")
        assert re.fullmatch("habeas_[a-z_]+", name)
        assert name.endswith("_total") is (kind == "counter"), name
        assert kind != "histogram" or name.endswith(BASE_UNITS), name
        assert not OTHER_UNITS.search(name), name
        assert labels, f"{name}: without a label, each process would export it"
        assert set(labels.replace("`", "").split(", ")) <= LABELS


def test_metric_without_a_series_is_not_exported() -> None:
    gauge = metrics.gauge("habeas_test_figures", "Of a test.", "service")
    assert b"habeas_test_figures" not in metrics.exposition()
    metrics.replace_series(gauge, [(["intake"], 1), (["verifier"], 2)])
    metrics.replace_series(gauge, [(["intake"], 3)])
    assert samples("habeas_test_figures") == {(("service", "intake"),)}


async def test_answers_are_timed_by_the_template_of_their_route() -> None:
    app, router, mounted = FastAPI(), APIRouter(prefix="/v1"), FastAPI()
    router.add_api_route("/requests/{case}", lambda case: case, methods=["GET"])
    mounted.add_api_route("/lists/{name}", lambda name: name, methods=["GET"])
    app.include_router(router)
    app.mount("/drp", mounted)
    transport = httpx.ASGITransport(app=TimedApp(app, "template"))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for path in ("/v1/requests/ada", "/drp/lists/ada", "/ada/passwd"):
            await client.get(path)
        await client.request("ADA", "/v1/requests/ada")
    found = {
        (one["method"], one["route"], one["status"])
        for one in map(dict, samples("habeas_http_request_seconds_count"))
        if one["service"] == "template"
    }
    assert found == {
        ("GET", "/v1/requests/{case}", "200"),
        ("GET", "/drp/lists/{name}", "200"),
        ("GET", "unknown", "404"),
        ("unknown", "/v1/requests/{case}", "405"),
    }
