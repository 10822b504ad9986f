"""The loop of workers: errors of any kind delay it and end nothing."""

import asyncio

import pytest
import uvloop
from structlog.testing import capture_logs

from shared.errors import StoreUnavailable, Unroutable
from shared.runtime.worker import WakeUp, until_one_ends, work_forever
from tests.waiting import eventually


async def logs_of(error: Exception, *, calls: int = 3) -> tuple[int, list[tuple[str, str]]]:
    """Let work fail with *error* until the last of *calls*; return the calls, and level and reason."""
    made, done = 0, asyncio.Event()

    async def work() -> bool:
        nonlocal made
        made += 1
        if made >= calls:
            done.set()
            return False
        raise error

    with capture_logs() as logs:
        task = asyncio.create_task(work_forever(work, service="intake", delayed="later", every_s=0.001))
        await asyncio.wait_for(done.wait(), 60)
        task.cancel()
    return made, [(entry["log_level"], entry["reason"]) for entry in logs if entry["event"] == "later"]


@pytest.mark.parametrize(
    ("error", "level", "reason"),
    [
        (StoreUnavailable("it does not answer"), "warning", "it does not answer"),
        (Unroutable("no queue takes it"), "error", "no queue takes it"),
        (RuntimeError("ada@example.org"), "error", "RuntimeError"),
    ],
)
async def test_work_is_repeated_after_an_error_which_quotes_no_foreign_words(
    error: Exception, level: str, reason: str
) -> None:
    made, logged = await logs_of(error)
    assert (made, logged) == (3, [(level, reason)] * 2)


async def test_work_that_found_something_is_repeated_at_once() -> None:
    left, done = [1, 2, 3], asyncio.Event()

    async def work() -> bool:
        if not left:
            done.set()
        return bool(left and left.pop())

    task = asyncio.create_task(work_forever(work, service="intake", delayed="later", every_s=3_600))
    await asyncio.wait_for(done.wait(), 60)
    task.cancel()
    assert not left


async def test_work_that_is_woken_is_repeated_before_its_pause_ends() -> None:
    wake, calls = WakeUp(), 0

    async def work() -> bool:
        nonlocal calls
        calls += 1
        return False

    task = asyncio.create_task(
        work_forever(work, service="intake", delayed="later", every_s=3_600, wake=wake)
    )
    await eventually(lambda: calls == 1)
    wake.within(0)
    await eventually(lambda: calls == 2)
    task.cancel()


async def test_wake_up_during_work_is_not_lost() -> None:
    wake, calls = WakeUp(), 0

    async def work() -> bool:
        nonlocal calls
        calls += 1
        if calls == 1:
            wake.within(0)
        return False

    task = asyncio.create_task(
        work_forever(work, service="intake", delayed="later", every_s=3_600, wake=wake)
    )
    await eventually(lambda: calls == 2)
    task.cancel()


@pytest.mark.slow
async def test_of_two_moments_the_earlier_one_wakes_and_the_other_is_dropped() -> None:
    for first, second in ((0.05, 0.2), (0.2, 0.05)):
        wake = WakeUp()
        wake.within(first)
        wake.within(second)
        assert await wake.pause(60)
        wake.clear()
        assert not await wake.pause(0.3)


async def test_pause_after_errors_grows_as_stated() -> None:
    pauses: list[int] = []
    done = asyncio.Event()

    def retry(errors: int) -> float:
        pauses.append(errors)
        if errors == 3:
            done.set()
        return 0.001

    async def work() -> None:
        raise StoreUnavailable("away")

    task = asyncio.create_task(
        work_forever(work, service="intake", delayed="later", every_s=3_600, retry_s=retry)
    )
    await asyncio.wait_for(done.wait(), 60)
    task.cancel()
    assert pauses[:3] == [1, 2, 3]


def test_moments_in_the_past_wake_a_loop_of_uvloop() -> None:
    """Its handle of such a moment does not state the moment."""

    async def woken() -> bool:
        wake = WakeUp()
        wake.within(-3_600)
        wake.within(-1)
        wake.within(600)
        return await wake.pause(60)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(woken())


async def test_error_of_one_work_ends_the_others_and_is_raised() -> None:
    cancelled = False

    async def lasts() -> None:
        nonlocal cancelled
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled = True
            raise

    async def fails() -> None:
        await asyncio.sleep(0)
        raise Unroutable("no queue takes it")

    with pytest.raises(Unroutable):
        await until_one_ends(lasts(), fails())
    assert cancelled
