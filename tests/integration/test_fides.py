"""Clients of Fides from the outside: a Privacy Center, scripts with a token, and all services at work."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from habeas.embedded.stack import Stack
from services.intake.cases.code_limits import CodeLimit
from services.intake.cases.duplicates import FirstRequests
from services.intake.cases.requester_index import RequesterIndex
from services.intake.cases.service import RequestService, ServiceKeys
from services.intake.cases.waiting_queue import WaitingQueue
from services.intake.channels.fides.clients import FidesTokens
from services.intake.channels.fides.consents import KEPT_FOR, ConsentCleanup, OpenConsents
from services.intake.channels.fides.filters import EntryRange
from services.intake.channels.fides.ledger import BATCH, LEFT_AFTER, FidesLedger, RequestCleanup
from services.intake.channels.fides.responses import FidesEntry
from services.intake.channels.fides.service import BODY
from services.intake.context import Ports
from services.intake.domain import RECORDS, RequestLodged
from shared.contract.answer import SUBMISSION
from shared.contract.envelope import STRUCTURED, decode
from shared.contract.events import RequestClosed, RequestReceived, RequestSubmitted, StaffRole, Subject
from shared.contract.staff import StaffAccount, public_bytes
from shared.contract.topology import EVENTS
from shared.errors import Destroyed
from shared.law import Right
from shared.runtime.journal import Journal, JournalRow
from shared.runtime.mongo import Client
from shared.runtime.scheduler import Timers
from shared.runtime.vault import Vault
from tests.integration.pipeline import PORTAL, WITHIN, Heard, Pipeline, Somebody, comes_true, running
from tests.runtime_fakes import MemoryBroker
from tests.unit.fakes import PRACTICE
from tests.waiting import eventually

BASE, ORIGIN = "/fides/api/v1", "http://center.example.com:3001"
SECRET = "a secret of the scripts"
SCOPES = [
    "privacy-request:create",
    "privacy-request:read",
    "privacy-request:review",
    "privacy-request-access-results:read",
]
KEY = b"k" * 32
NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
BROWSER = {
    "Access-Control-Allow-Origin": "*",
    "X-Fides-Source": "fides-privacy-center",
    "Unescape-Safestr": "true",
    "Origin": ORIGIN,
}
"""What a Privacy Center sends along with each call."""


@dataclass
class Stage:
    pipeline: Pipeline
    bearer: dict[str, str]

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return await self.pipeline.http.request(method, f"{BASE}{path}", json=body, **more)

    async def ask(self, policy: str, person: Somebody, **more: Any) -> dict[str, Any]:
        """Ask as a Privacy Center does."""
        item = {
            "identity": {"email": person.email, "phone_number": None},
            "policy_key": policy,
            "property_id": None,
            "source": "Privacy Center",
            **more,
        }
        answer = await self.call("POST", "/privacy-request", [item], headers=BROWSER)
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        found = answer.raise_for_status().json()
        assert found["failed"] == []
        return dict(found["succeeded"][0])

    async def shown(self, name: str) -> dict[str, Any]:
        answer = await self.call("POST", "/privacy-request/search", {"request_id": name}, headers=self.bearer)
        (found,) = answer.raise_for_status().json()["items"]
        return dict(found)

    async def until_it_is(self, status: str, name: str) -> dict[str, Any]:
        async def there() -> dict[str, Any]:
            shown = await self.shown(name)
            assert shown["status"] == status, shown
            return shown

        return await eventually(there, WITHIN)

    async def decide(self, what: str, body: Any) -> dict[str, Any]:
        path = f"/privacy-request/administrate/{what}"
        answer = await self.call("PATCH", path, body, headers=self.bearer)
        return dict(answer.raise_for_status().json())


def hex_of(name: str) -> str:
    return name.partition("_")[2].replace("-", "")


@pytest_asyncio.fixture(scope="module")
async def stage(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    key = Ed25519PrivateKey.generate()
    client = {"account": "fides.scripts", "key": base64.b64encode(key.private_bytes_raw()).decode()}
    async with running(
        parts,
        tmp_path_factory.mktemp("fides"),
        HABEAS_FIDES_SERVED="true",
        HABEAS_FIDES_CLIENTS=json.dumps({"scripts": {"secret": SECRET, "scopes": SCOPES, **client}}),
        HABEAS_FIDES_ORIGINS=json.dumps([ORIGIN]),
        HABEAS_TRUSTED_SOURCES=json.dumps([PORTAL, "fides/scripts"]),
        HABEAS_CONFIRMING_SOURCES=json.dumps([PORTAL, "fides/scripts"]),
        HABEAS_ERASURE_APPROVAL="always",
    ) as pipeline:
        roles = frozenset({StaffRole.AGENT, StaffRole.APPROVER})
        await pipeline.accounts.register.add(StaffAccount("fides.scripts", roles, public_bytes(key)))
        # As Postman sends it.
        form = {"grant_type": "client_credentials", "client_id": "scripts", "client_secret": SECRET}
        parts_ = [(name, (None, value)) for name, value in form.items()]
        answer = await pipeline.http.post(f"{BASE}/oauth/token", files=parts_)
        token = answer.raise_for_status().json()["access_token"]
        yield Stage(pipeline, {"Authorization": f"Bearer {token}"})


@pytest_asyncio.fixture(scope="module")
async def heard(stage: Stage) -> AsyncIterator[Heard]:
    async with stage.pipeline.listening() as heard:
        yield heard


async def test_a_privacy_center_takes_a_person_from_the_form_to_the_package(
    stage: Stage, heard: Heard
) -> None:
    person = (await stage.pipeline.people())[8]
    config = (await stage.call("GET", "/id-verification/config", headers=BROWSER)).json()
    assert config["identity_verification_required"]
    made = await stage.ask("default_access_policy", person)
    assert made["status"] == "identity_unverified"
    code = await stage.pipeline.code_for(person, hex_of(made["id"]))
    path = f"/privacy-request/{made['id']}/verify"
    wrong = await stage.call("POST", path, {"code": f"{(int(code) + 1) % 10**6:06}"}, headers=BROWSER)
    assert (wrong.status_code, set(wrong.json())) == (403, {"detail"})
    right = await stage.call("POST", path, {"code": code}, headers=BROWSER)
    assert (right.status_code, right.json()["id"]) == (200, made["id"])
    assert right.json()["status"] in {"in_processing", "complete"}
    again = await stage.call("POST", path, {"code": code}, headers=BROWSER)
    assert again.status_code == 400
    done = await stage.until_it_is("complete", made["id"])
    assert done["identity_verified_at"] < done["finished_processing_at"]
    results = await stage.call("GET", f"/privacy-request/{made['id']}/access-results", headers=stage.bearer)
    (page,) = results.json()["access_result_urls"]
    # What lies there opens with a code to the person's mailbox, and not with a token.
    assert (await stage.pipeline.http.get(page)).status_code == 200
    package = f"/v1/requests/{hex_of(made['id'])}/package"
    assert (await stage.pipeline.http.get(package, headers=stage.bearer)).status_code == 401
    (received,) = await heard.until(hex_of(made["id"]), "request.received")
    assert received["data"]["source"] == "habeas/public"
    events = json.dumps(heard.events)
    assert person.email not in events
    assert code not in events
    assert person.email.encode() not in stage.pipeline.log.read_bytes()


async def test_an_erasure_waits_for_a_client_that_approves_of_it(stage: Stage) -> None:
    person = (await stage.pipeline.people())[9]
    item = {"identity": {"email": person.email}, "policy_key": "default_erasure_policy", "location": "de"}
    answer = await stage.call("POST", "/privacy-request/authenticated", [item], headers=stage.bearer)
    name = answer.raise_for_status().json()["succeeded"][0]["id"]

    async def waits() -> bool:
        shown = await stage.shown(name)
        return bool(shown["status"] == "pending" and shown["identity_verified_at"])

    await comes_true(waits)
    assert await stage.pipeline.mentions(person.email)
    found = await stage.decide("approve", {"request_ids": [name, "bad_id"]})
    assert [one["id"] for one in found["succeeded"]] == [name]
    assert [one["data"] for one in found["failed"]] == [{"privacy_request_id": "bad_id"}]
    await stage.until_it_is("complete", name)
    assert await stage.pipeline.mentions(person.email) == {}


async def test_a_client_denies_and_cancels_and_the_person_hears_of_it(stage: Stage) -> None:
    denied, canceled = (await stage.pipeline.people())[10:12]
    names = [(await stage.ask("default_erasure_policy", person))["id"] for person in (denied, canceled)]
    for name in names:
        await stage.pipeline.until_it_is("challenged", hex_of(name))
    (shown,) = (await stage.decide("deny", [names[0]]))["succeeded"]
    assert shown["status"] == "denied"
    (shown,) = (await stage.decide("cancel", {"request_ids": [names[1]], "reason": "asked for"}))["succeeded"]
    assert shown["status"] == "canceled"
    for name, person in zip(names, (denied, canceled), strict=True):
        await stage.pipeline.closed(hex_of(name))
        assert stage.pipeline.letters_to(person, hex_of(name))
        assert await stage.pipeline.mentions(person.email)


async def test_client_whose_account_was_disabled_cancels_nothing(stage: Stage, heard: Heard) -> None:
    person = (await stage.pipeline.people())[14]
    name = (await stage.ask("default_erasure_policy", person))["id"]
    await stage.pipeline.until_it_is("challenged", hex_of(name))
    register = stage.pipeline.accounts.register
    account = await register.account("fides.scripts")
    assert account is not None
    await register.replace(replace(account, disabled=True))
    try:
        await stage.decide("cancel", [name])

        async def refused() -> bool:
            reasons = [one["data"]["reason"] for one in heard.of(hex_of(name), "decision.refused")]
            return reasons == ["account_disabled"]

        await comes_true(refused)
    finally:
        await register.replace(account)
    assert (await stage.pipeline.page(hex_of(name)))["status"] == "challenged"


async def test_an_opt_out_needs_no_code(stage: Stage, heard: Heard) -> None:
    person = (await stage.pipeline.people())[12]
    body = {"identity": {"email": person.email}, "source": "Privacy Center"}
    begun = await stage.call("POST", "/consent-request", body, headers=BROWSER)
    path = f"/consent-request/{begun.raise_for_status().json()['consent_request_id']}/preferences"
    wishes = [
        {"data_use": "marketing.advertising.third_party", "opt_in": False},
        {"data_use": "marketing.communications.email", "opt_in": False},
        {"data_use": "analytics", "opt_in": True},
    ]
    said = await stage.call("PATCH", path, {"consent": wishes}, headers=BROWSER)
    assert [one["opt_in"] for one in said.raise_for_status().json()["consent"]] == [False, False, True]

    async def carried_out() -> bool:
        wanted = {"action_type": "consent", "identities": {"email": person.email}}
        answer = await stage.call("POST", "/privacy-request/search", wanted, headers=stage.bearer)
        found = answer.raise_for_status().json()["items"]
        return [one["status"] for one in found] == ["complete"] * 2

    await comes_true(carried_out)
    told = {"habeas.subject.opted_out.v1", "habeas.subject.objected.v1"}
    await eventually(lambda: told <= {event["type"] for event in heard.events}, WITHIN)


async def test_nothing_is_forgotten_by_a_crash(stage: Stage) -> None:
    person = (await stage.pipeline.people())[13]
    made = await stage.ask("default_access_policy", person)
    await stage.pipeline.kill()
    await stage.pipeline.start()
    code = await stage.pipeline.code_for(person, hex_of(made["id"]))
    right = await stage.call("POST", f"/privacy-request/{made['id']}/verify", {"code": code})
    assert right.status_code == 200
    await stage.until_it_is("complete", made["id"])
    log = await stage.call("GET", f"/privacy-request/{made['id']}/log", headers=stage.bearer)
    messages = [line["message"] for line in log.raise_for_status().json()["items"]]
    assert messages.count("habeas.request.received.v1") == 1
    assert person.email not in log.text


async def test_nothing_of_a_person_lies_outside_the_vault(stage: Stage) -> None:
    database = stage.pipeline.client[f"{stage.pipeline.prefix}_intake"]
    people = await stage.pipeline.people()
    kept = [
        str(document)
        for name in await database.list_collection_names()
        async for document in database[name].find()
    ]
    assert kept
    assert not [person for person in people if any(person.email in text for text in kept)]
    assert stage.bearer["Authorization"].partition(" ")[2] not in str(kept)
    assert SECRET.encode() not in stage.pipeline.log.read_bytes()


# --- what is kept, on a real database ----------------------------------------------------------------------


async def test_a_token_holds_for_every_replica_until_it_expires(
    mongo_client: Client, database_prefix: str
) -> None:
    replicas = [FidesTokens(mongo_client[f"{database_prefix}_intake"], KEY) for _ in range(2)]
    await asyncio.gather(*(replica.prepare() for replica in replicas))
    now = datetime.now(UTC)
    until = now + timedelta(hours=1)
    first, second = [await replica.issue("scripts", until) for replica in replicas]
    holders = [await replicas[1].holder(token, now) for token in (first, second, "", "\ud800", "x" * 43)]
    assert holders == ["scripts", "scripts", None, None, None]
    assert await replicas[1].holder(first, until) is None
    assert await FidesTokens(mongo_client[f"{database_prefix}_intake"], b"another").holder(first, now) is None
    indexes = await mongo_client[f"{database_prefix}_intake"]["fides_tokens"].index_information()
    assert any("expireAfterSeconds" in index for index in indexes.values())


async def test_requests_are_listed_in_order_and_in_batches(
    mongo_client: Client, database_prefix: str
) -> None:
    ledger = FidesLedger(mongo_client[f"{database_prefix}_intake"])
    await ledger.prepare()
    many = [
        FidesEntry(f"{number:032x}", NOW + timedelta(minutes=number // 2), "key", Right.ACCESS, None)
        for number in range(BATCH + 5)
    ]
    objection = FidesEntry("f" * 32, NOW - timedelta(days=1), "no_mail", "direct_marketing", "scripts")
    for entry in (*many, objection, many[0]):
        await ledger.add(entry)
    assert await ledger.count(EntryRange()) == BATCH + 6
    batches = [batch async for batch in ledger.batches(EntryRange())]
    assert [len(batch) for batch in batches] == [BATCH, 6]
    assert [*batches[0], *batches[1]] == [*reversed(many), objection]
    oldest = [
        entry async for batch in ledger.batches(EntryRange(oldest_first=True), skip=1) for entry in batch
    ]
    assert oldest == many
    between = EntryRange(NOW, NOW + timedelta(minutes=2))
    assert [entry async for batch in ledger.batches(between) for entry in batch] == many[3:1:-1]
    assert await ledger.count(between) == 2
    assert await ledger.entry(objection.case) == objection
    assert await ledger.entry("0" * 31 + "z") is None


async def test_what_was_begun_is_destroyed_after_a_day(mongo_client: Client, database_prefix: str) -> None:
    begun = OpenConsents(mongo_client[f"{database_prefix}_intake"])
    await begun.prepare()
    vault = Vault(mongo_client, prefix=database_prefix, master_key=KEY)
    old, young = "a" * 32, "b" * 32
    for name, expires_at in ((old, NOW), (young, NOW + KEPT_FOR)):
        await begun.add(name, expires_at)
        await vault.create(name)
        await vault.seal(name, "who", b"ottilie@example.org")
    assert (await begun.is_open(old, NOW), await begun.is_open(young, NOW)) == (False, True)
    sweep = ConsentCleanup(begun, vault, lambda: NOW)
    await sweep.work()
    assert await begun.expired(NOW) == []
    with pytest.raises(Destroyed):
        await vault.open(old, "who")
    assert await vault.open(young, "who") == b"ottilie@example.org"
    assert not await begun.is_open(old, NOW - timedelta(seconds=1))
    assert await begun.is_open(young, NOW)


async def test_what_a_crash_has_left_is_destroyed_after_a_day_and_what_is_whole_is_a_request(
    mongo_client: Client, database_prefix: str
) -> None:
    database = mongo_client[f"{database_prefix}_intake"]
    ledger, journal, broker = FidesLedger(database), Journal(database, RECORDS), MemoryBroker()
    vault = Vault(mongo_client, prefix=database_prefix, master_key=KEY)
    for one in (ledger, journal):
        await one.prepare()
    now = NOW
    queue, timers = WaitingQueue(database, {}), Timers(database)
    duplicates, requesters = FirstRequests(database, journal, KEY), RequesterIndex(database, vault, KEY)
    ports = Ports(vault, timers, duplicates, queue, CodeLimit(), requesters, PRACTICE)
    requests = RequestService(
        vault, journal, broker, ServiceKeys(KEY, KEY), ports.context, queue, lambda: now
    )
    leftovers = RequestCleanup(ledger, requests, vault)
    request = RequestSubmitted(
        reference="whole", right=Right.ACCESS, subject=Subject(email="ottilie@example.org")
    )
    body, whole, registered = (
        requests.id_of("fides/scripts", name) for name in ("body", "whole", "registered")
    )
    for case in (body, whole, registered):
        await ledger.add(FidesEntry(case, NOW, "default_access_policy", Right.ACCESS, "scripts"))
        await requests.keep(case, BODY, b"as it came")
    await vault.seal(whole, SUBMISSION, request.model_dump_json().encode())
    await journal.append(
        [JournalRow(registered, 0, "lodged", None, (RequestClosed(request_id=registered),), NOW)]
    )
    now = NOW + LEFT_AFTER
    await leftovers.work()
    assert await requests.kept(body, BODY) == b"as it came", "it is no day old"
    now += timedelta(seconds=1)
    await leftovers.work()
    with pytest.raises(Destroyed):
        await vault.open(body, BODY)
    assert await ledger.entry(body) is None
    assert await requests.kept(registered, BODY) == await requests.kept(whole, BODY) == b"as it came"
    [message] = broker.published
    received = decode(message.body, exchange=EVENTS, content_type=STRUCTURED, headers={}).event
    assert isinstance(received, RequestReceived)
    assert (received.request_id, received.source) == (whole, "fides/scripts")
    [row] = (await journal.histories({whole}))[whole]
    assert isinstance(row.facts[0], RequestLodged)
    assert row.facts[0].occurred_at == NOW
    await leftovers.work()
    assert not [entry async for batch in ledger.unregistered(now) for entry in batch]
    assert await ledger.entry(whole)
    assert len(broker.published) == 1
