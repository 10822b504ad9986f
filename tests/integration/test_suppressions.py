"""The suppression list on a real database: it finds the people on it, and reveals none of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from services.fulfillment.changes.opt_ins import OptInGiver, OptInProof, SaleOptIn
from services.fulfillment.changes.suppressions import SuppressionList, SuppressionPurpose, hashed
from shared.runtime.mongo import Client, Database

KIM = {"email": ("kim.stopp@example.org",), "phone_number": ("+49305550147", "030 5550147")}
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest_asyncio.fixture
async def database(mongo_client: Client, database_prefix: str) -> Database:
    return mongo_client[f"{database_prefix}_fulfillment"]


@pytest.mark.parametrize(
    "known",
    [
        pytest.param({"email": (" KIM.Stopp@Example.org ",)}, id="the address in other letters"),
        pytest.param({"phone_number": ("0049 30 / 555 01 47",)}, id="the number as it is dialled"),
        pytest.param({**KIM, "email": ("other@example.org",)}, id="one of several"),
    ],
)
async def test_listed_person_is_found_on_the_suppression_list(
    database: Database, known: dict[str, tuple[str, ...]]
) -> None:
    suppressions = SuppressionList(database, b"k" * 32)
    await suppressions.add(KIM, SuppressionPurpose.MARKETING, NOW)
    assert await suppressions.holds(known, SuppressionPurpose.MARKETING)


@pytest.mark.parametrize(
    ("somebody", "purpose"),
    [
        pytest.param({"email": ("kim.stop@example.org",)}, SuppressionPurpose.MARKETING, id="somebody else"),
        pytest.param(KIM, SuppressionPurpose.SALE, id="another purpose"),
        pytest.param({"login": KIM["email"]}, SuppressionPurpose.MARKETING, id="another kind of identity"),
        pytest.param({}, SuppressionPurpose.MARKETING, id="nobody"),
    ],
)
async def test_no_other_person_or_request_is_stopped(
    database: Database, somebody: dict[str, tuple[str, ...]], purpose: SuppressionPurpose
) -> None:
    suppressions = SuppressionList(database, b"k" * 32)
    await suppressions.add(KIM, SuppressionPurpose.MARKETING, NOW)
    assert not await suppressions.holds(somebody, purpose)


@pytest.mark.parametrize(
    ("known", "values"),
    [
        pytest.param({"email": ("a@example.org", "b@example.org", "A@example.org")}, 2, id="two addresses"),
        pytest.param({"no": ("1", "2")}, 2, id="two numbers of a customer"),
        pytest.param(
            {"phone_number": ("+49305550147", "0049 30 5550147", "49305550147")}, 1, id="one telephone"
        ),
        pytest.param({"phone_number": ("+49305550147", "030 5550147")}, 1, id="as dialled in its place"),
        pytest.param({"phone_number": ("+49305550147", "+49305550199", "030 5550147")}, 2, id="two of them"),
        pytest.param({"phone_number": ("030 5550147",)}, 1, id="nobody knows the country"),
        pytest.param({"email": ()}, 0, id="none"),
    ],
)
def test_every_value_stands_on_the_list_and_no_spelling_twice(
    known: dict[str, tuple[str, ...]], values: int
) -> None:
    assert len({digest for _, digest in hashed(known, b"k")}) == values


async def test_suppression_list_does_not_reveal_its_people(database: Database) -> None:
    suppressions = SuppressionList(database, b"k" * 32)
    await suppressions.add(KIM, SuppressionPurpose.MARKETING, NOW)
    stored = str([entry async for entry in database["suppressions"].find()]).casefold()
    assert "marketing" in stored
    assert not any(word in stored for word in ("kim", "stopp", "example", "5550147"))
    assert not await SuppressionList(database, b"x" * 32).holds(KIM, SuppressionPurpose.MARKETING), (
        "without the key"
    )


async def test_what_is_stopped_twice_is_stopped_since_the_first_time(database: Database) -> None:
    suppressions = SuppressionList(database, b"k" * 32)
    for at in (NOW, NOW + timedelta(days=1)):
        await suppressions.add(KIM, SuppressionPurpose.MARKETING, at)
    assert [entry["at"] async for entry in database["suppressions"].find()] == [NOW, NOW]


async def test_later_opt_out_extends_the_lock(database: Database) -> None:
    suppressions, sale = SuppressionList(database, b"k" * 32), SuppressionPurpose.SALE
    first, later = NOW.date() + timedelta(days=365), NOW.date() + timedelta(days=700)
    assert await suppressions.locked_until(KIM, sale) is None
    await suppressions.add(KIM, sale, NOW)
    assert await suppressions.locked_until(KIM, sale) is None
    for day in (first, later, first, None):
        await suppressions.add(KIM, sale, NOW, day)
    assert await suppressions.locked_until({"email": KIM["email"]}, sale) == later
    assert await suppressions.locked_until(KIM, SuppressionPurpose.SENSITIVE) is None


async def test_opt_in_lasts_until_it_is_withdrawn_or_the_person_opts_out(database: Database) -> None:
    suppressions, sale = SuppressionList(database, b"k" * 32), SuppressionPurpose.SALE
    own = SaleOptIn(OptInGiver.SELF, OptInProof.TWO_STEP, NOW)
    await suppressions.add(KIM, sale, NOW - timedelta(days=9))
    await suppressions.opt_in(KIM, own)
    email = KIM["email"]
    assert await suppressions.opt_in_of({"email": email}) == own
    assert await suppressions.opted_in("email", email, NOW.date()) == set(email)
    await suppressions.add(KIM, sale, NOW - timedelta(days=9))  # a repetition of the earlier opt-out
    assert await suppressions.opt_in_of(KIM) == own
    await suppressions.add(KIM, sale, NOW + timedelta(days=1))
    assert await suppressions.opt_in_of(KIM) is None
    assert await suppressions.opted_in("email", email, NOW.date()) == set()
    await suppressions.opt_in(KIM, replace(own, at=NOW + timedelta(days=2)))
    assert await suppressions.withdraw_opt_in(KIM, NOW + timedelta(days=3))
    assert not await suppressions.withdraw_opt_in(KIM, NOW + timedelta(days=4))
    assert await suppressions.opt_in_of(KIM) is None
