"""
Other controllers that packages are sent to: their keys, and the proof that they hold them.

A receiver proves its key before its first package: it decrypts a word, and returns it from its address.

Law:
    GDPR Art. 20(2): transmitted directly from one controller to another; Art. 32(1)(a): encryption.
"""

import hmac
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

from services.fulfillment.recipients.carrier import Carrier, Parcel
from shared.runtime.log import logger
from shared.runtime.mongo import Database, translated
from shared.runtime.openpgp import OpenPgpCertificate

CHALLENGE = "habeas-challenge/1"
WORD_BYTES = 32


class ReceiverUnproven(Exception):
    """The receiver did not return the encrypted word."""


@dataclass(frozen=True, slots=True)
class PackageReceiver:
    """Another controller that packages are sent to."""

    url: str
    certificate: OpenPgpCertificate


@dataclass(frozen=True, slots=True)
class KeyChallenge:
    """A word that only the holder of the receiver's key can read."""

    receiver: PackageReceiver
    word: str = field(default_factory=lambda: secrets.token_hex(WORD_BYTES), repr=False)

    def parcel(self, at: datetime) -> Parcel:
        """Return the message; it names the address, so that a holder does not decrypt it for another one."""
        text = f"{CHALLENGE} {self.receiver.url} {self.word}"
        message = self.receiver.certificate.encrypted(text.encode())

        async def body() -> AsyncIterator[bytes]:
            yield message

        return Parcel(self.receiver.url, secrets.token_hex(16), body, at)

    def is_answered_by(self, answer: bytes) -> bool:
        """Return whether *answer* is the word."""
        return hmac.compare_digest(answer.strip(), self.word.encode())


class ProvenReceivers:
    """The collection ``receivers``: each proven key, with its address and the time of the proof."""

    def __init__(self, database: Database) -> None:
        """Keep them in *database*."""
        self._receivers = database["receivers"]

    async def prove(self, receiver: PackageReceiver, carrier: Carrier, at: datetime) -> None:
        """
        Return when *receiver* has proven its key, now or earlier for the same key and address.

        Raises:
            ReceiverUnproven: It did not return the word.
            NotAllowed, ReceiverRefused, ReceiverUnavailable: As :meth:`Carrier.send`.
        """
        key = {"_id": f"{receiver.certificate.fingerprint} {receiver.url}"}
        with translated("read the proven receivers"):
            if await self._receivers.find_one(key) is not None:
                return
        challenge = KeyChallenge(receiver)
        receipt = await carrier.send(challenge.parcel(at))
        if not challenge.is_answered_by(receipt.body):
            raise ReceiverUnproven
        with translated("register a proven receiver"):
            await self._receivers.update_one(key, {"$setOnInsert": {"proven_at": at}}, upsert=True)
        logger().info("receiver proved its key", fingerprint=receiver.certificate.fingerprint)
