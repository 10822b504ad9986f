"""The public data set once more, as an operator's command and a person's request reach it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from habeas.embedded.stack import Stack
from shared.runtime.mongo import insert_new, json_util
from tests.extent import extent
from tests.integration.pipeline import PORTAL, Pipeline, Somebody, command, prepared
from tests.integration.test_sample_mflix import (
    EXPECTED,
    SET,
    changed,
    check_nothing_left,
    check_rule,
    documents,
    everything,
    listed,
)

TRIED = extent(2, None)
"""People erased by command; test_sample_mflix.py erases all of them."""
pytestmark = pytest.mark.skipif(not SET.is_dir(), reason="the data set is not beside the repository")


def renamed_map(folder: Path, prefix: str) -> Path:
    """Write the map of the data set into *folder*, for a database whose name begins with *prefix*."""
    folder.mkdir()
    text = (SET / "datamap.yml").read_text(encoding="utf-8")
    text = text.replace("sample_mflix", f"{prefix}sample_mflix")
    (folder / "datamap.yml").write_text(text, encoding="utf-8")
    return folder


@asynccontextmanager
async def loaded(stack: Stack, folder: Path) -> AsyncIterator[Pipeline]:
    """The data set in a database of this test's own, and a map that names it."""
    async with prepared(stack, folder, renamed_map, customers=0) as pipeline:
        for name, records in documents():
            await insert_new(pipeline.client[f"{pipeline.prefix}sample_mflix"][name], records)
        yield pipeline


@pytest.mark.campaign
async def test_command_finds_and_erases_exactly_the_listed_records(stack: Stack, tmp_path: Path) -> None:
    async with loaded(stack, tmp_path) as pipeline:
        before = await everything(pipeline.client, pipeline.prefix)
        for number, person in enumerate(EXPECTED["people"][:TRIED]):
            words = ("--identity", f"email={person['identity']['email']}", "--json")
            code, output, _ = await command(pipeline, "gather", *words)
            assert (code, ids(json.loads(output), pipeline.prefix)) == (0, listed(person)), number

            code, output, _ = await command(pipeline, "erase", "--yes", *words)
            assert code == 0, number
            after = await everything(pipeline.client, pipeline.prefix)
            assert changed(before, after) == listed(person), number
            for key, identity in listed(person):
                check_rule(before[key, identity], after.get((key, identity)), EXPECTED["erasure"][key])
            check_nothing_left(after, person)
            before = after


async def test_the_pipeline_answers_two_of_them(stack: Stack, tmp_path: Path) -> None:
    asking, leaving = EXPECTED["people"][:2]
    async with loaded(stack, tmp_path) as pipeline:
        await pipeline.start()
        before = await everything(pipeline.client, pipeline.prefix)

        data = Somebody(asking["identity"]["email"], "").asks("access")
        del data["subject"]["name"]
        await pipeline.send(data, source=PORTAL)
        page = await pipeline.closed(await pipeline.id_of(data))
        assert page["outcome"] == "partly_granted"  # the password is masked
        (row,) = await pipeline.rows("fulfillment", case=page["id"])
        assert row["facts"][0]["data"]["dispositions"] == {"disclosed": len(listed(asking))}
        assert await everything(pipeline.client, pipeline.prefix) == before

        data = Somebody(leaving["identity"]["email"], "").asks("erasure")
        del data["subject"]["name"]
        await pipeline.send(data, source=PORTAL)
        page = await pipeline.closed(await pipeline.id_of(data))
        assert page["outcome"] == "granted"
        after = await everything(pipeline.client, pipeline.prefix)
        assert changed(before, after) == listed(leaving)
        for key, identity in listed(leaving):
            check_rule(before[key, identity], after.get((key, identity)), EXPECTED["erasure"][key])
        check_nothing_left(after, leaving)
        await pipeline.stop()


def ids(found: dict[str, Any], prefix: str) -> set[tuple[str, Any]]:
    return {
        (key.removeprefix(prefix), json_util.loads(json.dumps(identity)))
        for key, part in found["collections"].items()
        for identity in part["ids"]
    }
