"""
Allows the system calls that reading a file needs, and no other (seccomp(2), classic BPF).

Allowed are memory, reading files, waiting, threads, and writing to open descriptors: the pipe of the
answer. So there are no sockets, processes, programs, signals to others, shared memory, tracing, mounts, keys,
and no file is opened for writing. Threads may be started: the decoder of telephones' photos (libde265) needs
one. Any other call fails with EPERM, one of a later kernel as well.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

PR_SET_NAME, PR_GET_NAME, PR_GET_SECCOMP, PR_SET_SECCOMP = 15, 16, 21, 22
SECCOMP_MODE_FILTER: Final = 2
LOAD, JUMP_EQUAL, JUMP_ANY_BIT, JUMP_LEAST, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
ALLOW, FAIL, KILL = 0x7FFF0000, 0x00050000, 0x80000000
NUMBER, ARCHITECTURE, FIRST_ARGUMENT, SECOND_ARGUMENT, THIRD_ARGUMENT = 0, 4, 16, 24, 32
"""Offsets in ``struct seccomp_data``; the lower half of an argument, on a little-endian machine."""
WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
CLONE_THREAD: Final = 0x10000
X32_BIT: Final = 0x40000000
"""The same calls under other numbers; none of our programs uses them."""
ABSENT: Final = (435, 437)
"""clone3, openat2: answered as if the kernel were older. The C library then takes calls that can be seen."""
FCNTL: Final = (0, 1, 2, 3, 4, 1030)
"""Copies of descriptors and their flags; not the receiver of signals, leases or locks."""
IOCTL: Final = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""Whether it is a terminal, how much can be read, blocking, closing at exec."""
PRCTL: Final = (PR_SET_NAME, PR_GET_NAME, PR_GET_SECCOMP)


@dataclass(frozen=True, slots=True)
class Machine:
    """The numbers of one kind of machine (the kernel's ``unistd.h``)."""

    architecture: int
    openat: int
    clone: int
    fcntl: int
    ioctl: int
    prctl: int
    calls: frozenset[int]
    """Allowed with any argument."""
    open: int | None = None


def _table(named: str) -> frozenset[int]:
    """Return the numbers in *named*: each call's name and number, as the kernel's header has them."""
    return frozenset(int(entry.split()[1]) for entry in named.split(","))


