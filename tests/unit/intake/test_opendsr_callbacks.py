"""Callbacks: each address of a controller hears every status, in order, signed."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import pytest_asyncio

from services.intake.http.callbacks import Callback, CallbackProtocol
from shared.contract.events import Outcome, RequestFulfilled
from shared.law import Right
from tests.unit.agents import look
from tests.unit.controllers import DOMAIN, ID, Calling, calling, certified, example, verifies
from tests.unit.fakes import Office

ONE, TWO = "https://shop.example.org/one", "https://shop.example.org/two"


@dataclass
class Called:
    """Controllers that accept callbacks unless a test says otherwise."""

    refuses: set[str] = field(default_factory=set)
    heard: list[Callback] = field(default_factory=list)

    async def send(self, callback: Callback) -> bool:
        self.heard.append(callback)
        return callback.url not in self.refuses

    def statuses(self, url: str) -> list[str]:
        return [json.loads(one.body)["request_status"] for one in self.heard if one.url == url]


@dataclass
class Stage:
    controller: Calling
    called: Called
    telling: CallbackProtocol

    async def after(self, by: timedelta) -> None:
        await self.controller.office.wait(by)
        await look(self.telling)

    async def rest(self) -> None:
        for _ in range(4):
            await self.after(timedelta(minutes=1))

    async def answer(self, outcome: Outcome = Outcome.GRANTED) -> None:
        fulfilled = RequestFulfilled(
            request_id=self.controller.case_of(),
            right=Right.ERASURE,
            outcome=outcome,
            answer="answer",
            reasons={"tax_law": 1},
        )
        await self.controller.office.tell(fulfilled)


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with calling(Office()) as controller:
        called, desk = Called(), controller.desk
        protocol = CallbackProtocol(desk, desk.files.watch, called, controller.office.clock)
        yield Stage(controller, called, protocol)


async def test_each_address_hears_every_status_once_and_in_order(stage: Stage) -> None:
    await stage.controller.post(example(status_callback_urls=[ONE, TWO]))
    await look(stage.telling)
    assert stage.called.statuses(ONE) == ["pending"]
    await stage.rest()
    await stage.answer()
    await stage.rest()
    assert stage.called.statuses(ONE) == stage.called.statuses(TWO) == ["pending", "in_progress", "completed"]
    assert stage.controller.desk.files.watch.watched == {}  # type: ignore[attr-defined]


async def test_a_short_status_is_reported_all_the_same(stage: Stage) -> None:
    await stage.controller.post(example(status_callback_urls=[ONE]))
    await stage.controller.office.work()
    await stage.answer()
    await stage.rest()
    assert stage.called.statuses(ONE) == ["pending", "in_progress", "completed"]


@pytest.mark.slow
async def test_one_address_that_fails_holds_up_no_other_and_hears_it_later(stage: Stage) -> None:
    stage.called.refuses = {ONE}
    await stage.controller.post(example(status_callback_urls=[ONE, TWO]))
    await stage.controller.office.work()
    await stage.answer()
    await stage.rest()
    assert stage.called.statuses(TWO) == ["pending", "in_progress", "completed"]
    assert set(stage.called.statuses(ONE)) == {"pending"}
    stage.called.refuses.clear()
    stage.called.heard.clear()
    await stage.after(timedelta(hours=1))
    await stage.rest()
    assert stage.called.statuses(ONE) == ["pending", "in_progress", "completed"]
    assert stage.controller.desk.files.watch.watched == {}  # type: ignore[attr-defined]


async def test_a_cancellation_is_reported(stage: Stage) -> None:
    await stage.controller.post(example(status_callback_urls=[ONE]))
    await stage.controller.delete()
    await look(stage.telling)
    await stage.rest()
    assert stage.called.statuses(ONE) == ["pending", "cancelled"]
    assert stage.controller.desk.files.watch.watched == {}  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1", "2", "3"])
async def test_a_callback_is_signed_and_complete(stage: Stage, version: str) -> None:
    more = {"group_id": "g"} if version == "3" else {}
    await stage.controller.post(example(version, status_callback_urls=[ONE], **more), version)
    await stage.controller.office.work()
    await stage.answer(Outcome.PARTLY_GRANTED)
    await look(stage.telling)
    await stage.rest()
    first, *_, last = stage.called.heard
    prefix = "X-OpenGDPR" if version == "1" else "X-OpenDSR"
    for callback in (first, last):
        assert callback.headers["Content-Type"] == "application/json"
        assert callback.headers[f"{prefix}-Processor-Domain"] == DOMAIN
        assert verifies(certified().pem, callback.headers[f"{prefix}-Signature"], callback.body)
    body = json.loads(last.body)
    always = {
        "controller_id": "shop",
        "status_callback_url": ONE,
        "subject_request_id": ID,
        "request_status": "completed",
        "expected_completion_time": body["expected_completion_time"],
        "api_version": f"{version}.0",
        "extensions": {DOMAIN: {"outcome": "partly_granted", "reasons": ["tax_law"]}},
    }
    assert body == always | ({"results_url": None, "group_id": "g"} if version == "3" else {})
    assert body["expected_completion_time"].endswith("Z")
    # What is to come is not said before its status.
    assert json.loads(first.body).get("extensions") is None


async def test_a_controller_that_is_served_no_more_is_called_no_more(stage: Stage) -> None:
    await stage.controller.post(example(status_callback_urls=[ONE]))
    assert await stage.controller.desk.callback(f"{stage.controller.case_of()}/0", "") is not None
    await stage.controller.office.vault.destroy(stage.controller.case_of())
    await stage.rest()
    assert stage.called.heard == []
    assert stage.controller.desk.files.watch.watched == {}  # type: ignore[attr-defined]
