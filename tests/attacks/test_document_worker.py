"""An uploader's file takes the process over that reads it, and tries to reach more than its document."""

import asyncio
import os
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from services.verifier.documents.results import reasons_of
from services.verifier.documents.sandbox import DocumentWorker, WorkerLimits
from tests.attacks import document_worker

HERE = Path(__file__).parent
ATTACKER = (sys.executable, "-P", "-s", "-B", str(HERE / "document_worker.py"))
LONG = timedelta(minutes=10)
LIMITS = WorkerLimits(memory_bytes=1 << 30, cpu=timedelta(seconds=2), wall=LONG, start=LONG)
SECRET = "c2VjcmV0IG1hc3RlciBrZXk="
FILES, FOLDERS = ("/etc/passwd", "/etc/shadow"), ("/", "/home", "/run", "/sys", "/var/lib", "/proc")
SLEEPER = "import time; print('ready', flush=True); time.sleep(600)"


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A master key, readable by all: only confinement keeps the worker from it."""
    folder = tmp_path_factory.mktemp("secrets")
    for one in (folder, *folder.parents[:2]):
        one.chmod(0o755)
    file = folder / "master_key"
    file.write_text(SECRET, encoding="ascii")
    file.chmod(0o644)
    return file


@pytest_asyncio.fixture(scope="module")
async def victim() -> AsyncIterator[int]:
    """Another process of the same user that holds the key in its environment, and does not protect itself."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SLEEPER),
        env={"HABEAS_MASTER_KEY": SECRET},
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    await process.stdout.readline()
    yield process.pid
    assert process.returncode is None, "the worker has ended it"
    process.kill()
    await process.wait()


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.setblocking(False)
        yield listening


@pytest_asyncio.fixture(scope="module")
async def attacker(listener: socket.socket) -> AsyncIterator[DocumentWorker]:
    port = {"ATTACKED_PORT": str(listener.getsockname()[1])}
    async with DocumentWorker(LIMITS, command=ATTACKER, environment=port) as examiner:
        yield examiner


async def outcome(attacker: DocumentWorker, *words: object) -> str:
    return (await attacker.examine(" ".join(map(str, words)).encode(), "")).media_type


@pytest.mark.parametrize("name", ["environ", "mem", "maps", "fd", "cwd/", "root/etc/passwd", "status"])
async def test_another_process_is_not_read_through_proc(
    attacker: DocumentWorker, victim: int, name: str
) -> None:
    how = "list_folder" if name == "fd" else "read"
    assert await outcome(attacker, how, f"/proc/{victim}/{name}") == "refused EACCES"


async def test_service_is_not_read_through_proc(attacker: DocumentWorker) -> None:
    for pid in (os.getpid(), 1, "self"):
        assert await outcome(attacker, "read", f"/proc/{pid}/environ") == "refused EACCES"


async def test_key_file_is_not_read_by_any_path(
    attacker: DocumentWorker, key_file: Path, victim: int
) -> None:
    assert await outcome(attacker, "read", key_file) == "refused EACCES"
    for around in (f"/proc/{victim}/root{key_file}", f"/dev/../{key_file}", f"/usr/lib/../..{key_file}"):
        assert await outcome(attacker, "read", around) == "refused EACCES"
    assert await outcome(attacker, "list_folder", key_file.parent) == "refused EACCES"


@pytest.mark.parametrize("path", [*FILES, *FOLDERS])
async def test_files_of_the_machine_are_not_read(attacker: DocumentWorker, path: str) -> None:
    how = "read" if path in FILES else "list_folder"
    assert await outcome(attacker, how, path) in {"refused EACCES", "refused ENOENT"}


async def test_folder_around_the_code_is_not_read(attacker: DocumentWorker) -> None:
    """`habeas up` keeps its state, with the master key, in a folder beside the packages."""
    root = HERE.parents[1]
    assert await outcome(attacker, "list_folder", root) == "refused EACCES"
    assert await outcome(attacker, "read", root / "pyproject.toml") == "refused EACCES"
    assert "verifier" in await outcome(attacker, "list_folder", root / "services")


@pytest.mark.parametrize("escape", ["read_memory", "trace", "end", "change_limits", "be_signalled_for"])
async def test_another_process_is_not_touched(attacker: DocumentWorker, victim: int, escape: str) -> None:
    for pid in (victim, os.getpid()):
        assert await outcome(attacker, escape, pid) == "refused EPERM"


@pytest.mark.parametrize(
    "escape",
    [
        *("share_memory", "send_message", "make_semaphore", "be_traced", "fork", "make_memory_file"),
        *("become_readable", "make_namespace", "make_key", "use_old_calls"),
    ],
)
async def test_call_that_reading_does_not_need_is_refused(attacker: DocumentWorker, escape: str) -> None:
    assert await outcome(attacker, escape) == "refused EPERM"


async def test_file_is_neither_opened_for_writing_nor_changed(
    attacker: DocumentWorker, key_file: Path
) -> None:
    assert await outcome(attacker, "write", key_file) == "refused EPERM"
    assert await outcome(attacker, "write", "/dev/null") == "refused EPERM"
    assert await outcome(attacker, "change_mode", key_file) == "refused EPERM"
    assert await outcome(attacker, "mount", key_file.parent) == "refused EPERM"


