"""
Answers requests, each in a process of its own that is made by forking.

The parent loads the models once, and never looks into a file; the child reads one file and ends. So no file
meets the remains of an earlier one, memory cannot creep up, and a model costs its seconds only once.
"""

import ctypes
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Final, NoReturn

from services.verifier.documents.worker.confinement import Bounds, NotConfinedError, confine, seal
from services.verifier.documents.worker.frames import (
    FAILED,
    MOST_ANSWER_BYTES,
    REFUSED,
    Request,
    WorkerTask,
    frame,
    receive,
)
from services.verifier.documents.worker.seccomp import is_filtered
from shared.errors import ErrorNet

Examine = Callable[[Request], bytes]
DIED: Final = b""
"""The answer where there is none."""
NO_FILE: Final = Request(b"", "", WorkerTask.IDENTITY)
FILTERED: Final = b"filtered"


def serve(load: Callable[[], Examine], bounds: Bounds) -> None:
    """Answer the requests on standard input until it ends; *load* is called once this process is confined."""
    answers = os.dup(sys.stdout.fileno())
    with ErrorNet() as net:  # libraries raise any error while they are loaded
        examine, granted = _started(load, bounds, answers)
    if net.error is not None:
        _write(answers, frame(json.dumps(_explained(net.error)).encode()))
        return
    _write(answers, frame(json.dumps(granted | {"bounds": asdict(bounds)}).encode()))
    while (request := receive(sys.stdin.buffer)) is not None:
        _write(answers, frame(_in_a_child(examine, request, bounds, answers)))


def _started(load: Callable[[], Examine], bounds: Bounds, answers: int) -> tuple[Examine, dict[str, object]]:
    """Return the loaded reader, and the confinement that the kernel granted."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    granted = confine(bounds.memory_bytes)
    os.dup2(nowhere, sys.stdout.fileno())  # libraries print; nothing of it may look like an answer
    os.close(nowhere)
    examine = load()
    if _in_a_child(_reports_filter, NO_FILE, bounds, answers) != FILTERED:
        raise NotConfinedError("no filter of system calls")
    return examine, {**granted, "filtered_calls": True}


def _explained(error: Exception) -> dict[str, str]:
    """Return why this process reads no files, for the log of the service."""
    if isinstance(error, NotConfinedError):
        return {REFUSED: str(error)}
    return {FAILED: f"{type(error).__name__}: {error}"}


def _in_a_child(examine: Examine, request: Request, bounds: Bounds, answers: int) -> bytes:
    """Return the answer of *examine* to *request* in a new process; ``DIED`` where that ended otherwise."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.close(answers)
        _read_and_end(examine, request, bounds, writing)
    os.close(writing)
    most = MOST_ANSWER_BYTES[request.task]
    with open(reading, "rb") as pipe:  # noqa: PTH123 - a descriptor
        answer = pipe.read(most + 1)
    _, status = os.waitpid(child, 0)
    return answer if status == 0 and len(answer) <= most else DIED


def _read_and_end(examine: Examine, request: Request, bounds: Bounds, writing: int) -> NoReturn:
    """Write the answer and end, in any case: a child must never come back into the loop."""
    status = 1
    try:
        os.close(sys.stdin.fileno())
        seal(bounds)
        _write(writing, examine(request))
        status = 0
    finally:
        os._exit(status)


def _reports_filter(_: Request) -> bytes:
    """Return whether system calls are filtered; that it returns at all shows that forking works."""
    return FILTERED if is_filtered(ctypes.CDLL(None)) else b"not"


def _write(descriptor: int, content: bytes) -> None:
    waiting = memoryview(content)
    while waiting:
        waiting = waiting[os.write(descriptor, waiting) :]
