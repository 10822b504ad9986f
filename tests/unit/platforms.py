"""Platforms that sign what they send, and an application that takes it."""

import base64
import hmac
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from httpx import AsyncClient, Response

from services.intake.channels.webhooks import apple, risc
from services.intake.channels.webhooks.service import WebhookService, webhooks_app
from shared.runtime.jwks import KeySet
from shared.runtime.tokens import ExpectedToken
from tests.unit.fakes import Office
from tests.unit.intake_api import client_of

ROOT = "https://privacy.example.com"
SHOPIFY, OLD_SHOPIFY, META = b"hush-shopify-0001", b"hush-shopify-0000", b"hush-meta-app-0001"
SHOP = "ottilies-lamps.myshopify.com"
CLIENT = "com.example.lamps"
ISSUER = "https://login.example.com/"
CUSTOMER = {"id": 191167, "email": "ottilie.quastenflosser@example.org", "phone": "+49 30 5550147"}
REDACT = {
    "shop_id": 954889,
    "shop_domain": SHOP,
    "customer": CUSTOMER,
    "orders_to_redact": [299938, 280263, 220458],
}
DATA_REQUEST = {
    "shop_id": 954889,
    "shop_domain": SHOP,
    "orders_requested": [299938, 280263, 220458],
    "customer": CUSTOMER,
    "data_request": {"id": 9999},
}
SHOP_REDACT = {"shop_id": 954889, "shop_domain": SHOP}


def hmac_of(body: bytes, secret: bytes = SHOPIFY) -> str:
    return base64.b64encode(hmac.digest(secret, body, "sha256")).decode()


def shopify_headers(topic: str, body: bytes, **changes: str | None) -> dict[str, str]:
    """Return the headers of a webhook; one that becomes None is left out."""
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": hmac_of(body),
        "X-Shopify-Shop-Domain": SHOP,
        "X-Shopify-Webhook-Id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
    }
    spelt = {f"X-Shopify-{name.replace('_', '-')}": value for name, value in changes.items()}
    return {name: value for name, value in {**headers, **spelt}.items() if value is not None}


def signed_request(secret: bytes = META, **changes: Any) -> str:
    """Return a ``signed_request`` as Meta makes it; a field that becomes None is left out."""
    said = {"user_id": "218471", "algorithm": "HMAC-SHA256", "issued_at": 1772700000, "expires": 0}
    content = {name: value for name, value in {**said, **changes}.items() if value is not None}
    return signed_text(base64url(json.dumps(content).encode()), secret)


def signed_text(text: str, secret: bytes = META) -> str:
    return f"{base64url(hmac.digest(secret, text.encode(), 'sha256'))}.{text}"


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@dataclass
class Signer:
    """Apple, or whoever signs with RSA and publishes the keys."""

    keys: dict[str, rsa.RSAPrivateKey] = field(default_factory=dict)
    asked: int = 0
    down: bool = False

    def __post_init__(self) -> None:
        self.rotate("one")

    def rotate(self, name: str) -> None:
        self.keys = {name: rsa.generate_private_key(public_exponent=65_537, key_size=2_048)}

    def token(
        self, *, kid: str | None = None, headers: Mapping[str, Any] | None = None, **changes: Any
    ) -> str:
        """Return a notification with *changes*; a claim that becomes None is left out."""
        moment = int(datetime.now(UTC).timestamp())
        claims = {
            "iss": apple.ISSUER,
            "aud": CLIENT,
            "exp": moment + 86_400,
            "iat": moment,
            "jti": "abede42ff0264a21a1e8a9a0b1c2d3e4",
            "events": happened("account-delete"),
            **changes,
        }
        left = {name: value for name, value in claims.items() if value is not None}
        name = next(iter(self.keys))
        return jwt.encode(left, self.keys[name], "RS256", headers={"kid": kid or name, **(headers or {})})

    def event(self, **changes: Any) -> str:
        """Return a Security Event Token that says that an account is gone, with *changes*."""
        gone = {risc.PURGED: {"subject": {"format": "iss_sub", "iss": ISSUER, "sub": "7375626A656374"}}}
        said = {"iss": ISSUER, "events": gone, "exp": None, "jti": "756E69717565206964656E746966696572"}
        return self.token(headers={"typ": "secevent+jwt"}, **{**said, **changes})

    def published(self) -> dict[str, Any]:
        self.asked += 1
        return {"keys": list(self._public())}

    def answer(self, _request: httpx.Request) -> Response:
        return Response(503) if self.down else Response(200, json=self.published())

    def _public(self) -> Iterator[dict[str, Any]]:
        for name, key in self.keys.items():
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
            yield {**public, "kid": name, "use": "sig", "alg": "RS256"}


def happened(type_: str, **more: Any) -> str:
    """Return what happened to an account, as Apple writes it: JSON in a string."""
    return json.dumps({"type": type_, "sub": "001473.fe6f.1234", "event_time": 1772700000000, **more})


@asynccontextmanager
async def platforms(office: Office, signer: Signer | None = None) -> AsyncIterator["Platforms"]:
    """Let platforms call *office*."""
    signing = signer or SIGNER
    async with AsyncClient(transport=httpx.MockTransport(signing.answer)) as outside:
        keys = KeySet(apple.ISSUER, outside, url=apple.KEYS)
        expected = ExpectedToken(keys, frozenset({CLIENT}), apple.REQUIRED)
        issuer = ExpectedToken(replace(keys, issuer=ISSUER), frozenset({CLIENT}), risc.REQUIRED)
        desk = WebhookService(office.requests, (OLD_SHOPIFY, SHOPIFY), (META,), expected, issuer, ROOT)
        async with client_of(office.requests, webhooks=webhooks_app(desk)) as http:
            yield Platforms(office, http, keys)


SIGNER = Signer()
"""One for all tests that rotate nothing: to make a key takes long."""


@dataclass
class Platforms:
    """Whoever calls."""

    office: Office
    http: AsyncClient
    keys: KeySet

    async def shopify(
        self, topic: str, content: Mapping[str, Any] | bytes, **headers: str | None
    ) -> Response:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        answer = await self.http.post(
            "/webhooks/shopify", content=body, headers=shopify_headers(topic, body, **headers)
        )
        await self.office.work()
        return answer

    async def meta(self, signed: str) -> Response:
        form = urlencode({"signed_request": signed}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await self.http.post("/webhooks/meta", content=form, headers=headers)
        await self.office.work()
        return answer

    async def risc(self, token: str, media_type: str = risc.MEDIA_TYPE) -> Response:
        headers = {"Content-Type": media_type, "Accept": "application/json"}
        answer = await self.http.post("/webhooks/risc", content=token, headers=headers)
        await self.office.work()
        return answer

    async def apple(self, token: str) -> Response:
        answer = await self.http.post("/webhooks/apple", json={"payload": token})
        await self.office.work()
        return answer
