"""
All four services in a process of their own, on a virtual host, databases and an example company of their own.

A test acts as an upstream system or as a person and looks from outside: at the API, the letters, the events
that anybody may bind a queue to, the databases, the queues and the log.
"""

import asyncio
import base64
import json
import os
import re
import shutil
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from functools import cache, partial
from pathlib import Path
from typing import Any

import aio_pika
import httpx
import orjson
import typer

from habeas.cli import app
from habeas.client import accounts, master_keys, read_model, requests
from habeas.embedded.company import fill, generate
from habeas.embedded.installation import COMPANY, EMBEDDED_ACCOUNTS
from habeas.embedded.mailcatcher import CaughtMessage
from habeas.embedded.parts.ports import HOST, free_port
from habeas.embedded.parts.process import Command, Process, require_ready
from habeas.embedded.stack import Stack
from services.console.handlers import observed
from services.fulfillment.changes.suppressions import SuppressionList, SuppressionPurpose
from services.fulfillment.search.identities import Identities
from shared.contract import topology
from shared.contract.codes import ALONE
from shared.contract.correlation import EVENT, REFERENCE, SOURCE
from shared.contract.events import RequestReceived, RequestRejected, RequestSubmitted
from shared.contract.sources import ALL
from shared.contract.staff import code_at
from shared.errors import BrokerUnavailable
from shared.law import library
from shared.runtime.accounts import ACCOUNTS, account_of, definitions, made_roles
from shared.runtime.broker import Bus, Message, Parking, declare, user_of
from shared.runtime.key_rings import derived_key
from shared.runtime.mongo import Client, Document, connect
from shared.runtime.staff_api import IDLE_S
from shared.runtime.staff_register import StaffKeys, StaffRegister
from shared.runtime.vault import Vault
from tests.conftest import databases, required
from tests.integration.forked_processes import said, started
from tests.mailbox import Mailbox
from tests.staff import PASSWORD, StaffRoom
from tests.waiting import eventually

