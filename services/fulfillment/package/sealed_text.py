"""Seals text of any size in the vault, line by line: small in one item, large in chunks."""

import asyncio
import codecs
from collections.abc import AsyncIterator, Iterable, Iterator

from shared.contract.ports import VaultPort

AT_ONCE = 1 << 20
"""Most characters of lines that are sealed as one item."""
LINES_PER_TURN = 100
"""Lines that are sealed before other tasks run."""


async def seal_lines(vault: VaultPort, case: str, name: str, lines: Iterable[str]) -> None:
    """Seal any number of *lines*; they are never all in memory."""
    rest, first = iter(lines), ""
    for line in rest:
        first += f"{line}\n"
        if len(first) > AT_ONCE:
            await vault.seal_stream(case, name, _encoded(first, rest))
            return
    await vault.seal(case, name, first.encode())


async def open_lines(vault: VaultPort, case: str, name: str) -> AsyncIterator[str]:
    """
    Yield the lines that :func:`seal_lines` sealed.

    Raises:
        KeyError: No such text is sealed.
    """
    held = ""
    async for piece in _pieces(vault, case, name):
        *whole, held = (held + piece).split("\n")
        for line in whole:
            yield line


async def _encoded(first: str, rest: Iterator[str]) -> AsyncIterator[bytes]:
    yield first.encode()
    for number, line in enumerate(rest):
        yield f"{line}\n".encode()
        if number % LINES_PER_TURN == 0:
            await asyncio.sleep(0)


async def _pieces(vault: VaultPort, case: str, name: str) -> AsyncIterator[str]:
    try:
        whole = await vault.open(case, name)
    except KeyError:  # it is stored in chunks
        decoder = codecs.getincrementaldecoder("utf-8")()
        async for piece in vault.open_stream(case, name):
            yield decoder.decode(piece)
    else:
        yield whole.decode()
