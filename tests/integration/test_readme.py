"""The demonstration prints the documented output."""

import sys
from asyncio.subprocess import PIPE, STDOUT, create_subprocess_exec
from pathlib import Path

import pytest

from tests.unit.pages import demo_output, shape


@pytest.mark.usefixtures("mongo_url", "amqp_url")  # a machine without the parts skips, and with CI fails
async def test_demonstration_prints_the_documented_output(tmp_path: Path) -> None:
    demo = await create_subprocess_exec(
        sys.executable, "-m", "habeas", "demo", "--state", str(tmp_path), stdout=PIPE, stderr=STDOUT
    )
    printed, _ = await demo.communicate()
    assert demo.returncode == 0, printed.decode()
    assert shape(printed.decode()) == shape(demo_output())
