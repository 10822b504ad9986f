"""The cluster as a project of compose: brought up, found, and removed."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.cluster.containers import BROKERS, DATABASES
from bench.public.access import INBOX, settings
from habeas.embedded.parts.ports import free_port

ROOT = Path(__file__).parents[2]
STAND_INS = ROOT / "tests" / "images" / "offline.env"
FILES = ("docker-compose.yml", "docker-compose.cluster.yml", "bench/cluster/campaign.yml")
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime")
ADMINISTRATOR = "habeas-topology"
"""The broker's administrator, who publishes for the upstream systems and reads events."""
PUBLIC_URL, MAIL_URL = "http://gateway:8080", "http://mail:8025"
"""As they are reached inside the network."""
INBOX_SERVER = ("intake", 2525)
"""Where mail to the company is handed over: any replica of intake."""
RESOLVER = "nameserver 127.0.0.11\noptions ndots:0\n"
"""Docker's, which knows the containers of a network by their names."""
DISK_SIZE = "2g"
PARTS_USER = "999"


@dataclass(frozen=True, slots=True)
class ClusterProject:
    """A cluster on this machine, with a name, ports and disks of its own."""

    name: str
    folder: Path
    front: str = "10.118.84"
    _environment: dict[str, str] = field(default_factory=dict)

    @property
    def disks(self) -> Path:
        """Folder with the disk of each broker and database."""
        return self.folder / "disks"

    @contextmanager
    def running(self, *, keep: bool = False) -> Iterator[None]:
        """Bring it up, and remove it with its data, unless it is to *keep*."""
        if not (FAKETIME / "libfaketime.so.1").is_file():
            raise SystemExit(f"bench: libfaketime is missing ({FAKETIME}): apt-get install faketime")
        self._environment.update(self._variables())
        self._mount()
        try:
            self.compose("up", "--wait", "--quiet-pull")
            yield
        finally:
            if not keep:
                self.compose("down", "--volumes", "--timeout", "5")
                self._unmount()

    def compose(self, *words: str) -> str:
        """Return what ``docker compose`` *words* prints. Raises CalledProcessError."""
        files = [word for file in FILES for word in ("-f", file)]
        command = ["docker", "compose", "--project-name", self.name, *files, *words]
        ended = subprocess.run(  # noqa: S603  every word is written here
            command,
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise SystemExit(f"bench: docker compose {words[0]}: {ended.stderr[-2000:]}")
        return ended.stdout

    def secret(self, file: str) -> str:
        """Return a file of the secrets."""
        words = ("run", "--rm", "-T", "--no-deps", "--entrypoint", "cat", "secrets")
        return self.compose(*words, f"/secrets/{file}").strip()

    def inside(self, *command: str) -> list[str]:
        """Return the command that runs *command* in the network of the containers, with their names."""
        pid = subprocess.run(  # noqa: S603
            ["docker", "inspect", "--format", "{{.State.Pid}}", f"{self.name}-campaign-1"],  # noqa: S607
            stdout=subprocess.PIPE, text=True, check=True,
        ).stdout.strip()  # fmt: skip
        resolver = self.folder / "resolv.conf"
        resolver.write_text(RESOLVER, encoding="utf-8")
        mounted = f'mount --bind {resolver} /etc/resolv.conf && exec "$@"'
        return [
            "nsenter",
            "--net",
            "--target",
            pid,
            "unshare",
            "--mount",
            "bash",
            "-c",
            mounted,
            "bash",
            *command,
        ]

    def _variables(self) -> Mapping[str, str]:
        ours = {
            "HABEAS_PORT": str(free_port()),
            "HABEAS_CONSOLE": str(free_port()),
            "HABEAS_MAIL_PORT": str(free_port()),
            "HABEAS_FRONT": self.front,
            "HABEAS_PUBLIC_URL": PUBLIC_URL,
            "HABEAS_INBOX_ADDRESS": INBOX,
            "HABEAS_INBOX_PORT": str(INBOX_SERVER[1]),
            "CHAOS_DISKS": str(self.disks),
            "CHAOS_FAKETIME": str(FAKETIME),
        }
        return {**os.environ, **_images(), **settings(ADMINISTRATOR), **ours}

    def _mount(self) -> None:
        for name in (*BROKERS, *DATABASES):
            disk = self.disks / name
            disk.mkdir(parents=True)
            options = f"size={DISK_SIZE},uid={PARTS_USER},gid={PARTS_USER},mode=755"
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, name, str(disk)], check=True)  # noqa: S603, S607

    def _unmount(self) -> None:
        for name in (*BROKERS, *DATABASES):
            subprocess.run(["umount", "--lazy", str(self.disks / name)], check=False)  # noqa: S603, S607


def _images() -> Mapping[str, str]:
    """Return the variables that name stand-ins, where no registry is reached; they are built if need be."""
    pull = ("docker", "compose", "pull", "--quiet", "broker")
    pulled = subprocess.run(pull, cwd=ROOT, capture_output=True, check=False)  # noqa: S603
    if pulled.returncode == 0:
        return {}
    subprocess.run(["scripts/images-offline"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S607
    lines = STAND_INS.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)
