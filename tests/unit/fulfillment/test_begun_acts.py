"""Acts that have begun are finished and reported, and acts that are held back do not begin."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.fulfillment.changes.handlers import change
from services.fulfillment.context import FulfillmentContext
from services.fulfillment.erasure.act_marks import MARK
from services.fulfillment.handlers import RELEASED
from services.fulfillment.recipients.handlers import transfer
from services.fulfillment.recipients.receivers import PackageReceiver
from services.fulfillment.state import FulfillmentStatus
from shared.contract.events import (
    ChangePlanned,
    Fact,
    RequestFulfilled,
    RequestReleased,
    RequestStopped,
    RequestWithdrawn,
    StopReason,
    TransferOrdered,
)
from shared.contract.topology import COMMAND
from shared.errors import PermanentError, StoreUnavailable
from shared.law import Right
from shared.runtime.key_rings import READERS, compartment_of
from shared.runtime.safe_http import ReceiverUnavailable, ReceiverUnreached
from tests.openpgp_keys import ReceiverKey
from tests.unit.fulfillment.handler_fakes import CASE, Courier
from tests.unit.fulfillment.test_change_handlers import Stubborn, planned
from tests.unit.fulfillment.test_disclosure import IMPORT, ordered

STOPPED = RequestStopped(request_id=CASE, reason=StopReason.NOT_ME)
WITHDRAWN = RequestWithdrawn(request_id=CASE)
CLOSED = RequestWithdrawn(request_id=CASE, stopped=True)
RELEASE = RequestReleased(request_id=CASE)
INTERRUPTIONS = pytest.mark.parametrize(
    "rows", [(STOPPED,), (STOPPED, CLOSED), (WITHDRAWN,)], ids=["stopped", "closed", "withdrawn"]
)
Handler = Callable[[Any, FulfillmentContext], Awaitable[Sequence[Fact]]]


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> PackageReceiver:
    folder: Path = tmp_path_factory.mktemp("keys")
    return ReceiverKey().receiver(IMPORT, folder)


async def transferring(
    courier: Courier, receiver: PackageReceiver
) -> tuple[TransferOrdered, FulfillmentContext]:
    order, ctx = await ordered(courier, receiver)
    return order, ctx.after(order)


async def answered(act: Handler, event: Fact, ctx: FulfillmentContext) -> FulfillmentContext:
    """Return what is known after *act* has answered the request."""
    facts = await act(event, ctx)
    assert any(isinstance(fact, RequestFulfilled) for fact in facts)
    after = ctx.after(event, *facts)
    assert after.known.status is FulfillmentStatus.FULFILLED
    return after


def test_no_other_service_but_intake_opens_marks() -> None:
    """An account that could seal "held back" would keep erasures and changes from ever beginning."""
    kept_in = compartment_of(f"{MARK}_erasure_plan_1")
    assert {one for one, opened in READERS.items() if kept_in in opened} == {"intake", "fulfillment", COMMAND}


@INTERRUPTIONS
async def test_package_that_was_sent_is_reported_though_its_row_was_overtaken(
    rows: Sequence[Fact], receiver: PackageReceiver
) -> None:
    order, ctx = await transferring(Courier(), receiver)
    await transfer(order, ctx)
    await answered(transfer, order, ctx.after(*rows))


@INTERRUPTIONS
async def test_changes_that_were_made_are_reported_though_their_row_was_overtaken(
    rows: Sequence[Fact],
) -> None:
    event, ctx = await planned(Right.OPT_OUT_OF_SALE, Stubborn())
    await change(event, ctx)
    await answered(change, event, ctx.after(*rows))


async def test_changes_that_a_crash_interrupted_are_finished_though_another_act_was_held() -> None:
    store = Stubborn(takes=False)
    event, ctx = await planned(Right.OPT_OUT_OF_SALE, store)
    with pytest.raises(PermanentError):
        await change(event, ctx)
    store.takes = True
    held = ctx.after(STOPPED, event, CLOSED)
    assert held.known.withdrawn
    await answered(change, event, held)


@INTERRUPTIONS
async def test_replica_that_stood_still_sends_nothing_after_another_held_the_transfer_back(
    rows: Sequence[Fact], receiver: PackageReceiver
) -> None:
    courier = Courier()
    order, ctx = await transferring(courier, receiver)
    assert await transfer(order, ctx.after(*rows)) == await transfer(order, ctx) == []
    assert courier.parcels == []


@pytest.mark.parametrize("rows", [(STOPPED,), (STOPPED, CLOSED)], ids=["stopped", "closed"])
async def test_replica_that_stood_still_changes_nothing_after_another_held_the_change_back(
    rows: Sequence[Fact],
) -> None:
    store = Stubborn()
    event, ctx = await planned(Right.OPT_OUT_OF_SALE, store)
    assert await change(event, ctx.after(*rows)) == await change(event, ctx) == []
    assert store.marked == []


async def test_withdrawal_is_too_late_for_a_planned_change() -> None:
    event, ctx = await planned(Right.OPT_OUT_OF_SALE, Stubborn())
    await answered(change, event, ctx.after(WITHDRAWN))


async def test_transfer_that_was_held_back_begins_at_the_release(receiver: PackageReceiver) -> None:
    order, ctx = await transferring(Courier(), receiver)
    assert await transfer(order, ctx.after(STOPPED)) == []
    after = await answered(RELEASED[TransferOrdered], order, ctx.after(STOPPED, order, RELEASE))
    assert await RELEASED[TransferOrdered](order, after) == [], "it is not sent twice"


async def test_second_stop_holds_back_what_began_under_neither_name(receiver: PackageReceiver) -> None:
    order, ctx = await transferring(Courier(), receiver)
    assert await transfer(order, ctx.after(STOPPED, RELEASE, STOPPED)) == []
    assert await transfer(order, ctx) == await transfer(order, ctx.after(STOPPED, RELEASE)) == []


async def test_change_that_was_finished_while_stopped_is_not_made_again_at_the_release() -> None:
    store = Stubborn()
    event, ctx = await planned(Right.OPT_OUT_OF_SALE, store)
    await change(event, ctx)
    after = await answered(change, event, ctx.after(STOPPED))
    assert await RELEASED[ChangePlanned](event, after.after(RELEASE)) == []


@pytest.mark.parametrize("error", [ReceiverUnreached(), StoreUnavailable("the vault")], ids=str)
async def test_person_can_withdraw_while_no_whole_message_was_sent(
    error: Exception, receiver: PackageReceiver
) -> None:
    courier = Courier(error)
    order, ctx = await transferring(courier, receiver)
    with pytest.raises(type(error)):
        await transfer(order, ctx)
    courier.error = None
    assert await transfer(order, ctx.after(WITHDRAWN)) == []
    assert len(courier.parcels) == 1


async def test_transfer_that_may_have_arrived_is_finished_after_a_withdrawal(
    receiver: PackageReceiver,
) -> None:
    courier = Courier(ReceiverUnavailable())
    order, ctx = await transferring(courier, receiver)
    with pytest.raises(ReceiverUnavailable):
        await transfer(order, ctx)
    courier.error = ReceiverUnreached()
    with pytest.raises(ReceiverUnreached):
        await transfer(order, ctx)
    courier.error = None
    await answered(transfer, order, ctx.after(WITHDRAWN))
    assert {parcel.key for parcel, _ in courier.parcels} == {order.package}


async def test_replica_that_reached_no_receiver_does_not_hide_the_transfer_of_another(
    receiver: PackageReceiver,
) -> None:
    order, ctx = await transferring(Courier(), receiver)

    class Beside(Courier):
        async def send(self, parcel: Any) -> Any:
            # The replica that began first has failed meanwhile.
            await ctx.vault.discard(CASE, [f"act_{order.package}"])
            return await super().send(parcel)

    carrier: Any = Beside()
    await transfer(order, replace(ctx, carrier=carrier))
    await answered(transfer, order, ctx.after(WITHDRAWN))
