"""The master key is rotated while services run; an old key opens nothing once it is destroyed."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from habeas.client import master_keys
from habeas.embedded.stack import Stack
from shared.contract.answer import SUBMISSION
from shared.errors import Destroyed, Sealed
from shared.runtime.key_rings import KeyRing
from shared.runtime.vault import Vault
from tests.integration.pipeline import Pipeline, command, running


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    if parts is None:
        pytest.skip("the accounts of a database that is given are not ours")
    async with running(parts, tmp_path_factory.mktemp("rotation")) as pipeline:
        yield pipeline


def credentials_of(pipeline: Pipeline) -> Path:
    return Path(pipeline.settings["HABEAS_CREDENTIALS"])


def vault_of(pipeline: Pipeline, ring: KeyRing) -> Vault:
    return Vault(pipeline.client, prefix=pipeline.prefix, master_key=ring)


async def wrapped(pipeline: Pipeline, case: str) -> Any:
    document = await pipeline.client[f"{pipeline.prefix}_keys"]["keys"].find_one({"_id": case})
    return (document or {}).get("key")


async def did(pipeline: Pipeline, *words: str) -> str:
    code, output, errors = await command(pipeline, "keys", *words)
    assert code == 0, errors
    return output


async def test_cases_go_on_through_a_rotation_and_old_keys_open_nothing_afterwards(
    pipeline: Pipeline,
) -> None:
    credentials, people = credentials_of(pipeline), await pipeline.people()
    before = master_keys.load(credentials)
    old = vault_of(pipeline, before.ring("intake"))
    open_case = await pipeline.lodge(people[4].asks("access"))
    code = await pipeline.code_for(people[4], open_case)
    backup = await wrapped(pipeline, open_case)
    fingerprint = await did(pipeline, "show")

    await did(pipeline, "rotate", "--keep", "7")
    assert await wrapped(pipeline, open_case) != backup
    with pytest.raises(Sealed):
        await old.open(open_case, SUBMISSION)
    (await pipeline.prove(open_case, code)).raise_for_status()
    await pipeline.closed(open_case)
    fresh = await pipeline.verified("access", people[5])
    await pipeline.closed(fresh)
    assert await did(pipeline, "show") == fingerprint, "packages and certificates are still verified by it"

    assert "0 master keys are destroyed" in await did(pipeline, "retire")
    keys = master_keys.load(credentials)
    overdue = [
        master_keys.ReplacedKey(one.key, datetime.now(UTC) - timedelta(seconds=1)) for one in keys.older
    ]
    master_keys.save(master_keys.MasterKeys(keys.current, tuple(overdue), keys.fixed), credentials)
    assert "1 master keys are destroyed" in await did(pipeline, "retire")
    left = master_keys.load(credentials)
    assert left.older == ()
    assert before.current not in (left.current, *left.fixed.values())
    # An old backup of the wrapped keys is useless to all that is left.
    keys_of = pipeline.client[f"{pipeline.prefix}_keys"]["keys"]
    await keys_of.insert_one({"_id": "b" * 32, "key": backup})
    for account in ("intake", "command"):
        with pytest.raises(Sealed):
            await vault_of(pipeline, left.ring(account)).key_of("b" * 32)
    assert (await command(pipeline, "keys", "retire"))[0] == 1, "a key does not open"
    await keys_of.delete_one({"_id": "b" * 32})
    last = await pipeline.verified("access", people[6])
    await pipeline.closed(last)


async def test_rotation_revives_no_destroyed_case(pipeline: Pipeline) -> None:
    case = "d" * 32
    ring = master_keys.load(credentials_of(pipeline)).ring("intake")
    vault = vault_of(pipeline, ring)
    await vault.create(case)
    await vault.destroy(case)
    await did(pipeline, "rotate")
    assert await wrapped(pipeline, case) is None
    renewed = master_keys.load(credentials_of(pipeline)).ring("intake")
    with pytest.raises(Destroyed):
        await vault_of(pipeline, renewed).open(case, SUBMISSION)


async def test_rotation_of_rings_alone_leaves_the_keys_of_cases_to_retire(pipeline: Pipeline) -> None:
    case = "e" * 32
    ring = master_keys.load(credentials_of(pipeline)).ring("intake")
    await vault_of(pipeline, ring).create(case)
    before = await wrapped(pipeline, case)
    assert "run `habeas keys retire` once services have them" in await did(pipeline, "rotate", "--rings-only")
    assert await wrapped(pipeline, case) == before
    await did(pipeline, "retire")
    assert await wrapped(pipeline, case) != before


async def test_no_service_file_holds_a_master_key(pipeline: Pipeline) -> None:
    keys = master_keys.load(credentials_of(pipeline))
    for path in credentials_of(pipeline).glob("*/keys"):
        ring = KeyRing.parse(path.read_text(encoding="utf-8"))
        held = {key for some in ring.keys.values() for key in some}
        assert not held & {keys.current, *(one.key for one in keys.older)}
