"""
Sessions of staff at the console.

The browser holds a random token in a cookie; the database holds its digest. What the session needs to act,
the account's signing key and the bearer for intake, is sealed by a key that follows from the token: the
database without the cookie opens nothing, and the cookie alone signs nothing without a one-time code.
"""

import os
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.runtime.mongo import Database, Document, translated

NONCE_BYTES: Final = 12
SEEN_EVERY = timedelta(seconds=30)
"""How often the last use of a session is written down."""


@dataclass(frozen=True, slots=True)
class UnlockedKey:
    """The signing key of an account, and the bearer of its session at intake."""

    key: Ed25519PrivateKey = field(repr=False)
    bearer: str = field(repr=False)
    until: datetime
    """When the session at intake ends."""


@dataclass(frozen=True, slots=True)
class ConsoleSession:
    """A session of a signed-in account."""

    token: str = field(repr=False)
    account: str
    public_key: bytes
    """Of the account at sign-in: with another one the session is over."""
    started_at: datetime
    ends_at: datetime
    unlocked: UnlockedKey | None = field(default=None, repr=False)
    """None after a sign-in by a provider, until the first step-up."""

    @property
    def form_token(self) -> str:
        """The token that forms of this session carry against other sites."""
        return sha256(f"form {self.token}".encode()).hexdigest()

    def bearer(self, now: datetime) -> str | None:
        """Return the bearer for intake; None if the session has none in force."""
        return self.unlocked.bearer if self.unlocked and self.unlocked.until > now else None


class SessionStore:
    """The sessions of an installation."""

    def __init__(self, database: Database, *, idle: timedelta, length: timedelta) -> None:
        """Keep them in *database*; they end after *idle* time without use, and after *length*."""
        self._sessions = database["sessions"]
        self.idle = idle
        self.length = length

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the sessions"):
            await self._sessions.create_index("ends_at", expireAfterSeconds=0)
            await self._sessions.create_index("account")

    async def begin(
        self, account: str, public_key: bytes, now: datetime, unlocked: UnlockedKey | None = None
    ) -> ConsoleSession:
        """Begin a session of *account* and return it."""
        token = secrets.token_urlsafe(32)
        session = ConsoleSession(token, account, public_key, now, now + self.length, unlocked)
        document: Document = {
            "_id": _digest(token),
            "account": account,
            "public_key": public_key,
            "started_at": now,
            "seen_at": now,
            "ends_at": session.ends_at,
            "sealed": unlocked and _sealed(token, unlocked),
        }
        with translated("begin a session"):
            await self._sessions.insert_one(document)
        return session

    async def session(self, token: str, now: datetime, *, used: bool = True) -> ConsoleSession | None:
        """
        Return the session of *token*; None if there is none, or it is over.

        Its use is noted if it is *used*: an open page that only follows counts does not keep it alive.
        """
        with translated("read a session"):
            document = await self._sessions.find_one({"_id": _digest(token)})
        if document is None or now >= document["ends_at"] or now - document["seen_at"] > self.idle:
            return None
        if used and now - document["seen_at"] > SEEN_EVERY:
            await self._change(token, {"seen_at": now})
        sealed = document["sealed"]
        return ConsoleSession(
            token,
            document["account"],
            bytes(document["public_key"]),
            document["started_at"],
            document["ends_at"],
            _opened(token, sealed) if sealed else None,
        )

    async def unlock(self, session: ConsoleSession, unlocked: UnlockedKey) -> None:
        """Keep the key of the account in *session*."""
        await self._change(session.token, {"sealed": _sealed(session.token, unlocked)})

    async def lock(self, session: ConsoleSession) -> None:
        """Forget the key of the account in *session*: its session at intake has ended."""
        await self._change(session.token, {"sealed": None})

    async def end(self, session: ConsoleSession) -> bool:
        """End *session*; return False if it had ended before."""
        with translated("end a session"):
            ended = await self._sessions.delete_one({"_id": _digest(session.token)})
        return bool(ended.deleted_count)

    async def _change(self, token: str, values: Document) -> None:
        with translated("change a session"):
            await self._sessions.update_one({"_id": _digest(token)}, {"$set": values})


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _cipher(token: str) -> AESGCM:
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"habeas console session")
    return AESGCM(derive.derive(token.encode()))


def _sealed(token: str, unlocked: UnlockedKey) -> bytes:
    content = {
        "key": unlocked.key.private_bytes_raw().hex(),
        "bearer": unlocked.bearer,
        "until": unlocked.until.isoformat(),
    }
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher(token).encrypt(nonce, orjson.dumps(content), _digest(token).encode())


def _opened(token: str, sealed: bytes) -> UnlockedKey | None:
    """Return the sealed content; None if it does not open: then staff unlocks the session again."""
    try:
        content = orjson.loads(
            _cipher(token).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _digest(token).encode())
        )
    except InvalidTag:
        return None
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(content["key"]))
    return UnlockedKey(key, content["bearer"], datetime.fromisoformat(content["until"]))
