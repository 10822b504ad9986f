"""Who is in two phases of a breach that go out together is told by one letter, whichever are taken back."""

from collections.abc import Iterable
from typing import Any

import pytest

from services.fulfillment.breach.affected import AffectedPerson
from services.fulfillment.breach.obligations import NoticeGroup
from services.fulfillment.breach.scope_job import covers_notice
from shared.contract.affected_people import NoticeRecipient, notified_elsewhere
from shared.runtime.mongo import Client
from tests.integration.scope_fixture import CALIFORNIA, GDPR, INCIDENT, Installation, declared
from tests.integration.test_scoping import CUSTOMERS, SHOP, _dies, _DiesError, collection, shop

ADA = "Ada@Example.ORG"
NAMES = declared(collections=[collection("people")], categories=["user.name"])
ALL = declared(collections=[collection("people", _id={"$in": [1, 2]})])
BY_NAME = NoticeRecipient(key="0" * 32, email="ada@example.org", categories=("user.name",))


@pytest.fixture
def installed(mongo_client: Client, database_prefix: str) -> Installation:
    return Installation(mongo_client, database_prefix, SHOP)


async def spared(installed: Installation, phase: int, along: Iterable[int]) -> set[str]:
    """Return who gets no letter of *phase*, where the phases *along* go out with it: names."""
    found: set[str] = set()
    for number, batch in enumerate(await installed.batches(phase)):
        numbers = await notified_elsewhere(installed.vault, INCIDENT, phase, number, along)
        found |= {batch.people[one].name for one in numbers}
    return found


async def test_person_in_both_phases_is_notified_by_the_one_found_last(installed: Installation) -> None:
    await shop(installed)
    await installed.scoped(NAMES)
    await installed.scoped(ALL, phase=2)
    assert set(await installed.written_to(2)) == {ADA}
    assert await spared(installed, 1, [2]) == {"Ada Example"}
    assert await spared(installed, 2, [1]) == set(), "in one of the two they are told"


async def test_person_notified_in_an_earlier_phase_gets_only_the_news(installed: Installation) -> None:
    await shop(installed)
    await installed.scoped(NAMES)
    await installed.scoped(ALL, phase=2)
    assert await spared(installed, 1, []) == set(), "the first went out alone"


async def test_of_three_phases_any_that_is_taken_back_leaves_one_letter(installed: Installation) -> None:
    await shop(installed)
    await installed.scoped(NAMES)
    await installed.scoped(ALL, phase=2)
    await installed.scoped(declared(collections=[collection("people", _id=1), collection("teams")]), phase=3)
    assert await spared(installed, 1, [2, 3]) == await spared(installed, 2, [1, 3]) == {"Ada Example"}
    assert await spared(installed, 1, [2]) == await spared(installed, 1, [3]) == {"Ada Example"}
    assert ADA.lower() in {address.lower() for address in await installed.written_to(3)}


async def test_of_whom_nothing_is_new_the_first_letter_goes(installed: Installation) -> None:
    await shop(installed)
    await installed.scoped(ALL)
    await installed.scoped(NAMES, phase=2)
    assert await spared(installed, 1, [2]) == set()


async def test_a_customer_in_both_has_one_notice_unless_the_first_says_more(installed: Installation) -> None:
    """Law: GDPR Art. 33(2)."""
    breach: dict[str, Any] = {"role": "processor", "categories": ["user.name"]}
    one, two = ({**customer, "services": ["Edge"]} for customer in CUSTOMERS[:2])
    await installed.scoped(declared(**breach, controllers=[one, two]))
    await installed.scoped(declared(**breach, controllers=[one, {**two, "services": []}]), phase=2)
    assert await spared(installed, 1, [2]) == {one["name"]}


async def test_crash_before_the_event_leads_to_the_same_result(installed: Installation) -> None:
    await shop(installed)
    await installed.scoped(NAMES)
    await installed.register(ALL, phase=2)
    with pytest.raises(_DiesError):
        await installed.replica(publish=_dies).work()
    installed.later()
    assert await installed.replica().work()
    assert await spared(installed, 1, [2]) == {"Ada Example"}


@pytest.mark.parametrize(
    ("laws", "told", "email", "enough"),
    [
        pytest.param((GDPR,), {"user.name"}, ADA, True, id="the same"),
        pytest.param((GDPR, CALIFORNIA), {"user"}, ADA, True, id="more"),
        pytest.param(("gdpr@2027-01-01",), {"user.name"}, ADA, True, id="another edition"),
        pytest.param((CALIFORNIA,), {"user.name"}, ADA, False, id="another law"),
        pytest.param((GDPR,), {"user.contact"}, ADA, False, id="other data"),
        pytest.param((GDPR,), {"user.name"}, "", False, id="no address"),
        pytest.param((GDPR,), {"user.name"}, "ada@example.com", False, id="another address"),
    ],
)
def test_a_letter_stands_for_another_only_where_it_says_as_much_and_arrives(
    laws: tuple[str, ...], told: set[str], email: str, *, enough: bool
) -> None:
    said = {"email": (0, email)} if email else {}
    person = AffectedPerson(identity=(), said=said, categories=frozenset(told))
    assert covers_notice(NoticeGroup("people", laws, "en", again=True), person, (GDPR,), BY_NAME) is enough
