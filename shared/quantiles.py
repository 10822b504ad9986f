"""Quantiles of counted values, such as days to an answer. Pure."""

from collections.abc import Mapping


def quantile(counts: Mapping[int, int], share: float) -> int | None:
    """Return the smallest value that at least *share* of the counted values do not exceed."""
    total = sum(counts.values())
    seen = 0
    for value, count in sorted(counts.items()):
        seen += count
        if seen >= share * total:
            return value
    return None


def median(counts: Mapping[int, int]) -> float | None:
    """Return the median of the counted values; of an even number the middle mean."""
    total = sum(counts.values())
    if not total:
        return None
    middle = [_at(counts, (total - 1) // 2), _at(counts, total // 2)]
    return sum(middle) / 2


def _at(counts: Mapping[int, int], place: int) -> int:
    """Return the value that stands at *place*, counted from 0, when all are put in order."""
    for value in sorted(counts):
        place -= counts[value]
        if place < 0:
            return value
    raise IndexError(place)
