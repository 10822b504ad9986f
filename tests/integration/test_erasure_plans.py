"""A plan may be larger than a document of the database can be."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime
from typing import Any

from services.fulfillment.context import FulfillmentContext
from services.fulfillment.datamap.model import CollectionPlace
from services.fulfillment.erasure.steps import Disposition, Mask, RecordPlan, RecordStep, Steps, run_of_line
from services.fulfillment.search.ownership import OwnershipMatch
from services.fulfillment.state import FulfillmentCase
from shared.runtime.mongo import Client, ObjectId
from shared.runtime.vault import Vault

CASE = "d" * 32
NOW = datetime(2026, 11, 25, tzinfo=UTC)
MOST = 16 * 1024 * 1024
STEPS = 20_000
KIM = OwnershipMatch("email", None, ("kim@example.org",))


def step(number: int) -> RecordStep:
    masks = tuple(Mask(f"field_{n}", (), None) for n in range(4))
    return RecordStep(
        "desk.notes",
        CollectionPlace("default", "desk", "notes"),
        {"_id": ObjectId(f"{number:024x}")},
        Disposition.MASKED,
        (KIM, OwnershipMatch("name", None, (f"Zoë {number} 🌍",))),
        masks=masks,
    )


async def opened(ctx: FulfillmentContext, name: str) -> RecordPlan:
    lines = ctx.opened_lines(name)
    decided = RecordPlan.of_line(await anext(lines))
    return replace(decided, steps=Steps([run_of_line(line) async for line in lines]))


async def test_a_plan_of_any_size_is_sealed_and_comes_back_as_it_was(
    mongo_client: Client, database_prefix: str
) -> None:
    vault = Vault(mongo_client, prefix=database_prefix, master_key=bytes(32))
    await vault.create(CASE)
    unused: list[Any] = [None] * len(fields(FulfillmentContext)[5:])
    ctx = FulfillmentContext(CASE, FulfillmentCase(), NOW, NOW, vault, *unused)
    small = RecordPlan("v", date(2026, 11, 25), ("user",), (step(1),), (("desk.notes",),))
    large = replace(small, steps=tuple(map(step, range(STEPS))))
    assert sum(map(len, large.lines())) > MOST

    names = [await ctx.sealed_lines("plan", each.lines()) for each in (small, large)]

    assert [await opened(ctx, name) for name in names] == [small, large]
    stored = mongo_client[f"{database_prefix}_vault"]
    assert await stored["items"].count_documents({}) == 1
    async for chunk in stored["chunks"].find():
        assert len(chunk["sealed"]) < 2 * 1024 * 1024
