"""The example of each protocol runs to its end with the settings that it makes, on one machine."""

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from dotenv import dotenv_values

from habeas.embedded.stack import Stack
from tests.integration.pipeline import Pipeline, Somebody, comes_true, command, running
from tests.unit.pages import ROOT

EXAMPLES = ROOT / "examples" / "protocols"


@dataclass
class Trial:
    pipeline: Pipeline
    folder: Path

    @property
    def url(self) -> str:
        return self.pipeline.settings["HABEAS_PUBLIC_URL"]

    async def run(self, name: str, person: Somebody) -> str:
        """Return the output of a program about *person*."""
        return await program(name, str(self.folder), self.url, person.email)


async def program(name: str, *arguments: str) -> str:
    """Return the output of a program, which must succeed."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-u", str(EXAMPLES / name), *arguments, stdout=PIPE, stderr=STDOUT
    )
    try:
        output, _ = await asyncio.wait_for(started.communicate(), 150)
    finally:
        if started.returncode is None:
            started.kill()
    assert started.returncode == 0, output.decode()
    return output.decode()


@pytest_asyncio.fixture(scope="module")
async def trial(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trial]:
    folder = tmp_path_factory.mktemp("trial")
    await program("trial.py", str(folder))
    made = {name: value or "" for name, value in dotenv_values(folder / ".env", interpolate=False).items()}
    async with running(parts, folder, customers=20, **made) as pipeline:
        yield Trial(pipeline, folder)


async def test_example_of_each_protocol_runs_to_its_end(trial: Trial) -> None:
    copied, erased, shown, redacted, written = (await trial.pipeline.people())[2:7]
    drp, opendsr, fides, platforms, mail = await asyncio.gather(
        trial.run("drp.py", copied),
        trial.run("opendsr.py", erased),
        trial.run("fides.py", shown),
        trial.run("platforms.py", redacted),
        trial.run("mail.py", written),
    )
    assert "status fulfilled callbacks" in drp
    assert "status completed callbacks" in opendsr
    assert "status complete" in fides
    assert [line.split()[0] for line in platforms.splitlines()] == ["shopify", "meta", "apple", "risc"]
    assert "unsubscribed 200" in mail

    async def happened() -> bool:
        mentioned = await trial.pipeline.mentions(erased.email, redacted.email)
        sources = str(await trial.pipeline.rows("intake"))
        came = ("apple", "risc", "habeas/mail", "habeas/unsubscribe", "habeas/gpc", "meta")
        return not mentioned and all(f"'source': '{one}'" in sources for one in came)

    await comes_true(happened)


async def test_example_of_drop_gets_its_statuses_beside_a_row_that_cannot_be_read(trial: Trial) -> None:
    person = (await trial.pipeline.people())[9]
    platform = asyncio.create_task(program("drop.py", str(trial.folder), person.email))

    async def served() -> bool:
        return (await command(trial.pipeline, "drop", "pull"))[0] == 0 and platform.done()

    await comes_true(served)
    assert "statuses Listed000001=3 Listed000002=5" in await platform
    code, output, _ = await command(trial.pipeline, "drop", "status")
    assert code == 1
    assert "Fax.csv" in output
    assert "Listed000003" in output
