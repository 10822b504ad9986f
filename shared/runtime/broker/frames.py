"""
AMQP 0-9-1 frames that are read and written directly: content, confirms, acknowledgements.

Pure functions on bytes. A frame is kind (1 byte), channel (2), size (4), payload, ``0xCE``; a message is a
method frame, a header frame, and as many body frames as it takes.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from struct import Struct
from typing import Any, NamedTuple

from pamqp import decode, encode

from shared.runtime.broker.messages import Message

HEAD = Struct(">BHI")
OVERHEAD = HEAD.size + 1
END = 0xCE
METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
KINDS = frozenset({METHOD, HEADER, BODY, HEARTBEAT})

DELIVER = b"\x00\x3c\x00\x3c"
RETURN = b"\x00\x3c\x00\x32"
ACK = b"\x00\x3c\x00\x50"
NACK = b"\x00\x3c\x00\x78"
BEAT = bytes((HEARTBEAT, 0, 0, 0, 0, 0, 0, END))

_PUBLISH = b"\x00\x3c\x00\x28\x00\x00"
_MANDATORY = 1
_PERSISTENT = b"\x02"
_HEADER = Struct(">HHQH")
_CLASS = 60
_TAG = Struct(">QB")
_ACK_FRAME = Struct(">BHI4sQBB")
_SIZE = Struct(">Q")
_FLAGS = Struct(">H")
_TABLE = Struct(">I")
_CONTENT_TYPE, _ENCODING, _HEADERS, _MODE, _PRIORITY = 0x8000, 0x4000, 0x2000, 0x1000, 0x0800
_CORRELATION, _REPLY_TO, _EXPIRATION, _MESSAGE_ID = 0x0400, 0x0200, 0x0100, 0x0080
_TIMESTAMP, _TYPE, _USER_ID = 0x0040, 0x0020, 0x0010
_TIMESTAMP_BYTES = 8
_OURS = _CONTENT_TYPE | _HEADERS | _MODE | _MESSAGE_ID
_LONGEST_NAME = 255


class Delivered(NamedTuple):
    """The fields of a Deliver method."""

    tag: int
    redelivered: bool
    exchange: str
    routing_key: str


class Properties(NamedTuple):
    """The fields of a content header that are used."""

    content_type: str | None
    headers: Mapping[str, Any]
    message_id: str | None
    user_id: str | None


def publication(channel: int, message: Message, frame_max: int) -> Iterator[bytes]:
    """
    Yield the frames that publish *message*, none longer than *frame_max* bytes.

    Raises:
        ValueError: A name in it is longer than AMQP can say.
    """
    yield _publish(channel, message.exchange, message.routing_key, message.mandatory)
    body = message.body
    yield _frame(
        HEADER,
        channel,
        _HEADER.pack(_CLASS, 0, len(body), _OURS if message.user_id is None else _OURS | _USER_ID)
        + _name(message.content_type)
        + encode.field_table(dict(message.headers))
        + _PERSISTENT
        + _name(message.message_id)
        + (b"" if message.user_id is None else _name(message.user_id)),
    )
    most = frame_max - OVERHEAD
    for start in range(0, len(body), most):
        yield _frame(BODY, channel, body[start : start + most])


def acknowledgement(channel: int, tag: int, *, multiple: bool) -> bytes:
    """Return the frame that acknowledges *tag*, and with *multiple* all before it."""
    return _ACK_FRAME.pack(METHOD, channel, 13, ACK, tag, multiple, END)


def delivered(method: bytes) -> Delivered:
    """Read the payload of a Deliver frame."""
    at = 5 + method[4]  # behind the consumer's tag
    tag, redelivered = _TAG.unpack_from(method, at)
    return Delivered(tag, bool(redelivered), *_names(method[at + 9 :]))


def returned(method: bytes) -> tuple[str, str]:
    """Read exchange and routing key from the payload of a Return frame."""
    return _names(method[7 + method[6] :])  # behind the code and the text of the reply


def confirmed(method: bytes) -> tuple[int, bool]:
    """Read the payload of an Ack or Nack: the number, and whether all before it are meant too."""
    number, bits = _TAG.unpack_from(method, 4)
    return number, bool(bits & 1)


def body_size(header: bytes) -> int:
    """Read how long the body behind a content header is."""
    size: int = _SIZE.unpack_from(header, 4)[0]
    return size


def properties(header: bytes) -> Properties:
    """Read the payload of a content header."""
    flags = _FLAGS.unpack_from(header, 12)[0]
    at = 14
    content_type, message_id = None, None
    headers: Mapping[str, Any] = {}
    if flags & _CONTENT_TYPE:
        content_type, at = _text(header, at)
    if flags & _ENCODING:
        at += 1 + header[at]
    if flags & _HEADERS:
        size = _TABLE.size + _TABLE.unpack_from(header, at)[0]
        if size > _TABLE.size:
            headers = _table(header[at : at + size])
        at += size
    at += bool(flags & _MODE) + bool(flags & _PRIORITY)
    for flag in (_CORRELATION, _REPLY_TO, _EXPIRATION):
        if flags & flag:
            at += 1 + header[at]
    if flags & _MESSAGE_ID:
        message_id, at = _text(header, at)
    return Properties(content_type, headers, message_id, _user_id(header, at, flags))


def _user_id(header: bytes, at: int, flags: int) -> str | None:
    """Read the user behind the message's id."""
    at += _TIMESTAMP_BYTES if flags & _TIMESTAMP else 0
    if flags & _TYPE:
        at += 1 + header[at]
    return _text(header, at)[0] if flags & _USER_ID else None


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    return b"%b%b\xce" % (HEAD.pack(kind, channel, len(payload)), payload)


@lru_cache(maxsize=1024)
def _publish(channel: int, exchange: str, routing_key: str, mandatory: bool) -> bytes:
    names = _name(exchange) + _name(routing_key)
    return _frame(METHOD, channel, _PUBLISH + names + bytes((_MANDATORY * mandatory,)))


def _name(text: str) -> bytes:
    raw = text.encode()
    if len(raw) > _LONGEST_NAME:
        raise ValueError(f"a name on the wire has at most {_LONGEST_NAME} bytes, this one {len(raw)}")
    return b"%c%b" % (len(raw), raw)


@lru_cache(maxsize=1024)
def _names(raw: bytes) -> tuple[str, str]:
    exchange, at = _text(raw, 0)
    routing_key, _ = _text(raw, at)
    return exchange, routing_key


def _text(raw: bytes, at: int) -> tuple[str, int]:
    """Read a short string: anybody may publish bytes that are no text, which must not stop a consumer."""
    end = at + 1 + raw[at]
    return raw[at + 1 : end].decode(errors="replace"), end


def _table(raw: bytes) -> Mapping[str, Any]:
    """Read a table; one that does not read is taken for empty, for the same reason."""
    try:
        return decode.field_table(raw)[1]
    except ValueError:
        return {}
