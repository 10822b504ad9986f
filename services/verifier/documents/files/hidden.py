"""
Compares the text inside a PDF with the text to be seen on its pages.

A file may show one name and hold another: under white, behind a picture, in letters that are not drawn. What
nobody can see is no evidence.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import cv2
from rapidfuzz import fuzz, process

from services.verifier.documents.files.scaling import Picture
from services.verifier.documents.reading import Check, Line, Result

PDF_HIDDEN_TEXT: Final = "pdf_hidden_text"
LEAST_CONTRAST: Final = 24
"""Between the darkest and the lightest pixel in a line's box, of 255."""
LEAST_LETTERS: Final = 4
WORD: Final = re.compile(r"[^\W_]{4,}")
ALIKE: Final = 75.0
"""Of 100: reading from pixels mistakes a letter or two."""
MOST_UNSEEN: Final = 0.3
"""Of the words of a layer: small print and reversed headings are misread too."""


def visible(lines: Iterable[Line], pictures: Sequence[Picture | None]) -> tuple[tuple[Line, ...], Check]:
    """
    Return the *lines* where something is drawn, and whether there were others.

    Args:
        lines: From inside the file.
        pictures: Its pages as drawn; where there is none, its lines are taken as they are.
    """
    drawn = tuple(line for line in lines if line.page >= len(pictures) or _has_ink(line, pictures[line.page]))
    hidden = [line for line in set(lines) - set(drawn) if len(line.text) >= LEAST_LETTERS]
    return drawn, _check(Result.INCONCLUSIVE if hidden else Result.PASS)


def hidden_text(layer: Iterable[Line], seen: Iterable[Line]) -> Check:
    """
    Return whether the text inside a file is the text to be seen.

    Args:
        layer: From inside the file.
        seen: Of the same pages, read from their pictures; none at all if nobody read them.
    """
    visible_words = {word for line in seen for word in WORD.findall(line.text.lower())}
    words = {word for line in layer for word in WORD.findall(line.text.lower())}
    if not words or not visible_words:
        return _check(Result.NOT_RUN)
    unseen = [word for word in words if not _is_among(word, visible_words)]
    return _check(Result.FAIL if len(unseen) > MOST_UNSEEN * len(words) else Result.PASS)


def _is_among(word: str, words: set[str]) -> bool:
    """Return whether *word* is among *words*, misread or run together with another."""
    return word in words or any(
        process.extractOne(word, words, scorer=scorer, score_cutoff=ALIKE) is not None
        for scorer in (fuzz.ratio, fuzz.partial_ratio)
    )


def _has_ink(line: Line, picture: Picture | None) -> bool:
    """Return whether anything is drawn where *line* stands."""
    if picture is None:
        return True
    rows, columns = picture.shape[:2]
    left, top, width, height = line.box
    part = picture[
        max(0, int(top * rows)) : max(0, int((top + height) * rows) + 1),
        max(0, int(left * columns)) : max(0, int((left + width) * columns) + 1),
    ]
    if not part.size:
        return False
    grey = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY)
    return int(grey.max()) - int(grey.min()) >= LEAST_CONTRAST


def _check(result: Result) -> Check:
    doubtful = result in {Result.FAIL, Result.INCONCLUSIVE}
    return Check(name=PDF_HIDDEN_TEXT, result=result, reasons=(PDF_HIDDEN_TEXT,) if doubtful else ())
