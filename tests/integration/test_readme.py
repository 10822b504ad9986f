"""The demonstration prints the documented output, for the fictional company as for exports of another."""

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT, create_subprocess_exec
from pathlib import Path

import pytest

from tests.unit.pages import ROOT, demo_output, shape

DRAFTED = "The data map is drafted from the data: "


async def demonstrated(state: Path, *options: str) -> str:
    demo = await create_subprocess_exec(
        sys.executable, "-m", "habeas", "demo", "--state", str(state), *options, stdout=PIPE, stderr=STDOUT
    )
    printed, _ = await demo.communicate()
    assert demo.returncode == 0, printed.decode()
    return printed.decode()


@pytest.mark.usefixtures("mongo_url", "amqp_url")  # a machine without the parts skips, and with CI fails
async def test_demonstration_prints_the_documented_output(tmp_path: Path) -> None:
    company, exports = await asyncio.gather(
        demonstrated(tmp_path / "company"),
        demonstrated(tmp_path / "exports", "--data", str(ROOT / "examples" / "chinook")),
    )
    assert shape(company) == shape(demo_output())
    steps = [line for line in shape(exports) if line.startswith("✓")]
    assert steps == [line for line in shape(demo_output()) if line.startswith("✓")]
    assert DRAFTED in exports
    assert "479 documents in 3 collections" in exports
