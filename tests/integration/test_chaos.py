"""A short crash run on real parts: services, broker and database are killed while requests come in."""

from pathlib import Path

import pytest
from rich.console import Console

from bench.audit import doubled_letters
from bench.chaos import Order, chaos
from bench.victims import WEIGHTS
from habeas.parts import broker
from tests.conftest import given, missing

SMALL = Order(requests=300, kills=8, seed=1)


@pytest.mark.timeout(240)
async def test_a_run_in_which_everything_is_killed_loses_and_doubles_nothing(tmp_path: Path) -> None:
    if given("AMQP_URL"):
        pytest.skip("parts that run already are not ours to kill")
    if not broker.PROGRAM.is_file():
        missing(f"RabbitMQ is missing ({broker.PROGRAM}): {broker.REMEDY}")
    outcome = await chaos(SMALL, tmp_path / "run", Console(quiet=True))
    assert outcome.findings == []
    assert outcome.quiet
    assert set(outcome.toll.kills) == {str(name) for name in WEIGHTS}
    assert outcome.accepted == len(outcome.kept.load.messages) > SMALL.requests
    assert doubled_letters(outcome.kept) <= len(outcome.kept.doubtful) <= outcome.bound
