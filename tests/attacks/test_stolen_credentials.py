"""
What the account of each process can do on a real broker and database, and what it cannot.

A stolen account publishes the types that its process owns, and reads its own queues. Nothing that it sends
makes another process decide or erase.
"""

import asyncio
import base64
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import aio_pika
import pytest
import pytest_asyncio
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AMQPError

from habeas.embedded.company import ADA
from habeas.embedded.stack import Stack
from shared.contract import topology
from shared.contract.answer import LetterCopy
from shared.contract.catalogue import catalogue
from shared.contract.envelope import STRUCTURED, encode
from shared.contract.events import ErasureDue, IdentityVerified, NoticeSent, RestrictionAnnounced, Submission
from shared.contract.events.breaches import BreachDeclared
from shared.contract.topology import (
    COMMAND,
    CONSOLE,
    EVENTS,
    PARKING,
    REDELIVERY,
    REQUESTS,
    RETRY,
    parking_of,
)
from shared.errors import PermanentError, Sealed
from shared.runtime import key_rings, retry_policy
from shared.runtime.accounts import ACCOUNTS, KEYLESS, PROCESSES, account_of
from shared.runtime.broker import Parking
from shared.runtime.key_rings import KeyRing
from shared.runtime.message_origin import UNBELIEVED
from shared.runtime.mongo import Client, Database, connect, translated
from shared.runtime.vault import Vault
from tests.integration.pipeline import Pipeline, Somebody, comes_true, command, now, prepared, running
from tests.waiting import LONG, eventually

TYPES = sorted({kind.TYPE for kind in catalogue() if kind.EXCHANGE == EVENTS})
QUEUES = [queue.name for queue in (*topology.queues(), *topology.console_queues())]
SUBMISSIONS = sorted({kind.TYPE for kind in catalogue() if issubclass(kind, Submission)})
UPSTREAM = "upstream"
each_account = pytest.mark.parametrize("account", [*ACCOUNTS, UPSTREAM])
each_publisher = pytest.mark.parametrize("account", [one for one in (*ACCOUNTS, UPSTREAM) if one != CONSOLE])
each_process = pytest.mark.parametrize("account", PROCESSES)
each_key_holder = pytest.mark.parametrize("account", [one for one in PROCESSES if one not in KEYLESS])
VICTIM = Somebody(ADA.email, ADA.name)


