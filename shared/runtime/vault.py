"""
The vault: the only place of personal data in Habeas.

Everything of a case is sealed with the case's own keys (AES-256-GCM), one per compartment. They are wrapped
for each account that needs them, by a key of that account, and kept in another database, so that backups of
the two can be kept apart. Destroying the keys erases the case everywhere at once: vault, backups, copies.
An item is sealed once under its name: a repetition after a crash finds the first one and changes nothing
(docs/adr/0001).
"""

import asyncio
import hmac
import os
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.errors import ContentMissing, Destroyed, PermanentError, Sealed
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
from shared.runtime.log import logger
from shared.runtime.mongo import (
    Client,
    Collection,
    Document,
    ReplaceOne,
    create_compressed,
    found_surely,
    insert_new,
    starting,
    translated,
)
from shared.runtime.packed_content import (
    NO_TEMPLATE,
    PackingTemplate,
    is_packed,
    packed,
    unpacked,
)

NONCE_BYTES = 12
INCIDENT = "breach_people"
"""Stands for the compartment in which the people of an incident are sealed."""
CHUNK_BYTES = 1024 * 1024
"""Bytes of clear text per sealed chunk of a large item."""
CHUNKS_AT_ONCE = 8
"""Chunks that one round trip reads or writes at most."""
SURELY_AT_ONCE = 100
"""Documents that one read looks for again."""
TEMPLATES_HELD = 512
"""Templates that a process keeps in memory."""
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


@dataclass(frozen=True, slots=True, eq=False)
class _Item:
    """An item to be stored."""

    name: VaultName
    document: Document


def _surely(collection: Collection) -> DataLoader[Any, Document | None]:
    """Return the loader of what other reads have missed, one read at a time: strangers may cause many."""
    return DataLoader(partial(found_surely, collection), window=0.0, turns=LoadOrder(SURELY_AT_ONCE))


