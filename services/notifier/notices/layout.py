"""
Lays a notice out: facts go in, skeletons of both forms come out. Pure.

What was declared, dates and kinds of data are marks in a skeleton, as in letters: Jinja runs once for each shape,
and no cache holds what was declared.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from markupsafe import escape

from services.notifier.facts import Authority, Sender
from services.notifier.notices.bureaus import BUREAUS, TRADE_COMMISSION
from services.notifier.notices.facts import Notice
from services.notifier.notices.outline import FIVE_HEADINGS, Section
from services.notifier.notices.phrases import FIVE, HEADINGS
from services.notifier.templating import BLANK_LINES, BLOCK, HTML, TEXT, Say, Skeleton
from services.notifier.wording import CATALOGUES
from shared.law.breaches import LetterStyle
from shared.wording import SOURCE_LANGUAGE


@dataclass(frozen=True, slots=True)
class Shape:
    """A notice without its values: each of them is a mark."""

    facts: Notice
    title: str
    """In English."""
    name: str
    reference: str
    sender: Sender
    sections: tuple[Section, ...]
    style: LetterStyle
    authorities: tuple[Authority, ...]
    attorneys: tuple[Authority, ...]
    provisions: tuple[tuple[str, str], ...]
    """Part → where it is demanded."""
    language: str


@lru_cache(maxsize=1024)
def skeletons(shape: Shape) -> tuple[Skeleton, Skeleton]:
    """Return the skeletons of *shape*: text and HTML."""
    words = CATALOGUES.words(shape.language)
    text = TEXT.get_template("notices/notice.jinja").render(_content(shape, words.say))
    html = HTML.get_template("notices/notice.jinja").render(_content(shape, words.markup))
    return Skeleton.of(BLANK_LINES.sub("\n\n", text).strip() + "\n"), Skeleton.of(_cited(html, shape))


def titled(title: str, style: LetterStyle, translate: Say, language: str) -> str:
    """Return *title* in the language; where a law prescribes the words, as it has them, and what they mean."""
    return _prescribed(title, translate, language) if style is LetterStyle.CALIFORNIA else translate(title)


@dataclass(frozen=True, slots=True)
class Voice:
    """Says headings."""

    style: LetterStyle
    translate: Say
    language: str

    def heading(self, heading: str) -> str:
        """Return what stands above a section."""
        known = FIVE if self.style in FIVE_HEADINGS else HEADINGS
        return titled(known[heading], self.style, self.translate, self.language)


def _prescribed(words: str, translate: Say, language: str) -> str:
    return words if language == SOURCE_LANGUAGE else f"{words} ({translate(words)})"


def _content(shape: Shape, translate: Say) -> Mapping[str, Any]:
    voice = Voice(shape.style, translate, shape.language)
    return {
        "_": translate,
        "f": shape.facts,
        "title": titled(shape.title, shape.style, translate, shape.language),
        "heading": voice.heading,
        "sections": shape.sections,
        "name": shape.name,
        "reference": shape.reference,
        "sender": shape.sender,
        "authorities": shape.authorities,
        "attorneys": shape.attorneys,
        "language": shape.language,
        "BUREAUS": BUREAUS,
        "TRADE_COMMISSION": TRADE_COMMISSION,
    }


def _cited(html: str, shape: Shape) -> str:
    """Return *html* with the provisions beside each part that they demand."""
    demanded = dict(shape.provisions)

    def cite(block: re.Match[str]) -> str:
        provisions = demanded.get(block[1])
        return f'{block[0]} data-law="{escape(provisions)}"' if provisions else block[0]

    return BLOCK.sub(cite, html)
