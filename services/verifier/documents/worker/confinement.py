"""
What a process may do before it touches a hostile file: less and less.

``confine`` is for the worker, before it loads anything; ``seal`` for the child that reads one file. Limits
hold everywhere; a network of its own and the filter of system calls where the kernel grants them without
privileges.
"""

import ctypes
import os
import resource
import signal
from dataclasses import dataclass
from typing import Final

from services.verifier.documents.worker.filtering import install_filter

NICENESS: Final = 10
MOST_FILES: Final = 64
"""Open at once; libraries and models are loaded by then."""
MOST_TASKS: Final = 512
"""Processes and threads of this user, of all services that run as it: the kernel counts no fewer."""
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one file may use."""

    memory_bytes: int
    """Of address space, the loaded models included."""
    cpu_seconds: int
    wall_seconds: int


def confine(memory_bytes: int) -> dict[str, bool]:
    """
    Limit this process and all it starts; return what the kernel granted.

    It cannot be undone, and must come before a second thread exists.
    """
    os.nice(NICENESS)
    _limit(resource.RLIMIT_AS, memory_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NOFILE, MOST_FILES)
    library = ctypes.CDLL(None, use_errno=True)
    return {
        "dies_with_service": library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0,
        "no_new_privileges": library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0,
        "own_network": library.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0,
        "unreadable_memory": library.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0,
    }


def seal(bounds: Bounds) -> None:
    """
    Take from this process, which reads one file and ends, all it does not need for that.

    Past its processor time or its wall-clock time the kernel ends it.
    """
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _limit(resource.RLIMIT_CPU, bounds.cpu_seconds)
    _limit(resource.RLIMIT_NPROC, MOST_TASKS)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(bounds.wall_seconds)
    if not install_filter(library):
        _limit(resource.RLIMIT_NPROC, 0)  # no processes, then, and no threads either


def _limit(kind: int, value: int) -> None:
    """Set the limit *kind* for good; one that is stricter already stays."""
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))
