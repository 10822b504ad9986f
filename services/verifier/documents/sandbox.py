"""
Reads and draws files in a process that may crash, hang or be taken over without harm to the service.

The worker (``worker``) gets the file over a pipe and answers with a reading, or with pixels; nothing is
written to disk, its environment is empty, its limits are the kernel's. Its answer is data like any
other: measured, validated, never trusted to be true.
"""

import asyncio
import contextlib
import json
import os
import shlex
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self, TypeVar

from pydantic import ValidationError

from services.verifier.documents.results import (
    FILE,
    UNAVAILABLE,
    Check,
    DocumentReading,
    FileFlaw,
    PageFacts,
    refused,
)
from services.verifier.documents.worker.frames import (
    BYTES_PER_PIXEL,
    FAILED,
    LENGTH_BYTES,
    LONGEST_SHOWN,
    MOST_ANSWER_BYTES,
    MOST_SHOWN,
    REFUSED,
    Request,
    WorkerTask,
    pack,
)
from shared.contract.events import MOST_DOCUMENT_BYTES
from shared.errors import ConfigurationError
from shared.runtime import IMPORT_ROOT
from shared.runtime.log import logger

T = TypeVar("T")

COMMAND: Final = (sys.executable, "-P", "-s", "-B", "-m", f"{__package__}.worker")
ONE_THREAD: Final = dict.fromkeys(("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS"), "1")
KEPT_MEMORY: Final = dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), str(1 << 30))
"""Memory is kept between the steps of a model, not given back to the kernel: a sixth of the time less."""
NEEDED: Final = (
    "the machine must be x86_64 or aarch64 with Linux 5.13 or newer, Landlock among its security modules, "
    "and the container must permit landlock_restrict_self and seccomp"
)
"""Without it no document is read; staff looks at each."""
GRACE: Final = timedelta(seconds=5)
"""The time that the worker gets to end a file's process itself, before it is ended with it."""


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """The limits of reading one file."""

    memory_bytes: int = 2 << 30
    """Address space, 0.7 GB of it for the models."""
    cpu: timedelta = timedelta(seconds=45)
    wall: timedelta = timedelta(seconds=120)
    start: timedelta = timedelta(seconds=60)


class WorkerLostError(Exception):
    """The worker ended, or said something that is no answer."""


class ReaderUnavailableError(ConfigurationError):
    """The worker does not start; the message has the reason."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that is ready."""

    process: Process
    folder: Path
    granted: Mapping[str, object]
    """The confinement that the kernel granted it: see ``worker.confinement``."""


@dataclass(frozen=True, slots=True)
class PagePixels:
    """A page as it looks: pixels and nothing else, each a byte of red, of green and of blue."""

    width: int
    height: int
    pixels: bytes


@dataclass(frozen=True, slots=True)
class FilePreview:
    """The look of a file; without pages if it could not be opened safely."""

    known: PageFacts
    pages: tuple[PagePixels, ...] = ()


