"""Staff reviews of proofs: each access is recorded before it happens."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from habeas.client import identity
from habeas.client.identity import IdentityReader, IdentityStatus
from services.verifier.assurance.reviews import ReviewQueue
from services.verifier.domain import RECORDS, ProofSpent, Verification
from shared.contract.events import (
    EvidenceAsked,
    IdentityRefused,
    IdentityReviewNeeded,
    RequestPurged,
    RequestReceived,
)
from shared.errors import ConfigurationError
from shared.runtime.journal import Journal, JournalRow
from shared.runtime.mongo import Client

CASE = "c" * 32
NOW = datetime(2026, 3, 5, tzinfo=UTC)
ASKED = EvidenceAsked(request_id=CASE, by="dana.muster", reason="review", refs=())


async def test_an_earlier_look_is_no_leave_for_this_one(
    mongo_client: Client,
    database_prefix: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No verifier is running, and the same person has looked before."""
    journal = Journal(mongo_client[f"{database_prefix}_verifier"], RECORDS)
    await journal.prepare()
    await journal.append([JournalRow(CASE, 0, "e" * 32, ASKED, (), datetime(2026, 3, 5, tzinfo=UTC))])
    monkeypatch.setattr(identity, "SEEN_WITHIN_S", 0.5)
    desk, standing = IdentityReader(mongo_client, database_prefix), IdentityStatus(CASE, Verification(), ())
    with pytest.raises(ConfigurationError, match="has not recorded the look"):
        await desk.show(standing, "f" * 32, b"m" * 32, tmp_path / "proofs")
    assert not (tmp_path / "proofs").exists()


def received(case: str) -> RequestReceived:
    return RequestReceived(
        request_id=case,
        right="access",
        regulation="gdpr",
        policy="gdpr@2018-05-25",
        source="portal",
        received_at=NOW,
        received_on=NOW.date(),
        due_on="2026-04-07",
        internal_due_on="2026-04-01",
    )


def reviewed(case: str) -> list[JournalRow]:
    """Return the rows of a request with a proof for the staff to review."""
    review = IdentityReviewNeeded(request_id=case, reasons=("unclear",))
    return [JournalRow(case, 0, "0", received(case), (), NOW), JournalRow(case, 1, "1", None, (review,), NOW)]


def decided(case: str, *, seen: bool = True) -> JournalRow:
    """Return the row of a decision, after the staff was asked to look if *seen*."""
    refused = IdentityRefused(request_id=case, reasons=("not_convincing",))
    spent = ProofSpent(request_id=case, refs=(), reviewed=seen)
    return JournalRow(case, 2, "2", None, (refused, spent), NOW)


async def test_only_requests_that_wait_for_a_review_are_read(
    mongo_client: Client, database_prefix: str
) -> None:
    database = mongo_client[f"{database_prefix}_verifier"]
    journal, reviews = Journal(database, RECORDS), ReviewQueue(database)
    await journal.prepare()
    waiting, ended, purged, stale = (letter * 32 for letter in "abcd")
    purge = JournalRow(purged, 2, "2", RequestPurged(request_id=purged), (), NOW)
    rows = [row for case in (waiting, ended, purged, stale) for row in reviewed(case)]
    await journal.append([*rows, decided(ended), purge, decided(stale)])
    await reviews.follow(rows)
    assert sorted(await reviews.cases()) == [waiting, ended, purged, stale]
    await reviews.follow([*reviewed(ended), decided(ended), purge])
    await reviews.follow([decided(ended), decided("e" * 32, seen=False)])
    assert sorted(await reviews.cases()) == [waiting, stale]
    found = await IdentityReader(mongo_client, database_prefix).waiting()
    assert [standing.case for standing in found] == [waiting]
