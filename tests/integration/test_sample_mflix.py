"""A public data set with a Fides data map and, for five people, what must be found and what must be left."""

import base64
import gzip
import json
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from bson import decode
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.reader import parse
from services.fulfillment.erasure.execution import execute, verify
from services.fulfillment.erasure.planner import plan
from services.fulfillment.search.walk import gather
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.mongo import Client, Document, insert_new, json_util

SET = Path(__file__).parents[3] / "shared" / "data" / "sample_mflix"
TODAY = date(2026, 11, 25)

pytestmark = pytest.mark.skipif(not SET.is_dir(), reason="the data set is not beside the repository")


def expectations() -> dict[str, Any]:
    text = (SET / "expectations.json").read_text(encoding="utf-8") if SET.is_dir() else '{"people": []}'
    expected: dict[str, Any] = json.loads(text)
    return expected


EXPECTED = expectations()
PEOPLE = range(len(EXPECTED["people"]))


def documents() -> Iterator[tuple[str, list[Document]]]:
    options = json_util.CANONICAL_JSON_OPTIONS
    for path in sorted((SET / "sample_mflix").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield (
                path.name.removesuffix(".jsonl.gz"),
                [json_util.loads(line, json_options=options) for line in lines],
            )


@pytest.fixture(scope="module")
def data_map() -> DataMap:
    return parse({"datamap.yml": (SET / "datamap.yml").read_text(encoding="utf-8")})


@pytest_asyncio.fixture
async def stores(mongo_client: Client, database_prefix: str) -> AsyncIterator[Stores]:
    for name, loaded in documents():
        await insert_new(mongo_client[database_prefix + "sample_mflix"][name], loaded)
    yield Stores({"default": mongo_client}, database_prefix=database_prefix)


async def everything(client: Client, prefix: str) -> dict[tuple[str, Any], bytes]:
    """Every document, byte for byte."""
    database = client[prefix + "sample_mflix"]
    raw = CodecOptions(document_class=RawBSONDocument)
    return {
        (f"sample_mflix.{name}", document["_id"]): document.raw
        for name in await database.list_collection_names()
        async for document in database.get_collection(name, codec_options=raw).find()
    }


def listed(person: dict[str, Any]) -> set[tuple[str, Any]]:
    return {
        (key, json_util.loads(json.dumps(identity)))
        for key, identities in person["access"].items()
        for identity in identities
    }


def identities(person: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {name: (value.title(),) for name, value in person["identity"].items()}


def test_the_map_loads_unchanged(data_map: DataMap) -> None:
    assert [collection.name for collection in data_map.collections] == [
        "users",
        "comments",
        "sessions",
        "movies",
        "theaters",
    ]
    assert data_map.remarks == ()


async def test_each_persons_records_are_found_and_erased_and_no_others(
    data_map: DataMap, stores: Stores, mongo_client: Client, database_prefix: str
) -> None:
    before = await everything(mongo_client, database_prefix)
    for number in PEOPLE:
        person = EXPECTED["people"][number]
        findings = await gather(data_map, stores, identities(person))
        found = {(item.collection.key, item.id["_id"]) for item in findings.found}
        assert found == listed(person), number

        order = plan(findings, data_map, TODAY, EXPECTED["policy"]["erase_targets"])
        await execute(order, stores)
        await execute(order, stores)
        remains = await verify(order, data_map, stores, identities(person))
        assert remains.clean, number

        after = await everything(mongo_client, database_prefix)
        assert changed(before, after) == listed(person), number
        for key, identity in listed(person):
            check_rule(before[key, identity], after.get((key, identity)), EXPECTED["erasure"][key])
        check_nothing_left(after, person)
        before = after


def changed(
    before: dict[tuple[str, Any], bytes], after: dict[tuple[str, Any], bytes]
) -> set[tuple[str, Any]]:
    return {key for key in before | after if before.get(key) != after.get(key)}


def check_rule(before: bytes, after: bytes | None, rule: dict[str, Any]) -> None:
    if rule["action"] == "delete":
        assert after is None
        return
    assert after is not None
    old, new = decode(before), decode(after)
    assert {field: new[field] for field in rule["unchanged"]} == {
        field: old[field] for field in rule["unchanged"]
    }
    assert all(old[field] not in str(new[field]) for field in rule["mask"] if old[field])


def check_nothing_left(after: dict[tuple[str, Any], bytes], person: dict[str, Any]) -> None:
    allowed = {
        (place["ns"], str(json_util.loads(json.dumps(place["_id"])))) for place in person["residual_ok"]
    }
    for value in person["identity_values"]:
        plain, hidden = value["v"].encode().lower(), encoded(value["v"])
        for (key, identity), stored in after.items():
            if plain in stored.lower() or any(piece in stored for piece in hidden):
                assert (key, str(identity)) in allowed, (key, value["kind"])


def encoded(text: str) -> list[bytes]:
    """Return how base64 spells *text*, wherever in a group of three it begins."""
    spelled = []
    for shift in range(3):
        padded = base64.b64encode(b" " * shift + text.encode()).rstrip(b"=")
        spelled.append(padded[[0, 2, 3][shift] : len(padded) - 1])
    return spelled
