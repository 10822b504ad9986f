"""What a drawn data map consists of: rectangles and curves with their places on the page, in pixels."""

from dataclasses import dataclass, field

from services.fulfillment.datamap.diagram.picture import Arrow, Box, Picture

HEAD = 46.0
"""Room for the name of a collection and what becomes of it."""
ROW = 19.0
GUTTER = 132.0
PILL_HEIGHT = 34.0


@dataclass(frozen=True, slots=True)
class Placed:
    """A collection and the rectangle it fills."""

    box: Box
    x: float
    y: float
    width: float
    height: float

    def port(self, path: str) -> float:
        """Return how far down the row of *path* is."""
        row = self.box.ports.index(path) if path in self.box.ports else 0
        return self.y + HEAD + ROW * row + ROW / 2

    @property
    def middle(self) -> float:
        """Return how far down its middle is."""
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
    """A database, or what stands apart."""

    title: str
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Route:
    """The way of an arrow: its start, and for each curve two points of control and the end."""

    arrow: Arrow
    points: tuple[tuple[float, float], ...]
    back: bool
    """Whether it leads to an earlier wave."""


@dataclass(frozen=True, slots=True)
class DiagramPage:
    """A picture with every part in its place."""

    picture: Picture
    width: float
    height: float
    columns: tuple[float, ...]
    """Where the waves begin, that of the identities first."""
    lanes: tuple[DiagramLane, ...]
    apart: tuple[DiagramLane, ...]
    pills: tuple[Pill, ...]
    boxes: tuple[Placed, ...]
    routes: tuple[Route, ...] = field(default=())
