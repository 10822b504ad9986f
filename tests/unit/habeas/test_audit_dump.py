"""Verification of a dump: rows in any order, damaged files, and memory that does not grow with the dump."""

import random
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from habeas.client.audit import AuditReport, DumpedRows, verify
from shared.errors import ConfigurationError
from shared.runtime.audit_chain import MAC, START, ChainFault, chained
from shared.runtime.audit_keys import chain_key

KEY, SERVICE, PREFIX = bytes(32), "verifier", "habeas"
AT = datetime(2026, 11, 29, tzinfo=UTC)
ROWS = 5
"""Rows of each case."""


def rows_of(number: int) -> Iterator[bytes]:
    """Yield the rows of a case as they are stored, newest last."""
    case, before = f"{number:032x}", START
    for n in range(ROWS):
        fact = {"type": "habeas.verifier.assessed.v1", "data": {"text": "x" * 800}}
        row: dict[str, Any] = {"_id": f"{case}:{n}", "case": case, "n": n, "cause": f"c{n}", "event": None}
        chain = chained(row | {"facts": [fact], "at": AT}, before, chain_key(KEY, SERVICE))
        before = chain[MAC]
        yield bytes(chain.raw)


def dumped(folder: Path, rows: list[bytes]) -> Path:
    file = folder / f"{PREFIX}_{SERVICE}" / "journal.bson"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"".join(rows))
    return file


def shuffled(cases: int) -> list[bytes]:
    rows = [row for number in range(cases) for row in rows_of(number)]
    random.Random(7).shuffle(rows)
    return rows


async def verified(folder: Path, case: str | None = None) -> AuditReport:
    return await verify(DumpedRows(folder, PREFIX), KEY, case=case)


async def test_rows_of_a_dump_are_verified_in_whatever_order_they_lie(tmp_path: Path) -> None:
    rows = shuffled(20)
    dumped(tmp_path, rows)
    report = await verified(tmp_path)
    assert (report.rows, report.cases, report.findings) == (100, 20, [])
    missing = list(rows_of(3))[2]
    dumped(tmp_path, [row for row in rows if row != missing])
    [finding] = (await verified(tmp_path)).findings
    assert (finding.case, finding.n, finding.fault) == (f"{3:032x}", 2, ChainFault.MISSING)
    assert (await verified(tmp_path, f"{4:032x}")).rows == ROWS


@pytest.mark.parametrize("damage", [b"\x01", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x00", b"\xff\xff\xff\xff"])
async def test_damaged_dump_is_an_error(tmp_path: Path, damage: bytes) -> None:
    dumped(tmp_path, [*rows_of(0), damage])
    with pytest.raises(ConfigurationError, match="damaged at byte"):
        await verified(tmp_path)


async def test_dump_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    file = dumped(tmp_path, [*rows_of(0)])
    file.write_bytes(file.read_bytes()[:-7])
    with pytest.raises(ConfigurationError, match="damaged at byte"):
        await verified(tmp_path)


async def peak(folder: Path, cases: int) -> int:
    """Return the most memory that is used at once to verify a dump of so many *cases*."""
    dumped(folder, shuffled(cases))
    tracemalloc.start()
    try:
        assert (await verified(folder)).findings == []
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
async def test_memory_does_not_grow_with_the_dump(tmp_path: Path) -> None:
    small, large = await peak(tmp_path / "small", 100), await peak(tmp_path / "large", 1_000)
    assert large < small + 1_000 * 500, "5,000 rows are 5 MB"
