"""Callbacks: an agent hears of every change of a request's status, as long as it takes."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from services.intake.cases.service import RequestService
from services.intake.channels.drp.service import DrpService
from services.intake.http import callbacks
from services.intake.http.callbacks import (
    AT_ONCE,
    AT_ONE_HOST,
    LEASE,
    MOST_TRIES,
    MOST_WAIT,
    Callback,
    CallbackProtocol,
)
from shared.contract.events import Outcome, RequestFulfilled
from shared.errors import BrokerUnavailable, Sealed, StoreUnavailable
from shared.law import Right
from tests.unit.agents import Calling, Watch, calling, desk_of, look
from tests.unit.fakes import Office

HERE = "https://one.agency.example/update_status"


@dataclass
class Called:
    """Agents that accept callbacks unless a test says otherwise."""

    takes: bool = True
    heard: list[tuple[str, str]] = field(default_factory=list)

    async def send(self, callback: Callback) -> bool:
        assert callback.headers == {"Content-Type": "application/json"}
        self.heard.append((callback.url, json.loads(callback.body)["status"]))
        return self.takes


@dataclass
class Stage:
    agent: Calling
    watch: Watch
    called: Called
    telling: CallbackProtocol

    @property
    def heard(self) -> list[str]:
        return [status for _, status in self.called.heard]

    async def after(self, by: timedelta) -> None:
        await self.agent.office.wait(by)
        await look(self.telling)

    async def answer(self, made: str) -> None:
        fulfilled = RequestFulfilled(
            request_id=made, right=Right.ERASURE, outcome=Outcome.GRANTED, answer="answer"
        )
        await self.agent.office.tell(fulfilled)


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    office = Office(trusted={"drp/AGENT_ONE"})
    desk = desk_of(office)
    async with calling(office, desk=desk) as agent:
        await agent.set_up()
        watch, called = Watch(), Called()
        desk.watch.watched = watch.watched  # type: ignore[attr-defined]
        yield Stage(agent, watch, called, CallbackProtocol(desk, watch, called, office.clock))


async def test_an_agent_hears_of_every_change_once_and_of_the_last_one_too(stage: Stage) -> None:
    made = (await stage.agent.exercise(status_callback=HERE)).json()["request_id"]
    await look(stage.telling)
    await stage.after(timedelta(seconds=2))
    await stage.after(timedelta(seconds=2))
    assert stage.called.heard == [(HERE, "open"), (HERE, "in_progress")]
    await stage.answer(made)
    await stage.after(timedelta(minutes=1))
    assert stage.heard == ["open", "in_progress", "fulfilled"]
    assert stage.watch.watched == {}
    await stage.after(timedelta(days=1))
    assert len(stage.heard) == 3


async def test_a_request_without_callback_address_gets_no_callback(stage: Stage) -> None:
    await stage.agent.made()
    assert stage.watch.watched == {}


async def test_a_failed_callback_is_retried_with_the_present_status(stage: Stage) -> None:
    stage.called.takes = False
    made = (await stage.agent.exercise(status_callback=HERE)).json()["request_id"]
    await look(stage.telling)
    await stage.answer(made)
    await stage.after(timedelta(seconds=2))
    stage.called.takes = True
    await stage.after(timedelta(seconds=4))
    assert stage.heard == ["open", "fulfilled", "fulfilled"]
    assert stage.watch.watched == {}


@pytest.mark.slow
async def test_a_failing_receiver_is_retried_daily_and_again_after_a_change(stage: Stage) -> None:
    stage.called.takes = False
    made = (await stage.agent.exercise(status_callback=HERE)).json()["request_id"]
    await stage.agent.office.work()
    await look(stage.telling)
    for _ in range(MOST_TRIES - 1):
        await stage.after(MOST_WAIT)
    assert len(stage.heard) == MOST_TRIES
    await stage.after(timedelta(hours=23))
    assert len(stage.heard) == MOST_TRIES
    await stage.after(timedelta(hours=1))
    assert len(stage.heard) == MOST_TRIES + 1
    await stage.answer(made)
    await stage.after(timedelta(days=1))
    stage.called.takes = True
    await stage.after(timedelta(seconds=2))
    assert stage.heard[-2:] == ["fulfilled", "fulfilled"]
    assert stage.watch.watched == {}


async def test_a_request_being_lodged_is_not_cleaned_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise BrokerUnavailable("away")

    body = stage.agent.signed(stage.agent.exercise_message(status_callback=HERE))
    monkeypatch.setattr(RequestService, "lodge", away)
    assert (await stage.agent.exercise(body)).status_code == 503
    await look(stage.telling)
    monkeypatch.undo()
    await stage.agent.exercise(body)
    await stage.after(timedelta(minutes=1))
    assert stage.heard == ["open", "in_progress"]


async def test_a_crash_during_a_callback_repeats_it(stage: Stage) -> None:
    made = (await stage.agent.exercise(status_callback=HERE)).json()["request_id"]
    assert (await stage.watch.take(stage.agent.office.clock())) is not None
    await look(stage.telling)
    assert stage.heard == []
    await stage.after(LEASE)
    assert stage.heard == ["in_progress"]
    assert made in stage.watch.watched


async def test_a_message_that_comes_again_is_not_watched_anew(stage: Stage) -> None:
    body = stage.agent.signed(stage.agent.exercise_message(status_callback=HERE))
    made = (await stage.agent.exercise(body)).json()["request_id"]
    await look(stage.telling)
    kept = dict(stage.watch.watched)
    await stage.agent.exercise(body)
    assert stage.watch.watched == kept
    assert set(kept) == {made}


async def test_an_old_request_is_looked_at_rarely(stage: Stage) -> None:
    await stage.agent.made(status_callback=HERE, exercise="access")
    await stage.after(timedelta(days=2))
    ((look_at, _),) = stage.watch.watched.values()
    assert look_at - stage.agent.office.clock() == timedelta(minutes=10)


async def test_a_purged_request_is_not_watched(stage: Stage) -> None:
    made = await stage.agent.made(status_callback=HERE)
    await stage.agent.office.vault.destroy(made)
    await stage.after(timedelta(minutes=1))
    assert stage.watch.watched == {}


async def test_one_request_that_cannot_be_read_holds_up_no_other(stage: Stage) -> None:
    first = await stage.agent.made(status_callback=HERE)
    second = await stage.agent.made(status_callback=f"{HERE}/2", exercise="access")

    class Spoilt(DrpService):
        async def callback(self, name: str, reported: str) -> Callback | None:
            if name == first:
                raise Sealed("it does not open")
            return await DrpService.callback(self, name, reported)

    desk = stage.telling.source
    spoilt = Spoilt(*(getattr(desk, each.name) for each in fields(DrpService)))
    await look(replace(stage.telling, source=spoilt))
    assert [url for url, _ in stage.called.heard] == [f"{HERE}/2"]
    assert set(stage.watch.watched) == {first, second}
    (_, spoilt_one), _ = stage.watch.watched.values()
    assert spoilt_one.tries == 1


async def test_no_receiver_can_end_the_callbacks(stage: Stage) -> None:
    class Strange(Called):
        async def send(self, callback: Callback) -> bool:
            await super().send(callback)
            raise ValueError(callback.url)

    await stage.agent.made(status_callback=HERE)
    called = Strange()
    with capture_logs() as logs:
        async with running(replace(stage.telling, way=called)):
            await until(lambda: bool(logs))
    assert called.heard == [(HERE, "in_progress")]
    assert [(entry["event"], entry["reason"]) for entry in logs] == [
        ("a callback goes out later", "ValueError")
    ]
    ((_, watched),) = stage.watch.watched.values()
    assert watched.tries == 1


async def test_a_database_outage_delays_callbacks(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(now: datetime) -> None:
        del now
        raise StoreUnavailable("away")

    monkeypatch.setattr(callbacks, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(stage.watch, "take", away)
    await stage.agent.made(status_callback=HERE)
    with capture_logs() as logs:
        async with running(stage.telling):
            await until(lambda: len(logs) > 1)
            monkeypatch.undo()
            await until(lambda: bool(stage.heard))


@pytest.mark.slow
async def test_a_host_that_is_slow_holds_up_no_other(stage: Stage) -> None:
    class Slow(Called):
        async def send(self, callback: Callback) -> bool:
            await super().send(callback)
            if callback.url == HERE:
                await asyncio.Event().wait()
            return True

    for number in range(AT_ONCE + AT_ONE_HOST):
        await stage.agent.made(status_callback=HERE, name=f"Person {number}")
    await stage.agent.made(status_callback="https://other.example/", name="Another")
    called = Slow()
    async with running(replace(stage.telling, way=called)):
        await until(lambda: ("https://other.example/", "in_progress") in called.heard)
    assert len(called.heard) == AT_ONE_HOST + 1


@asynccontextmanager
async def running(telling: CallbackProtocol) -> AsyncIterator[None]:
    task = asyncio.create_task(telling.run_forever())
    yield
    assert not task.done()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def until(come: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not come():  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.01)
