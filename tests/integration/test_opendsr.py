"""OpenDSR from the outside: a controller posts, is called back over TLS, and downloads; all services work."""

import asyncio
import base64
import csv
import io
import json
import uuid
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from habeas.embedded.stack import Stack
from services.intake.channels.opendsr.controllers import ListedController, RequestGroups
from shared.runtime.mongo import Client
from tests.integration.controller_server import Receiver
from tests.integration.pipeline import WITHIN, Heard, Pipeline, Somebody, command, prepared
from tests.unit.controllers import certificate_of, pem_of, rsa_key, verifies
from tests.waiting import eventually

DOMAIN = "opendsr.example.com"
URL = f"https://{DOMAIN}/opendsr"
SECRETS = {"shop": "the secret of the shop is long", "club": "the secret of the club is long"}
IDENTITIES = {"email": "email", "controller_customer_id": "customer_no"}


@dataclass
class Controller:
    """A controller that calls by HTTP Basic."""

    http: httpx.AsyncClient
    name: str

    @property
    def headers(self) -> dict[str, str]:
        text = f"{self.name}-key:{SECRETS[self.name]}".encode()
        return {"Authorization": f"Basic {base64.b64encode(text).decode()}"}

    async def post(self, body: dict[str, Any], version: int = 3) -> httpx.Response:
        path = f"/opendsr/v{version}/requests/"
        return await self.http.post(path, content=json.dumps(body).encode(), headers=self.headers)

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path.removeprefix(f"https://{DOMAIN}"), headers=self.headers)

    async def until_it_is(self, status: str, name: str, version: int = 3) -> dict[str, Any]:
        async def there() -> dict[str, Any]:
            answer = await self.get(f"/opendsr/v{version}/requests/{name}")
            page = dict(answer.raise_for_status().json())
            assert page["request_status"] == status, page
            return page

        return await eventually(there, WITHIN)


@dataclass
class Stage:
    pipeline: Pipeline
    shop: Controller
    club: Controller
    called: Receiver
    certificate: bytes
    """As it is served."""


@asynccontextmanager
async def staged(parts: Stack | None, folder: Path, *services: str) -> AsyncIterator[Stage]:
    """Run *services*, all when none is named, for two controllers."""
    listed = [{"id": name, "key": f"{name}-key", "secret": secret} for name, secret in SECRETS.items()]
    async with (
        Receiver().open(folder) as called,
        prepared(
            parts,
            folder,
            HABEAS_OPENDSR_CONTROLLERS=json.dumps(listed),
            HABEAS_OPENDSR_URL=URL,
            HABEAS_OPENDSR_KEY=pem_of(rsa_key()),
            HABEAS_OPENDSR_CERTIFICATE=certificate_of(rsa_key()),
            HABEAS_OPENDSR_IDENTITIES=json.dumps(IDENTITIES),
            HABEAS_OPENDSR_CALLBACK_ALLOW='["localhost"]',
            SSL_CERT_FILE=str(called.certificate),
        ) as pipeline,
    ):
        await pipeline.start(*services)
        discovery = (await pipeline.http.get("/opendsr/v3/discovery")).json()
        path = discovery["processor_certificate"].removeprefix(f"https://{DOMAIN}")
        certificate = (await pipeline.http.get(path)).content
        shop, club = (Controller(pipeline.http, name) for name in SECRETS)
        yield Stage(pipeline, shop, club, called, certificate)
        await pipeline.stop()


