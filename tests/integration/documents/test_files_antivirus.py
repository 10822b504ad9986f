import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from services.verifier.documents.files.antivirus import Clamd
from services.verifier.documents.results import CheckResult

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one INSTREAM as clamd does."""
    assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
    content = b""
    while size := int.from_bytes(await reader.readexactly(4), "big"):
        content += await reader.readexactly(size)
    if content == b"confuse":
        writer.write(b"INSTREAM size limit exceeded. ERROR\0")
    elif content == b"silence":
        await reader.read()  # until the other side has left
    else:
        writer.write(b"stream: Eicar-Signature FOUND\0" if EICAR in content else b"stream: OK\0")
    writer.close()


@asynccontextmanager
async def daemon(patience: timedelta) -> AsyncIterator[Clamd]:
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield Clamd("127.0.0.1", server.sockets[0].getsockname()[1], patience)


@pytest.mark.parametrize(
    ("content", "result", "reasons"),
    [
        pytest.param(b"a" * 200_000, CheckResult.PASS, (), id="clean"),
        pytest.param(b"a" * 200_000 + EICAR, CheckResult.FAIL, ("file_malware",), id="infected"),
        pytest.param(b"confuse", CheckResult.INCONCLUSIVE, ("scan_unavailable",), id="refused"),
        pytest.param(b"silence", CheckResult.INCONCLUSIVE, ("scan_unavailable",), id="silent"),
    ],
)
async def test_the_scanners_answer_becomes_a_check(
    content: bytes, result: CheckResult, reasons: tuple[str, ...]
) -> None:
    patience = timedelta(milliseconds=300) if content == b"silence" else timedelta(seconds=120)
    async with daemon(patience) as scanner:
        check = await scanner.scan(content)

    assert (check.name, check.result, check.reasons) == ("malware", result, reasons)


async def test_a_scanner_that_is_not_there_found_nothing_out() -> None:
    check = await Clamd("127.0.0.1", 1).scan(b"file")

    assert (check.result, check.reasons) == (CheckResult.INCONCLUSIVE, ("scan_unavailable",))
