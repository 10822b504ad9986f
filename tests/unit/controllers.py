"""
Controllers, and the processor that they call by OpenDSR.

What they check signatures with is OpenSSL's command, which shares nothing with what signs but the library of
mathematics below.
"""

import base64
import json
import subprocess
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from httpx import AsyncClient, Response
from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from services.intake.channels.opendsr.api import opendsr_app
from services.intake.channels.opendsr.certificate import ProcessorCertificate
from services.intake.channels.opendsr.controllers import ListedController
from services.intake.channels.opendsr.instructions import Instructions
from services.intake.channels.opendsr.messages import DiscoveryDocument
from services.intake.channels.opendsr.service import OpenDsrService
from shared.runtime.client_limits import Allowance
from tests.unit.agents import Watch
from tests.unit.fakes import NOW, PRACTICE, Office
from tests.unit.intake_api import Behind, client_of

DOMAIN = "opendsr.example.com"
ROOT = f"https://{DOMAIN}"
URL = f"{ROOT}/opendsr"
ID = "a7551968-d5d6-44b2-9831-815ac9017798"
EMAIL, NUMBER = "johndoe@example.com", "K-7741-Q"
IDENTITIES = {"email": "email", "controller_customer_id": "customer_no"}
PATHS = {"1": "/opendsr/v1/opengdpr_requests", "2": "/opendsr/v2/requests", "3": "/opendsr/v3/requests"}
SECRETS = {"shop": "the secret of the shop is long", "club": "the secret of the club is long"}
LISTED = {
    name: ListedController(id=name, key=f"{name}-key", secret=SecretStr(secret))
    for name, secret in SECRETS.items()
}


@cache
def rsa_key(bits: int = 2048, number: int = 0) -> rsa.RSAPrivateKey:
    del number
    return rsa.generate_private_key(65537, bits)


def pem_of(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def certificate_of(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    *,
    common: str | None = DOMAIN,
    alternative: str | None = DOMAIN,
    days: tuple[int, int] = (-1, 30),
    now: datetime | None = None,
) -> str:
    """Return a certificate of *key*, as an authority would issue it."""
    at = now or datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)] if common else [])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Example Authority")])
    builder = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(at + timedelta(days=days[0]))
        .not_valid_after(at + timedelta(days=days[1]))
    )
    if alternative:
        names = x509.SubjectAlternativeName([x509.DNSName(alternative)])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(rsa_key(2048, 1), SHA256()).public_bytes(Encoding.PEM).decode()


@cache
def certified() -> ProcessorCertificate:
    key = rsa_key()
    return ProcessorCertificate.of(pem_of(key), certificate_of(key, now=NOW), DOMAIN, NOW)


def verifies(certificate: bytes, signature: str, body: bytes) -> bool:
    """Tell whether OpenSSL's command accepts *signature* over *body*."""
    with TemporaryDirectory() as folder:
        places = {name: str(Path(folder) / name) for name in ("certificate", "key", "signature", "body")}
        contents = {"certificate": certificate, "signature": base64.b64decode(signature), "body": body}
        for name, content in contents.items():
            Path(places[name]).write_bytes(content)
        key = subprocess.run(  # noqa: S603 - fixed words
            ["openssl", "x509", "-in", places["certificate"], "-pubkey", "-noout"],  # noqa: S607 - on the path
            check=True,
            capture_output=True,
        ).stdout
        Path(places["key"]).write_bytes(key)
        words = ["openssl", "dgst", "-sha256", "-verify", places["key"], "-signature", places["signature"]]
        return subprocess.run([*words, places["body"]], check=False, capture_output=True).returncode == 0  # noqa: S603 - as above


@dataclass
class Groups:
    """What :class:`services.intake.channels.opendsr.controllers.RequestGroups` promises, in memory."""

    groups: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    async def add(self, controller: ListedController, group: str, request_id: str, at: datetime) -> None:
        del at
        known = self.groups.setdefault((controller.id, group), [])
        known += [] if request_id in known else [request_id]

    async def of(self, controller: ListedController, group: str) -> list[str]:
        return self.groups.get((controller.id, group), [])


def desk_of(office: Office, *, per_hour: int = 1000) -> OpenDsrService:
    files = Instructions(
        office.requests, Watch(), Groups(), office.duplicates, LISTED, DiscoveryDocument(DOMAIN, IDENTITIES)
    )
    return OpenDsrService(
        files=files,
        certified=certified(),
        practice=PRACTICE,
        url=URL,
        submissions=Allowance(per_hour),
    )


