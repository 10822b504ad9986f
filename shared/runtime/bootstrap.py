"""
Runs services in this process until it gets a signal to stop.

One broker connection to publish on and one MongoDB client per account, one broker connection per service to
consume from, one HTTP port, and beside intake's application another port for operators. On SIGTERM consuming
stops, held messages are finished and acknowledged, then everything closes. A task that dies takes the process
with it: a service that only seems to run is worse than one that is started again.

Health and metrics over HTTP: ``/livez``, ``/readyz``, ``/metrics``.
"""

import asyncio
import contextlib
import ctypes
import gc
import signal
import socket
import sys
import time
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

import uvicorn
import uvloop
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp

from shared.errors import BrokerUnavailable, ConfigurationError, HabeasError, TransientError
from shared.runtime import log, metrics, tls, traces
from shared.runtime.accounts import KEYLESS, VAULT_WRITERS, Publishers
from shared.runtime.audit_heads import HeadExport
from shared.runtime.broker import Bus, Consumer, user_of
from shared.runtime.http_limits import (
    MOST_CONNECTIONS,
    ConnectionLimits,
    DisconnectsAllowed,
    Networks,
    connections_under,
)
from shared.runtime.http_metrics import TimedApp
from shared.runtime.journal import Journal
from shared.runtime.message_origin import OriginSeals
from shared.runtime.mongo import OWN_STORE, Client, Database, connect, ping
from shared.runtime.republication import Republisher
from shared.runtime.seal_store import SealStore
from shared.runtime.service import JournalRowPort, Runtime, Service
from shared.runtime.service_reports import ANSWERS, Checks, ServiceReporter, state_of
from shared.runtime.settings import Settings, effective, load
from shared.runtime.staff_register import StaffKeys, StaffRegister
from shared.runtime.vault import Vault

S = TypeVar("S", bound=Settings)
COLLECT_AFTER = 20_000
"""New objects between two rounds of the garbage collector; a tenth of the CPU time goes into them at 700."""
PR_SET_DUMPABLE = 4
"""See prctl(2)."""
WAIT_FOR_PARTS_S = 60.0
"""How long a starting process waits for broker and database."""

READINESS: Mapping[int | str, dict[str, Any]] = MappingProxyType(
    {
        200: {
            "content": {"application/json": {"example": {"broker": "ok", "database": "ok", "queues": "ok"}}}
        },
        503: {
            "description": "A part is not reached",
            "content": {"application/json": {"schema": {"type": "object"}, "example": {"broker": "refused"}}},
        },
    }
)
"""Answers of a process about its parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeylessRuntime:
    """The parts that all services of one account without a key share."""

    client: Client
    bus: Bus
    account: str = ""
    """Name of the account; empty where one serves for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRuntime(KeylessRuntime):
    """The parts that all services of one account in this process share."""

    vault: Vault
    staff: StaffRegister


class JournalStore(JournalRowPort, Protocol):
    """The place where a service keeps what it has handled."""

    async def prepare(self) -> None:
        """Create the indexes."""


class OwnPort(NamedTuple):
    """A port that one service alone listens on."""

    number: int
    variable: str


@dataclass(frozen=True, slots=True)
class Running:
    """A service put together, ready to run."""

    service: Service[Any, Any]
    journal: JournalStore
    app: FastAPI | None = None
    port: OwnPort | None = None
    """Port of *app* alone; None: that of the process."""
    batch: int | None = None
    """Events handled together at most, where the service needs fewer than the setting says."""
    background: Coroutine[Any, Any, None] | None = None
    """Work beside the events, as long as the service runs; it must not end by itself."""
    ready: Checks = field(default_factory=dict)
    """What the service needs besides broker and database before it is ready."""
    outside: Checks = field(default_factory=dict)
    """Parts outside the installation whose state the service reports."""


Build: TypeAlias = Callable[[S, Any], contextlib.AbstractAsyncContextManager[Running]]
"""Builds a service on a :class:`ServiceRuntime`, or without keys on a :class:`KeylessRuntime`."""


class _Hosted:
    """A service of this process with its settings, and the connections that it uses."""

    def __init__(
        self, part: Running, settings: Settings, platform: KeylessRuntime, seals: OriginSeals
    ) -> None:
        url = settings.amqp_url.get_secret_value()
        self.part = part
        self.settings = settings
        self.platform = platform
        self.seals = seals
        self.publishers = Publishers(user_of(url), settings.account)
        self.consumer = Consumer(url, part.service.name, prefetch=part.batch or 2 * settings.batch)

    @property
    def name(self) -> str:
        return self.part.service.name

    def runtime(self) -> Runtime[Any, Any]:
        return Runtime(
            service=self.part.service,
            journal=self.part.journal,
            inbox=self.consumer,
            publisher=self.platform.bus,
            staff=self.platform.staff if isinstance(self.platform, ServiceRuntime) else None,
            batch=self.part.batch or self.settings.batch,
            retry_for=self.settings.retry_for,
            publishers=self.publishers,
            seals=self.seals,
        )


