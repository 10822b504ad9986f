"""
A private RabbitMQ: Debian's program, with a node name, data, cookie and configuration of its own.

Nothing under ``/etc/rabbitmq`` is read, so that a broker which the machine runs for other purposes neither
changes ours nor is changed by it. The two share ``epmd``, Erlang's port mapper, which outlives both.
"""

import asyncio
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from habeas.embedded.parts.ports import HOST, dial
from habeas.embedded.parts.process import Command, Process
from shared.contract.topology import MAX_MESSAGE
from shared.errors import BrokerUnavailable, ConfigurationError
from shared.runtime.broker import connect

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""The program itself. The wrapper in /usr/sbin refuses every user but root and its own."""
REMEDY = "install it with `scripts/setup`, or `apt-get install rabbitmq-server`"

USER = "habeas"
START_WITHIN = timedelta(seconds=180)
STOP_WITHIN = timedelta(seconds=4)
COOKIE_LENGTH = 64
"""Hexadecimal digits of the cookie."""


@dataclass(frozen=True, slots=True)
class Broker:
    """The broker's folder, port and account."""

    folder: Path
    port: int
    distribution_port: int
    node: str
    password: str
    program: Path = PROGRAM

    @property
    def url(self) -> str:
        """AMQP URL of the default virtual host."""
        return self.url_of("/")

    def url_of(self, vhost: str) -> str:
        """Return the AMQP URL of the virtual host *vhost*."""
        return f"amqp://{USER}:{self.password}@{self.location(vhost)}"

    def location(self, vhost: str = "/") -> str:
        """Return host, port and *vhost* as they stand in a URL behind the user."""
        return f"{HOST}:{self.port}/{quote(vhost, safe='')}"

    async def start(self) -> Process:
        """Run the broker until it answers. Raises ConfigurationError if it is missing, or did not come up."""
        if not self.program.is_file():
            raise ConfigurationError(f"RabbitMQ is missing ({self.program}): {REMEDY}")
        self._configure()
        log = self.folder / "output.log"
        process = await Process.start(Command([str(self.program)], self.folder, log, self._environment()))
        async with process.killed_on_failure():
            await process.until(self._answers, START_WITHIN)
        return process

    async def add_vhost(self, name: str) -> None:
        """Make the empty virtual host *name*, by Erlang's own ``erl_call``: ``rabbitmqctl`` takes seconds."""
        await self._evaluate(
            f'rabbit_vhost:add(<<"{name}">>, <<"{USER}">>),'
            f'rabbit_auth_backend_internal:set_permissions(<<"{USER}">>, <<"{name}">>,'
            f' <<".*">>, <<".*">>, <<".*">>, <<"{USER}">>).'
        )

    async def add_publisher(self, name: str, password: str, vhost: str) -> None:
        """Add the user *name*, with write access to ``habeas.requests`` of *vhost* only."""
        await self._evaluate(
            f'rabbit_auth_backend_internal:add_user(<<"{name}">>, <<"{password}">>, <<"{USER}">>),'
            f'rabbit_auth_backend_internal:set_permissions(<<"{name}">>, <<"{vhost}">>,'
            f' <<"^$">>, <<"^habeas\\\\.requests$">>, <<"^$">>, <<"{USER}">>).'
        )

    async def define(self, defined: Mapping[str, object]) -> None:
        """Import definitions: users, permissions and others, as RabbitMQ documents them."""
        path = self.folder / f"definitions-{secrets.token_hex(8)}.json"
        path.touch(mode=0o600)
        try:
            path.write_text(json.dumps(defined), encoding="utf-8")
            read = f'{{ok, Read}} = file:read_file("{path}")'
            await self._evaluate(f"{read}, ok = rabbit_definitions:import_raw(Read).")
        finally:
            path.unlink()

    async def settle(self) -> None:
        """
        Make newly declared queues survive a crash.

        RabbitMQ writes the register of its quorum queues a few seconds late (Erlang's dets), and bindings
        (mnesia), their messages at once: a queue of a node killed in between loses confirmed messages.
        """
        await self._evaluate("[dets:sync(Table) || Table <- dets:all()], mnesia:sync_log().")

    async def cut_connections(self) -> None:
        """Close every client's connection from the broker's side."""
        all_ = "rabbit_networking:connections()"
        await self._evaluate(f'rabbit_networking:close_connections({all_}, <<"the wire is cut">>).')

    async def _answers(self) -> None:
        await dial(self.port)
        connection = await connect(self.url, "habeas-stack")
        await connection.close()

    async def _evaluate(self, expression: str) -> None:
        """Evaluate *expression* under a name of its own: the node refuses a second client of one name."""
        name = f"call-{secrets.token_hex(8)}"
        call = await asyncio.create_subprocess_exec(
            "erl_call", "-h", name, "-sname", self.node, "-e",
            env=self._environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await call.communicate(f"{expression}\n".encode())
        if call.returncode or not output.startswith(b"{ok,"):
            raise BrokerUnavailable(f"the broker refused the command:  {output.decode().strip()}")

    def _configure(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._keep_cookie()
        configuration = self.folder / "rabbitmq.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            f"listeners.tcp.local = {HOST}:{self.port}\n"
            f"default_user = {USER}\n"
            f"default_pass = {self.password}\n"
            "disk_free_limit.absolute = 50MB\n"
            f"max_message_size = {MAX_MESSAGE}\n"
            "log.file.level = warning\n"
            "log.console = false\n",
            encoding="utf-8",
        )
        (self.folder / "enabled_plugins").write_text("[].\n", encoding="utf-8")

    def _keep_cookie(self) -> None:
        """Draw the cookie, unless it is there; replace one of Erlang's, of 36 bits: others reach its port."""
        cookie = self.folder / ".erlang.cookie"
        if not cookie.exists() or len(cookie.read_bytes()) < COOKIE_LENGTH:
            cookie.unlink(missing_ok=True)  # its owner may not write to one of Erlang's
            cookie.touch(mode=0o600)
            cookie.write_text(secrets.token_hex(COOKIE_LENGTH // 2), encoding="ascii")

    def _environment(self) -> dict[str, str]:
        own = {
            "NODENAME": self.node,
            "CONFIG_FILE": self.folder / "rabbitmq.conf",
            "CONFIG_FILES": self.folder / "conf.d",
            "ADVANCED_CONFIG_FILE": self.folder / "advanced.config",
            "CONF_ENV_FILE": self.folder / "rabbitmq-env.conf",
            "ENABLED_PLUGINS_FILE": self.folder / "enabled_plugins",
            "MNESIA_BASE": self.folder / "data",
            "LOG_BASE": self.folder / "log",
            "DIST_PORT": self.distribution_port,
            "SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }
        return {
            **{f"RABBITMQ_{name}": str(value) for name, value in own.items()},
            "HOME": str(self.folder),  # where Erlang keeps the cookie
            "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "ERL_CRASH_DUMP_BYTES": "0",
            "RUNNING_UNDER_SYSTEMD": "true",  # run the broker in place of the shell script, not below it
        }
