"""
The real parts that integration tests use, started once per run, and the workers that tests are run in.

A test that asks for ``amqp_url`` gets a virtual host of its own, one that asks for ``database_prefix`` a name
of its own for its databases, one that asks for ``mail`` a view on the letters that come from then on.

A machine where the broker or the database is missing skips these tests and says so; with ``CI`` set it
fails them. ``HABEAS_TEST_AMQP_URL``, ``HABEAS_TEST_MONGO_URL`` and ``HABEAS_TEST_SMTP_URL`` with
``HABEAS_TEST_MAIL`` (its folder) name parts that run already: they are used as they are, and tests that kill
a part skip.
"""

import asyncio
import gc
import os
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
import pytest_asyncio
import structlog
from hypothesis import HealthCheck, settings

from habeas.client.console_api import ConsoleLogin, LoginFile
from habeas.embedded.stack import Stack, StackPart
from shared.errors import ConfigurationError
from shared.runtime.broker import declare
from shared.runtime.mongo import Client, connect
from tests import reports, workers
from tests.extent import extent
from tests.mailbox import Mailbox
from tests.workers import SharedParts

SELDOM = (50_000, 20, 100)
"""When garbage is looked for, once all tests are collected (``gc.set_threshold``)."""
SHARED = pytest.StashKey[SharedParts]()
PREFIXED = re.compile(r"t[0-9a-f]{12}")
"""What the name of a test's database begins with."""