class DocumentWorker:
    """Keeps one worker warm and gives it one file at a time; a lost one is replaced with the next file."""

    def __init__(
        self,
        limits: WorkerLimits | None = None,
        *,
        command: Sequence[str] = COMMAND,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._limits = limits or WorkerLimits()
        times = (str(max(1, round(limit.total_seconds()))) for limit in (self._limits.cpu, self._limits.wall))
        self._words = (*command, str(self._limits.memory_bytes), *times)
        self._environment = environment
        self._turn = asyncio.Lock()
        self._worker: Worker | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def granted(self) -> Mapping[str, object]:
        """The confinement that the kernel granted the running worker; nothing if none is running."""
        return self._worker.granted if self._worker is not None else {}

    async def start(self) -> None:
        """Load the models now rather than with the first file."""
        async with self._turn:
            await self._ready()

    async def close(self) -> None:
        """End the worker."""
        async with self._turn:
            await self._discard()

    async def examine(
        self, content: bytes, media_type: str, slot: WorkerTask = WorkerTask.IDENTITY
    ) -> DocumentReading:
        """Return the reading of a file that is to prove *slot*; if it could not be read, a check says so."""
        if len(content) > MOST_DOCUMENT_BYTES:
            return DocumentReading(checks=(refused(FileFlaw.TOO_LARGE),))
        reading = await self._answer(Request(content, media_type, slot), DocumentReading.model_validate_json)
        return DocumentReading(checks=(reading,)) if isinstance(reading, Check) else reading

    async def show(self, content: bytes, media_type: str) -> FilePreview:
        """Return a preview of a file's first pages; where it cannot be opened safely, a check says so."""
        if len(content) > MOST_DOCUMENT_BYTES:
            return FilePreview(PageFacts(checks=(refused(FileFlaw.TOO_LARGE),)))
        shown = await self._answer(Request(content, media_type, WorkerTask.SHOW), _shown)
        return FilePreview(PageFacts(checks=(shown,))) if isinstance(shown, Check) else shown

    async def _answer(self, request: Request, understand: Callable[[bytes], T]) -> T | Check:
        """Return the worker's answer as *understand* takes it; where none came, the check that says why."""
        async with self._turn:
            try:
                worker = await self._ready()
                async with asyncio.timeout((self._limits.wall + GRACE).total_seconds()):
                    most = MOST_ANSWER_BYTES[request.task]
                    answer = await _exchange(worker.process, pack(request), most)
                # Without an answer only the process that had this file in hand died: the worker is fine.
                return understand(answer) if answer else _UNREAD
            except ReaderUnavailableError as error:
                logger().error("documents are not read", reason=str(error))
                return Check.unsure(FILE, UNAVAILABLE)
            except (OSError, TimeoutError, WorkerLostError, ValidationError):
                await self._discard()
                return _UNREAD
            except asyncio.CancelledError:
                await self._discard()  # its answer would be taken for that to the next file
                raise

    async def _ready(self) -> Worker:
        """Return a worker that waits for a file."""
        if self._worker is not None and self._worker.process.returncode is not None:
            await self._discard()
        if self._worker is None:
            self._worker = await self._begin()
        return self._worker

    async def _begin(self) -> Worker:
        """Start a worker. Raises ReaderUnavailableError if none starts."""
        folder = Path(tempfile.mkdtemp(prefix="habeas-"))
        try:
            process = await self._launched(folder)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise ReaderUnavailableError(f"{self._words[0]}: {error.strerror}") from None
        try:
            return Worker(process, folder, await self._granted_to(process))
        except BaseException:
            await _end(process, folder)
            raise

    async def _launched(self, folder: Path) -> Process:
        return await asyncio.create_subprocess_exec(
            *self._words,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,  # complaints of decoders quote the file
            cwd=folder,
            env=_environment(folder) | dict(self._environment),
            start_new_session=True,
        )

    async def _granted_to(self, process: Process) -> Mapping[str, object]:
        """Return the confinement of *process* once it is ready."""
        seconds = self._limits.start.total_seconds()
        try:
            async with asyncio.timeout(seconds):
                granted = json.loads(await _next(process, MOST_ANSWER_BYTES[WorkerTask.IDENTITY]))
        except TimeoutError:
            raise ReaderUnavailableError(f"not ready within {seconds:g} seconds") from None
        except (WorkerLostError, ValueError):
            by_hand = f"PYTHONPATH={IMPORT_ROOT} {shlex.join(self._words)}"
            raise ReaderUnavailableError(f"it ended at its start; its error: {by_hand}") from None
        return _confined(granted)

    async def _discard(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await _end(worker.process, worker.folder)


_UNREAD: Final = Check.unsure(FILE, FileFlaw.DECODE_LIMIT.value)
"""The check of a file after its reader died or ran out of memory or time."""


def _confined(granted: Mapping[str, object]) -> Mapping[str, object]:
    """Return what the kernel *granted*. Raises ReaderUnavailableError if the worker has not started."""
    if REFUSED in granted:
        raise ReaderUnavailableError(f"{granted[REFUSED]}; {NEEDED}")
    if FAILED in granted:
        raise ReaderUnavailableError(str(granted[FAILED]))
    return granted


def _shown(answer: bytes) -> FilePreview:
    """
    Return the pages in *answer*.

    Raises WorkerLostError if it is not as many pixels as it says, or more than are asked for.
    """
    begin = LENGTH_BYTES + int.from_bytes(answer[:LENGTH_BYTES], "big")
    known = PageFacts.model_validate_json(answer[LENGTH_BYTES:begin])
    pixels = sum(width * height for width, height in known.sizes)
    asked_for = len(known.sizes) <= MOST_SHOWN and max(map(max, known.sizes), default=0) <= LONGEST_SHOWN
    if not asked_for or begin + pixels * BYTES_PER_PIXEL != len(answer):
        raise WorkerLostError("no pages")
    drawn = BytesIO(answer[begin:])
    pages = (PagePixels(*size, drawn.read(size[0] * size[1] * BYTES_PER_PIXEL)) for size in known.sizes)
    return FilePreview(known, tuple(pages))


def _environment(folder: Path) -> dict[str, str]:
    """Return the environment of a worker: the place of our code, and nothing of ours."""
    places = {"PYTHONPATH": str(IMPORT_ROOT), "HOME": str(folder), "TMPDIR": str(folder)}
    return {"PATH": os.defpath, "LANG": "C.UTF-8"} | places | ONE_THREAD | KEPT_MEMORY


async def _exchange(process: Process, request: bytes, most: int) -> bytes:
    """Return the answer of at most *most* bytes; it is read while *request* is written: pipes fill up."""
    assert process.stdin is not None  # noqa: S101 - the process was started with pipes
    process.stdin.write(request)
    _, answer = await asyncio.gather(process.stdin.drain(), _next(process, most))
    return answer


async def _next(process: Process, most: int) -> bytes:
    assert process.stdout is not None  # noqa: S101 - same
    try:
        size = int.from_bytes(await process.stdout.readexactly(LENGTH_BYTES), "big")
        if size > most:
            raise WorkerLostError("an answer that is too long")
        return await process.stdout.readexactly(size)
    except asyncio.IncompleteReadError as error:
        raise WorkerLostError("no answer") from error


async def _end(process: Process, folder: Path) -> None:
    """End *process* and all its children, at once: there is nothing in it to be saved."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    shutil.rmtree(folder, ignore_errors=True)
