"""The host as a process of its own: it starts, says so, drains when told to stop, and dies loudly."""

import asyncio
import base64
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
import pytest_asyncio

from habeas.embedded.stack import Stack, StackPart
from shared.contract.envelope import encode
from shared.contract.events import RequestWithdrawn
from shared.contract.topology import RETRY, parking_of
from shared.runtime.broker import Bus, Consumer, Message, user_of
from shared.runtime.journal import Journal, JournalRow
from shared.runtime.message_origin import UNBELIEVED, USER, Origin
from shared.runtime.mongo import Client
from shared.runtime.retry_policy import REASON
from tests.integration.service_process import DEADLY, STUBBORN
from tests.waiting import eventually

WITHIN = timedelta(seconds=120)
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Process:
    """A running host, and what it has written."""

    child: asyncio.subprocess.Process
    lines: list[dict[str, Any]] = field(default_factory=list)

    async def listen(self) -> None:
        assert self.child.stdout
        async for line in self.child.stdout:
            self.lines.append(orjson.loads(line))

    def said(self, event: str) -> dict[str, Any] | None:
        return next((line for line in self.lines if line["event"] == event), None)

    async def port(self) -> int:
        started = await eventually(lambda: self.said("started"), WITHIN)
        assert started
        return int(started["port"])

    async def ends(self) -> tuple[int, str]:
        """Return exit code and standard error."""
        assert self.child.stderr
        async with asyncio.timeout(WITHIN.total_seconds()):
            errors = await self.child.stderr.read()
            return await self.child.wait(), errors.decode()


@pytest.fixture
def environment(amqp_url: str, mongo_url: str, database_prefix: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HABEAS_AMQP_URL": amqp_url,
        "HABEAS_MONGO_URL": mongo_url,
        "HABEAS_DATABASE_PREFIX": database_prefix,
        "HABEAS_MASTER_KEY": base64.b64encode(bytes(32)).decode(),
    }


@asynccontextmanager
async def process(
    environment: dict[str, str], *options: str, **changes: str | None
) -> AsyncIterator[Process]:
    chosen = {name: value for name, value in (environment | changes).items() if value is not None}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.service_process", *options, env=chosen,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    running = Process(child)
    listening = asyncio.create_task(running.listen())
    try:
        yield running
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()
        await listening


@pytest_asyncio.fixture
async def bus(amqp_url: str) -> AsyncIterator[Bus]:
    bus = Bus(amqp_url, name="test")
    yield bus
    await bus.close()


def withdrawn(case: str) -> Message:
    event = RequestWithdrawn(request_id=case)
    return Message(
        event.EXCHANGE,
        event.TYPE,
        encode(event, id=f"event-{case}", source="test", time=NOW),
        f"event-{case}",
    )


async def get(port: int, path: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=90) as client:
        return await client.get(f"http://127.0.0.1:{port}{path}")


async def test_stopped_process_finishes_its_batch_and_ends_with_zero(
    environment: dict[str, str], bus: Bus, mongo_client: Client, database_prefix: str
) -> None:
    cases = [f"{number:032x}" for number in range(1000)]
    async with process(environment) as host:
        port = await host.port()
        await until(port, "/readyz", 200)
        await bus.publish([withdrawn(case) for case in cases])
        await eventually(lambda: host.said("batch committed"), WITHIN)
        host.child.send_signal(signal.SIGTERM)
        code, errors = await host.ends()
    assert (code, errors) == (0, "")
    assert host.said("stopped")
    journal = Journal(mongo_client[f"{database_prefix}_fulfillment"])
    done = sum(line.get("handled", 0) for line in host.lines)
    assert len(await journal.histories(cases)) == done, "what was begun was finished and reported"

    async with process(environment) as host:

        async def all_done() -> bool:
            return len(await journal.histories(cases)) == len(cases)

        finished: bool = await eventually(all_done, WITHIN)
    assert finished
    assert all(line.get("redelivered", 0) == 0 for line in host.lines), "none was left half done"