EXAMPLE = Path(__file__).parents[2] / "datamaps" / "example"
SERVICES = ("intake", "verifier", "fulfillment", "notifier")
PROGRAM = "tests.integration.patient_command"
DATABASES = ("portal", "billing", "ops")
SHOP, PORTAL = "shop", "customer-portal"
"""Two upstream systems; the verifier trusts the log-in of the portal."""
OWN_SOURCES = {f"habeas/{service}" for service in (*topology.LISTENS, "command")}
"""CloudEvents sources of the services and of the command; events of tests have others."""
KEYS = {SHOP: "the key of the shop is long", PORTAL: "the key of the portal is long"}
TODAY = datetime.now(UTC).date()
WITHIN = timedelta(seconds=120)
"""A machine may stand still for half a minute: nothing here waits for a shorter time."""
ANSWERED_WITHIN_S = 90.0
"""Until an HTTP client gives up."""
IDLE_LIMITS = httpx.Limits(keepalive_expiry=IDLE_S)
"""An idle connection is given up before the server closes it, as by the console."""
READY_WITHIN = timedelta(seconds=150)
STOP_WITHIN = timedelta(seconds=120)


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person who may be known to the company."""

    email: str
    name: str
    country: str = "DE"

    def asks(self, right: str, **more: Any) -> dict[str, Any]:
        """Return what an upstream system submits when they ask for *right*."""
        return {
            "reference": uuid.uuid4().hex,
            "right": right,
            "subject": {"name": self.name, "email": self.email},
            "residence": {"country": self.country},
            **more,
        }


def _names(event: Mapping[str, Any]) -> dict[str, str]:
    return {name: event[name] for name in (SOURCE, REFERENCE, EVENT) if name in event}


def _registers(event: Mapping[str, Any]) -> bool:
    return bool(event["type"] == RequestReceived.TYPE)


@dataclass
class Heard:
    """Every event that went out, as an upstream listener hears it."""

    queue: str
    events: list[dict[str, Any]] = field(default_factory=list)

    def of(self, case: str, type_: str = "") -> list[dict[str, Any]]:
        """Return the events of *case* whose type holds *type_*, each once."""
        found = {event["id"]: event for event in self.events if event.get("correlationid") == case}
        return [event for event in found.values() if type_ in event["type"]]

    async def until(self, case: str, type_: str, count: int = 1) -> list[dict[str, Any]]:
        """Return the events of *case* whose type holds *type_*, each once, as soon as there are *count*."""
        return await eventually(lambda: self.of(case, type_)[count - 1 :] and self.of(case, type_), WITHIN)

    def ended(self, case: str) -> bool:
        """Return whether the end of *case* was heard, and so all before it; True where its start was not."""
        return bool(self.of(case, "request.closed")) or not self.of(case, "request.received")

    def uncorrelated(self) -> list[tuple[str, str]]:
        """
        Return case and type of events without the publisher's names that their request's receipt has.

        Events before it (about a mail) and rejections have their own.
        """
        receipts = {e["correlationid"]: e for e in self.events if _names(e) and _registers(e)}
        return [
            (event["correlationid"], event["type"])
            for event in self.events
            if (receipt := receipts.get(event["correlationid"]))
            and _names(event) != _names(receipt)
            and event["time"] >= receipt["time"]
            and event["type"] != RequestRejected.TYPE
            and event["source"] in OWN_SOURCES
        ]


@dataclass
class Pipeline:
    """The services, what they run on, and what comes out of them."""

    folder: Path
    amqp_url: str
    mongo_url: str
    mail: Mailbox
    prefix: str
    settings: dict[str, str]
    client: Client
    http: httpx.AsyncClient
    bus: Bus
    process: Process | None = None
    staff: "StaffRoom | None" = None
    console_process: Process | None = None
    sessions: dict[str, bytes] = field(default_factory=dict)
    """Account → its second factor when its session at the console began: with another one it is over."""
    listeners: list[Heard] = field(default_factory=list)

    @property
    def log(self) -> Path:
        """What the services have written, all of them, all runs."""
        return self.folder / "services.log"

    @property
    def ops_url(self) -> str:
        """Where operators ask for health and metrics."""
        return f"http://{HOST}:{self.settings['HABEAS_OPS_PORT']}"

    @property
    def environment(self) -> dict[str, str]:
        """Everything a service, or the command, is started with."""
        own = {"HOME": str(self.folder), "HABEAS_STATE": str(self.folder / "state")}
        given = {"PATH": os.environ["PATH"], **own, **self.settings}
        if "HABEAS_CREDENTIALS" in given:  # the key rings there take the place of the master key
            given.pop("HABEAS_MASTER_KEY", None)
        return given

    async def start(self, *services: str) -> float:
        """Start *services*, all when none is named; return after how many seconds they were ready."""
        began = time.monotonic()
        process = await self.begin(*services)
        await process.until(partial(require_ready, self.http, self.ops_url), READY_WITHIN)
        return time.monotonic() - began

    async def begin(self, *services: str) -> Process:
        """Start *services*, all when none is named, whether or not they become ready."""
        arguments = ("serve", *(services or SERVICES))
        self.process = await started(PROGRAM, Command(arguments, Path.cwd(), self.log, self.environment))
        return self.process

    async def kill(self) -> None:
        """End the services as a crash would."""
        if self.process is not None:
            await self.process.kill()

    async def end(self) -> None:
        """End the services and the console."""
        await self.kill()
        if self.console_process is not None:
            await self.console_process.kill()

    async def stop(self) -> None:
        """End the services as an operator would."""
        if self.process is not None:
            await self.process.stop(STOP_WITHIN)

    async def console(self) -> str:
        """Return the address of the console, which is started with a model built from the journals."""
        if "HABEAS_CONSOLE_URL" in self.settings:
            return self.settings["HABEAS_CONSOLE_URL"]
        port, ops = free_port(), free_port()
        url = f"http://{HOST}:{port}"
        await declare(self.amqp_url, console=True)
        await read_model.rebuild(self.mongo_url, self.prefix, library.company(library.EXAMPLE).zone)
        own = {"HABEAS_CONSOLE_PORT": str(port), "HABEAS_CONSOLE_URL": url, "HABEAS_OPS_PORT": str(ops)}
        own["HABEAS_HTTP_PORT"] = str(free_port())
        environment = self.environment | own
        served = Command(("serve", "console"), Path.cwd(), self.folder / "console.log", environment)
        self.console_process = await started(PROGRAM, served)
        ready = partial(require_ready, self.http, f"http://{HOST}:{ops}")
        await self.console_process.until(ready, READY_WITHIN)
        self.settings["HABEAS_CONSOLE_URL"] = url
        return url

    @property
    def accounts(self) -> "StaffRoom":
        """The staff accounts of this installation."""
        if self.staff is None:
            key = base64.b64decode(self.settings["HABEAS_MASTER_KEY"])
            vault = Vault(self.client, prefix=self.prefix, master_key=key)
            keys = StaffKeys.of(key)
            self.staff = StaffRoom(StaffRegister(self.client, prefix=self.prefix, keys=keys, vault=vault))
        return self.staff

    # --- as an upstream system or a person --------------------------------------------------------------

    async def lodge(self, data: Mapping[str, Any], *, source: str | None = None) -> str:
        """Lodge a request by HTTP, as *source* or as anybody; return its id."""
        headers = {"Authorization": f"Bearer {KEYS[source]}"} if source else {}
        answer = await self.http.post("/v1/requests", json=dict(data), headers=headers)
        return str(answer.raise_for_status().json()["id"])

    async def send(
        self, data: Mapping[str, Any], *, source: str = PORTAL, type_: str = RequestSubmitted.TYPE
    ) -> None:
        """Publish a submission over AMQP."""
        await self.publish(requests.cloud_event(data, type_=type_, source=source), type_=type_)

    async def publish(self, body: bytes, *, type_: str = RequestSubmitted.TYPE, **changes: Any) -> None:
        """Publish any body to ``habeas.requests``."""
        await insistently(self.bus, [Message(topology.REQUESTS, type_, body, uuid.uuid4().hex, **changes)])

    def amqp_url_of(self, account: str) -> str:
        """Return the broker's URL as *account* has it."""
        return _url_of(account, self.settings) or self.amqp_url

    def mongo_url_of(self, account: str) -> str:
        """Return the database's URL as *account* has it."""
        return _url_of(account, self.settings, accounts.MONGO_URL) or self.mongo_url

    async def announce(self, *messages: Message) -> None:
        """Publish facts, each as the account does that owns it."""
        owned: dict[str, list[Message]] = defaultdict(list)
        for message in messages:
            owned[account_of(topology.publishers_of(message.routing_key)[0])].append(message)
        for account, own in owned.items():
            bus = Bus(self.amqp_url_of(account), name="test")
            try:
                await insistently(bus, own)
            finally:
                await bus.close()

    async def id_of(self, data: Mapping[str, Any], *, source: str = PORTAL) -> str:
        """Return the id of a request that was sent over AMQP, once it is registered."""

        async def registered() -> str:
            answer = await self.http.get(
                "/v1/requests",
                params={"reference": data["reference"]},
                headers={"Authorization": f"Bearer {KEYS[source]}"},
            )
            return str(answer.json()["id"]) if answer.is_success else ""

        return await eventually(registered, WITHIN)

    async def page(self, case: str) -> dict[str, Any]:
        """Return how a request stands."""
        answer = await self.http.get(f"/v1/requests/{case}")
        return dict(answer.raise_for_status().json())

    async def closed(self, case: str, within: timedelta = WITHIN) -> dict[str, Any]:
        """Return how a request stands once it is closed, and listeners have heard so: the page is first."""
        page = await self.until_it_is("closed", case, within)
        await eventually(lambda: all(heard.ended(case) for heard in self.listeners), within)
        return page

    async def until_it_is(self, status: str, case: str, within: timedelta = WITHIN) -> dict[str, Any]:
        """Return how a request stands once it is *status*."""

        async def there() -> dict[str, Any]:
            page = await self.page(case)
            assert page["status"] == status, page["status"]
            return page

        return await eventually(there, within)

    async def prove(self, case: str, code: str) -> httpx.Response:
        """Offer *code* as proof of identity."""
        proofs = [{"kind": "email_code", "code": code}]
        return await self.http.post(f"/v1/requests/{case}/proofs", json={"proofs": proofs})

    async def code_for(self, person: Somebody, case: str) -> str:
        """Return the newest code that was mailed to *person* about *case*."""
        return (await eventually(lambda: self.codes_to(person, case), WITHIN))[-1]

    def codes_to(self, person: Somebody, case: str) -> list[str]:
        """Return the codes that were mailed to *person* about *case*, the oldest first."""
        found = [ALONE.search(letter.body()) for letter in self.letters_to(person, case)]
        return [code[1] for code in found if code]

    async def verified(self, right: str, person: Somebody, **more: Any) -> str:
        """Take *person* by HTTP as far as the proof of their mailbox; return the request's id."""
        case = await self.lodge(person.asks(right, **more))
        code = await self.code_for(person, case)
        (await self.prove(case, code)).raise_for_status()
        return case

    async def answered(self, right: str, person: Somebody, **more: Any) -> str:
        """Ask for *person* by a system with a trusted log-in; return the closed request's id."""
        asked = person.asks(right, **more)
        await self.send(asked, source=PORTAL)
        case = await self.id_of(asked)
        await self.closed(case)
        return case

    async def package(self, case: str, person: Somebody) -> bytes:
        """Have a code mailed to *person* for the package of *case*; return the package."""
        before = len(self.codes_to(person, case))
        (await self.http.post(f"/v1/requests/{case}/package/codes")).raise_for_status()
        # A letter without a code may come before it.
        [code] = await eventually(lambda: self.codes_to(person, case)[before:])
        answer = await self.http.get(f"/v1/requests/{case}/package", params={"code": code})
        return answer.raise_for_status().content

    # --- what came out ------------------------------------------------------------------------------------

    def letter(self, person: Somebody, case: str, words: str) -> str:
        """Return the letter about *case* with *words*, in one line; empty without one."""
        bodies = (" ".join(found.body().split()) for found in self.letters_to(person, case))
        return next((body for body in bodies if words in body), "")

    async def stopped(self, person: Somebody | Identities, purpose: SuppressionPurpose) -> bool:
        """Return whether *person* is on the suppression list of *purpose*."""
        identities = {"email": (person.email,)} if isinstance(person, Somebody) else person
        master = base64.b64decode(self.settings["HABEAS_MASTER_KEY"])
        database = self.client[f"{self.prefix}_fulfillment"]
        suppressions = SuppressionList(database, derived_key(master, "suppressions"))
        return await suppressions.holds(identities, purpose)

    def letters_to(self, person: Somebody, case: str = "") -> list[CaughtMessage]:
        """Return the letters *person* got, oldest first; of *case* alone where one is given."""
        wanted = f"delivered-to: {person.email}".lower().encode()
        paths = sorted(path for path in self.mail.folder.glob("*.eml") if path.name > self.mail.since)
        found = [
            CaughtMessage(path.name, message_from_bytes(raw, policy=policy.default))
            for path in paths
            if wanted in (raw := path.read_bytes())[:2_000].lower()
        ]
        return [letter for letter in found if case in letter.body() or case in str(letter.message)]

    async def recorded(self, service: str, type_: str) -> list[Document]:
        """Return the rows of a service's journal with a fact of a type, once there are some."""

        async def found() -> list[Document]:
            return await self.rows(service, **{"facts.type": type_})

        return await eventually(found, WITHIN)

    async def rows(self, service: str, **condition: Any) -> list[Document]:
        """Return rows of a service's journal."""
        journal = self.client[f"{self.prefix}_{service}"]["journal"]
        return [row async for row in journal.find(condition)]

    async def handled_twice(self) -> list[tuple[str, str]]:
        """Return which service handled which event more than once."""
        twice: list[tuple[str, str]] = []
        for service in SERVICES:
            causes = Counter((row["case"], row["cause"]) for row in await self.rows(service))
            twice += [(service, cause) for (_, cause), count in causes.items() if count > 1]
        return twice

    async def parked(self) -> dict[str, list[bytes]]:
        """Return what lies in the parking queues."""
        found: dict[str, list[bytes]] = {}
        for service in SERVICES:
            async with Parking(self.amqp_url, topology.parking_of(service)) as parking:
                found[service] = [delivery.body async for delivery in parking]
        return found

    async def messages(self) -> dict[str, list[bytes]]:
        """Return every message in every queue of ours, headers and body."""
        found: dict[str, list[bytes]] = defaultdict(list)
        for queue in topology.queues():
            async with Parking(self.amqp_url, queue.name) as parking:
                async for delivery in parking:
                    found[queue.name].append(delivery.body + repr(dict(delivery.headers)).encode())
        return found

    @asynccontextmanager
    async def listening(self, *, forged: bool = False) -> AsyncIterator[Heard]:
        """Hear every event from now on, as any upstream system can; some are *forged* by a test."""
        heard = Heard(f"listener-{uuid.uuid4().hex}")
        # Unit tests run no loop that could answer the broker: with heartbeats it would end the connection.
        connection = await aio_pika.connect_robust(self.amqp_url, heartbeat=0)
        async with connection, connection.channel() as channel:
            queue = await channel.declare_queue(
                heard.queue, durable=True, arguments={"x-queue-type": "quorum"}
            )
            await queue.bind(topology.EVENTS, "#")

            async def hear(message: aio_pika.abc.AbstractIncomingMessage) -> None:
                heard.events.append(orjson.loads(message.body))
                await message.ack()

            await queue.consume(hear)
            self.listeners.append(heard)
            yield heard
            self.listeners.remove(heard)
            assert forged or not heard.uncorrelated(), heard.uncorrelated()
            await queue.delete(if_unused=False, if_empty=False)

    # --- the company ----------------------------------------------------------------------------------------

    def business(self, database: str, collection: str) -> Any:
        """Return a collection of the company."""
        return self.client[f"{self.prefix}{database}"][collection]

    async def people(self) -> list[Somebody]:
        """Return the company's contacts, those who pay, in order of their numbers."""
        contacts = self.business("portal", "contacts").find({}).sort("customer_id")
        return [
            Somebody(contact["email"], f"{contact['name']['first']} {contact['name']['last']}")
            async for contact in contacts
            if contact["customer_id"]
        ]

    async def people_by_contract(self) -> tuple[list[Somebody], list[Somebody]]:
        """Return the people with a running contract, and the others."""
        renting = await self.business("ops", "servers").distinct("customer_id", {"status": "rented"})
        contacts = self.business("portal", "contacts").find({"customer_id": {"$in": renting}})
        emails = {contact["email"] async for contact in contacts}
        people = await self.people()
        bound = [person for person in people if person.email in emails]
        return bound, [person for person in people if person.email not in emails]

    async def mentions(self, *words: str, besides: Iterable[str] = ()) -> dict[str, int]:
        """Return in how many documents of which of the company's collections one of *words* stands."""
        found: dict[str, int] = {}
        for database in DATABASES:
            for name in await self.client[f"{self.prefix}{database}"].list_collection_names():
                texts = [str(one).casefold() async for one in self.business(database, name).find()]
                count = sum(any(word.casefold() in text for word in words) for text in texts)
                if count and f"{database}.{name}" not in besides:
                    found[f"{database}.{name}"] = count
        return found


