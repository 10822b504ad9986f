"""Overdue heads of journals, and a report of journals without heads."""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta

import pytest

from habeas.client.audit import AuditReport, _Journal, _late, text_of, verify
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