def of_an_earlier_release(case: str, user: str) -> Message:
    """Return an event that a service of an earlier release has sent round, without a seal."""
    event = withdrawn(case)
    origin = Origin(event.exchange, event.routing_key, user)
    return replace(event, exchange=RETRY, routing_key="1s.fulfillment", headers=origin.headers)


async def test_upgraded_process_handles_messages_of_the_earlier_release_and_a_new_one_parks_them(
    environment: dict[str, str], bus: Bus, mongo_client: Client, database_prefix: str, amqp_url: str
) -> None:
    database, user = mongo_client[f"{database_prefix}_fulfillment"], user_of(amqp_url)
    journal, said = Journal(database), "messages without a seal are believed"
    first, second = "1" * 32, "2" * 32
    parked = Consumer(amqp_url, parking_of("fulfillment"), prefetch=1)
    async with process(environment) as host:
        await until(await host.port(), "/readyz", 200)
        await bus.publish([of_an_earlier_release(first, user)])
        [message] = await parked.take(1)
        assert (message.headers[REASON], message.headers[USER]) == (UNBELIEVED, user)
        assert host.said(said) is None
        host.child.send_signal(signal.SIGTERM)
        assert await host.ends() == (0, "")
    await parked.close()
    await database.drop_collection("seals")  # as before the upgrade
    await journal.append([JournalRow("0" * 32, 0, "handled before", None, (), NOW)])
    async with process(environment) as host:
        await until(await host.port(), "/readyz", 200)
        assert str((host.said(said) or {})["reason"]).startswith("until 20")
        await bus.publish([of_an_earlier_release(second, user)])

        async def handled() -> bool:
            return bool(await journal.histories([second]))

        finished: bool = await eventually(handled, WITHIN)
    assert finished
    assert not await journal.histories([first])


async def test_what_is_held_is_given_back_when_nobody_is_at_it_any_more(
    environment: dict[str, str], bus: Bus, amqp_url: str
) -> None:
    other = Consumer(amqp_url, "fulfillment", prefetch=1)
    async with process(environment, HABEAS_GRACE="PT0.1S") as host:
        await until(await host.port(), "/readyz", 200)
        await bus.publish([withdrawn(STUBBORN)])
        await eventually(lambda: host.said("begun"), WITHIN)
        host.child.send_signal(signal.SIGTERM)
        [again] = await other.take(1)
        given_back_at = datetime.now(UTC)
        assert await host.ends() == (0, "")
    assert again.message_id == f"event-{STUBBORN}"
    let_go = host.said("let go")
    assert let_go
    assert datetime.fromisoformat(let_go["timestamp"]) <= given_back_at
    await other.close()


async def test_health_and_figures_are_served(environment: dict[str, str]) -> None:
    async with process(environment) as host:
        port = await host.port()
        await until(port, "/readyz", 200)
        assert (await get(port, "/readyz")).json() == {"broker": "ok", "database": "ok", "queues": "ok"}
        assert (await get(port, "/livez")).text == "alive\n"
        figures = (await get(port, "/metrics")).text
        for shown in (
            "habeas_build_info{",
            "habeas_consuming{",
            "habeas_store_seconds_count{",
            "process_cpu_",
        ):
            assert f"\n{shown}" in figures
        assert not re.search("drop|wrong_codes|requests_waiting|letters", figures), "features that are off"


async def test_host_is_not_ready_while_the_broker_has_an_alarm(
    environment: dict[str, str], stack: Stack
) -> None:
    async with process(environment) as host:
        port = await host.port()
        await until(port, "/readyz", 200)
        await stack.broker._evaluate('rabbit_disk_monitor:set_disk_free_limit("1PB").')
        try:
            await until(port, "/readyz", 503)
            reason = "the broker accepts no messages: it has an alarm of memory or disk"
            assert (await get(port, "/readyz")).json() == {"broker": reason, "database": "ok", "queues": "ok"}
            await figured(port, 'habeas_broker_blocked{service="fulfillment"} 1.0')
        finally:
            await stack.broker._evaluate('rabbit_disk_monitor:set_disk_free_limit("50MB").')
        await until(port, "/readyz", 200)
        await figured(port, 'habeas_broker_blocked{service="fulfillment"} 0.0')


