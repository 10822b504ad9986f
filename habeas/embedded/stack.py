"""
Real parts on one machine without containers: a broker, a database and a mail server of our own.

They keep their data, their ports and their password in one folder, so that a stack which is started again
there goes on where it stopped. They end with the process that started them, in every case.
"""

import asyncio
import json
import secrets
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from habeas.embedded.parts import broker, database, mail
from habeas.embedded.parts.ports import HOST, free_port, is_free
from habeas.embedded.parts.process import Process
from shared.errors import ConfigurationError

STOP_WITHIN = max(broker.STOP_WITHIN, database.STOP_WITHIN, mail.STOP_WITHIN)


PORTS = ("AMQP", "MongoDB", "SMTP", "Erlang", "the API", "returned mail", "operators", "the console")
"""Servers of an installation, in the order of their ports."""


class StackPart(StrEnum):
    """A part of a stack."""

    BROKER = "broker"
    DATABASE = "database"
    MAIL = "mail"


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs a stack runs."""

    broker: Path = broker.PROGRAM
    database: Path | None = None
    """The mongod of the Python package when None."""


@dataclass(frozen=True, slots=True)
class _Memory:
    """Ports and passwords that a state folder keeps."""

    ports: tuple[int, ...]
    """As :data:`PORTS` names them."""
    node: str
    password: str


class Stack:
    """
    A broker, a database and a mail server with data in *state*, running between ``async with``'s two ends.

    They and the services use eight neighbouring ports from *port_base* on, or those of the last start, or at
    the first start free ones. Raises ConfigurationError if a port is in use.
    """

    def __init__(
        self, state: Path, port_base: int | None = None, *, programs: Programs | None = None
    ) -> None:
        programs = programs or Programs()
        self._state = state.absolute()
        self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
        memory = _remember(self._state, port_base)
        amqp, mongo, smtp, distribution, *services = memory.ports
        self.service_ports = tuple(services)
        """Ports of the API, of returned mail, of operators and of the console."""
        self.broker = broker.Broker(
            self._state / StackPart.BROKER, amqp, distribution, memory.node, memory.password, programs.broker
        )
        self.database = database.Database(
            self._state / StackPart.DATABASE, mongo, memory.password, programs.database
        )
        self.mail = mail.MailPart(self._state / StackPart.MAIL, smtp)
        self._parts: dict[StackPart, broker.Broker | database.Database | mail.MailPart]
        self._parts = dict(zip(StackPart, (self.broker, self.database, self.mail), strict=True))
        self._running: dict[StackPart, Process] = {}

    @property
    def amqp_url(self) -> str:
        """Broker URL."""
        return self.broker.url

    @property
    def mongo_url(self) -> str:
        """MongoDB URL of a replica set."""
        return self.database.url

    @property
    def smtp_url(self) -> str:
        """Mail server URL."""
        return self.mail.url

    @property
    def mail_folder(self) -> Path:
        """Folder of stored letters; ``habeas.embedded.mailcatcher.letters`` reads it."""
        return self.mail.letters

    async def __aenter__(self) -> Self:
        try:
            async with asyncio.TaskGroup() as group:
                for part in StackPart:
                    group.create_task(self.start(part))
        except BaseExceptionGroup as failures:
            await self.stop()
            raise failures.exceptions[0] from None
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def pid(self, part: StackPart) -> int:
        """Return the process id of a running part."""
        return self._running[part].pid

    def runs(self, part: StackPart) -> bool:
        """Return whether *part* runs."""
        return part in self._running and self._running[part].running

    async def start(self, part: StackPart) -> None:
        """Start *part* with its data, unless it runs. Raises ConfigurationError if it cannot be started."""
        if not self.runs(part):
            self._running[part] = await self._parts[part].start()

    async def kill(self, part: StackPart) -> None:
        """Kill *part* (SIGKILL), as a crash would."""
        await self._running.pop(part).kill()

    async def stop(self) -> None:
        """Stop all parts, each in its own time but none later than a few seconds."""
        processes, self._running = list(self._running.values()), {}
        await asyncio.gather(*(process.stop(STOP_WITHIN) for process in processes))


def _remember(state: Path, port_base: int | None) -> _Memory:
    """Return the folder's memory, updated and saved."""
    path = state / "stack.json"
    known = _recall(path)
    if port_base is not None:
        ports = tuple(range(port_base, port_base + len(PORTS)))
    else:
        ports = _filled_up(known.ports if known else ())
    _require_free(ports)
    memory = _Memory(
        ports,
        node=known.node if known else f"habeas-{secrets.token_hex(4)}@localhost",
        password=known.password if known else secrets.token_urlsafe(24),
    )
    path.touch(mode=0o600)
    path.write_text(json.dumps(asdict(memory), indent=2), encoding="utf-8")
    return memory


def _recall(path: Path) -> _Memory | None:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return _Memory(tuple(known["ports"]), known["node"], known["password"])
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        remedy = f"remove the folder {path.parent}, or name another"
        raise ConfigurationError(f"{path} is damaged: {remedy}") from None


def _filled_up(ports: tuple[int, ...]) -> tuple[int, ...]:
    """Return *ports*, and free ones for servers without a port."""
    while len(ports) < len(PORTS):
        ports = (*ports, free_port(besides=frozenset(ports)))
    return ports


def _require_free(ports: tuple[int, ...]) -> None:
    for port, server in zip(ports, PORTS, strict=True):
        if not is_free(port):
            raise ConfigurationError(
                f"port {port} of {HOST}, for {server}, is in use: end the program that uses it, "
                "or choose other ports with --port-base"
            )