class _Templates:
    """The templates that stored content was packed with, by their digests."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._surely = _surely(collection)
        self._stored: dict[bytes, PackingTemplate] = {}

    async def store(self, template: PackingTemplate) -> bool:
        """Store *template*; return False where another is stored for it."""
        if template.digest not in self._stored:
            document = {"_id": template.digest, "content": template.content}
            if await insert_new(self._collection, [document]) and not await self._is_genuine(template):
                return False
            self._hold(template)
        return True

    async def _is_genuine(self, template: PackingTemplate) -> bool:
        """Return whether *template* is stored: a stolen account may have stored another one first."""
        try:
            await self.of(template.digest)
        except Sealed as error:
            logger().error("content is packed without a template", reason=str(error))
            return False
        return True

    async def of(self, digest: bytes) -> PackingTemplate:
        """Return the template with *digest*. Raises Sealed if it is not stored as it was."""
        if not digest:
            return NO_TEMPLATE
        if digest not in self._stored:
            with translated("read a template"):
                document = await self._collection.find_one({"_id": digest})
            document = document or await self._surely(digest)
            content = document.get("content") if document else None
            template = PackingTemplate(content if isinstance(content, bytes) else b"")
            if template.digest != digest:
                raise Sealed(f"template {digest.hex()} of the vault is lost or altered")
            self._hold(template)
        return self._stored[digest]

    def _hold(self, template: PackingTemplate) -> None:
        while len(self._stored) >= TEMPLATES_HELD:
            del self._stored[next(iter(self._stored))]
        self._stored[template.digest] = template


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
        self._templates = _Templates(client[f"{prefix}_vault"]["templates"])
        self._account = reader(master_key)
        self._wrapping = _wrapping(master_key)
        self._changed = changed
        self._key_of = DataLoader(self._load_keys)
        self._new_key_of = DataLoader(self._create_keys)
        self._read = DataLoader(self._load_items)
        self._key_surely = _surely(self._keys)
        self._item_surely = _surely(self._items)
        self._chunk_surely = _surely(self._chunks)
        self._write: DataLoader[_Item, bool] = DataLoader(self._store_items)
        self._held = _HeldKeys()
        self._read_chunk: DataLoader[str, Document | None] = DataLoader(
            self._load_chunks, turns=LoadOrder(CHUNKS_AT_ONCE)
        )
        self._write_chunk: DataLoader[_Chunk, None] = DataLoader(
            self._store_chunks, turns=LoadOrder(CHUNKS_AT_ONCE)
        )

    async def prepare(self) -> None:
        """Create the collections; names begin with their case, so they need no index but that of names."""
        await create_compressed(self._keys, self._items, self._chunks)

    async def create(self, case: str) -> None:
        """Give *case* its key. Once destroyed, a case never gets another."""
        await self._new_key_of(case)

    async def seal(self, case: str, item: str, content: bytes, *, like: bytes = b"") -> bool:
        """
        Keep *content* under the name *item*, unless something is kept there already; return whether it is.

        Args:
            case: The case.
            item: The name.
            content: Personal data.
            like: Text without personal data that *content* resembles: it takes less room then. It is
                stored in clear for good, once for all items with the same.

        Raises:
            Destroyed: The case has no key (any more).
        """
        name = VaultName(case, item)
        key, document = await self._key(case, item), Document(_id=str(name))
        small = await self._packed(item, content, like, document)
        document["sealed"] = _seal(key, small, _item_name(document))
        return await self._write(_Item(name, document))

    async def open(self, case: str, item: str) -> bytes:
        """
        Return the content that is kept under the name *item*.

        Raises:
            ContentMissing: Nothing is.
            StoreUnavailable: The database did not answer, or cannot say so surely for now.
            Destroyed: The case has no key (any more).
            Sealed: It was altered, or the master key is another.
        """
        name = VaultName(case, item)
        if self._held.get(case) is None:
            key, document = await asyncio.gather(self._key(case, item), self._read(name))
        else:
            key, document = await self._key(case, item), await self._read(name)
        if document is None:
            document = await self._item_surely(str(name))
        if document is None:
            raise ContentMissing(f"nothing is kept as {name}")
        return await self._opened(key, document, _item_name(document))

    async def holds(self, case: str, item: str) -> bool:
        """
        Return whether anything is kept under the name *item*.

        Raises:
            StoreUnavailable: The database did not answer, or cannot say so surely for now.
        """
        name = VaultName(case, item)
        return (await self._read(name) or await self._item_surely(str(name))) is not None

    async def discard(self, case: str, items: Sequence[str]) -> None:
        """Remove *items* for good, as proofs are at the decision."""
        names = [str(VaultName(case, item)) for item in items]
        with translated("discard from the vault"):
            await self._items.delete_many({"_id": {"$in": names}})
            if names:
                await self._chunks.delete_many({"$or": [{"_id": starting(f"{name}#")} for name in names]})

    async def discard_all(self, case: str, prefixes: Sequence[str], *, but: Sequence[str] = ()) -> None:
        """Remove all items of *case* with a name that begins with one of *prefixes*, *but* for some."""
        kept = [str(VaultName(case, item)) for item in but]
        if not prefixes:
            return
        # Ranges, not one expression: an expression with alternatives would read the index of all cases.
        named = [{"_id": starting(str(VaultName(case, prefix)))} for prefix in prefixes]
        but_chunks = {"$nor": [{"_id": starting(f"{name}#")} for name in kept]} if kept else {}
        with translated("discard from the vault"):
            await self._items.delete_many({"$or": named, "_id": {"$nin": kept}})
            await self._chunks.delete_many({"$or": named, **but_chunks})

    async def seal_stream(
        self, case: str, item: str, content: AsyncIterable[bytes], *, like: bytes = b""
    ) -> int:
        """
        Keep a large *content* in chunks, replacing an unfinished attempt; return its size in bytes.

        *like* is as for :meth:`seal`.

        The last chunk is marked, so that a truncated item does not open; all carry the mark of their
        attempt, so that chunks of two attempts do not open together.
        """
        key, name, attempt = await self._key(case, item), VaultName(case, item), os.urandom(NONCE_BYTES).hex()
        size = number = 0
        async for block, last in _ending(content):
            size += len(block)
            document: Document = {"_id": f"{name}#{number}", "attempt": attempt, "last": last}
            small = await self._packed(item, block, like, document) if like else block
            document["sealed"] = _seal(key, small, _chunk_name(document))
            await self._write_chunk(_Chunk(document))
            number += 1
        return size

    async def open_stream(self, case: str, item: str, *, start: int = 0) -> AsyncIterator[bytes]:
        """
        Yield the bytes that :meth:`seal_stream` kept, from byte *start* on.

        Raises:
            ContentMissing: Nothing is kept there, or not all of it.
            Destroyed: The case has no key (any more).
            Sealed: It was altered.
        """
        key = await self._key(case, item)
        number, skipped = divmod(start, CHUNK_BYTES)
        attempt, last = None, False
        while not last:
            chunk = f"{VaultName(case, item)}#{number}"
            document = await self._read_chunk(chunk) or await self._chunk_surely(chunk)
            if document is None or attempt not in (None, document["attempt"]):
                raise ContentMissing(f"nothing, or not all of it, is kept as {VaultName(case, item)}")
            attempt, last = document["attempt"], document["last"]
            yield (await self._opened(key, document, _chunk_name(document)))[skipped:]
            number, skipped = number + 1, 0

    async def destroy(self, case: str) -> None:
        """Destroy the key of *case*, and then the sealed content."""
        with translated("destroy a case"):
            await self._keys.update_one({"_id": case}, {"$set": {"key": None}}, upsert=True)
            self._held.drop(case)
            for collection in (self._items, self._chunks):
                await collection.delete_many({"_id": starting(str(VaultName(case, "")))})

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
        return self._unwrapped(documents)

    def _unwrapped(self, documents: Sequence[Document]) -> Mapping[str, Mapping[str, AESGCM]]:
        """Return the keys in *documents*, by case; of a destroyed case none."""
        try:
            return {document["_id"]: self._unwrap(document) for document in documents}
        except Sealed:
            if not self._is_refreshed():
                raise
        return {document["_id"]: self._unwrap(document) for document in documents}

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
            document = await self._key_surely(case)
            keys = self._unwrapped([document])[case] if document else {}
        if not keys:
            raise Destroyed(f"case {case} has no key: it was erased, or never created")
        self._held.hold(case, keys)
        return keys

    async def _create_keys(self, cases: Sequence[str]) -> Mapping[str, None]:
        self._is_refreshed()  # keys wrapped by an old key are lost when that is destroyed
        roots = {case: os.urandom(KEY_BYTES) for case in cases}
        documents: list[Document] = [{"_id": case, "key": self._wrapped(case, roots[case])} for case in cases]
        for case in roots.keys() - await insert_new(self._keys, documents):
            keys = _compartment_keys(roots[case])
            self._held.hold(case, {name: AESGCM(keys[name]) for name in READERS[self._account]})
        return dict.fromkeys(cases)

    async def _packed(self, item: str, content: bytes, like: bytes, document: Document) -> bytes:
        """Return *content* packed, noted in *document*; unchanged if it must be or would not be smaller."""
        if not is_packed(item):
            return content
        template = PackingTemplate(like)
        small = packed(content, template)
        if small is not None and like and not await self._templates.store(template):
            template, small = NO_TEMPLATE, packed(content)
        if small is None:
            return content
        document["packed"] = template.digest if template.content else b""
        return small

    async def _opened(self, key: AESGCM, document: Document, name: str) -> bytes:
        """Return the content of *document*, which was sealed by *key* under *name*."""
        content = _open(key, document["sealed"], name)
        if "packed" not in document:
            return content
        _, _, item = document["_id"].partition("/")
        if not is_packed(item):
            raise Sealed(f"{document['_id']} was altered: content of its compartment is never packed")
        return unpacked(content, await self._templates.of(document["packed"]))

    async def _load_items(self, names: Sequence[VaultName]) -> Mapping[VaultName, Document | None]:
        """Return the documents of *names*. Nothing is no error: it would hide that the case is destroyed."""
        with translated("read the vault"):
            found = self._items.find({"_id": {"$in": list(map(str, names))}})
            documents = {document["_id"]: document async for document in found}
        return {name: documents.get(str(name)) for name in names}

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

    async def _store_items(self, items: Sequence[_Item]) -> Mapping[_Item, bool]:
        first = {str(item.name): item for item in reversed(items)}
        earlier = await insert_new(self._items, [item.document for item in first.values()])
        return {item: str(item.name) not in earlier and first[str(item.name)] is item for item in items}

    def _wrapped(self, case: str, root: bytes) -> dict[str, bytes]:
        """Return the keys of *case* that follow from *root*, wrapped for each account that opens some."""
        return {account: self._wrap(case, account, root) for account in READERS}

    def _wrap(self, case: str, account: str, root: bytes) -> bytes:
        if account not in self._wrapping:
            raise PermanentError(f"the account {self._account} makes no keys of cases")
        keys = _compartment_keys(root)
        content = root if _opens_all(account) else b"".join(keys[one] for one in READERS[account])
        return _seal(self._wrapping[account][0], content, f"{case} for {account}")

    def _unwrap(self, document: Document) -> Mapping[str, AESGCM]:
        """Return the keys of a case that this account opens, by compartment; none if it was destroyed."""
        if not document["key"]:
            return {}
        name = f"{document['_id']} for {self._account}"
        content = _open_by_any(self._wrapping[self._account], document["key"].get(self._account, b""), name)
        if _opens_all(self._account) and len(content) == KEY_BYTES:
            return {one: AESGCM(key) for one, key in _compartment_keys(content).items()}
        # 0.1.0 drew the key of each compartment, and wrapped them all for each account.
        parts = [content[at : at + KEY_BYTES] for at in range(0, len(content), KEY_BYTES)]
        return dict(zip(READERS[self._account], map(AESGCM, parts), strict=True))


def _opens_all(account: str) -> bool:
    """Return whether *account* opens all compartments: it gets the root of their keys."""
    return READERS[account] == COMPARTMENTS


def _compartment_keys(root: bytes) -> dict[str, bytes]:
    """Return the key of each compartment of a case: HKDF-Expand (RFC 5869), one block, of its *root*."""
    return {name: hmac.digest(root, f"compartment {name}\x01".encode(), "sha256") for name in COMPARTMENTS}


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
            anew, failed = _wrapped_anew(document, wrapping)
            unopened += failed
            if anew != document["key"]:
                guard = {"_id": document["_id"], "key": document["key"]}
                count += (await keys.update_one(guard, {"$set": {"key": anew}})).modified_count
    return Rewrapped(count, unopened)


def _wrapping(root: RootKey) -> dict[str, tuple[AESGCM, ...]]:
    return {account: tuple(map(AESGCM, keys)) for account, keys in wrapping_keys(root).items()}


def _wrapped_anew(document: Document, wrapping: Mapping[str, Sequence[AESGCM]]) -> tuple[object, bool]:
    """Return the keys of a case as they are to be stored, and whether one of them does not open."""
    keys = document["key"]
    if not isinstance(keys, Mapping):
        return keys, True
    anew, failed = dict(keys), False
    for account, sealed in keys.items():
        try:
            anew[account] = _wrapped_by_first(wrapping[account], sealed, f"{document['_id']} for {account}")
        except (Sealed, LookupError, TypeError):  # of another account than ours, or not as we write them
            failed = True
    return anew, failed


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


def _item_name(document: Document) -> str:
    """Return the name that an item is sealed under; another template than its own does not open it."""
    return f"{document['_id']}{_packing(document)}"


def _chunk_name(document: Document) -> str:
    return f"{document['_id']} {document['attempt']}{'.' if document['last'] else ''}{_packing(document)}"


def _packing(document: Document) -> str:
    return f" packed {document['packed'].hex()}" if "packed" in document else ""


async def _ending(content: AsyncIterable[bytes]) -> AsyncIterator[tuple[bytes, bool]]:
    """Re-cut *content* into full chunks and say of each whether it is the last."""
    held = bytearray()
    async for piece in content:
        held += piece
        while len(held) > CHUNK_BYTES:
            yield bytes(held[:CHUNK_BYTES]), False
            del held[:CHUNK_BYTES]
    yield bytes(held), True
