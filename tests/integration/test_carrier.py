"""Packages on their way to another controller, over real connections with TLS."""

import asyncio
import base64
import hashlib
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import Response

from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.recipients.carrier import Carrier, Parcel
from shared.runtime.safe_http import (
    MOST_RECEIPT_BYTES,
    NotAllowed,
    ReceiverRefused,
    ReceiverUnavailable,
    SafeHttp,
)
from tests.integration.controller_server import NOW, Receiver, certificate

SIGNER = CertificateSigner(b"m" * 32)
BODY = json.dumps({"package": "x" * 300_000}).encode()


@pytest.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[Receiver]:
    async with Receiver().open(tmp_path) as opened:
        yield opened


def carrier(receiver: Receiver, *allowed: str) -> Carrier:
    return Carrier(SIGNER, SafeHttp(frozenset(allowed or ("localhost",)), receiver.trust))


def parcel(url: str) -> Parcel:
    async def body() -> AsyncIterator[bytes]:
        for start in range(0, len(BODY), 7_000):
            yield BODY[start : start + 7_000]

    return Parcel(url, "package_1", body, NOW)


async def test_a_parcel_arrives_whole_signed_and_is_receipted(receiver: Receiver) -> None:
    receipt = await carrier(receiver).send(parcel(receiver.url))
    assert (receipt.status, receipt.body) == (201, b"taken")
    assert receipt.headers["location"] == "/imports/7"
    [(headers, body, url)] = receiver.received
    assert body == BODY
    assert url == receiver.url
    digest = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    assert headers["content-digest"] == f"sha-256=:{digest}:"
    assert headers["idempotency-key"] == '"package_1"'
    parameters = headers["signature-input"].removeprefix("habeas=")
    assert f'keyid="{SIGNER.public_key.fingerprint}"' in parameters
    base = "\n".join(
        [
            '"@method": POST',
            f'"@target-uri": {receiver.url}',
            f'"content-digest": {headers["content-digest"]}',
            f'"idempotency-key": {headers["idempotency-key"]}',
            f'"@signature-params": {parameters}',
        ]
    )
    made = base64.b64decode(headers["signature"].removeprefix("habeas=:").removesuffix(":"))
    assert SIGNER.public_key.accepts(made, base.encode())
    assert not SIGNER.public_key.accepts(made, base.replace("imports", "exports").encode())


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "[::1]", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "0.0.0.0"],  # noqa: S104
)
async def test_nothing_is_sent_inside_unless_the_host_is_allowed(receiver: Receiver, host: str) -> None:
    url = receiver.url.replace("localhost", host)
    with pytest.raises(NotAllowed):
        await carrier(receiver, "import.example.com").send(parcel(url))
    assert receiver.received == []


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/x",
        "ftp://localhost/x",
        "//localhost/x",
        "https://",
        "https://ada:secret@localhost/x",
        "Other Company Ltd",
        "https://local host/x",
        "https://" + "x" * 64 + ".example.com/",
        "file:///etc/passwd",
        "",
    ],
)
async def test_what_is_no_plain_address_for_https_is_not_sent_to(receiver: Receiver, url: str) -> None:
    with pytest.raises(NotAllowed) as error:
        await carrier(receiver).send(parcel(url))
    assert not url or url not in str(error.value)


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answers = [Response(status_code=307, headers={"Location": f"{receiver.url}/elsewhere"})]
    with pytest.raises(ReceiverRefused):
        await carrier(receiver).send(parcel(receiver.url))
    assert len(receiver.received) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
async def test_a_receiver_that_will_not_take_it_has_refused(receiver: Receiver, status: int) -> None:
    receiver.answers = [Response(status_code=status)]
    with pytest.raises(ReceiverRefused):
        await carrier(receiver).send(parcel(receiver.url))


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_a_receiver_in_trouble_is_asked_again_with_the_same_key(
    receiver: Receiver, status: int
) -> None:
    receiver.answers = [Response(status_code=status)]
    sent = parcel(receiver.url)
    with pytest.raises(ReceiverUnavailable):
        await carrier(receiver).send(sent)
    assert (await carrier(receiver).send(sent)).status == 201
    keys = {headers["idempotency-key"] for headers, _, _ in receiver.received}
    assert keys == {'"package_1"'}
    assert len({body for _, body, _ in receiver.received}) == 1


async def test_request_without_proof_gets_nothing(receiver: Receiver, tmp_path: Path) -> None:
    with pytest.raises(ReceiverUnavailable):
        await Carrier(SIGNER, SafeHttp(frozenset({"localhost"}))).send(parcel(receiver.url))
    async with Receiver().open(tmp_path, "another.example.com") as other:
        with pytest.raises(ReceiverUnavailable):
            await carrier(other).send(parcel(other.url))
        assert other.received == []
    assert receiver.received == []


async def test_a_receipt_without_end_is_cut(receiver: Receiver) -> None:
    receiver.answers = [Response(b"x" * (3 * MOST_RECEIPT_BYTES), 200)]
    receipt = await carrier(receiver).send(parcel(receiver.url))
    assert len(receipt.body) == MOST_RECEIPT_BYTES


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"no HTTP at all\r\n\r\n"])
async def test_a_connection_that_breaks_is_tried_again(tmp_path: Path, said: bytes) -> None:
    file, trust = certificate(tmp_path, "localhost")
    inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    inside.load_cert_chain(file)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()
        writer.transport.abort()

    server = await asyncio.start_server(serve, "localhost", 0, ssl=inside)
    port: Any = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(ReceiverUnavailable):
            await Carrier(SIGNER, SafeHttp(frozenset({"localhost"}), trust)).send(
                parcel(f"https://localhost:{port}/")
            )
