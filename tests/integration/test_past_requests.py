"""The earlier requests of a person, in a real database."""

import asyncio
from datetime import UTC, date, datetime

import pytest
import pytest_asyncio

from services.fulfillment.package.past_requests import MOST_LISTED, PastRequests
from services.fulfillment.package.survey import PastRequest
from services.fulfillment.search.identities import Identities
from shared.contract.events import (
    Assurance,
    Fact,
    IdentityVerified,
    Outcome,
    RequestFulfilled,
    RequestWithdrawn,
)
from shared.law import Regulation, Right
from shared.runtime.journal import Journal, JournalRow
from shared.runtime.mongo import Client

ADA = {"email": ("ada@example.org",), "phone_number": ("+49 30 23125000",)}
MAILBOX, PHONE = {"email": ADA["email"]}, {"phone_number": ADA["phone_number"]}
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def case(number: int) -> str:
    return f"{number:032x}"


def verified(number: int, day: int = 1, right: Right = Right.ERASURE) -> IdentityVerified:
    return IdentityVerified(
        request_id=case(number),
        right=right,
        regulation=Regulation.GDPR,
        received_on=date(2026, 3, day),
        assurance=Assurance.MAILBOX,
        reasons=(),
    )


def fulfilled(number: int, outcome: Outcome) -> RequestFulfilled:
    return RequestFulfilled(request_id=case(number), right=Right.ERASURE, outcome=outcome, answer="answer_1")


@pytest_asyncio.fixture
async def past(mongo_client: Client, database_prefix: str) -> PastRequests:
    database = mongo_client[f"{database_prefix}_fulfillment"]
    journal = Journal(database, key=b"j" * 32)
    await journal.prepare()
    past = PastRequests(database, journal, b"k" * 32)
    await past.prepare()
    return past


async def answered(
    past: PastRequests,
    event: IdentityVerified,
    *facts: Fact,
    proven: Identities = ADA,
    name: str | None = None,
) -> None:
    """Note *event* twice, as after a crash, and journal it with *facts*."""
    for _ in range(2):
        await past.note(event, proven, name)
    row = JournalRow(event.request_id, 0, f"cause {event.request_id}", event, facts, NOW)
    await past._journal.append([row])


async def test_request_is_listed_with_day_right_and_last_outcome(past: PastRequests) -> None:
    withdrawal = RequestWithdrawn(request_id=case(2))
    again = (fulfilled(1, Outcome.PARTLY_GRANTED), fulfilled(1, Outcome.GRANTED))
    await answered(past, verified(1, 3), *again)
    await answered(past, verified(2, 2, Right.RECTIFICATION), withdrawal)
    await answered(past, verified(3, 1, Right.ACCESS))
    expected = [
        PastRequest(date(2026, 3, 1), Right.ACCESS, "open"),
        PastRequest(date(2026, 3, 2), Right.RECTIFICATION, "withdrawn"),
        PastRequest(date(2026, 3, 3), Right.ERASURE, "granted"),
    ]
    written = {"email": ("Ada@Example.ORG",), "phone_number": ("0049-30-23125000",)}
    for identities in (ADA, written, ADA | {"customer_no": ("K-1",)}):
        assert list(await past.before(case(9), identities, None)) == expected
    assert len(await past.before(case(3), ADA, None)) == 2
    assert await past.before(case(9), {"email": ("bruno@example.org",)}, None) == ()


@pytest.mark.parametrize(
    ("earlier", "now"),
    [
        pytest.param(PHONE | {"email": ("bruno@example.org",)}, ADA, id="a shared telephone number"),
        pytest.param(PHONE, ADA, id="a shared telephone number that was alone"),
        pytest.param(MAILBOX | {"customer_no": ("K-2",)}, MAILBOX, id="a shared mailbox, and a number"),
        pytest.param(
            MAILBOX | {"customer_no": ("K-2",)},
            MAILBOX | {"customer_no": ("K-1",)},
            id="a shared mailbox, and another number",
        ),
        pytest.param(ADA, PHONE, id="a mailbox that is not proven now"),
    ],
)
async def test_request_of_a_person_who_shares_an_identity_is_not_listed(
    past: PastRequests, earlier: Identities, now: Identities
) -> None:
    await answered(past, verified(1), proven=earlier)
    assert await past.before(case(9), now, None) == ()
    assert len(await past.before(case(9), earlier, None)) == 1


async def test_of_a_shared_mailbox_only_requests_under_the_own_name_are_listed(past: PastRequests) -> None:
    await answered(past, verified(1), proven=MAILBOX, name="Ada  EXAMPLE")
    await answered(past, verified(2), proven=MAILBOX, name=None)
    for name in ("Example, Ada", None):
        assert len(await past.before(case(9), MAILBOX, name)) == 2
    assert await past.before(case(9), MAILBOX, "Bruno Example") == ()
    await answered(past, verified(3, right=Right.ACCESS), proven=MAILBOX, name="Bruno Example")
    assert await past.before(case(9), MAILBOX, None) == ()
    [own] = await past.before(case(9), MAILBOX, "Bruno Example")
    assert own.right is Right.ACCESS


async def test_purged_case_is_forgotten(past: PastRequests) -> None:
    await answered(past, verified(1), fulfilled(1, Outcome.GRANTED))
    await past.forget(case(1))
    assert await past._requests.count_documents({}) == 0
    await past.note(verified(2), ADA, None)
    assert await past.before(case(9), ADA, None) == (), "a case without a journal is purged"


async def test_entries_hold_no_clear_data_and_are_found_by_an_index(past: PastRequests) -> None:
    await past.note(verified(1), ADA, "Ada Example")
    stored = [entry async for entry in past._requests.find()]
    assert len(stored) == 2
    assert "ada" not in str(stored)
    assert "23125000" not in str(stored)
    plan = await past._requests.find({"person": {"$in": ["x"]}}).sort("received_on", -1).explain()
    assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])


async def test_only_the_newest_requests_are_listed(past: PastRequests) -> None:
    whole = [verified(number, 2) for number in range(1, MOST_LISTED + 1)]
    oldest = verified(MOST_LISTED + 1, 1)
    mailbox = {"email": ADA["email"]}
    await asyncio.gather(*(past.note(event, mailbox, None) for event in (oldest, *whole)))
    await past._journal.append(
        [JournalRow(one.request_id, 0, f"cause {one.request_id}", one, (), NOW) for one in (oldest, *whole)]
    )
    listed = await past.before(case(999), mailbox, None)
    assert len(listed) == MOST_LISTED
    assert {one.received_on for one in listed} == {date(2026, 3, 2)}
