"""
Confines a process to files that it names (landlock(7), from Linux 5.13 on).

The rules hold for the process and all that it starts, for good. Other files cannot be opened, listed,
run, made or removed, by any user. From newer kernels it takes more: TCP (6.7), signals to and abstract
sockets of processes outside (6.12). Processes outside cannot be traced.
"""

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

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
    """The kernel does not confine this process to files."""


def version(library: ctypes.CDLL) -> int:
    """Return the version that the kernel offers; 0 where it offers none, or its calls are forbidden."""
    return max(0, int(library.syscall(CREATE_RULESET, None, 0, VERSION)))


def confine_to(readable: Iterable[Path], library: ctypes.CDLL) -> int:
    """
    Let this process read the files at or below the paths *readable*, and use no other file.

    ``PR_SET_NO_NEW_PRIVS`` must be set before.

    Returns:
        The version of the kernel's interface.

    Raises:
        NotConfinedError: The kernel has no Landlock, or does not let this process use it.
    """
    offered = version(library)
    if offered == 0:
        raise NotConfinedError("no Landlock")
    attributes = _attributes(offered)
    ruleset = int(library.syscall(CREATE_RULESET, attributes, len(attributes), 0))
    if ruleset < 0:
        raise NotConfinedError("no ruleset")
    try:
        for path in readable:
            _allow(path, ruleset, library)
        if library.syscall(RESTRICT_SELF, ruleset, 0) != 0:
            raise NotConfinedError("not restricted")
    finally:
        os.close(ruleset)
    return offered


def _attributes(offered: int) -> bytes:
    """Return ``struct landlock_ruleset_attr`` with all that the version *offered* can forbid."""
    files = 13 + (offered >= 2) + (offered >= 3) + (offered >= 5)  # noqa: PLR2004 - versions of landlock(7)
    fields = [(1 << files) - 1]
    if offered >= 4:  # noqa: PLR2004 - same
        fields.append(TCP)
    if offered >= 6:  # noqa: PLR2004 - same
        fields.append(OUTSIDE)
    return struct.pack(f"={len(fields)}Q", *fields)


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
