"""Work of operators on a running installation: upgrade, going back, new passwords. Nothing is lost."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from habeas.client import accounts
from habeas.embedded.parts.ports import HOST, free_port
from habeas.embedded.parts.process import Command, Process, require_ready
from habeas.embedded.stack import Stack
from shared.errors import BrokerUnavailable, StoreUnavailable
from shared.runtime.accounts import definitions
from shared.runtime.broker import Bus
from shared.runtime.mongo import connect, ping
from tests.integration.forked_processes import said, started
from tests.integration.pipeline import (
    READY_WITHIN,
    SERVICES,
    STOP_WITHIN,
    Pipeline,
    Somebody,
    comes_true,
    prepared,
)

PRESENT, NEWER = "habeas", "tests.integration.newer_version"
LONGEST = timedelta(minutes=2)
"""A request whose handler was refused a connection may wait for its third try."""
WAITS = "was written by a newer version"
FIRST = tuple(name for name in SERVICES if name != "fulfillment")


@asynccontextmanager
async def serving(pipeline: Pipeline, version: str, *services: str) -> AsyncIterator[Process]:
    """Run *services* of a *version*; only intake listens on the ports that the pipeline asks."""
    ports = {"HABEAS_HTTP_PORT": str(free_port()), "HABEAS_OPS_PORT": str(free_port())}
    own = pipeline.environment | ({} if "intake" in services else ports)
    process = await started(version, Command(("serve", *services), Path.cwd(), pipeline.log, own))
    ready = partial(require_ready, pipeline.http, f"http://{HOST}:{own['HABEAS_OPS_PORT']}")
    await process.until(ready, READY_WITHIN)
    try:
        yield process
    finally:
        await process.stop(STOP_WITHIN)


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    async with prepared(parts, tmp_path_factory.mktemp("upgrade")) as pipeline:
        yield pipeline


async def asked(pipeline: Pipeline, person: Somebody, right: str = "access") -> str:
    """Return a new request of *person*, who needs no further proof."""
    request = person.asks(right)
    await pipeline.send(request)
    return await pipeline.id_of(request)


async def test_older_version_waits_for_facts_and_rows_of_newer_one(pipeline: Pipeline) -> None:
    first, second, third, *_ = await pipeline.people()

    async def waits() -> bool:
        return WAITS in pipeline.log.read_text(encoding="utf-8")

    async with serving(pipeline, NEWER, "fulfillment"):
        async with serving(pipeline, PRESENT, *FIRST):
            answered = await asked(pipeline, first)
            await comes_true(waits)
            await pipeline.until_it_is("verified", answered)
        async with serving(pipeline, NEWER, *FIRST):
            await pipeline.closed(answered)
            newer = await asked(pipeline, second)
            complete = await pipeline.closed(newer)
    async with serving(pipeline, PRESENT, *SERVICES):
        assert await pipeline.page(newer) == complete | {"incomplete": True}
        assert (await pipeline.http.delete(f"/v1/requests/{newer}")).status_code == 503
        await pipeline.closed(await asked(pipeline, third))
    assert not any((await pipeline.parked()).values())
    assert [len(pipeline.letters_to(person)) for person in (first, second, third)] == [2, 2, 2]


async def set_passwords(pipeline: Pipeline, parts: Stack) -> None:
    """Do what `habeas topology` does, without the management plugin."""
    folder = Path(pipeline.settings["HABEAS_CREDENTIALS"])
    users = accounts.users_in(folder)
    await parts.broker.define(definitions(users, accounts.vhost_of(pipeline.amqp_url)))
    stored = accounts.users_in(folder, accounts.MONGO_URL)
    business = accounts.business_collections(Path(pipeline.settings["HABEAS_DATAMAP"]), "")
    await accounts.grant(parts.mongo_url, stored, prefix=pipeline.prefix, business=business)


async def refused(amqp_url: str, mongo_url: str) -> None:
    bus, client = Bus(amqp_url, name="old password"), connect(mongo_url, app_name="old password")
    with pytest.raises(BrokerUnavailable):
        await bus.ping()
    with pytest.raises(StoreUnavailable, match="wrong user, password"):
        await ping(client)
    await bus.close()
    client.close()


async def test_new_passwords_lose_nothing_and_the_old_ones_are_refused(
    pipeline: Pipeline, stack: Stack
) -> None:
    people = (await pipeline.people())[3:9]
    old = [(pipeline.amqp_url_of(account), pipeline.mongo_url_of(account)) for account in SERVICES]
    async with serving(pipeline, PRESENT, *SERVICES):
        cases = [await asked(pipeline, person) for person in people[:3]]
        code, _, complaint = await said("habeas", ("keys", "passwords", *SERVICES), pipeline.environment)
        assert not code, complaint
        await set_passwords(pipeline, stack)
        late = [person.asks("access") for person in people[3:]]
        for request in late:  # some are handled with the connections that are left
            await pipeline.send(request)
    async with serving(pipeline, PRESENT, *SERVICES):
        for case in (*cases, *[await pipeline.id_of(request) for request in late]):
            await pipeline.closed(case, LONGEST)
    assert not any((await pipeline.parked()).values())
    for amqp_url, mongo_url in old:
        await refused(amqp_url, mongo_url)
