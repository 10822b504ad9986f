"""A worker whose readers are in an attacker's hands: what it is sent says what it does."""

import ctypes
import errno
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from services.verifier.documents.results import DocumentReading, PageFacts
from services.verifier.documents.worker.confinement import Bounds
from services.verifier.documents.worker.fork_server import Examine, serve
from services.verifier.documents.worker.frames import LONGEST_SHOWN, MOST_SHOWN, Request, WorkerTask, frame


def allocate() -> None:
    memory = [bytearray(50_000_000) for _ in range(100)]
    os._exit(len(memory))


def loop() -> None:
    while True:
        pass


def ignore_signals() -> None:
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    signal.alarm(0)
    loop()


def sleep() -> None:
    time.sleep(3600)


def sleep_without_alarm() -> None:
    signal.alarm(0)
    time.sleep(3600)


def crash() -> None:
    ctypes.string_at(0)


def leave() -> None:
    os._exit(0)


def open_socket() -> None:
    socket.socket().connect(("127.0.0.1", 9))


def write_file() -> None:
    pathlib.Path("proof.jpg").write_bytes(b"proof")


def write_elsewhere() -> None:
    pathlib.Path("/tmp/habeas-proof.jpg").touch()  # noqa: S108 - an attacker's choice


def start_process() -> None:
    subprocess.run(["/bin/true"], check=True)


def fork() -> None:
    if os.fork() == 0:
        time.sleep(3600)


def swarm() -> None:
    threading.stack_size(32_768)
    try:
        for _ in range(5_000):
            threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, "no more threads") from error


def end_parent() -> None:
    os.kill(os.getppid(), signal.SIGKILL)


def escape_group() -> None:
    os.setsid()


ATTACKS: dict[str, Callable[[], None]] = {
    attack.__name__: attack
    for attack in (
        allocate,
        loop,
        ignore_signals,
        sleep,
        sleep_without_alarm,
        crash,
        leave,
        open_socket,
        write_file,
        write_elsewhere,
        start_process,
        fork,
        swarm,
        end_parent,
        escape_group,
    )
}


PICTURES: dict[str, tuple[tuple[tuple[int, int], ...], int]] = {
    "true": (((3, 2), (1, 1)), 21),
    "too few": (((3, 2),), 17),
    "too many": (((3, 2),), 19),
    "pages": (((1, 1),) * (MOST_SHOWN + 1), 3 * (MOST_SHOWN + 1)),
    "wide": (((LONGEST_SHOWN + 1, 1),), 3 * (LONGEST_SHOWN + 1)),
}
"""Sizes of pages that are announced, and bytes of pixels that follow."""


def draw(content: str) -> bytes:
    sizes, pixels = PICTURES[content]
    known = PageFacts(pages=len(sizes), sizes=sizes)
    return frame(known.model_dump_json().encode()) + bytes(index % 256 for index in range(pixels))


def load() -> Examine:
    return answer


def answer(request: Request) -> bytes:
    """Do what the file says; the reading tells whether the kernel allowed it."""
    content = request.content.decode("latin-1")
    if request.task is WorkerTask.SHOW and content in PICTURES:
        return draw(content)
    if content == "environment":
        return DocumentReading(media_type=" ".join(sorted(os.environ))).model_dump_json().encode()
    if content == "nonsense":
        return b"{}{"
    if content == "flood":
        return b" " * 5_000_000
    if content in ATTACKS:
        try:
            ATTACKS[content]()
        except OSError as error:
            return DocumentReading(media_type=f"refused {error.errno}").model_dump_json().encode()
        return DocumentReading(media_type="done").model_dump_json().encode()
    return DocumentReading(media_type=f"{request.task} {len(content)}").model_dump_json().encode()


if __name__ == "__main__":
    memory_bytes, cpu_seconds, wall_seconds = (int(argument) for argument in sys.argv[1:])
    serve(load, Bounds(memory_bytes, cpu_seconds, wall_seconds))