@dataclass(frozen=True, slots=True)
class ServicePlan(Generic[S]):
    """The assembly of a service."""

    settings: type[S]
    build: Build[S]


def main(plans: Sequence[ServicePlan[Any]], *, announced: bool = False) -> None:
    """
    Run the services of *plans* until asked to stop.

    With *announced*, standard output gets the start and the end alone, and the log goes to the error stream.

    Exits 2 with one clear line when a setting is missing or wrong, 1 when a part or a task failed.
    """
    code = 0
    forbid_inspection()
    try:
        settings = [load(plan.settings) for plan in plans]
        if settings[0].trusted_ca is not None:
            tls.trust(settings[0].trusted_ca)
        log.configure(level=settings[0].log_level, form=settings[0].log_format, announced=announced)
        log.logger().info("effective settings", settings=effective(settings))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(plans, settings))
    except* ConfigurationError as group:
        code = _log_errors(group, 2)
    except* HabeasError as group:
        code = code or _log_errors(group, 1)
    if code:
        sys.exit(code)


def forbid_inspection() -> None:
    """Let no other process of this user read our memory or environment, and no core dump be written."""
    with contextlib.suppress(OSError, AttributeError):  # not on Linux
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def _log_errors(group: BaseExceptionGroup[HabeasError], code: int) -> int:
    """Print one line, the first: the others are its consequences. Return *code*."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    print(f"habeas: {type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201  the one line an operator reads
    return code


async def run(plans: Sequence[ServicePlan[Any]], settings: Sequence[Settings]) -> None:
    """Run until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    common = settings[0]
    async with AsyncExitStack() as stack:
        stack.enter_context(traces.exported(common.traces_url, f"habeas-{common.account}".rstrip("-")))
        listener = stack.enter_context(_listener(common, common.http_port, "HABEAS_HTTP_PORT"))
        accounts = {own.account: own for own in reversed(settings)}
        platforms = {name: await stack.enter_async_context(_platform(own)) for name, own in accounts.items()}
        for platform in platforms.values():
            if not await _started(platform, stopping):
                return
        parts = [
            await stack.enter_async_context(plan.build(own, platforms[own.account]))
            for plan, own in zip(plans, settings, strict=True)
        ]
        for part in parts:
            await part.journal.prepare()
        hosted = [
            _Hosted(part, own, platforms[own.account], await _seals(part, own, platforms[own.account]))
            for part, own in zip(parts, settings, strict=True)
        ]
        for one in hosted:
            await _retry(one.consumer.probe, stopping)
            metrics.start(one.name)
        _freeze_start_up_objects()
        await _serve(hosted, common, stopping, listener)


def _freeze_start_up_objects() -> None:
    """
    Freeze the objects of start-up for the garbage collector, and collect less often: a batch is big.

    What is garbage among them stays, half a megabyte: to find it would take a tenth of a second.
    """
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 20)


def _listener(settings: Settings, port: int, name: str) -> socket.socket:
    """
    Bind *port*, which is set by the variable *name*.

    Raises:
        ConfigurationError: It cannot be had.
    """
    try:
        return socket.create_server((settings.http_host, port))
    except OSError as error:
        raise ConfigurationError(
            f"HABEAS_HTTP_HOST, {name}: cannot listen on {settings.http_host}:{port} ({error.strerror})"
        ) from None


@asynccontextmanager
async def _platform(settings: Settings) -> AsyncIterator[KeylessRuntime]:
    client = connect(settings.mongo_url.get_secret_value(), app_name="habeas", timed_as=OWN_STORE)
    bus = Bus(settings.amqp_url.get_secret_value(), name="habeas")
    try:
        yield _runtime(settings, client, bus)
    finally:
        await bus.close()
        client.close()


def _runtime(settings: Settings, client: Client, bus: Bus) -> KeylessRuntime:
    if settings.account in KEYLESS:
        return KeylessRuntime(client=client, bus=bus, account=settings.account)
    vault = Vault(
        client,
        prefix=settings.database_prefix,
        master_key=settings.root_key,
        changed=settings.changed_keys(),
    )
    staff = StaffRegister(
        client, prefix=settings.database_prefix, keys=StaffKeys.of(settings.root_key), vault=vault
    )
    return ServiceRuntime(client=client, bus=bus, account=settings.account, vault=vault, staff=staff)


