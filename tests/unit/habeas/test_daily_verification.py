"""`habeas up` verifies its journals at its start and daily; no error of it ends anything."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from habeas.client.audit import AuditReport
from habeas.embedded import verification
from habeas.embedded.installation import Installation
from shared.errors import StoreUnavailable
from shared.runtime.audit_chain import ChainFault, ChainFinding
from shared.runtime.key_rings import KeyRing

KEY = b"k" * 32
MASTER_KEY = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
FAULT = ChainFinding("intake", "0" * 32, 4, ChainFault.CHANGED)


@pytest.mark.slow
async def test_rows_that_do_not_fit_are_printed_and_failures_wait_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results: list[Exception | AuditReport] = [
        StoreUnavailable("the database does not answer"),
        TypeError("as a forged row may raise"),
        AuditReport(findings=[FAULT]),
    ]
    pauses: list[float] = []

    async def verified(_installation: Installation) -> AuditReport:
        result = results[len(pauses)]
        if isinstance(result, Exception):
            raise result
        return result

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == len(results):
            raise asyncio.CancelledError

    monkeypatch.setattr(verification, "recorded_verification", verified)
    # Not the module itself: other tasks on the loop, as the servers of fixtures, would never sleep again.
    monkeypatch.setattr(verification, "asyncio", SimpleNamespace(sleep=sleep))
    out = Console(record=True, width=500)
    with pytest.raises(asyncio.CancelledError):
        await verification.verify_daily(Installation(tmp_path), out)
    shown = out.export_text()
    assert "the database does not answer; the next verification is in a day" in shown
    assert str(FAULT) in shown
    assert "TypeError; the next verification is in a day" in shown
    assert pauses == [24 * 3600] * 3


@pytest.mark.slow
def test_journals_are_verified_with_the_keys_that_the_services_have(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{MASTER_KEY}\n")
    given = ({"HABEAS_MASTER_KEY": MASTER_KEY}, {"HABEAS_MASTER_KEY_FILE": str(file)})
    assert [Installation(tmp_path, environment=one).root_key() for one in given] == [KEY, KEY]
    own = Installation(tmp_path).root_key()
    assert isinstance(own, KeyRing)
    assert own == Installation(tmp_path).root_key()
