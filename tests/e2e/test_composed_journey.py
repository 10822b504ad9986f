"""The main job in containers: from the request over HTTP to the package, and to records that are gone."""

import io
import zipfile
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from bench.document_images import passport
from habeas.embedded.company import ADA, BRUNO, DemoPerson, generate
from shared.contract.codes import ALONE
from shared.runtime.mongo import Client, Document, json_util
from tests.e2e.composed import TIMEOUT_S, Composed
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(900)  # the first test waits for images that may have to be built

SEED = 7
CUSTOMERS = 120
TODAY = datetime.now(UTC).date()
DATABASES = ("billing", "ops", "portal")


@pytest_asyncio.fixture
async def business(composed: Composed) -> AsyncIterator[Client]:
    """The company's own databases, filled."""
    client = composed.mongo()
    records: dict[tuple[str, str], list[Document]] = defaultdict(list)
    for database, collection, document in generate(SEED, CUSTOMERS, today=TODAY):
        records[database, collection].append(document)
    for (database, collection), documents in records.items():
        await client[database][collection].insert_many(documents)
    yield client
    for database, collection in records:
        await client[database][collection].drop()
    client.close()


@pytest_asyncio.fixture
async def http(composed: Composed) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=composed.intake_url, timeout=TIMEOUT_S) as client:
        yield client


async def code_from_letter(composed: Composed, person: DemoPerson, *, after: int) -> str:
    """Return the code in the letter that came when there were *after* letters to *person* already."""

    def newest_code() -> str | None:
        for letter in composed.mail.letters(person.email)[after:]:
            body = letter.get_body(("plain",))
            found = ALONE.search(body.get_content()) if body else None
            if found and "code" in str(letter["Subject"]).lower():
                return found[1]
        return None

    code = await eventually(newest_code)
    assert code is not None
    return code


async def fulfilled(composed: Composed, http: httpx.AsyncClient, person: DemoPerson, right: str) -> str:
    """Ask for *right* as *person*, prove it by mailbox, wait for the end; return the request's id."""
    before = len(composed.mail.letters(person.email))
    subject = {"name": person.name, "email": person.email}
    form = {
        "reference": f"journey-{right}",
        "right": right,
        "subject": subject,
        "residence": {"country": person.country},
        "locale": "en",
    }
    lodged = (await http.post("/v1/requests", json=form)).raise_for_status().json()
    code = await code_from_letter(composed, person, after=before)
    proof = {"proofs": [{"kind": "email_code", "code": code}]}
    (await http.post(f"/v1/requests/{lodged['id']}/proofs", json=proof)).raise_for_status()

    return await closed(http, lodged["id"])


async def closed(http: httpx.AsyncClient, id_: str) -> str:
    """Wait for the end of a request; return its id."""

    async def answered() -> str:
        page = (await http.get(f"/v1/requests/{id_}")).json()
        assert page["status"] == "closed", page
        return id_

    return await eventually(answered)


async def mentions(business: Client, address: str) -> list[str]:
    """Return the collections in which *address* stands anywhere."""
    found = []
    for database in DATABASES:
        for name in await business[database].list_collection_names():
            everything = [document async for document in business[database][name].find()]
            if address in json_util.dumps(everything):
                found.append(f"{database}.{name}")
    return found


async def test_access_ends_in_a_package_that_opens_with_a_code(
    composed: Composed, business: Client, http: httpx.AsyncClient
) -> None:
    assert await mentions(business, ADA.email)
    id_ = await fulfilled(composed, http, ADA, "access")
    before = len(composed.mail.letters(ADA.email))
    (await http.post(f"/v1/requests/{id_}/package/codes")).raise_for_status()
    code = await code_from_letter(composed, ADA, after=before)
    package = (await http.get(f"/v1/requests/{id_}/package", params={"code": code})).raise_for_status()
    with zipfile.ZipFile(io.BytesIO(package.content)) as archive:
        assert "index.html" in archive.namelist()
        assert any(ADA.email.encode() in archive.read(name) for name in archive.namelist())


async def test_erasure_leaves_the_address_in_no_collection_that_may_forget_it(
    composed: Composed, business: Client, http: httpx.AsyncClient
) -> None:
    before = await mentions(business, BRUNO.email)
    await fulfilled(composed, http, BRUNO, "erasure")
    assert before
    assert await mentions(business, BRUNO.email) == []
    assert await mentions(business, ADA.email)


async def examined(mongo: Client, case: str) -> dict[str, Any]:
    """Wait for what the examiner makes of the first document of *case*."""

    async def told() -> dict[str, Any]:
        wanted = {"case": case, "facts.type": "habeas.proof.examined.v1"}
        row = await mongo["habeas_examiner"]["journal"].find_one(wanted)
        assert row is not None
        data: dict[str, Any] = row["facts"][0]["data"]
        return data

    return await eventually(told)


async def test_a_passport_that_is_uploaded_is_read_in_the_container_and_leaves_nothing(
    composed: Composed, business: Client, http: httpx.AsyncClient
) -> None:
    first, last = ADA.name.split()
    born, expires = date(1988, 3, 4), TODAY + timedelta(days=900)
    picture = passport(last, first, born=born, expires=expires)
    # Who names no mailbox is asked for papers; who does is not.
    subject = {"name": ADA.name, "identifiers": {"customer_id": "1"}, "date_of_birth": born.isoformat()}
    form = {
        "reference": "passport",
        "right": "access",
        "subject": subject,
        "residence": {"country": ADA.country},
    }
    lodged = (await http.post("/v1/requests", json=form)).raise_for_status().json()
    proofs = f"/v1/requests/{lodged['id']}/proofs"
    files = {"identity": ("passport.jpg", picture, "image/jpeg")}
    (await http.post(proofs, files=files)).raise_for_status()
    made = await examined(business, lodged["id"])
    assert (made["verdict"], made.get("reasons", [])) == ("convincing", [])
    chunks = business["habeas_vault"]["chunks"]
    assert await chunks.count_documents({"_id": {"$regex": made["proof"]["ref"]}}) > 0

    (await http.delete(f"/v1/requests/{lodged['id']}")).raise_for_status()

    async def gone() -> bool:
        return await chunks.count_documents({"_id": {"$regex": made["proof"]["ref"]}}) == 0

    destroyed: bool = await eventually(gone)
    assert destroyed
    seen = composed.logs()
    assert last.upper() not in seen
    assert "C4H9K2M83" not in seen
