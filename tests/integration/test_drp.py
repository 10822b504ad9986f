"""The Data Rights Protocol from the outside: agents sign with libsodium, and all services work."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import Response
from fastapi.responses import RedirectResponse
from nacl.signing import SigningKey

from habeas.embedded.company import ADA
from habeas.embedded.stack import Stack
from services.intake.channels.drp.agents import DrpTokens
from services.intake.http.callbacks import LEASE, Callback, CallbackClient, WatchedRequest, WatchedRequests
from shared.runtime.mongo import Client
from shared.runtime.safe_http import SafeHttp
from tests.integration.controller_server import Receiver
from tests.integration.pipeline import PORTAL, WITHIN, Heard, Pipeline, Somebody, running
from tests.waiting import eventually

BUSINESS, REQUESTS = "EXAMPLE_NETWORKS_01", "/drp/v1/data-rights-request"
KEY = b"k" * 32
NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)


@dataclass
class Agent:
    """An authorised agent."""

    http: httpx.AsyncClient
    name: str
    key: SigningKey = field(default_factory=SigningKey.generate)
    token: str = ""

    @property
    def listed(self) -> dict[str, str]:
        return {
            "id": self.name,
            "name": f"Agency {self.name}",
            "verify_key": base64.b64encode(bytes(self.key.verify_key)).decode(),
            "business_contact": "people@agency.example",
        }

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def signed(self, **content: Any) -> bytes:
        now = datetime.now(UTC)
        message = {
            "agent-id": self.name,
            "business-id": BUSINESS,
            "issued-at": now.isoformat(timespec="milliseconds"),
            "expires-at": (now + timedelta(minutes=10)).isoformat(timespec="milliseconds"),
            "drp.version": "1.0",
            **content,
        }
        return base64.b64encode(self.key.sign(json.dumps(message).encode()))

    async def set_up(self, body: bytes | None = None) -> httpx.Response:
        answer = await self.http.post(f"/drp/v1/agent/{self.name}", content=body or self.signed())
        self.token = answer.json()["token"] if answer.is_success else self.token
        return answer

    async def exercise(self, body: bytes) -> dict[str, Any]:
        answer = await self.http.post(REQUESTS, content=body, headers=self.bearer)
        return dict(answer.raise_for_status().json())

    async def until_it_is(self, status: str, request_id: str, reason: str | None = None) -> dict[str, Any]:
        async def there() -> dict[str, Any]:
            answer = await self.http.get(f"{REQUESTS}/{request_id}", headers=self.bearer)
            page = dict(answer.raise_for_status().json())
            assert (page["status"], page["reason"]) == (status, reason), page
            return page

        return await eventually(there, WITHIN)


def claims(person: Somebody, *, verified: bool = True) -> dict[str, Any]:
    last, first = person.name.split()[-1], " ".join(person.name.split()[:-1])
    return {"name": f"{last}, {first}", "email": person.email, "email_verified": verified}


@dataclass
class Stage:
    pipeline: Pipeline
    agent: Agent
    other: Agent
    called: Receiver


@pytest_asyncio.fixture(scope="module")
async def stage(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("drp")
    async with Receiver().open(folder) as called, httpx.AsyncClient() as nobody:
        agents = [Agent(nobody, "AGENT_ONE"), Agent(nobody, "AGENT_TWO")]
        async with running(
            parts,
            folder,
            HABEAS_DRP_BUSINESS=BUSINESS,
            HABEAS_DRP_AGENTS=json.dumps([agent.listed for agent in agents]),
            HABEAS_DRP_CALLBACK_ALLOW='["localhost"]',
            HABEAS_TRUSTED_SOURCES=json.dumps([PORTAL, "drp/AGENT_ONE"]),
            SSL_CERT_FILE=str(called.certificate),
        ) as pipeline:
            for agent in agents:
                agent.http = pipeline.http
                (await agent.set_up()).raise_for_status()
            yield Stage(pipeline, agents[0], agents[1], called)


@pytest_asyncio.fixture(scope="module")
async def heard(stage: Stage) -> AsyncIterator[Heard]:
    async with stage.pipeline.listening() as heard:
        yield heard


async def test_signed_deletion_of_an_agent_is_carried_out_and_reported(stage: Stage, heard: Heard) -> None:
    person = (await stage.pipeline.people())[5]
    before = await stage.pipeline.mentions(person.email)
    body = stage.agent.signed(
        exercise="deletion", regime="ccpa", status_callback=stage.called.url, **claims(person)
    )
    made = await stage.agent.exercise(body)
    page = await stage.agent.until_it_is("fulfilled", made["request_id"])
    assert len(before) > 3
    assert await stage.pipeline.mentions(person.email) == {}
    assert page["results_url"].endswith(f"/requests/{made['request_id']}")
    assert (await stage.pipeline.closed(made["request_id"]))["regulation"] == "ccpa"
    # The person hears of it, whoever asks in their name.
    assert stage.pipeline.letters_to(person, made["request_id"])

    def told() -> list[str]:
        found = [json.loads(body) for _, body, _ in stage.called.received]
        of_this = [status for status in found if status["request_id"] == made["request_id"]]
        assert of_this[-1:] == [page]
        return [status["status"] for status in of_this]

    statuses = await eventually(told, WITHIN)
    assert statuses[-1] == "fulfilled"
    assert len(statuses) == len(set(statuses))

    (verified,) = heard.of(made["request_id"], "identity.verified")
    assert verified["data"]["assurance"] == "vouched"
    events = json.dumps(heard.events)
    assert person.email not in events
    assert person.name not in events
    assert person.email.encode() not in stage.pipeline.log.read_bytes()

    # The same message again is the same request again, and nobody else's to see.
    assert (await stage.agent.exercise(body))["request_id"] == made["request_id"]
    assert len(heard.of(made["request_id"], "request.received")) == 1
    seen = await stage.pipeline.http.get(f"{REQUESTS}/{made['request_id']}", headers=stage.other.bearer)
    assert seen.status_code == 403


async def test_agent_is_notified_that_nothing_is_held(stage: Stage) -> None:
    nobody = Somebody("nobody.knows@example.org", "Nemo Unbekannt")
    made = await stage.agent.exercise(stage.agent.signed(exercise="deletion", **claims(nobody)))
    page = await stage.agent.until_it_is("denied", made["request_id"], "no_match")
    assert page["processing_details"]


async def test_where_an_agents_word_is_not_enough_the_person_is_asked(stage: Stage) -> None:
    person = Somebody(ADA.email, ADA.name)
    made = await stage.other.exercise(stage.other.signed(exercise="access", **claims(person)))
    case = made["request_id"]
    page = await stage.other.until_it_is("in_progress", case, "need_user_verification")
    way = await stage.pipeline.http.get(page["user_verification_url"], params={"request_id": case})
    assert (way.status_code, way.headers["location"].endswith(f"/requests/{case}")) == (303, True)
    code = await stage.pipeline.code_for(person, case)
    (await stage.pipeline.prove(case, code)).raise_for_status()
    done = await stage.other.until_it_is("fulfilled", case)
    # What lies at the address opens with a code that goes to the person, and not to the agent.
    package = await stage.pipeline.http.get(f"/v1/requests/{case}/package")
    assert package.status_code == 401
    assert done["expires_at"] > done["received_at"]


async def test_a_revoked_request_is_withdrawn_for_all_services(stage: Stage, heard: Heard) -> None:
    person = (await stage.pipeline.people())[6]
    made = await stage.other.exercise(stage.other.signed(exercise="deletion", **claims(person)))
    case = made["request_id"]
    await stage.other.until_it_is("in_progress", case, "need_user_verification")
    body = base64.b64encode(stage.other.key.sign(b'{"reason": "changed their mind"}'))
    refused = await stage.pipeline.http.request(
        "DELETE", f"{REQUESTS}/{case}", content=body, headers=stage.agent.bearer
    )
    assert refused.status_code == 403
    revoked = await stage.pipeline.http.request(
        "DELETE", f"{REQUESTS}/{case}", content=body, headers=stage.other.bearer
    )
    assert (revoked.status_code, revoked.json()["status"]) == (200, "revoked")
    await stage.pipeline.closed(case)
    assert (await stage.other.until_it_is("revoked", case))["request_id"] == case
    assert heard.of(case, "request.withdrawn")
    assert await stage.pipeline.mentions(person.email)


async def test_after_a_crash_tokens_hold_and_messages_are_still_used_up(stage: Stage, heard: Heard) -> None:
    del heard
    setting_up = stage.agent.signed()
    (await stage.agent.set_up(setting_up)).raise_for_status()
    person = (await stage.pipeline.people())[7]
    body = stage.agent.signed(exercise="sale:opt-out", regime="ccpa", **claims(person))
    made = await stage.agent.exercise(body)
    await stage.pipeline.kill()
    await stage.pipeline.start()
    assert (await stage.agent.set_up(setting_up)).status_code == 403
    known = await stage.pipeline.http.get("/drp/v1/agent/AGENT_ONE", headers=stage.agent.bearer)
    assert (known.status_code, known.json()) == (200, {})
    assert (await stage.agent.exercise(body))["request_id"] == made["request_id"]
    await stage.agent.until_it_is("fulfilled", made["request_id"])
    received = [row async for row in stage.pipeline.client[f"{stage.pipeline.prefix}_intake"]["journal"].find(
        {"case": made["request_id"], "facts.type": "habeas.request.received.v1"}
    )]  # fmt: skip
    assert len(received) == 1


async def test_status_is_reported_over_tls_and_to_no_internal_machine(tmp_path: Path) -> None:
    async with Receiver().open(tmp_path) as called:
        status = {"request_id": "0" * 32, "status": "open"}

        def to(url: str) -> Callback:
            headers = {"Content-Type": "application/json"}
            return Callback(url, headers, json.dumps(status).encode(), mark="", final=False)

        allowed = CallbackClient(SafeHttp(frozenset({"localhost"}), called.trust))
        assert await allowed.send(to(called.url))
        [(headers, body, _)] = called.received
        assert headers["content-type"] == "application/json"
        assert json.loads(body) == status
        assert not await CallbackClient(SafeHttp(trust=called.trust)).send(to(called.url))
        assert not await CallbackClient(SafeHttp(frozenset({"localhost"}))).send(to(called.url))
        for elsewhere in (
            called.url.replace("https", "http"),
            "https://localhost:1/",
            "https://[::1",
            "nowhere",
        ):
            assert not await allowed.send(to(elsewhere))
        assert len(called.received) == 1
        for refusal in (Response(status_code=500), Response(status_code=404), RedirectResponse("/elsewhere")):
            called.answers.append(refusal)
            assert not await allowed.send(to(called.url))
        assert len(called.received) == 4


# --- what is kept, on a real database ----------------------------------------------------------------------


async def test_one_message_gives_one_token_however_many_replicas_take_it(
    mongo_client: Client, database_prefix: str
) -> None:
    replicas = [DrpTokens(mongo_client[f"{database_prefix}_intake"], KEY) for _ in range(8)]
    await asyncio.gather(*(replica.prepare() for replica in replicas))
    until = datetime.now(UTC) + timedelta(hours=1)
    issued = await asyncio.gather(*(replica.issue("AGENT_ONE", "m" * 64, until) for replica in replicas))
    (token,) = [one for one in issued if one is not None]
    assert [await replica.holder(token) for replica in replicas] == ["AGENT_ONE"] * 8


async def test_a_new_token_takes_the_place_of_the_old_one(mongo_client: Client, database_prefix: str) -> None:
    tokens = DrpTokens(mongo_client[f"{database_prefix}_intake"], KEY)
    await tokens.prepare()
    until = datetime.now(UTC) + timedelta(hours=1)
    first = await tokens.issue("AGENT_ONE", "1", until) or ""
    other = await tokens.issue("AGENT_TWO", "2", until) or ""
    second = await tokens.issue("AGENT_ONE", "3", until) or ""
    holders = [await tokens.holder(token) for token in (first, other, second, "", "x" * 43)]
    assert holders == [None, "AGENT_TWO", "AGENT_ONE", None, None]
    assert set(second) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


async def test_no_token_lies_in_the_database(mongo_client: Client, database_prefix: str) -> None:
    database = mongo_client[f"{database_prefix}_intake"]
    token = await DrpTokens(database, KEY).issue("AGENT_ONE", "1", NOW) or ""
    kept = [document async for document in database["drp_tokens"].find()]
    assert len(kept) == 1
    assert token not in str(kept)
    assert await DrpTokens(database, b"another key").holder(token) is None


async def test_each_request_is_looked_at_by_one_replica_at_a_time(
    mongo_client: Client, database_prefix: str
) -> None:
    replicas = [WatchedRequests(mongo_client[f"{database_prefix}_intake"]["drp_callbacks"]) for _ in range(4)]
    await replicas[0].prepare()
    names = {f"{number:032x}" for number in range(10)}
    for name in names:
        await replicas[0].add(name, NOW)
    taken = await asyncio.gather(*(replicas[number % 4].take(NOW) for number in range(20)))
    assert sorted(one.name for one in taken if one) == sorted(names)
    assert await replicas[1].take(NOW + LEASE - timedelta(seconds=1)) is None
    again = await replicas[1].take(NOW + LEASE)
    assert again is not None
    later = NOW + timedelta(hours=1)
    await replicas[1].look_again(WatchedRequest(again.request_id, NOW, "a digest", 3), later)
    await replicas[2].add(again.request_id, NOW)
    while (one := await replicas[0].take(later)) and one.request_id != again.request_id:
        pass
    assert one == WatchedRequest(again.request_id, NOW, "a digest", 3)
    await replicas[1].end(again.request_id)
    await replicas[2].add(again.request_id, NOW)
    anew = await replicas[3].take(NOW)
    assert anew is not None
    assert anew.request_id == again.request_id
