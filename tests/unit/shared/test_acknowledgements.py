"""What is acknowledged is exactly what was settled, in as few words as AMQP has for it."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.broker import Consumer, Delivery, channels
from shared.runtime.broker.channels import ConsumeChannel
from shared.runtime.broker.subscriber import MessageSizes, acknowledgements

TAGS = st.sets(st.integers(1, 40))


@given(TAGS, TAGS)
def test_settled_deliveries_are_acknowledged_and_held_ones_are_not(settled: set[int], held: set[int]) -> None:
    held -= settled
    upto, singly = acknowledgements(settled, held)
    covered = {tag for tag in settled | held if upto is not None and tag <= upto}
    assert covered | set(singly) == settled
    assert covered.isdisjoint(singly)


@given(TAGS.filter(bool))
def test_one_word_is_enough_when_nothing_older_is_held(settled: set[int]) -> None:
    assert acknowledgements(settled, {max(settled) + 1}) == (max(settled), [])
    assert acknowledgements(settled, set()) == (max(settled), [])


def test_messages_before_a_slow_one_are_acknowledged_together() -> None:
    assert acknowledgements({1, 2, 3, 5, 7}, {4, 6}) == (3, [5, 7])


class SlowChannel:
    """Writes acknowledgements one by one, as the driver does, and lets other tasks run in between."""

    def __init__(self) -> None:
        self.written: list[tuple[int, bool]] = []

    async def acknowledge(self, upto: int | None, tags: Sequence[int]) -> None:
        for tag in tags:
            await self._write(tag, multiple=False)
        if upto is not None:
            await self._write(upto, multiple=True)

    async def _write(self, tag: int, *, multiple: bool) -> None:
        await asyncio.sleep(0)
        self.written.append((tag, multiple))


def acknowledged_twice(written: Sequence[tuple[int, bool]]) -> list[int]:
    """Return the tags that an earlier acknowledgement covers: the broker closes the channel for one."""
    covered, twice = 0, list[int]()
    for tag, multiple in written:
        twice += [tag] if tag <= covered else []
        covered = max(covered, tag if multiple else 0)
    return twice


async def test_no_acknowledgement_overtakes_one_of_a_lower_tag() -> None:
    consumer: Any = Consumer("amqp://127.0.0.1", "intake", prefetch=8)
    channel, slow = SimpleNamespace(is_closed=False), SlowChannel()
    consumer._channel, consumer._inlet, consumer._permitted = channel, slow, 8
    consumer._held = set(range(1, 9))
    deliveries = [
        Delivery("", "", b"", None, None, {}, redelivered=False, tag=tag, channel=channel)
        for tag in range(1, 9)
    ]
    await asyncio.gather(consumer.settle(deliveries[1::2]), consumer.settle(deliveries[::2]))
    assert acknowledged_twice(slow.written) == []
    assert slow.written[-1] == (7, True)


class CutChannel:
    """Never ends the wait for the bytes of an acknowledgement, as the driver when its connection is cut."""

    is_closed = False

    async def basic_ack(self, _tag: int, *, multiple: bool, wait: bool) -> None:
        del multiple
        if wait:
            await asyncio.Event().wait()


async def test_acknowledgement_that_is_never_written_loses_the_channel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channels, "ANSWER_WITHIN_S", 0.01)
    consumer: Any = Consumer("amqp://127.0.0.1", "intake", prefetch=8)
    channel: Any = CutChannel()
    consumer._channel, consumer._inlet = channel, ConsumeChannel(channel, lambda _: None)
    consumer._permitted, consumer._held = 8, {1}
    delivery = Delivery("", "", b"", None, None, {}, redelivered=False, tag=1, channel=channel)
    async with asyncio.timeout(60):
        await consumer.settle([delivery])
    assert not consumer.connected


@pytest.mark.parametrize(
    ("sizes", "permitted"),
    [
        ([], 1000),
        ([2_000] * 500, 1000),
        ([1 << 20] * 32, 16),
        ([128 << 10] * 32, 128),
        ([1 << 20] * 32 + [500] * 2_000, 1000),
        ([500] * 1000 + [1 << 20] * 256, 16),
        ([8 << 20] * 32, 16),
        ([20 << 20] * 32, 16),
    ],
    ids=["none", "small", "largest", "larger", "small again", "large at once", "more", "more than all"],
)
def test_sizes_of_the_last_messages_limit_how_many_are_held(sizes: list[int], permitted: int) -> None:
    last = MessageSizes()
    for first in range(0, len(sizes), 32):
        last.add(sizes[first : first + 32])
    assert last.prefetch(1000) == permitted
    assert last.prefetch(8) == 8
