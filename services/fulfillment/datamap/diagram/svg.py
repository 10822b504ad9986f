"""A diagram as SVG: one self-contained file, light or dark by the reader's preference."""

from collections.abc import Iterator
from html import escape

from services.fulfillment.datamap.diagram.layout import (
    HEAD,
    HEADER,
    MARGIN,
    PILL_HEIGHT,
    ROW,
    DiagramLane,
    DiagramPage,
    Pill,
    Placed,
    Route,
    arranged,
    missed,
    withheld,
)
from services.fulfillment.datamap.diagram.picture import CollectionReach, Picture
from services.fulfillment.datamap.model import Erasure

LEGEND = 64.0
_STYLE = """
svg { font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif;
  --paper: #ffffff; --ink: #1b2233; --soft: #5b6478; --line: #d5dae5; --lane: #f6f7fb; --box: #ffffff;
  --way: #66708a; --identity: #2f5bd0; --identity-soft: #e4ecff;
  --delete: #c0362c; --delete-soft: #fdeae8; --mask: #a86a10; --mask-soft: #fdf3dc;
  --keep: #2b7a54; --keep-soft: #e3f4ea; --apart: #8a8fa0; --apart-soft: #f1f2f6; }
@media (prefers-color-scheme: dark) { svg {
  --paper: #12151d; --ink: #e8ebf4; --soft: #9aa4ba; --line: #333a4b; --lane: #191d28; --box: #1f2431;
  --way: #8d98b3; --identity: #86a8ff; --identity-soft: #1d2947;
  --delete: #ff8f85; --delete-soft: #43201f; --mask: #f0bd62; --mask-soft: #3d2f14;
  --keep: #6fd3a3; --keep-soft: #173427; --apart: #858da1; --apart-soft: #232838; } }
.paper { fill: var(--paper); }
.title { font-size: 18px; font-weight: 650; fill: var(--ink); }
.small { font-size: 12px; fill: var(--soft); }
.wave, .lane-title { font-size: 12px; font-weight: 600; fill: var(--soft); letter-spacing: .05em; }
.lane { fill: var(--lane); stroke: var(--line); }
.box { fill: var(--box); stroke-width: 1.5; }
.name { font-size: 14.5px; font-weight: 650; fill: var(--ink); }
.label { font-size: 12px; font-weight: 600; }
.field, .never { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, monospace; fill: var(--ink); }
.never { font-style: italic; fill: var(--soft); }
.lock { fill: var(--soft); }
.delete .box { stroke: var(--delete); }
.delete .band { fill: var(--delete-soft); }
.delete .label { fill: var(--delete); }
.mask .box { stroke: var(--mask); }
.mask .band { fill: var(--mask-soft); }
.mask .label { fill: var(--mask); }
.keep .box { stroke: var(--keep); }
.keep .band { fill: var(--keep-soft); }
.keep .label { fill: var(--keep); }
.apart .box { stroke: var(--apart); stroke-dasharray: 5 4; }
.apart .band { fill: var(--apart-soft); }
.apart .label { fill: var(--soft); }
.missed .box { stroke: var(--delete); stroke-dasharray: 5 4; stroke-width: 2.5; }
.missed .band { fill: var(--delete-soft); }
.missed .label { fill: var(--delete); }
.pill { fill: var(--identity-soft); stroke: var(--identity); stroke-width: 1.5; }
.pill-name { font-size: 14px; font-weight: 650; fill: var(--identity); text-anchor: middle; }
.way { fill: none; stroke: var(--way); stroke-width: 1.5; }
.entering { stroke: var(--identity); opacity: .75; }
.back { stroke-dasharray: 6 4; }
.way:hover { stroke-width: 3; opacity: 1; }
.head { fill: var(--way); }
.entering-head { fill: var(--identity); }
"""
_LOCK = "M2 5 V3.4 a2.6 2.6 0 0 1 5.2 0 V5 h.8 v5.4 h-6.8 V5 z M3.2 5 h2.8 V3.4 a1.4 1.4 0 0 0 -2.8 0 z"


def svg(picture: Picture) -> str:
    """Return *picture* as SVG; the same picture gives the same text."""
    return "\n".join(_lines(arranged(picture))) + "\n"


def _lines(page: DiagramPage) -> Iterator[str]:
    width, height = page.width, page.height + LEGEND
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title about" {size}>'
    yield '<title id="title">The walk of a data map</title>'
    picture = page.picture
    reached = len(picture.apart(CollectionReach.REACHED))
    walk = f"{len(picture.identities)} identities lead to {reached} collections in {picture.waves} waves"
    apart = f"{len(picture.boxes) - reached} stand apart"
    lost = f", {len(picture.unexamined)} of them with personal data" if picture.unexamined else ""
    yield f'<desc id="about">{walk}; {apart}{lost}.</desc>'
    yield f"<style>{_STYLE}</style>"
    yield f"<defs>{_head('head')}{_head('entering-head')}</defs>"
    yield f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>'
    yield from _header(page)
    for lane in (*page.lanes, *page.apart):
        yield from _lane(lane, page.width)
    yield from (_way(route) for route in page.routes)
    for pill in page.pills:
        yield from _pill(pill)
    for placed in page.boxes:
        yield from _box(placed)
    yield from _legend(page)
    yield "</svg>"


def _head(name: str) -> str:
    size = 'viewBox="0 0 8 8" refX="7.2" refY="4" markerWidth="8" markerHeight="8"'
    shape = f'<path class="{name}" d="M0 .6 L8 4 L0 7.4 z"/>'
    turned = 'markerUnits="userSpaceOnUse" orient="auto-start-reverse"'
    return f'<marker id="{name}" {size} {turned}>{shape}</marker>'


