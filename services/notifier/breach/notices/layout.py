"""
The layout of a notice: facts go in, skeletons of both forms come out. Pure.

Declared texts, dates and kinds of data are marks in a skeleton, as in letters: Jinja runs once for each
shape, and no cache holds declared texts.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from markupsafe import escape

from services.notifier.breach.notices.credit_bureaus import BUREAUS, TRADE_COMMISSION
from services.notifier.breach.notices.facts import BreachNotice
from services.notifier.breach.notices.methods import NoticeMethod
from services.notifier.breach.notices.outline import Part
from services.notifier.letters.languages import CATALOGUES
from services.notifier.letters.letter_models import AuthorityContact, Sender
from services.notifier.letters.skeletons import BLANK_LINES, BLOCK, HTML, TEXT, Say, Skeleton


@dataclass(frozen=True, slots=True)
class NoticeShape:
    """A notice without its values: each of them is a mark."""

    facts: BreachNotice
    manner: NoticeMethod
    name: str
    reference: str
    sender: Sender
    authorities: tuple[AuthorityContact, ...]
    attorneys: tuple[AuthorityContact, ...]
    language: str


@lru_cache(maxsize=1024)
def skeletons(shape: NoticeShape) -> tuple[Skeleton, Skeleton]:
    """Return the skeletons of *shape*: text and HTML."""
    words = CATALOGUES.words(shape.language)
    text = TEXT.get_template("notices/notice.jinja").render(_content(shape, words.say))
    html = HTML.get_template("notices/notice.jinja").render(_content(shape, words.markup))
    return Skeleton.of(BLANK_LINES.sub("\n\n", text).strip() + "\n"), Skeleton.of(_cited(html, shape))


def titled(words: str, translate: Say, *, prescribed: bool) -> str:
    """Return *words* translated; where a law prescribes them, as it has them, with the meaning beside."""
    meaning = translate(words)
    return f"{words} ({meaning})" if prescribed and meaning != words else meaning


def _content(shape: NoticeShape, translate: Say) -> Mapping[str, Any]:
    said = partial(titled, translate=translate, prescribed=shape.manner.prescribed)
    return {
        "_": translate,
        "f": shape.facts,
        "title": said(shape.manner.title),
        "heading": said,
        "sections": shape.manner.sections,
        "name": shape.name,
        "reference": shape.reference,
        "sender": shape.sender,
        "authorities": shape.authorities,
        "attorneys": shape.attorneys,
        "language": shape.language,
        "BUREAUS": BUREAUS,
        "TRADE_COMMISSION": TRADE_COMMISSION,
    }


def _cited(html: str, shape: NoticeShape) -> str:
    """Return *html* with the provisions beside each part that they demand."""
    demanded = {_id(part): where for part, where in shape.manner.provisions}

    def cite(block: re.Match[str]) -> str:
        provisions = demanded.get(block[1])
        return f'{block[0]} data-law="{escape(provisions)}"' if provisions else block[0]

    return BLOCK.sub(cite, html)


def _id(part: Part) -> str:
    return part.replace("_", "-")
