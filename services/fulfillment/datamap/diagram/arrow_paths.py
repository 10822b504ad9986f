"""Routes of arrows between placed collections; none crosses a collection."""

from collections.abc import Iterator, Sequence

from services.fulfillment.datamap.diagram.page import (
    GUTTER,
    PILL_HEIGHT,
    DiagramLane,
    DiagramPage,
    Placed,
    Route,
)
from services.fulfillment.datamap.diagram.picture import Arrow

TRACK, TRACKS = 5.0, 4
"""Parallel routes at the foot of a lane: distance and number."""


def routes(page: DiagramPage) -> Iterator[Route]:
    """Yield the route of every arrow of *page* between placed boxes."""
    at = {placed.box.key: placed for placed in page.boxes}
    pills = {pill.name: pill for pill in page.pills}
    around = 0
    for arrow in page.picture.arrows:
        target = at[arrow.target]
        if arrow.entering:
            pill = pills[arrow.source]
            start = (pill.x + pill.width, pill.y + PILL_HEIGHT / 2)
            yield Route(arrow, _forward(start, (target.x, target.port(arrow.target_path))), back=False)
        elif at[arrow.source].box.wave > target.box.wave + 1:
            yield _around(arrow, at[arrow.source], target, page.lanes, TRACK * (around % TRACKS))
            around += 1
        else:
            yield _between(arrow, at[arrow.source], target)


def _between(arrow: Arrow, source: Placed, target: Placed) -> Route:
    here, there = source.port(arrow.source_path), target.port(arrow.target_path)
    if source.x < target.x:
        return Route(arrow, _forward((source.x + source.width, here), (target.x, there)), back=False)
    if source.x == target.x:
        return Route(arrow, _beside(source.x + source.width, here, there), back=False)
    start, end = (source.x, here), (target.x + target.width, there)
    return Route(arrow, _forward(end, start)[::-1], back=not arrow.both)


def _around(
    arrow: Arrow, source: Placed, target: Placed, lanes: Sequence[DiagramLane], track: float
) -> Route:
    """Return the route back over several waves: along the foot of a lane, where no collection stands."""
    here, there = source.port(arrow.source_path), target.port(arrow.target_path)
    feet = [lane.y + lane.height - TRACK - track for lane in lanes]
    y = min(feet, key=lambda foot: abs(foot - here) + abs(foot - there))
    left, right = target.x + target.width, source.x
    first, last, bend = right - GUTTER / 3, left + GUTTER / 3, GUTTER / 4
    down = ((right, here), (right - bend, here), (first + bend, y), (first, y))
    along = ((first, y), (last, y), (last, y))
    up = ((last - bend, y), (left + bend, there), (left, there))
    return Route(arrow, (*down, *along, *up), back=not arrow.both)


def _forward(start: tuple[float, float], end: tuple[float, float]) -> tuple[tuple[float, float], ...]:
    reach = max(GUTTER * 0.55, (end[0] - start[0]) / 2)
    return start, (start[0] + reach, start[1]), (end[0] - reach, end[1]), end


def _beside(x: float, here: float, there: float) -> tuple[tuple[float, float], ...]:
    reach = min(GUTTER * 0.8, 36 + abs(there - here) * 0.18)
    return (x, here), (x + reach, here), (x + reach, there), (x, there)
