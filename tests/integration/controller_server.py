"""HTTPS server of another controller; it stores each received message."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from fastapi import FastAPI, Request, Response

from tests.openpgp_keys import ReceiverKey

NOW = datetime.now(UTC)


def certificate(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """Return a file with key and certificate for *name*, and a context that trusts it alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    file = folder / f"{name}.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file, ssl.create_default_context(cadata=made.public_bytes(Encoding.PEM).decode())


@dataclass
class Receiver:
    """Another controller, who answers as it is told."""

    answers: list[Response] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes, str]] = field(default_factory=list)
    url: str = ""
    trust: ssl.SSLContext | None = None
    key: ReceiverKey = field(default_factory=ReceiverKey)
    """The key that messages are encrypted to."""
    challenges: list[bytes] = field(default_factory=list)
    """The received challenges; they are not among the messages."""
    certificate: Path | None = None
    """File with the certificate, for whoever is to trust it."""

    @asynccontextmanager
    async def open(self, folder: Path, name: str = "localhost") -> AsyncIterator["Receiver"]:
        file, self.trust = certificate(folder, name)
        self.certificate = file
        app = FastAPI()
        app.add_api_route("/{path:path}", self._take, methods=["GET", "POST"])
        config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", ssl_certfile=str(file))
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - a flag is all that uvicorn has
            await asyncio.sleep(0)
        self.url = f"https://localhost:{server.servers[0].sockets[0].getsockname()[1]}/imports"
        yield self
        server.should_exit = True
        await serving

    async def _take(self, request: Request) -> Response:
        body, url = await request.body(), str(request.url)
        with suppress(RuntimeError):
            if word := self.key.word(body, url):
                self.challenges.append(body)
                return Response(word)
        self.received.append((dict(request.headers), body, url))
        return self.answers.pop(0) if self.answers else Response("taken", 201, {"Location": "/imports/7"})
