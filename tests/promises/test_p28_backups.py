"""
P28: data in backups goes when they expire, and a restored backup brings no erased person back.

The letter names the last day of the backups if the operator has declared how long they are kept.
"""

import base64
import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import bson

from habeas.embedded.stack import Stack
from shared.contract.events import RequestFulfilled
from shared.runtime.mongo import Document
from shared.runtime.vault import Vault
from tests.integration.pipeline import DATABASES, Pipeline, comes_true, command, running


def last_day() -> date:
    """Return the last day of backups that are kept for 90 days from today."""
    return datetime.now(ZoneInfo("Europe/Berlin")).date() + timedelta(days=90)


def in_words(day: date) -> str:
    """Return *day* as an English letter to a reader in Germany has it."""
    return f"{day.day} {day:%B} {day.year}"


async def backup_of(pipeline: Pipeline) -> dict[tuple[str, str], list[Document]]:
    """Return all of the company's data."""
    return {
        (database, name): sorted(
            [one async for one in pipeline.business(database, name).find()],
            key=lambda one: bson.encode({"_id": one["_id"]}),
        )
        for database in DATABASES
        for name in await pipeline.client[f"{pipeline.prefix}{database}"].list_collection_names()
    }


async def restore(pipeline: Pipeline, backup: dict[tuple[str, str], list[Document]]) -> None:
    for (database, name), documents in backup.items():
        await pipeline.business(database, name).delete_many({})
        await pipeline.business(database, name).insert_many(documents)


def telling(word: str) -> bool:
    """Tell whether *word* cannot be a piece of a hash in hexadecimal digits."""
    return not set(word) <= set("0123456789abcdef")


async def journalled(pipeline: Pipeline) -> bytes:
    journal = pipeline.client[f"{pipeline.prefix}_fulfillment"]["erasures"]
    return b"".join([bson.encode(one) async for one in journal.find()])


async def replayed(pipeline: Pipeline, *words: str) -> tuple[int, dict[str, Any]]:
    code, output, errors = await command(pipeline, "erasures", "replay", "--json", *words)
    assert output, errors
    return code, json.loads(output)


async def test_erased_person_stays_erased_after_a_restored_backup(
    parts: Stack | None, tmp_path: Path
) -> None:
    async with running(parts, tmp_path, HABEAS_BACKUP_RETENTION="P90D") as pipeline:
        bound, free = await pipeline.people_by_contract()
        first, second, third = bound[0], *free[:2]
        backup = await backup_of(pipeline)

        days = {last_day()}
        case = await pipeline.verified("erasure", first)
        await pipeline.closed(case)
        days.add(last_day())  # midnight may have passed
        stated = [f"Backups may hold your data until {in_words(day)}." for day in days]
        assert any(pipeline.letter(first, case, words) for words in stated)
        code, _, errors = await command(
            pipeline, "erase", "--yes", "--identity", f"email={second.email.upper()}"
        )
        assert (code, errors) == (0, "")
        erased = await backup_of(pipeline)
        await _destroy(pipeline, case)
        await restore(pipeline, backup)

        code, told = await replayed(pipeline, "--dry-run")
        assert code == 0
        assert await backup_of(pipeline) == backup, "a dry run changes nothing"
        code, again = await replayed(pipeline)
        assert (code, again["done"], again["erasures"]) == (0, True, 2)
        assert again["collections"] == told["collections"]
        assert await backup_of(pipeline) == erased
        assert (await replayed(pipeline))[1]["collections"] == {}

        raw = (await journalled(pipeline)).lower()
        for person in (first, second):
            for word in (person.email, person.name, *filter(telling, person.name.lower().split())):
                assert word.lower().encode() not in raw

        code, output, _ = await command(pipeline, "erasures", "list", "--json")
        assert case in {row["erasure"] for row in json.loads(output)}
        await pipeline.business("portal", "contacts").insert_one({"_id": "?", "email": second.email})
        code, left = await replayed(pipeline)
        assert (code, left["done"]) == (1, False)
        assert sum(tally["unsure"] for tally in left["collections"].values()) == 1
        addresses = tmp_path / "import.txt"
        addresses.write_text(f"{first.email}\n{third.email}\n{second.email.upper()}\n", encoding="utf-8")
        code, output, _ = await command(pipeline, "suppressions", "filter", str(addresses))
        assert (code, output) == (0, f"{third.email}\n")


async def _destroy(pipeline: Pipeline, case: str) -> None:
    """Destroy the case, its plan and its certificate with it."""
    key = base64.b64decode(pipeline.settings["HABEAS_MASTER_KEY"])
    vault = Vault(pipeline.client, prefix=pipeline.prefix, master_key=key)
    await vault.destroy(case)


async def test_nothing_is_certified_before_the_erasure_journal_has_its_entry(
    parts: Stack | None, tmp_path: Path
) -> None:
    """Without a journal to write to, nothing is certified; once it can be written, all of it is."""
    async with running(parts, tmp_path) as pipeline:
        person = (await pipeline.people())[0]
        database = pipeline.client[f"{pipeline.prefix}_fulfillment"]
        await database.command("collMod", "erasures", validator={"never": "fulfilled"})
        case = await pipeline.verified("erasure", person)

        async def parked() -> bool:
            return bool((await pipeline.parked())["fulfillment"])

        await comes_true(parked)
        told = {"case": case, "facts.type": RequestFulfilled.TYPE}
        assert await pipeline.rows("fulfillment", **told) == []
        await database.command("collMod", "erasures", validator={})
        code, _, _ = await command(pipeline, "dead-letters", "replay", "fulfillment")
        assert code == 0
        await pipeline.closed(case)
        assert pipeline.letter(person, case, "Backups may hold your data until they expire."), "undeclared"
        assert await database["erasures"].count_documents({"erasure": case}) > 0
