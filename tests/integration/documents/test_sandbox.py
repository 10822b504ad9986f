import asyncio
import errno
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pikepdf
import pytest
import pytest_asyncio

from services.verifier.documents import sandbox
from services.verifier.documents.results import Check, CheckResult, DocumentReading, reasons_of
from services.verifier.documents.sandbox import DocumentWorker, PagePixels, WorkerLimits
from services.verifier.documents.text import read_lines
from services.verifier.documents.worker.frames import WorkerTask
from shared.contract.events import MOST_DOCUMENT_BYTES
from tests import hostile
from tests.integration.pipeline import comes_true

HERE = Path(__file__).parent
ATTACKER = (sys.executable, "-P", "-s", "-B", str(HERE / "hostile_worker.py"))
SHORT = WorkerLimits(
    memory_bytes=1 << 30, cpu=timedelta(seconds=1), wall=timedelta(seconds=2), start=timedelta(seconds=90)
)
LONG = replace(SHORT, wall=timedelta(seconds=45))
"""For what shall be read, though the machine stands still for a while."""
FORBIDDEN = {f"refused {errno.EPERM}", f"refused {errno.EAGAIN}", f"refused {errno.EFBIG}"}


@pytest_asyncio.fixture
async def attacker() -> AsyncIterator[DocumentWorker]:
    async with DocumentWorker(LONG, command=ATTACKER) as examiner:
        yield examiner


@pytest_asyncio.fixture(scope="module")
async def examiner() -> AsyncIterator[DocumentWorker]:
    async with DocumentWorker() as examiner:
        await examiner.start()
        yield examiner


def lost(reading: DocumentReading) -> bool:
    """Return whether *reading* says that the file could not be read, and nothing else."""
    (check,) = reading.checks
    return (check.result, check.reasons) == (CheckResult.INCONCLUSIVE, ("file_decode_limit",))


def memory_kb() -> int:
    """Return how much memory this process holds."""
    return (
        int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        * os.sysconf("SC_PAGE_SIZE")
        // 1024
    )


async def test_worker_gets_the_purpose_of_the_file(attacker: DocumentWorker) -> None:
    assert (await attacker.examine(b"abc", "", WorkerTask.ADDRESS)).media_type == "address 3"
    largest = await attacker.examine(bytes(MOST_DOCUMENT_BYTES), "", WorkerTask.IDENTITY)
    assert largest.media_type == f"identity {MOST_DOCUMENT_BYTES}"


@pytest.fixture
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "GRACE", timedelta(seconds=1))


@pytest.mark.usefixtures("_short_grace")
@pytest.mark.parametrize(
    "attack",
    [
        *("allocate", "loop", "ignore_signals", "sleep", "sleep_without_alarm", "crash", "leave"),
        *("nonsense", "flood"),
    ],
)
async def test_a_worker_that_dies_or_overruns_costs_one_reading(attack: str) -> None:
    async with DocumentWorker(SHORT, command=ATTACKER) as attacker:
        assert lost(await attacker.examine(attack.encode(), ""))

        async def reads_the_next() -> bool:  # where the machine stands still for so long, one after it
            return (await attacker.examine(b"abc", "")).media_type == "identity 3"

        await comes_true(reads_the_next)


@pytest.mark.parametrize(
    "attack",
    [
        *(
            "open_socket",
            "write_file",
            "write_elsewhere",
            "start_process",
            "fork",
            "swarm",
            "end_parent",
            "escape_group",
        ),
    ],
)
async def test_a_worker_that_was_taken_over_can_do_nothing(attacker: DocumentWorker, attack: str) -> None:
    reading = await attacker.examine(attack.encode(), "")

    # A thread that has no memory left to begin with holds up who starts it, until the time is over.
    assert reading.media_type in FORBIDDEN or (attack == "swarm" and lost(reading))
    assert attacker.granted["filtered_calls"] is True


