"""Platforms and mail programs from the outside: they sign as they do, and all services work."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI

from habeas.embedded.stack import Stack
from services.fulfillment.changes.suppressions import SuppressionPurpose
from tests.integration.controller_server import certificate
from tests.integration.pipeline import (
    KEYS,
    PORTAL,
    SHOP,
    WITHIN,
    Heard,
    Pipeline,
    Somebody,
    command,
    prepared,
)
from tests.unit.platforms import (
    CLIENT,
    DATA_REQUEST,
    META,
    REDACT,
    SHOPIFY,
    Signer,
    happened,
    shopify_headers,
    signed_request,
)
from tests.unit.platforms import SHOP as LAMPS
from tests.waiting import eventually

CLICK = {"List-Unsubscribe": "One-Click"}
APPLE_SUB = """\
          - name: apple_sub
            data_categories: [user.unique_id]
            fides_meta: { data_type: string, identity: apple_sub }
"""


@asynccontextmanager
async def publishing(signer: Signer, folder: Path) -> AsyncIterator[tuple[str, Path]]:
    """Serve the keys of *signer* over TLS; yield where they lie, and the certificate to be trusted."""
    file, _ = certificate(folder, "localhost")
    app = FastAPI()
    app.add_api_route("/auth/keys", signer.published)
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", ssl_certfile=str(file))
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - a flag is all that uvicorn has
        await asyncio.sleep(0)
    yield f"https://localhost:{server.servers[0].sockets[0].getsockname()[1]}/auth/keys", file
    server.should_exit = True
    await serving


@dataclass
class Stage:
    pipeline: Pipeline
    apple: Signer

    async def shopify(self, topic: str, content: dict[str, Any], **headers: str | None) -> int:
        body = json.dumps(content).encode()
        answer = await self.pipeline.http.post(
            "/webhooks/shopify", content=body, headers=shopify_headers(topic, body, **headers)
        )
        return answer.status_code

    async def apple_says(self, token: str) -> int:
        answer = await self.pipeline.http.post("/webhooks/apple", json={"payload": token})
        return answer.status_code


def knowing_apple(folder: Path) -> None:
    """Have the company's map find contacts by Apple's id of them."""
    path = folder / "portal.yml"
    text = path.read_text(encoding="utf-8")
    before = "          - name: account_id\n            # No reference"
    assert text.count(before) == 1
    path.write_text(text.replace(before, APPLE_SUB + before), encoding="utf-8")


@pytest_asyncio.fixture(scope="module")
async def stage(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder, apple = tmp_path_factory.mktemp("webhooks"), Signer()
    async with publishing(apple, folder) as (url, trusted):
        settings = {
            "HABEAS_SHOPIFY_SECRETS": json.dumps([SHOPIFY.decode()]),
            "HABEAS_META_SECRETS": json.dumps([META.decode()]),
            "HABEAS_APPLE_CLIENTS": json.dumps([CLIENT]),
            "HABEAS_APPLE_KEYS": url,
            "HABEAS_TRUSTED_SOURCES": json.dumps([PORTAL, f"shopify/{LAMPS}", "apple"]),
            "SSL_CERT_FILE": str(trusted),
        }
        async with prepared(parts, folder, customers=60, console=False, **settings) as pipeline:
            knowing_apple(folder / "datamap")
            await pipeline.start()
            yield Stage(pipeline, apple)
            await pipeline.stop()


@pytest_asyncio.fixture(scope="module")
async def heard(stage: Stage) -> AsyncIterator[Heard]:
    async with stage.pipeline.listening() as heard:
        yield heard


def cases_of(heard: Heard, source: str) -> list[str]:
    return [
        event["correlationid"]
        for event in {event["id"]: event for event in heard.events}.values()
        if event["type"].startswith("habeas.request.received") and event["data"]["source"] == source
    ]


async def case_of(heard: Heard, source: str, number: int = 1) -> str:
    """Return the request that came from *source*, once there are so many."""
    return (await eventually(lambda: cases_of(heard, source)[number - 1 :], WITHIN))[0]


async def test_customer_redacted_by_a_trusted_shop_is_erased_and_notified(stage: Stage, heard: Heard) -> None:
    person = (await stage.pipeline.people())[5]
    assert len(await stage.pipeline.mentions(person.email)) > 3
    body = {**REDACT, "customer": {"id": 191167, "email": person.email, "phone": None}}
    for _ in range(2):  # the same delivery is the same request
        assert await stage.shopify("customers/redact", body) == 200
    case = await case_of(heard, f"shopify/{LAMPS}")
    page = await stage.pipeline.closed(case)
    assert page["outcome"] in {"granted", "partly_granted"}  # an invoice is kept as long as the law wants
    assert await stage.pipeline.mentions(person.email) == {}
    assert stage.pipeline.letters_to(person, case)
    (verified,) = heard.of(case, "identity.verified")
    assert verified["data"]["assurance"] == "vouched"
    assert cases_of(heard, f"shopify/{LAMPS}") == [case]
    said = json.dumps(heard.events)
    assert person.email not in said
    assert "191167" not in said
    assert person.email.encode() not in stage.pipeline.log.read_bytes()


async def test_of_a_shop_that_is_not_trusted_the_person_is_asked_first(stage: Stage, heard: Heard) -> None:
    person = (await stage.pipeline.people())[4]
    body = {**DATA_REQUEST, "shop_domain": "other.myshopify.com", "customer": {"email": person.email}}
    assert await stage.shopify("customers/data_request", body) == 200
    case = await case_of(heard, "shopify/other.myshopify.com")
    code = await stage.pipeline.code_for(person, case)
    (await stage.pipeline.prove(case, code)).raise_for_status()
    page = await stage.pipeline.closed(case)
    assert (page["right"], page["outcome"]) == ("access", "partly_granted")
    assert page["package_url"]  # for the person, at their own mailbox


async def test_a_wrong_signature_leaves_nothing(stage: Stage) -> None:
    before = {row["case"] for row in await stage.pipeline.rows("intake")}  # earlier ones may still go on
    assert (
        await stage.shopify("customers/redact", REDACT, Hmac_Sha256=base64.b64encode(b"x" * 32).decode())
        == 401
    )
    assert {row["case"] for row in await stage.pipeline.rows("intake")} == before


async def test_a_whole_shop_is_set_aside_where_the_staff_sees_it(stage: Stage, heard: Heard) -> None:
    assert await stage.shopify("shop/redact", {"shop_id": 1, "shop_domain": LAMPS}) == 200
    heard_once = await eventually(
        lambda: {e["id"]: e for e in heard.events if e["type"].startswith("habeas.request.rejected")}, WITHIN
    )
    (rejected,) = heard_once.values()
    assert rejected["data"]["publisher_source"] == f"shopify/{LAMPS}"
    code, printed, _ = await command(stage.pipeline, "dead-letters", "--json")
    assert code == 0
    (shown,) = json.loads(printed)["set_aside"]
    assert (shown["source"], shown["case"]) == (f"shopify/{LAMPS}", rejected["correlationid"])


async def test_deleted_apple_account_is_erased_without_a_mailbox(stage: Stage, heard: Heard) -> None:
    person = (await stage.pipeline.people())[6]
    contacts = stage.pipeline.business("portal", "contacts")
    await contacts.update_one({"email": person.email}, {"$set": {"apple_sub": "001473.fe6f.1234"}})
    assert await stage.apple_says(stage.apple.token(events=happened("email-disabled"))) == 200
    assert await stage.apple_says(stage.apple.token(events=happened("account-deleted"))) == 200
    case = await case_of(heard, "apple")
    page = await stage.pipeline.until_it_is("answered", case)
    assert page["outcome"] in {"granted", "partly_granted"}
    assert await contacts.count_documents({"apple_sub": "001473.fe6f.1234"}) == 0
    assert "001473" not in json.dumps(heard.events)
    assert stage.apple.asked == 1  # over TLS, once

    # A key that nobody has certified counts for nothing, and one that Apple publishes later does.
    thief = Signer()
    assert await stage.apple_says(thief.token()) == 401
    assert cases_of(heard, "apple") == [case]


async def test_of_meta_which_is_not_trusted_the_person_finds_what_to_do_on_the_page(stage: Stage) -> None:
    form = {"signed_request": signed_request()}
    answer = await stage.pipeline.http.post("/webhooks/meta", data=form)
    said = answer.raise_for_status().json()
    await stage.pipeline.until_it_is("challenged", said["confirmation_code"])
    page = await stage.pipeline.http.get(said["url"])
    assert page.status_code == 200
    assert said["confirmation_code"] in page.text


async def test_one_click_in_a_mail_stops_the_advertising(stage: Stage, heard: Heard) -> None:
    found = await stage.pipeline.business("portal", "newsletter").find_one({"subscribed": True}, skip=8)
    assert found is not None
    person = Somebody(found["email"], "Sascha Beispiel")
    asked = {"email": person.email, "list": "Newsletter"}
    bearer = {"Authorization": f"Bearer {KEYS[SHOP]}"}
    made = await stage.pipeline.http.post("/v1/unsubscribe-links", json=asked, headers=bearer)
    url = made.raise_for_status().json()["url"]
    _, printed, _ = await command(
        stage.pipeline, "unsubscribe", "link", "--email", person.email, "--list", "Newsletter"
    )
    assert printed.strip() == url
    assert person.email.partition("@")[0] not in url

    looked = await stage.pipeline.http.get(url)
    assert looked.status_code == 200
    assert await subscribed(stage, person)
    for _ in range(2):
        clicked = await stage.pipeline.http.post(url, data=CLICK, follow_redirects=False)
        assert clicked.status_code == 200
    case = await case_of(heard, "habeas/unsubscribe")
    assert (await stage.pipeline.closed(case))["outcome"] == "granted"
    assert not await subscribed(stage, person)
    assert await stage.pipeline.stopped(person, SuppressionPurpose.MARKETING)
    assert cases_of(heard, "habeas/unsubscribe") == [case]
    assert url.rpartition("/")[2].encode() not in stage.pipeline.log.read_bytes()


async def subscribed(stage: Stage, person: Somebody) -> bool:
    found = await stage.pipeline.business("portal", "newsletter").find_one({"email": person.email})
    return bool(found["subscribed"])