def _text(kind: str, x: float, y: float, text: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _header(page: DiagramPage) -> Iterator[str]:
    yield _text("title", MARGIN, 36, "The walk of a data map")
    yield _text("small", MARGIN, 54, f"map {page.picture.version[:12]}")
    names = ["request", *(f"wave {number}" for number in range(1, len(page.columns)))]
    yield from (_text("wave", x, HEADER - 12, name) for x, name in zip(page.columns, names, strict=True))


def _lane(lane: DiagramLane, width: float) -> Iterator[str]:
    box = f'x="{lane.x:.1f}" y="{lane.y:.1f}" width="{width - MARGIN / 2 - lane.x:.1f}"'
    yield f'<rect class="lane" rx="10" {box} height="{lane.height:.1f}"/>'
    yield _text("lane-title", lane.x + 12, lane.y + 19, lane.title)


def _way(route: Route) -> str:
    (x0, y0), *rest = route.points
    curve = " ".join(f"{x:.1f} {y:.1f}" for x, y in rest)
    arrow = route.arrow
    kind = "entering" if arrow.entering else "back" if route.back else "to"
    head = "entering-head" if arrow.entering else "head"
    start = f' marker-start="url(#{head})"' if arrow.both else ""
    path = f'<path class="way {kind}" d="M{x0:.1f} {y0:.1f} C{curve}" marker-end="url(#{head})"{start}>'
    source = arrow.source if arrow.entering else f"{arrow.source}.{arrow.source_path}"
    named = f"{source} {'↔' if arrow.both else '→'} {arrow.target}.{arrow.target_path}"
    return f"{path}<title>{escape(named)}</title></path>"


def _pill(pill: Pill) -> Iterator[str]:
    box = f'x="{pill.x:.1f}" y="{pill.y:.1f}" width="{pill.width:.1f}" height="{PILL_HEIGHT:.1f}"'
    yield f'<rect class="pill" rx="{PILL_HEIGHT / 2:.1f}" {box}/>'
    yield _text("pill-name", pill.x + pill.width / 2, pill.y + PILL_HEIGHT / 2 + 5, pill.name)


def _box(placed: Placed) -> Iterator[str]:
    box, x, y = placed.box, placed.x, placed.y
    reached = box.reach is CollectionReach.REACHED
    kind = box.erasure.value if reached else "missed" if box.missed else "apart"
    yield f'<g class="{kind}" id="{escape(box.key)}">'
    if box.missed:
        yield f"<title>not examined: {escape(', '.join(box.missed))}</title>"
    size = f'x="{x:.1f}" y="{y:.1f}" width="{placed.width:.1f}"'
    yield f'<rect class="box" rx="8" {size} height="{placed.height:.1f}"/>'
    yield f'<path class="band" d="{_band(placed)}"/>'
    yield _text("name", x + 12, y + 19, box.name if reached else box.key)
    yield _text("label", x + 12, y + 36, _label(placed))
    for number, path in enumerate(box.shown):
        yield _text("field", x + 14, y + HEAD + ROW * number + 14, path)
    if box.withheld:
        foot = y + HEAD + ROW * len(box.ports)
        yield f'<path class="lock" transform="translate({x + 12:.1f} {foot + 4:.1f})" d="{_LOCK}"/>'
        never = _text("never", x + 26, foot + 14, withheld(box))
        yield f"<g><title>masked or withheld: {escape(', '.join(box.withheld))}</title>{never}</g>"
    yield "</g>"


def _band(placed: Placed) -> str:
    """Return the coloured upper part of a box, inside its border."""
    x, y, width = placed.x + 0.75, placed.y + 0.75, placed.width - 1.5
    side = HEAD - 12
    return f"M{x:.1f} {y + HEAD - 4:.1f} v-{side} q0 -8 8 -8 h{width - 16:.1f} q8 0 8 8 v{side} z"


def _label(placed: Placed) -> str:
    box = placed.box
    if box.reach is not CollectionReach.REACHED:
        plain = "not reached by a search" if box.reach is CollectionReach.UNREACHED else "no personal data"
        return missed(box) or plain
    return f"{box.erasure.value} · {box.kept}" if box.kept else box.erasure.value


def _legend(page: DiagramPage) -> Iterator[str]:
    x, y = MARGIN, page.height + 8
    meanings = {
        Erasure.DELETE: "an erasure deletes the document",
        Erasure.MASK: "an erasure masks personal data",
        Erasure.KEEP: "an erasure keeps it, with a reason",
    }
    for erasure, meaning in meanings.items():
        at = f'x="{x:.1f}" y="{y:.1f}" width="16" height="16" rx="4"'
        yield f'<g class="{erasure.value}"><rect class="band" {at}/>'
        yield f'<rect class="box" style="fill: none" {at}/></g>'
        yield _text("small", x + 24, y + 12, meaning)
        x += 44 + len(meaning) * 6.4
    y, x = y + 26, MARGIN
    yield f'<path class="lock" transform="translate({x + 3:.1f} {y + 2:.1f})" d="{_LOCK}"/>'
    yield _text("small", x + 24, y + 12, "masked or withheld")
    x += 190
    yield f'<path class="way to" d="M{x:.1f} {y + 8:.1f} h34" marker-end="url(#head)"/>'
    yield _text("small", x + 42, y + 12, "values lead on (↔ both ways)")
    x += 240
    yield f'<path class="way back" d="M{x:.1f} {y + 8:.1f} h34" marker-end="url(#head)"/>'
    yield _text("small", x + 42, y + 12, "back to an earlier wave")
    x += 200
    yield _text("field", x, y + 12, "[]")
    yield _text("small", x + 20, y + 12, "only the person's own elements")
