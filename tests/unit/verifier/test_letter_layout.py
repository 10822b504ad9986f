"""The lines of a letter that can matter are known by their places."""

from collections.abc import Sequence

import pytest

from services.verifier.documents.bills.layout import Worth, worths
from services.verifier.documents.results import Box

HIGH = 0.015


def row(top: float, *lefts: float, width: float = 0.15) -> list[Box]:
    return [(left, top, width, HIGH) for left in lefts]


SENTENCE = row(0.3, 0.1, width=0.8)
ADDRESS = [*row(0.7, 0.1), *row(0.72, 0.1)]
TABLE = [*row(0.5, 0.1, 0.4, 0.7), *row(0.52, 0.1, 0.4, 0.7), *row(0.54, 0.1, 0.4, 0.7)]
AMOUNTS = [line for top in (0.6, 0.62) for line in (*row(top, 0.1), *row(top, 0.8, width=0.06))]


@pytest.mark.parametrize(
    ("boxes", "first"),
    [
        pytest.param(row(0.1, 0.1, 0.6), [0, 1], id="head"),
        pytest.param(SENTENCE, [], id="running text"),
        pytest.param(ADDRESS, [0, 1], id="an address further down"),
        pytest.param(row(0.7, 0.1), [], id="a lone line"),
        pytest.param(TABLE, [0, 1, 2], id="headings of a table"),
        pytest.param(AMOUNTS, [], id="a list of amounts"),
    ],
)
def test_lines_that_may_be_of_an_address_or_heading_come_first(
    boxes: Sequence[Box], first: list[int]
) -> None:
    assert [at for at, worth in enumerate(worths(boxes)) if worth is Worth.FIRST] == first
