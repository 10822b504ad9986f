"""Who was told in one phase of a breach, and is found again in a later one."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.fulfillment.breach.handlers import ScopeContext, forget_phase
from services.fulfillment.breach.obligations import PolicyEditions
from services.fulfillment.breach.search import AffectedSearch
from shared.contract.events.breaches import BreachForgotten
from shared.law.library import EXAMPLE, breach_policies, company
from shared.runtime.mongo import Client
from tests.integration.scope_fixture import CALIFORNIA, GDPR, INCIDENT, Installation, declared
from tests.integration.test_scoping import CUSTOMERS, PEOPLE, SHOP, collection, shop

BO, ADA = "bo@example.com", "Ada@Example.ORG"
EVERYBODY = [collection("people")]


@pytest.fixture
def installed(mongo_client: Client, database_prefix: str) -> Installation:
    return Installation(mongo_client, database_prefix, SHOP)


async def test_person_found_again_without_news_is_neither_notified_nor_counted(
    installed: Installation,
) -> None:
    await shop(installed)
    await installed.scoped(declared(collections=EVERYBODY))
    for phase in (2, 3):
        again = await installed.scoped(declared(collections=EVERYBODY, measures="More."), phase=phase)
        assert again.chunks == 0
        assert sum(group.people + group.again for group in again.groups if group.laws) == 0


async def test_person_with_more_breached_data_is_notified_again_of_all_of_it(installed: Installation) -> None:
    await shop(installed)
    await installed.scoped(declared(collections=EVERYBODY))
    more = await installed.scoped(declared(collections=[*EVERYBODY, collection("teams")]), phase=2)
    written = await installed.written_to(2)
    assert set(written) == {ADA, "eve@example.org"}
    assert {"user.job_title", "user.authorization.password"} <= set(written[ADA].categories)
    assert {(g.place, g.people, g.again) for g in more.groups if g.laws} == {("DE", 0, 1), (None, 1, 0)}
    third = await installed.scoped(declared(collections=[*EVERYBODY, collection("teams")]), phase=3)
    assert third.chunks == 0, "of that they are told by now"


async def test_person_of_a_further_law_is_notified_again(installed: Installation) -> None:
    await shop(installed)
    person = {"email": BO, "residence": {"country": "DE"}}
    await installed.scoped(declared(list=[person], categories=["user.name"]))
    home = {**person, "residence": {"country": "US", "subdivision": "CA"}}
    await installed.scoped(declared(list=[home], categories=["user.authorization.password"]), phase=2)
    [batch] = await installed.batches(2)
    assert batch.laws == (CALIFORNIA,)


async def test_category_within_a_notified_one_is_no_news(installed: Installation) -> None:
    await shop(installed)
    await installed.scoped(declared(list=[{"email": ADA}], categories=["user"]))
    await installed.scoped(declared(collections=[collection("people", _id=1)]), phase=2)
    assert await installed.written_to(2) == {}


async def test_where_somebody_lives_is_known_from_the_phase_before(installed: Installation) -> None:
    """Else a record that does not say it would seem to come under another law."""
    person = {"email": BO, "residence": {"country": "US", "subdivision": "CA"}}
    await installed.scoped(declared(list=[person], categories=["user.authorization.password"]))
    [batch] = await installed.batches()
    assert batch.laws == (CALIFORNIA,)
    again = declared(list=[{"email": BO}], categories=["user.authorization.password"])
    assert (await installed.scoped(again, phase=2)).chunks == 0


async def test_what_two_phases_found_of_somebody_counts_together(installed: Installation) -> None:
    await shop(installed)
    await installed.scoped(declared(collections=[collection("people", _id=3)], categories=["user.name"]))
    await installed.scoped(
        declared(collections=[collection("people", _id=3)], categories=["user.authorization"]), phase=2
    )
    [batch] = await installed.batches(2)
    assert batch.people[0].categories == ("user.authorization.password", "user.name")


async def test_content_of_a_notice_lies_sealed(installed: Installation) -> None:
    await shop(installed)
    await installed.scoped(declared(collections=EVERYBODY))
    async for one in installed.people.find():
        assert set(one) == {"_id", "incident", "phase", "group", "lacks", "found"}
        assert b"user." not in one["found"]


async def test_people_of_a_withdrawn_phase_are_forgotten_unless_found_since(installed: Installation) -> None:
    await shop(installed)
    await installed.scoped(declared(collections=EVERYBODY))
    await installed.scoped(declared(collections=[collection("people", _id=1)]), phase=2)
    ctx = ScopeContext(installed.vault, AffectedSearch(SHOP, installed.stores), installed.scopes)
    assert await forget_phase(BreachForgotten(request_id=INCIDENT, phase=1), ctx) == []
    left = [one["phase"] async for one in installed.people.find()]
    assert left == [2, 2], "the person, and whom their record names for emergencies"


async def test_each_phase_notifies_the_customers(installed: Installation) -> None:
    breach: dict[str, Any] = {"role": "processor", "controllers": CUSTOMERS[:2], "categories": ["user.name"]}
    for phase in (1, 2):
        await installed.scoped(declared(**breach), phase=phase)
        assert len(await installed.written_to(phase)) == len(CUSTOMERS[:2])
        assert {batch.laws for batch in await installed.batches(phase)} == {(GDPR,)}


async def test_a_further_phase_that_breaks_off_comes_to_the_same(installed: Installation) -> None:
    await shop(installed)
    await installed.scoped(declared(collections=EVERYBODY))
    await installed.register(declared(collections=[*EVERYBODY, collection("teams")]), phase=2)
    scope = await installed.scopes.begin(installed.now)
    assert scope is not None
    key = await installed.vault.key_of(INCIDENT)
    replica = installed.replica()
    breach = declared(collections=[*EVERYBODY, collection("teams")])
    await replica._gather(scope, breach, key)
    installed.later()
    assert await installed.replica().work()
    assert set(await installed.written_to(2)) == {ADA, "eve@example.org"}
    assert len(PEOPLE) == installed.of(2).records - 1


@pytest.mark.parametrize(
    ("judged_at", "edition"),
    [
        pytest.param(None, "us-ca@2026-01-01", id="by its own day"),
        pytest.param(datetime(2025, 12, 30, tzinfo=UTC), "us-ca@2022-01-01", id="by that of the first phase"),
    ],
)
async def test_people_are_notified_by_the_editions_of_the_register(
    installed: Installation, judged_at: datetime | None, edition: str
) -> None:
    """An edition that came between two phases must not have a letter stop no clock."""
    await shop(installed)
    await installed.scopes.prepare()
    home = {"country": "US", "subdivision": "CA"}
    breach = declared(list=[{"email": BO, "residence": home}], categories=["user.name", "user.financial"])
    await installed.register(breach, judged_at=judged_at)
    law = PolicyEditions(breach_policies(), company(EXAMPLE))
    while await installed.replica(law=law).work():
        pass
    [batch] = await installed.batches()
    assert batch.laws[0] == edition
