"""The bus on a real broker under load, both ways: much at once, calls in between, a broker that stalls."""

import asyncio
import random
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from yarl import URL

from habeas.embedded.parts.ports import free_port
from habeas.embedded.stack import Stack, StackPart
from shared.contract.topology import EVENTS
from shared.errors import BrokerBlocked, BrokerUnavailable, Unroutable
from shared.runtime.broker import Bus, Consumer, Delivery, Message, publisher
from tests.integration.conftest import Makes
from tests.waiting import eventually

VERIFIED = "habeas.identity.verified.v1"
MIB = 1024 * 1024
ALARM = "{resource_limit, memory, node()}"


def event(number: int, body: bytes = b"body") -> Message:
    return Message(EVENTS, VERIFIED, body, f"event-{number}")


async def take(consumer: Consumer, count: int) -> dict[str | None, Delivery]:
    taken: dict[str | None, Delivery] = {}
    async with asyncio.timeout(60):
        while len(taken) < count:
            batch = await consumer.take(100)
            await consumer.settle(batch)
            taken |= {delivery.message_id: delivery for delivery in batch}
    return taken


async def test_bodies_of_any_size_arrive_as_they_were_sent(amqp_url: str, ends: Makes) -> None:
    bus, consumer = ends(amqp_url, 500)
    rng = random.Random(7)
    frame = 131_072
    sizes = [0, 1, frame - 9, frame - 8, frame - 7, frame, 2 * (frame - 8), MIB - 1, MIB, 0]
    bodies = {f"event-{number}": rng.randbytes(size) for number, size in enumerate(sizes)}
    await bus.publish([event(number, bodies[f"event-{number}"]) for number in range(len(sizes))])
    assert {id_: got.body for id_, got in (await take(consumer, len(sizes))).items()} == bodies


async def test_many_publishers_and_calls_share_a_connection(amqp_url: str, ends: Makes) -> None:
    bus, consumer = ends(amqp_url, 500)
    sent = [[event(100 * batch + number, b"x" * batch * 500) for number in range(50)] for batch in range(20)]

    async def ask() -> None:
        for _ in range(20):
            await bus.ping()

    async def misdirect() -> None:
        for number in range(20):
            with pytest.raises(Unroutable, match="nobody"):
                await bus.publish([event(3_000 + number), Message(EVENTS, "nobody", b"", f"lost-{number}")])

    taking = asyncio.create_task(take(consumer, 1020))
    await asyncio.gather(ask(), misdirect(), *(bus.publish(batch) for batch in sent))
    taken = await taking
    assert set(taken) >= {message.message_id for batch in sent for message in batch}


async def test_a_slow_handler_does_not_hold_up_the_settling_of_others(amqp_url: str, ends: Makes) -> None:
    bus, consumer = ends(amqp_url, 500)
    await bus.publish([event(number) for number in range(12)])
    held: list[Delivery] = []
    while len(held) < 12:
        held += await consumer.take(12)
    slow = held.pop(3)
    await consumer.settle(held[7:])
    await consumer.settle(held[:7])
    await consumer.close()
    assert [delivery.message_id for delivery in await consumer.take(100)] == [slow.message_id]


