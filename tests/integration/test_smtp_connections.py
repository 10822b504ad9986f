"""How connections to a real mail server are made, shared and given up."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.notifier.smtp.server import SenderBlamed, Unreachable
from shared.errors import MailUnavailable
from tests.integration.mail_server import (
    IMPATIENT,
    LETTER,
    RECIPIENT,
    SENDER,
    Gate,
    MailHost,
    failure,
    opened,
    running,
)
from tests.waiting import eventually


@pytest.fixture(params=[True, False], ids=["commands together", "one by one"], autouse=True)
def _pipelining(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MailHost, "pipelining", request.param)


# --- no connection --------------------------------------------------------------------------------------


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with running(MailHost()) as host:
        url = host.url
    async with opened(url) as channel:
        assert type(await failure(channel)) is Unreachable


async def test_ping_of_the_mail_server_opens_a_connection_and_sends_nothing() -> None:
    async with running(MailHost()) as host, opened(host.url) as channel:
        await channel.ping()
        assert (host.connections, host.taken) == (1, [])
        server = host.url
    async with opened(server) as channel:
        with pytest.raises(Unreachable):
            await channel.ping()


async def test_ping_takes_no_connection_from_a_letter_under_way() -> None:
    async with running(MailHost()) as host, opened(host.url) as channel, channel.line():
        await channel.ping()
        assert host.connections == 1


async def test_a_server_that_does_not_greet_is_unavailable() -> None:
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with opened(f"smtp://127.0.0.1:{port}", patience=IMPATIENT) as channel:
            assert type(await failure(channel)) is Unreachable


async def test_wrong_password_is_unavailable_and_not_printed() -> None:
    options: dict[str, Any] = {
        "authenticator": lambda *_: AuthResult(success=False, handled=False),
        "auth_require_tls": False,
    }
    async with running(MailHost(), **options) as host:
        url = f"smtp://habeas:s3cret@127.0.0.1:{host.port}"
        async with opened(url) as channel:
            error = await failure(channel)
            assert type(error) is SenderBlamed
            assert "s3cret" not in str(error)


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS", "ignore:Session.login_data")
async def test_the_log_in_comes_before_the_letter() -> None:
    def admit(*arguments: Any) -> AuthResult:
        return AuthResult(success=(arguments[-1].login, arguments[-1].password) == (b"habeas", b"p@ss/word"))

    options: dict[str, Any] = {"authenticator": admit, "auth_require_tls": False, "auth_required": True}
    async with (
        running(MailHost(), **options) as host,
        opened(f"smtp://habeas:p%40ss%2Fword@127.0.0.1:{host.port}") as channel,
    ):
        await channel.send(SENDER, RECIPIENT, LETTER)
        assert len(host.taken) == 1


# --- encryption -----------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return what a server and a client that trusts it need."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    issued = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = issued.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "server.pem"
    path.write_bytes(pem + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=pem.decode())


async def test_starttls_encrypts_before_anything_is_said(
    certificate: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    server, client = certificate
    async with (
        running(MailHost(), tls_context=server, require_starttls=True) as host,
        opened(f"smtp://localhost:{host.port}?starttls=true", tls_context=client) as channel,
    ):
        await channel.send(SENDER, RECIPIENT, LETTER)
        assert len(host.taken) == 1


async def test_smtps_is_encrypted_from_the_start(
    certificate: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    server, client = certificate
    async with (
        running(MailHost(), tls=server) as host,
        opened(f"smtps://localhost:{host.port}", tls_context=client) as channel,
    ):
        await channel.send(SENDER, RECIPIENT, LETTER)
        assert len(host.taken) == 1


async def test_a_server_without_starttls_gets_no_letter_in_clear() -> None:
    async with running(MailHost()) as host, opened(f"{host.url}?starttls=true") as channel:
        assert type(await failure(channel)) is Unreachable
        assert host.taken == []


# --- the pool -------------------------------------------------------------------------------------------


async def test_letters_one_after_another_share_a_connection() -> None:
    async with running(MailHost()) as host, opened(host.url) as channel:
        for _ in range(20):
            await channel.send(SENDER, RECIPIENT, LETTER)
        assert host.connections == 1
        assert len(host.taken) == 20


async def test_letters_at_the_same_time_use_no_more_connections_than_allowed() -> None:
    gate = Gate()
    async with (
        running(MailHost({"DATA": gate})) as host,
        opened(host.url, connections=3) as channel,
        asyncio.TaskGroup() as sending,
    ):
        for _ in range(12):
            sending.create_task(channel.send(SENDER, RECIPIENT, LETTER))
        await eventually(lambda: host.busy == 3)
        gate.open.set()
    assert len(host.taken) == 12
    assert (host.connections, host.most_busy) == (3, 3)


async def test_a_connection_that_the_server_closed_meanwhile_is_replaced() -> None:
    async with running(MailHost()) as host, opened(host.url) as channel:
        await channel.send(SENDER, RECIPIENT, LETTER)
        host.hang_up_on_all()
        await channel.send(SENDER, RECIPIENT, LETTER)
        assert host.connections == 2
        assert len(host.taken) == 2


async def test_a_connection_that_ends_with_421_is_replaced_without_the_callers_noticing() -> None:
    async with running(MailHost()) as host, opened(host.url) as channel:
        await channel.send(SENDER, RECIPIENT, LETTER)

        async def once(_: SMTP) -> str:
            host.steps.clear()
            return "421 4.4.2 Idle for too long"

        host.steps["MAIL"] = once
        await channel.send(SENDER, RECIPIENT, LETTER)
        assert len(host.taken) == 2


async def test_a_connection_that_was_idle_for_long_is_not_trusted() -> None:
    async with running(MailHost()) as host, opened(host.url, idle_for=timedelta(0)) as channel:
        await channel.send(SENDER, RECIPIENT, LETTER)
        await channel.send(SENDER, RECIPIENT, LETTER)
        assert host.connections == 2


async def test_closing_waits_for_the_letters_under_way_and_then_takes_none() -> None:
    gate = Gate()
    async with running(MailHost({"DATA": gate})) as host, opened(host.url) as channel:
        under_way = asyncio.create_task(channel.send(SENDER, RECIPIENT, LETTER))
        await eventually(lambda: host.busy == 1)
        closing = asyncio.create_task(channel.close())
        gate.open.set()
        await closing
        await under_way
        assert len(host.taken) == 1
        assert type(await failure(channel)) is MailUnavailable
