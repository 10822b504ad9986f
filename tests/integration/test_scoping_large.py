"""However long what records hold is, what is in memory and in a batch at once stays small."""

import pytest

from services.fulfillment.breach.search import AffectedSearch
from shared.runtime.mongo import Client
from tests.integration.scope_fixture import Installation, declared
from tests.integration.test_scoping import SHOP, collection

LONG = 60_000
"""Characters of a name that person has pasted a text into."""


@pytest.fixture
def installed(mongo_client: Client, database_prefix: str) -> Installation:
    return Installation(mongo_client, database_prefix, SHOP)


async def people(installed: Installation, many: int) -> None:
    home = {"lines": ["l" * LONG] * 40, "city": "c" * LONG, "country": "DE"}
    await installed.business("shop", "people").insert_many(
        [
            {"_id": n, "email": f"p{n}@example.org", "name": f"P {n} " + "n" * LONG, "home": home}
            for n in range(many)
        ]
    )


async def test_names_and_addresses_that_go_on_for_pages_are_cut(installed: Installation) -> None:
    await people(installed, 8)
    await installed.scoped(declared(collections=[collection("people")]))
    [batch] = await installed.batches()
    assert all(len(one.name) == 200 for one in batch.people)
    assert all(max(map(len, one.postal)) == 200 and len(one.postal) == 12 for one in batch.people)
    assert {one.name[:4] for one in batch.people} == {f"P {n} " for n in range(8)}


async def test_no_batch_has_more_bytes_than_the_vault_takes(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.fulfillment.breach.scope_job.BATCH_BYTES", 1)
    listed = [{"email": f"p{n}@example.org", "residence": {"country": "DE"}} for n in range(3)]
    assert (await installed.scoped(declared(list=listed))).chunks == 3
    assert len(await installed.written_to()) == 3


async def test_few_records_are_read_at_once_where_they_are_large(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await people(installed, 5)
    monkeypatch.setattr("services.fulfillment.breach.search.BYTES_AT_ONCE", 3 * 1024 * 1024)
    finding, breach = AffectedSearch(SHOP, installed.stores), declared(collections=[collection("people")])
    assert [portion.records async for portion in finding.portions(breach)] == [2, 2, 1, 0]
    more = [portion.records async for portion in finding.completions(frozenset({"place"}))]
    assert more[:3] == [2, 2, 1]
