"""
Confinement of a process before it touches a hostile file: fewer and fewer rights.

``confine`` is for the worker, before it loads anything; ``seal`` for the child that reads one file. Limits,
the files that can be read and the filter of system calls hold everywhere, or no file is read. A user and a
network of its own it gets where the kernel grants them.
"""

import ctypes
import os
import resource
import signal
import struct
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import services
import shared
from services.verifier.documents.worker.seccomp import install_filter

NICENESS: Final = 10
MOST_FILES: Final = 64
"""Open at once; libraries and models are loaded by then."""
MOST_TASKS: Final = 512
"""Processes and threads of this user, of all services that run as it: the kernel counts no fewer."""
UNPRIVILEGED_ID: Final = 65_534
"""User and group that own no files."""
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
SYSTEM: Final = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share"),
    *("/etc/ld.so.cache", "/etc/localtime", "/etc/fonts", "/dev/null", "/dev/urandom"),
    *("/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu"),
)
"""Files of the machine that libraries read; none holds anything of the service."""
MODELS_VARIABLE: Final = "HABEAS_MODELS"
OWN_MODELS: Final = Path(services.__file__).parent.parent / ".tools" / "models"
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""System calls; their numbers are the same on all kinds of machines."""
VERSION: Final = 1
"""Flag that asks for the version instead of a ruleset."""
PATH_BENEATH: Final = 1
READ_FILE, READ_FOLDER = 1 << 2, 1 << 3
TCP: Final = 0b11
OUTSIDE: Final = 0b11
"""Abstract sockets and signals."""


class NotConfinedError(OSError):
    """The kernel does not confine this process."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The resources that one file may use."""

    memory_bytes: int
    """Of address space, the loaded models included."""
    cpu_seconds: int
    wall_seconds: int


def confine(memory_bytes: int) -> dict[str, int]:
    """
    Limit this process and all it starts, for good; return the confinement that the kernel granted.

    It must come before a second thread exists. Raises NotConfinedError if other files stay open to it.
    """
    os.nice(NICENESS)
    _limit(resource.RLIMIT_AS, memory_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NOFILE, MOST_FILES)
    library = ctypes.CDLL(None, use_errno=True)
    code = tuple(_code())
    granted: dict[str, int] = {
        "own_user": os.geteuid() == 0 and _gives_up(_become_unprivileged, code),
        "no_new_privileges": library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0,
        "own_network": _gives_up(lambda: _leave_network(library), code),
        "files_confined": confine_to([*map(Path, SYSTEM), *code], library),
    }
    # Changing the user takes both away again.
    return granted | {
        "dies_with_service": library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0,
        "unreadable_memory": library.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0,
    }


def _code() -> Iterator[Path]:
    """Yield the folders of code and models; not the folder around our packages: it may hold anything."""
    for package in (services, shared):
        yield Path(str(package.__file__)).parent
    yield from {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    yield Path(os.environ.get(MODELS_VARIABLE) or OWN_MODELS)


def _gives_up(privileges: Callable[[], None], code: Sequence[Path]) -> bool:
    """Give up *privileges*, where this process may and then still reads *code*; return whether it has."""
    if os.waitpid(_tried(privileges, code), 0)[1] != 0:
        return False
    privileges()
    return True


def _tried(privileges: Callable[[], None], code: Sequence[Path]) -> int:
    """Return a child that ends with 0 if it reads *code* without *privileges*: they never come back."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            privileges()
            status = 0 if all(map(_is_readable, code)) else 1
        finally:
            os._exit(status)
    return child


def _become_unprivileged() -> None:
    """Become a user without files of its own."""
    os.setgroups([])
    os.setresgid(UNPRIVILEGED_ID, UNPRIVILEGED_ID, UNPRIVILEGED_ID)
    os.setresuid(UNPRIVILEGED_ID, UNPRIVILEGED_ID, UNPRIVILEGED_ID)


def _leave_network(library: ctypes.CDLL) -> None:
    """Move to a network without interfaces; root loses the right to read files of other users."""
    if library.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        raise PermissionError(ctypes.get_errno(), "no network of its own")


def _is_readable(folder: Path) -> bool:
    """Return whether *folder* is readable, or missing."""
    try:
        list(folder.iterdir())
    except FileNotFoundError:
        return True
    except PermissionError:
        return False
    return True


def seal(bounds: Bounds) -> None:
    """
    Take from this process, which reads one file and ends, all it does not need for that.

    Past its processor time or its wall-clock time the kernel ends it. Raises NotConfinedError if system calls
    are not filtered.
    """
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _limit(resource.RLIMIT_CPU, bounds.cpu_seconds)
    _limit(resource.RLIMIT_NPROC, MOST_TASKS)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(bounds.wall_seconds)
    if not install_filter(library):
        raise NotConfinedError("no filter of system calls")


def _limit(kind: int, value: int) -> None:
    """Set the limit *kind* for good; one that is stricter already stays."""
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def landlock_version(library: ctypes.CDLL) -> int:
    """Return the version of Landlock in the kernel; 0 where it has none, or its calls are forbidden."""
    return max(0, int(library.syscall(CREATE_RULESET, None, 0, VERSION)))


def confine_to(paths: Iterable[Path], library: ctypes.CDLL) -> int:
    """
    Let this process read the files at or below *paths* and use no other; return the version of Landlock.

    ``PR_SET_NO_NEW_PRIVS`` must be set before. The rules (landlock(7), from Linux 5.13 on) hold for the
    process and all that it starts, for good. Other files cannot be opened, listed, run, made or removed, by
    any user. From newer kernels it takes more: TCP (6.7), signals to and abstract sockets of processes
    outside (6.12). Processes outside cannot be traced.

    Raises NotConfinedError if the kernel has no Landlock, or does not let this process use it.
    """
    offered = landlock_version(library)
    if offered == 0:
        raise NotConfinedError("no Landlock")
    # ``struct landlock_ruleset_attr`` with all that this version can forbid.
    files = 13 + (offered >= 2) + (offered >= 3) + (offered >= 5)  # noqa: PLR2004 - versions of landlock(7)
    fields = [(1 << files) - 1, *[TCP] * (offered >= 4), *[OUTSIDE] * (offered >= 6)]  # noqa: PLR2004 - same
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = int(library.syscall(CREATE_RULESET, attributes, len(attributes), 0))
    if ruleset < 0:
        raise NotConfinedError("no ruleset")
    try:
        for path in paths:
            _allow(path, ruleset, library)
        if library.syscall(RESTRICT_SELF, ruleset, 0) != 0:
            raise NotConfinedError("not restricted")
    finally:
        os.close(ruleset)
    return offered


def _allow(path: Path, ruleset: int, library: ctypes.CDLL) -> None:
    """Allow to read *path* and all below it; a missing path needs no rule."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights = READ_FILE | READ_FOLDER if path.is_dir() else READ_FILE
        rule = struct.pack("=Qi", rights, place)
        if library.syscall(ADD_RULE, ruleset, PATH_BENEATH, rule, 0) != 0:
            raise NotConfinedError("a rule was refused")
    finally:
        os.close(place)
