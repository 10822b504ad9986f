"""What is cut out of the stream of frames, and what is left to the driver."""

import asyncio
import random
import tomllib
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import pamqp.frame
import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from pamqp import commands
from pamqp.body import ContentBody
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat

from shared.runtime.broker import frames
from shared.runtime.broker.wire_connection import Tap, Wire

MIB = bytes(range(256)) * 4096


def content(channel: int, method: Any, id_: str, body: bytes, most: int = 131_064) -> list[bytes]:
    header = ContentHeader(body_size=len(body), properties=commands.Basic.Properties(message_id=id_))
    pieces = [ContentBody(body[start : start + most]) for start in range(0, len(body), most)]
    return [pamqp.frame.marshal(frame, channel) for frame in (method, header, *pieces)]


def delivery(channel: int, number: int, body: bytes) -> list[bytes]:
    return content(
        channel, commands.Basic.Deliver("tag", number, False, "exchange", "key"), str(number), body
    )


class Taken:
    """What a tap has taken, as (message id, body) per flush."""

    def __init__(self) -> None:
        self.taken: list[tuple[str | None, bytes]] = []
        self.flushed: list[int] = []

    def tap(self) -> Tap:
        return Tap({}, {frames.DELIVER: self._take}, lambda: self.flushed.append(len(self.taken)))

    def _take(self, _method: bytes, header: bytes, body: bytes) -> None:
        self.taken.append((frames.properties(header).message_id, body))


async def passed(wire: Wire) -> bytes:
    """What the driver gets to read, without signs of life."""
    wire.feed_eof()
    return (await wire.read()).replace(frames.BEAT, b"")


@pytest.mark.parametrize("seed", range(30))
async def test_messages_are_cut_out_of_a_stream_cut_anywhere(seed: int) -> None:
    rng = random.Random(seed)
    bodies = [bytes(rng.randrange(256) for _ in range(rng.choice([0, 1, 40, 300]))) for _ in range(20)]
    others = [
        pamqp.frame.marshal(frame, channel)
        for frame, channel in (
            (commands.Queue.DeclareOk("queue", 1, 2), 3),
            (commands.Basic.CancelOk("tag"), 1),
            (Heartbeat(), 0),
            (commands.Connection.Blocked("memory"), 0),
        )
    ]
    mine = [frame for number, body in enumerate(bodies) for frame in delivery(1, number, body)]
    foreign = [frame for number, body in enumerate(bodies) for frame in delivery(2, number, body)]
    stream, expected = b"", b""
    queues = [mine, foreign + others]
    while any(queues):  # frames of two channels may be mixed
        queue = rng.choice([queue for queue in queues if queue])
        frame = queue.pop(0)
        stream += frame
        expected += frame if queue is queues[1] else b""
    cuts = sorted({0, len(stream), *(rng.randrange(len(stream)) for _ in range(rng.choice([0, 3, 200])))})

    taken, tapped = Taken(), Wire()
    tapped.tap(1, taken.tap())
    for start, end in pairwise(cuts):
        tapped.feed_data(stream[start:end])
    assert taken.taken == [(str(number), body) for number, body in enumerate(bodies)]
    assert (await passed(tapped)).replace(frames.BEAT, b"") == expected.replace(frames.BEAT, b"")


@pytest.mark.parametrize("most", [1, 7, 64 * 1024, 10**9])
async def test_a_message_of_many_frames_is_put_together(most: int) -> None:
    body = MIB if most > 7 else MIB[:500]
    stream = b"".join(delivery(1, 1, body) + delivery(1, 2, b"") + delivery(1, 3, b"x"))
    taken, tapped = Taken(), Wire()
    tapped.tap(1, taken.tap())
    for start in range(0, len(stream), most):
        tapped.feed_data(stream[start : start + most])
    assert taken.taken == [("1", body), ("2", b""), ("3", b"x")]
    assert await passed(tapped) == b""


async def test_messages_that_arrive_together_are_handed_over_together() -> None:
    taken, tapped = Taken(), Wire()
    tapped.tap(1, taken.tap())
    tapped.feed_data(b"".join(frame for number in range(5) for frame in delivery(1, number, b"body")))
    assert taken.flushed == [5]


async def test_unrequested_content_is_left_to_the_driver() -> None:
    got = b"".join(content(1, commands.Basic.GetOk(1, False, "", "queue", 0), "1", b"body"))
    taken, tapped = Taken(), Wire()
    tapped.tap(1, taken.tap())
    tapped.feed_data(b"".join(delivery(1, 1, b"mine")) + got)
    assert (taken.taken, await passed(tapped)) == ([("1", b"mine")], got)


@pytest.mark.parametrize(
    "garbage", [b"AMQP\x00\x00\x09\x01", b"\x01\x00\x01\x00\x00\x00\x01xx", b"HTTP/1.1 400"]
)
async def test_malformed_frame_is_left_to_the_driver_with_all_that_follows(garbage: bytes) -> None:
    taken, tapped = Taken(), Wire()
    tapped.tap(1, taken.tap())
    first, second = b"".join(delivery(1, 1, b"1")), b"".join(delivery(1, 2, b"2"))
    tapped.feed_data(first + garbage)
    tapped.feed_data(second)
    assert (taken.taken, await passed(tapped)) == ([("1", b"1")], garbage + second)


async def test_the_driver_sees_a_frame_that_the_end_has_cut() -> None:
    tapped = Wire()
    tapped.tap(1, Taken().tap())
    whole = b"".join(delivery(1, 1, b"body"))
    tapped.feed_data(whole[:-3])
    tapped.feed_eof()
    assert (await tapped.read()).endswith(whole[-12:-3])
    assert tapped.at_eof()


async def test_a_connection_that_brings_nothing_but_messages_does_not_look_dead() -> None:
    tapped = Wire()
    tapped.tap(1, Taken().tap())
    tapped.feed_data(b"".join(delivery(1, 1, b"body")))
    assert await tapped.readexactly(len(frames.BEAT)) == frames.BEAT
    tapped.feed_data(b"".join(delivery(1, 2, b"body")))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(tapped.readexactly(1), timeout=0.01)


@pytest.mark.parametrize("driver", ["aio-pika", "aiormq"])
def test_other_versions_of_the_driver_are_not_installed(driver: str) -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))
    required = {one.name: one for one in map(Requirement, project["project"]["dependencies"])}
    here = Version(version(driver))
    assert here in required[driver].specifier
    assert f"{here.major}.{here.minor + 1}" not in required[driver].specifier
