"""
Reads of an engine, and the repair of misread lines, only where the standard leaves no doubt. Pure.

A character is never changed because a check digit asks for it: a zone that was printed wrong must be read so.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from services.verifier.documents.mrz.layouts import ALPHABET, CODES, FILLER, LAYOUTS, Layout, ZoneSpan, known
from services.verifier.documents.results import Format

MOST_NOISE = 2
"""Characters that stand alone and are taken for a misread edge or filler; more of them may be text."""

Lines = tuple[str, ...]
"""The lines of a zone, from the top."""
TO_DIGITS = str.maketrans("OQDILZSBG", "000112586")
TO_LETTERS = str.maketrans("01258", "OIZSB")
LOOKALIKES = ("MNH", "OQDCGU0", "VUWY", "PRFB", "IJLT1", "EFB", "KXR", "S5B8")
"""Letters that a blurred picture makes alike; only these are exchanged, and only in a country's code."""
OFF_BY = 3
"""Characters that a line may be too long or too short by, where fillers can make up for it."""
FEWEST = 20
_NAMES = re.compile("<*[A-Z0-9]+(<[A-Z0-9]+)*(<<[A-Z0-9]+(<[A-Z0-9]+)*)?(?=<|$)")
_READ_AS_FILLERS = str.maketrans(
    {"«": "<<", "\u2039": "<", "\uff1c": "<", "〈": "<", "《": "<<", "(": "<", "{": "<", "[": "<"}
)


@dataclass(frozen=True, slots=True)
class EngineText:
    """A line of text as an engine gave it."""

    text: str
    confidence: float = 100
    """That of its least sure character, of 100."""


@dataclass(frozen=True, slots=True)
class Read:
    """The lines of a zone, as one read has them."""

    lines: Lines
    confidence: float = 100
    other: bool = False


def zones_among(texts: Iterable[EngineText]) -> Iterator[Read]:
    """Yield every run of *texts* that makes the lines of a zone, repaired."""
    trimmed = ((_without_margins(text.text), text.confidence) for text in texts)
    lines = [(line, confidence) for line, confidence in trimmed if len(line) >= FEWEST]
    for layout in LAYOUTS:
        for first in range(len(lines) - layout.rows + 1):
            run = lines[first : first + layout.rows]
            confidence = min(confidence for _, confidence in run)
            yield from (Read(made, confidence) for made in fitted([line for line, _ in run], layout))


def _without_margins(text: str) -> str:
    """Return *text* cleaned, without single characters at its ends: a document's edge, read as a letter."""
    words = [word for word in map(cleaned, text.split()) if word]
    if max(map(len, words), default=0) < FEWEST:
        return "".join(words)
    first, last = (len(words[end]) <= MOST_NOISE for end in (0, -1))
    return "".join(words[first : len(words) - last])


def cleaned(text: str) -> str:
    """Return *text* in the alphabet of zones."""
    upper = text.translate(_READ_AS_FILLERS).upper()
    return "".join(character for character in upper if character in ALPHABET)


def fitted(lines: Sequence[str], layout: Layout) -> Iterator[Lines]:
    """Yield *lines* as lines of *layout*, in every way that their lengths can be put right."""
    codes = [layout.fields[name] for name in ("issuer", "nationality") if name in layout.fields]
    for sized in product(*(_sized(line, row, layout) for row, line in enumerate(lines))):
        made = _each(sized, layout.numeric, lambda text: text.translate(TO_DIGITS))
        made = _each(made, layout.alphabetic, lambda text: text.translate(TO_LETTERS))
        made = _each(made, codes, code_meant)
        if layout.fit(made):
            yield _names(made, layout)


def _sized(line: str, row: int, layout: Layout) -> list[str]:
    """Return *line* in the width of *layout*: fillers added or taken away, or an end cut off."""
    excess = len(line) - layout.width
    if excess == 0:
        return [line]
    if abs(excess) > OFF_BY:
        return []
    cut = [line[excess:], line[:-excess]] if excess > 0 else []
    return [*_refilled(line, row, layout), *cut]


def _refilled(line: str, row: int, layout: Layout) -> list[str]:
    if not line.endswith(FILLER):
        return _stretched(line, layout.width)
    text, end = line.rstrip(FILLER), (row, layout.width)
    digit_ends = any(end == (field.digit.line, field.digit.end) for field in layout.protected)
    return [text.ljust(layout.width, FILLER)] if len(text) <= layout.width and not digit_ends else []


def _stretched(line: str, width: int) -> list[str]:
    """Return *line* with its longest run of fillers made longer or shorter; nothing without such a run."""
    runs = sorted(re.finditer("<{3,}", line), key=lambda run: len(run.group()))
    missing = width - len(line)
    if not runs or len(runs[-1].group()) + missing < 1:
        return []
    start, end = runs[-1].span()
    return [line[:start] + FILLER * (end - start + missing) + line[end:]]


def _each(lines: Lines, spans: Iterable[ZoneSpan], change: Callable[[str], str]) -> Lines:
    made = list(lines)
    for span in spans:
        line = made[span.line]
        made[span.line] = line[: span.start] + change(span.of(made)) + line[span.end :]
    return tuple(made)


def code_meant(code: str) -> str:
    """Return the one country's code that *code* looks like; *code* itself where there is none, or several."""
    if known(code.rstrip(FILLER)):
        return code
    near = [each for each in CODES if len(each) == len(code) and _differs_in_one_lookalike(each, code)]
    return near[0] if len(near) == 1 else code


def _differs_in_one_lookalike(one: str, other: str) -> bool:
    unlike = [pair for pair in zip(one, other, strict=True) if pair[0] != pair[1]]
    return len(unlike) == 1 and any(set(unlike[0]) <= set(alike) for alike in LOOKALIKES)


def _names(lines: Lines, layout: Layout) -> Lines:
    """Clear the text behind the names: more than two fillers mean that nothing follows (9303-3, 4.6)."""
    span = layout.fields.get("names")
    if span is None or layout.format is Format.FRENCH_LICENCE:
        return lines
    made = list(lines)
    text = span.of(lines)
    named = _NAMES.match(text)
    if named is not None and len(text[named.end() :].replace(FILLER, "")) <= MOST_NOISE:
        made[span.line] = lines[span.line][: span.start] + named.group().ljust(len(text), FILLER)
    return tuple(made)
