"""Packages from the outside: kinds of data, texts without other people, downloads in pieces."""

import io
import json
import zipfile
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from habeas.embedded.company import ADA
from habeas.embedded.stack import Stack
from services.fulfillment.package.verification import verify_package
from tests.integration.pipeline import Heard, Pipeline, Somebody, running

ADA_ASKS = Somebody(ADA.email, ADA.name)


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    async with running(parts, tmp_path_factory.mktemp("pipeline")) as pipeline:
        yield pipeline


@pytest_asyncio.fixture(scope="module")
async def heard(pipeline: Pipeline) -> AsyncIterator[Heard]:
    async with pipeline.listening() as heard:
        yield heard


async def code_for_package(pipeline: Pipeline, case: str) -> dict[str, str]:
    (await pipeline.http.post(f"/v1/requests/{case}/package/codes")).raise_for_status()
    return {"code": await pipeline.code_for(ADA_ASKS, case)}


def names(content: bytes) -> set[str]:
    assert verify_package(io.BytesIO(content)).ok
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return set(archive.namelist())


def fulfilled(heard: Heard, case: str) -> dict[str, Any]:
    [event] = heard.of(case, "request.fulfilled")
    return dict(event["data"])


async def test_categories_are_disclosed_without_data(pipeline: Pipeline, heard: Heard) -> None:
    california = {"country": "US", "subdivision": "CA"}
    case = await pipeline.answered("know_categories", ADA_ASKS, residence=california)
    assert fulfilled(heard, case)["outcome"] == "granted"
    content = await pipeline.package(case, ADA_ASKS)
    assert not [name for name in names(content) if name.startswith(("data/", "schema/"))]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        page = archive.read("index.html").decode()
    assert ADA.email not in page
    assert "Identifiers (.140(v)(1)(A))" in page
    assert "To invoice services and to keep the books." in page
    assert pipeline.letter(ADA_ASKS, case, "- Postal address")


async def test_texts_that_name_others_are_handed_over_without_them(pipeline: Pipeline, heard: Heard) -> None:
    notes = f"{ADA.email} prefers mail. Frau Nachbarin (nachbarin@example.net) may sign for {ADA.name}."
    customers = pipeline.business("billing", "customers")
    done = await customers.update_many({"name": ADA.name}, {"$set": {"notes": notes}})
    assert done.matched_count
    case = await pipeline.answered("access", ADA_ASKS)
    told = fulfilled(heard, case)
    assert "third_party_rights" not in told["reasons"]
    assert told["reasons"]["others_blacked_out"] > 0
    assert pipeline.letter(ADA_ASKS, case, "What we blacked out")
    with zipfile.ZipFile(io.BytesIO(await pipeline.package(case, ADA_ASKS))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert not [name for name, content in files.items() if b"achbarin" in content]
    [customer] = json.loads(files["data/default.customers.json"])
    assert customer["notes"] == (
        f"{ADA.email} prefers mail. Frau [name of another person] ([email address of another person]) "
        f"may sign for {ADA.name}."
    )


async def test_further_copies_are_counted_for_the_staff(pipeline: Pipeline, heard: Heard) -> None:
    first, second = [
        fulfilled(heard, await pipeline.answered("access", ADA_ASKS))["reasons"] for _ in range(2)
    ]
    assert second["further_copy"] == first.get("further_copy", 0) + 1


async def test_a_download_that_was_cut_off_goes_on_and_every_fetch_is_on_record(
    pipeline: Pipeline, heard: Heard
) -> None:
    case = await pipeline.answered("access", ADA_ASKS)
    code = await code_for_package(pipeline, case)
    path, got = f"/v1/requests/{case}/package", bytearray()
    async with pipeline.http.stream("GET", path, params=code) as whole:
        size, etag = int(whole.headers["content-length"]), whole.headers["etag"]
        async for piece in whole.aiter_bytes(1_000):
            got += piece
            if len(got) >= size // 2:
                break
    spent = await pipeline.http.get(path, params=code)
    rest = await pipeline.http.get(
        path, params=code, headers={"Range": f"bytes={len(got)}-", "If-Range": etag}
    )
    assert (spent.status_code, rest.status_code) == (403, 206)
    assert verify_package(io.BytesIO(bytes(got) + rest.content)).ok
    assert len(got) + len(rest.content) == size
    fetched = await heard.until(case, "package.fetched", 2)
    assert [event["data"]["continued"] for event in fetched] == [False, True]
