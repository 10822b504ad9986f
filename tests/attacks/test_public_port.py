"""A stranger at intake's public port looks for the state of the system, and guesses keys."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from habeas.embedded.stack import Stack
from services.intake.http.failed_attempts import MOST_OF_NETWORK
from tests.integration.pipeline import KEYS, SHOP, Pipeline, running
from tests.waiting import LONG

OPERATIONS = ("/readyz", "/metrics")
FORMS = ("/opt-out", "/ask/access", "/find", f"/requests/{'0' * 32}/details", f"/forwarded/{'0' * 32}/x")
HEADERS = {
    "Origin": ("https://[", "https://a]b", "null", "https://x\u2100"),
    "Host": ("[", "a]b"),
    "Accept-Language": ("*;q=9", ",,,", "a" * 5_000),
    "Content-Type": (
        *("", "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=x"),
        *("application/x-www-form-urlencoded; charset=utf-7", "application/x-www-form-urlencoded"),
    ),
}


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    async with running(parts, tmp_path_factory.mktemp("operations"), customers=0) as pipeline:
        yield pipeline


@pytest.mark.parametrize(
    "path", [*OPERATIONS, "/metrics/", "//metrics", "/./metrics", "/%6detrics", "/livez/../metrics"]
)
async def test_public_port_serves_neither_metrics_nor_readiness(pipeline: Pipeline, path: str) -> None:
    answer = await pipeline.http.get(f"{pipeline.settings['HABEAS_PUBLIC_URL']}{path}")
    assert answer.status_code == 404
    assert "habeas_consuming" not in answer.text


async def test_public_port_says_that_the_process_is_alive(pipeline: Pipeline) -> None:
    assert (await pipeline.http.get("/livez")).text == "alive\n"


async def test_operators_port_serves_metrics_and_readiness_and_no_request(pipeline: Pipeline) -> None:
    async with httpx.AsyncClient(base_url=pipeline.ops_url, timeout=LONG.total_seconds()) as operators:
        assert (await operators.get("/livez")).text == "alive\n"
        assert (await operators.get("/readyz")).json()["broker"] == "ok"
        assert "habeas_consuming" in (await operators.get("/metrics")).text
        assert (await operators.get("/v1/policies")).status_code == 404
        assert (await operators.post("/v1/requests", json={})).status_code == 404


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, some in HEADERS.items() for value in some]
)
async def test_no_header_of_a_form_causes_a_server_error(pipeline: Pipeline, name: str, value: str) -> None:
    for form in FORMS:
        headers = {name.encode(): value.encode()}
        answer = await pipeline.http.post(form, content=b"--x\r\n\r\nemail=%ff", headers=headers)
        assert answer.status_code < 500, form
        assert name != "Origin" or answer.status_code == 403


async def test_guesser_of_api_keys_is_refused_even_with_a_right_one(pipeline: Pipeline) -> None:
    async def shown(key: str) -> int:
        headers = {"Authorization": f"Bearer {key}"}
        return (await pipeline.http.get("/v1/requests?reference=r-1", headers=headers)).status_code

    assert await shown(KEYS[SHOP]) == 404
    assert [await shown(f"guess {number}") for number in range(MOST_OF_NETWORK)] == [401] * MOST_OF_NETWORK
    assert await shown(KEYS[SHOP]) == 429
