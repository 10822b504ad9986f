"""
A mail server that counts and forgets: ``python -m bench.mail_sink PORT [LOG [MILLISECONDS [stepwise]]]``.

The catcher of the embedded stack writes a file per letter and would be the slowest part of a measurement.
Into LOG, where one is given, goes a line per accepted message: its recipient and its Message-ID. Lines are
written together, after at most a moment and when the sink is told to stop, so that it must not be killed. It
takes so many MILLISECONDS to say that it has accepted a message; the line is noted before. A ``stepwise`` one
does not offer to take commands together.
"""

import asyncio
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import uvloop

TOGETHER = b"250-PIPELINING\r\n"
REPLIES = {
    b"EHLO": b"250-sink\r\n" + TOGETHER + b"250-8BITMIME\r\n250 SMTPUTF8\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}
KEPT = b"250 kept\r\n"
END = b"\r\n.\r\n"
MESSAGE_ID = re.compile(rb"^Message-ID:\s*(\S+)", re.MULTILINE | re.IGNORECASE)
FLUSH_S = 0.2

Keep = Callable[[bytes, bytes], None]
"""Told the recipient and the content of every message that is about to be accepted."""


class Conversation(asyncio.Protocol):
    """One connection."""

    def __init__(self, keep: Keep | None = None, latency_s: float = 0.0) -> None:
        self.keep = keep
        self.latency_s = latency_s

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]  # TCP gives one
        self.held = b""
        self.recipient = b""
        self.in_data = False
        self.transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer whatever is complete."""
        self.held += data
        while self._step():
            pass

    def _step(self) -> bool:
        if self.in_data:
            message, end, rest = self.held.partition(END)
            if not end:
                return False
            self.held, self.in_data = rest, False
            if self.keep is not None:
                self.keep(self.recipient, message)
            if self.latency_s:
                asyncio.get_running_loop().call_later(self.latency_s, self.transport.write, KEPT)
            else:
                self.transport.write(KEPT)
            return True
        line, end, rest = self.held.partition(b"\r\n")
        if not end:
            return False
        self.held = rest
        command = line[:4].upper()
        if command == b"RCPT":
            self.recipient = line.partition(b"<")[2].partition(b">")[0]
        self.in_data = command == b"DATA"
        self.transport.write(REPLIES.get(command, b"250 ok\r\n"))
        return True


class Log:
    """The file of accepted messages."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: list[bytes] = []

    def keep(self, recipient: bytes, message: bytes) -> None:
        """Note a message."""
        found = MESSAGE_ID.search(message)
        self._lines.append(recipient + b" " + (found[1] if found else b"none"))

    def flush(self) -> None:
        """Write what was noted."""
        lines, self._lines = self._lines, []
        with self._path.open("ab") as file:
            file.writelines(line + b"\n" for line in lines)


async def main(port: int, path: Path | None = None, latency_s: float = 0.0) -> None:
    """Serve until told to stop."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    log = None if path is None else Log(path)
    keep = None if log is None else log.keep
    server = await loop.create_server(lambda: Conversation(keep, latency_s), "127.0.0.1", port)
    while log is not None and not stopping.is_set():
        await asyncio.sleep(FLUSH_S)
        log.flush()
    await stopping.wait()
    server.close()
    if log is not None:
        log.flush()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if "stepwise" in sys.argv:
            REPLIES[b"EHLO"] = REPLIES[b"EHLO"].replace(TOGETHER, b"")
        latency = int(sys.argv[3]) / 1_000 if sys.argv[3:] else 0.0
        runner.run(main(int(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2:] else None, latency))