async def _started(platform: KeylessRuntime, stopping: asyncio.Event) -> bool:
    """Wait for parts that may still be starting; return False if a stop was requested meanwhile."""
    for step in (lambda: ping(platform.client), platform.bus.ping):
        await _retry(step, stopping)
    if isinstance(platform, ServiceRuntime):
        await _retry(platform.staff.prepare, stopping)
        if platform.account in VAULT_WRITERS | {""}:
            await _retry(platform.vault.prepare, stopping)
    return not stopping.is_set()


async def _retry(attempt: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> None:
    deadline = time.monotonic() + WAIT_FOR_PARTS_S
    while not stopping.is_set():
        try:
            await attempt()
        except TransientError as error:
            if time.monotonic() > deadline:
                raise
            log.logger().warning("waiting for a part", reason=str(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), timeout=0.3)
        else:
            return


async def _serve(
    hosted: Sequence[_Hosted], settings: Settings, stopping: asyncio.Event, listener: socket.socket
) -> None:
    parts = [one.part for one in hosted]
    consumers = {one.name: one.consumer for one in hosted}
    servers = _servers(parts, settings, _checks(hosted), listener)
    async with asyncio.TaskGroup() as group:
        serving = [
            group.create_task(_run_forever(server.serve([own]), "the HTTP server", stopping))
            for server, own in servers
        ]
        runtimes = [
            group.create_task(_run_forever(one.runtime().run(), one.name, stopping)) for one in hosted
        ]
        group.create_task(_watch(hosted, stopping))
        beside = [
            group.create_task(_run_forever(work, name, stopping))
            for one in hosted
            for name, work in _works_beside(one)
        ]
        ports = [own.getsockname()[1] for _, own in servers]
        log.logger().info(log.STARTED, services=list(consumers), port=ports[0], ops_port=ports[-1])
        await stopping.wait()
        await asyncio.gather(*(consumer.stop() for consumer in consumers.values()))
        await asyncio.wait(runtimes, timeout=settings.grace.total_seconds())
        for task in (*runtimes, *beside):
            task.cancel()
        await asyncio.wait(runtimes)  # released messages are delivered to other replicas at once
        await asyncio.gather(*(consumer.close() for consumer in consumers.values()))
        for server, _ in servers:
            server.should_exit = True
        await asyncio.gather(*serving)
    log.logger().info(log.STOPPED, services=list(consumers))


def _works_beside(hosted: _Hosted) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
    """Yield the works of a service beside its events, each with its name."""
    name, part, journal = hosted.name, hosted.part, hosted.part.journal
    if part.background is not None:
        yield f"the background of {name}", part.background
    yield f"the reports of {name}", _reporter(hosted).run()
    if isinstance(journal, Journal):
        heads = HeadExport(journal.database, name, hosted.settings.root_key)
        yield f"the audit of {name}", heads.run()
        yield f"the repeated publications of {name}", Republisher(name, journal, hosted.platform.bus).run()


async def _seals(part: Running, settings: Settings, platform: KeylessRuntime) -> OriginSeals:
    name, root = part.service.name, settings.root_key if isinstance(platform, ServiceRuntime) else None
    store = SealStore(_account_database(name, settings, platform))
    return await store.seals(name, root, datetime.now(UTC))


def _reporter(hosted: _Hosted) -> ServiceReporter:
    database = _account_database(hosted.name, hosted.settings, hosted.platform)
    return ServiceReporter(database, hosted.name, hosted.part.outside)


def _account_database(name: str, settings: Settings, platform: KeylessRuntime) -> Database:
    """Return the database of the account that the service *name* uses."""
    return platform.client[f"{settings.database_prefix}_{settings.account or name}"]


async def _run_forever(work: Coroutine[Any, Any, None], name: str, stopping: asyncio.Event) -> None:
    """
    Do *work*, which must not end before a stop is requested.

    Raises:
        HabeasError: It did; a driver that lost its connection may even have cancelled it.
    """
    try:
        await work
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if stopping.is_set() or task is None or task.cancelling():
            raise
    if not stopping.is_set():
        raise HabeasError(f"{name} ended by itself")


async def _watch(hosted: Sequence[_Hosted], stopping: asyncio.Event) -> None:
    """Keep the gauges of connections until asked to stop."""
    while not stopping.is_set():
        for one in hosted:
            blocked = one.platform.bus.blocked
            metrics.connections(one.name, consuming=one.consumer.connected, blocked=blocked)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), timeout=1)


