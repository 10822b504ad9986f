"""A diagram as Mermaid text, which many Markdown viewers render."""

from collections.abc import Iterator, Mapping, Sequence

from services.fulfillment.datamap.diagram.picture import Arrow, Box, CollectionReach, Picture

MOST_NAMED = 3
"""Fields of a box that are named; the others are counted."""
_CLASSES = {
    "identity": "fill:#dbe7ff,stroke:#2f5bd0,color:#12203f",
    "delete": "fill:#fde3e1,stroke:#c0362c,color:#3d0f0b",
    "mask": "fill:#fdf0d0,stroke:#b7791f,color:#3b2807",
    "keep": "fill:#dff1e6,stroke:#2f855a,color:#0f2e1d",
    "missed": "fill:#fde3e1,stroke:#c0362c,color:#3d0f0b,stroke-width:3px,stroke-dasharray:4 3",
    "apart": "fill:#f1f1f4,stroke:#8a8fa0,color:#33384a,stroke-dasharray:4 3",
}
_CODES = {ord(character): f"#{ord(character)};" for character in '#"<>[]{}()|`;'}
_APART = {CollectionReach.UNREACHED: "not reached by any identity", CollectionReach.SKIPPED: "not searched"}


def mermaid(picture: Picture) -> str:
    """Return *picture* as a Mermaid flowchart, left to right; the same picture gives the same text."""
    names = {box.key: f"c{number}" for number, box in enumerate(picture.boxes)}
    names |= {name: f"i{number}" for number, name in enumerate(picture.identities)}
    return "\n".join(_lines(picture, names)) + "\n"


def _lines(picture: Picture, names: Mapping[str, str]) -> Iterator[str]:
    yield f"%% data map {picture.version}"
    yield "flowchart LR"
    yield from (f'  {names[name]}(["{_quoted(name)}"]):::identity' for name in picture.identities)
    reached = picture.apart(CollectionReach.REACHED)
    for number, lane in enumerate(picture.lanes):
        yield from _group(f"d{number}", lane, [box for box in reached if box.lane == lane], names)
    for reach, title in _APART.items():
        yield from _group(reach.value, title, picture.apart(reach), names)
    yield from (_arrow(arrow, names) for arrow in picture.arrows)
    yield from (f"  classDef {name} {style}" for name, style in _CLASSES.items())


def _group(name: str, title: str, boxes: Sequence[Box], names: Mapping[str, str]) -> Iterator[str]:
    if not boxes:
        return
    yield f'  subgraph {name}["{_quoted(title)}"]'
    for box in boxes:
        apart = "missed" if box.missed else "apart"
        style = box.erasure.value if box.reach is CollectionReach.REACHED else apart
        yield f'    {names[box.key]}["{"<br/>".join(map(_quoted, _labels(box)))}"]:::{style}'
    yield "  end"


def _labels(box: Box) -> Iterator[str]:
    yield box.name if box.reach is CollectionReach.REACHED else box.key
    if box.reach is CollectionReach.REACHED:
        yield f"wave {box.wave} · {box.erasure.value}" + (f" · {box.kept}" if box.kept else "")
    if box.withheld and not box.missed:
        yield f"masked or withheld: {_named(box.withheld)}"
    if box.missed:
        yield f"not examined: {_named(box.missed)}"


def _named(paths: Sequence[str]) -> str:
    more = len(paths) - MOST_NAMED
    return ", ".join(paths[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _arrow(arrow: Arrow, names: Mapping[str, str]) -> str:
    label = arrow.target_path if arrow.entering else f"{arrow.source_path} → {arrow.target_path}"
    line = "<-->" if arrow.both else "==>" if arrow.entering else "-->"
    return f'  {names[arrow.source]} {line}|"{_quoted(label)}"| {names[arrow.target]}'


def _quoted(text: str) -> str:
    """Return *text* so that Mermaid reads it as plain text."""
    return text.translate(_CODES)
