"""The staff looks at proofs: never before that very look is on record."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from habeas.client import identity
from habeas.client.identity import IdentityReader, IdentityStatus
from services.verifier.domain import RECORDS, Verification
from shared.contract.events import EvidenceAsked
from shared.errors import ConfigurationError
from shared.runtime.journal import Journal, JournalRow
from shared.runtime.mongo import Client

CASE = "c" * 32
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
