"""P33: a person logs in to the account and updates the data; the log-in of another person changes nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from typer.testing import CliRunner

from habeas.cli import app
from habeas.embedded.stack import Stack
from services.intake.pages.csrf import LEAST
from tests.integration.browser import launched
from tests.integration.pipeline import Pipeline, Somebody, comes_true, running
from tests.unit.verifier.token_issuer import CLIENT, Issuer, issuing
from tests.waiting import LONG

EXAMPLE = Path(__file__).parents[2] / "datamaps" / "example"
SLOWER = LEAST.total_seconds() + 0.2
"""Longer than a program takes to send a form."""


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest_asyncio.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with launched() as browser:
        yield browser


@pytest_asyncio.fixture(scope="module")
async def pipeline(
    parts: Stack | None, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pipeline]:
    log_in: Any = {
        "HABEAS_LOGIN_ISSUER": issuer.url,
        "HABEAS_LOGIN_CLIENT": CLIENT,
        "HABEAS_LOGIN_PAGE": f"{issuer.url}/authorize",
        "HABEAS_EDITABLE_FIELDS": editable_fields(),
    }
    async with running(parts, tmp_path_factory.mktemp("account"), **log_in) as pipeline:
        yield pipeline


def editable_fields() -> str:
    """Return what the verb prints for the example map."""
    printed = CliRunner().invoke(app, ["map", "editable", "--map", str(EXAMPLE)])
    assert printed.exit_code == 0, printed.output
    found = json.loads(printed.stdout)
    assert found["contacts.address.city"]["de"].startswith("Ort (")
    assert "contacts.id" not in found, "only what the map calls editable"
    return printed.stdout.strip()


async def city_of(pipeline: Pipeline, person: Somebody) -> str:
    contact = await pipeline.business("portal", "contacts").find_one({"email": person.email})
    return str(contact["address"]["city"])


async def correct(pipeline: Pipeline, issuer: Issuer, person: Somebody, **claims: Any) -> str:
    """Ask for another city in the records of *person*, logged in with *claims*; return the request's id."""
    wanted = {"corrections": [{"field": "contacts.address.city", "value": "Neustadt"}]}
    case = await pipeline.lodge(person.asks("rectification", details=wanted))
    proof = {"kind": "id_token", "token": issuer.token(case, datetime.now(UTC), **claims)}
    offered = await pipeline.http.post(f"/v1/requests/{case}/proofs", json={"proofs": [proof]})
    offered.raise_for_status()
    return case


async def test_person_who_is_logged_in_updates_the_data_at_once(pipeline: Pipeline, issuer: Issuer) -> None:
    person = (await pipeline.people())[16]
    case = await correct(pipeline, issuer, person, email=person.email)
    assert (await pipeline.closed(case))["outcome"] == "granted"
    assert await city_of(pipeline, person) == "Neustadt"
    rows = [fact for row in await pipeline.rows("verifier", case=case) for fact in row["facts"]]
    [verified] = [fact["data"] for fact in rows if fact["type"] == "habeas.identity.verified.v1"]
    assert verified["assurance"] == "account", "the journal says that a log-in was the proof"


async def test_person_corrects_a_field_on_a_page_and_signs_in_anew_for_it(
    pipeline: Pipeline, issuer: Issuer, browser: Browser
) -> None:
    person, other = (await pipeline.people())[19:21]
    before = await city_of(pipeline, person)
    page = await browser.new_page()
    page.set_default_timeout(LONG.total_seconds() * 1_000)
    await page.goto(f"{pipeline.http.base_url}/ask/rectification")
    await page.locator("#email").fill(person.email)
    await page.locator("#name").fill(person.name)
    await page.locator("#country").select_option("DE")
    await page.locator("#other_field").select_option("contacts.address.city")
    await page.locator("#other_value").fill("Seestadt")
    for _ in range(2):
        await asyncio.sleep(SLOWER)
        async with page.expect_navigation():
            await page.locator("main form button:not(.quiet)").first.click()
    await page.wait_for_url("**/requests/*")
    case = page.url.rpartition("/")[2].partition("?")[0]
    await pipeline.until_it_is("challenged", case)

    for signed_in in (other, person):
        issuer.person = signed_in.email
        await page.goto(f"{pipeline.http.base_url}/requests/{case}")
        await page.locator("#sign-in a").click()
        await page.wait_for_url(f"{issuer.url}/**")
        assert await city_of(pipeline, person) == before, "a sign-in of another person changes nothing"
        await page.get_by_role("button", name="Continue").click()
        await page.locator("#sign-in button").click()
        await page.wait_for_url(f"**/requests/{case}/sign-in")
        if signed_in is other:
            await comes_true(lambda: refused(pipeline, case))
    assert (await pipeline.closed(case))["outcome"] == "granted"
    assert await city_of(pipeline, person) == "Seestadt"
    assert pipeline.letter(person, case, "Seestadt")
    await page.close()


async def refused(pipeline: Pipeline, case: str) -> bool:
    rows = await pipeline.rows("login", case=case)
    return any("token_subject_mismatch" in str(fact["data"]) for row in rows for fact in row["facts"])


async def test_log_in_of_another_person_updates_nothing(pipeline: Pipeline, issuer: Issuer) -> None:
    person, other = (await pipeline.people())[17:19]
    before = await city_of(pipeline, person)
    case = await correct(pipeline, issuer, person, email=other.email, sub="another")
    await comes_true(lambda: refused(pipeline, case))
    assert (await pipeline.page(case))["status"] != "verified"
    assert await city_of(pipeline, person) == before
