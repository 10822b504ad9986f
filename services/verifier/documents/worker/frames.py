"""
The messages of the service and its worker over a pipe: lengths before contents.

Nothing is imported here but the standard library: both sides do, and the service loads no decoder.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Final

LENGTH_BYTES: Final = 4
MOST_SHOWN: Final = 3
LONGEST_SHOWN: Final = 2_400
"""Pixels of the longer side of a page that is shown."""
REFUSED: Final = "refused"
"""Names why the kernel does not confine a worker, in the place of the granted confinement."""
FAILED: Final = "failed"
"""Names the error at the start of a worker, in the same place: it has seen no file yet."""
BYTES_PER_PIXEL: Final = 3
"""Red, green, blue."""


class WorkerTask(StrEnum):
    """The task for a file: the claim that it is to prove, or to draw it."""

    IDENTITY = "identity"
    ADDRESS = "address"
    SHOW = "show"


MOST_ANSWER_BYTES: Final = {
    WorkerTask.IDENTITY: 4_000_000,
    WorkerTask.ADDRESS: 4_000_000,
    WorkerTask.SHOW: MOST_SHOWN * LONGEST_SHOWN**2 * BYTES_PER_PIXEL + 10_000,
}


@dataclass(frozen=True, slots=True)
class Request:
    """A file, and its task."""

    content: bytes
    media_type: str
    task: WorkerTask


def frame(content: bytes) -> bytes:
    """Return *content* with its length before it."""
    return len(content).to_bytes(LENGTH_BYTES, "big") + content


def pack(request: Request) -> bytes:
    """Return *request* as it is sent: the facts about the file, then the file."""
    about = {"media_type": request.media_type, "task": request.task}
    return frame(json.dumps(about).encode()) + frame(request.content)


def receive(source: BinaryIO) -> Request | None:
    """Return the next request from *source*; none when there are no more."""
    about, content = _next(source), _next(source)
    if about is None or content is None:
        return None
    fields = json.loads(about)
    return Request(content, fields["media_type"], WorkerTask(fields["task"]))


def _next(source: BinaryIO) -> bytes | None:
    length = source.read(LENGTH_BYTES)
    if len(length) < LENGTH_BYTES:
        return None
    size = int.from_bytes(length, "big")
    content = source.read(size)
    return content if len(content) == size else None
