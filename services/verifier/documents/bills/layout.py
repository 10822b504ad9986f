"""
The layout of a letter: which of its lines can matter, judged by their places alone. Pure.

To find the lines of a page is cheap, and to read them is dear. Sender, recipient, date and title stand in the
head; other addresses are stacks of short lines, and the columns of a table have headings.
"""

from collections.abc import Sequence
from enum import IntEnum

from services.verifier.documents.results import Box

HEAD = 0.45
"""Part of the page from its top where the head ends."""
NARROW = 0.6
"""Of the page: lines of running text are wider."""
SHORT = 0.45
"""Of the page: lines of an address are shorter."""
SHORTEST = 0.06
"""Of the page: less is a number or a word."""
AMOUNT, RIGHT = 0.1, 0.6
"""Of the page: amounts are shorter than the one, and begin to the right of the other."""
ALIGNED = 0.015
GAP = 2.0
"""Heights of a line by which the next line of a stack may be lower."""
COLUMNS = 3
"""Lines side by side that make a row of a table."""
SMALLEST = 0.004
"""Of the page, less than 4 points: what is smaller is not for people to read."""


class Worth(IntEnum):
    """How soon a line is read."""

    FIRST = 0
    """It may be of an address, a date, a title, a heading of a table."""
    LATER = 1
    """It is read only while something is missing."""


def worths(boxes: Sequence[Box]) -> list[Worth]:
    """Return the worth of each line by its place."""
    return [Worth.FIRST if _matters(boxes, box) else Worth.LATER for box in boxes]


def _matters(boxes: Sequence[Box], box: Box) -> bool:
    _, top, width, _ = box
    if top < HEAD:
        return width < NARROW
    beside = _row(boxes, box)
    if len(beside) >= COLUMNS:
        return _heads_table(boxes, box)
    return SHORTEST < width < SHORT and _is_stacked(boxes, box) and not any(map(_is_amount, beside))


def _is_amount(box: Box) -> bool:
    """Return whether a line stands where the amounts of a list do."""
    left, _, width, _ = box
    return width < AMOUNT and left > RIGHT


def _row(boxes: Sequence[Box], box: Box) -> list[Box]:
    """Return the lines in the row of *box*, with itself."""
    middle = box[1] + box[3] / 2
    return [other for other in boxes if other[1] <= middle <= other[1] + other[3]]


def _heads_table(boxes: Sequence[Box], box: Box) -> bool:
    """Return whether no row of as many columns is right above that of *box*."""
    _, top, _, height = box
    above = [other for other in boxes if 0 < top - other[1] <= GAP * height and not _overlap(other, box)]
    return not any(len(_row(boxes, other)) >= COLUMNS for other in above)


def _overlap(one: Box, other: Box) -> bool:
    middle = one[1] + one[3] / 2
    return other[1] <= middle <= other[1] + other[3]


def _is_stacked(boxes: Sequence[Box], box: Box) -> bool:
    """Return whether another short line begins right above or below *box*."""
    left, top, _, height = box
    return any(
        other is not box
        and other[2] < SHORT
        and abs(other[0] - left) <= ALIGNED
        and abs(other[1] - top) <= GAP * max(height, other[3])
        for other in boxes
    )
