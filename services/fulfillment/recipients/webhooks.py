"""Sends messages to recipients of data, signed in the form of Standard Webhooks."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx

from services.fulfillment.recipients.directory import DataRecipient, signed
from shared.runtime.safe_http import ReceiverUnavailable, SafeHttp, receiver

LONGEST = timedelta(seconds=30)
"""Time limit of one attempt: a slow recipient must not block the service."""


@dataclass(frozen=True, slots=True)
class RecipientWebhooks:
    """Sends messages."""

    http: SafeHttp
    internal_http: SafeHttp
    """For internal recipients."""

    async def send(self, recipient: DataRecipient, message_id: str, body: bytes, at: datetime) -> None:
        """
        Return when *recipient* has acknowledged *body*; every attempt carries the same *message_id*.

        Raises:
            NotAllowed: The address is not allowed.
            Refused: The recipient refuses it.
            ReceiverUnavailable: The recipient did not answer, or only temporarily refused.
        """
        url = _address(recipient)
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **signed(message_id, at, body, recipient.key),
        }
        way = self.internal_http if recipient.inside else self.http
        try:
            async with asyncio.timeout(LONGEST.total_seconds()):
                await way.post(url, headers, lambda: _whole(body))
        except TimeoutError:
            raise ReceiverUnavailable("the receiver did not answer in time") from None


def _address(recipient: DataRecipient) -> httpx.URL:
    text = recipient.webhook or ""
    if recipient.inside and text.startswith("http://"):
        return httpx.URL(text)
    return receiver(text)


async def _whole(body: bytes) -> AsyncIterator[bytes]:
    yield body
