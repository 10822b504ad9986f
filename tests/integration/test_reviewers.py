"""Who of the staff may see proofs: a code counts once, for one attempt, whatever is delivered twice."""

from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from services.verifier.reviewers import Reviewers
from shared.mongo import Client

DANA, ROBIN = b"d" * 20, b"r" * 20
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=30)


def code(key: bytes = DANA, at: datetime = NOON) -> str:
    return TOTP(key, 6, SHA1(), 30).generate(int(at.timestamp())).decode()  # noqa: S303 - as authenticators do


def wrong(right: str) -> str:
    return f"{(int(right) + 1) % 1_000_000:06}"


@pytest_asyncio.fixture
async def reviewers(mongo_client: Client, database_prefix: str) -> Reviewers:
    listed = Reviewers(
        mongo_client[f"{database_prefix}_verifier"], {"dana.muster": DANA, "robin.muster": ROBIN}
    )
    await listed.prepare()
    return listed


async def test_whoever_shows_the_code_of_the_moment_is_let_look(reviewers: Reviewers) -> None:
    assert await reviewers.objection("dana.muster", code(), "a", NOON) is None
    assert await reviewers.objection("robin.muster", code(ROBIN), "b", NOON) is None


async def test_who_is_not_listed_is_told_so(
    reviewers: Reviewers, mongo_client: Client, database_prefix: str
) -> None:
    assert await reviewers.objection("kim.muster", code(), "a", NOON) == "reviewer_unknown"
    nobody = Reviewers(mongo_client[f"{database_prefix}_verifier"], {})
    assert await nobody.objection("dana.muster", code(), "a", NOON) == "no_reviewers"


@pytest.mark.parametrize("again", [NOON, LATER], ids=["at once", "in the next half-minute"])
async def test_a_code_counts_once(reviewers: Reviewers, again: datetime) -> None:
    assert await reviewers.objection("dana.muster", code(), "a", NOON) is None
    refused = await reviewers.objection("dana.muster", code(), "b", again)
    assert refused == ("tried_too_often" if again == NOON else "code_spent")


async def test_an_attempt_that_is_delivered_twice_is_answered_alike(reviewers: Reviewers) -> None:
    for now in (NOON, NOON, LATER):
        assert await reviewers.objection("dana.muster", code(), "a", now) is None


async def test_a_wrong_code_is_refused_and_another_try_must_wait(reviewers: Reviewers) -> None:
    assert await reviewers.objection("dana.muster", wrong(code()), "a", NOON) == "code_wrong"
    assert await reviewers.objection("dana.muster", code(), "b", NOON) == "tried_too_often"
    assert await reviewers.objection("dana.muster", code(at=LATER), "c", LATER) is None


async def test_the_code_of_somebody_else_is_wrong(reviewers: Reviewers) -> None:
    assert await reviewers.objection("dana.muster", code(ROBIN), "a", NOON) == "code_wrong"
