"""
Sends packages to other controllers, and messages to recipients of data, through ``shared.runtime.safe_http``.

Both are signed; messages in the form of Standard Webhooks.
"""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx

from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.recipients.directory import DataRecipient, signed
from shared.runtime.safe_http import Receipt, ReceiverUnavailable, SafeHttp, receiver

LONGEST, LONGEST_MESSAGE = timedelta(minutes=10), timedelta(seconds=30)
"""Time limits of a whole transfer, and of one attempt: a slow receiver must not block the service."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A package on its way."""

    url: str = field(repr=False)
    key: str
    """The same for every attempt to send the same package."""
    body: Callable[[], AsyncIterator[bytes]] = field(repr=False)
    """Starts the body again each time."""
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Carrier:
    """Sends parcels."""

    signer: CertificateSigner = field(repr=False)
    http: SafeHttp

    async def send(self, parcel: Parcel) -> Receipt:
        """
        Send *parcel* and return the receiver's receipt.

        Raises:
            NotAllowed: The address is not allowed.
            ReceiverRefused: The receiver refuses it.
            ReceiverUnavailable: The receiver did not answer, or only temporarily refused.
        """
        url = receiver(parcel.url)
        try:
            async with asyncio.timeout(LONGEST.total_seconds()):
                return await self.http.post(url, await self._headers(parcel, url), parcel.body)
        except TimeoutError:
            raise ReceiverUnavailable("the receiver did not answer in time") from None

    async def _headers(self, parcel: Parcel, url: httpx.URL) -> dict[str, str]:
        digest, size = hashlib.sha256(), 0
        async for piece in parcel.body():
            digest.update(piece)
            size += len(piece)
        content, key = f"sha-256=:{_b64(digest.digest())}:", f'"{parcel.key}"'
        target = {"@method": "POST", "@target-uri": str(url)}
        components = {**target, "content-digest": content, "idempotency-key": key}
        return {
            "Content-Type": "application/pgp-encrypted",
            "Content-Length": str(size),
            "Content-Digest": content,
            "Idempotency-Key": key,
            **signature(components, self.signer, parcel.sent_at),
        }


def signature(signed: dict[str, str], signer: CertificateSigner, at: datetime) -> dict[str, str]:
    """
    Return the headers that sign the components *signed* of a message (RFC 9421, Ed25519).

    The content is signed by its digest (RFC 9530).
    """
    names = " ".join(f'"{name}"' for name in signed)
    key = signer.public_key.fingerprint
    parameters = f'({names});created={int(at.timestamp())};keyid="{key}";alg="ed25519"'
    lines = [*(f'"{name}": {value}' for name, value in signed.items()), f'"@signature-params": {parameters}']
    made = signer.sign("\n".join(lines).encode())
    return {"Signature-Input": f"habeas={parameters}", "Signature": f"habeas=:{_b64(made)}:"}


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


@dataclass(frozen=True, slots=True)
class RecipientWebhooks:
    """Sends messages."""

    http: SafeHttp
    internal_http: SafeHttp
    """For internal recipients."""

    async def send(self, recipient: DataRecipient, message_id: str, body: bytes, at: datetime) -> None:
        """Return when *recipient* has acknowledged *body*; raises like :meth:`Carrier.send`."""
        text = recipient.webhook or ""
        plain = recipient.inside and text.startswith("http://")
        url = httpx.URL(text) if plain else receiver(text)
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **signed(message_id, at, body, recipient.key),
        }
        way = self.internal_http if recipient.inside else self.http
        try:
            async with asyncio.timeout(LONGEST_MESSAGE.total_seconds()):
                await way.post(url, headers, lambda: _whole(body))
        except TimeoutError:
            raise ReceiverUnavailable("the receiver did not answer in time") from None


async def _whole(body: bytes) -> AsyncIterator[bytes]:
    yield body
