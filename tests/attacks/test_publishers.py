"""Attacks by publishers and holders of API keys: no publisher can impersonate another source."""

import json
import secrets
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiormq
import httpx
import pytest
import pytest_asyncio

from habeas.embedded.parts.ports import HOST
from habeas.embedded.stack import Stack
from services.intake.domain import FollowUpKept
from shared.contract import topology
from shared.contract.events import AppealSubmitted, ProofSubmitted, RequestSubmitted, WithdrawalSubmitted
from shared.runtime import message_origin
from tests.integration.pipeline import (
    KEYS,
    PORTAL,
    SHOP,
    WITHIN,
    Heard,
    Pipeline,
    Somebody,
    comes_true,
    command,
    now,
    prepared,
)
from tests.waiting import eventually

SHOPIFY = "shopify/shop.example"
"""A source that intake's channel for Shopify assigns; the verifier trusts it."""
STRUCTURED = "application/cloudevents+json"
SHEETS = "support.example"
"""A source that only the user of the command has in this module."""
OWN = "own"
"""The ``user_id`` that is the user of the connection."""
CALIFORNIA = {"country": "US", "subdivision": "CA"}


@dataclass(frozen=True)
class Upstream:
    """A broker user with the permissions of an upstream system."""

    name: str
    url: str

    async def publish(
        self,
        body: bytes,
        *,
        user_id: str | None = OWN,
        headers: Mapping[str, Any] | None = None,
        content_type: str = STRUCTURED,
        to: tuple[str, str] = (topology.REQUESTS, RequestSubmitted.TYPE),
    ) -> None:
        """Publish *body* with these properties; return when the broker has confirmed it."""
        connection = await aiormq.connect(self.url)
        try:
            channel = await connection.channel(publisher_confirms=True)
            properties = aiormq.spec.Basic.Properties(
                content_type=content_type,
                delivery_mode=2,
                headers=dict(headers or {}),
                message_id=uuid.uuid4().hex,
                user_id=self.name if user_id == OWN else user_id,
            )
            await channel.basic_publish(body, exchange=to[0], routing_key=to[1], properties=properties)
        finally:
            await connection.close()


@dataclass(frozen=True)
class Scene:
    """The product, its events, and the users of the broker."""

    pipeline: Pipeline
    heard: Heard
    shop: Upstream
    """May use the source ``shop`` and those below ``shop/``."""
    portal: Upstream
    """May use the source ``customer-portal``, which the verifier trusts."""
    rogue: Upstream
    """Named in no setting."""
    anything: Upstream
    """May use every source that is not reserved."""

    async def rejection(self, id_: str) -> dict[str, Any]:
        """Return the data of the one rejection of the event called *id_*."""

        def found() -> list[dict[str, Any]]:
            rejected = [e for e in self.heard.events if e["type"] == "habeas.request.rejected.v1"]
            return [event["data"] for event in rejected if event["data"]["publisher_id"] == id_]

        return dict((await eventually(found, WITHIN))[0])

    def received(self, source: str) -> list[dict[str, Any]]:
        """Return the requests that were registered for *source*."""
        received = [e for e in self.heard.events if e["type"] == "habeas.request.received.v1"]
        return [event for event in received if event["data"]["source"] == source]

    async def is_untouched(self, person: Somebody) -> None:
        """Fail if data of *person* was erased."""
        assert await self.pipeline.mentions(person.email)


