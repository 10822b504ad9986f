"""A document that was presented before is known again, and nothing of it is kept."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from services.verifier.documents.examiner.reuse import MOST_REQUESTS, PresentedDocuments, Traces
from shared.runtime.mongo import Client

NOW = datetime.now(UTC).replace(microsecond=0)
KIM, BO = "kim@example.org", "bo@example.org"
PASSPORT = Traces(number="UTO|L898902C3", digest="d" * 64, picture="00ff00ff00ff00ff")


def case(number: int) -> str:
    return f"{number:032x}"


@pytest_asyncio.fixture
async def presented(mongo_client: Client, database_prefix: str) -> AsyncIterator[PresentedDocuments]:
    presented = PresentedDocuments(mongo_client[f"{database_prefix}_examiner"], b"k" * 32)
    await presented.prepare()
    yield presented


async def test_the_same_person_may_present_a_document_again(presented: PresentedDocuments) -> None:
    assert await presented.note(case(1), "proof_1", PASSPORT, KIM, NOW) == ()
    assert await presented.note(case(2), "proof_1", PASSPORT, KIM, NOW) == ()


@pytest.mark.parametrize(
    "traces",
    [
        pytest.param(Traces(number=PASSPORT.number), id="the number"),
        pytest.param(Traces(digest=PASSPORT.digest), id="the very picture"),
        pytest.param(Traces(picture="00ff00ff00ff00fe"), id="a picture that looks the same"),
        pytest.param(Traces(picture="01ff00ff00ff10fe"), id="a picture that looks much the same"),
    ],
)
async def test_document_of_another_person_is_detected(presented: PresentedDocuments, traces: Traces) -> None:
    await presented.note(case(1), "proof_1", PASSPORT, KIM, NOW)
    assert await presented.note(case(2), "proof_1", traces, BO, NOW) == ("evidence_reused_other_person",)


@pytest.mark.parametrize(
    "traces",
    [
        pytest.param(
            Traces(number="UTO|L898902C4", digest="e" * 64, picture="ff00ff00ff00ff00"), id="another"
        ),
        pytest.param(Traces(picture="00ff00ff00ffffff"), id="a picture that is alike in half"),
        pytest.param(Traces(), id="nothing was read"),
    ],
)
async def test_other_document_is_not_reported_as_reused(
    presented: PresentedDocuments, traces: Traces
) -> None:
    await presented.note(case(1), "proof_1", PASSPORT, KIM, NOW)
    await presented.note(case(3), "proof_1", Traces(), KIM, NOW)
    assert await presented.note(case(2), "proof_1", traces, BO, NOW) == ()


async def test_noting_it_again_after_a_crash_counts_once(presented: PresentedDocuments) -> None:
    for _ in range(MOST_REQUESTS + 1):
        assert await presented.note(case(1), "proof_1", PASSPORT, KIM, NOW) == ()


async def test_one_document_for_many_requests_within_a_month_is_noticed(
    presented: PresentedDocuments,
) -> None:
    for number in range(MOST_REQUESTS):
        assert await presented.note(case(number), "proof_1", PASSPORT, KIM, NOW) == ()
    again = case(MOST_REQUESTS)
    assert await presented.note(again, "proof_1", PASSPORT, KIM, NOW) == ("velocity_exceeded",)
    later = NOW + timedelta(days=60)
    assert await presented.note(case(99), "proof_1", PASSPORT, KIM, later) == ()


async def test_what_is_kept_says_nothing(
    presented: PresentedDocuments, mongo_client: Client, database_prefix: str
) -> None:
    await presented.note(case(1), "proof_1", PASSPORT, KIM, NOW)
    kept = [str(one) async for one in mongo_client[f"{database_prefix}_examiner"]["documents"].find()]
    assert len(kept) == 1
    assert "L898902C3" not in kept[0]
    assert "kim" not in kept[0]
    assert PASSPORT.digest not in kept[0]
