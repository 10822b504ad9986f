"""Copies that people were given are counted by case and person, within a year, without remembering people."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest_asyncio

from services.fulfillment.package.copies import WINDOW, CopyCounter
from shared.law import GivenCopies
from shared.runtime.mongo import Client

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ADA = {"email": ("Ada@Example.org",), "phone_number": ("+49 30 23125 000", "+493023125000")}


@pytest_asyncio.fixture
async def copies(mongo_client: Client, database_prefix: str) -> CopyCounter:
    copies = CopyCounter(mongo_client[f"{database_prefix}_fulfillment"], b"k" * 32)
    await copies.prepare()
    return copies


async def test_every_case_counts_once_however_often_it_is_tried(copies: CopyCounter) -> None:
    assert [await copies.count("a", ADA, NOW) for _ in range(3)] == [1, 1, 1]
    assert await copies.count("b", ADA, NOW) == 2


async def test_a_person_is_the_same_by_any_of_their_identities_however_written(copies: CopyCounter) -> None:
    await copies.count("a", ADA, NOW)
    assert await copies.count("b", {"email": ("ada@EXAMPLE.org",)}, NOW) == 2
    assert await copies.count("c", {"phone_number": ("0049-30-23125000",)}, NOW) == 2
    assert await copies.count("d", {"email": ("bruno@example.org",)}, NOW) == 1


async def test_copies_of_longer_ago_do_not_count_and_are_forgotten(
    copies: CopyCounter, mongo_client: Client, database_prefix: str
) -> None:
    await copies.count("a", ADA, NOW - WINDOW)
    await copies.count("b", ADA, NOW - WINDOW + timedelta(seconds=1))
    assert await copies.count("c", ADA, NOW) == 2
    kept = mongo_client[f"{database_prefix}_fulfillment"]["copies"]
    assert set(await kept.distinct("case")) == {"b", "c"}


async def test_copy_that_turns_a_year_old_within_the_day_does_not_count(copies: CopyCounter) -> None:
    await copies.count("a", ADA, NOW - WINDOW + timedelta(hours=1))
    assert await copies.count("b", ADA, NOW) == 2
    assert await copies.count("c", ADA, NOW + timedelta(hours=2)) == 2


async def test_people_counted_side_by_side_are_counted_apart(copies: CopyCounter) -> None:
    await copies.count("a", ADA, NOW)
    bruno = {"email": ("bruno@example.org",)}
    counts = await asyncio.gather(copies.count("b", ADA, NOW), copies.count("c", bruno, NOW))
    assert tuple(counts) == (2, 1)


async def test_copies_of_known_content_within_a_year_are_those_that_make_another_cost_something(
    copies: CopyCounter,
) -> None:
    await copies.count("too long ago", ADA, NOW - WINDOW, b"same")
    await copies.count("taken elsewhere", ADA, NOW)
    await copies.count("a", ADA, NOW - WINDOW + timedelta(seconds=1), b"same")
    await copies.count("b", ADA, NOW, b"other")
    await copies.count("of another person", {"email": ("bruno@example.org",)}, NOW, b"same")
    assert await copies.given("c", ADA, NOW, b"same") == GivenCopies(total=2, same=1)
    assert await copies.given("a", ADA, NOW, b"same") == GivenCopies(total=1, same=0)


async def test_nothing_that_is_kept_names_a_person(
    copies: CopyCounter, mongo_client: Client, database_prefix: str
) -> None:
    await copies.count("a", ADA, NOW)
    kept = [str(one) async for one in mongo_client[f"{database_prefix}_fulfillment"]["copies"].find()]
    assert kept
    assert not any(clear in text.casefold() for text in kept for clear in ("ada", "example", "23125"))
    other = CopyCounter(mongo_client[f"{database_prefix}_fulfillment"], b"o" * 32)
    assert await other.count("b", ADA, NOW) == 1
