"""A short crash run on real parts: services, broker and database are killed while requests come in."""

from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from bench.audit import doubled_letters
from bench.crashes import Order, Outcome, crash_run, show
from bench.fault_injection import WEIGHTS
from bench.installation import SERVICES
from habeas.embedded.parts import broker
from tests.conftest import given, missing
from tests.extent import extent
from tests.integration.forked_processes import fork_modules

SMALL = Order(requests=extent(60, 1_000), kills=extent(6, 40), seed=1)
LAST_LINES = 10


@pytest.mark.campaign
@pytest.mark.timeout(extent(240, 1_200))
async def test_a_run_in_which_everything_is_killed_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if given("AMQP_URL"):
        pytest.skip("parts that run already are not ours to kill")
    if not broker.PROGRAM.is_file():
        missing(f"RabbitMQ is missing ({broker.PROGRAM}): {broker.REMEDY}")
    fork_modules(monkeypatch)
    outcome = await crash_run(SMALL, tmp_path / "run", Console(quiet=True))
    _tell(outcome, tmp_path / "run")
    assert Counter(f"{finding.verdict}: {finding.what}" for finding in outcome.findings) == Counter()
    assert outcome.quiet
    assert set(outcome.counts.kills) == {str(name) for name in WEIGHTS}
    assert outcome.accepted == len(outcome.kept.load.messages) > SMALL.requests
    assert doubled_letters(outcome.kept) <= len(outcome.kept.doubtful) <= outcome.bound


def _tell(outcome: Outcome, folder: Path) -> None:
    """Print what is wanted when the run has failed: nobody will see such a run again."""
    out = Console(width=200, highlight=False, markup=False)
    show(outcome, out)
    for log in (*(folder / f"{name}.log" for name in SERVICES), *folder.glob("stack/broker/log/*.log")):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        worth = [line for line in lines if '"batch committed"' not in line]
        out.print(
            f"--- {log.relative_to(folder)}: {len(lines)} lines", *worth[-LAST_LINES:], *lines[-1:], sep="\n"
        )
