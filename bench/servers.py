"""
The mail servers that a campaign is measured with.

``sink`` counts and forgets (``bench.mail_sink``), unlike a real one; ``stepwise`` is the same one, taking
one command at a time. ``catcher`` is that of the embedded stack: a file per letter. ``postfix`` is Debian's
default: every letter is on the disk before it is accepted; then it is thrown away.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import chown
from typing import Protocol

from bench.breach_fixture import letters_in
from bench.installation import WITHIN
from habeas.embedded.parts.ports import HOST, dial, free_port
from habeas.embedded.parts.process import Command, Process

POSTFIX = Path("/usr/sbin/postfix")
MASTER = Path("/usr/lib/postfix/sbin/master")
MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/taken.log
maillog_file_prefixes = {folder}
inet_interfaces = {host}
inet_protocols = ipv4
myhostname = sink.example.com
mydestination =
mynetworks = {host}
default_transport = discard
default_process_limit = 300
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
"""
SERVICES = """\
{host}:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
discard unix - - n - - discard
error unix - - n - - error
retry unix - - n - - error
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""
NAMED = re.compile(r"cleanup\[\d+\]: (\w+): message-id=(\S+)")
TAKEN = re.compile(r"discard\[\d+\]: (\w+): to=<([^>]*)>")
KEPT = re.compile(r"^(Delivered-To|Message-ID): *(\S+)", re.MULTILINE)


class Server(Protocol):
    """One of them, before it runs."""

    @property
    def port(self) -> int:
        """Where it listens."""

    def command(self) -> Command:
        """Return what starts it, once everything is laid out that it needs."""

    def letters(self) -> Mapping[str, list[str]]:
        """Return the Message-IDs of what it took, by recipient."""

    def forget(self) -> None:
        """Forget what it took."""


@dataclass(frozen=True, slots=True)
class Sink:
    """``bench.mail_sink``."""

    folder: Path
    port: int
    latency_ms: int = 0
    """How long it takes to accept a letter."""
    manners: tuple[str, ...] = ()

    @property
    def _log(self) -> Path:
        return self.folder / "taken.log"

    def command(self) -> Command:
        """Return what starts it."""
        told = (str(self.port), str(self._log), str(self.latency_ms), *self.manners)
        return Command(
            (sys.executable, "-m", "bench.mail_sink", *told), Path.cwd(), self.folder / "output.log"
        )

    def letters(self) -> Mapping[str, list[str]]:
        """Return what it noted."""
        return letters_in(self._log.read_bytes())

    def forget(self) -> None:
        """Forget what it noted."""
        self._log.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Catcher:
    """``habeas.mailcatcher``."""

    folder: Path
    port: int

    def command(self) -> Command:
        """Return what starts it."""
        told = ("--port", str(self.port), "--folder", str(self.folder))
        program = (sys.executable, "-m", "habeas.mailcatcher", *told)
        return Command(program, Path.cwd(), self.folder / "output.log")

    def letters(self) -> Mapping[str, list[str]]:
        """Return what lies there."""
        found: dict[str, list[str]] = {}
        for letter in self.folder.glob("*.eml"):
            head = letter.read_bytes().partition(b"\r\n\r\n")[0].decode()
            told = dict(KEPT.findall(head))
            found.setdefault(told["Delivered-To"], []).append(told["Message-ID"])
        return found

    def forget(self) -> None:
        """Take away what lies there."""
        for letter in self.folder.glob("*.eml"):
            letter.unlink()


@dataclass(frozen=True, slots=True)
class Postfix:
    """A Postfix of our own, which only root can start. Another user must get through to its folder."""

    folder: Path
    port: int

    @property
    def _log(self) -> Path:
        return self.folder / "taken.log"

    def command(self) -> Command:
        """Write its configuration; return what starts it."""
        if not POSTFIX.is_file():
            raise SystemExit(f"bench: Postfix is missing ({POSTFIX}): apt-get install postfix")
        told = {"folder": self.folder, "host": HOST, "port": self.port}
        for part in ("queue", "data", "etc"):
            (self.folder / part).mkdir()
        chown(self.folder / "data", "postfix")
        (self.folder / "etc" / "main.cf").write_text(MAIN.format_map(told))
        (self.folder / "etc" / "master.cf").write_text(SERVICES.format_map(told))
        where = ("-c", str(self.folder / "etc"))
        subprocess.run([POSTFIX, *where, "check"], check=True, capture_output=True)  # noqa: S603  # makes its folders
        return Command((str(MASTER), *where, "-d"), self.folder, self.folder / "output.log")

    def letters(self) -> Mapping[str, list[str]]:
        """Return what its log says that it threw away."""
        log = self._log.read_text()
        names = dict(NAMED.findall(log))
        found: dict[str, list[str]] = {}
        for queued, recipient in TAKEN.findall(log):
            found.setdefault(recipient, []).append(names[queued])
        return found

    def forget(self) -> None:
        """Begin a new log; it writes to the end, wherever that is."""
        self._log.write_bytes(b"")


SERVERS: Mapping[str, Callable[[Path, int, int], Server]] = {
    "sink": Sink,
    "stepwise": lambda folder, port, latency_ms: Sink(folder, port, latency_ms, ("stepwise",)),
    "catcher": lambda folder, port, _: Catcher(folder, port),
    "postfix": lambda folder, port, _: Postfix(folder, port),
}


@contextmanager
def _open_folder() -> Iterator[Path]:
    """Make a folder that other users get through to: Postfix has some of its own."""
    with tempfile.TemporaryDirectory(prefix="habeas-mail-") as folder:
        path = Path(folder)
        path.chmod(0o711)
        yield path


@asynccontextmanager
async def serving(kind: str, latency_ms: int = 0) -> AsyncIterator[tuple[Server, Process]]:
    """Run a mail server of *kind*, which takes so long to accept a letter if it can be told."""
    with _open_folder() as folder:
        server = SERVERS[kind](folder, free_port(), latency_ms)
        process = await Process.start(server.command())
        try:
            await process.until(lambda: dial(server.port), WITHIN)
            yield server, process
        finally:
            await process.stop(WITHIN)