async def test_a_worker_knows_nothing_of_the_services_environment(
    attacker: DocumentWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HABEAS_MONGO_URL", "secret")

    names = (await attacker.examine(b"environment", "")).media_type.split()

    assert set(names) <= {
        *("HOME", "LANG", "LC_CTYPE", "PATH", "PYTHONPATH", "TMPDIR"),
        *("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS"),
        *("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"),
    }


@pytest.fixture
def _no_folder_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield
    assert list(tmp_path.iterdir()) == []


UNAVAILABLE = Check.unsure("file", "reader_unavailable")
SERVES = (
    "from services.verifier.documents.worker import confinement, fork_server\n"
    "def load():\n"
    "    import decoder_of_another_python\n"
    "fork_server.serve(load, confinement.Bounds(1 << 30, 1, 2))\n"
)


@pytest.mark.usefixtures("_no_folder_left")
@pytest.mark.parametrize(
    ("command", "logged"),
    [
        pytest.param(("/nonexistent",), "/nonexistent: No such file or directory", id="no interpreter"),
        pytest.param((sys.executable, "-c", "1 / 0"), "it ended at its start; its error: ", id="ends"),
        pytest.param((sys.executable, "-c", "print('ready')"), "it ended at its start; ", id="no answer"),
        pytest.param(
            (sys.executable, "-c", SERVES),
            "ModuleNotFoundError: No module named 'decoder_of_another_python'",
            id="lacks a library",
        ),
    ],
)
async def test_worker_that_cannot_start_is_logged_and_not_the_fault_of_the_file(
    command: tuple[str, ...], logged: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with DocumentWorker(SHORT, command=command) as examiner:
        reading = await examiner.examine(b"abc", "")
        shown = await examiner.show(b"abc", "")

    assert reading.checks == shown.known.checks == (UNAVAILABLE,)
    assert capsys.readouterr().out.count(logged) == 2


@pytest.mark.usefixtures("_no_folder_left")
async def test_worker_that_is_never_ready_is_ended_and_logged(capsys: pytest.CaptureFixture[str]) -> None:
    limits = replace(SHORT, start=timedelta(seconds=0.2))
    async with DocumentWorker(
        limits, command=(sys.executable, "-c", "import time; time.sleep(99)")
    ) as examiner:
        assert (await examiner.examine(b"abc", "")).checks == (UNAVAILABLE,)

    assert "not ready within 0.2 seconds" in capsys.readouterr().out


async def test_a_worker_that_died_between_files_is_replaced(attacker: DocumentWorker) -> None:
    await attacker.examine(b"abc", "")
    worker = attacker._worker
    assert worker is not None
    worker.process.kill()
    await worker.process.wait()

    assert (await attacker.examine(b"abc", "")).media_type == "identity 3"


async def test_abandoned_wait_leaves_no_answer_for_the_next(
    attacker: DocumentWorker,
) -> None:
    await attacker.examine(b"abc", "")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await attacker.examine(b"sleep", "")

    assert (await attacker.examine(b"abcdef", "")).media_type == "identity 6"


async def test_files_that_come_together_are_read_one_after_the_other(attacker: DocumentWorker) -> None:
    readings = await asyncio.gather(*(attacker.examine(bytes(size), "") for size in range(1, 9)))

    assert [reading.media_type for reading in readings] == [f"identity {size}" for size in range(1, 9)]


async def test_nothing_is_left_when_it_is_closed() -> None:
    async with DocumentWorker(LONG, command=ATTACKER) as examiner:
        await examiner.examine(b"abc", "")
        worker = examiner._worker
        assert worker is not None
        assert worker.folder.stat().st_mode & 0o077 == 0
        assert not any(worker.folder.iterdir())

    assert not worker.folder.exists()
    assert worker.process.returncode is not None
    with pytest.raises(ProcessLookupError):
        os.killpg(worker.process.pid, 0)


async def test_what_is_shown_is_pixels(attacker: DocumentWorker) -> None:
    shown = await attacker.show(b"true", "")

    assert shown.pages == (PagePixels(3, 2, bytes(range(18))), PagePixels(1, 1, bytes(range(18, 21))))


@pytest.mark.parametrize("lie", ["too few", "too many", "pages", "wide", "nonsense", "flood", "crash"])
async def test_an_answer_that_is_not_as_many_pixels_as_it_says_is_shown_to_nobody(
    attacker: DocumentWorker, lie: str
) -> None:
    shown = await attacker.show(lie.encode(), "")

    assert (shown.pages, reasons_of(shown.known.checks)) == ((), ("file_decode_limit",))
    assert (await attacker.show(b"true", "")).pages


async def test_a_file_that_cannot_be_opened_safely_is_not_shown(examiner: DocumentWorker) -> None:
    shown = await examiner.show(hostile.looping_pages(), "application/pdf")

    assert (shown.pages, reasons_of(shown.known.checks)) == ((), ("file_broken",))


async def test_what_is_shown_of_a_letter_is_what_it_looks_like(examiner: DocumentWorker) -> None:
    shown = await examiner.show(hostile.bill_pdf(), "application/pdf")

    [page] = shown.pages
    picture = np.frombuffer(page.pixels, np.uint8).reshape(page.height, page.width, 3)
    assert "12 Meadow Lane" in {line.text for line in read_lines(picture)}


async def test_of_a_long_letter_the_first_pages_are_shown_and_how_many_there_are(
    examiner: DocumentWorker,
) -> None:
    def repeat(pdf: pikepdf.Pdf) -> None:
        for _ in range(4):
            pdf.pages.append(pdf.pages[0])

    shown = await examiner.show(hostile.changed_pdf(repeat), "application/pdf")

    assert (shown.known.pages, len(shown.pages)) == (5, 3)


async def test_a_file_of_more_than_intake_takes_is_not_even_sent() -> None:
    async with DocumentWorker(SHORT, command=("/nonexistent",)) as examiner:
        reading = await examiner.examine(bytes(MOST_DOCUMENT_BYTES + 1), "image/jpeg")
        shown = await examiner.show(bytes(MOST_DOCUMENT_BYTES + 1), "image/jpeg")

    assert reasons_of(reading.checks) == reasons_of(shown.known.checks) == ("file_too_large",)


@pytest.mark.parametrize(
    ("make", "media_type", "reason"),
    [
        pytest.param(hostile.pixel_bomb, "image/png", "file_decode_limit", id="pixel bomb"),
        pytest.param(hostile.text_bomb, "image/png", "file_decode_limit", id="text bomb"),
        pytest.param(hostile.flate_bomb, "application/pdf", "file_decode_limit", id="flate bomb"),
        pytest.param(hostile.looping_pages, "application/pdf", "file_broken", id="endless page tree"),
        pytest.param(hostile.looping_pages, "image/png", "file_type_not_allowed", id="not as declared"),
    ],
)
async def test_a_bomb_does_not_reach_the_service(
    examiner: DocumentWorker, make: Callable[[], bytes], media_type: str, reason: str
) -> None:
    content = make()
    before = memory_kb()

    reading = await examiner.examine(content, media_type)

    assert reasons_of(reading.checks) == (reason,)
    assert memory_kb() - before < 5_000


async def test_the_real_worker_reads_a_letter_and_a_licence(examiner: DocumentWorker) -> None:
    payload = (
        b"@\n\x1e\rANSI 636035090002DL00410250ZI02910020DLDAQX1234567\nDCSEXAMPLE\nDACADA\nDBD03012024\n"
        b"DBB02291984\nDBA02282030\nDCGUSA\n\r"
    )

    letter = await examiner.examine(hostile.bill_pdf(), "application/pdf", WorkerTask.ADDRESS)
    card = await examiner.examine(hostile.encoded(hostile.barcode(payload), "PNG"), "image/png")

    assert "Ms Ada Example" in {line.text for line in letter.lines}
    assert card.licence is not None
    assert card.licence.number == "X1234567"


async def test_the_real_worker_reports_a_picture_without_a_zone(examiner: DocumentWorker) -> None:
    reading = await examiner.examine(hostile.encoded(hostile.drawing()), "image/jpeg")

    assert reading.zone is None
    assert "mrz_not_found" in reasons_of(reading.checks)


async def test_the_real_worker_opens_a_photo_as_telephones_make_it(examiner: DocumentWorker) -> None:
    """Its decoder starts a thread."""
    photo = hostile.encoded(hostile.drawing(), "HEIF")

    assert (await examiner.examine(photo, "image/heic")).pages == 1
    assert len((await examiner.show(photo, "image/heic")).pages) == 1


async def test_the_service_goes_on_while_a_file_is_read(examiner: DocumentWorker) -> None:
    works = []
    reading = asyncio.create_task(
        examiner.examine(hostile.bill_pdf(), "application/pdf", WorkerTask.IDENTITY)
    )
    while not reading.done():
        before = time.thread_time()
        await asyncio.sleep(0.005)
        works.append(time.thread_time() - before)

    assert len(works) > 20
    assert max(works) < 0.25, "processor time: another process may delay this one"