async def test_a_host_is_not_ready_while_the_broker_is_away_and_ready_when_it_is_back(
    environment: dict[str, str], stack: Stack
) -> None:
    async with process(environment) as host:
        port = await host.port()
        await until(port, "/readyz", 200)
        await stack.kill(StackPart.BROKER)
        await until(port, "/readyz", 503)
        assert (await get(port, "/livez")).status_code == 200
        await stack.start(StackPart.BROKER)
        await until(port, "/readyz", 200)
        assert host.child.returncode is None


@pytest.mark.parametrize(
    ("changes", "code", "about"),
    [
        pytest.param({"HABEAS_MASTER_KEY": None}, 2, "HABEAS_MASTER_KEY: ", id="missing"),
        pytest.param({"HABEAS_MONGO_URL": "mongodb://a:sesame@/"}, 2, "MongoDB URL", id="no database"),
        pytest.param({"HABEAS_AMQP_URL": "amqp://a:sesame@h:x/"}, 2, "HABEAS_AMQP_URL", id="no broker"),
    ],
)
async def test_a_wrong_setting_ends_the_host_with_one_clear_line(
    environment: dict[str, str], changes: dict[str, str | None], code: int, about: str
) -> None:
    async with process(environment, **changes) as host:
        ended, errors = await host.ends()
    assert ended == code
    assert errors.startswith("habeas: ")
    assert errors.count("\n") == 1
    assert about in errors
    assert "sesame" not in errors


async def test_a_port_that_is_taken_ends_the_host_with_one_clear_line(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with process(environment, HABEAS_HTTP_PORT=str(port)) as host:
            code, errors = await host.ends()
    assert code == 2
    assert f"HABEAS_HTTP_PORT: cannot listen on 127.0.0.1:{port}" in errors
    assert errors.count("\n") == 1


async def test_announced_start_and_end_are_all_of_standard_output(environment: dict[str, str]) -> None:
    async with process(environment, "--json") as host:
        await host.port()
        host.child.send_signal(signal.SIGTERM)
        code, log = await host.ends()
    assert [line["event"] for line in host.lines] == ["started", "stopped"]
    assert code == 0
    assert "effective settings" in log


async def test_a_host_that_waits_for_its_parts_can_be_stopped(environment: dict[str, str]) -> None:
    async with process(environment, HABEAS_AMQP_URL="amqp://guest:guest@127.0.0.1:1/") as host:
        await eventually(lambda: host.said("waiting for a part"), WITHIN)
        host.child.send_signal(signal.SIGTERM)
        assert await host.ends() == (0, "")


async def test_a_task_that_dies_takes_the_host_with_it_and_is_named_but_not_quoted(
    environment: dict[str, str], bus: Bus
) -> None:
    async with process(environment) as host:
        await host.port()
        await bus.publish([withdrawn(DEADLY)])
        code, errors = await host.ends()
    assert code == 1
    died = host.said("died")
    assert died
    assert died["error"] == "ZeroDivisionError"
    assert "ada@" not in f"{host.lines}{errors}"


async def until(port: int, path: str, status: int) -> None:
    answered: bool = await eventually(lambda: _answers(port, path, status), WITHIN)
    assert answered


async def figured(port: int, line: str) -> None:
    async def is_there() -> bool:
        return line in (await get(port, "/metrics")).text.splitlines()

    shown: bool = await eventually(is_there, WITHIN)
    assert shown


async def _answers(port: int, path: str, status: int) -> bool:
    try:
        return (await get(port, path)).status_code == status
    except httpx.TransportError:
        return False