async def grow(pipeline: Pipeline, person: Somebody, records: int) -> None:
    """Give *person* that many records more: log-ins and metered months."""
    contact = await pipeline.business("portal", "contacts").find_one({"email": person.email})
    sessions, usage = pipeline.business("portal", "sessions"), pipeline.business("ops", "usage")
    login, month = await sessions.find_one({}), await usage.find_one({})
    await sessions.insert_many(
        [
            {**login, "_id": uuid.uuid4().hex, "contact_id": contact["_id"]}
            for _ in range(records - records // 4)
        ]
    )
    month.pop("_id")
    await usage.insert_many([{**month, "customer_id": contact["customer_id"]} for _ in range(records // 4)])


async def command(pipeline: Pipeline, *words: str) -> tuple[int, str, str]:
    """
    Run ``habeas`` *words*; return its code, what it printed and what it complained of.

    ``--as NAME`` runs it in a session of that account at the console, with a code that was not used before.
    """
    environment = pipeline.environment
    if words[0] != "login" and "--as" in words:
        place = words.index("--as")
        name, words = words[place + 1], (*words[:place], *words[place + 2 :])
        environment |= await signed_in(pipeline, name)
        for case in filter(re.compile("[0-9a-f]{32}").fullmatch, words):
            await followed(pipeline, case)
        code = await fresh_code(pipeline, name)
        if "--code" not in words and tuple(words[:2]) in signing_verbs():
            words = (*words, "--code", code)
    elif words[0] == "login":
        account = await pipeline.accounts.present(words[words.index("--as") + 1])
        environment |= {"HABEAS_STAFF_PASSWORD": PASSWORD}
        words = words if "--code" in words else (*words, "--code", code_at(account.second_factor, now()))
    return await said("habeas", words, environment)


async def followed(pipeline: Pipeline, case: str) -> None:
    """Wait until the console, started if need be, has noted all facts that intake knows of *case*."""
    await pipeline.console()
    await comes_true(partial(_is_followed, pipeline, case))


async def _is_followed(pipeline: Pipeline, case: str) -> bool:
    """Return whether the console has noted all facts about *case* that intake has handled."""
    kinds = {kind.TYPE for kind in observed()}
    rows = await pipeline.rows("intake", case=case, **{"event.type": {"$in": [*kinds]}})
    handled = {row["cause"] for row in rows}
    histories = pipeline.client[f"{pipeline.prefix}_console"]["histories"]
    history = await histories.find_one({"_id": case})
    return handled <= ((history or {}).get("facts") or {}).keys()


async def signed_in(pipeline: Pipeline, name: str) -> dict[str, str]:
    """Return the settings of the command for a session of the account *name*, begun where it has none."""
    url = await pipeline.console()
    own = {"HABEAS_CONSOLE_URL": url, "XDG_STATE_HOME": str(pipeline.folder / "logins" / name)}
    known = await pipeline.accounts.register.account(name)
    if known is None or pipeline.sessions.get(name) != known.second_factor:
        account = await pipeline.accounts.present(name)
        secret = {"HABEAS_STAFF_PASSWORD": PASSWORD}
        code = await fresh_code(pipeline, name)
        done = await said(
            "habeas", ("login", "--as", name, "--code", code), pipeline.environment | own | secret
        )
        assert done[0] == 0, done
        pipeline.sessions[name] = account.second_factor
    return own


async def fresh_code(pipeline: Pipeline, name: str) -> str:
    """Return a code of the account *name* that counts, though one was used."""
    for collection in ("codes", "tries"):
        await pipeline.client[f"{pipeline.prefix}_staff"][collection].delete_many({})
    known = await pipeline.accounts.register.account(name)
    assert known is not None
    return code_at(known.second_factor, now())


@cache
def signing_verbs() -> frozenset[tuple[str, ...]]:
    """Return the verbs of the command that take a one-time code."""
    groups: Any = typer.main.get_command(app)
    return frozenset(
        (group, name)
        for group, members in groups.commands.items()
        for name, verb in getattr(members, "commands", {}).items()
        if any(parameter.name == "code" for parameter in verb.params)
    )


def datamap(folder: Path, prefix: str) -> Path:
    """Write the example's data map into *folder*, for databases whose names begin with *prefix*."""
    shutil.copytree(EXAMPLE, folder)
    for path in folder.glob("*.yml"):
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"(fides_key: |dataset: )(\w+)", rf"\1{prefix}\2", text)
        text = re.sub(r"erase_after: \[(\w+)\.", rf"erase_after: [{prefix}\1.", text)
        path.write_text(text, encoding="utf-8")
    return folder


@asynccontextmanager
async def prepared(
    parts: Stack | None,
    folder: Path,
    maps: Callable[[Path, str], Path] | None = None,
    /,
    *,
    customers: int = 60,
    console: bool = False,
    **changes: str,
) -> AsyncIterator[Pipeline]:
    """Make everything ready, the company filled; the services are still to be started."""
    async with AsyncExitStack() as exits:
        mongo_url = parts.mongo_url if parts else required("MONGO_URL")
        amqp_url, broker = await _vhost(parts, folder / "credentials", console=console)
        command_url = _url_of("command", broker) or amqp_url
        client = connect(mongo_url, app_name="habeas-tests")
        exits.callback(client.close)
        prefix = await exits.enter_async_context(databases(client))
        if customers:
            await fill(mongo_url, generate(5, customers, today=TODAY), prefix=prefix)
        mail = (
            Mailbox.from_now_on(parts.smtp_url, parts.mail_folder)
            if parts
            else Mailbox.from_now_on(required("SMTP_URL"), Path(required("MAIL")))
        )
        data_map = (maps or datamap)(folder / "datamap", prefix)
        await accounts.create_collections(mongo_url, accounts.business_collections(data_map, ""))
        database = await exits.enter_async_context(
            _users(parts, client, folder / "credentials", data_map, prefix)
        )
        port = free_port()
        http = await exits.enter_async_context(
            httpx.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=ANSWERED_WITHIN_S, limits=IDLE_LIMITS)
        )
        bus = Bus(amqp_url, name="upstream")
        exits.push_async_callback(bus.close)
        settings = {
            **broker,
            **database,
            "HABEAS_DATABASE_PREFIX": prefix,
            "HABEAS_SMTP_URL": mail.url,
            "HABEAS_PRELOAD_MODELS": "false",
            "HABEAS_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
            "HABEAS_HTTP_PORT": str(port),
            "HABEAS_OPS_PORT": str(free_port(besides=frozenset({port}))),
            "HABEAS_INTAKE_URL": f"http://{HOST}:{port}",
            "HABEAS_PUBLIC_URL": f"http://{HOST}:{port}",
            "HABEAS_DATAMAP": str(data_map),
            "HABEAS_API_KEYS": json.dumps(KEYS),
            "HABEAS_SOURCES": json.dumps({user_of(url): [ALL, PORTAL] for url in (amqp_url, command_url)}),
            "HABEAS_CODES_PER_HOUR": "1000",  # tests know few people
            "HABEAS_LETTERS_PER_DAY": "10000",
            "HABEAS_CODES_OFFERED_PER_HOUR": "1000000",  # and come from one address
            "HABEAS_WRONG_CODES_ALARM": "1000000",
            "HABEAS_TRUSTED_SOURCES": json.dumps([PORTAL]),
            "HABEAS_CONFIRMING_SOURCES": json.dumps([PORTAL]),
            "HABEAS_PUBLIC_REQUESTS_PER_HOUR": "100000",
            "HABEAS_ERASURE_WINDOW": "PT0S",
            "HABEAS_COMPANY": str(COMPANY),
            "HABEAS_MAIL_FROM": "Fernlicht Privacy <privacy@fernlicht.example>",
            **changes,
        }
        if "HABEAS_CREDENTIALS" in settings:
            credentials = Path(settings["HABEAS_CREDENTIALS"])
            (credentials / master_keys.KEEPER).mkdir()
            (credentials / master_keys.KEEPER / master_keys.FIRST).write_text(settings["HABEAS_MASTER_KEY"])
            master_keys.issue(master_keys.load(credentials), credentials)
        pipeline = Pipeline(folder, amqp_url, mongo_url, mail, prefix, settings, client, http, bus)
        exits.push_async_callback(pipeline.end)
        yield pipeline


@asynccontextmanager
async def running(
    parts: Stack | None, folder: Path, *, customers: int = 60, **changes: str
) -> AsyncIterator[Pipeline]:
    """Run all services until the end of the block, with the settings *changes*."""
    async with prepared(parts, folder, customers=customers, console=False, **changes) as pipeline:
        await pipeline.start()
        yield pipeline
        await pipeline.stop()


@asynccontextmanager
async def _users(
    parts: Stack | None, client: Client, credentials: Path, data_map: Path, prefix: str
) -> AsyncIterator[dict[str, str]]:
    """Make the accounts of the database, and yield what services are told of it."""
    if parts is None:
        yield {"HABEAS_MONGO_URL": required("MONGO_URL")}
        return
    accounts.make(credentials, ACCOUNTS, mongo=parts.database.location, prefix=prefix)
    accounts.keep_administrator(credentials, parts.mongo_url)
    users = accounts.users_in(credentials, accounts.MONGO_URL)
    business = accounts.business_collections(data_map, "")
    await accounts.grant(parts.mongo_url, users, prefix=prefix, business=business)
    yield {}
    for user, _ in users.values():
        await client.admin.command("dropUser", user)
    for role in made_roles(prefix):
        await client.admin.command("dropRole", role)


def _url_of(account: str, settings: Mapping[str, str], file: str = accounts.AMQP_URL) -> str:
    """Return the URL in *file* as *account* has it; empty where there is one account for all."""
    folder = settings.get("HABEAS_CREDENTIALS")
    return Path(folder, account, file).read_text(encoding="utf-8").strip() if folder else ""


async def _vhost(parts: Stack | None, credentials: Path, *, console: bool) -> tuple[str, dict[str, str]]:
    """Return the URL of a virtual host for who may do everything, and what services are told of it."""
    if parts is None:
        amqp_url = required("AMQP_URL")
        await declare(amqp_url, console=console)
        return amqp_url, {"HABEAS_AMQP_URL": amqp_url}
    name = f"test-{uuid.uuid4().hex}"
    await parts.broker.add_vhost(name)
    amqp_url = parts.broker.url_of(name)
    await declare(amqp_url, console=console)
    accounts.make(credentials, EMBEDDED_ACCOUNTS, amqp=parts.broker.location(name), prefix=name)
    await parts.broker.define(definitions(accounts.users_in(credentials), name))
    return amqp_url, {"HABEAS_CREDENTIALS": str(credentials)}


async def insistently(bus: Bus, messages: Sequence[Message]) -> None:
    """Publish *messages*, again under their ids while the broker is away or has not confirmed them."""
    async with asyncio.timeout(WITHIN.total_seconds()):
        while True:
            try:
                return await bus.publish(messages)
            except BrokerUnavailable:
                await asyncio.sleep(0.1)


async def comes_true(probe: Callable[[], Awaitable[bool]], within: timedelta = WITHIN) -> None:
    """Ask *probe* until it says yes."""
    come: bool = await eventually(probe, within)
    assert come


def now() -> datetime:
    """Return the instant it is."""
    return datetime.now(UTC)
