"""Series in portions, because a query, a write and a message have a largest size."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def portions(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Yield *items* in sequences of *size*; the last may be shorter."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


async def in_portions(items: AsyncIterator[Item], size: int) -> AsyncIterator[list[Item]]:
    """Yield *items* in lists of *size* as they come; the last may be shorter."""
    portion: list[Item] = []
    async for item in items:
        portion.append(item)
        if len(portion) >= size:
            yield portion
            portion = []
    if portion:
        yield portion
