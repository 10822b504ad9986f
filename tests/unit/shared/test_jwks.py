"""Keys that an issuer publishes; what they are checked for stands in the tests of who uses them."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from httpx import AsyncClient, Response

from shared.runtime.jwks import LOOK_AGAIN_AFTER_S, MOST_BYTES, IssuerUnavailable, KeySet, UnknownKey
from tests.unit.platforms import Signer

URL = "https://issuer.example.com/keys"


class Slow:
    """An issuer that answers when a test lets it."""

    def __init__(self) -> None:
        self.signer, self.go = Signer(), asyncio.Event()

    async def answer(self, request: httpx.Request) -> Response:
        await self.go.wait()
        return self.signer.answer(request)


@pytest.mark.slow
async def test_concurrent_users_of_keys_wait_for_the_same_answer() -> None:
    slow = Slow()
    async with AsyncClient(transport=httpx.MockTransport(slow.answer)) as http:
        keys = KeySet("https://issuer.example.com", http, url=URL)
        asking = [asyncio.create_task(keys.key("one")) for _ in range(10)]
        await asyncio.sleep(0)
        asking[0].cancel()  # who asked first goes away; the others still get them
        await asyncio.sleep(0)
        slow.go.set()
        found = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert [getattr(key, "key_id", key) for key in found[1:]] == ["one"] * 9
    assert slow.signer.asked == 1


async def test_a_failure_is_remembered_for_a_while_and_a_key_that_is_not_there_is_unknown() -> None:
    signer, clock, asked = Signer(down=True), [1_000.0], list[str]()

    def answer(request: httpx.Request) -> Response:
        asked.append(str(request.url))
        return signer.answer(request)

    async with AsyncClient(transport=httpx.MockTransport(answer)) as http:
        keys = KeySet("https://issuer.example.com", http, lambda: clock[0], url=URL)
        for _ in range(50):
            with pytest.raises(IssuerUnavailable):
                await keys.key("one")
        assert asked == [URL]
        signer.down = False
        clock[0] += LOOK_AGAIN_AFTER_S + 1
        with pytest.raises(UnknownKey):
            await keys.key("two")
        assert (await keys.key("one")).key_id == "one"
        assert asked == [URL, URL]


async def test_no_more_is_read_than_keys_can_be() -> None:
    read = []

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                read.append(1)
                yield bytes(1 << 10)

    answering = httpx.MockTransport(lambda _: Response(200, stream=Endless()))
    async with AsyncClient(transport=answering) as http:
        with pytest.raises(IssuerUnavailable):
            await KeySet("https://issuer.example.com", http, url=URL).key("one")
    assert len(read) == (MOST_BYTES >> 10) + 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("own", "named", "taken"),
    [
        ("93.184.216.34", ["93.184.216.34"], True),
        ("93.184.216.34", ["93.184.216.34", "10.0.0.5"], False),
        ("93.184.216.34", ["127.0.0.1"], False),
        ("10.0.0.4", ["10.0.0.5"], True),
    ],
)
async def test_an_issuer_outside_names_no_keys_inside(own: str, named: list[str], *, taken: bool) -> None:
    signer, issuer = Signer(), "https://issuer.example.com"

    def answer(request: httpx.Request) -> Response:
        if request.url.path.endswith("openid-configuration"):
            return Response(200, json={"issuer": issuer, "jwks_uri": "https://keys.example.net/"})
        return signer.answer(request)

    async def resolve(url: httpx.URL) -> list[str]:
        return [own] if url.host == "issuer.example.com" else named

    async with AsyncClient(transport=httpx.MockTransport(answer)) as http:
        keys = KeySet(issuer, http, resolve=resolve)
        if taken:
            assert (await keys.key("one")).key_id == "one"
        else:
            with pytest.raises(IssuerUnavailable):
                await keys.key("one")
    assert bool(signer.asked) is taken


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Response(200, json=[]), id="a list"),
        pytest.param(Response(200, json={"keys": 7}), id="no list of keys"),
        pytest.param(Response(200, content=b"<html>"), id="a page"),
        pytest.param(Response(200, content=b" " * 300_000), id="too much"),
    ],
)
async def test_malformed_set_of_keys_is_none(answer: Response) -> None:
    async with AsyncClient(transport=httpx.MockTransport(lambda _: answer)) as http:
        with pytest.raises(IssuerUnavailable):
            await KeySet("https://issuer.example.com", http, url=URL).key("one")


@pytest.mark.slow
async def test_keys_that_lie_elsewhere_are_not_followed() -> None:
    thief, asked = Signer(), list[str]()

    def answer(request: httpx.Request) -> Response:
        asked.append(str(request.url))
        elsewhere = Response(302, headers={"Location": "https://thief.example/keys"})
        return elsewhere if request.url.host == "issuer.example.com" else thief.answer(request)

    async with AsyncClient(transport=httpx.MockTransport(answer)) as http:
        with pytest.raises(IssuerUnavailable):
            await KeySet("https://issuer.example.com", http, url=URL).key("one")
    assert asked == [URL]


async def test_keys_of_an_unknown_kind_are_skipped() -> None:
    signer = Signer()
    strange = [
        {"kty": "OKP2", "kid": "strange"},
        7,
        None,
        {"kid": "bare"},
        {"kty": "RSA", "kid": "x", "n": 1},
    ]
    published = {"keys": [*strange, *signer.published()["keys"]]}
    answering = httpx.MockTransport(lambda _: Response(200, json=published))
    async with AsyncClient(transport=answering) as http:
        keys = KeySet("https://issuer.example.com", http, url=URL)
        assert (await keys.key("one")).key_id == "one"
        with pytest.raises(UnknownKey):
            await keys.key("strange")
