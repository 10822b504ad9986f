"""A hold that is set between the plan of an erasure and the erasure itself."""

from datetime import date

from services.fulfillment.datamap.reader import parse
from services.fulfillment.erasure.execution import execute, verify
from services.fulfillment.erasure.planner import plan
from services.fulfillment.erasure.steps import Disposition
from services.fulfillment.search.walk import gather
from services.fulfillment.state import united
from services.fulfillment.stores.mongodb import Stores
from shared.runtime.mongo import Client

TODAY = date(2026, 11, 25)
MAP = """
dataset:
  - fides_key: shop
    collections:
      - name: users
        meta: {habeas: {erasure: delete, legal_hold: {field: hold, value: true}}}
        fields:
          - {name: _id, data_categories: [system.operations], fides_meta: {primary_key: true}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - {name: hold, data_categories: [system.operations]}
"""


async def test_a_hold_that_comes_after_the_plan_is_honoured(
    mongo_client: Client, database_prefix: str
) -> None:
    stores, data_map = (
        Stores({"default": mongo_client}, database_prefix=database_prefix),
        parse({"m.yml": MAP}),
    )
    users = mongo_client[f"{database_prefix}shop"]["users"]
    await users.insert_many([{"_id": n, "email": "ada@example.org", "hold": False} for n in (1, 2)])
    identities = {"email": ("ada@example.org",)}
    first = plan(await gather(data_map, stores, identities), data_map, TODAY)

    await users.update_one({"_id": 2}, {"$set": {"hold": True}})
    await execute(first, stores)
    assert [user["_id"] async for user in users.find()] == [2]

    remains = await verify(first, data_map, stores, identities)
    assert not remains.clean
    second = plan(remains.findings, data_map, TODAY)
    whole = united([first, second])
    assert {step.id["_id"]: step.disposition for step in whole.steps} == {
        1: Disposition.ERASED,
        2: Disposition.RETAINED,
    }
    assert (await verify(whole, data_map, stores, identities)).clean
