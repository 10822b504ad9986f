"""
Compares the text inside a PDF with the text to be seen on its pages.

A file may hold another name under white, behind a picture, in letters that are not drawn: no evidence.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Final, TypeAlias

import cv2
from rapidfuzz import fuzz, process

from services.verifier.documents.files.picture import Picture
from services.verifier.documents.results import Check, CheckResult, TextLine
from shared.matching.characters import folded, stripped

PDF_HIDDEN_TEXT: Final = "pdf_hidden_text"
LEAST_CONTRAST: Final = 24
"""Between the darkest and the lightest pixel in a line's box, of 255."""
LEAST_LETTERS: Final = 4
WORD: Final = re.compile(r"[^\W_]{4,}")
ALIKE: Final = 75.0
"""Of 100: reading from pixels mistakes a letter or two."""
MOST_UNSEEN: Final = 0.3
"""Of the words of a layer: small print and reversed headings are misread too."""
SURE: Final = 0.8
"""Confidence of a reader from which text that differs is other text, and not a bar code or a pattern."""
LEAST_SHARED: Final = 0.3
"""Of the width of the narrower of two lines that stand in one place; neighbours overlap a little, too."""
TWINS: Final = str.maketrans("il0", "11o")
"""Letters, as small ones, and digits that readers and people mistake for one another."""
Place: TypeAlias = tuple[Sequence[TextLine], Sequence[TextLine]]
"""Lines of a layer, and those that are read where they stand."""


def visible(lines: Sequence[TextLine], pictures: Sequence[Picture]) -> tuple[tuple[TextLine, ...], Check]:
    """Return the *lines* inside a file where its *pictures* show anything, and whether there were others."""
    drawn = tuple(line for line in lines if _has_ink(line, pictures[line.page]))
    hidden = [line for line in set(lines) - set(drawn) if len(line.text) >= LEAST_LETTERS]
    return drawn, Check.unsure(PDF_HIDDEN_TEXT, PDF_HIDDEN_TEXT, unless=not hidden)


def confirmed(layer: Sequence[TextLine], seen: Sequence[TextLine]) -> tuple[tuple[TextLine, ...], Check]:
    """
    Return the lines of *layer* that are *seen* where they stand, and whether something else is read there.

    Ink in a line's place does not confirm it: it may be other text, over a white box. A line that differs by
    a letter or two is most likely misread, and may be the number of another house: it raises no alarm, and
    the text that is read there counts instead. Pages that could not be read are for a person.
    """
    pages = {line.page for line in seen}
    unread = {line for line in layer if line.page not in pages}
    read = {line: [one for one in seen if _in_one_place(one, line)] for line in layer}
    kept = tuple(line for line in layer if line in unread or _is_read(read[line], line))
    lines = _as_seen(kept, _places(layer, seen))
    covered = any(
        one.confidence >= SURE and _is_long_enough(one)
        for line in filter(_is_long_enough, set(layer) - set(kept))
        for one in read[line]
    )
    if covered or _overlaid(kept):
        return lines, Check.unsure("pdf_seen_text", PDF_HIDDEN_TEXT)
    readable = not any(map(_is_long_enough, unread))
    return lines, Check.unsure("pdf_seen_text", "print_unreadable", unless=readable)


def hidden_text(layer: Iterable[TextLine], seen: Iterable[TextLine]) -> Check:
    """
    Return whether the text inside a file is the text *seen* on its pages; not run without any.

    What stands where a line was found and not read is not compared: it counts for nothing.
    """
    seen = list(seen)
    unread = [line for line in seen if not line.text]
    layer = [line for line in layer if not any(_in_one_place(one, line) for one in unread)]
    visible_words = {word for line in seen for word in WORD.findall(line.text.lower())}
    words = {word for line in layer for word in WORD.findall(line.text.lower())}
    if not words or not visible_words:
        return Check(name=PDF_HIDDEN_TEXT, result=CheckResult.NOT_RUN)
    unseen = [word for word in words if not _is_among(word, visible_words)]
    return Check.failed(PDF_HIDDEN_TEXT, PDF_HIDDEN_TEXT, unless=len(unseen) <= MOST_UNSEEN * len(words))


