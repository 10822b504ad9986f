"""The demonstration prints the documented output, for the fictional company as for exports of another."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from pathlib import Path
from typing import Any

import pytest

from tests.unit.pages import ROOT, demo_output, shape

DRAFTED = "The data map is drafted from the data: "


async def demonstrated(state: Path, *options: str) -> tuple[str, str]:
    demo = await create_subprocess_exec(
        sys.executable, "-m", "habeas", "demo", "--state", str(state), *options, stdout=PIPE, stderr=PIPE
    )
    printed, errors = await demo.communicate()
    assert demo.returncode == 0, errors.decode()
    return printed.decode(), errors.decode()


@pytest.mark.usefixtures("mongo_url", "amqp_url")  # a machine without the parts skips, and with CI fails
async def test_demonstration_prints_the_documented_output(tmp_path: Path) -> None:
    (company, _), (steps, exports) = await asyncio.gather(
        demonstrated(tmp_path / "company"),
        demonstrated(tmp_path / "exports", "--json", "--data", str(ROOT / "examples" / "chinook")),
    )
    assert shape(company) == shape(demo_output())
    done = [line for line in shape(exports) if line.startswith("✓")]
    assert done == [line for line in shape(demo_output()) if line.startswith("✓")]
    result = json.loads(steps)
    assert [one["step"] for one in result["steps"]] == [
        line.removeprefix("✓ ").partition("  ")[0] for line in done
    ]
    assert result["state"] == "done"
    assert DRAFTED in exports
    assert "479 documents in 3 collections" in exports


@pytest.mark.usefixtures("mongo_url", "amqp_url")
async def test_up_starts_in_an_empty_folder_also_with_a_map_that_does_not_fit(tmp_path: Path) -> None:
    own = await asyncio.gather(kept_up(tmp_path / "sample"), kept_up(tmp_path / "empty", "--no-sample"))
    assert [one["state"] for one in own] == ["running", "running"]


async def kept_up(state: Path, *options: str) -> dict[str, Any]:
    """Run `habeas up` until it says that it runs; stop it, and return what it said."""
    up = await create_subprocess_exec(
        sys.executable,
        "-m",
        "habeas",
        "up",
        "--state",
        str(state),
        "--json",
        *options,
        stdout=PIPE,
        stderr=PIPE,
    )
    assert up.stdout is not None
    async with asyncio.timeout(240):
        said: dict[str, Any] = json.loads(await up.stdout.readline())
        up.send_signal(signal.SIGINT)
        await up.communicate()
    assert up.returncode == 0
    return said
