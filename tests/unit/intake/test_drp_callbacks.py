"""Callbacks: an agent hears of every change of a request's status, as long as it takes."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta

import pytest_asyncio

from services.intake.callbacks import LEASE, MOST_TRIES, MOST_WAIT, Callback, Telling
from services.intake.drp.desk import Desk
from shared.errors import Sealed
from shared.events import Outcome, RequestFulfilled
from shared.law import Right
from tests.unit.agents import Calling, Watch, calling, desk_of
from tests.unit.fakes import Office

HERE = "https://one.agency.example/update_status"


@dataclass
class Called:
    """Agents, who take what they are told unless a test says otherwise."""

    takes: bool = True
    heard: list[tuple[str, str]] = field(default_factory=list)

    async def tell(self, callback: Callback) -> bool:
        assert callback.headers == {"Content-Type": "application/json"}
        self.heard.append((callback.url, json.loads(callback.body)["status"]))
        return self.takes


@dataclass
class Stage:
    agent: Calling
    watch: Watch
    called: Called
    telling: Telling

    @property
    def heard(self) -> list[str]:
        return [status for _, status in self.called.heard]

    async def after(self, by: timedelta) -> None:
        await self.agent.office.wait(by)
        await self.telling.some()

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
        yield Stage(agent, watch, called, Telling(desk, watch, called, office.clock))


async def test_an_agent_hears_of_every_change_once_and_of_the_last_one_too(stage: Stage) -> None:
    made = (await stage.agent.exercise(status_callback=HERE)).json()["request_id"]
    await stage.telling.some()
    await stage.after(timedelta(seconds=2))
    await stage.after(timedelta(seconds=2))
    assert stage.called.heard == [(HERE, "open"), (HERE, "in_progress")]
    await stage.answer(made)
    await stage.after(timedelta(minutes=1))
    assert stage.heard == ["open", "in_progress", "fulfilled"]
    assert stage.watch.watched == {}
    await stage.after(timedelta(days=1))
    assert len(stage.heard) == 3


async def test_who_gives_no_address_is_not_called(stage: Stage) -> None:
    await stage.agent.made()
    assert stage.watch.watched == {}


async def test_what_is_not_taken_is_told_again_as_it_stands_then(stage: Stage) -> None:
    stage.called.takes = False
    made = (await stage.agent.exercise(status_callback=HERE)).json()["request_id"]
    await stage.telling.some()
    await stage.answer(made)
    await stage.after(timedelta(seconds=2))
    stage.called.takes = True
    await stage.after(timedelta(seconds=4))
    assert stage.heard == ["open", "fulfilled", "fulfilled"]
    assert stage.watch.watched == {}


async def test_nobody_is_told_for_ever_who_never_takes_it(stage: Stage) -> None:
    stage.called.takes = False
    await stage.agent.exercise(status_callback=HERE)
    await stage.telling.some()
    for _ in range(MOST_TRIES + 5):
        await stage.after(MOST_WAIT)
    assert len(stage.heard) == MOST_TRIES
    assert stage.watch.watched == {}


async def test_a_crash_while_an_agent_is_told_tells_it_again(stage: Stage) -> None:
    made = (await stage.agent.exercise(status_callback=HERE)).json()["request_id"]
    assert (await stage.watch.take(stage.agent.office.clock())) is not None
    await stage.telling.some()
    assert stage.heard == []
    await stage.after(LEASE)
    assert stage.heard == ["in_progress"]
    assert made in stage.watch.watched


async def test_a_message_that_comes_again_is_not_watched_anew(stage: Stage) -> None:
    body = stage.agent.signed(stage.agent.exercise_message(status_callback=HERE))
    made = (await stage.agent.exercise(body)).json()["request_id"]
    await stage.telling.some()
    kept = dict(stage.watch.watched)
    await stage.agent.exercise(body)
    assert stage.watch.watched == kept
    assert set(kept) == {made}


async def test_an_old_request_is_looked_at_rarely(stage: Stage) -> None:
    await stage.agent.made(status_callback=HERE, exercise="access")
    await stage.after(timedelta(days=2))
    ((look_at, _),) = stage.watch.watched.values()
    assert look_at - stage.agent.office.clock() == timedelta(minutes=10)


async def test_what_is_gone_is_watched_no_more(stage: Stage) -> None:
    made = await stage.agent.made(status_callback=HERE)
    await stage.agent.office.vault.destroy(made)
    await stage.after(timedelta(minutes=1))
    assert stage.watch.watched == {}


async def test_one_request_that_cannot_be_read_holds_up_no_other(stage: Stage) -> None:
    first = await stage.agent.made(status_callback=HERE)
    second = await stage.agent.made(status_callback=f"{HERE}/2", exercise="access")

    class Spoilt(Desk):
        async def callback(self, name: str, told: str) -> Callback | None:
            if name == first:
                raise Sealed("it does not open")
            return await Desk.callback(self, name, told)

    desk = stage.telling.teller
    spoilt = Spoilt(*(getattr(desk, each.name) for each in fields(Desk)))
    await replace(stage.telling, teller=spoilt).some()
    assert [url for url, _ in stage.called.heard] == [f"{HERE}/2"]
    assert set(stage.watch.watched) == {first, second}
