"""The OpenAPI description has each route, with everything that generated clients need."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema
import pytest
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from httpx import ASGITransport, AsyncClient
from starlette.requests import Request

from habeas.contracts import every_channel, openapi
from services.intake.channels.fides.operations import FidesRequest
from services.intake.channels.fides.responses import FidesEntry, FilteredRequest, ObservedRequest, response
from services.intake.domain import CaseStatus
from services.intake.http.description import calls_of, operation
from services.intake.pages.site import paragraphs
from shared.contract.status import RequestStatus
from shared.law import Right
from shared.runtime.bootstrap import health_app
from shared.runtime.http_problems import PROBLEM_JSON
from tests.unit.fakes import NOW
from tests.unit.intake_api import SITE

OWN = "/v1"
REFUSED = re.compile(r"/(resume|pre-approve/(not-)?eligible)$")
"""Calls of Fides' own webhooks, each of which is refused."""

SILENT = "setUpAgent"
"""Gives no reason to callers that may be no agents."""


@cache
def api() -> dict[str, Any]:
    return openapi()


def calls() -> list[Any]:
    return [pytest.param(path, call, id=call["operationId"]) for path, _, call in calls_of(api())]


def contents(call: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the media type and the description of each body and each answer, without errors."""
    successes = [answer for status, answer in call["responses"].items() if status < "400"]
    for part in (call.get("requestBody", {}), *successes):
        yield from part.get("content", {}).items()


def flaws(path: str, call: Mapping[str, Any]) -> Iterator[str]:
    """Yield the parts that the description of a call lacks."""
    for name in ("summary", "description", "tags"):
        if not call.get(name):
            yield name
    if "security" not in call:
        yield "security"
    if any(name not in api()["components"]["securitySchemes"] for one in call["security"] for name in one):
        yield "security scheme"
    if not re.fullmatch("[a-z]+([A-Z][a-z0-9]+)*", call["operationId"]):
        yield "operation id"
    if not any(status < "400" for status in call["responses"]):
        yield "success"
    yield from (f"example of {media}" for media, one in contents(call) if "json" in media and not _shown(one))
    yield from error_flaws(path, call)


def _shown(content: Mapping[str, Any]) -> bool:
    return "example" in content or content["schema"]["type"] in {"object", "null"}


def error_flaws(path: str, call: Mapping[str, Any]) -> Iterator[str]:
    expected = {"429", "500", "503"}
    expected |= {"401"} if any(call["security"]) else set()
    expected |= {"413"} if "requestBody" in call else set()
    if path.startswith(OWN) and (call.get("parameters") or "requestBody" in call):
        expected |= {"422"}
    yield from (f"status {status}" for status in expected - set(call["responses"]))
    for status, answer in call["responses"].items():
        if status >= "400":
            forms = answer.get("content", {})
            if not all(form["schema"] for form in forms.values()) or not (
                forms or call["operationId"] == SILENT
            ):
                yield f"form of {status}"
            if path.startswith(OWN) and set(forms) != {PROBLEM_JSON}:
                yield f"problem of {status}"


@pytest.mark.parametrize(("path", "call"), calls())
def test_call_is_described_completely(path: str, call: dict[str, Any]) -> None:
    assert list(flaws(path, call)) == []


def test_undescribed_call_is_found() -> None:
    bare = {"operationId": "lodge_v1_post", "responses": {"202": {}, "404": {}}, "security": []}
    assert {"summary", "operation id", "status 503", "problem of 404"} <= set(flaws("/v1/x", bare))


@pytest.mark.slow
def test_each_route_for_programs_is_described() -> None:
    """Pages are for people: they are below no path of programs."""
    app, protocols = every_channel()
    described = {(path, method.upper()) for path, method, _ in calls_of(api())}
    missing = {
        (path, method)
        for prefix, routed in {"": app, **protocols}.items()
        for path, route in _routes(prefix, routed.routes)
        for method in set(route.methods or ()) - {"HEAD"}
        if route.include_in_schema or path.startswith((OWN, *protocols))
        if (path.removesuffix("/"), method) not in described and not REFUSED.search(path)
    }
    assert missing == set()


def _routes(prefix: str, routes: Any) -> list[tuple[str, APIRoute]]:
    found = [(prefix + route.path_format, route) for route in routes if isinstance(route, APIRoute)]
    included = [route.original_router.routes for route in routes if hasattr(route, "original_router")]
    return found + [one for some in included for one in _routes(prefix, some)]


def test_operation_ids_are_unique() -> None:
    ids = [call["operationId"] for _, _, call in calls_of(api())]
    assert len(set(ids)) == len(ids)


def test_each_channel_is_described() -> None:
    tags = {tag["name"] for tag in api()["tags"]}
    assert tags == {"requests", "unsubscribe", "staff", "drp", "opendsr", "fides", "webhooks"}
    paths = set(api()["paths"])
    assert {
        "/v1/requests/batch",
        *(f"/webhooks/{name}" for name in ("shopify", "meta", "apple", "risc")),
    } <= paths


def test_description_of_a_fides_request_has_each_field_of_the_answer() -> None:
    entry = FidesEntry("0" * 32, NOW, "default_access_policy", Right.ACCESS, None)
    shown = response(FilteredRequest(entry, ObservedRequest(), None), NOW.date(), personal=True)
    assert set(shown) == set(FidesRequest.model_fields) - {"results", "task_status_by_dataset"}


def test_status_page_has_a_status_for_each_of_a_case() -> None:
    assert set(RequestStatus) == {*CaseStatus, "submitted"} - {CaseStatus.UNKNOWN}
    assert set(api()["components"]["schemas"]["RequestStatus"]["enum"]) == set(RequestStatus)


@pytest.mark.parametrize(("tag", "prefix"), [("opendsr", "OpenDsr"), ("fides", "Fides")])
def test_bodies_of_a_protocol_are_called_by_its_name(tag: str, prefix: str) -> None:
    bodies = [
        call["requestBody"]
        for _, _, call in calls_of(api())
        if call["tags"] == [tag] and "requestBody" in call
    ]
    names = re.findall(r"'#/components/schemas/(\w+)'", str(bodies))
    assert len(names) >= 3
    assert all(name.startswith(prefix) for name in names)


def test_document_names_its_server() -> None:
    assert [server["url"] for server in api()["servers"]] == ["https://privacy.example.com"]


@pytest.mark.parametrize(("path", "call"), calls())
def test_examples_fit_their_schemas(path: str, call: dict[str, Any]) -> None:
    del path
    errors = [
        form
        for status, answer in call["responses"].items()
        if status >= "400"
        for form in answer.get("content", {}).items()
    ]
    for media, content in (*contents(call), *errors):
        if "example" in content and "json" in media:
            schema = {**content["schema"], "components": api()["components"]}
            jsonschema.Draft202012Validator(schema).validate(content["example"])


def test_each_reference_leads_to_a_schema() -> None:
    found = set(re.findall(r"#/components/schemas/(\w+)", str(api())))
    assert found <= set(api()["components"]["schemas"])


def test_patterns_have_no_flags_that_other_languages_lack() -> None:
    assert re.findall(r"'pattern': '[^']*(?:\(\?[a-zA-Z]|\\\\[AZ])", str(api())) == []


@pytest.mark.slow
def test_page_shows_every_field_and_every_call() -> None:
    request = Request({"type": "http", "method": "GET", "path": "/docs", "query_string": b"", "headers": []})
    page = SITE.at(request).draw("docs.html.jinja", api=api(), paragraphs=paragraphs)
    assert isinstance(page, HTMLResponse)
    text = bytes(page.body).decode()
    for name, schema in api()["components"]["schemas"].items():
        part = text.partition(f'id="schema-{name}"')[2].partition("</section>")[0]
        missing = [field for field in schema.get("properties", {}) if f"<code>{field}</code>" not in part]
        assert part
        assert not missing, f"{name}: {missing}"
    calls = [call["operationId"] for _, _, call in calls_of(api())]
    assert all(f'id="{call}"' in text for call in calls)
    index = text.partition("<nav aria-label")[2].partition("</nav>")[0]
    assert re.findall(r'href="#(\w+)">[^<]+</a> <code>', index) == sorted(calls, key=index.index)
    for error in (
        "Problem",
        "DrpProblem",
        "OpenDsrErrorAnswer",
        "OpenDsrError",
        "FidesError",
        "WebhookError",
    ):
        assert f'json</code>: <a href="#schema-{error}">' in text
    assert text.index('"subject": {') < text.index('"residence": {'), "examples keep their order"


def test_summary_is_made_of_the_operation_id() -> None:
    assert operation("findRequestById", answer={})["summary"] == "Find request by id"


async def test_operators_port_describes_itself() -> None:
    async with AsyncClient(transport=ASGITransport(health_app({})), base_url="http://localhost") as client:
        document = (await client.get("/openapi.json")).json()
        found = {path: await client.get(path) for path in document["paths"]}
    described = {path: call for path, _, call in calls_of(document)}
    assert {path: call["operationId"] for path, call in described.items()} == {
        "/livez": "getLiveness",
        "/readyz": "getReadiness",
        "/metrics": "getMetrics",
    }
    for path, answer in found.items():
        media = answer.headers["content-type"].partition(";")[0]
        assert media in described[path]["responses"][str(answer.status_code)]["content"]
        assert described[path]["security"] == []
    assert document["servers"] == [{"url": "/"}]
