"""P2: a further copy has a fee that is quoted first and agreed to; the first copy is free."""

import zipfile
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from habeas.embedded.company import ADA
from habeas.embedded.stack import Stack
from services.fulfillment.package.verification import verify_package
from shared.law.library import EXAMPLE
from shared.runtime.mongo import Document
from tests.integration.pipeline import PORTAL, Heard, Pipeline, Somebody, command, running
from tests.waiting import eventually

ADA_ASKS = Somebody(ADA.email, ADA.name)
FEE = 'further_copy_fee: {amount: "12.50", currency: EUR}'


def charging(company: Path) -> Path:
    """Write *company*: the example's, which takes a fee for further copies."""
    lines = Path(EXAMPLE).read_text(encoding="utf-8").splitlines()
    company.write_text("\n".join([*(x for x in lines if not x.startswith("further_copy_fee")), FEE]))
    return company


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    folder = tmp_path_factory.mktemp("fees")
    async with running(parts, folder, HABEAS_COMPANY=str(charging(folder / "company.yaml"))) as pipeline:
        yield pipeline


@pytest_asyncio.fixture(scope="module")
async def heard(pipeline: Pipeline) -> AsyncIterator[Heard]:
    async with pipeline.listening() as heard:
        yield heard


async def asked(pipeline: Pipeline, right: str = "access") -> str:
    """Have a system whose log-in is trusted ask for Ada; return the id of the request."""
    wanted = ADA_ASKS.asks(right)
    await pipeline.send(wanted, source=PORTAL)
    return await pipeline.id_of(wanted)


async def quoted(pipeline: Pipeline, case: str) -> str:
    """Return the letter that tells what *case* costs."""

    def letter() -> str:
        found = [one.body() for one in pipeline.letters_to(ADA_ASKS, case)]
        return next((body for body in found if "it would cost" in body), "")

    return await eventually(letter)


async def page_with_fee(pipeline: Pipeline, case: str) -> dict[str, Any]:
    """Return the page of *case* once it states the fee: the letter may arrive earlier."""

    async def page() -> dict[str, Any]:
        found = await pipeline.page(case)
        return found if found["fee"] else {}

    return await eventually(page)


async def test_the_first_copy_is_free_a_second_of_the_same_data_costs_and_one_of_other_data_does_not(
    pipeline: Pipeline, heard: Heard
) -> None:
    first = await asked(pipeline)
    assert (await pipeline.closed(first))["fee"] is None

    second = await asked(pipeline)
    letter = await quoted(pipeline, second)
    page = await page_with_fee(pipeline, second)
    assert ("€12.50" in letter, page["status"], page["package_url"]) == (True, "verified", None)
    assert page["fee"]["fee"] == {"amount": "12.50", "currency": "EUR"}
    (await pipeline.http.post(f"/v1/requests/{second}/fee")).raise_for_status()
    await pipeline.closed(second)
    (await pipeline.http.post(f"/v1/requests/{second}/package/codes")).raise_for_status()
    code = {"code": await pipeline.code_for(ADA_ASKS, second)}
    content = (await pipeline.http.get(f"/v1/requests/{second}/package", params=code)).content
    assert verify_package(BytesIO(content)).ok
    assert zipfile.ZipFile(BytesIO(content)).namelist()
    await eventually(lambda: heard.of(second, "request.fulfilled"))
    kinds = [event["type"].removeprefix("habeas.") for event in heard.of(second)]
    told = [kind for kind in kinds if kind in {"fee.quoted.v1", "fee.agreed.v1", "request.fulfilled.v1"}]
    assert told == ["fee.quoted.v1", "fee.agreed.v1", "request.fulfilled.v1"]

    changed = {"$set": {"name.first": "Adele"}}
    await pipeline.business("portal", "contacts").update_one({"email": ADA.email}, changed)
    third = await asked(pipeline)
    assert (await pipeline.closed(third))["fee"] is None
    assert not await pipeline.handled_twice()
    assert not any((await pipeline.parked()).values())


async def test_person_may_withdraw_on_a_fee_quoted_before_proof(pipeline: Pipeline, heard: Heard) -> None:
    case = await pipeline.lodge(ADA_ASKS.asks("portability"))
    code = await pipeline.code_for(ADA_ASKS, case)
    words = ("request", "quote", case, "--as", "anna", "--amount", "20.00", "--currency", "EUR")
    assert (await command(pipeline, *words, "--reason", "excessive"))[0] == 0

    async def noted() -> list[Document]:
        return await pipeline.rows("fulfillment", case=case)

    rows: list[Document] = await eventually(noted)
    assert [row["event"]["data"]["reason"] for row in rows] == ["excessive"]
    (await pipeline.prove(case, code)).raise_for_status()
    assert "€20.00" in await quoted(pipeline, case)
    [fee] = await eventually(lambda: heard.of(case, "fee.quoted"))
    assert fee["data"]["by"] == "anna"
    (await pipeline.http.delete(f"/v1/requests/{case}")).raise_for_status()
    await pipeline.closed(case)
    assert not heard.of(case, "request.fulfilled")
    assert (await pipeline.http.post(f"/v1/requests/{case}/fee")).status_code == 409
