"""The frames that are read and written by hand, against the library that reads and writes all of them."""

import string
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pamqp.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import commands
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat

from shared.runtime.broker import frames
from shared.runtime.broker.messages import Message

FRAME_MAX = 4096
NAMES = st.text(string.ascii_letters + "äß.- ", max_size=60)
HEADERS = st.dictionaries(
    NAMES, st.none() | st.booleans() | st.integers(-(2**40), 2**40) | NAMES | st.lists(NAMES), max_size=4
)
EXCHANGES = st.text(string.ascii_letters + ".-_", max_size=60)
MESSAGES = st.builds(
    Message,
    NAMES,
    NAMES,
    st.binary(min_size=1, max_size=50),
    NAMES,
    NAMES,
    HEADERS,
    st.booleans(),
    st.none() | NAMES,
)
SIZES = [0, 1, FRAME_MAX - 9, FRAME_MAX - 8, FRAME_MAX - 7, 3 * (FRAME_MAX - 8), 1024 * 1024]


def payload(frame: bytes) -> bytes:
    return frame[frames.HEAD.size : -1]


def read(data: bytes) -> Iterator[tuple[int, Any]]:
    """Read frames with the library."""
    while data:
        size, channel, frame = pamqp.frame.unmarshal(data)
        yield channel, frame
        data = data[size:]


@given(MESSAGES, st.integers(1, 2047))
def test_publication_has_the_content_of_the_message(message: Message, channel: int) -> None:
    data = b"".join(frames.publication(channel, message, FRAME_MAX))
    (_, method), (_, header), (number, body) = read(data)
    assert (method.exchange, method.routing_key) == (message.exchange, message.routing_key)
    assert (method.mandatory, method.immediate) == (message.mandatory, False)
    properties = header.properties
    assert (properties.message_id or "") == message.message_id
    assert (properties.content_type or "") == message.content_type
    assert (properties.headers, properties.delivery_mode) == (message.headers, 2)
    assert (number, header.body_size, body.value) == (channel, len(message.body), message.body)


@pytest.mark.parametrize("size", SIZES)
def test_a_body_is_cut_where_a_frame_is_full(size: int) -> None:
    message = Message("", "queue", bytes(range(256)) * (size // 256) + b"x" * (size % 256), "1")
    written = list(frames.publication(1, message, FRAME_MAX))
    assert max(map(len, written)) <= FRAME_MAX
    _, (_, header), *bodies = read(b"".join(written))
    assert header.body_size == size
    assert b"".join(body.value for _, body in bodies) == message.body
    assert len(bodies) == -(-size // (FRAME_MAX - frames.OVERHEAD))


@pytest.mark.parametrize("field", ["exchange", "routing_key", "message_id", "content_type"])
def test_a_name_that_amqp_cannot_say_is_an_error(field: str) -> None:
    too_long: dict[str, Any] = {field: "ä" * 128}
    message = replace(Message("", "", b"", ""), **too_long)
    with pytest.raises(ValueError, match="255"):
        list(frames.publication(1, message, FRAME_MAX))


@given(st.integers(1, 2**63 - 1), st.booleans(), EXCHANGES, NAMES, NAMES)
def test_a_delivery_is_read(tag: int, redelivered: bool, exchange: str, key: str, consumer: str) -> None:
    frame = pamqp.frame.marshal(commands.Basic.Deliver(consumer, tag, redelivered, exchange, key), 1)
    assert payload(frame).startswith(frames.DELIVER)
    assert frames.delivered(payload(frame)) == (tag, redelivered, exchange, key)


@given(NAMES, EXCHANGES, NAMES)
def test_a_return_is_read(text: str, exchange: str, key: str) -> None:
    frame = payload(pamqp.frame.marshal(commands.Basic.Return(312, text, exchange, key), 1))
    assert frame.startswith(frames.RETURN)
    assert frames.returned(frame) == (exchange, key)


@given(st.integers(1, 2**63 - 1), st.booleans())
def test_confirms_are_read_and_acknowledgements_written(tag: int, multiple: bool) -> None:
    ack = pamqp.frame.marshal(commands.Basic.Ack(tag, multiple), 7)
    nack = payload(pamqp.frame.marshal(commands.Basic.Nack(tag, multiple, requeue=True), 7))
    assert payload(ack).startswith(frames.ACK)
    assert nack.startswith(frames.NACK)
    assert frames.confirmed(payload(ack)) == frames.confirmed(nack) == (tag, multiple)
    assert frames.acknowledgement(7, tag, multiple=multiple) == ack


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "content_type": NAMES.filter(bool),
            "content_encoding": NAMES.filter(bool),
            "headers": HEADERS.filter(bool),
            "delivery_mode": st.sampled_from([1, 2]),
            "priority": st.integers(1, 9),
            "correlation_id": NAMES.filter(bool),
            "reply_to": NAMES.filter(bool),
            "expiration": NAMES.filter(bool),
            "message_id": NAMES.filter(bool),
            "message_type": NAMES.filter(bool),
            "app_id": NAMES.filter(bool),
            "timestamp": st.integers(1, 2**32).map(lambda at: datetime.fromtimestamp(at, UTC)),
            "user_id": NAMES.filter(bool),
        },
    ),
    st.integers(0, 2**40),
)
def test_properties_are_read_despite_other_fields_of_the_publisher(said: dict[str, Any], size: int) -> None:
    header = ContentHeader(body_size=size, properties=commands.Basic.Properties(**said))
    raw = payload(pamqp.frame.marshal(header, 1))
    read_ = frames.properties(raw)
    assert frames.body_size(raw) == size
    expected = said.get("content_type"), said.get("headers", {}), said.get("message_id"), said.get("user_id")
    assert read_ == expected


def test_names_and_headers_that_are_no_text_do_not_stop_a_consumer() -> None:
    names = b"\x02\xff\xfe" + b"\x00\x00\x00\x04\xff\xff\xff\xff" + b"\x02\xff\xfe"
    raw = b"\x00\x3c\x00\x00" + bytes(8) + b"\xa0\x80" + names
    assert frames.properties(raw) == ("\ufffd\ufffd", {}, "\ufffd\ufffd", None)


def test_a_sign_of_life_is_one() -> None:
    assert pamqp.frame.marshal(Heartbeat(), 0) == frames.BEAT