# Coloured tracebacks of expected errors took a thirtieth of the unit tests' time.
*_processors, _ = structlog.get_config()["processors"]
structlog.configure(
    [*_processors, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
)


def given(name: str) -> str | None:
    return os.environ.get(f"HABEAS_TEST_{name}")


settings.register_profile(
    "habeas",
    deadline=None,
    max_examples=int(given("EXAMPLES") or extent(50, 1_000)),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("habeas")


def required(name: str) -> str:
    value = given(name)
    if value is None:
        pytest.fail(f"HABEAS_TEST_AMQP_URL is given, HABEAS_TEST_{name} is not", pytrace=False)
    return value


def missing(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def pytest_configure(config: pytest.Config) -> None:
    gc.disable()  # while tests are collected: nearly all that is made then stays
    if workers.is_worker(config):
        workers.take_own_ports()
        config.pluginmanager.register(reports)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return True if workers.leaves_out(collection_path, config.rootpath) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: workers.rank(item.nodeid))


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(*SELDOM)
    gc.enable()


def pytest_xdist_auto_num_workers() -> int:
    return 0 if given("AMQP_URL") else workers.WORKERS


def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    exits = ExitStack()
    config.add_cleanup(exits.close)
    config.stash[SHARED] = SharedParts(exits.enter_context(workers.parts_folder()))
    config.stash[SHARED].start()
    config.add_cleanup(config.stash[SHARED].stop)


def pytest_configure_node(node: Any) -> None:
    node.workerinput["parts"] = node.config.stash[SHARED].address()


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> workers.Scheduling:
    config.option.loadscopereorder = False
    return workers.Scheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def _no_state(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep an installation in the folder of the checkout out of the tests."""
    os.environ["HABEAS_STATE"] = str(tmp_path_factory.mktemp("no-state"))


@pytest_asyncio.fixture(scope="session")
async def own_parts() -> AsyncIterator[Stack]:
    """Parts that this process alone uses."""
    async with AsyncExitStack() as running:
        folder = running.enter_context(workers.parts_folder())
        try:
            own = await running.enter_async_context(Stack(folder))
        except ConfigurationError as error:
            missing(str(error))
        await workers.adjust(own)
        yield own


@pytest_asyncio.fixture(scope="session")
async def shared_parts(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stack]:
    """The broker and the database of all workers, and a mail server of this one."""
    async with AsyncExitStack() as running:
        try:
            stack = workers.joined(request.config.workerinput["parts"], tmp_path_factory.mktemp("stack"))  # type: ignore[attr-defined]
            running.push_async_callback(stack.stop)
            await stack.start(StackPart.MAIL)
        except ConfigurationError as error:
            missing(str(error))
        yield stack


@pytest.fixture(scope="module")
def parts(request: pytest.FixtureRequest) -> Stack | None:
    """The parts that tests of this file use; None when others are given."""
    return _parts(request, shared=not workers.stops_parts(request.node.nodeid))


@pytest.fixture(scope="session")
def session_parts(request: pytest.FixtureRequest) -> Stack | None:
    """The parts that tests of several files use together; None when others are given."""
    return _parts(request, shared=True)


def _parts(request: pytest.FixtureRequest, *, shared: bool) -> Stack | None:
    if given("AMQP_URL"):
        return None
    shared = shared and workers.is_worker(request.config)
    stack: Stack = request.getfixturevalue("shared_parts" if shared else "own_parts")
    return stack


@pytest.fixture
def stack(parts: Stack | None) -> Stack:
    """
    Our own parts.

    A test that stops one starts it again, and its file is named in ``tests/workers.py``. In other files
    workers share the broker and the database, and stopping one is a ``KeyError``.
    """
    if parts is None:
        pytest.skip("parts that run already are not ours to stop")
    return parts


@pytest_asyncio.fixture
async def empty_amqp_url(stack: Stack) -> str:
    """URL of a virtual host in which nothing is declared."""
    name = f"test-{uuid.uuid4().hex}"
    await stack.broker.add_vhost(name)
    return stack.broker.url_of(name)


@pytest_asyncio.fixture
async def amqp_url(parts: Stack | None) -> AsyncIterator[str]:
    """
    URL of a virtual host with our queues, all empty, for an account that may do everything.

    It is left behind. RabbitMQ 4.0 starts a worker for each queue that dead-letters at least once; one
    whose queue is deleted dies again and again, and at times takes the other quorum queues with it.
    """
    if parts is None:
        await declare(required("AMQP_URL"))
        yield required("AMQP_URL")
        return
    name = f"test-{uuid.uuid4().hex}"
    await parts.broker.add_vhost(name)
    await declare(parts.broker.url_of(name))
    yield parts.broker.url_of(name)


@pytest.fixture
def mongo_url(parts: Stack | None) -> str:
    """URL of a replica set."""
    return parts.mongo_url if parts else required("MONGO_URL")


@pytest_asyncio.fixture(scope="session")
async def mongo_clients() -> AsyncIterator[dict[str, Client]]:
    """URL → client; to connect takes 20 ms of processor time, as much as a small test."""
    clients: dict[str, Client] = {}
    yield clients
    for client in clients.values():
        client.close()


@pytest.fixture
def mongo_client(
    request: pytest.FixtureRequest, mongo_url: str, mongo_clients: dict[str, Client]
) -> Iterator[Client]:
    """Client as the product makes it; of its own where the tests of a file stop parts."""
    if not workers.stops_parts(request.node.nodeid):
        yield mongo_clients.get(mongo_url) or mongo_clients.setdefault(mongo_url, own_client(mongo_url))
        return
    client = own_client(mongo_url)
    yield client
    client.close()


def own_client(url: str) -> Client:
    """Return a new client, as the product makes it."""
    return connect(url, app_name="habeas-tests")


@pytest_asyncio.fixture
async def database_prefix(mongo_client: Client) -> AsyncIterator[str]:
    """Prefix for the names of databases, which are dropped afterwards."""
    async with databases(mongo_client) as prefix:
        yield prefix


@asynccontextmanager
async def databases(client: Client) -> AsyncIterator[str]:
    """Make up a prefix for the names of databases; they are dropped afterwards, all together."""
    prefix = f"t{uuid.uuid4().hex[:12]}"
    yield prefix
    ours = [name for name in await client.list_database_names() if name.startswith(prefix)]
    await asyncio.gather(*map(client.drop_database, ours))


@pytest.fixture
def mail(parts: Stack | None) -> Mailbox:
    """The letters that come from now on."""
    if parts is None:
        return Mailbox.from_now_on(required("SMTP_URL"), Path(required("MAIL")))
    return Mailbox.from_now_on(parts.smtp_url, parts.mail_folder)


@pytest.fixture
def console_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ConsoleLogin:
    """Keep a session of an account at a console that does not run, as `habeas login` does."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    login = ConsoleLogin("http://127.0.0.1:9", "anna", "", "token")
    LoginFile().keep(login)
    return login