def _as_seen(kept: Iterable[TextLine], places: Iterable[Place]) -> tuple[TextLine, ...]:
    """Return the lines of a layer that were *kept*, or the text read there where it differs."""
    shown: dict[TextLine, Sequence[TextLine]] = {}
    for inside, read in places:
        just_that = not read or _look_alike_text(inside) == _look_alike_text(read)
        shown |= {line: (line,) if just_that else read for line in inside}
    return tuple(dict.fromkeys(one for line in kept for one in shown[line]))


def _places(layer: Iterable[TextLine], seen: Sequence[TextLine]) -> Iterator[Place]:
    """Yield the places of text, all of it: lines of *layer*, and those that are read there."""
    left = list(dict.fromkeys(layer))
    while left:
        inside, read, newest = [], [], [left.pop(0)]
        while newest:
            inside += newest
            fresh = [
                one for one in seen if one not in read and any(_in_one_place(one, line) for line in newest)
            ]
            read += fresh
            newest = [line for line in left if any(_in_one_place(one, line) for one in fresh)]
            left = [line for line in left if line not in newest]
        yield inside, read


def _look_alike_text(lines: Iterable[TextLine]) -> str:
    """Return the letters and digits of *lines* from left to right, the same for those that look the same."""
    in_order = sorted(lines, key=lambda line: line.box[0])
    text = "".join(map(_letters, in_order)).translate(TWINS)
    return text.replace("rn", "m").replace("vv", "w")


def _is_among(word: str, words: set[str]) -> bool:
    """Return whether *word* is among *words*, misread or run together with another."""
    return word in words or any(
        process.extractOne(word, words, scorer=scorer, score_cutoff=ALIKE) is not None
        for scorer in (fuzz.ratio, fuzz.partial_ratio)
    )


def _overlaid(lines: Iterable[TextLine]) -> bool:
    """Return whether text stands on other text: nothing here says which of them is to be seen."""
    pairs = combinations(filter(_is_long_enough, lines), 2)
    together = ((_letters(one), _letters(other)) for one, other in pairs if _in_one_place(one, other))
    # A line that holds the other is drawn twice, to look bold.
    return any(one not in other and other not in one for one, other in together)


def _in_one_place(one: TextLine, other: TextLine) -> bool:
    """Return whether two lines stand in one row, and above each other for a good part of the narrower."""
    (left, _, width, _), (other_left, _, other_width, _) = one.box, other.box
    shared = min(left + width, other_left + other_width) - max(left, other_left)
    overlap = shared > LEAST_SHARED * min(width, other_width)
    return one.page == other.page and overlap and _in_one_row(one, other)


def _in_one_row(one: TextLine, other: TextLine) -> bool:
    """Return whether the middle of either line is within the other's height."""
    (_, top, _, height), (_, other_top, _, other_height) = one.box, other.box
    middle, other_middle = top + height / 2, other_top + other_height / 2
    return top <= other_middle <= top + height or other_top <= middle <= other_top + other_height


def _is_read(read: Iterable[TextLine], line: TextLine) -> bool:
    """Return whether the text *read* is *line*, or holds it; a part of it is not enough."""
    said, wanted = "".join(_letters(one) for one in read), _letters(line)
    scorer = fuzz.partial_ratio if len(said) > len(wanted) else fuzz.ratio
    return wanted in said or scorer(wanted, said) >= ALIKE


def _is_long_enough(line: TextLine) -> bool:
    return len(_letters(line)) >= LEAST_LETTERS


def _letters(line: TextLine) -> str:
    """Return the letters and digits of *line*, without accents and case."""
    return re.sub(r"[\W_]+", "", stripped(folded(line.text)))


def _has_ink(line: TextLine, picture: Picture) -> bool:
    """Return whether anything is drawn where *line* stands."""
    rows, columns = picture.shape[:2]
    left, top, width, height = line.box
    part = picture[
        max(0, int(top * rows)) : max(0, int((top + height) * rows) + 1),
        max(0, int(left * columns)) : max(0, int((left + width) * columns) + 1),
    ]
    if not part.size:
        return False
    grey = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY)
    darkest, brightest, _, _ = cv2.minMaxLoc(grey)
    return brightest - darkest >= LEAST_CONTRAST