def example(version: str = "2", **changes: Any) -> dict[str, Any]:
    """Return a worked example of the protocol; None takes a field away."""
    listed = [{"identity_type": "email", "identity_value": EMAIL, "identity_format": "raw"}]
    keyed = {"email": {"value": EMAIL, "encoding": "raw"}}
    message = {
        "regulation": None if version == "1" else "gdpr",
        "subject_request_id": ID,
        "subject_request_type": "erasure",
        "submitted_time": "2026-03-01T15:00:00Z",
        "subject_identities": keyed if version == "3" else listed,
        "api_version": f"{version}.0",
        "status_callback_urls": ["https://shop.example.org/opendsr/callbacks"],
        "extensions": {"other.example.net": {"anything": 1}},
        **changes,
    }
    return {name: value for name, value in message.items() if value is not None}


def fresh_id() -> str:
    return str(uuid.uuid4())


@dataclass
class Calling:
    """A controller that calls."""

    office: Office
    desk: OpenDsrService
    http: AsyncClient
    name: str = "shop"

    @property
    def basic(self) -> dict[str, str]:
        text = f"{self.name}-key:{SECRETS[self.name]}".encode()
        return {"Authorization": f"Basic {base64.b64encode(text).decode()}"}

    def case_of(self, name: str = ID) -> str:
        return self.office.requests.id_of(f"opendsr/{self.name}", name)

    async def post(
        self, body: bytes | dict[str, Any], version: str = "2", *, headers: Mapping[str, str] | None = None
    ) -> Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **(self.basic if headers is None else headers)}
        return await self.http.post(PATHS[version], content=content, headers=sent)

    async def made(self, version: str = "2", **changes: Any) -> str:
        """Have an instruction carried out as far as the services go; return its id."""
        changes.setdefault("subject_request_id", fresh_id())
        answer = await self.post(example(version, **changes), version)
        assert answer.status_code == 201, answer.text
        await self.office.work()
        return str(changes["subject_request_id"])

    async def get(self, path: str, **more: Any) -> Response:
        return await self.http.get(path, headers=self.basic, **more)

    async def status(self, name: str = ID, version: str = "2") -> dict[str, Any]:
        answer = await self.get(f"{PATHS[version]}/{name}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def delete(self, name: str = ID, version: str = "2") -> Response:
        return await self.http.delete(f"{PATHS[version]}/{name}", headers=self.basic)


DESK: ContextVar[OpenDsrService] = ContextVar("DESK")


@cache
def processor() -> ASGIApp:
    return opendsr_app(cast("OpenDsrService", Behind(DESK.get)))


@asynccontextmanager
async def calling(office: Office, name: str = "shop", *, per_hour: int = 1000) -> AsyncIterator[Calling]:
    """Let the controller called *name* call the processor."""
    desk = desk_of(office, per_hour=per_hour)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        DESK.set(desk)
        await processor()(scope, receive, send)

    async with client_of(office.requests, opendsr=app) as http:
        http.base_url = ROOT
        yield Calling(office, desk, http, name)


def assert_error(response: Response, status: int, *, bare: bool = False, says: str = "") -> dict[str, Any]:
    """Check that *response* is an error as the protocol wants it, and return it."""
    content: dict[str, Any] = response.json()
    assert response.status_code == status, content
    assert response.headers["content-type"] == "application/json"
    assert (response.headers["cache-control"], response.headers["pragma"]) == ("no-store", "no-cache")
    assert ("error" in content) is not bare
    error: dict[str, Any] = content if bare else content["error"]
    assert error["code"] == status
    assert says in error["message"]
    assert all(set(one) == {"domain", "reason", "message"} for one in error["errors"])
    for secret in (EMAIL, NUMBER, *SECRETS.values()):
        assert secret not in response.text
    return error


def assert_signed(response: Response, version: str = "2") -> None:
    """Check the signature over the very bytes of *response*."""
    prefix = "X-OpenGDPR" if version == "1" else "X-OpenDSR"
    assert response.headers[f"{prefix}-Processor-Domain"] == DOMAIN
    signature = response.headers[f"{prefix}-Signature"]
    assert verifies(certified().pem, signature, response.content)
    assert not verifies(certified().pem, signature, response.content + b" ")
    other = "X-OpenDSR" if version == "1" else "X-OpenGDPR"
    assert f"{other}-Signature" not in response.headers
