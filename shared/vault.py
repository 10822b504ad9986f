"""
Where personal data lies, and nowhere else of ours.

Everything of a case is sealed with the case's own key (AES-256-GCM); that key is wrapped by the master key
and kept in another database, so that backups of the two can be kept apart. Destroying the key erases the
case everywhere at once: vault, backups, copies. What is sealed under a name is sealed once: a repetition
after a crash finds the first one and changes nothing (docs/adr/0001).
"""

import asyncio
import os
import re
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.coalescing import Coalescer
from shared.errors import Destroyed, Sealed
from shared.mongo import Client, Document, insert_new, translated

NONCE_BYTES = 12
KEY_BYTES = 32
CHUNK_BYTES = 1024 * 1024
"""Bytes of clear text per sealed chunk of a large item."""


@dataclass(frozen=True, slots=True)
class Name:
    """Where something lies: the case it belongs to and its name there."""

    case: str
    item: str

    def __str__(self) -> str:
        """Return the ``_id`` it is stored under."""
        return f"{self.case}/{self.item}"


def derived_key(master: bytes, purpose: str) -> bytes:
    """Return a key for *purpose* alone, derived from the *master* key (HKDF, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(master)


@dataclass(frozen=True, slots=True)
class CaseKey:
    """The key of a case, for what must be found by its place and lies beside the vault for that."""

    _key: AESGCM

    @classmethod
    def of(cls, key: bytes) -> "CaseKey":
        """Return the key made of these 32 bytes, for content that belongs to no case."""
        return cls(AESGCM(key))

    @classmethod
    def of_nobody(cls) -> "CaseKey":
        """Return a new key that is kept nowhere: what it seals goes with the process."""
        return cls(AESGCM(os.urandom(KEY_BYTES)))

    def seal(self, content: bytes, name: str) -> bytes:
        """Return *content* sealed; it opens under the same *name* alone."""
        return _seal(self._key, content, name)

    def open(self, sealed: bytes, name: str) -> bytes:
        """
        Return what was sealed under *name*.

        Raises:
            Sealed: It was altered, or the master key is another.
        """
        return _open(self._key, sealed, name)


class Vault:
    """The vault: ``<prefix>_vault`` and ``<prefix>_keys``."""

    def __init__(self, client: Client, *, prefix: str, master_key: bytes) -> None:
        """Use the databases of *prefix*; *master_key* wraps the keys of the cases."""
        self._keys = client[f"{prefix}_keys"]["keys"]
        self._items = client[f"{prefix}_vault"]["items"]
        self._chunks = client[f"{prefix}_vault"]["chunks"]
        self._master = AESGCM(derived_key(master_key, "case keys"))
        self._key_of = Coalescer(self._load_keys)
        self._new_key_of = Coalescer(self._create_keys)
        self._read = Coalescer(self._load_items)
        self._write = Coalescer(self._store_items)

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the vault"):
            await self._items.create_index("case")
            await self._chunks.create_index("case")

    async def create(self, case: str) -> None:
        """Give *case* its key. Once destroyed, a case never gets another."""
        await self._new_key_of(case)

    async def seal(self, case: str, item: str, content: bytes) -> bool:
        """
        Keep *content* under the name *item*, unless something is kept there already; return whether it is.

        Raises:
            Destroyed: The case has no key (any more).
        """
        name = Name(case, item)
        sealed = _seal(await self._key(case), content, str(name))
        return await self._write((name, sealed))

    async def open(self, case: str, item: str) -> bytes:
        """
        Return what is kept under the name *item*.

        Raises:
            KeyError: Nothing is.
            Destroyed: The case has no key (any more).
            Sealed: It was altered, or the master key is another.
        """
        name = Name(case, item)
        key, sealed = await asyncio.gather(self._key(case), self._read(name))
        if sealed is None:
            raise KeyError(name)
        return _open(key, sealed, str(name))

    async def holds(self, case: str, item: str) -> bool:
        """Return whether anything is kept under the name *item*."""
        return await self._read(Name(case, item)) is not None

    async def discard(self, case: str, items: Sequence[str]) -> None:
        """Remove *items* for good, as proofs are at the decision."""
        names = [str(Name(case, item)) for item in items]
        with translated("discard from the vault"):
            await self._items.delete_many({"_id": {"$in": names}})
            await self._chunks.delete_many({"case": case, "item": {"$in": names}})

    async def discard_all(self, case: str, prefixes: Sequence[str], *, but: Sequence[str] = ()) -> None:
        """Remove for good what of *case* has a name that begins with one of *prefixes*, *but* for some."""
        kept = [str(Name(case, item)) for item in but]
        named = {"$regex": f"^{case}/({'|'.join(map(re.escape, prefixes))})", "$nin": kept}
        with translated("discard from the vault"):
            await self._items.delete_many({"_id": named})
            await self._chunks.delete_many({"case": case, "item": named})

    async def seal_stream(self, case: str, item: str, content: AsyncIterable[bytes]) -> int:
        """
        Keep a large *content* in chunks, replacing an unfinished attempt; return its size in bytes.

        The last chunk is marked, so that a truncated item does not open; all carry the mark of their
        attempt, so that chunks of two attempts do not open together.
        """
        key, name, attempt = await self._key(case), Name(case, item), os.urandom(NONCE_BYTES).hex()
        size = number = 0
        async for block, last in _ending(content):
            size += len(block)
            document: Document = {"_id": f"{name}#{number}", "case": case, "item": str(name)}
            document |= {"attempt": attempt, "last": last}
            document["sealed"] = _seal(key, block, _chunk_name(document))
            with translated("seal a chunk"):
                await self._chunks.replace_one({"_id": document["_id"]}, document, upsert=True)
            number += 1
        return size

    async def open_stream(self, case: str, item: str, *, start: int = 0) -> AsyncIterator[bytes]:
        """
        Yield what :meth:`seal_stream` kept, from byte *start* on.

        Raises:
            KeyError: Nothing is kept there, or not all of it.
            Destroyed: The case has no key (any more).
            Sealed: It was altered.
        """
        key = await self._key(case)
        number, skipped = divmod(start, CHUNK_BYTES)
        attempt, last = None, False
        while not last:
            with translated("open a chunk"):
                document = await self._chunks.find_one({"_id": f"{Name(case, item)}#{number}"})
            if document is None or attempt not in (None, document["attempt"]):
                raise KeyError(item)
            attempt, last = document["attempt"], document["last"]
            yield _open(key, document["sealed"], _chunk_name(document))[skipped:]
            number, skipped = number + 1, 0

    async def destroy(self, case: str) -> None:
        """Destroy the key of *case*, and then what it sealed."""
        with translated("destroy a case"):
            await self._keys.update_one({"_id": case}, {"$set": {"key": None}}, upsert=True)
            await self._items.delete_many({"case": case})
            await self._chunks.delete_many({"case": case})

    async def key_of(self, case: str) -> CaseKey:
        """
        Return the key of *case*.

        Raises:
            Destroyed: It has none (any more).
        """
        return CaseKey(await self._key(case))

    async def _load_keys(self, cases: Sequence[str]) -> Mapping[str, AESGCM]:
        with translated("read case keys"):
            documents = [document async for document in self._keys.find({"_id": {"$in": list(cases)}})]
        return {document["_id"]: self._unwrap(document) for document in documents if document["key"]}

    async def _key(self, case: str) -> AESGCM:
        try:
            return await self._key_of(case)
        except KeyError:
            raise Destroyed(f"case {case} has no key: it was erased, or never created") from None

    async def _create_keys(self, cases: Sequence[str]) -> Mapping[str, None]:
        fresh = [{"_id": case, "key": self._wrap(case, os.urandom(KEY_BYTES))} for case in cases]
        await insert_new(self._keys, fresh)
        return dict.fromkeys(cases)

    async def _load_items(self, names: Sequence[Name]) -> Mapping[Name, bytes | None]:
        """Return what *names* hold. Nothing is no error: it would hide that the case is destroyed."""
        with translated("read the vault"):
            found = self._items.find({"_id": {"$in": list(map(str, names))}})
            sealed = {document["_id"]: document["sealed"] async for document in found}
        return {name: sealed.get(str(name)) for name in names}

    async def _store_items(self, items: Sequence[tuple[Name, bytes]]) -> Mapping[tuple[Name, bytes], bool]:
        documents: dict[str, Document] = {}
        for name, sealed in items:
            documents.setdefault(str(name), {"_id": str(name), "case": name.case, "sealed": sealed})
        earlier = await insert_new(self._items, list(documents.values()))
        return {
            (name, sealed): str(name) not in earlier and documents[str(name)]["sealed"] is sealed
            for name, sealed in items
        }

    def _wrap(self, case: str, key: bytes) -> bytes:
        return _seal(self._master, key, case)

    def _unwrap(self, document: Document) -> AESGCM:
        return AESGCM(_open(self._master, document["key"], document["_id"]))


def _seal(key: AESGCM, content: bytes, name: str) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + key.encrypt(nonce, content, name.encode())


def _open(key: AESGCM, sealed: bytes, name: str) -> bytes:
    try:
        return key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode())
    except InvalidTag:
        raise Sealed(f"{name} does not open: it was altered, or HABEAS_MASTER_KEY is another") from None


def _chunk_name(document: Document) -> str:
    return f"{document['_id']} {document['attempt']}{'.' if document['last'] else ''}"


async def _ending(content: AsyncIterable[bytes]) -> AsyncIterator[tuple[bytes, bool]]:
    """Re-cut *content* into full chunks and say of each whether it is the last."""
    held = bytearray()
    async for piece in content:
        held += piece
        while len(held) > CHUNK_BYTES:
            yield bytes(held[:CHUNK_BYTES]), False
            del held[:CHUNK_BYTES]
    yield bytes(held), True