def _checks(hosted: Sequence[_Hosted]) -> Checks:
    platforms = {one.settings.account: one.platform for one in hosted}.values()

    async def broker() -> None:
        await asyncio.gather(*(platform.bus.ping() for platform in platforms))

    async def database() -> None:
        await asyncio.gather(*(ping(platform.client) for platform in platforms))

    async def consuming() -> None:
        silent = [one.name for one in hosted if not one.consumer.connected]
        if silent:
            raise BrokerUnavailable(f"not consuming: {', '.join(silent)}")

    own = {name: check for one in hosted for name, check in one.part.ready.items()}
    return {"broker": broker, "database": database, "queues": consuming, **own}


class _Server(uvicorn.Server):
    """Uvicorn, without its own signal handling: the host decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Capture none."""
        yield


def _servers(
    parts: Sequence[Running], settings: Settings, checks: Checks, listener: socket.socket
) -> list[tuple[uvicorn.Server, socket.socket]]:
    """
    Return the servers of this process, each with its socket: the public one first, the operators' last.

    Raises:
        ConfigurationError: A port cannot be had.
    """
    timed = [(TimedApp(part.app, part.service.name), part.port) for part in parts if part.app is not None]
    apps = [app for app, port in timed if port is None]
    own = [
        (_server(public_app([app]), settings), _listener(settings, *port))
        for app, port in timed
        if port is not None
    ]
    if settings.ops_port is None and not apps:
        return [*own, (_server(health_app(checks), settings), listener)]
    operators = _listener(settings, settings.ops_port or 0, "HABEAS_OPS_PORT")
    return [
        (_server(public_app(apps), settings), listener),
        *own,
        (_server(health_app(checks), settings), operators),
    ]


def _server(app: FastAPI, settings: Settings) -> uvicorn.Server:
    address = (settings.http_host, settings.http_port)
    return _Server(server_config(app, address, settings.proxies, settings.grace))


def server_config(
    app: FastAPI, address: tuple[str, int], proxies: Networks = (), grace: timedelta | None = None
) -> uvicorn.Config:
    """Return how *app* is served at the *address*, with the limits on connections; it ends within *grace*."""
    return uvicorn.Config(
        DisconnectsAllowed(app),
        *address,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        http=connections_under(ConnectionLimits(proxies)),
        ws="none",
        limit_concurrency=MOST_CONNECTIONS,
        forwarded_allow_ips=[str(network) for network in proxies],
        timeout_graceful_shutdown=int(grace.total_seconds()) if grace else None,
    )


def public_app(apps: Iterable[ASGIApp]) -> FastAPI:
    """Return an application that serves *apps*, and of this process no more than that it is alive."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.add_api_route("/livez", livez)
    for one in apps:
        app.mount("/", one)
    return app


async def livez() -> PlainTextResponse:
    """Answer that the event loop runs."""
    return PlainTextResponse("alive\n")


class _Readiness:
    """Asks the parts that a process needs, and keeps the figure of each up to date."""

    def __init__(self, checks: Checks) -> None:
        self._checks = checks
        self._asking: asyncio.Task[Mapping[str, str]] | None = None

    async def states(self) -> Mapping[str, str]:
        """Return the state of each part, each over a fresh call."""
        found = await asyncio.gather(*map(state_of, self._checks.values()))
        states = dict(zip(self._checks, found, strict=True))
        for name, state in states.items():
            metrics.readiness(name, answers=state == ANSWERS)
        return states

    def refresh(self) -> None:
        """Ask in the background: a scrape does not wait for a part that hangs, the next one shows it."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self.states())


def health_app(checks: Checks) -> FastAPI:
    """Return an application that answers for this process, to its operators."""
    app = FastAPI(
        title="Habeas operators' port",
        version=version("habeas"),
        description="Health and figures of a process. No credential; reachable by operators alone.",
        servers=[{"url": "/"}],
        openapi_tags=[{"name": "operations"}],
        docs_url=None,
        redoc_url=None,
    )
    readiness = _Readiness(checks)
    described = partial(app.get, tags=["operations"], openapi_extra={"security": []})
    alive: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"example": "alive\n"}}}}
    described("/livez", operation_id="getLiveness", response_class=PlainTextResponse, responses=alive)(livez)

    @described(
        "/readyz", operation_id="getReadiness", responses=dict(READINESS), response_model=dict[str, str]
    )
    async def readyz() -> JSONResponse:
        """Answer which parts are reached, each over a fresh call."""
        states = await readiness.states()
        ready = all(state == ANSWERS for state in states.values())
        return JSONResponse(dict(states), status_code=200 if ready else 503)

    @described("/metrics", operation_id="getMetrics", response_class=PlainTextResponse)
    async def figures() -> Response:
        """Answer all figures in Prometheus' text format."""
        readiness.refresh()
        return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)

    return app
