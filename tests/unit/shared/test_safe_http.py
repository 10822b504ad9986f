"""What strangers' servers answer costs us little, and breaks nothing."""

import gzip
from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

import httpx
import pytest

from services.intake.http.callbacks import Callback, CallbackClient
from shared.runtime.safe_http import (
    MOST_RECEIPT_BYTES,
    NotAllowed,
    ReceiverUnavailable,
    SafeHttp,
    is_public,
    receiver,
)

HERE = httpx.URL("https://93.184.216.34/status")
PACKED = {"Content-Encoding": "gzip"}
Answering: TypeAlias = Callable[[Callable[[], httpx.Response]], list[httpx.Request]]


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Answering:
    """Let every reached host answer as a test says."""

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


@pytest.mark.slow
async def test_a_body_that_says_it_is_packed_and_is_not_is_taken_as_it_is(answering: Answering) -> None:
    asked = answering(lambda: httpx.Response(200, headers=PACKED, stream=Pieces(b"no gzip")))
    receipt = await SafeHttp().post(HERE, {}, nothing)
    assert receipt.body == b"no gzip"
    assert asked[0].headers["accept-encoding"] == "identity"
    assert await CallbackClient(SafeHttp()).send(Callback(str(HERE), {}, b"{}", mark="", final=False))


@pytest.mark.slow
async def test_a_packed_body_is_not_unpacked(answering: Answering) -> None:
    packed = gzip.compress(bytes(60 << 20))
    answering(lambda: httpx.Response(200, headers=PACKED, stream=Pieces(packed)))
    assert (await SafeHttp().post(HERE, {}, nothing)).body == packed[:MOST_RECEIPT_BYTES]


@pytest.mark.slow
async def test_any_failure_on_the_way_is_an_outage(answering: Answering) -> None:
    def answer() -> httpx.Response:
        raise httpx.DecodingError("it does not unpack")

    answering(answer)
    with pytest.raises(ReceiverUnavailable):
        await SafeHttp().post(HERE, {}, nothing)
    assert not await CallbackClient(SafeHttp()).send(Callback(str(HERE), {}, b"{}", mark="", final=False))


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("10.0.0.1", False),
        ("172.16.3.4", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b:1::a00:1", False),
        ("2002:a00:1::", False),
        ("2001::1", False),
        ("fec0::1", False),
        ("::127.0.0.1", False),
        ("::ffff:0:7f00:1", False),
        ("192.88.99.1", False),
        ("5f00::1", False),
        ("3fff::1", False),
        ("2001:db8::1", False),
    ],
)
def test_only_addresses_of_the_internet_at_large_are_public(address: str, *, public: bool) -> None:
    assert is_public(address) is public


LOCAL = ["http://127.0.0.1:9000/status", "http://localhost:9000/", "http://[::1]:9000/"]
OUTSIDE = [
    "http://93.184.216.34/",
    "http://10.0.0.1/",
    "http://169.254.169.254/latest/meta-data",
    "http://0.0.0.0/",
    "http://agent.example.com/",
    "http://localhost.example.com/",
    "http://user:pw@127.0.0.1/",
    "ftp://127.0.0.1/",
]


@pytest.mark.parametrize("url", LOCAL)
async def test_this_machine_is_reached_over_http_in_trials_alone(url: str, answering: Answering) -> None:
    asked = answering(lambda: httpx.Response(200, stream=Pieces()))
    callback = Callback(url, {}, b"{}", mark="", final=False)
    assert not await CallbackClient(SafeHttp()).send(callback)
    assert not await CallbackClient(SafeHttp(frozenset({httpx.URL(url).host}))).send(callback)
    assert asked == []
    assert await CallbackClient(SafeHttp(local=True)).send(callback)
    assert len(asked) == 1


@pytest.mark.parametrize("url", OUTSIDE)
async def test_trial_opens_http_to_no_other_machine(url: str, answering: Answering) -> None:
    asked = answering(lambda: httpx.Response(200, stream=Pieces()))
    with pytest.raises(NotAllowed):
        receiver(url, local=True)
    if "@" in url:
        return
    with pytest.raises((NotAllowed, ReceiverUnavailable)):
        await SafeHttp(frozenset({httpx.URL(url).host}), local=True).post(httpx.URL(url), {}, nothing)
    assert asked == []
