"""Benchmarks print their help instead of running."""

import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("module", ["engine", "proofs", "query_cost"])
def test_benchmark_prints_its_help_and_measures_nothing(module: str) -> None:
    command = [sys.executable, "-m", f"bench.{module}", "--help"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)  # noqa: S603
    assert f"python -m bench.{module}" in shown.stdout
