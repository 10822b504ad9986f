"""
Layout of a diagram: waves are columns, left to right, and databases are lanes across.

A collection is in the first wave that reaches it, so forward arrows never skip a column. Inside a lane,
collections stand as near as possible to their neighbours in the graph.

No arrow crosses a collection.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from statistics import fmean

from services.fulfillment.datamap.diagram.picture import Arrow, Box, CollectionReach, Picture

HEAD = 46.0
ROW = 19.0
GUTTER = 132.0
PILL_HEIGHT = 34.0


@dataclass(frozen=True, slots=True)
class Placed:
    """A collection and its rectangle."""

    box: Box
    x: float
    y: float
    width: float
    height: float

    def port(self, path: str) -> float:
        """Return the vertical position of the row of *path*."""
        row = self.box.ports.index(path) if path in self.box.ports else 0
        return self.y + HEAD + ROW * row + ROW / 2

    @property
    def middle(self) -> float:
        """Return the vertical position of its middle."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Pill:
    """An identity."""

    name: str
    x: float
    y: float
    width: float


@dataclass(frozen=True, slots=True)
class DiagramLane:
    """A database, or a group of collections outside the search."""

    title: str
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Route:
    """The route of an arrow: its start, and for each curve two control points and the end."""

    arrow: Arrow
    points: tuple[tuple[float, float], ...]
    back: bool
    """Whether it leads to an earlier wave."""


@dataclass(frozen=True, slots=True)
class DiagramPage:
    """A picture with positions."""

    picture: Picture
    width: float
    height: float
    columns: tuple[float, ...]
    """The left edges of the waves, that of the identities first."""
    lanes: tuple[DiagramLane, ...]
    apart: tuple[DiagramLane, ...]
    pills: tuple[Pill, ...]
    boxes: tuple[Placed, ...]
    routes: tuple[Route, ...] = field(default=())


MARGIN = 32.0
HEADER = 92.0
"""Room for the title and the names of the waves."""
BOX_PADDING = 8.0
BOX_GAP = 26.0
LANE_PADDING = 30.0
LANE_GAP = 16.0
PILL_GAP = 18.0
NAME_WIDTH, FIELD_WIDTH = 9.2, 7.3
"""Of a character."""
LEAST_WIDTH = 168.0
LEGEND_WIDTH = 860.0
MOST_LANES_TRIED = 6
SWEEPS = 3

TRACK, TRACKS = 5.0, 4
"""Parallel routes at the foot of a lane: distance and number."""


def arranged(picture: Picture) -> DiagramPage:
    """Return *picture* with positions; the same picture gives the same page."""
    width = max([LEAST_WIDTH, *map(_width, picture.apart(CollectionReach.REACHED))])
    pill = max([LEAST_WIDTH * 0.6, *(len(name) * NAME_WIDTH + 32 for name in picture.identities)])
    first = MARGIN + (pill + GUTTER if picture.identities else 0)
    columns = (MARGIN, *(first + wave * (width + GUTTER) for wave in range(picture.waves)))
    lanes, boxes = _lanes(picture, columns, width)
    pills = tuple(_pills(picture, boxes, pill))
    foot = max([lane.y + lane.height for lane in lanes] + [one.y + PILL_HEIGHT for one in pills] + [HEADER])
    right = columns[-1] + (width if picture.waves else pill) + GUTTER / 2
    apart, others = _apart(picture, foot + LANE_GAP, max(right, MARGIN + 3 * (width + BOX_GAP)))
    foot = max([foot, *(lane.y + lane.height for lane in apart)])
    right = max([right, LEGEND_WIDTH, *(placed.x + placed.width + BOX_GAP for placed in others)])
    page = DiagramPage(
        picture, right + MARGIN, foot + MARGIN, columns, lanes, apart, pills, (*boxes, *others)
    )
    return replace(page, routes=tuple(routes(page)))


def _width(box: Box) -> float:
    rows = [*(len(port) for port in box.shown), len(withheld(box)) + 2]
    named = len(box.name if box.reach is CollectionReach.REACHED else box.key)
    labels = max(len(box.erasure.value) + len(box.kept) + 6, len(missed(box)))
    return max(named * NAME_WIDTH, labels * FIELD_WIDTH, *(count * FIELD_WIDTH for count in rows)) + 28


def withheld(box: Box) -> str:
    """Return the text of a box about its withheld fields."""
    return _first(box.withheld)


def missed(box: Box) -> str:
    """Return the text of a box about its personal data outside the search."""
    return f"not examined: {_first(box.missed)}" if box.missed else ""


def _first(paths: Sequence[str]) -> str:
    more = f" +{len(paths) - 1}" if len(paths) > 1 else ""
    return f"{paths[0]}{more}" if paths else ""


def _height(box: Box) -> float:
    rows = len(box.ports) + bool(box.withheld)
    return HEAD + ROW * rows + BOX_PADDING


# --- lanes and boxes ----------------------------------------------------------------------------------


