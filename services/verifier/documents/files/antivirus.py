"""Client of a virus scanner: ClamAV's daemon, by its INSTREAM command (clamd(8)); no file is written."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from services.verifier.documents.results import Check

CHUNK_BYTES: Final = 65_536
ANSWER_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Clamd:
    """The daemon of ClamAV, on a TCP port."""

    host: str
    port: int = 3310
    patience: timedelta = timedelta(seconds=20)

    async def scan(self, content: bytes) -> Check:
        """Return the daemon's check of *content*: inconclusive where there is no answer."""
        try:
            async with asyncio.timeout(self.patience.total_seconds()):
                answer = await self._ask(content)
        except (OSError, TimeoutError):
            answer = ""
        if answer == "stream: OK":
            return Check.passed("malware")
        if answer.endswith(" FOUND"):
            return Check.failed("malware", "file_malware")
        return Check.unsure("malware", "scan_unavailable")

    async def _ask(self, content: bytes) -> str:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(b"zINSTREAM\0")
            for start in range(0, len(content), CHUNK_BYTES):
                chunk = content[start : start + CHUNK_BYTES]
                writer.write(len(chunk).to_bytes(4, "big") + chunk)
                await writer.drain()
            writer.write(bytes(4))
            await writer.drain()
            return (await reader.read(ANSWER_BYTES)).decode("latin-1").rstrip("\0\n ")
        finally:
            writer.close()
