"""What strangers' servers answer costs us little, and breaks nothing."""

import gzip
from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

import httpx
import pytest

from services.intake.callbacks import Callback, Reached
from shared.outward import MOST_RECEIPT_BYTES, Outward, ReceiverUnavailable

HERE = httpx.URL("https://93.184.216.34/status")
PACKED = {"Content-Encoding": "gzip"}
Answering: TypeAlias = Callable[[Callable[[], httpx.Response]], list[httpx.Request]]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Answering:
    """Let whatever is reached answer as a test says."""

    def answers(answer: Callable[[], httpx.Response]) -> list[httpx.Request]:
        asked: list[httpx.Request] = []

        async def handle(_self: object, request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return answer()

        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
        return asked

    return answers


class Pieces(httpx.AsyncByteStream):
    """A body that comes in pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


async def nothing() -> AsyncIterator[bytes]:
    yield b""


async def test_a_body_that_says_it_is_packed_and_is_not_is_taken_as_it_is(answering: Answering) -> None:
    asked = answering(lambda: httpx.Response(200, headers=PACKED, stream=Pieces(b"no gzip")))
    receipt = await Outward().post(HERE, {}, nothing)
    assert receipt.body == b"no gzip"
    assert asked[0].headers["accept-encoding"] == "identity"
    assert await Reached(Outward()).tell(Callback(str(HERE), {}, b"{}", mark="", final=False))


async def test_a_packed_body_is_not_unpacked(answering: Answering) -> None:
    packed = gzip.compress(bytes(60 << 20))
    answering(lambda: httpx.Response(200, headers=PACKED, stream=Pieces(packed)))
    assert (await Outward().post(HERE, {}, nothing)).body == packed[:MOST_RECEIPT_BYTES]


async def test_whatever_goes_wrong_on_the_way_is_an_outage(answering: Answering) -> None:
    def answer() -> httpx.Response:
        raise httpx.DecodingError("it does not unpack")

    answering(answer)
    with pytest.raises(ReceiverUnavailable):
        await Outward().post(HERE, {}, nothing)
    assert not await Reached(Outward()).tell(Callback(str(HERE), {}, b"{}", mark="", final=False))
