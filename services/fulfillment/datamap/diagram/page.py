"""The parts of a placed diagram: rectangles and curves, in pixels."""

from dataclasses import dataclass, field

from services.fulfillment.datamap.diagram.picture import Arrow, Box, Picture

HEAD = 46.0
"""Space for the name of a collection and its erasure."""
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
