"""Parts of an installation run the code of Habeas alone."""

from asyncio import create_subprocess_exec
from asyncio.subprocess import DEVNULL
from pathlib import Path

import pytest

from habeas.embedded.parts import mail
from habeas.embedded.parts.process import Command, Process


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
