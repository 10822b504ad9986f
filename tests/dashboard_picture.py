"""Draws the dashboard of Grafana from the answers of a real Prometheus, where Grafana cannot run."""

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import httpx

from tests.integration.test_console_prometheus import DASHBOARD

Series: TypeAlias = Mapping[str, Sequence[tuple[float, float]]]
"""Legend → moments and figures."""
WIDTH, ROW = 1480, 30
"""Of the page, and of a row of the grid, in pixels."""
MOST_LINES = 9
LEFT, BOTTOM, TOP, EDGE = 52, 58, 38, 10
"""Space around the lines of a chart: figures, legend, title."""
COLOURS = ("#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#1f78c1", "#ba43a9", "#705da0", "#508642")
FILLS = {"green": "#299c46", "orange": "#e0752d", "red": "#d44a3a"}
TEXT = 'font-family="sans-serif" font-size'


@dataclass(frozen=True, slots=True)
class Chart:
    """A panel with lines, of a size in pixels, from a moment to another."""

    panel: Mapping[str, Any]
    size: tuple[float, float]
    span: tuple[float, float]

    def svg(self, series: Series) -> str:
        """Return the chart of the highest of *series*."""
        heights = {name: max(v for _, v in line) for name, line in series.items() if line}
        names = sorted((name for name in heights if heights[name] > 0), key=lambda name: -heights[name])
        lines = list(self._lines({name: series[name] for name in names[:MOST_LINES]}))
        top = max((v for line in lines for _, v in line), default=1.0)
        paths = [self._path(line, top, COLOURS[number]) for number, line in enumerate(lines)]
        legend = self._legend(names[:MOST_LINES])
        return frame(self.panel["title"], self.size, "#181b1f", [*self._grid(top), *paths, *legend])

    def _lines(self, series: Series) -> Iterator[list[tuple[float, float]]]:
        """Yield the lines, one on another where the panel stacks them."""
        stacked = "stacking" in self.panel["fieldConfig"]["defaults"]["custom"]
        below: dict[float, float] = {}
        for line in series.values():
            raised = [(t, v + (below.get(t, 0.0) if stacked else 0.0)) for t, v in line]
            below |= dict(raised)
            yield raised

    def _y(self, share: float) -> float:
        return self.size[1] - BOTTOM - share * (self.size[1] - BOTTOM - TOP)

    def _path(self, line: Sequence[tuple[float, float]], top: float, colour: str) -> str:
        first, last = self.span
        across = self.size[0] - LEFT - EDGE
        points = " ".join(
            f"{LEFT + (t - first) / (last - first) * across:.1f},{self._y(v / top):.1f}" for t, v in line
        )
        return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'

    def _grid(self, top: float) -> Iterator[str]:
        unit = self.panel["fieldConfig"]["defaults"]["unit"]
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            y = self._y(share)
            yield f'<line x1="{LEFT}" x2="{self.size[0] - EDGE}" y1="{y}" y2="{y}" stroke="#2c3235"/>'
            place = f'x="{LEFT - 5}" y="{y + 4}" fill="#8e8e8e" text-anchor="end"'
            yield f'<text {place} {TEXT}="10">{shown(share * top, unit)}</text>'

    def _legend(self, names: Sequence[str]) -> Iterator[str]:
        x, y = 12.0, self.size[1] - 38
        for colour, name in zip(COLOURS, names, strict=False):
            wide = 18 + 5.9 * len(name)
            if x + wide > self.size[0]:
                x, y = 12.0, y + 15
            yield f'<rect x="{x}" y="{y - 7}" width="10" height="3" fill="{colour}"/>'
            yield f'<text x="{x + 14}" y="{y - 1}" fill="#c7d0d9" {TEXT}="10">{html.escape(name)}</text>'
            x += wide


def frame(title: str, size: tuple[float, float], fill: str, inside: Sequence[str]) -> str:
    """Return a panel with its *title*."""
    head = f'<text x="10" y="20" fill="#fff" {TEXT}="13" font-weight="600">{html.escape(title)}</text>'
    style = f'width="{size[0]}" height="{size[1]}" style="background:{fill}"'
    return f"<svg {style}>{head}{''.join(inside)}</svg>"


def stat(panel: Mapping[str, Any], size: tuple[float, float], series: Series) -> str:
    """Return a panel with one figure, in the colour of its threshold."""
    figure = next((line[-1][1] for line in series.values()), 0.0)
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    colour = [step["color"] for step in steps if step["value"] is None or figure >= step["value"]][-1]
    place = f'x="{size[0] / 2}" y="{size[1] / 2 + 24}" fill="#fff" text-anchor="middle"'
    return frame(panel["title"], size, FILLS[colour], [f'<text {place} {TEXT}="40">{figure:.0f}</text>'])


def shown(figure: float, unit: str) -> str:
    """Return a figure with its unit."""
    match unit:
        case "s":
            return f"{figure * 1000:.0f} ms" if figure < 1 else f"{figure:.1f} s"
        case "bytes":
            return f"{figure / 2**30:.1f} GiB" if figure > 2**30 else f"{figure / 2**20:.0f} MiB"
        case "percentunit":
            return f"{figure * 100:.0f} %"
        case _:
            return f"{figure:.1f}"


async def _series(
    prometheus: httpx.AsyncClient, panel: Mapping[str, Any], span: tuple[float, float]
) -> Series:
    found: dict[str, list[tuple[float, float]]] = {}
    for target in panel["targets"]:
        query = target["expr"].replace("$__rate_interval", "10s")
        asked = {"query": query, "start": span[0], "end": span[1], "step": 1}
        answer = (await prometheus.get("/query_range", params=asked)).json()["data"]["result"]
        for one in answer:
            name = target["legendFormat"]
            for label, value in one["metric"].items():
                name = name.replace(f"{{{{{label}}}}}", value)
            figures = [(float(t), float(v)) for t, v in one["values"]]
            found[name] = [(t, v) for t, v in figures if v == v]  # noqa: PLR0124 - not a number is not itself
    return found


async def page(prometheus: httpx.AsyncClient, span: tuple[float, float]) -> str:
    """Return a page with the panels of the dashboard in the time of *span*."""
    parts = []
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        place = panel["gridPos"]
        size = (place["w"] * WIDTH / 24 - 8, place["h"] * ROW - 8)
        at = f"position:absolute;left:{place['x'] * WIDTH / 24}px;top:{place['y'] * ROW}px"
        match panel["type"]:
            case "row":
                body = f'<b style="color:#d8d9da;font:600 14px sans-serif">{panel["title"]}</b>'
            case "stat":
                body = stat(panel, size, await _series(prometheus, panel, span))
            case _:
                body = Chart(panel, size, span).svg(await _series(prometheus, panel, span))
        parts.append(f'<div style="{at}">{body}</div>')
    return f'<body style="margin:8px;background:#111217;position:relative">{"".join(parts)}</body>'