async def test_two_messages_under_way_with_one_id_are_not_confused(amqp_url: str) -> None:
    bus = Bus(amqp_url, name="test")
    await bus.publish([event(0)])
    for number in range(20):
        results = await asyncio.gather(
            bus.publish([event(number)]),
            bus.publish([Message(EVENTS, "nobody", b"", f"event-{number}")]),
            bus.publish([event(number)]),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [type(None), Unroutable, type(None)]
    await bus.close()


async def test_confirmed_messages_survive_a_killed_broker(stack: Stack, amqp_url: str, ends: Makes) -> None:
    bus, consumer = ends(amqp_url, 500)
    await bus.publish([event(0)])
    await stack.broker.settle()
    confirmed, lost = [event(0).message_id], asyncio.Event()

    async def keep_publishing(start: int) -> None:
        for first in range(start, start + 100_000, 200):
            batch = [event(number, b"x" * 300) for number in range(first, first + 200)]
            try:
                await bus.publish(batch)
            except BrokerUnavailable:
                lost.set()
                return
            confirmed.extend(message.message_id for message in batch)

    publishers = [asyncio.create_task(keep_publishing(start)) for start in (1_000_000, 2_000_000)]
    await eventually(lambda: len(confirmed) > 1_000)
    await stack.kill(StackPart.BROKER)
    await asyncio.gather(*publishers)
    assert lost.is_set()
    await stack.start(StackPart.BROKER)
    missing: set[str | None] = set(confirmed)
    async with asyncio.timeout(60):
        while missing:
            batch = await consumer.take(500)
            await consumer.settle(batch)
            missing -= {delivery.message_id for delivery in batch}


async def test_blocked_broker_is_given_up_at_once_and_consuming_goes_on(
    stack: Stack, amqp_url: str, ends: Makes, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus, consumer = ends(amqp_url, 500)
    await bus.publish([event(number) for number in range(100)])
    await consumer.settle(await consumer.take(1))
    monkeypatch.setattr(publisher, "CONFIRM_WITHIN_S", 3_600.0)
    await stack.broker._evaluate(f"rabbit_alarm:set_alarm({{{ALARM}, []}}).")
    try:
        with pytest.raises(BrokerBlocked):
            await bus.publish([event(number, b"x" * MIB) for number in range(30)])
        for refused in (bus.ping(), bus.publish([event(1)])):
            with pytest.raises(BrokerBlocked):
                await refused
        await take(consumer, 99)
    finally:
        await stack.broker._evaluate(f"rabbit_alarm:clear_alarm({ALARM}).")
    await eventually(lambda: not bus.blocked)
    await bus.publish([event(1)])


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for this machine that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, key_pem = tmp_path / "certificate.pem", tmp_path / "key.pem"
    pem.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return pem, key_pem


async def test_the_same_over_tls(amqp_url: str, certificate: tuple[Path, Path], ends: Makes) -> None:
    url = URL(amqp_url)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    pumping: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(65536):
                writer.write(piece)
                await writer.drain()
        writer.transport.abort()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(url.host, url.port)
        pumping.update(
            asyncio.create_task(pump(*pair)) for pair in ((reader, far_writer), (far_reader, writer))
        )

    server = await asyncio.start_server(join, "127.0.0.1", 0, ssl=context)
    secure = url.with_scheme("amqps").with_host("localhost").with_port(server.sockets[0].getsockname()[1])
    bus, consumer = ends(str(secure.with_query(cafile=str(certificate[0]))), 500)
    await bus.publish([event(number, b"x" * 100_000) for number in range(20)])
    assert len(await take(consumer, 20)) == 20
    await bus.close()
    await consumer.close()
    server.close()
    await asyncio.gather(*pumping)


async def test_node_that_does_not_answer_is_passed_over(amqp_url: str, ends: Makes) -> None:
    user, _, place = amqp_url.rpartition("@")
    away = f"127.0.0.1:{free_port()}"
    bus, _ = ends(f"{user}@{away},{away},{away},{place}")
    await bus.ping()
    lost, _ = ends(f"{user}@{away},{away}{place[place.index('/') :]}")
    with pytest.raises(BrokerUnavailable, match=r"cannot connect to the broker \(connection refused\)"):
        await lost.ping()


async def test_refused_password_is_named_with_the_remedy(amqp_url: str, ends: Makes) -> None:
    user, _, place = amqp_url.rpartition("@")
    bus, _ = ends(f"{user}wrong@{place}")
    with pytest.raises(
        BrokerUnavailable,
        match=r"^the broker refuses the user or the password of HABEAS_AMQP_URL: `habeas topology`",
    ):
        await bus.ping()
