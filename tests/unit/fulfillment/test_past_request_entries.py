"""Which requests are registered for later copies, and when they are forgotten."""

from typing import cast

import pytest

from services.fulfillment.handlers import answer, forget_request
from shared.contract.events import Requester, RequestPurged
from shared.law import Right
from tests.unit.fulfillment.handler_fakes import CASE, RequestList, stage
from tests.unit.fulfillment.test_disclosure import HELD, MAP


@pytest.mark.parametrize(
    ("requester", "registered"),
    [(Requester.PERSON, True), (Requester.AGENT, True), (Requester.CONTROLLER, False)],
)
async def test_verified_request_is_registered_but_for_a_controllers(
    requester: Requester, *, registered: bool
) -> None:
    event, ctx = await stage(MAP, HELD, Right.ACCESS)
    await answer(event.model_copy(update={"requester": requester}), ctx)
    assert (CASE in cast(RequestList, ctx.past).noted) is registered


async def test_purged_request_is_forgotten() -> None:
    event, ctx = await stage(MAP, HELD, Right.ACCESS)
    await answer(event, ctx)
    assert await forget_request(RequestPurged(request_id=CASE), ctx) == []
    assert cast(RequestList, ctx.past).noted == {}
