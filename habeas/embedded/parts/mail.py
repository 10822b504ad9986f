"""A private mail server that stores messages: see ``habeas.embedded.mailcatcher``."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from habeas.embedded.parts.ports import HOST
from habeas.embedded.parts.process import PYTHON, Command, Process
from shared.errors import MailUnavailable

START_WITHIN = timedelta(seconds=20)
STOP_WITHIN = timedelta(seconds=4)


@dataclass(frozen=True, slots=True)
class MailPart:
    """The mail server's folder and port."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """SMTP URL."""
        return f"smtp://{HOST}:{self.port}"

    @property
    def letters(self) -> Path:
        """Folder with one ``.eml`` file per message."""
        return self.folder / "letters"

    async def start(self) -> Process:
        """Run the mail server and return when it answers. Raises ConfigurationError if it did not come up."""
        self.letters.mkdir(mode=0o700, parents=True, exist_ok=True)
        options = ("--port", str(self.port), "--folder", str(self.letters))
        arguments = (*PYTHON, "-m", "habeas.embedded.mailcatcher", *options)
        process = await Process.start(Command(arguments, Path.cwd(), self.folder / "output.log"))
        async with process.killed_on_failure():
            await process.until(self._answers, START_WITHIN)
        return process

    async def _answers(self) -> None:
        try:
            reader, writer = await asyncio.open_connection(HOST, self.port)
        except OSError:
            raise MailUnavailable("the mail server does not listen yet") from None
        greeting = await reader.readline()
        writer.close()
        if not greeting.startswith(b"220"):
            raise MailUnavailable("the mail server does not greet")
