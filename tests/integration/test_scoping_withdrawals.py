"""A phase of a breach that was taken back is scoped no more, and whom it concerned is told by a later one."""

import pytest

from services.fulfillment.breach.handlers import ScopeContext, give_up
from services.fulfillment.breach.scope_store import ScopeLeaseLost
from shared.contract.events.breaches import BreachUnscoped
from shared.runtime.mongo import Client
from tests.integration.scope_fixture import INCIDENT, Installation, declared
from tests.integration.test_scoping import SHOP, collection, shop

EVERYBODY = [collection("people")]


@pytest.fixture
def installed(mongo_client: Client, database_prefix: str) -> Installation:
    return Installation(mongo_client, database_prefix, SHOP)


async def unscope(installed: Installation, phase: int) -> None:
    """Take a phase back, as its event arrives."""
    context = ScopeContext(installed.vault, finding=None, scopes=installed.scopes)  # type: ignore[arg-type]
    assert await give_up(BreachUnscoped(request_id=INCIDENT, phase=phase), context) == []


async def test_people_of_a_withdrawn_phase_are_notified_by_the_next(
    installed: Installation,
) -> None:
    await shop(installed)
    await installed.scoped(declared(collections=[collection("people", _id=1)]))
    before = await installed.people.find({}).to_list(None)
    await installed.scoped(declared(collections=EVERYBODY), phase=2)
    others = set(await installed.written_to(2))
    for _ in range(2):
        await unscope(installed, 2)
    assert await installed.people.find({}).to_list(None) == before
    await installed.scoped(declared(collections=EVERYBODY), phase=3)
    assert others
    assert set(await installed.written_to(3)) == others, "who was told in the first phase is not told again"


async def test_person_without_duty_to_notify_before_is_known_as_before(installed: Installation) -> None:
    await shop(installed)
    one = [collection("people", _id=3)]
    await installed.scoped(declared(collections=one, categories=["user.name"]))
    before = await installed.people.find({}).to_list(None)
    await installed.scoped(declared(collections=one), phase=2)
    assert await installed.people.find({}).to_list(None) != before
    await unscope(installed, 2)
    assert await installed.people.find({}).to_list(None) == before


async def test_a_phase_that_was_taken_back_is_not_looked_into(installed: Installation) -> None:
    await shop(installed)
    await installed.register(declared(collections=EVERYBODY))
    scope = await installed.scopes.begin(installed.clock())
    assert scope is not None
    await unscope(installed, 1)
    with pytest.raises(ScopeLeaseLost):
        await installed.scopes.prolong(scope, installed.clock())
    await unscope(installed, 2)
    await installed.register(declared(collections=EVERYBODY), phase=2)
    assert not await installed.replica().work()
