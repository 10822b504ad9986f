"""
Mutated files go through the real worker, confined as in production: each is answered, and leaves nothing.

Drawing a file meets the same decoders as reading it, in the same kind of process, and takes a hundredth of
the time; so hundreds are drawn, and some are read whole. ``make campaign`` draws ten times as many.
"""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pikepdf
import pytest
import pytest_asyncio

from services.verifier.documents.results import Check, CheckResult
from services.verifier.documents.sandbox import DocumentWorker, FilePreview, Worker
from services.verifier.documents.worker.frames import WorkerTask
from tests import hostile
from tests.extent import extent
from tests.integration.documents.test_files_fuzz import SEEDS, mutants

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(extent(300, 1200))]

DRAWN, READ = extent((1, 2), (12, 16))
"""Throws of the dice, each for a hundred mutants that are drawn; mutants of a file that are read whole."""
MOST_GROWTH_KB = 100_000


def small_pages(pdf: pikepdf.Pdf) -> None:
    """Show a part of the letter: less to draw, and the same to decode."""
    pdf.pages[0].cropbox = pikepdf.Array([50, 660, 250, 780])


FILES = SEEDS | {
    "pdf": hostile.changed_pdf(small_pages),
    "pdf by hand": hostile.one_page(
        b"/Annots[<</Subtype/Link/A<</S/URI/URI(https://example.org)>>>>]", b"0 0 200 120"
    ),
}


@pytest_asyncio.fixture(scope="module")
async def examiner() -> AsyncIterator[DocumentWorker]:
    async with DocumentWorker() as examiner:
        await examiner.start()
        yield examiner


@dataclass(frozen=True, slots=True)
class Footprint:
    """What service and worker hold."""

    worker: int
    processes: int
    """Children of the worker, the dead that nobody waited for included."""
    files: int
    """Open in this process. A worker may open few: one file each time, and it would soon read nothing."""
    left: tuple[str, ...]
    """Files in the worker's folder."""
    memory_kb: tuple[int, int]

    @classmethod
    def of(cls, examiner: DocumentWorker) -> Self:
        worker = running(examiner)
        pid = worker.process.pid
        return cls(
            worker=pid,
            processes=sum(parent == pid for parent in parents()),
            files=sum(1 for _ in Path("/proc/self/fd").iterdir()),
            left=tuple(sorted(str(path) for path in worker.folder.rglob("*"))),
            memory_kb=(resident_kb("self"), resident_kb(pid)),
        )

    def has_not_grown_since(self, before: Self) -> bool:
        """Return whether this is the same worker as *before*, with nothing more and hardly more memory."""
        growth = (after - was for after, was in zip(self.memory_kb, before.memory_kb, strict=True))
        same = (self.worker, self.processes, self.left) == (before.worker, 0, ())
        return same and self.files <= before.files and max(growth) < MOST_GROWTH_KB


def running(examiner: DocumentWorker) -> Worker:
    assert examiner._worker is not None
    return examiner._worker


def parents() -> Iterator[int]:
    """Yield the parent of each process there is (proc(5))."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            yield int(status.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue


def resident_kb(pid: int | str) -> int:
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") // 1024


def settled(shown: FilePreview) -> bool:
    """Return whether there are pages, or one reason why not."""
    return bool(shown.pages) != (len(refusals(shown.known.checks)) == 1)


def refusals(checks: tuple[Check, ...]) -> list[str]:
    """Return why a file is not taken."""
    doubtful = (CheckResult.FAIL, CheckResult.INCONCLUSIVE)
    return [
        reason
        for check in checks
        if check.name == "file"
        if check.result in doubtful
        for reason in check.reasons
    ]


@pytest.mark.parametrize("name", FILES)
async def test_damaged_files_are_drawn_or_refused_and_leave_nothing(
    examiner: DocumentWorker, name: str
) -> None:
    await examiner.show(FILES[name], "")
    before = Footprint.of(examiner)

    for seed in range(DRAWN):
        for mutant in mutants(FILES[name], seed):
            assert settled(await examiner.show(mutant, ""))

    assert Footprint.of(examiner).has_not_grown_since(before)
    assert (await examiner.show(FILES[name], "")).pages


@pytest.mark.parametrize("name", FILES)
async def test_damaged_files_are_read_or_refused_and_leave_nothing(
    examiner: DocumentWorker, name: str
) -> None:
    before = Footprint.of(examiner)

    for mutant in itertools.islice(mutants(FILES[name], DRAWN), READ):
        reading = await examiner.examine(mutant, "", WorkerTask.ADDRESS)
        assert bool(reading.pages) != (len(refusals(reading.checks)) == 1)

    assert Footprint.of(examiner).has_not_grown_since(before)


async def test_the_worker_still_reads_a_good_file(examiner: DocumentWorker) -> None:
    letter = await examiner.examine(hostile.bill_pdf(), "application/pdf", WorkerTask.ADDRESS)

    assert "Ms Ada Example" in {line.text for line in letter.lines}


async def test_files_that_come_together_do_not_mix(examiner: DocumentWorker) -> None:
    sizes = [(40 + number, 60) for number in range(12)]
    files = [hostile.encoded(hostile.drawing(*size), "PNG") for size in sizes]

    shown = await asyncio.gather(*(examiner.show(content, "image/png") for content in files))

    assert [(page.width, page.height) for one in shown for page in one.pages] == sizes
