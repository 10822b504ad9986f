"""A backup under load, the loss of our databases, and their restoration."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from habeas.client import backups
from habeas.client.backups import COMPLETE, OWN, BackupFolders, back_up, restore
from habeas.embedded.stack import Stack
from shared.errors import ConfigurationError
from shared.runtime.accounts import UPKEEP
from shared.runtime.mongo import Client, from_bson, raw_batches, snapshot
from tests.integration.forked_processes import said
from tests.integration.pipeline import SERVICES, Pipeline, prepared
from tests.integration.test_operations import PRESENT, asked, serving
from tests.unit.pages import text


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    async with prepared(parts, tmp_path_factory.mktemp("restore")) as pipeline:
        yield pipeline


async def command(pipeline: Pipeline, *words: str) -> str:
    """Return the output of the command ``habeas``, with the administrator's account of the database."""
    code, output, complaint = await said(
        "habeas", words, pipeline.environment | {"HABEAS_MONGO_URL": pipeline.mongo_url}
    )
    assert not code, complaint
    return output


async def lose_databases(pipeline: Pipeline) -> None:
    for name in OWN:
        await pipeline.client.drop_database(f"{pipeline.prefix}_{name}")


def within(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*"))


async def test_restored_backup_goes_on_where_it_was(pipeline: Pipeline, tmp_path: Path) -> None:
    folders = str(tmp_path / "content"), "--keys", str(tmp_path / "keys")
    first, second, third, fourth, *others = (await pipeline.people())[:9]
    erasure, contacts = third.asks("erasure"), pipeline.business("portal", "contacts")
    erased_before = await contacts.find_one({"email": fourth.email})
    async with serving(pipeline, PRESENT, *SERVICES):
        answered = await asked(pipeline, first)
        page = await pipeline.closed(answered)
        await pipeline.closed(await asked(pipeline, fourth, "erasure"))
        letters = len(pipeline.mail.to(first.email)), len(pipeline.mail.to(fourth.email))
        waiting = await pipeline.lodge(second.asks("access"))
        code = await pipeline.code_for(second, waiting)
        requests = [person.asks("access") for person in others]
        load = asyncio.gather(*(pipeline.send(request) for request in requests))
        await command(pipeline, "backup", *folders)
        await load
        loaded = [await pipeline.id_of(request) for request in requests]
        await pipeline.send(erasure)
        erased = await pipeline.id_of(erasure)
        for case in (*loaded, erased):
            await pipeline.closed(case)
    await lose_databases(pipeline)
    await contacts.insert_one(erased_before)  # a backup of the business data, from before the erasure
    await command(pipeline, "restore", *folders)
    await command(pipeline, "erasures", "replay")
    assert "portal.contacts" not in await pipeline.mentions(fourth.email)
    async with serving(pipeline, PRESENT, *SERVICES):
        await command(pipeline, "republish")
        assert await pipeline.page(answered) == page
        assert (await pipeline.prove(waiting, code)).is_success
        await pipeline.closed(waiting)
        assert (await pipeline.http.get(f"/v1/requests/{erased}")).status_code == 404
        for request in (*requests, erasure):  # publishers send again what came since the backup
            await pipeline.send(request)
            await pipeline.id_of(request)
        for case in (*loaded, erased):
            await pipeline.closed(case)
    assert not any((await pipeline.parked()).values())
    assert letters == (len(pipeline.mail.to(first.email)), len(pipeline.mail.to(fourth.email)))
    assert "portal.contacts" not in await pipeline.mentions(third.email)


async def test_backup_has_one_moment_and_only_a_whole_one_is_restored_into_empty_databases(
    mongo_client: Client, database_prefix: str, tmp_path: Path
) -> None:
    journal = mongo_client[f"{database_prefix}_intake"]["journal"]
    await journal.insert_one({"_id": "before"})
    folders = BackupFolders(tmp_path / "content", tmp_path / "keys")
    async with snapshot(mongo_client, "read") as session:
        assert [from_bson(batch) async for batch in raw_batches(journal, session)] == [[{"_id": "before"}]]
        await journal.insert_one({"_id": "later"})
        assert [from_bson(batch) async for batch in raw_batches(journal, session)] == [[{"_id": "before"}]]
    await back_up(mongo_client, database_prefix, folders)
    with pytest.raises(ConfigurationError, match="is not empty"):
        await back_up(mongo_client, database_prefix, folders)
    with pytest.raises(ConfigurationError, match="has documents"):
        await restore(mongo_client, database_prefix, folders)
    await mongo_client.drop_database(journal.database.name)
    done = mongo_client[f"{database_prefix}_migrations"]["migrations"]
    await done.insert_one({"_id": "by `habeas topology` on the new server"})
    with pytest.raises(ConfigurationError, match="HABEAS_DATABASE_PREFIX"):
        await restore(mongo_client, "other", folders)
    await restore(mongo_client, database_prefix, folders)
    assert [one["_id"] async for one in journal.find().sort("_id")] == ["before", "later"]
    assert await done.count_documents({}) == 0
    (folders.keys / COMPLETE).unlink()
    with pytest.raises(ConfigurationError, match="no whole backup"):
        await restore(mongo_client, database_prefix, folders)


async def test_staff_account_that_was_added_to_a_backup_is_not_restored(
    mongo_client: Client, database_prefix: str, tmp_path: Path
) -> None:
    """The folder's writer needs no key for one: an account is verified by its public key."""
    accounts = mongo_client[f"{database_prefix}_staff"]["accounts"]
    await accounts.insert_one({"_id": "anna"})
    folders, key = BackupFolders(tmp_path / "content", tmp_path / "keys"), bytes(32)
    assert (await back_up(mongo_client, database_prefix, folders, key=key)).sealed
    await mongo_client.drop_database(accounts.database.name)
    file = folders.content / accounts.database.name / "accounts.bson"
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"anna", b"eve!"))
    with pytest.raises(ConfigurationError, match=r"accounts\.bson: was changed since the backup"):
        await restore(mongo_client, database_prefix, folders, key)
    file.write_bytes(whole)
    mark = (folders.content / COMPLETE).read_text(encoding="utf-8")
    (folders.content / COMPLETE).write_text(mark.replace("accounts.bson", "codes.bson"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=f"of different moments, or a {COMPLETE} was changed"):
        await restore(mongo_client, database_prefix, folders, key)
    (folders.content / COMPLETE).write_text(mark, encoding="utf-8")
    assert accounts.database.name not in await mongo_client.list_database_names(), "nothing was written"
    assert (await restore(mongo_client, database_prefix, folders, key)).sealed
    assert [one["_id"] async for one in accounts.find()] == ["anna"]


async def test_documented_command_drops_the_databases_of_habeas_and_no_others(
    mongo_client: Client, mongo_url: str, database_prefix: str, tmp_path: Path
) -> None:
    [script] = re.findall(
        r"--entrypoint python topology -c '\n(.*?)'\n", text("docs/how-to/restore.md"), re.DOTALL
    )
    url, business = tmp_path / "mongo_url", mongo_client[f"{database_prefix}_shop"]
    url.write_text(f"{mongo_url}\n")
    for name in ("shop", *OWN, UPKEEP):
        await mongo_client[f"{database_prefix}_{name}"]["things"].insert_one({"_id": "first"})
    here = script.replace("/run/secrets/topology/mongo_url", str(url)).replace(
        "habeas_", f"{database_prefix}_"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", here)
    assert await process.wait() == 0
    left = [
        name for name in await mongo_client.list_database_names() if name.startswith(f"{database_prefix}_")
    ]
    assert left == [business.name]
    await mongo_client.drop_database(business.name)


@pytest.mark.parametrize("name", ["{folder}/written", "a b", "\x1b[2J", "a..b", "-"])
async def test_collection_that_may_name_no_file_stops_a_backup_before_anything_is_written(
    mongo_client: Client, database_prefix: str, tmp_path: Path, name: str
) -> None:
    folders = BackupFolders(tmp_path / "content", tmp_path / "keys")
    await mongo_client[f"{database_prefix}_intake"]["journal"].insert_one({"_id": "first"})
    last = mongo_client[f"{database_prefix}_{OWN[-1]}"]
    await last.command("create", name.format(folder=tmp_path))
    with pytest.raises(ConfigurationError, match=f"^{last.name} has a collection '[ -~]+': drop it"):
        await back_up(mongo_client, database_prefix, folders)
    assert set(within(tmp_path)) <= {"content", "keys"}


async def test_backup_is_on_the_disk_before_it_is_marked_whole(
    mongo_client: Client, database_prefix: str, tmp_path: Path
) -> None:
    await mongo_client[f"{database_prefix}_intake"]["journal"].insert_one({"_id": "before"})
    folders = BackupFolders(tmp_path / "content", tmp_path / "keys")
    unmarked, marked = set[Path](), set[Path]()

    def note(path: Path) -> None:
        assert not path.is_file() or path.stat().st_size
        (marked if (folders.content / COMPLETE).exists() else unmarked).add(path)

    await back_up(mongo_client, database_prefix, folders, note)
    written = {tmp_path, folders.content, folders.keys, *(tmp_path / name for name in within(tmp_path))}
    marks = {folders.content / COMPLETE, folders.keys / COMPLETE}
    assert folders.content / f"{database_prefix}_intake" / "journal.bson" in unmarked
    assert (unmarked, marked) == (written - marks, marks | {folders.content, folders.keys})


async def test_backup_writes_new_files_alone_and_none_of_the_database_server(
    mongo_client: Client, database_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = mongo_client[f"{database_prefix}_{OWN[-1]}"]
    await database["cases.old"].insert_one({"_id": "first"})
    await database.command({"create": "system.profile", "capped": True, "size": 4096})
    folders = BackupFolders(tmp_path / "content", tmp_path / "keys")
    await back_up(mongo_client, database_prefix, folders)
    file = f"{database.name}/cases.old.bson"
    assert within(folders.keys) == [COMPLETE, database.name, file]
    assert {(folders.keys / name).stat().st_mode & 0o777 for name in (COMPLETE, file)} == {0o600}
    monkeypatch.setattr(backups, "_must_be_new", lambda _: None)  # another process came between
    with pytest.raises(ConfigurationError, match=r"cases.old.bson: cannot be written \(File exists\)"):
        await back_up(mongo_client, database_prefix, folders)
