"""Parts of an installation run the code of Habeas alone."""

from asyncio import create_subprocess_exec
from asyncio.subprocess import DEVNULL
from pathlib import Path

import pytest

from habeas.embedded.parts import mail
from habeas.embedded.parts.broker import Broker
from habeas.embedded.parts.process import Command, Process
from shared.errors import ConfigurationError


async def test_broker_has_a_secret_of_its_own_that_stays(tmp_path: Path) -> None:
    program = failing_program(tmp_path)
    cookies = []
    for _ in range(2):
        with pytest.raises(ConfigurationError):
            await Broker(tmp_path, 1, 2, "node", "sesame", program).start()
        cookies.append((tmp_path / ".erlang.cookie").read_text(encoding="ascii"))
    assert len(cookies[0]) == 64
    assert cookies[0] == cookies[1]
    assert (tmp_path / ".erlang.cookie").stat().st_mode & 0o777 == 0o600


async def test_weak_secret_that_erlang_drew_is_replaced_at_the_next_start(tmp_path: Path) -> None:
    cookie = tmp_path / ".erlang.cookie"
    cookie.write_text("ABCDEFGHIJKLMNOPQRST", encoding="ascii")
    cookie.chmod(0o400)
    with pytest.raises(ConfigurationError):
        await Broker(tmp_path, 1, 2, "node", "sesame", failing_program(tmp_path)).start()
    assert len(cookie.read_text(encoding="ascii")) == 64
    assert cookie.stat().st_mode & 0o777 == 0o600


def failing_program(folder: Path) -> Path:
    """Return a program in *folder* that ends with an error."""
    program = folder / "program"
    program.write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
    program.chmod(0o700)
    return program


@pytest.mark.slow
async def test_mail_server_imports_nothing_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "argparse.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    started: list[Command] = []

    async def start(command: Command) -> None:
        started.append(command)
        raise InterruptedError

    monkeypatch.setattr(Process, "start", start)
    with pytest.raises(InterruptedError):
        await mail.MailPart(tmp_path, 1).start()
    [command] = started
    ended = await create_subprocess_exec(*command.arguments, "--help", cwd=command.folder, stdout=DEVNULL)
    assert await ended.wait() == 0