MACHINES: Final = {
    "x86_64": Machine(
        architecture=0xC000003E,
        open=2,
        openat=257,
        clone=56,
        fcntl=72,
        ioctl=16,
        prctl=157,
        calls=_table(
            "mmap 9, mprotect 10, munmap 11, brk 12, mremap 25, mincore 27, madvise 28, membarrier 324, "
            "read 0, pread64 17, readv 19, preadv 295, preadv2 327, write 1, writev 20, close 3, lseek 8, "
            "dup 32, dup2 33, dup3 292, pipe2 293, stat 4, fstat 5, lstat 6, newfstatat 262, statx 332, "
            "access 21, faccessat 269, faccessat2 439, readlink 89, readlinkat 267, getcwd 79, "
            "getdents64 217, poll 7, ppoll 271, select 23, pselect6 270, futex 202, set_robust_list 273, "
            "get_robust_list 274, rseq 334, arch_prctl 158, set_tid_address 218, sched_yield 24, "
            "sched_getaffinity 204, sched_getparam 143, sched_getscheduler 145, "
            "sched_get_priority_max 146, sched_get_priority_min 147, getpriority 140, getcpu 309, "
            "nanosleep 35, clock_nanosleep 230, clock_gettime 228, clock_getres 229, gettimeofday 96, "
            "time 201, times 100, getrandom 318, uname 63, sysinfo 99, getrusage 98, getrlimit 97, "
            "getpid 39, getppid 110, gettid 186, getuid 102, geteuid 107, getgid 104, getegid 108, "
            "rt_sigaction 13, rt_sigprocmask 14, rt_sigreturn 15, rt_sigpending 127, sigaltstack 131, "
            "restart_syscall 219, exit 60, exit_group 231"
        ),
    ),
    "aarch64": Machine(
        architecture=0xC00000B7,
        openat=56,
        clone=220,
        fcntl=25,
        ioctl=29,
        prctl=167,
        calls=_table(
            "mmap 222, mprotect 226, munmap 215, brk 214, mremap 216, mincore 232, madvise 233, "
            "membarrier 283, read 63, pread64 67, readv 65, preadv 69, preadv2 286, write 64, writev 66, "
            "close 57, lseek 62, dup 23, dup3 24, pipe2 59, fstat 80, newfstatat 79, statx 291, "
            "faccessat 48, faccessat2 439, readlinkat 78, getcwd 17, getdents64 61, ppoll 73, pselect6 72, "
            "futex 98, set_robust_list 99, get_robust_list 100, rseq 293, set_tid_address 96, "
            "sched_yield 124, sched_getaffinity 123, sched_getparam 121, sched_getscheduler 120, "
            "sched_get_priority_max 125, sched_get_priority_min 126, getpriority 141, getcpu 168, "
            "nanosleep 101, clock_nanosleep 115, clock_gettime 113, clock_getres 114, gettimeofday 169, "
            "times 153, getrandom 278, uname 160, sysinfo 179, getrusage 165, getrlimit 163, getpid 172, "
            "getppid 173, gettid 178, getuid 174, geteuid 175, getgid 176, getegid 177, rt_sigaction 134, "
            "rt_sigprocmask 135, rt_sigreturn 139, rt_sigpending 136, sigaltstack 132, "
            "restart_syscall 128, exit 93, exit_group 94"
        ),
    ),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def install_filter(library: ctypes.CDLL) -> bool:
    """Allow this process its calls alone, for good; return whether that holds. Needs PR_SET_NO_NEW_PRIVS."""
    machine = MACHINES.get(os.uname().machine)
    if machine is None:
        return False
    instructions = b"".join(_instructions(machine))
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    program = _Program(len(instructions) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    return bool(library.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0)


def is_filtered(library: ctypes.CDLL) -> bool:
    """Return whether a filter holds for this process."""
    return bool(library.prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER)


def _instructions(machine: Machine) -> Iterator[bytes]:
    """Yield the filter: each test jumps over the answer that follows it, or falls into it."""
    yield _instruction(LOAD, ARCHITECTURE)
    yield _instruction(JUMP_EQUAL, machine.architecture, yes=1)
    yield _instruction(RETURN, KILL)
    yield _instruction(LOAD, NUMBER)
    yield from _answer_if(JUMP_LEAST, X32_BIT, FAIL | errno.EPERM)
    for number in sorted(machine.calls):
        yield from _answer_if(JUMP_EQUAL, number, ALLOW)
    for number in ABSENT:
        yield from _answer_if(JUMP_EQUAL, number, FAIL | errno.ENOSYS)
    if machine.open is not None:
        yield from _unless_writing(machine.open, SECOND_ARGUMENT)
    yield from _unless_writing(machine.openat, THIRD_ARGUMENT)
    yield from _only_with(machine.fcntl, SECOND_ARGUMENT, FCNTL)
    yield from _only_with(machine.ioctl, SECOND_ARGUMENT, IOCTL)
    yield from _only_with(machine.prctl, FIRST_ARGUMENT, PRCTL)
    yield from _threads_alone(machine.clone)
    yield _instruction(RETURN, FAIL | errno.EPERM)


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


def _unless_writing(number: int, flags: int) -> Iterator[bytes]:
    """Yield the answer to the call *number*, with flags at *flags*: only reading is allowed."""
    yield _instruction(JUMP_EQUAL, number, no=4)
    yield _instruction(LOAD, flags)
    yield from _answer_if(JUMP_ANY_BIT, WRITING, FAIL | errno.EPERM)
    yield _instruction(RETURN, ALLOW)


def _only_with(number: int, argument: int, values: tuple[int, ...]) -> Iterator[bytes]:
    """Yield the answer to the call *number*: allowed where the argument at *argument* is one of *values*."""
    yield _instruction(JUMP_EQUAL, number, no=2 * len(values) + 2)
    yield _instruction(LOAD, argument)
    for value in values:
        yield from _answer_if(JUMP_EQUAL, value, ALLOW)
    yield _instruction(RETURN, FAIL | errno.EPERM)


def _instruction(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    """Return one ``struct sock_filter``; *yes* and *no* say how many instructions to jump over."""
    return struct.pack("<HBBI", code, yes, no, value)