def _lanes(
    picture: Picture, columns: Sequence[float], width: float
) -> tuple[tuple[DiagramLane, ...], tuple[Placed, ...]]:
    cells: dict[tuple[str, int], list[Box]] = defaultdict(list)
    for box in picture.apart(CollectionReach.REACHED):
        cells[box.lane, box.wave].append(box)
    order = _order(picture)
    lanes, placed = _stacked(order, cells, columns, width)
    # One wave after the other: two sorted by each other at once would swap for ever.
    for wave in [*range(picture.waves, 0, -1), *range(1, picture.waves + 1)] * SWEEPS:
        near = _nearness(picture, placed)
        for (_, of), boxes in cells.items():
            if of == wave:
                boxes.sort(key=lambda box: near[box.key])
        lanes, placed = _stacked(order, cells, columns, width)
    return lanes, placed


def _order(picture: Picture) -> Sequence[str]:
    """Return the lanes in an order with short arrows between them."""
    lane_of = {box.key: box.lane for box in picture.boxes}
    pairs = [(lane_of[a.source], lane_of[a.target]) for a in picture.arrows if not a.entering]
    if len(picture.lanes) > MOST_LANES_TRIED:
        return picture.lanes

    def length(order: Sequence[str]) -> int:
        return sum(abs(order.index(one) - order.index(other)) for one, other in pairs if other in order)

    return min(permutations(picture.lanes), key=length, default=())


def _stacked(
    order: Sequence[str],
    cells: Mapping[tuple[str, int], Sequence[Box]],
    columns: Sequence[float],
    width: float,
) -> tuple[tuple[DiagramLane, ...], tuple[Placed, ...]]:
    lanes, placed, y = [], [], HEADER
    for title in order:
        stacks = {wave: boxes for (lane, wave), boxes in cells.items() if lane == title}
        height = max(map(_stack, stacks.values())) + 2 * LANE_PADDING
        lanes.append(DiagramLane(title, columns[1] - LANE_PADDING, y, height))
        for wave, boxes in sorted(stacks.items()):
            top = y + (height - _stack(boxes)) / 2
            for box in boxes:
                placed.append(Placed(box, columns[wave], top, width, _height(box)))
                top += _height(box) + BOX_GAP
        y += height + LANE_GAP
    return tuple(lanes), tuple(placed)


def _stack(boxes: Sequence[Box]) -> float:
    return sum(map(_height, boxes)) + BOX_GAP * (len(boxes) - 1)


def _nearness(picture: Picture, placed: Sequence[Placed]) -> dict[str, float]:
    """Return for each box the mean height of its neighbours; or its own."""
    at = {one.box.key: one for one in placed}
    joined: dict[str, list[float]] = defaultdict(list)
    for arrow in picture.arrows:
        ends = (arrow.source, arrow.target)
        if arrow.source in at and arrow.target in at:
            for one, other in (ends, ends[::-1]):
                joined[one].append(at[other].middle)
    return {key: fmean(joined[key]) if joined[key] else one.middle for key, one in at.items()}


def _pills(picture: Picture, boxes: Sequence[Placed], width: float) -> Iterator[Pill]:
    """Yield the identities, each as near as possible to its fields."""
    at = {one.box.key: one for one in boxes}
    wanted = {
        name: fmean(
            at[a.target].port(a.target_path) for a in picture.arrows if a.entering and a.source == name
        )
        for name in picture.identities
    }
    y = HEADER
    for name in sorted(wanted, key=lambda name: (wanted[name], name)):
        y = max(y, wanted[name] - PILL_HEIGHT / 2)
        yield Pill(name, MARGIN, y, width)
        y += PILL_HEIGHT + PILL_GAP


_TITLES = {
    CollectionReach.UNREACHED: "not reached by any identity",
    CollectionReach.SKIPPED: "not searched, as the map says",
}


def _apart(picture: Picture, y: float, right: float) -> tuple[tuple[DiagramLane, ...], tuple[Placed, ...]]:
    lanes, placed = [], []
    outside = [box for box in picture.boxes if box.reach is not CollectionReach.REACHED]
    width = max([LEAST_WIDTH, *map(_width, outside)])
    per_row = max(1, int((right - 2 * MARGIN) // (width + BOX_GAP)))
    for reach, title in _TITLES.items():
        boxes = picture.apart(reach)
        if not boxes:
            continue
        tallest = max(map(_height, boxes))
        for number, box in enumerate(boxes):
            row, column = divmod(number, per_row)
            left = MARGIN + BOX_GAP + column * (width + BOX_GAP)
            top = y + LANE_PADDING + row * (tallest + BOX_GAP)
            placed.append(Placed(box, left, top, width, _height(box)))
        rows = -(-len(boxes) // per_row)
        height = rows * tallest + (rows - 1) * BOX_GAP + 2 * LANE_PADDING
        lanes.append(DiagramLane(title, MARGIN / 2, y, height))
        y += height + LANE_GAP
    return tuple(lanes), tuple(placed)


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
    edge = source.x + source.width
    if source.x < target.x:
        return Route(arrow, _forward((edge, here), (target.x, there)), back=False)
    if source.x == target.x:
        reach = edge + min(GUTTER * 0.8, 36 + abs(there - here) * 0.18)
        return Route(arrow, ((edge, here), (reach, here), (reach, there), (edge, there)), back=False)
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
