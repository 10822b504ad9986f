"""
A mail server that counts and forgets: ``python -m bench.sink PORT``.

The catcher of the embedded stack writes a file per letter and would be the slowest part of a measurement.
"""

import asyncio
import signal
import sys

import uvloop

REPLIES = {
    b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}
END = b"\r\n.\r\n"


class Conversation(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]  # TCP gives one
        self.held = b""
        self.in_data = False
        self.transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer whatever is complete."""
        self.held += data
        while self._step():
            pass

    def _step(self) -> bool:
        if self.in_data:
            _, end, rest = self.held.partition(END)
            if not end:
                return False
            self.held, self.in_data = rest, False
            self.transport.write(b"250 kept\r\n")
            return True
        line, end, rest = self.held.partition(b"\r\n")
        if not end:
            return False
        self.held = rest
        command = line[:4].upper()
        self.in_data = command == b"DATA"
        self.transport.write(REPLIES.get(command, b"250 ok\r\n"))
        return True


async def main(port: int) -> None:
    """Serve until told to stop."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    server = await loop.create_server(Conversation, "127.0.0.1", port)
    await stopping.wait()
    server.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
