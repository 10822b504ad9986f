"""The check of an own database names what is missing: an account, a permission, or the database."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from habeas.client.exports import live, require_readable
from habeas.client.stores import existing, require_usable
from habeas.embedded.company import fill
from shared.errors import ConfigurationError
from shared.runtime.mongo import Client, raw_documents


@dataclass
class Shop:
    """A database with one document, and the URLs of its users by role."""

    database: str
    urls: dict[str, str]


@pytest_asyncio.fixture
async def shop(mongo_client: Client, mongo_url: str, database_prefix: str) -> AsyncIterator[Shop]:
    database = f"{database_prefix}_shop"
    await mongo_client[database].customers.insert_one({"email": "ada@example.org"})
    urls, place = {}, mongo_url.rpartition("@")[2]
    for role in ("read", "readWrite"):
        user = f"{database_prefix}_{role}"
        roles = [{"role": role, "db": database}]
        await mongo_client.admin.command("createUser", user, pwd="sesame", roles=roles)
        urls[role] = f"mongodb://{user}:sesame@{place}"
    yield Shop(database, urls)
    for role in urls:
        await mongo_client.admin.command("dropUser", f"{database_prefix}_{role}")


async def test_user_that_reads_and_writes_is_sufficient(shop: Shop) -> None:
    await require_usable({"default": shop.urls["readWrite"]}, {"default": {shop.database}})


async def test_missing_permission_names_the_role_to_grant(shop: Shop) -> None:
    message = f"may not update, remove in {shop.database}: grant it the role readWrite there"
    with pytest.raises(ConfigurationError, match=message):
        await require_usable({"default": shop.urls["read"]}, {"default": {shop.database}})


async def test_wrong_password_is_named_and_not_quoted(shop: Shop) -> None:
    url = shop.urls["read"].replace("sesame", "wrong-one")
    with pytest.raises(ConfigurationError, match="wrong user, password or authSource") as caught:
        await require_usable({"default": url}, {})
    assert "wrong-one" not in str(caught.value)


async def test_missing_database_names_those_that_are_there(shop: Shop) -> None:
    message = rf"^store crm at .*: it has no database shop .*{shop.database}.*: correct the name"
    with pytest.raises(ConfigurationError, match=message):
        await require_usable({"crm": shop.urls["readWrite"]}, {"crm": {"shop"}})


async def test_live_database_is_copied_as_it_is(
    shop: Shop, mongo_client: Client, mongo_url: str, database_prefix: str
) -> None:
    await mongo_client[shop.database].command("create", "view", viewOn="customers", pipeline=[])
    url = shop.urls["read"].replace("/?", f"/{shop.database}?")
    await require_readable(url)
    copied = f"{database_prefix}_copy_"
    assert await fill(mongo_url, live(url), prefix=copied, index=False) == 1
    [original] = await mongo_client[shop.database].customers.find().to_list()
    [copy] = await mongo_client[copied + shop.database].customers.find().to_list()
    assert copy == original


async def test_database_that_the_url_names_in_vain_is_an_error(shop: Shop) -> None:
    url = shop.urls["read"].replace("/?", "/none?")
    with pytest.raises(ConfigurationError, match=f"^--data: .*: it has no database none .*{shop.database}"):
        await require_readable(url)


async def test_documents_of_a_large_answer_are_bytes(mongo_client: Client, database_prefix: str) -> None:
    collection = mongo_client[f"{database_prefix}_shop"].texts
    await collection.insert_many([{"_id": number, "text": "x" * 1_000_000} for number in range(3)])
    assert [type(raw) async for _, raw in raw_documents(collection)] == [bytes] * 3


async def test_databases_of_habeas_are_no_data_of_the_operator(
    mongo_client: Client, database_prefix: str
) -> None:
    own = f"habeas_{database_prefix}"
    await mongo_client[own].cases.insert_one({"_id": 1})
    try:
        assert own not in await existing(mongo_client)
    finally:
        await mongo_client.drop_database(own)
