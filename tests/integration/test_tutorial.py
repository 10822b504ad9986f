"""The commands of the tutorial on an own database, and of the README, do what the pages say."""

import asyncio
import os
import re
import signal
import sys
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from contextlib import AsyncExitStack, closing
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from habeas.client.accounts import AMQP_URL, administrator_file
from habeas.client.audit import JOURNALS
from habeas.embedded import store_record
from habeas.embedded.installation import CLIENT, CREDENTIALS
from habeas.embedded.mailcatcher import CaughtMessage, letters
from habeas.embedded.parts.ports import free_port, is_free
from habeas.embedded.stack import PORTS
from services.console.read_model.chains import ChainVerification, ChainVerifications
from shared.client import AsyncAmqpClient
from shared.contract.codes import ALONE
from shared.runtime.mongo import connect
from tests.unit.pages import CONSOLE, ROOT, text
from tests.waiting import eventually

PAGE = "docs/tutorials/own-database.md"
[STATE] = re.findall(r"^export .* HABEAS_STATE=(\S+)$", text(PAGE), re.MULTILINE)
UP, CODE = "habeas up ", "CODE=123456\n"
STARTED, WITHIN = "stop with Ctrl-C", timedelta(minutes=2)


class Reader:
    """A reader of the page, with two terminals in *folder*; the API listens on *port*."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.printed = ""
        self.codes = 0
        self.services: list[Process] = []

    async def run(self, block: str) -> None:
        """Run a block of the page; the reader enters the newest code where the page shows one."""
        if block.startswith(UP):
            await self.start(block)
            return
        for number, part in enumerate(block.split(CODE)):
            await self.type(f"CODE={await self.newest_code()}\n{part}" if number else part)
        if "/proofs" in block:
            closed: bool = await eventually(self.request_is_closed, within=WITHIN)
            assert closed

    async def start(self, command: str) -> None:
        """Start services in a terminal of their own."""
        self.printed = ""
        log = self.folder / f"up-{len(self.services)}.log"
        with log.open("w") as output:
            self.services.append(
                await asyncio.create_subprocess_exec(
                    "bash",
                    "-c",
                    f"exec {command}",
                    cwd=self.folder,
                    env=environment(),
                    stdout=output,
                    stderr=STDOUT,
                )
            )
        await eventually(lambda: STARTED in log.read_text(), within=WITHIN)

    async def stop(self) -> None:
        """Stop all services as Ctrl-C does, the last ones first."""
        for services in reversed(self.services):
            if services.returncode is None:
                services.send_signal(signal.SIGINT)
                await services.wait()

    async def type(self, commands: str) -> None:
        """Run *commands* in the terminal, which keeps its variables."""
        script = f"set -ea; test ! -f kept || . ./kept\n{commands}\nexport -p > kept"
        shell = await asyncio.create_subprocess_exec(
            "bash", "-c", script, cwd=self.folder, env=environment(), stdout=PIPE, stderr=STDOUT
        )
        output, _ = await shell.communicate()
        self.printed = output.decode()
        assert shell.returncode == 0, f"{commands}\n{self.printed}"

    async def request_is_closed(self) -> bool:
        """Return whether the last request is closed: its answer has been sent."""
        [request] = re.findall(r'^declare -x ID="(\w+)"$', (self.folder / "kept").read_text(), re.MULTILINE)
        async with httpx.AsyncClient(timeout=90) as http:
            answer = await http.get(f"http://127.0.0.1:{self.port}/v1/requests/{request}")
        return bool(answer.raise_for_status().json()["status"] == "closed")

    async def newest_code(self) -> str:
        """Return the code of a letter that came after the last one used."""
        found: list[str] = await eventually(lambda: self.codes_received()[self.codes :], within=WITHIN)
        self.codes += len(found)
        return found[-1]

    def subjects_for(self, address: str) -> list[str]:
        """Return the subjects of the letters to *address*."""
        return [letter.subject for letter in self.letters() if address in letter.recipients]

    def codes_received(self) -> list[str]:
        """Return the codes of all letters."""
        return [found[1] for letter in self.letters() if (found := ALONE.search(letter.body()))]

    def letters(self) -> list[CaughtMessage]:
        """Return all letters."""
        return list(letters(self.folder / STATE / "mail" / "letters"))


def environment() -> dict[str, str]:
    """Return the environment of a terminal whose path has the command."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("HABEAS_")}
    return {**plain, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HABEAS_STATE": STATE}


def steps(sample: int, base: int) -> list[tuple[str, list[str]]]:
    """Return each heading of the page with its blocks of commands, on ports from *sample* and *base* on."""
    ports = {"28304": base + 4, "28300": base, "28200": sample}
    page = re.sub("28304|28300|28200", lambda port: str(ports[port[0]]), text(PAGE))
    sections = re.split(r"^## ", page, flags=re.MULTILINE)[1:]
    found = [(section.partition("\n")[0], CONSOLE.findall(section)) for section in sections]
    return [
        (heading, blocks) for heading, blocks in found if blocks and not blocks[0].startswith("make setup")
    ]


def free_ports(number: int = len(PORTS)) -> int:
    """Return the first of *number* free ports in a row."""
    return next(port for port in iter(free_port, 0) if all(map(is_free, range(port, port + number))))


async def make_requests_of_readme(reader: Reader) -> None:
    """Make the requests that README.md shows; return when both are received."""
    (curl,) = [block for block in CONSOLE.findall(text("README.md")) if block.startswith("curl")]
    await reader.type(curl.replace("8080", str(reader.port)))
    assert "status_url" in reader.printed
    (event,) = re.findall(r"```json\n(.*?)```", text("README.md"), re.DOTALL)
    (reader.folder / "event.json").write_text(event)
    await reader.type("habeas publish event.json")
    await eventually(lambda: reader.subjects_for("bruno@example.com"), within=WITHIN)


async def try_the_client(reader: Reader) -> None:
    """Submit a request with the account for `habeas-client`, which reads the event of its registration."""
    url = (reader.folder / STATE / CREDENTIALS / CLIENT / AMQP_URL).read_text().strip()
    async with AsyncAmqpClient(url, source="shop.example") as client:
        assert await client.submit(
            {"reference": "ticket-4712", "right": "access", "subject": {"email": "leonekohler@example.org"}}
        )


async def verifications(reader: Reader) -> list[ChainVerification]:
    """Return the verifications of the journals that `habeas up` recorded at its start."""
    url = administrator_file(reader.folder / STATE / CREDENTIALS).read_text().strip()
    with closing(connect(url, app_name="test")) as mongo:
        return await ChainVerifications(mongo["habeas_console"]).all()


@pytest.mark.usefixtures("mongo_url", "amqp_url")  # a machine without the parts skips, and with CI fails
async def test_commands_of_the_tutorial_answer_and_erase(tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    sample = free_ports(2 * len(PORTS))
    base = sample + len(PORTS)
    reader = Reader(tmp_path, base + 4)
    outputs = []
    async with AsyncExitStack() as stack:
        stack.push_async_callback(reader.stop)
        for heading, blocks in steps(sample, base):
            began = time.monotonic()
            for block in blocks:
                await reader.run(block)
                outputs.append(reader.printed)
            sys.stdout.write(f"{heading}: {time.monotonic() - began:.0f} s\n")
        await make_requests_of_readme(reader)
        await try_the_client(reader)
        assert [one.service for one in await verifications(reader)] == sorted(JOURNALS)
        await reader.type("habeas topology")
        assert "`habeas up` sets its own" in reader.printed
        await reader.type("habeas migrate --dry-run")
        assert reader.printed.startswith("nothing to do\n")
    assert any("the map fits the data" in output for output in outputs)
    firsts = [output.partition("\n")[0] for output in outputs]
    assert [first for first in firsts if first in {"found", "nothing found"}] == ["found", "nothing found"]
    assert "are unchanged" in outputs[-1]
    assert "see the password" not in "".join(outputs)
    assert store_record.recorded(tmp_path / STATE) == {"default": f"127.0.0.1:{sample + 1}"}