@pytest_asyncio.fixture(scope="module")
async def scene(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    if parts is None:
        pytest.skip("users are added to our own broker only")
    names = [f"{name}-{uuid.uuid4().hex[:8]}" for name in ("shop", "portal", "rogue", "anything")]
    settings: dict[str, Any] = {
        "HABEAS_TRUSTED_SOURCES": json.dumps([PORTAL, SHOPIFY, "meta", "drp/AGENT", f"{SHOP}/desk"])
    }
    async with prepared(parts, tmp_path_factory.mktemp("publishers"), **settings) as pipeline:
        ours = json.loads(pipeline.settings["HABEAS_SOURCES"])
        bound = {
            **{user: ["*"] for user in ours},
            names[0]: [SHOP, f"{SHOP}/*"],
            names[1]: [PORTAL],
            names[3]: ["*"],
        }
        pipeline.settings["HABEAS_SOURCES"] = json.dumps(bound)
        await pipeline.start()
        vhost = pipeline.amqp_url.rsplit("/", 1)[1]
        users = [await _added(parts, name, vhost) for name in names]
        async with pipeline.listening() as heard:
            yield Scene(pipeline, heard, *users)
        await pipeline.stop()


async def _added(parts: Stack, name: str, vhost: str) -> Upstream:
    password = secrets.token_urlsafe(12)
    await parts.broker.add_publisher(name, password, vhost)
    return Upstream(name, f"amqp://{name}:{password}@{HOST}:{parts.broker.port}/{quote(vhost, safe='')}")


@pytest_asyncio.fixture
async def victim(scene: Scene) -> Somebody:
    people = await scene.pipeline.people()
    return people[secrets.randbelow(len(people))]


def event(
    data: Mapping[str, Any], source: str, *, type_: str = RequestSubmitted.TYPE, id_: str = ""
) -> tuple[str, bytes]:
    """Return the id and the body of a CloudEvent that claims to be of *source*."""
    id_ = id_ or str(uuid.uuid4())
    envelope = {
        "specversion": "1.0",
        "id": id_,
        "source": source,
        "type": type_,
        "time": now().isoformat(),
        "data": dict(data),
    }
    return id_, json.dumps(envelope).encode()


# --- impersonated sources -------------------------------------------------------------------------------

IMPERSONATED = [
    SHOPIFY,
    "shopify",
    "Shopify/shop.example",
    "SHOPIFY/shop.example",
    "shopify%2Fshop.example",
    "%73hopify/shop.example",
    "%2573hopify/shop.example",
    "\uff53hopify/shop.example",
    "shopify\u2215shop.example",
    "shopify\u200b/shop.example",
    " shopify/shop.example",
    "shopify/shop.example\u0000",
    "./shopify/shop.example",
    "//shopify/shop.example",
    "shopify:shop.example",
    "meta",
    "apple",
    "risc",
    "drp/AGENT",
    "fides/privacy_center",
    "opendsr/shop",
    "habeas/public",
    "habeas/mail",
    "habeas/gpc",
    "habeas/command",
    "habeas/drop",
    "habeas/child",
    "habeas/appeal",
    "habeas/unsubscribe",
    "habeas/intake",
    "HABEAS/drop",
]


async def test_reserved_source_of_a_channel_is_rejected_in_every_spelling(
    scene: Scene, victim: Somebody
) -> None:
    sent = {}
    for source in IMPERSONATED:
        id_, body = event(victim.asks("erasure"), source)
        await scene.anything.publish(body)
        sent[source] = id_
    for source, id_ in sent.items():
        rejection = await scene.rejection(id_)
        assert [flaw["path"] for flaw in rejection["errors"]] == ["source"], source
        assert not scene.received(source), source
    await scene.is_untouched(victim)


async def test_source_of_another_broker_user_is_rejected(scene: Scene, victim: Somebody) -> None:
    for user in (scene.rogue, scene.shop, scene.anything):
        id_, body = event(victim.asks("erasure"), PORTAL)
        await user.publish(body)
        rejection = await scene.rejection(id_)
        assert "HABEAS_SOURCES" in rejection["errors"][0]["message"]
    assert not scene.received(PORTAL)
    await scene.is_untouched(victim)


async def test_user_without_an_entry_may_use_its_own_name_as_source_only(
    scene: Scene, victim: Somebody
) -> None:
    own = scene.rogue.name
    for source in (f"{own}/desk", own.upper(), own[:-1], SHOP):
        id_, body = event(victim.asks("access"), source)
        await scene.rogue.publish(body)
        assert (await scene.rejection(id_))["errors"][0]["path"] == "source"
    _, body = event(victim.asks("access"), own)
    await scene.rogue.publish(body)
    await eventually(lambda: scene.received(own), WITHIN)


async def test_message_without_user_id_is_rejected(scene: Scene, victim: Somebody) -> None:
    for source in (PORTAL, scene.rogue.name):
        id_, body = event(victim.asks("erasure"), source)
        await scene.rogue.publish(body, user_id=None)
        assert (await scene.rejection(id_))["errors"][0]["path"] == "user_id"
    await scene.is_untouched(victim)


async def test_forged_user_id_is_refused_by_the_broker(scene: Scene, victim: Somebody) -> None:
    _, body = event(victim.asks("erasure"), PORTAL)
    with pytest.raises(aiormq.exceptions.ChannelPreconditionFailed):
        await scene.rogue.publish(body, user_id=scene.portal.name)


async def test_user_id_in_a_header_of_ours_is_not_believed(scene: Scene, victim: Somebody) -> None:
    forged = {
        "x-habeas-user": scene.portal.name,
        "x-habeas-exchange": topology.REDELIVERY,
        message_origin.EXCHANGE: topology.EVENTS,
        "user_id": scene.portal.name,
        "ce-user_id": scene.portal.name,
    }
    for user_id in (OWN, None):
        id_, body = event(victim.asks("erasure"), PORTAL)
        await scene.rogue.publish(body, headers=forged, user_id=user_id)
        assert (await scene.rejection(id_))["errors"][0]["path"] in {"source", "user_id"}
    await scene.is_untouched(victim)


@pytest.mark.parametrize("prefix", ["ce-", "ce_", "cloudEvents:", "cloudEvents_"])
async def test_source_in_binary_mode_is_rejected_like_one_in_the_body(
    scene: Scene, victim: Somebody, prefix: str
) -> None:
    for source in (SHOPIFY, PORTAL):
        id_ = str(uuid.uuid4())
        attributes = {"specversion": "1.0", "id": id_, "source": source, "type": RequestSubmitted.TYPE}
        headers = {f"{prefix}{name}": value for name, value in attributes.items()}
        headers |= {f"{prefix}time": now().isoformat()}
        body = json.dumps(victim.asks("erasure")).encode()
        await scene.shop.publish(body, headers=headers, content_type="application/json")
        assert (await scene.rejection(id_))["errors"][0]["path"] == "source"
    assert not scene.received(SHOPIFY)
    await scene.is_untouched(victim)


@pytest.mark.parametrize("exchange", ["", topology.EVENTS, topology.REDELIVERY, topology.RETRY])
async def test_publisher_reaches_no_other_exchange_or_queue(
    scene: Scene, victim: Somebody, exchange: str
) -> None:
    _, body = event(victim.asks("erasure"), PORTAL)
    headers = {message_origin.EXCHANGE: topology.REQUESTS, "x-habeas-user": scene.portal.name}
    with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
        await scene.rogue.publish(body, to=(exchange, "intake"), headers=headers)


async def test_source_bound_to_its_user_is_believed(scene: Scene, victim: Somebody) -> None:
    asked = victim.asks("restriction")
    _, body = event(asked, PORTAL)
    await scene.portal.publish(body)
    case = await scene.pipeline.id_of(asked)
    await eventually(lambda: scene.heard.of(case, "identity.verified"), WITHIN)


# --- references used again ------------------------------------------------------------------------------


async def test_reused_reference_with_other_content_is_rejected_on_the_bus(
    scene: Scene, victim: Somebody
) -> None:
    first = Somebody("first.person@example.org", "First Person")
    asked = first.asks("access")
    _, body = event(asked, SHOP)
    await scene.shop.publish(body)
    case = await scene.pipeline.id_of(asked, source=SHOP)
    for change in (
        {"subject": {"name": victim.name, "email": victim.email}},
        {"right": "erasure"},
        {"residence": {"country": "FR"}},
        {"details": {"statement": "All of it"}},
    ):
        id_, body = event({**asked, **change}, SHOP)
        await scene.shop.publish(body)
        rejection = await scene.rejection(id_)
        assert rejection["errors"][0]["path"] == "data.reference"
    assert len(scene.heard.of(case, "request.received")) == 1
    await scene.is_untouched(victim)


async def test_reused_event_id_and_reference_with_other_content_is_rejected(
    scene: Scene, victim: Somebody
) -> None:
    asked = Somebody("first.person@example.org", "First Person").asks("access")
    id_, body = event(asked, SHOP)
    await scene.shop.publish(body)
    await scene.pipeline.id_of(asked, source=SHOP)
    _, body = event({**asked, "subject": {"email": victim.email}}, SHOP, id_=id_)
    await scene.shop.publish(body)
    assert (await scene.rejection(id_))["errors"][0]["path"] == "data.reference"


async def test_same_content_under_the_same_reference_is_the_same_request(scene: Scene) -> None:
    asked = Somebody("same.person@example.org", "Same Person").asks("access")
    for _ in range(3):
        id_, body = event(asked, SHOP)
        await scene.shop.publish(body)
    case = await scene.pipeline.id_of(asked, source=SHOP)
    assert await scene.pipeline.lodge(asked, source=SHOP) == case
    assert await scene.pipeline.lodge({**asked, "details": {}}, source=SHOP) == case
    rejected = [e for e in scene.heard.events if e["data"].get("publisher_id") == id_]
    assert rejected == []


async def lodged(scene: Scene, data: Mapping[str, Any], source: str = SHOP) -> httpx.Response:
    headers = {"Authorization": f"Bearer {KEYS[source]}"}
    return await scene.pipeline.http.post("/v1/requests", json=dict(data), headers=headers)


async def test_reused_reference_with_other_content_is_a_conflict_over_http(
    scene: Scene, victim: Somebody
) -> None:
    asked = Somebody("first.person@example.org", "First Person").asks("access")
    case = (await lodged(scene, asked)).raise_for_status().json()["id"]
    for _ in ("registered or not yet", "registered"):
        answer = await lodged(scene, {**asked, "subject": {"email": victim.email}})
        assert answer.status_code == 409
        assert answer.headers["content-type"] == "application/problem+json"
        assert case not in answer.text
        await eventually(lambda: scene.heard.of(case, "request.received"), WITHIN)
    assert (await lodged(scene, asked)).json()["id"] == case


async def test_reused_reference_in_a_sheet_refuses_the_sheet(scene: Scene, victim: Somebody) -> None:
    reference = uuid.uuid4().hex
    headers = {"Authorization": f"Bearer {KEYS[SHOP]}", "Content-Type": "text/csv"}

    async def handed_in(*rows: str, query: str = "") -> httpx.Response:
        content = "\n".join(["reference;right;email", *rows]).encode()
        return await scene.pipeline.http.post(f"/v1/requests/batch{query}", content=content, headers=headers)

    (await handed_in(f"{reference};access;first.person@example.org")).raise_for_status()
    other = f"{uuid.uuid4().hex};access;second.person@example.org"
    answer = await handed_in(other, f"{reference};erasure;{victim.email}")
    assert answer.status_code == 409
    assert answer.json()["errors"] == [
        {"line": 3, "column": "reference", "message": answer.json()["errors"][0]["message"]}
    ]
    assert victim.email not in answer.text
    found = await scene.pipeline.http.get(
        "/v1/requests", params={"reference": other.split(";", maxsplit=1)[0]}, headers=headers
    )
    assert found.status_code == 404
    answer = await handed_in(other, f"{reference};erasure;{victim.email}", query="?keep_going=true")
    assert [row["line"] for row in answer.json()["lodged"]] == [2]
    assert [row["line"] for row in answer.json()["errors"]] == [3]


async def test_reused_reference_in_a_file_of_another_run_is_rejected(
    scene: Scene, victim: Somebody, tmp_path: Path
) -> None:
    reference = uuid.uuid4().hex
    for person in ("first.person@example.org", victim.email):
        sheet = tmp_path / f"{person}.csv"
        sheet.write_text(f"reference;right;email\n{reference};access;{person}\n", encoding="utf-8")
        code, _, errors = await command(scene.pipeline, "publish", str(sheet), "--source", SHEETS)
        assert code == 0, errors

    def rejected() -> list[dict[str, Any]]:
        found = [e["data"] for e in scene.heard.events if e["type"] == "habeas.request.rejected.v1"]
        return [data for data in found if data["publisher_source"] == SHEETS]

    await eventually(rejected, WITHIN)
    assert [flaw["path"] for data in rejected() for flaw in data["errors"]] == ["data.reference"], rejected()


# --- requests of other publishers -----------------------------------------------------------------------


async def test_publisher_cannot_withdraw_prove_or_appeal_the_request_of_another(scene: Scene) -> None:
    person = Somebody("known.person@example.org", "Known Person")
    by_portal = person.asks("access")
    case = await scene.pipeline.lodge(by_portal, source=PORTAL)
    by_anybody = await scene.pipeline.lodge(person.asks("access"))
    await eventually(lambda: scene.heard.of(by_anybody, "identity.challenged"), WITHIN)
    code = await scene.pipeline.code_for(person, by_anybody)
    for request in (case, by_anybody):
        for type_, data in (
            (WithdrawalSubmitted.TYPE, {"request": request}),
            (
                ProofSubmitted.TYPE,
                {"request": request, "proofs": [{"kind": "email_code", "code": code}]},
            ),
            (AppealSubmitted.TYPE, {"request": request, "statement": "I disagree"}),
        ):
            id_, body = event(data, SHOP, type_=type_)
            await scene.shop.publish(body, to=(topology.REQUESTS, type_))
            rejection = await scene.rejection(id_)
            assert rejection["errors"][0]["path"] == "data.request", type_
            assert "no request has this id" in rejection["errors"][0]["message"], type_
    assert not scene.heard.of(by_anybody, "request.withdrawn")
    assert not scene.heard.of(by_anybody, "identity.verified")
    assert not scene.heard.of(by_anybody, "appeal.received")


async def test_reference_of_another_publisher_finds_nothing(scene: Scene) -> None:
    asked = Somebody("known.person@example.org", "Known Person").asks("access")
    case = await scene.pipeline.lodge(asked, source=PORTAL)
    _, body = event({"reference": asked["reference"]}, SHOP, type_=WithdrawalSubmitted.TYPE)
    await scene.shop.publish(body, to=(topology.REQUESTS, WithdrawalSubmitted.TYPE))
    [row] = await scene.pipeline.recorded("intake", FollowUpKept.TYPE)
    assert row["case"] != case, "it waits for a request of its source"
    assert not scene.heard.of(case, "request.withdrawn")


async def test_publisher_withdraws_its_own_request(scene: Scene) -> None:
    asked = Somebody("own.person@example.org", "Own Person").asks("access")
    case = await scene.pipeline.lodge(asked, source=SHOP)
    await eventually(lambda: scene.heard.of(case, "request.received"), WITHIN)
    _, body = event({"request": case}, SHOP, type_=WithdrawalSubmitted.TYPE)
    await scene.shop.publish(body, to=(topology.REQUESTS, WithdrawalSubmitted.TYPE))
    await eventually(lambda: scene.heard.of(case, "request.withdrawn"), WITHIN)


async def test_key_of_another_system_opens_no_act_about_a_request(scene: Scene) -> None:
    case = await scene.pipeline.lodge(
        Somebody("known.person@example.org", "Known Person").asks("access"), source=SHOP
    )
    http, foreign = scene.pipeline.http, {"Authorization": f"Bearer {KEYS[PORTAL]}"}
    own = {"Authorization": f"Bearer {KEYS[SHOP]}"}
    proofs = {"proofs": [{"kind": "new_code"}]}
    for answer in (
        await http.post(f"/v1/requests/{case}/proofs", json=proofs, headers=foreign),
        await http.post(f"/v1/requests/{case}/appeals", json={"statement": "No"}, headers=foreign),
        await http.post(f"/v1/requests/{case}/fee", headers=foreign),
        await http.get(f"/v1/requests/{case}", headers=foreign),
        await http.delete(f"/v1/requests/{case}", headers=foreign),
    ):
        assert answer.status_code == 404
    wrong = {"Authorization": "Bearer of no known key"}
    assert (await http.delete(f"/v1/requests/{case}", headers=wrong)).status_code == 401
    assert (await http.delete(f"/v1/requests/{case}", headers=own)).status_code == 202


# --- weaker laws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("regulation", [None, "gdpr", "uk_gdpr", "lgpd", "us_state"])
async def test_named_law_does_not_lower_the_proof_that_california_wants(
    scene: Scene, regulation: str | None
) -> None:
    person = Somebody(f"{uuid.uuid4().hex}@example.org", "Resident Example")
    named = {"regulation": regulation} if regulation else {}
    case = await scene.pipeline.lodge({**person.asks("access"), "residence": CALIFORNIA, **named})
    code = await scene.pipeline.code_for(person, case)
    (await scene.pipeline.prove(case, code)).raise_for_status()

    async def weighed() -> bool:
        page = await scene.pipeline.page(case)
        return bool(page["wanted"]) and all("mailbox" not in way for way in page["wanted"])

    await comes_true(weighed)
    assert not scene.heard.of(case, "identity.verified")
