"""Attacks with the database of the console: its sessions open nothing without the cookie of their browser."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.console.signin.sessions import NONCE_BYTES, SessionStore, UnlockedKey, _cipher
from shared.contract.staff import public_bytes, session_token
from shared.runtime.mongo import Client, Collection, to_bson

NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
HOURS = timedelta(hours=8)


@pytest.fixture
def stored(mongo_client: Client, database_prefix: str) -> Collection:
    return mongo_client[f"{database_prefix}_console"]["sessions"]


@pytest_asyncio.fixture
async def store(mongo_client: Client, database_prefix: str) -> SessionStore:
    database = mongo_client[f"{database_prefix}_console"]
    return SessionStore(database, idle=timedelta(minutes=15), length=HOURS)


def unlocked() -> UnlockedKey:
    return UnlockedKey(Ed25519PrivateKey.generate(), secrets.token_urlsafe(32), NOW + HOURS)


async def begin(store: SessionStore, account: str, own: UnlockedKey) -> str:
    """Begin a session; return the token in its cookie."""
    return (await store.begin(account, public_bytes(own.key), NOW, own)).token


async def test_stolen_database_holds_no_cookie_no_key_and_no_bearer(
    store: SessionStore, stored: Collection
) -> None:
    own = unlocked()
    token = await begin(store, "dana.muster", own)
    [document] = [one async for one in stored.find({})]
    held, key = bytes(to_bson(document)), own.key.private_bytes_raw()
    hidden = (token.encode(), key, key.hex().encode(), own.bearer.encode())
    assert not [one for one in (*hidden, session_token(own.bearer).encode()) if one in held]
    assert await store.session(document["_id"], NOW) is None
    found = await store.session(token, NOW)
    assert found is not None
    assert found.unlocked is not None
    assert found.unlocked.bearer == own.bearer
    assert found.unlocked.key.private_bytes_raw() == key


async def test_sealed_key_does_not_open_by_what_the_database_holds(
    store: SessionStore, stored: Collection
) -> None:
    await begin(store, "dana.muster", unlocked())
    [document] = [one async for one in stored.find({})]
    nonce, sealed = document["sealed"][:NONCE_BYTES], document["sealed"][NONCE_BYTES:]
    for known in (document["_id"], document["account"]):
        with pytest.raises(InvalidTag):
            _cipher(known).decrypt(nonce, sealed, document["_id"].encode())


async def test_key_of_another_session_does_not_open_in_the_own_one(
    store: SessionStore, stored: Collection
) -> None:
    await begin(store, "dana.muster", unlocked())
    mine = await begin(store, "mallory.muster", unlocked())
    victim = await stored.find_one({"account": "dana.muster"})
    assert victim is not None
    await stored.update_one({"account": "mallory.muster"}, {"$set": {"sealed": victim["sealed"]}})
    found = await store.session(mine, NOW)
    assert found is not None
    assert found.unlocked is None