async def test_program_is_not_run(attacker: DocumentWorker) -> None:
    assert await outcome(attacker, "run", "/bin/true") == "refused EPERM"
    assert await outcome(attacker, "run", sys.executable) == "refused EPERM"


async def test_socket_is_not_made(attacker: DocumentWorker) -> None:
    assert await outcome(attacker, "connect", 5672) == "refused EPERM"
    assert await outcome(attacker, "connect_locally", "/run/docker.sock") == "refused EPERM"


async def test_worker_has_no_network_even_before_it_reads(
    attacker: DocumentWorker, listener: socket.socket
) -> None:
    """What loads the models is not filtered: a network of its own keeps it from sending anything."""
    assert await outcome(attacker, "sent_before_files") == "refused ENETUNREACH"
    assert attacker.granted["own_network"] is True
    with pytest.raises(BlockingIOError):
        listener.recv(64)


async def test_processor_time_ends_long_before_the_clock_does(attacker: DocumentWorker) -> None:
    began = time.monotonic()
    assert await outcome(attacker, "loop") == ""
    assert time.monotonic() - began < LONG.total_seconds() / 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the user")
async def test_worker_of_root_is_another_user(attacker: DocumentWorker) -> None:
    await outcome(attacker, "read", "/")
    worker = attacker._worker
    assert worker is not None
    alone = is_closed_to_others(Path(sysconfig.get_path("stdlib")))
    assert attacker.granted["own_user"] is not alone
    assert uids_of(worker.process.pid) == ["0" if alone else "65534"] * 4


def is_closed_to_others(folder: Path) -> bool:
    """Return whether root alone reads *folder*: an interpreter below /root, as pyenv and uv install it."""
    listed = subprocess.run(  # noqa: S603 - a path of the interpreter
        ["/bin/ls", folder], user=65_534, group=65_534, extra_groups=[], capture_output=True, check=False
    )
    return listed.returncode != 0


def readable_for_root_alone(folder: Path, owner: int) -> dict[str, str]:
    """Make *folder* the home of Python, as pyenv and uv install it below /root; return its setting."""
    library = Path(sysconfig.get_path("stdlib"))
    (folder / "lib").mkdir()
    (folder / "lib" / library.name).symlink_to(library)
    folder.chmod(0o700)
    os.chown(folder, owner, owner)
    return {"PYTHONHOME": str(folder)}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the user")
@pytest.mark.parametrize(
    ("owner", "own_network"),
    [pytest.param(0, True, id="of root"), pytest.param(65_533, False, id="of another user")],
)
async def test_worker_of_a_python_that_root_alone_can_read_stays_root_and_starts(
    tmp_path: Path, owner: int, own_network: bool
) -> None:
    """With a network of its own, root reads files of other users no longer."""
    program = (
        "import sys\n"
        "from services.verifier.documents.worker import confinement, fork_server\n"
        "def load():\n"
        "    from services.verifier.documents.results import DocumentReading\n"
        "    return lambda _: DocumentReading(media_type='read').model_dump_json().encode()\n"
        "fork_server.serve(load, confinement.Bounds(*map(int, sys.argv[1:])))\n"
    )
    command = (sys.executable, "-P", "-s", "-B", "-c", program)
    home = readable_for_root_alone(tmp_path, owner)
    async with DocumentWorker(LIMITS, command=command, environment=home) as examiner:
        assert await outcome(examiner, "any") == "read"
        assert (examiner.granted["own_user"], examiner.granted["own_network"]) == (False, own_network)


def uids_of(pid: int) -> list[str]:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("confinement.landlock_version = lambda _: 0", "no Landlock"),
        ("confinement.install_filter = lambda _: False", "no filter of system calls"),
    ],
)
async def test_worker_that_the_kernel_does_not_confine_reads_nothing_and_the_log_names_the_remedy(
    missing: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    program = (
        "import sys\n"
        "from services.verifier.documents.worker import confinement, fork_server\n"
        f"{missing}\n"
        f"sys.path.insert(0, {str(HERE)!r})\n"
        "import document_worker\n"
        "fork_server.serve(document_worker.load, confinement.Bounds(*map(int, sys.argv[1:])))\n"
    )
    async with DocumentWorker(LIMITS, command=(sys.executable, "-P", "-s", "-B", "-c", program)) as examiner:
        reading = await examiner.examine(b"read /etc/hostname", "")
    assert (reading.media_type, reasons_of(reading.checks)) == ("", ("reader_unavailable",))
    logged = capsys.readouterr().out
    assert "documents are not read" in logged
    assert f"{reason}; the machine must be x86_64 or aarch64 with Linux 5.13" in logged


def test_service_that_holds_keys_is_not_inspected_by_others_of_its_user() -> None:
    program = (
        "import ctypes\n"
        "from shared.runtime.bootstrap import ServicePlan, main\n"
        "def settings():\n"
        "    print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))\n"  # PR_GET_DUMPABLE
        "    raise SystemExit\n"
        "main([ServicePlan(settings, None)])\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)  # noqa: S603
    assert ended.stdout == "0\n", ended.stderr


def test_escapes_are_all_tried() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in document_worker.ESCAPES if f'"{name}"' not in text] == []