@pytest_asyncio.fixture(scope="module")
async def stage(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(parts, tmp_path_factory.mktemp("opendsr")) as stage:
        yield stage


@pytest_asyncio.fixture(scope="module")
async def heard(stage: Stage) -> AsyncIterator[Heard]:
    async with stage.pipeline.listening() as heard:
        yield heard


def instruction(kind: str, person: Somebody, *urls: str, version: int = 3, **more: Any) -> dict[str, Any]:
    keyed = {"email": {"value": person.email, "encoding": "raw"}}
    listed = [{"identity_type": "email", "identity_value": person.email, "identity_format": "raw"}]
    return {
        "regulation": "gdpr",
        "subject_request_id": str(uuid.uuid4()),
        "subject_request_type": kind,
        "submitted_time": (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "subject_identities": keyed if version == 3 else listed,
        "api_version": f"{version}.0",
        "status_callback_urls": list(urls),
        **more,
    }


async def test_of_many_that_cross_one_is_taken(parts: Stack | None, tmp_path: Path) -> None:
    async with staged(parts, tmp_path, "intake") as stage:  # what is taken stays open: nobody carries it out
        person = Somebody("crossing@example.net", "Carla Crossing")
        same = instruction("erasure", person)
        answers = await asyncio.gather(*(stage.shop.post(same) for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [201, *[400] * 7]
        equal = [same | {"subject_request_id": str(uuid.uuid4())} for _ in range(8)]
        assert {answer.status_code for answer in await asyncio.gather(*map(stage.shop.post, equal))} == {409}
        others = [one | {"subject_request_type": "access"} for one in equal]
        answers = await asyncio.gather(*map(stage.shop.post, others))
        assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]
        known = (await stage.pipeline.people())[8]
        answers = await asyncio.gather(*(stage.club.post(instruction("access", known)) for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]


def callbacks(stage: Stage, name: str, url: str) -> list[dict[str, Any]]:
    """Return what was posted to *url* about the request called *name*; every signature is checked."""
    found: list[dict[str, Any]] = []
    for headers, body, called in stage.called.received:
        content = json.loads(body)
        if content["subject_request_id"] != name or not url.endswith(called.partition("://")[2]):
            continue
        assert verifies(stage.certificate, headers["x-opendsr-signature"], body)
        assert not verifies(stage.certificate, headers["x-opendsr-signature"], body + b"\n")
        assert headers["x-opendsr-processor-domain"] == DOMAIN
        assert content["status_callback_url"] == url
        found.append(content)
    return found


async def told(stage: Stage, name: str, url: str, *statuses: str) -> list[dict[str, Any]]:
    """Return the callbacks to *url* once they are these, in this order."""

    def all_of_them() -> list[dict[str, Any]]:
        found = callbacks(stage, name, url)
        assert [one["request_status"] for one in found] == list(statuses)
        return found

    return await eventually(all_of_them, WITHIN)


def cases_of(heard: Heard, source: str) -> set[str]:
    """Return the cases that were received from *source*."""
    received = [event for event in heard.events if event["type"] == "habeas.request.received.v1"]
    return {event["correlationid"] for event in received if event["data"]["source"] == source}


async def test_erasure_without_letter_is_reported_to_every_callback(stage: Stage, heard: Heard) -> None:
    person = (await stage.pipeline.people())[5]
    assert len(await stage.pipeline.mentions(person.email)) > 3
    one, two = f"{stage.called.url}/one", f"{stage.called.url}/two"
    body = instruction("erasure", person, one, two, group_id="a person's two")
    name = body["subject_request_id"]
    receipt = await stage.shop.post(body)
    assert receipt.status_code == 201, receipt.text
    assert verifies(stage.certificate, receipt.headers["X-OpenDSR-Signature"], receipt.content)
    assert base64.b64decode(receipt.json()["encoded_request"]) == json.dumps(body).encode()

    page = await stage.shop.until_it_is("completed", name)
    assert await stage.pipeline.mentions(person.email) == {}
    for url in (one, two):
        done = (await told(stage, name, url, "pending", "in_progress", "completed"))[-1]
        assert done.items() >= page.items()

    (case,) = await eventually(lambda: cases_of(heard, "opendsr/shop"), WITHIN)
    assert await eventually(lambda: heard.of(case, "request.fulfilled"), WITHIN)
    (verified,) = heard.of(case, "identity.verified")
    assert verified["data"]["assurance"] == "vouched"
    assert stage.pipeline.letters_to(person) == []
    assert heard.of(case, "notice.") == []
    events = json.dumps(heard.events)
    for secret in (person.email, person.name, name, SECRETS["shop"]):
        assert secret not in events
        assert secret.encode() not in stage.pipeline.log.read_bytes()
    year = (await stage.pipeline.page(case))["received_on"][:4]
    words = ("report", "--year", year, "--register", "--format", "csv", "--as", "vera")
    _, register, _ = await command(stage.pipeline, *words)
    (row,) = [line for line in csv.DictReader(io.StringIO(register)) if line["request"] == case]
    assert (row["requester"], row["result"], row["late"]) == ("controller", "partly_granted", "False")
    # Invoices are kept, and the controller hears so and why.
    assert page["extensions"][DOMAIN] == {"outcome": "partly_granted", "reasons": row["grounds"].split("; ")}

    # Once is enough; and it is nobody else's.
    again = await stage.shop.post(body)
    assert (again.status_code, again.json()["message"]) == (400, "Subject request already exists")
    assert (await stage.club.get(f"/opendsr/v3/requests/{name}")).status_code == 404
    group = (await stage.shop.get("/opendsr/v3/requests?group_id=a person's two")).json()
    assert [one["subject_request_id"] for one in group] == [name]
    late = await stage.pipeline.http.delete(f"/opendsr/v3/requests/{name}", headers=stage.shop.headers)
    assert late.status_code == 400


async def test_an_access_is_downloaded_by_the_controller_alone(stage: Stage, heard: Heard) -> None:
    person = (await stage.pipeline.people())[6]
    body = instruction("access", person, f"{stage.called.url}/access", version=2)
    name = body["subject_request_id"]
    assert (await stage.shop.post(body, 2)).status_code == 201
    page = await stage.shop.until_it_is("completed", name, 2)
    assert page["results_count"] > 0
    url = page["results_url"]
    assert url == f"{URL}/v2/requests/{name}/results"
    path = url.removeprefix(f"https://{DOMAIN}")
    assert (await stage.pipeline.http.get(path)).status_code == 401
    assert (await stage.club.get(path)).status_code == 404
    package = await stage.shop.get(url)
    assert package.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(package.content)) as opened:
        assert opened.testzip() is None
        texts = b"".join(opened.read(entry) for entry in opened.namelist() if entry.endswith(".json"))
    assert person.email.encode() in texts

    def on_record() -> list[str]:
        return [e["data"]["by"] for e in heard.events if e["type"] == "habeas.package.fetched.v1"]

    assert await eventually(on_record, WITHIN) == ["opendsr/shop"]
    assert stage.pipeline.letters_to(person) == []
    last = (await told(stage, name, f"{stage.called.url}/access", "pending", "in_progress", "completed"))[-1]
    assert last["results_url"] == url


async def test_request_without_records_is_completed_with_no_results(stage: Stage) -> None:
    nobody = Somebody("nobody.knows@example.org", "Nemo Unbekannt")
    body = instruction("portability", nobody)
    assert (await stage.shop.post(body)).status_code == 201
    page = await stage.shop.until_it_is("completed", body["subject_request_id"])
    assert (page["results_count"], page["results_url"]) == (0, None)


async def test_an_address_inside_is_not_called(stage: Stage) -> None:
    port = stage.called.url.rpartition(":")[2].partition("/")[0]
    inside = f"https://127.0.0.1:{port}/inside"
    person = (await stage.pipeline.people())[7]
    body = instruction("access", person, inside, f"{stage.called.url}/outside")
    await stage.shop.post(body)
    name = body["subject_request_id"]
    await told(stage, name, f"{stage.called.url}/outside", "pending", "in_progress", "completed")
    assert not any(called.endswith("/inside") for _, _, called in stage.called.received)


async def test_an_id_that_comes_at_once_eight_times_is_one_request(stage: Stage) -> None:
    body = instruction("erasure", Somebody("nobody.else@example.org", "Nemo Nobody"))
    body["submitted_time"] = "2026-01-02T03:04:05Z"  # as no other test has it
    answers = await asyncio.gather(*(stage.club.post(body) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201, *[400] * 7]
    await stage.club.until_it_is("completed", body["subject_request_id"])
    received = await stage.pipeline.rows("intake", **{"facts.data.due_on": {"$exists": True}})
    asked_at = body["submitted_time"].removesuffix("Z")
    assert sum(asked_at in str(row["facts"]) for row in received) == 1


async def test_after_a_crash_callbacks_go_on_where_they_were(stage: Stage) -> None:
    person = (await stage.pipeline.people())[9]
    url = f"{stage.called.url}/crash"
    body = instruction("erasure", person, url)
    assert (await stage.shop.post(body)).status_code == 201
    await stage.pipeline.kill()
    await stage.pipeline.start()
    name = body["subject_request_id"]
    await stage.shop.until_it_is("completed", name)

    def complete() -> list[str]:
        found = [one["request_status"] for one in callbacks(stage, name, url)]
        assert list(dict.fromkeys(found)) == ["pending", "in_progress", "completed"]
        return found

    # What a crash came between may be told twice. The lease of the killed process lasts a minute.
    assert len(await eventually(complete, timedelta(seconds=180))) <= 4


async def test_intake_does_not_start_with_a_certificate_of_another(stage: Stage) -> None:
    wrong = {"HABEAS_OPENDSR_CERTIFICATE": certificate_of(rsa_key(2048, 2)), "HABEAS_HTTP_PORT": "0"}
    other = replace(stage.pipeline, settings=stage.pipeline.settings | wrong)
    code, _, errors = await command(other, "serve", "intake")
    assert code != 0
    assert "HABEAS_OPENDSR_CERTIFICATE: does not belong to HABEAS_OPENDSR_KEY" in errors


async def test_no_name_of_a_group_lies_in_the_database(mongo_client: Client, database_prefix: str) -> None:
    database = mongo_client[f"{database_prefix}_intake"]
    groups = RequestGroups(database, b"k" * 32)
    await groups.prepare()
    shop, club = (ListedController(id=n, key=n, secret=secret) for n, secret in SECRETS.items())
    now = datetime.now(UTC)
    for number in (2, 1, 1):
        await groups.add(shop, "johndoe@example.com", f"{number}" * 32, now - timedelta(hours=number))
    assert await groups.of(shop, "johndoe@example.com") == ["2" * 32, "1" * 32]
    assert await groups.of(club, "johndoe@example.com") == []
    kept = [document async for document in database["opendsr_groups"].find()]
    assert "johndoe" not in str(kept)
