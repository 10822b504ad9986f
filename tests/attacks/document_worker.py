"""A worker whose readers an attacker controls: what it is sent names the escape that it tries."""

import ctypes
import errno
import fcntl
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from services.verifier.documents.results import DocumentReading
from services.verifier.documents.worker.confinement import Bounds
from services.verifier.documents.worker.fork_server import Examine, serve
from services.verifier.documents.worker.frames import Request

LIBC = ctypes.CDLL(None, use_errno=True)
FCHMODAT2, AT_FDCWD = 452, -100
PTRACE_ATTACH, PTRACE_TRACEME = 16, 0
F_SETOWN, TIOCSTI, PR_SET_DUMPABLE = 8, 0x5412, 4
IPC_CREAT = 0o1000


def called(result: int) -> bytes:
    """Return that a call succeeded; raise its error otherwise."""
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return b"escaped"


def read(path: str) -> bytes:
    return Path(path).read_bytes() or b"escaped"


def list_folder(path: str) -> bytes:
    return " ".join(os.listdir(path)).encode() or b"escaped"  # noqa: PTH208


def write(path: str) -> bytes:
    return str(os.open(path, os.O_WRONLY)).encode()


def read_memory(pid: str) -> bytes:
    """Read a page of another process by process_vm_readv."""

    class Piece(ctypes.Structure):
        _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))

    page = ctypes.create_string_buffer(64)
    here = Piece(ctypes.cast(page, ctypes.c_void_p), 64)
    there = Piece(id(LIBC), 64)
    return called(LIBC.process_vm_readv(int(pid), ctypes.byref(here), 1, ctypes.byref(there), 1, 0))


def trace(pid: str) -> bytes:
    return called(LIBC.ptrace(PTRACE_ATTACH, int(pid), None, None))


def be_traced(_: str) -> bytes:
    return called(LIBC.ptrace(PTRACE_TRACEME, 0, None, None))


def end(pid: str) -> bytes:
    os.kill(int(pid), signal.SIGTERM)
    return b"escaped"


def connect(address: str) -> bytes:
    socket.create_connection(("127.0.0.1", int(address)), timeout=2)
    return b"escaped"


def connect_locally(path: str) -> bytes:
    socket.socket(socket.AF_UNIX).connect(path)
    return b"escaped"


def share_memory(_: str) -> bytes:
    return called(LIBC.shmget(0x4841, 4096, IPC_CREAT | 0o600))


def send_message(_: str) -> bytes:
    return called(LIBC.msgget(0x4841, IPC_CREAT | 0o600))


def make_semaphore(_: str) -> bytes:
    return called(LIBC.semget(0x4841, 1, IPC_CREAT | 0o600))


def change_mode(path: str) -> bytes:
    return called(LIBC.syscall(FCHMODAT2, AT_FDCWD, path.encode(), 0o777, 0))


def run(program: str) -> bytes:
    os.execv(program, [program])  # noqa: S606 - an attacker's choice


def fork(_: str) -> bytes:
    for _number in range(1000):
        if os.fork() == 0:
            os._exit(0)
    return b"escaped"


def make_memory_file(_: str) -> bytes:
    return str(os.memfd_create("program")).encode()


def be_signalled_for(pid: str) -> bytes:
    """Have the kernel signal another process when the pipe moves."""
    reading, _ = os.pipe()
    return called(fcntl.fcntl(reading, F_SETOWN, int(pid)))


def become_readable(_: str) -> bytes:
    return called(LIBC.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))


def mount(path: str) -> bytes:
    return called(LIBC.mount(b"none", path.encode(), b"tmpfs", 0, None))


def make_namespace(_: str) -> bytes:
    return called(LIBC.unshare(0x10000000))


def make_key(_: str) -> bytes:
    return called(LIBC.syscall(248, b"user", b"x", b"y", 1, -4))


def change_limits(pid: str) -> bytes:
    resource.prlimit(int(pid), resource.RLIMIT_NOFILE, (1, 1))
    return b"escaped"


def use_old_calls(_: str) -> bytes:
    """Make the calls of another architecture of the same processor (x32): the same under other numbers."""
    return called(LIBC.syscall(0x40000000 | 41, 2, 1, 0))


ESCAPES: dict[str, Callable[[str], bytes]] = {
    escape.__name__: escape
    for escape in (
        *(read, list_folder, write, read_memory, trace, be_traced, end, connect, connect_locally),
        *(share_memory, send_message, make_semaphore, change_mode, run, fork, make_memory_file),
        *(be_signalled_for, become_readable, mount, make_namespace, make_key, change_limits, use_old_calls),
    )
}


def sent_before_files(port: int) -> bytes:
    """Send a datagram from the process that loads the models, where no call is filtered yet."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outward:
            outward.sendto(b"reached", ("127.0.0.1", port))
    except OSError as error:
        return f"refused {errno.errorcode[error.errno or 0]}".encode()
    return b"escaped"


def load() -> Examine:
    outside = sent_before_files(int(os.environ["ATTACKED_PORT"])) if "ATTACKED_PORT" in os.environ else b""

    def answer(request: Request) -> bytes:
        name, _, argument = request.content.decode().partition(" ")
        if name == "sent_before_files":
            return _told(outside)
        if name == "loop":
            while True:
                pass
        try:
            return _told(ESCAPES[name](argument))
        except OSError as error:
            return _told(f"refused {errno.errorcode[error.errno or 0]}".encode())

    return answer


def _told(outcome: bytes) -> bytes:
    return DocumentReading(media_type=outcome.decode("latin-1")).model_dump_json().encode()


if __name__ == "__main__":
    memory_bytes, cpu_seconds, wall_seconds = (int(argument) for argument in sys.argv[1:])
    serve(load, Bounds(memory_bytes, cpu_seconds, wall_seconds))
