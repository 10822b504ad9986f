"""The vault on a real database: sealed once, opened by its own key alone, gone when that is destroyed."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.errors import ContentMissing, Destroyed, PermanentError, Sealed
from shared.runtime.dataloader import DataLoader
from shared.runtime.key_rings import (
    COMPARTMENTS,
    READERS,
    KeyRing,
    derived_key,
    wrapping_keys,
    wrapping_purpose,
)
from shared.runtime.mongo import Client, Collection, Document, found_surely
from shared.runtime.packed_content import TEMPLATE_BYTES, PackingTemplate
from shared.runtime.vault import CHUNK_BYTES, KEYS_HELD_S, CaseKey, Rewrapped, Vault, VaultName, wrap_anew

CASE, OTHER, OLD = "a" * 32, "b" * 32, "d" * 32
MASTER = bytes(range(32))
ADA = b"ada@example.org"


@pytest_asyncio.fixture
async def vault(mongo_client: Client, database_prefix: str) -> Vault:
    creator = Vault(mongo_client, prefix=database_prefix, master_key=MASTER)
    await creator.prepare()
    await creator.create(CASE)
    await creator.create(OTHER)
    return Vault(mongo_client, prefix=database_prefix, master_key=MASTER)


@pytest.fixture
def items(mongo_client: Client, database_prefix: str) -> Collection:
    return mongo_client[f"{database_prefix}_vault"]["items"]


@pytest.fixture
def chunks(mongo_client: Client, database_prefix: str) -> Collection:
    return mongo_client[f"{database_prefix}_vault"]["chunks"]


@pytest.fixture
def keys(mongo_client: Client, database_prefix: str) -> Collection:
    return mongo_client[f"{database_prefix}_keys"]["keys"]


async def pieces(*contents: bytes) -> AsyncIterator[bytes]:
    for content in contents:
        yield content


async def opened(vault: Vault, item: str) -> bytes:
    return b"".join([piece async for piece in vault.open_stream(CASE, item)])


async def test_sealed_content_opens_and_is_not_stored_in_clear(vault: Vault, items: Collection) -> None:
    await vault.seal(CASE, "request", ADA)
    assert await vault.open(CASE, "request") == ADA
    assert ADA not in (await items.find_one({}) or {})["sealed"]


async def test_the_first_to_seal_a_name_wins(vault: Vault) -> None:
    assert await vault.seal(CASE, "request", b"first")
    assert not await vault.seal(CASE, "request", b"second")
    assert await vault.open(CASE, "request") == b"first"


async def test_what_many_callers_miss_is_looked_for_again_by_few_reads(
    mongo_client: Client, database_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strangers may ask for any number of unknown requests, and such a read takes a tenth of a second."""
    reads: list[int] = []

    async def counted(collection: Collection, ids: Sequence[Any]) -> Mapping[Any, Document | None]:
        reads.append(len(ids))
        return await found_surely(collection, ids)

    monkeypatch.setattr("shared.runtime.vault.found_surely", counted)
    vault = Vault(mongo_client, prefix=database_prefix, master_key=MASTER)
    assert not any(await asyncio.gather(*(vault.holds(CASE, f"nothing_{n}") for n in range(250))))
    assert reads == [100, 100, 50]


async def test_of_many_who_seal_one_name_at_once_one_wins_and_all_see_it(vault: Vault) -> None:
    await asyncio.gather(*(vault.seal(CASE, "request", f"{n}".encode()) for n in range(20)))
    assert len({await vault.open(CASE, "request") for _ in range(5)}) == 1


async def test_oversized_item_does_not_affect_others_sealed_with_it(vault: Vault) -> None:
    too_large, *others = await asyncio.gather(
        vault.seal(CASE, "huge", os.urandom(17 * 1024 * 1024)),
        *(vault.seal(CASE, f"item_{n}", ADA) for n in range(5)),
        return_exceptions=True,
    )
    assert isinstance(too_large, PermanentError)
    assert others == [True] * 5


async def test_an_unknown_item_is_a_key_error(vault: Vault) -> None:
    with pytest.raises(ContentMissing):
        await vault.open(CASE, "nothing")


class BehindVault(Vault):
    """Reads from a primary that was cut off before anything was written."""

    async def _load_items(self, names: Sequence[VaultName]) -> Mapping[VaultName, Document | None]:
        return dict.fromkeys(names)

    async def _load_chunks(self, names: Sequence[str]) -> Mapping[str, Document | None]:
        return dict.fromkeys(names)

    async def _load_keys(self, cases: Sequence[str]) -> Mapping[str, Mapping[str, AESGCM]]:
        del cases
        return {}


