"""
The vault: the only place of personal data in Habeas.

Everything of a case is sealed with the case's own keys (AES-256-GCM), one per compartment. They are wrapped
for each account that needs them, by a key of that account, and kept in another database, so that backups of
the two can be kept apart. Destroying the keys erases the case everywhere at once: vault, backups, copies.
An item is sealed once under its name: a repetition after a crash finds the first one and changes nothing
(docs/adr/0001).
"""

import asyncio
import os
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.errors import Destroyed, PermanentError, Sealed
from shared.runtime.dataloader import DataLoader, LoadOrder
from shared.runtime.key_rings import (
    COMPARTMENTS,
    KEY_BYTES,
    READERS,
    KeyRing,
    RootKey,
    compartment_of,
    reader,
    wrapping_keys,
)
from shared.runtime.mongo import Client, Document, ReplaceOne, insert_new, starting, translated

NONCE_BYTES = 12
INCIDENT = "breach_people"
"""Stands for the compartment in which the people of an incident are sealed."""
CHUNK_BYTES = 1024 * 1024
"""Bytes of clear text per sealed chunk of a large item."""
CHUNKS_AT_ONCE = 8
"""Chunks that one round trip reads or writes at most."""
KEYS_HELD_S = 1.0
"""How long the keys of a case are held after they were read: a handler needs them several times."""


@dataclass(frozen=True, slots=True)
class VaultName:
    """The name of an item: its case and its name there."""

    case: str
    item: str

    def __str__(self) -> str:
        """Return the ``_id`` it is stored under."""
        return f"{self.case}/{self.item}"


@dataclass(frozen=True, slots=True)
class CaseKey:
    """The key of a case, for content that must be found by its place and lies beside the vault for that."""

    _key: AESGCM

    @classmethod
    def of(cls, key: bytes) -> "CaseKey":
        """Return the key made of these 32 bytes, for content that belongs to no case."""
        return cls(AESGCM(key))

    @classmethod
    def unnamed(cls) -> "CaseKey":
        """Return a new key that is kept nowhere: its sealed content ends with the process."""
        return cls(AESGCM(os.urandom(KEY_BYTES)))

    def seal(self, content: bytes, name: str) -> bytes:
        """Return *content* sealed; it opens under the same *name* alone."""
        return _seal(self._key, content, name)

    def open(self, sealed: bytes, name: str) -> bytes:
        """
        Return the content that was sealed under *name*.

        Raises:
            Sealed: It was altered, or the master key is another.
        """
        return _open(self._key, sealed, name)


@dataclass(frozen=True, slots=True, eq=False)
class _Chunk:
    """A chunk to be stored."""

    document: Document


