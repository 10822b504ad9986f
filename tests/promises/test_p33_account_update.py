"""P33: a person logs in to the account and updates the data; the log-in of another person changes nothing."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from habeas.embedded.stack import Stack
from tests.integration.pipeline import Pipeline, Somebody, comes_true, running
from tests.unit.verifier.token_issuer import CLIENT, Issuer, issuing


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest_asyncio.fixture(scope="module")
async def pipeline(
    parts: Stack | None, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pipeline]:
    log_in: Any = {"HABEAS_LOGIN_ISSUER": issuer.url, "HABEAS_LOGIN_CLIENT": CLIENT}
    async with running(parts, tmp_path_factory.mktemp("account"), **log_in) as pipeline:
        yield pipeline


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


async def test_log_in_of_another_person_updates_nothing(pipeline: Pipeline, issuer: Issuer) -> None:
    person, other = (await pipeline.people())[17:19]
    before = await city_of(pipeline, person)
    case = await correct(pipeline, issuer, person, email=other.email, sub="another")

    async def refused() -> bool:
        rows = await pipeline.rows("login", case=case)
        return any("token_subject_mismatch" in str(fact["data"]) for row in rows for fact in row["facts"])

    await comes_true(refused)
    assert (await pipeline.page(case))["status"] != "verified"
    assert await city_of(pipeline, person) == before