async def test_nothing_is_missing_or_destroyed_because_a_primary_was_cut_off(
    vault: Vault, mongo_client: Client, database_prefix: str
) -> None:
    await vault.seal(CASE, "request", ADA)
    await vault.seal_stream(CASE, "package", pieces(ADA))
    behind = BehindVault(mongo_client, prefix=database_prefix, master_key=MASTER)
    assert await behind.holds(CASE, "request")
    assert await behind.open(CASE, "request") == ADA
    assert await opened(behind, "package") == ADA
    assert not await behind.holds(CASE, "nothing")
    await vault.destroy(OTHER)
    with pytest.raises(Destroyed):
        await behind.open(OTHER, "request")


async def test_destroyed_content_never_opens_and_never_gets_a_key_again(
    vault: Vault, items: Collection, keys: Collection
) -> None:
    await vault.seal(CASE, "request", ADA)
    await vault.seal_stream(CASE, "package", pieces(ADA))
    backup = await items.find_one({"_id": {"$regex": f"^{CASE}/"}})
    await vault.destroy(CASE)
    await vault.create(CASE)
    assert backup
    await items.insert_one(backup)
    for attempt in (vault.open(CASE, "request"), vault.seal(CASE, "more", ADA), opened(vault, "package")):
        with pytest.raises(Destroyed):
            await attempt
    assert (await keys.find_one({"_id": CASE}) or {})["key"] is None
    await vault.seal(OTHER, "request", ADA)
    assert await vault.open(OTHER, "request") == ADA


async def test_case_destroyed_by_another_process_does_not_open_once_its_held_keys_expire(
    vault: Vault, mongo_client: Client, database_prefix: str
) -> None:
    await vault.seal(CASE, "request", ADA)
    assert await vault.open(CASE, "request") == ADA
    await Vault(mongo_client, prefix=database_prefix, master_key=MASTER).destroy(CASE)

    async def sealed_until_refused() -> None:
        while True:
            await vault.seal(CASE, "more", ADA)

    with pytest.raises(Destroyed):
        await asyncio.wait_for(sealed_until_refused(), timeout=120 * KEYS_HELD_S)


