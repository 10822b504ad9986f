"""Types of all code, of which the quick check leaves tests, benchmarks and examples out."""

import sys

import pytest

from tests.integration.installed_packages import run


@pytest.mark.timeout(900)
async def test_types_of_all_code_are_consistent() -> None:
    code, said = await run(sys.executable, "-m", "mypy")
    assert code == 0, said