class _HeldKeys:
    """Keys of cases by compartment, each held for a short time."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[float, Mapping[str, AESGCM]]] = {}

    def get(self, case: str) -> Mapping[str, AESGCM] | None:
        """Return the keys of *case* if they are held."""
        self._drop_expired()
        return self._held[case][1] if case in self._held else None

    def hold(self, case: str, keys: Mapping[str, AESGCM]) -> None:
        """Hold *keys* of *case* from now on."""
        self.drop(case)
        self._held[case] = (time.monotonic() + KEYS_HELD_S, keys)

    def drop(self, case: str) -> None:
        """Drop the keys of *case*."""
        self._held.pop(case, None)

    def _drop_expired(self) -> None:
        now = time.monotonic()
        while self._held and (oldest := next(iter(self._held))) and self._held[oldest][0] <= now:
            del self._held[oldest]


class Vault:
    """The vault: ``<prefix>_vault`` and ``<prefix>_keys``."""

    def __init__(
        self,
        client: Client,
        *,
        prefix: str,
        master_key: RootKey,
        changed: Callable[[], RootKey | None] = lambda: None,
    ) -> None:
        """
        Use the databases of *prefix*.

        Args:
            client: The database.
            prefix: First part of the names of our databases.
            master_key: The master key, or the keys of one account: it opens the compartments of the account.
            changed: Returns the key anew where it was rotated since it was asked last.
        """
        self._keys = client[f"{prefix}_keys"]["keys"]
        self._items = client[f"{prefix}_vault"]["items"]
        self._chunks = client[f"{prefix}_vault"]["chunks"]
        self._account = reader(master_key)
        self._wrapping = _wrapping(master_key)
        self._changed = changed
        self._key_of = DataLoader(self._load_keys)
        self._new_key_of = DataLoader(self._create_keys)
        self._read = DataLoader(self._load_items)
        self._write = DataLoader(self._store_items)
        self._held = _HeldKeys()
        self._read_chunk: DataLoader[str, Document | None] = DataLoader(
            self._load_chunks, turns=LoadOrder(CHUNKS_AT_ONCE)
        )
        self._write_chunk: DataLoader[_Chunk, None] = DataLoader(
            self._store_chunks, turns=LoadOrder(CHUNKS_AT_ONCE)
        )

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
        name = VaultName(case, item)
        sealed = _seal(await self._key(case, item), content, str(name))
        return await self._write((name, sealed))

    async def open(self, case: str, item: str) -> bytes:
        """
        Return the content that is kept under the name *item*.

        Raises:
            KeyError: Nothing is.
            Destroyed: The case has no key (any more).
            Sealed: It was altered, or the master key is another.
        """
        name = VaultName(case, item)
        if self._held.get(case) is None:
            key, sealed = await asyncio.gather(self._key(case, item), self._read(name))
        else:
            key, sealed = await self._key(case, item), await self._read(name)
        if sealed is None:
            raise KeyError(name)
        return _open(key, sealed, str(name))

    async def holds(self, case: str, item: str) -> bool:
        """Return whether anything is kept under the name *item*."""
        return await self._read(VaultName(case, item)) is not None

    async def discard(self, case: str, items: Sequence[str]) -> None:
        """Remove *items* for good, as proofs are at the decision."""
        names = [str(VaultName(case, item)) for item in items]
        with translated("discard from the vault"):
            await self._items.delete_many({"_id": {"$in": names}})
            await self._chunks.delete_many({"case": case, "item": {"$in": names}})

    async def discard_all(self, case: str, prefixes: Sequence[str], *, but: Sequence[str] = ()) -> None:
        """Remove all items of *case* with a name that begins with one of *prefixes*, *but* for some."""
        kept = [str(VaultName(case, item)) for item in but]
        if not prefixes:
            return
        # Ranges, not one expression: an expression with alternatives would read the index of all cases.
        named = [{**starting(str(VaultName(case, prefix))), "$nin": kept} for prefix in prefixes]
        with translated("discard from the vault"):
            await self._items.delete_many({"$or": [{"_id": one} for one in named]})
            await self._chunks.delete_many({"case": case, "$or": [{"item": one} for one in named]})

    async def seal_stream(self, case: str, item: str, content: AsyncIterable[bytes]) -> int:
        """
        Keep a large *content* in chunks, replacing an unfinished attempt; return its size in bytes.

        The last chunk is marked, so that a truncated item does not open; all carry the mark of their
        attempt, so that chunks of two attempts do not open together.
        """
        key, name, attempt = await self._key(case, item), VaultName(case, item), os.urandom(NONCE_BYTES).hex()
        size = number = 0
        async for block, last in _ending(content):
            size += len(block)
            document: Document = {"_id": f"{name}#{number}", "case": case, "item": str(name)}
            document |= {"attempt": attempt, "last": last}
            document["sealed"] = _seal(key, block, _chunk_name(document))
            await self._write_chunk(_Chunk(document))
            number += 1
        return size

    async def open_stream(self, case: str, item: str, *, start: int = 0) -> AsyncIterator[bytes]:
        """
        Yield the bytes that :meth:`seal_stream` kept, from byte *start* on.

        Raises:
            KeyError: Nothing is kept there, or not all of it.
            Destroyed: The case has no key (any more).
            Sealed: It was altered.
        """
        key = await self._key(case, item)
        number, skipped = divmod(start, CHUNK_BYTES)
        attempt, last = None, False
        while not last:
            document = await self._read_chunk(f"{VaultName(case, item)}#{number}")
            if document is None or attempt not in (None, document["attempt"]):
                raise KeyError(item)
            attempt, last = document["attempt"], document["last"]
            yield _open(key, document["sealed"], _chunk_name(document))[skipped:]
            number, skipped = number + 1, 0

    async def destroy(self, case: str) -> None:
        """Destroy the key of *case*, and then the sealed content."""
        with translated("destroy a case"):
            await self._keys.update_one({"_id": case}, {"$set": {"key": None}}, upsert=True)
            self._held.drop(case)
            await self._items.delete_many({"case": case})
            await self._chunks.delete_many({"case": case})

    async def key_of(self, case: str) -> CaseKey:
        """
        Return the key of an incident, for the people affected.

        Raises:
            Destroyed: It has none (any more).
        """
        return CaseKey(await self._key(case, INCIDENT))

    async def _load_keys(self, cases: Sequence[str]) -> Mapping[str, Mapping[str, AESGCM]]:
        with translated("read case keys"):
            documents = [document async for document in self._keys.find({"_id": {"$in": list(cases)}})]
        kept = [document for document in documents if document["key"]]
        try:
            return {document["_id"]: self._unwrap(document) for document in kept}
        except Sealed:
            if not self._is_refreshed():
                raise
        return {document["_id"]: self._unwrap(document) for document in kept}

    def _is_refreshed(self) -> bool:
        """Take over a key that was rotated meanwhile; return whether there is one."""
        root = self._changed()
        if root is not None:
            self._wrapping = _wrapping(root)
        return root is not None

    async def _key(self, case: str, item: str) -> AESGCM:
        """Return the key of the compartment of *case* in which *item* lies."""
        compartments = self._held.get(case) or await self._loaded_keys(case)
        compartment = compartment_of(item)
        if compartment not in compartments:
            raise Sealed(f"{case}/{item} is in a compartment that {self._account} does not open")
        return compartments[compartment]

    async def _loaded_keys(self, case: str) -> Mapping[str, AESGCM]:
        try:
            keys = await self._key_of(case)
        except KeyError:
            raise Destroyed(f"case {case} has no key: it was erased, or never created") from None
        self._held.hold(case, keys)
        return keys

    async def _create_keys(self, cases: Sequence[str]) -> Mapping[str, None]:
        self._is_refreshed()  # keys wrapped by an old key are lost when that is destroyed
        keys = {case: {name: os.urandom(KEY_BYTES) for name in COMPARTMENTS} for case in cases}
        documents: list[Document] = [{"_id": case, "key": self._wrapped(case, keys[case])} for case in cases]
        for case in keys.keys() - await insert_new(self._keys, documents):
            self._held.hold(case, {name: AESGCM(keys[case][name]) for name in READERS[self._account]})
        return dict.fromkeys(cases)

    async def _load_items(self, names: Sequence[VaultName]) -> Mapping[VaultName, bytes | None]:
        """Return the contents of *names*. Nothing is no error: it would hide that the case is destroyed."""
        with translated("read the vault"):
            found = self._items.find({"_id": {"$in": list(map(str, names))}})
            sealed = {document["_id"]: document["sealed"] async for document in found}
        return {name: sealed.get(str(name)) for name in names}

    async def _load_chunks(self, names: Sequence[str]) -> Mapping[str, Document | None]:
        """Return the chunks of *names*; None for each that is missing."""
        with translated("open a chunk"):
            found = {one["_id"]: one async for one in self._chunks.find({"_id": {"$in": list(names)}})}
        return {name: found.get(name) for name in names}

    async def _store_chunks(self, chunks: Sequence[_Chunk]) -> Mapping[_Chunk, None]:
        """Store each of *chunks* in the place of an earlier attempt's."""
        writes = [ReplaceOne({"_id": one.document["_id"]}, one.document, upsert=True) for one in chunks]
        with translated("seal a chunk"):
            await self._chunks.bulk_write(writes, ordered=False)
        return dict.fromkeys(chunks)

    async def _store_items(
        self, items: Sequence[tuple[VaultName, bytes]]
    ) -> Mapping[tuple[VaultName, bytes], bool]:
        documents: dict[str, Document] = {}
        for name, sealed in items:
            documents.setdefault(str(name), {"_id": str(name), "case": name.case, "sealed": sealed})
        earlier = await insert_new(self._items, list(documents.values()))
        return {
            (name, sealed): str(name) not in earlier and documents[str(name)]["sealed"] is sealed
            for name, sealed in items
        }

    def _wrapped(self, case: str, keys: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return *keys* of *case*, wrapped for each account that opens some of them."""
        return {account: self._wrap(case, account, keys) for account in READERS}

    def _wrap(self, case: str, account: str, keys: Mapping[str, bytes]) -> bytes:
        if account not in self._wrapping:
            raise PermanentError(f"the account {self._account} makes no keys of cases")
        content = b"".join(keys[compartment] for compartment in READERS[account])
        return _seal(self._wrapping[account][0], content, f"{case} for {account}")

    def _unwrap(self, document: Document) -> Mapping[str, AESGCM]:
        """Return the keys of a case that this account opens, by compartment."""
        name = f"{document['_id']} for {self._account}"
        content = _open_by_any(self._wrapping[self._account], document["key"].get(self._account, b""), name)
        parts = [content[at : at + KEY_BYTES] for at in range(0, len(content), KEY_BYTES)]
        return dict(zip(READERS[self._account], map(AESGCM, parts), strict=True))


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """Counts of a rewrapping of case keys."""

    anew: int
    """Cases with keys wrapped by an older key."""
    unopened: int
    """Cases with keys that no key opens: they came back with a backup from before a rotation."""


async def wrap_anew(client: Client, prefix: str, rings: Mapping[str, KeyRing]) -> Rewrapped:
    """
    Wrap the keys of all cases by the current keys of *rings*.

    A case that is destroyed meanwhile stays destroyed.
    """
    wrapping = {account: _wrapping(ring)[account] for account, ring in rings.items()}
    keys = client[f"{prefix}_keys"]["keys"]
    count = unopened = 0
    with translated("wrap the keys of cases anew"):
        async for document in keys.find({"key": {"$ne": None}}):
            try:
                anew = {
                    account: _wrapped_by_first(wrapping[account], sealed, f"{document['_id']} for {account}")
                    for account, sealed in document["key"].items()
                }
            except Sealed:
                unopened += 1
                continue
            if anew != document["key"]:
                guard = {"_id": document["_id"], "key": document["key"]}
                count += (await keys.update_one(guard, {"$set": {"key": anew}})).modified_count
    return Rewrapped(count, unopened)


def _wrapping(root: RootKey) -> dict[str, tuple[AESGCM, ...]]:
    return {account: tuple(map(AESGCM, keys)) for account, keys in wrapping_keys(root).items()}


def _wrapped_by_first(keys: Sequence[AESGCM], sealed: bytes, name: str) -> bytes:
    """Return *sealed* as it is where the first of *keys* opens it, else sealed by that."""
    with suppress(Sealed):
        _open(keys[0], sealed, name)
        return sealed
    return _seal(keys[0], _open_by_any(keys, sealed, name), name)


def _open_by_any(keys: Sequence[AESGCM], sealed: bytes, name: str) -> bytes:
    """Open *sealed* with one of *keys*; after a rotation the older ones open values not wrapped anew yet."""
    for key in keys[:-1]:
        with suppress(Sealed):
            return _open(key, sealed, name)
    return _open(keys[-1], sealed, name)


def _seal(key: AESGCM, content: bytes, name: str) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + key.encrypt(nonce, content, name.encode())


def _open(key: AESGCM, sealed: bytes, name: str) -> bytes:
    try:
        return key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode())
    except (InvalidTag, ValueError):
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
