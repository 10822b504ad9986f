"""Overdue heads of journals, and a report of journals without heads."""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from habeas.cli import app
from habeas.client.audit import AuditReport, _Journal, _late, read_heads, text_of, verify, write_heads
from shared.errors import ConfigurationError
from shared.runtime.audit_chain import ChainFault
from shared.runtime.audit_heads import SignedHeads
from shared.runtime.mongo import Document

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(("days", "missing"), [(1, False), (30, True)])
def test_heads_are_missing_where_a_journal_is_older_than_a_few_days(days: int, *, missing: bool) -> None:
    journal = _Journal("intake", b"0" * 32, (), set())
    journal.note([NOW, NOW - timedelta(days=days)])
    assert [(one.n, one.fault) for one in _late(journal)] == ([(1, ChainFault.MISSING)] if missing else [])


def test_report_names_journals_without_heads() -> None:
    report = AuditReport(rows=3, cases=1, until={"verifier": "2026-03-01"}, unsigned=["intake"])
    assert text_of(report).endswith("signed heads reach to 2026-03-01; no signed heads yet: intake")


class EmptyRows:
    async def heads(self, service: str, first: int = 1) -> list[SignedHeads]:
        del service, first
        return []

    async def cases(
        self, service: str, case: str | None, since: datetime | None = None, named: Iterable[str] = ()
    ) -> AsyncIterator[tuple[str, list[Document]]]:
        del service, case, since, named
        for found in list[tuple[str, list[Document]]]():
            yield found


async def test_request_without_a_row_is_not_reported_as_verified() -> None:
    with pytest.raises(ConfigurationError, match="no journal has a row of request 0"):
        await verify(EmptyRows(), bytes(32), case="0" * 32)
    assert (await verify(EmptyRows(), bytes(32))).rows == 0


def test_copy_of_heads_that_a_full_disk_left_empty_is_written_again(tmp_path: Path) -> None:
    """It was reported as tampering at each verification, and no later copy took its place."""
    signed = SignedHeads(b'{"number": 1}', b"signature")
    assert write_heads(tmp_path, "intake", [signed]) == 1
    for file in tmp_path.iterdir():
        file.write_bytes(b"")
    assert write_heads(tmp_path, "intake", [signed]) == 1
    assert read_heads(tmp_path, "intake") == [signed]
    assert write_heads(tmp_path, "intake", [signed]) == 0
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}, "they name requests"


def test_heads_that_cannot_be_written_leave_no_file(tmp_path: Path) -> None:
    (tmp_path / "heads").touch()
    with pytest.raises(ConfigurationError, match=r"/heads: cannot be made \(.*\)"):
        write_heads(tmp_path / "heads", "intake", [SignedHeads(b'{"number": 1}', b"signature")])
    assert (tmp_path / "heads").read_bytes() == b""


def test_folder_of_heads_is_made_before_there_are_any(tmp_path: Path) -> None:
    """The extent of the first verification is noted there."""
    assert write_heads(tmp_path / "new" / "heads", "intake", []) == 0
    assert (tmp_path / "new" / "heads").is_dir()


@pytest.mark.parametrize(
    ("option", "reason"), [("--heads", "holds no heads"), ("--dump", r"holds no habeas_\S+/journal\.bson")]
)
@pytest.mark.parametrize("there", [True, False])
def test_folder_without_anything_to_compare_is_no_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, reason: str, *, there: bool
) -> None:
    monkeypatch.setenv("HABEAS_MASTER_KEY", "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=")
    folder = tmp_path if there else tmp_path / "typo"
    ended = CliRunner().invoke(app, ["audit", "verify", option, str(folder), "--state", str(tmp_path)])
    with pytest.raises(ConfigurationError, match=reason):
        raise ended.exception or AssertionError(ended.stdout)
