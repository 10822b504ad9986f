"""The proof of a receiver's key, over real connections, and its record in a real database."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import Response

from services.fulfillment.certificate.signatures import CertificateSigner
from services.fulfillment.recipients.carrier import Carrier
from services.fulfillment.recipients.receivers import KeyChallenge, ProvenReceivers, ReceiverUnproven
from shared.runtime.mongo import Client
from shared.runtime.safe_http import SafeHttp
from tests.integration.controller_server import NOW, Receiver
from tests.openpgp_keys import ReceiverKey


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Receiver]:
    async with Receiver().open(tmp_path) as opened:
        yield opened


@pytest.fixture
def carrier(server: Receiver) -> Carrier:
    return Carrier(CertificateSigner(b"m" * 32), SafeHttp(frozenset({"localhost"}), server.trust))


async def test_receiver_proves_each_key_once_and_the_time_is_recorded(
    server: Receiver, carrier: Carrier, mongo_client: Client, database_prefix: str, tmp_path: Path
) -> None:
    database = mongo_client[f"{database_prefix}_fulfillment"]
    proven = ProvenReceivers(database)
    first = server.key.receiver(server.url, tmp_path)
    await proven.prove(first, carrier, NOW)
    await proven.prove(first, carrier, NOW + timedelta(days=1))
    assert len(server.challenges) == 1

    server.key = ReceiverKey()
    changed = server.key.receiver(server.url, tmp_path)
    await proven.prove(changed, carrier, NOW + timedelta(days=2))
    await proven.prove(replace(changed, url=f"{server.url}/2"), carrier, NOW + timedelta(days=2))
    assert len(server.challenges) == 3
    rows = {row["_id"]: row["proven_at"] async for row in database["receivers"].find()}
    assert (rows[f"{first.certificate.fingerprint} {server.url}"] - NOW) < timedelta(seconds=1)
    assert server.received == []


async def test_receiver_with_another_key_is_not_proven(
    server: Receiver,
    carrier: Carrier,
    mongo_client: Client,
    database_prefix: str,
    tmp_path: Path,
) -> None:
    database = mongo_client[f"{database_prefix}_fulfillment"]
    answers = (b"", b"taken", b"0" * 64)
    server.answers = [Response(answer) for answer in answers]
    other = ReceiverKey().receiver(server.url, tmp_path)
    for _ in answers:
        with pytest.raises(ReceiverUnproven):
            await ProvenReceivers(database).prove(other, carrier, NOW)
    assert await database["receivers"].count_documents({}) == 0


async def test_challenge_names_the_address_that_it_is_for(tmp_path: Path) -> None:
    key = ReceiverKey()
    challenge = KeyChallenge(key.receiver("https://import.example.com/x", tmp_path))
    message = b"".join([piece async for piece in challenge.parcel(NOW).body()])
    assert challenge.word.encode() not in message
    assert key.word(message, "https://relay.example.net/x") == b""
    assert challenge.is_answered_by(key.word(message, "https://import.example.com/x") + b"\n")
