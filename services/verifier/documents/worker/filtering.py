"""
Forbids system calls that reading a file never needs (seccomp(2), classic BPF).

No sockets, no new processes or programs, no signals to others, no files opened for writing, created, moved or
deleted. Threads may be started: what decodes the photos of telephones (libde265) does not work without one.
A forbidden call fails with EPERM; the process goes on. Where the machine is of neither known kind, or the
kernel has no filters, nothing is forbidden, and the caller is told.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
LOAD, JUMP_EQUAL, JUMP_ANY_BIT, JUMP_LEAST, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
ALLOW, FAIL, KILL = 0x7FFF0000, 0x00050000, 0x80000000
NUMBER, ARCHITECTURE, FIRST_ARGUMENT, SECOND_ARGUMENT, THIRD_ARGUMENT = 0, 4, 16, 24, 32
"""Offsets in ``struct seccomp_data``; the lower half of an argument, on a little-endian machine."""
WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
CLONE_THREAD: Final = 0x10000
X32_BIT: Final = 0x40000000
"""The same calls under other numbers; none of our programs uses them."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The numbers of one kind of machine (the kernel's ``unistd.h``)."""

    architecture: int
    open: int | None
    openat: int
    clone: int
    absent: tuple[int, ...]
    """Answered as if the kernel were older: the C library then takes the call whose arguments can be seen."""
    forbidden: tuple[int, ...]


NEW_ON_BOTH: Final = (425, 428, 429, 430, 431, 432, 433, 434, 438, 439, 440, 442)
"""io_uring, mounting by descriptor, other processes by descriptor."""
MACHINES: Final = {
    "x86_64": Machine(
        architecture=0xC000003E,
        open=2,
        openat=257,
        clone=56,
        absent=(435, 437),
        forbidden=(
            *(41, 42, 43, 44, 46, 49, 50, 53, 288),  # sockets
            *(57, 58, 59, 322),  # processes, programs
            *(62, 101, 109, 112, 129, 200, 234, 297, 302, 310, 311),  # other processes, groups, their limits
            *(76, 77, 82, 83, 84, 85, 86, 87, 88, 133, 258, 259, 263, 264, 265, 266, 285, 316),  # files
            *(90, 91, 92, 93, 94, 260, 268, 188, 189, 190),  # owners, modes, attributes
            *(155, 161, 165, 166, 272, 308),  # mounts, name spaces
            *(248, 249, 250, 298, 319, 321, 323),  # keys, kernel programs, memory files
            *NEW_ON_BOTH,
        ),
    ),
    "aarch64": Machine(
        architecture=0xC00000B7,
        open=None,
        openat=56,
        clone=220,
        absent=(435, 437),
        forbidden=(
            *(198, 199, 200, 201, 202, 203, 206, 211, 242),
            *(221, 281),
            *(117, 129, 130, 138, 154, 157, 240, 261, 270, 271),
            *(33, 34, 35, 36, 37, 38, 45, 46, 47, 276),
            *(5, 6, 7, 52, 53, 54, 55),
            *(39, 40, 41, 51, 97, 268),
            *(217, 218, 219, 241, 279, 280, 282),
            *NEW_ON_BOTH,
        ),
    ),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def install_filter(library: ctypes.CDLL) -> bool:
    """
    Forbid the calls for this process, for good, and return whether the kernel does.

    ``PR_SET_NO_NEW_PRIVS`` must be set before.
    """
    machine = MACHINES.get(os.uname().machine)
    if machine is None:
        return False
    instructions = b"".join(_instructions(machine))
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    program = _Program(len(instructions) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    return bool(library.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0)


def _instructions(machine: Machine) -> Iterator[bytes]:
    """Yield the filter: each test jumps over the answer that follows it, or falls into it."""
    yield _instruction(LOAD, ARCHITECTURE)
    yield _instruction(JUMP_EQUAL, machine.architecture, yes=1)
    yield _instruction(RETURN, KILL)
    yield _instruction(LOAD, NUMBER)
    yield from _answer_if(JUMP_LEAST, X32_BIT, FAIL | errno.EPERM)
    for number in machine.absent:
        yield from _answer_if(JUMP_EQUAL, number, FAIL | errno.ENOSYS)
    for number in machine.forbidden:
        yield from _answer_if(JUMP_EQUAL, number, FAIL | errno.EPERM)
    yield from _threads_alone(machine.clone)
    if machine.open is not None:
        yield from _no_writing(machine.open, SECOND_ARGUMENT)
    yield from _no_writing(machine.openat, THIRD_ARGUMENT)
    yield _instruction(RETURN, ALLOW)


def _answer_if(test: int, value: int, answer: int) -> Iterator[bytes]:
    yield _instruction(test, value, no=1)
    yield _instruction(RETURN, answer)


def _threads_alone(number: int) -> Iterator[bytes]:
    """Yield the answer to the call *number*, which makes a thread or a process: only threads are allowed."""
    yield _instruction(JUMP_EQUAL, number, no=4)
    yield _instruction(LOAD, FIRST_ARGUMENT)
    yield _instruction(JUMP_ANY_BIT, CLONE_THREAD, yes=1)
    yield _instruction(RETURN, FAIL | errno.EPERM)
    yield _instruction(RETURN, ALLOW)


def _no_writing(number: int, flags: int) -> Iterator[bytes]:
    """Yield the answer to the call *number*, whose flags are at *flags*: only reading is allowed."""
    yield _instruction(JUMP_EQUAL, number, no=4)
    yield _instruction(LOAD, flags)
    yield from _answer_if(JUMP_ANY_BIT, WRITING, FAIL | errno.EPERM)
    yield _instruction(RETURN, ALLOW)


def _instruction(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    """Return one ``struct sock_filter``; *yes* and *no* say how many instructions to jump over."""
    return struct.pack("<HBBI", code, yes, no, value)