async def test_a_destroyed_case_says_so_though_its_items_are_missed_before_its_key_is(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_keys = vault._load_keys

    async def late(cases: Sequence[str]) -> Mapping[str, Mapping[str, AESGCM]]:
        await asyncio.sleep(0.1)
        return await load_keys(cases)

    monkeypatch.setattr(vault, "_key_of", DataLoader(late))
    await vault.destroy(CASE)
    with pytest.raises(Destroyed):
        await vault.open(CASE, "request")


async def test_a_case_that_was_never_created_has_no_key(vault: Vault) -> None:
    with pytest.raises(Destroyed):
        await vault.seal("c" * 32, "request", ADA)


async def test_an_altered_item_does_not_open(vault: Vault, items: Collection) -> None:
    await vault.seal(CASE, "request", ADA)
    document = await items.find_one({"_id": {"$regex": f"^{CASE}/"}}) or {}
    altered = bytes([*document["sealed"][:-1], document["sealed"][-1] ^ 1])
    await items.update_one({"_id": document["_id"]}, {"$set": {"sealed": altered}})
    with pytest.raises(Sealed):
        await vault.open(CASE, "request")


@pytest.mark.parametrize(("case", "item"), [(CASE, "other"), (OTHER, "request")])
async def test_an_item_put_in_anothers_place_does_not_open(
    vault: Vault, items: Collection, case: str, item: str
) -> None:
    await vault.seal(CASE, "request", ADA)
    await vault.seal(case, item, b"theirs")
    document = await items.find_one({"_id": f"{CASE}/request"}) or {}
    await items.update_one({"_id": f"{case}/{item}"}, {"$set": {"sealed": document["sealed"]}})
    with pytest.raises(Sealed):
        await vault.open(case, item)


async def test_second_creation_keeps_the_keys_of_the_first(
    vault: Vault, mongo_client: Client, database_prefix: str
) -> None:
    second = Vault(mongo_client, prefix=database_prefix, master_key=MASTER)
    await second.create(CASE)
    await second.seal(CASE, "request", ADA)
    assert await vault.open(CASE, "request") == ADA


async def test_a_key_put_in_another_cases_place_does_not_unwrap(vault: Vault, keys: Collection) -> None:
    stolen = (await keys.find_one({"_id": CASE}) or {})["key"]
    await keys.update_one({"_id": OTHER}, {"$set": {"key": stolen}})
    with pytest.raises(Sealed):
        await vault.seal(OTHER, "request", ADA)


async def test_another_master_key_opens_nothing_and_says_which_setting_to_look_at(
    vault: Vault, mongo_client: Client, database_prefix: str
) -> None:
    await vault.seal(CASE, "request", ADA)
    other = Vault(mongo_client, prefix=database_prefix, master_key=bytes(32))
    with pytest.raises(Sealed, match="HABEAS_MASTER_KEY"):
        await other.open(CASE, "request")


async def test_new_case_gets_keys_wrapped_by_a_key_that_was_rotated_meanwhile(
    mongo_client: Client, database_prefix: str
) -> None:
    rotated: list[bytes] = [bytes(32)]

    def changed() -> bytes | None:
        return rotated.pop() if rotated else None

    creator = Vault(mongo_client, prefix=database_prefix, master_key=MASTER, changed=changed)
    await creator.create(CASE)
    await creator.seal(CASE, "request", ADA)
    assert (
        await Vault(mongo_client, prefix=database_prefix, master_key=bytes(32)).open(CASE, "request") == ADA
    )


def rotated_rings() -> dict[str, KeyRing]:
    """Return the key rings of all readers, after a rotation."""
    purposes = {name: [bytes(32), derived_key(MASTER, name)] for name in map(wrapping_purpose, READERS)}
    return {account: KeyRing(account, purposes) for account in READERS}


async def test_case_destroyed_while_keys_are_wrapped_anew_stays_destroyed(
    vault: Vault, keys: Collection, database_prefix: str
) -> None:
    class DestroyedMeanwhile:
        """The collection of keys, in which each case is destroyed once it was read."""

        update_one = keys.update_one

        async def find(self, wanted: Document) -> AsyncIterator[Document]:
            async for document in keys.find(wanted):
                await vault.destroy(document["_id"])
                yield document

    client: Any = {f"{database_prefix}_keys": {"keys": DestroyedMeanwhile()}}
    assert await wrap_anew(client, database_prefix, rotated_rings()) == Rewrapped(anew=0, unopened=0)
    assert [one["key"] async for one in keys.find()] == [None, None]


async def test_discarded_items_are_gone_streams_too_and_the_rest_stays(vault: Vault) -> None:
    await vault.seal(CASE, "proof", ADA)
    await vault.seal(CASE, "request", ADA)
    await vault.seal_stream(CASE, "package", pieces(ADA))
    await vault.discard(CASE, ["proof", "package"])
    for attempt in (vault.open(CASE, "proof"), opened(vault, "package")):
        with pytest.raises(ContentMissing):
            await attempt
    assert await vault.open(CASE, "request") == ADA


LARGE = bytes(CHUNK_BYTES) + b"1" * CHUNK_BYTES + b"tail"


@pytest.mark.parametrize(
    "content",
    [b"", b"x", LARGE[:CHUNK_BYTES], LARGE[: CHUNK_BYTES + 1], LARGE],
    ids=["0", "1", "n", "n+1", "3"],
)
async def test_a_stream_opens_as_it_was_sealed(vault: Vault, content: bytes) -> None:
    assert await vault.seal_stream(CASE, "package", pieces(content[:7], content[7:])) == len(content)
    assert await opened(vault, "package") == content


async def test_a_truncated_stream_is_an_error(vault: Vault, chunks: Collection) -> None:
    await vault.seal_stream(CASE, "package", pieces(LARGE))
    await chunks.delete_one({"_id": f"{CASE}/package#2"})
    with pytest.raises(ContentMissing):
        await opened(vault, "package")


async def test_a_stream_with_an_end_made_up_is_an_error(vault: Vault, chunks: Collection) -> None:
    await vault.seal_stream(CASE, "package", pieces(LARGE))
    await chunks.update_one({"_id": f"{CASE}/package#1"}, {"$set": {"last": True}})
    with pytest.raises(Sealed):
        await opened(vault, "package")


async def test_a_reordered_stream_is_an_error(vault: Vault, chunks: Collection) -> None:
    await vault.seal_stream(CASE, "package", pieces(LARGE))
    first = await chunks.find_one({"_id": f"{CASE}/package#0"}) or {}
    await chunks.update_one({"_id": f"{CASE}/package#1"}, {"$set": {"sealed": first["sealed"]}})
    with pytest.raises(Sealed):
        await opened(vault, "package")


async def test_chunks_of_two_attempts_do_not_open_together(vault: Vault) -> None:
    await vault.seal_stream(CASE, "package", pieces(LARGE))

    async def dies_after_the_first_chunk() -> AsyncIterator[bytes]:
        yield b"2" * (CHUNK_BYTES + 1)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await vault.seal_stream(CASE, "package", dies_after_the_first_chunk())
    with pytest.raises(ContentMissing):
        await opened(vault, "package")
    await vault.seal_stream(CASE, "package", pieces(ADA))
    assert await opened(vault, "package") == ADA


@pytest.mark.parametrize("start", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 7, 2 * CHUNK_BYTES + 9])
async def test_a_large_item_can_be_read_from_any_byte_on(vault: Vault, start: int) -> None:
    content = bytes(range(256)) * (2 * CHUNK_BYTES // 256) + b"the end of it"
    await vault.seal_stream(CASE, "package", pieces(content))
    rest = b"".join([piece async for piece in vault.open_stream(CASE, "package", start=start)])
    assert rest == content[start:]


LIKE = " ".join(f"paragraph {n} of a letter that all people get" for n in range(40)).encode()
LETTER = LIKE.replace(b"paragraph 7", b"Dear Ada Example")


@pytest.fixture
def templates(mongo_client: Client, database_prefix: str) -> Collection:
    return mongo_client[f"{database_prefix}_vault"]["templates"]


async def test_content_like_a_template_takes_little_room_and_opens_in_another_process(
    vault: Vault, items: Collection, templates: Collection, mongo_client: Client, database_prefix: str
) -> None:
    for n in range(3):
        await vault.seal(CASE, f"letter_{n}", LETTER, like=LIKE)
    await vault.seal_stream(CASE, "package", pieces(LETTER), like=LIKE)
    assert max([len(one["sealed"]) async for one in items.find()]) < len(LETTER) // 10
    assert [one["content"] async for one in templates.find()] == [LIKE]
    other = Vault(mongo_client, prefix=database_prefix, master_key=MASTER)
    assert await other.open(CASE, "letter_2") == LETTER
    assert await opened(other, "package") == LETTER


async def test_of_a_long_template_the_end_is_used(vault: Vault, items: Collection) -> None:
    like = os.urandom(2 * TEMPLATE_BYTES) + LIKE
    await vault.seal(CASE, "letter", LETTER, like=like)
    assert max([len(one["sealed"]) async for one in items.find()]) < len(LETTER) // 10
    assert await vault.open(CASE, "letter") == LETTER


async def test_altered_or_lost_template_is_noticed(
    vault: Vault, templates: Collection, mongo_client: Client, database_prefix: str
) -> None:
    await vault.seal(CASE, "letter", LETTER, like=LIKE)
    changes = (templates.update_one({}, {"$set": {"content": LIKE.upper()}}), templates.delete_many({}))
    for change in changes:
        await change
        with pytest.raises(Sealed, match="template"):
            await Vault(mongo_client, prefix=database_prefix, master_key=MASTER).open(CASE, "letter")


async def test_packed_content_does_not_open_as_if_it_were_not_packed(vault: Vault, items: Collection) -> None:
    await vault.seal(CASE, "letter", LETTER, like=LIKE)
    await items.update_one({"_id": f"{CASE}/letter"}, {"$unset": {"packed": ""}})
    with pytest.raises(Sealed):
        await vault.open(CASE, "letter")


@pytest.mark.parametrize("item", ["code_1", "package_code_1", "alias_1", "proof_1", "report_1"])
async def test_size_of_a_sealed_secret_does_not_depend_on_its_content(
    vault: Vault, items: Collection, item: str
) -> None:
    for name, content in ((item, b"1" * 500), (f"{item}_other", os.urandom(500))):
        await vault.seal(CASE, name, content, like=b"1" * 500)
    assert len({len(one["sealed"]) async for one in items.find()}) == 1


async def test_packed_content_of_a_compartment_that_is_never_packed_is_refused(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An account with the key of the compartment may seal anything: its size would depend on the secret."""
    with monkeypatch.context() as patched:
        patched.setattr("shared.runtime.vault.is_packed", lambda _item: True)
        await vault.seal(CASE, "code_1", b"1" * 500)
        await vault.seal_stream(CASE, "proof_1", pieces(LETTER), like=LIKE)
    with pytest.raises(Sealed, match="never packed"):
        await vault.open(CASE, "code_1")
    with pytest.raises(Sealed, match="never packed"):
        await opened(vault, "proof_1")


async def test_case_of_0_1_0_opens(
    vault: Vault, keys: Collection, items: Collection, chunks: Collection
) -> None:
    drawn = {compartment: os.urandom(32) for compartment in COMPARTMENTS}
    wrapped = {}
    for account, compartments in READERS.items():
        content = b"".join(drawn[one] for one in compartments)
        wrapping = CaseKey.of(wrapping_keys(MASTER)[account][0])
        wrapped[account] = wrapping.seal(content, f"{OLD} for {account}")
    await keys.insert_one({"_id": OLD, "key": wrapped})
    name, key = f"{OLD}/submission", CaseKey.of(drawn["case"])
    await items.insert_one({"_id": name, "case": OLD, "sealed": key.seal(ADA, name)})
    chunk = f"{OLD}/package_1#0"
    sealed = CaseKey.of(drawn["packages"]).seal(ADA, f"{chunk} 01.")
    document = {"_id": chunk, "case": OLD, "item": f"{OLD}/package_1", "attempt": "01", "last": True}
    await chunks.insert_one({**document, "sealed": sealed})
    assert await vault.open(OLD, "submission") == ADA
    assert b"".join([piece async for piece in vault.open_stream(OLD, "package_1")]) == ADA
    await vault.destroy(OLD)
    assert await items.count_documents({}) + await chunks.count_documents({}) == 0


async def test_discarding_by_prefix_keeps_the_items_that_are_named(vault: Vault, chunks: Collection) -> None:
    for item in ("package_1", "package_2", "package_20"):
        await vault.seal(CASE, f"{item}_facts", ADA)
        await vault.seal_stream(CASE, item, pieces(ADA))
    await vault.discard_all(CASE, ["package"], but=["package_2", "package_2_facts"])
    assert [one["_id"] async for one in chunks.find()] == [f"{CASE}/package_2#0"]
    assert await vault.open(CASE, "package_2_facts") == ADA
    with pytest.raises(ContentMissing):
        await vault.open(CASE, "package_1_facts")


async def test_collections_and_their_indexes_are_compressed(vault: Vault, items: Collection) -> None:
    await vault.prepare()
    stats = await items.database.command("collStats", "items", indexDetails=True)
    stored = [stats["wiredTiger"], *stats["indexDetails"].values()]
    assert all("block_compressor=zstd" in one["creationString"] for one in stored)


@pytest.mark.parametrize("content", [b"forged", "forged", None])
async def test_forged_template_that_came_first_stops_no_sealing(
    vault: Vault, templates: Collection, content: object
) -> None:
    await templates.insert_one({"_id": PackingTemplate(LIKE).digest, "content": content})
    await vault.seal(CASE, "letter", LETTER, like=LIKE)
    assert await vault.open(CASE, "letter") == LETTER


@pytest.mark.parametrize("key", [{"evil": b""}, {"intake": 7}, "evil", 7, ["evil"]])
async def test_malformed_key_stops_no_wrapping_of_others(
    vault: Vault, keys: Collection, mongo_client: Client, database_prefix: str, key: object
) -> None:
    """A stolen account could store it, and old master keys would never be destroyed."""
    await vault.seal(CASE, "request", ADA)
    await keys.insert_one({"_id": "0", "key": key})
    found = await wrap_anew(mongo_client, database_prefix, rotated_rings())
    assert found.anew
    assert found.unopened == 1


async def test_keys_beside_a_malformed_one_are_wrapped_anew(
    vault: Vault, keys: Collection, mongo_client: Client, database_prefix: str
) -> None:
    """Else the case would be lost with the old master key."""
    await vault.seal(CASE, "request", ADA)
    await keys.update_one({"_id": CASE}, {"$set": {"key.evil": b""}})
    rings = rotated_rings()
    assert (await wrap_anew(mongo_client, database_prefix, rings)).unopened == 1
    newest = KeyRing("intake", {name: [bytes(32)] for name in map(wrapping_purpose, READERS)})
    assert await Vault(mongo_client, prefix=database_prefix, master_key=newest).open(CASE, "request") == ADA
