"""
A mail server that stores each message as a file.

File names sort by arrival. A file is there whole or not at all, and its first lines are those a last mail
server adds (RFC 5321 §4.4): ``Return-Path`` and one ``Delivered-To`` per recipient of the envelope.
"""

import argparse
import asyncio
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

import uvloop
from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"
LARGEST_MESSAGE = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CaughtMessage:
    """A message that was caught."""

    name: str
    """Its file; later letters have greater names."""
    message: EmailMessage

    @property
    def sender(self) -> str:
        """Envelope sender, for failure reports."""
        return str(self.message["Return-Path"]).strip("<>")

    @property
    def recipients(self) -> tuple[str, ...]:
        """Envelope recipients."""
        return tuple(str(address) for address in self.message.get_all("Delivered-To", []))

    @property
    def subject(self) -> str:
        """Subject, decoded."""
        return str(self.message["Subject"] or "")

    def body(self, kind: str = "plain") -> str:
        """Return the text of the ``plain`` or ``html`` form; empty when there is none."""
        part = self.message.get_body((kind,))
        return str(part.get_content()).replace("\r\n", "\n") if part else ""


def letters(folder: Path, *, after: str = "") -> Iterator[CaughtMessage]:
    """Read the messages in *folder* in order of arrival, those later than the one named *after*."""
    for path in sorted(folder.glob("*.eml")):
        if path.name > after:
            yield CaughtMessage(path.name, message_from_bytes(path.read_bytes(), policy=policy.default))


class Catcher:
    """An SMTP handler that stores messages. Its methods are aiosmtpd's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last = 0

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Announce PIPELINING (RFC 2920), which aiosmtpd supports."""
        del server, envelope
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Store one message."""
        del server, session
        self._last = max(time.time_ns(), self._last + 1)
        name = f"{self._last:020d}"
        unfinished = self._folder / f"{name}.part"
        recipients = (f"Delivered-To: {address}\r\n" for address in envelope.rcpt_tos)
        headers = f"Return-Path: <{envelope.mail_from or ''}>\r\n{''.join(recipients)}"
        unfinished.write_bytes(headers.encode() + (envelope.original_content or b""))
        unfinished.rename(self._folder / f"{name}.eml")
        return "250 2.0.0 kept"


async def serve(port: int, folder: Path) -> None:
    """Catch mail on *port* until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    catcher = Catcher(folder)
    limits: dict[str, Any] = {"data_size_limit": LARGEST_MESSAGE, "command_call_limit": 1_000_000}
    smtp = partial(SMTP, catcher, hostname="localhost", enable_SMTPUTF8=True, **limits)
    server = await loop.create_server(smtp, HOST, port)
    await stopping.wait()
    server.close()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Keep every message sent to a port as a file.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    wanted = parser.parse_args()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    uvloop.run(serve(wanted.port, wanted.folder))


if __name__ == "__main__":
    main()
