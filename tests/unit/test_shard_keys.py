"""Shard keys: queries that name their shards, and the program and the page that are written of the keys."""

import re
from pathlib import Path
from typing import Any

import pytest

from shared.runtime.mongo import starting
from shared.runtime.shard_keys import SHARD_KEYS, ShardKey, ShardKind, script
from tests.shard_targets import targets

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (.+) \| (.+) \| `(\w+)` \| (\w+) \|", re.MULTILINE)
CASE = ShardKey("case", ShardKind.HASHED)
NAME = ShardKey("_id", ShardKind.RANGED)


@pytest.mark.parametrize(
    ("key", "query"),
    [
        (CASE, {"case": "a", "n": {"$lt": 3}}),
        (CASE, {"case": {"$in": ["a", "b"]}}),
        (CASE, {"$and": [{"n": 0}, {"case": "a"}]}),
        (CASE, {"$or": [{"case": "a", "n": 0}, {"case": "b"}]}),
        (NAME, {"_id": starting("a/")}),
        (NAME, {"$or": [{"_id": starting("a/letter")}, {"_id": starting("a/answer")}]}),
    ],
)
def test_query_with_values_of_the_key_names_its_shards(key: ShardKey, query: dict[str, Any]) -> None:
    assert targets(key, query)


@pytest.mark.parametrize(
    ("key", "query"),
    [
        (CASE, {}),
        (CASE, {"_id": "a:0"}),
        (CASE, {"case": starting("a")}),
        (CASE, {"case": {"$ne": "a"}}),
        (CASE, {"$or": [{"case": "a"}, {"n": 0}]}),
        (NAME, {"_id": {"$nin": ["a"]}}),
        (NAME, {"_id": re.compile("b$")}),
    ],
)
def test_query_without_values_of_the_key_asks_every_shard(key: ShardKey, query: dict[str, Any]) -> None:
    assert not targets(key, query)


def test_program_for_mongosh_is_that_of_the_keys() -> None:
    assert (ROOT / "deploy" / "mongodb" / "shard.js").read_text(encoding="utf-8") == script()


def test_page_lists_each_key() -> None:
    page = (ROOT / "docs" / "how-to" / "shard.md").read_text(encoding="utf-8")
    listed = {
        (database, name): (field, kind)
        for databases, names, field, kind in ROW.findall(page)
        for database in re.findall(r"`(\w+)`", databases)
        for name in re.findall(r"`(\w+)`", names)
    }
    assert listed == {place: (key.field, key.kind.value) for place, key in SHARD_KEYS.items()}