@pytest_asyncio.fixture(scope="module")
async def idle(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    """A broker with all accounts, on which no service runs."""
    if parts is None:
        pytest.skip("the accounts of a broker that is given are not ours")
    folder = tmp_path_factory.mktemp("idle")
    async with prepared(parts, folder, customers=0, console=True) as pipeline:
        yield pipeline


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    if parts is None:
        pytest.skip("the accounts of a broker that is given are not ours")
    async with running(parts, tmp_path_factory.mktemp("pipeline")) as pipeline:
        yield pipeline


@asynccontextmanager
async def connected(pipeline: Pipeline, account: str) -> AsyncIterator[Callable[..., Awaitable[bool]]]:
    """Yield a function that tries something on a channel of *account*, and returns whether it was allowed."""
    connection = await aio_pika.connect(pipeline.amqp_url_of(account))

    async def allowed(step: Callable[[AbstractChannel], Awaitable[Any]]) -> bool:
        channel = await connection.channel(publisher_confirms=True)
        try:
            async with asyncio.timeout(LONG.total_seconds()):
                await step(channel)
        except AMQPError:
            return False
        await channel.close()
        return True

    async with connection:
        yield allowed


def publishing(exchange: str, key: str, body: bytes = b"{}", **properties: Any) -> Callable[..., Any]:
    """Return the step that publishes *body*."""
    message = aio_pika.Message(body, message_id=uuid.uuid4().hex, content_type=STRUCTURED, **properties)

    async def publish(channel: AbstractChannel) -> None:
        where = await channel.get_exchange(exchange, ensure=False) if exchange else channel.default_exchange
        await where.publish(message, key, mandatory=False)

    return publish


def owned_by(account: str) -> set[str]:
    services = PROCESSES.get(account, (account,))
    return {type_ for service in services for type_ in topology.PUBLISHES.get(service, ())}


def test_console_publishes_nothing_and_has_no_keys(idle: Pipeline) -> None:
    assert owned_by(CONSOLE) == set()
    assert not Path(idle.settings["HABEAS_CREDENTIALS"], CONSOLE, key_rings.FILE).exists()


def test_decisions_belong_to_one_account_each() -> None:
    owners = {type_: {account_of(one) for one in topology.publishers_of(type_)} for type_ in TYPES}
    assert owners["habeas.identity.verified.v1"] == {"verifier"}
    assert owners["habeas.request.fulfilled.v1"] == {"fulfillment"}
    assert owners["habeas.erasure.approved.v1"] == owners["habeas.identity.decided.v1"] == {"intake"}
    assert owners["habeas.request.received.v1"] == {"intake"}


@each_account
async def test_account_publishes_the_types_it_owns_and_no_other(idle: Pipeline, account: str) -> None:
    async with connected(idle, account) as allowed:
        taken = {type_ for type_ in TYPES if await allowed(publishing(EVENTS, type_))}
    assert taken == owned_by(account)


@each_account
async def test_only_publishers_and_the_command_submit(idle: Pipeline, account: str) -> None:
    async with connected(idle, account) as allowed:
        taken = [type_ for type_ in SUBMISSIONS if await allowed(publishing(REQUESTS, type_))]
    declared = [BreachDeclared.TYPE] if account == "intake" else []
    assert taken == (SUBMISSIONS if account in (COMMAND, UPSTREAM) else declared)


@each_account
async def test_account_reads_its_own_queues_and_no_other(idle: Pipeline, account: str) -> None:
    async def get(channel: AbstractChannel, name: str) -> None:
        await (await channel.get_queue(name, ensure=False)).get(fail=False)

    async with connected(idle, account) as allowed:
        read = {name for name in QUEUES if await allowed(lambda channel, name=name: get(channel, name))}
    parked = {*map(parking_of, topology.inboxes())} if account in (COMMAND, CONSOLE) else set[str]()
    assert read == parked | {*PROCESSES.get(account, ())}


@each_account
async def test_account_changes_nothing_of_the_topology(idle: Pipeline, account: str) -> None:
    own = PROCESSES.get(account, ("intake",))[0]
    steps: Mapping[str, Callable[[AbstractChannel], Awaitable[Any]]] = {
        "declare a queue": lambda channel: channel.declare_queue("mine", durable=True),
        "declare a nameless queue": lambda channel: channel.declare_queue(exclusive=True),
        "delete its queue": lambda channel: channel.queue_delete(own),
        "declare an exchange": lambda channel: channel.declare_exchange("mine"),
        "delete an exchange": lambda channel: channel.exchange_delete(EVENTS),
        "bind its queue": lambda channel: bound(channel, own, EVENTS),
        "bind to submissions": lambda channel: bound(channel, own, REQUESTS),
    }
    async with connected(idle, account) as allowed:
        assert [name for name, step in steps.items() if await allowed(step)] == []


async def bound(channel: AbstractChannel, queue: str, exchange: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).bind(exchange, "#")


@each_process
async def test_account_hands_messages_to_its_own_services_alone(idle: Pipeline, account: str) -> None:
    services = [*topology.inboxes()]
    async with connected(idle, account) as allowed:
        retried = [one for one in services if await allowed(publishing(RETRY, f"1s.{one}"))]
        parked = [one for one in services if await allowed(publishing(PARKING, one))]
        straight = [one for one in services if await allowed(publishing("", one))]
        redelivered = [one for one in services if await allowed(publishing(REDELIVERY, f"replay.{one}"))]
    assert set(retried) == set(parked) == set(PROCESSES[account])
    assert straight == redelivered == []


@each_publisher
@pytest.mark.parametrize("header", ["CC", "BCC"])
async def test_copies_to_other_routing_keys_are_refused(idle: Pipeline, account: str, header: str) -> None:
    exchange, own = (REQUESTS, SUBMISSIONS[0]) if account == UPSTREAM else (EVENTS, min(owned_by(account)))
    foreign = "habeas.identity.verified.v1" if account != "verifier" else "habeas.erasure.approved.v1"
    async with connected(idle, account) as allowed:
        assert await allowed(publishing(exchange, own))
        assert not await allowed(publishing(exchange, own, headers={header: [foreign]}))


@each_publisher
async def test_account_cannot_name_another_as_the_publisher(idle: Pipeline, account: str) -> None:
    exchange, own = (REQUESTS, SUBMISSIONS[0]) if account == UPSTREAM else (EVENTS, min(owned_by(account)))
    verifier = idle.amqp_url_of("verifier" if account != "verifier" else COMMAND)
    other = verifier.removeprefix("amqp://").partition(":")[0]
    async with connected(idle, account) as allowed:
        assert not await allowed(publishing(exchange, own, user_id=other))


# --- the finding, on the running product: with the notifier's files, a person was erased ------------------


def forged(case: str) -> bytes:
    """Return the event that says of an unproven request that its requester is the person."""
    fact = IdentityVerified(
        request_id=case,
        right="erasure",
        regulation="gdpr",
        received_on=now().date(),
        assurance="reasonably_high",
        reasons=("email_code",),
    )
    return encode(fact, id=uuid.uuid4().hex, source="habeas/verifier", time=now(), cause="forged")


def user_of_account(pipeline: Pipeline, account: str) -> str:
    return pipeline.amqp_url_of(account).removeprefix("amqp://").partition(":")[0]


async def unproven(pipeline: Pipeline) -> tuple[str, dict[str, int]]:
    """Lodge an erasure in the victim's name; return its id, and where the victim's data is."""
    case = await pipeline.lodge(VICTIM.asks("erasure"))

    async def registered() -> bool:
        return bool(await pipeline.rows("verifier", case=case))

    await comes_true(registered)
    return case, await pipeline.mentions(VICTIM.email)


async def parked_bodies(pipeline: Pipeline, service: str) -> list[bytes]:
    async with Parking(pipeline.amqp_url, parking_of(service)) as parking:
        return [delivery.body async for delivery in parking]


async def test_forged_identity_is_refused_by_the_broker(pipeline: Pipeline) -> None:
    case, before = await unproven(pipeline)
    async with connected(pipeline, "notifier") as allowed:
        assert not await allowed(publishing(EVENTS, IdentityVerified.TYPE, forged(case)))
        assert not await allowed(publishing(RETRY, "1s.fulfillment", forged(case)))
        assert not await allowed(publishing("", "fulfillment", forged(case)))
    assert await pipeline.rows("fulfillment", case=case) == []
    assert await pipeline.mentions(VICTIM.email) == before


async def test_forged_identity_behind_an_own_routing_key_is_parked_without_effect(
    pipeline: Pipeline,
) -> None:
    case, before = await unproven(pipeline)
    body = forged(case)
    headers = {
        "x-habeas-user": user_of_account(pipeline, "verifier"),
        "x-habeas-exchange": EVENTS,
        "x-habeas-routing-key": IdentityVerified.TYPE,
    }
    own = user_of_account(pipeline, "notifier")
    async with connected(pipeline, "notifier") as allowed:
        key = RestrictionAnnounced.TYPE
        assert await allowed(publishing(EVENTS, key, body, user_id=own, headers=headers))
        assert await allowed(publishing(EVENTS, key, body, headers=headers))

    async def refused() -> bool:
        return (await parked_bodies(pipeline, "fulfillment")).count(body) == 2

    await comes_true(refused)
    assert await pipeline.rows("fulfillment", case=case) == []
    assert await pipeline.mentions(VICTIM.email) == before


async def test_forged_identity_of_the_own_account_is_parked_without_effect(pipeline: Pipeline) -> None:
    """The account of fulfillment publishes a type of its own that its own queue gets, with another body."""
    case, before = await unproven(pipeline)
    body, key = forged(case), ErasureDue.TYPE
    async with connected(pipeline, "fulfillment") as allowed:
        own = user_of_account(pipeline, "fulfillment")
        assert await allowed(publishing(EVENTS, key, body, user_id=own))

    async def refused() -> bool:
        return body in await parked_bodies(pipeline, "fulfillment")

    await comes_true(refused)
    assert await pipeline.rows("fulfillment", case=case) == []
    assert await pipeline.mentions(VICTIM.email) == before


DEATH = {"queue": "fulfillment", "reason": "delivery_limit", "exchange": EVENTS, "count": 1}
"""A move of a message that the broker alone would have made."""


@pytest.mark.parametrize("named", [True, False], ids=["its user", "no user"])
@pytest.mark.parametrize("way", ["retry", "parking"])
async def test_forged_origin_of_the_targets_own_account_is_parked_without_effect(
    pipeline: Pipeline, way: str, named: bool
) -> None:
    """The account of fulfillment fills its own queues, in the form in which fulfillment does."""
    case, before = await unproven(pipeline)
    body, key = forged(case), IdentityVerified.TYPE
    headers = {
        "x-habeas-user": user_of_account(pipeline, "verifier"),
        "x-habeas-exchange": EVENTS,
        "x-habeas-routing-key": key,
        "x-habeas-attempt": 1,
        "x-habeas-first-failure": now().isoformat(),
        "x-habeas-seal": "0" * 64,
        "x-death": [{**DEATH, "routing-keys": [key]}],
    }
    own = user_of_account(pipeline, "fulfillment") if named else None
    place = (RETRY, "1s.fulfillment") if way == "retry" else (PARKING, "fulfillment")
    async with connected(pipeline, "fulfillment") as allowed:
        assert await allowed(publishing(*place, body, user_id=own, headers=headers))
        del headers["x-habeas-seal"]
        assert await allowed(publishing(*place, body, user_id=own, headers=headers))
    if way == "parking":
        code, _, errors = await command(pipeline, "dead-letters", "replay", "fulfillment")
        assert code == 0, errors

    async def refused() -> bool:
        return await reasons_of(pipeline, "fulfillment", body) == [UNBELIEVED] * 2

    await comes_true(refused)
    assert await pipeline.rows("fulfillment", case=case) == []
    assert await pipeline.mentions(VICTIM.email) == before


async def reasons_of(pipeline: Pipeline, service: str, body: bytes) -> list[Any]:
    """Return why messages with *body* are parked."""
    async with Parking(pipeline.amqp_url, parking_of(service)) as parking:
        return [one.headers.get(retry_policy.REASON) async for one in parking if one.body == body]


async def test_parked_forgery_is_refused_again_when_staff_replays_it(pipeline: Pipeline) -> None:
    case, before = await unproven(pipeline)
    body, own = forged(case), user_of_account(pipeline, "notifier")
    async with connected(pipeline, "notifier") as allowed:
        assert await allowed(publishing(EVENTS, RestrictionAnnounced.TYPE, body, user_id=own))

    async def parked() -> bool:
        return body in await parked_bodies(pipeline, "fulfillment")

    await comes_true(parked)
    log = pipeline.log.read_text(encoding="utf-8").count("message parked")
    code, _, errors = await command(pipeline, "dead-letters", "replay", "fulfillment")
    assert code == 0, errors
    await eventually(lambda: pipeline.log.read_text(encoding="utf-8").count("message parked") > log)
    await comes_true(parked)
    assert await pipeline.rows("fulfillment", case=case) == []
    assert await pipeline.mentions(VICTIM.email) == before


async def test_honest_access_request_still_closes_with_restricted_accounts(pipeline: Pipeline) -> None:
    person = (await pipeline.people())[3]
    case = await pipeline.verified("access", person)
    await pipeline.closed(case)
    sent = [
        fact["data"]
        for row in await pipeline.rows("notifier", case=case)
        for fact in row["facts"]
        if fact["type"] == NoticeSent.TYPE
    ]
    vault = Vault(pipeline.client, prefix=pipeline.prefix, master_key=ring_of(pipeline, "intake"))
    letters = [LetterCopy.read(await vault.open(case, one["kept"])) for one in sent]
    assert [letter.to for letter in letters] == [person.email] * len(sent)
    assert "outcome" in {one["letter"] for one in sent}


def test_services_of_the_tests_have_no_other_credentials(pipeline: Pipeline) -> None:
    assert "HABEAS_AMQP_URL" not in pipeline.settings
    names = {path.parent.name for path in Path(pipeline.settings["HABEAS_CREDENTIALS"]).glob("*/amqp_url")}
    assert names == {*ACCOUNTS, UPSTREAM}


# --- the database ----------------------------------------------------------------------------------------


OWN_DATABASES = {
    account: {*services, *({"vault"} if account not in ("notifier", CONSOLE) else set())}
    for account, services in PROCESSES.items()
}
OWN_DATABASES["intake"] |= {"keys"}
OWN_DATABASES["fulfillment"] |= {"portal", "billing", "ops"}
"""Databases that each process writes to."""
ALL_DATABASES = sorted({*topology.inboxes(), "vault", "keys", "portal", "billing", "ops"})


def database(pipeline: Pipeline, client: Client, name: str) -> Database:
    separator = "" if name in ("portal", "billing", "ops") else "_"
    return client[f"{pipeline.prefix}{separator}{name}"]


def mongo_url_of(pipeline: Pipeline, account: str) -> str:
    path = Path(pipeline.settings["HABEAS_CREDENTIALS"], account, "mongo_url")
    return path.read_text(encoding="utf-8").strip()


@asynccontextmanager
async def stored(pipeline: Pipeline, account: str) -> AsyncIterator[Client]:
    """Yield a client of the database with the files of *account*."""
    client = connect(mongo_url_of(pipeline, account), app_name="attacker")
    yield client
    client.close()


async def permitted(step: Callable[[], Awaitable[Any]]) -> bool:
    try:
        with translated("try"):
            await step()
    except PermanentError:
        return False
    return True


async def allowed_in(client: Client, pipeline: Pipeline, act: Callable[[Any], Awaitable[Any]]) -> set[str]:
    """Return the databases in which *client* may do *act* to a collection."""
    places = {name: database(pipeline, client, name).probes for name in ALL_DATABASES}
    return {name for name, probes in places.items() if await permitted(partial(act, probes))}


@each_process
async def test_account_writes_its_own_databases_and_no_other(idle: Pipeline, account: str) -> None:
    async with stored(idle, account) as client:
        written = await allowed_in(client, idle, lambda probes: probes.insert_one({"by": account}))
        removed = await allowed_in(client, idle, lambda probes: probes.delete_many({"by": account}))
    assert written == removed == OWN_DATABASES[account]


@each_process
async def test_account_reads_its_own_databases_vault_and_keys_alone(idle: Pipeline, account: str) -> None:
    async with stored(idle, account) as client:
        read = await allowed_in(client, idle, lambda probes: probes.find_one({}))
    assert read == OWN_DATABASES[account] | ({"vault", "keys"} if account not in KEYLESS else set())


@each_process
async def test_account_is_no_administrator_of_the_database(idle: Pipeline, account: str) -> None:
    async with stored(idle, account) as client:
        steps: list[Callable[[], Awaitable[Any]]] = [
            lambda: client.admin.command("createUser", "intruder", pwd="x", roles=["root"]),
            lambda: client.admin.command("usersInfo", 1),
            lambda: client.local["oplog.rs"].find_one({}),
            lambda: client.config.system.sessions.find_one({}),
        ]
        assert [await permitted(step) for step in steps] == [False] * len(steps)


@each_process
async def test_account_makes_no_staff_account_and_takes_back_no_used_code(
    idle: Pipeline, account: str
) -> None:
    async with stored(idle, account) as client:
        staff = database(idle, client, "staff")
        assert await permitted(lambda: staff.accounts.find_one({}))
        assert not await permitted(lambda: staff.accounts.insert_one({"_id": "intruder"}))
        assert not await permitted(lambda: staff.accounts.update_many({}, {"$set": {"roles": ["admin"]}}))
        assert await permitted(lambda: staff.codes.insert_one({"use": account})) == (account not in KEYLESS)
        assert not await permitted(lambda: staff.codes.delete_many({}))
        assert not await permitted(lambda: staff.tries.delete_many({}))
        assert not await permitted(lambda: staff.outcomes.update_many({}, {"$set": {"reason": ""}}))


async def test_stolen_notifier_adds_to_the_vault_and_changes_and_removes_nothing_there(
    pipeline: Pipeline,
) -> None:
    case, _ = await unproven(pipeline)
    async with stored(pipeline, "notifier") as client:
        items, chunks = (database(pipeline, client, "vault")[name] for name in ("items", "chunks"))
        submission = {"_id": f"{case}/submission"}
        assert await permitted(lambda: items.insert_one({"_id": f"{case}/letter_added"}))
        assert not await permitted(lambda: items.update_one(submission, {"$set": {"sealed": b""}}))
        assert not await permitted(lambda: items.replace_one(submission, {"sealed": b""}))
        assert not await permitted(lambda: items.delete_one(submission))
        assert not await permitted(items.drop)
        assert not await permitted(lambda: chunks.insert_one({"_id": f"{case}/package#0"}))


async def test_stolen_notifier_reaches_no_business_data_and_destroys_no_key(pipeline: Pipeline) -> None:
    case, before = await unproven(pipeline)
    async with stored(pipeline, "notifier") as client:
        keys = database(pipeline, client, "keys")["keys"]
        assert not await permitted(lambda: keys.update_one({"_id": case}, {"$set": {"key": None}}))
        assert not await permitted(lambda: keys.insert_one({"_id": "forged"}))
        contacts = database(pipeline, client, "portal").contacts
        assert not await permitted(lambda: contacts.find_one({}))
        assert not await permitted(lambda: contacts.delete_many({}))
    assert await pipeline.mentions(VICTIM.email) == before


async def collections_of_intake(pipeline: Pipeline) -> set[str]:
    """Return the collections that intake has made, and those of DROP, which it makes when it is used."""
    found = await database(pipeline, pipeline.client, "intake").list_collection_names()
    assert "journal" in found
    return {*found, "drop_state", "drop_batches", "drop_answers", "probes"}


async def test_stolen_command_writes_no_collection_of_intake_but_the_schedule_of_drop(
    pipeline: Pipeline,
) -> None:
    """With the journal it could register, prove and answer requests; with the others lift limits."""
    names = await collections_of_intake(pipeline)
    async with stored(pipeline, COMMAND) as client:
        intake = database(pipeline, client, "intake")
        acts: Mapping[str, Callable[[str], Awaitable[Any]]] = {
            "insert": lambda name: intake[name].insert_one({"_id": "forged"}),
            "update": lambda name: intake[name].update_many({"_id": "forged"}, {"$set": {"forged": 1}}),
            "delete": lambda name: intake[name].delete_many({"_id": "forged"}),
            "drop": lambda name: intake[name].drop(),
            "index": lambda name: intake[name].create_index("forged"),
            "merge": lambda name: intake.drop_state.aggregate([{"$merge": {"into": name}}]).to_list(None),
            "rename": lambda name: client.admin.command(
                "renameCollection", f"{intake.name}.{name}", to=f"{intake.name}.forged"
            ),
        }
        done = {
            (what, name)
            for what, act in acts.items()
            for name in names
            if await permitted(partial(act, name))
        }
    assert done == {(what, "drop_state") for what in ("insert", "update", "delete", "index", "merge")}


async def test_stolen_command_writes_no_journal_heads_or_timers_of_a_service(pipeline: Pipeline) -> None:
    async with stored(pipeline, COMMAND) as client:
        for service in topology.LISTENS:
            for name in ("journal", "audit_heads", "timers", "probes"):
                place = database(pipeline, client, service)[name]
                assert not await permitted(partial(place.insert_one, {"_id": "forged"})), (service, name)
                assert not await permitted(partial(place.delete_many, {"_id": "forged"})), (service, name)


# --- the keys -------------------------------------------------------------------------------------------


def ring_of(pipeline: Pipeline, account: str) -> KeyRing:
    path = Path(pipeline.settings["HABEAS_CREDENTIALS"], account, key_rings.FILE)
    return KeyRing.parse(path.read_text(encoding="utf-8"))


ITEMS = {
    "case": "submission",
    "proofs": "proof_0",
    "codes": "code_0",
    "packages": "package_0",
    "plans": "erasure_plan_0",
    "breach": "breach_chunk_1_000001",
}
"""Compartment → the name of an item in it."""


@each_key_holder
async def test_account_opens_the_compartments_of_its_work_and_no_other(idle: Pipeline, account: str) -> None:
    case = uuid.uuid4().hex
    owner = Vault(idle.client, prefix=idle.prefix, master_key=ring_of(idle, "intake"))
    await owner.create(case)
    for item in ITEMS.values():
        await owner.seal(case, item, item.encode())
    opened = set()
    async with stored(idle, account) as client:
        thief = Vault(client, prefix=idle.prefix, master_key=ring_of(idle, account))
        for compartment, item in ITEMS.items():
            with suppress(Sealed):
                assert await thief.open(case, item) == item.encode()
                opened.add(compartment)
    assert (
        opened
        == {
            "intake": {*ITEMS},
            "verifier": {"case", "proofs", "codes"},
            "fulfillment": {"case", "proofs", "packages", "plans", "breach"},
            "notifier": {"case", "codes", "breach"},
        }[account]
    )


@each_key_holder
def test_key_ring_holds_no_key_of_another_account(idle: Pipeline, account: str) -> None:
    master = base64.b64decode(idle.settings["HABEAS_MASTER_KEY"])
    ring = ring_of(idle, account)
    assert {*ring.keys} == {*key_rings.purposes_of(account)}
    path = Path(idle.settings["HABEAS_CREDENTIALS"], account, key_rings.FILE)
    written = path.read_text(encoding="utf-8")
    assert base64.b64encode(master).decode() not in written
    assert path.stat().st_mode & 0o077 == 0
    if account != "fulfillment":
        assert "package and certificate signatures" not in ring.keys
    if account != "intake":
        assert [one for one in ring.keys if one.startswith("case keys of")] == [f"case keys of {account}"]


async def test_stolen_key_ring_wraps_no_keys_for_others(idle: Pipeline) -> None:
    thief = Vault(idle.client, prefix=idle.prefix, master_key=ring_of(idle, "notifier"))
    with pytest.raises(PermanentError, match="makes no keys of cases"):
        await thief.create(uuid.uuid4().hex)
