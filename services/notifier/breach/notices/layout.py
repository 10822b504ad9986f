"""
The layout of a notice: facts go in, skeletons of both forms come out. Pure.

Declared texts, dates and kinds of data are marks in a skeleton, as in letters: Jinja runs once for each
shape, and no cache holds declared texts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from services.notifier.breach.notices.facts import BreachNotice
from services.notifier.breach.notices.methods import NoticeMethod
from services.notifier.letters.letter_models import AuthorityContact, Sender
from services.notifier.letters.skeletons import Say, Skeleton, rendered


@dataclass(frozen=True, slots=True)
class Mailing:
    """A contact with an address and a telephone number."""

    name: str
    address: str
    telephone: str
    url: str


BUREAUS = (
    Mailing("Equifax", "P.O. Box 105788, Atlanta, GA 30348", "1-888-298-0045", "www.equifax.com"),
    Mailing("Experian", "P.O. Box 9554, Allen, TX 75013", "1-888-397-3742", "www.experian.com"),
    Mailing("TransUnion", "P.O. Box 160, Woodlyn, PA 19094", "1-888-909-8872", "www.transunion.com"),
)
"""
The consumer reporting agencies that cover the whole country.

Law:
    Cal. Civ. Code § 1798.82(d)(2)(F): their toll-free telephone numbers and addresses. These are the
    ones for security freezes; secondary source, to be checked before a notice goes out.
"""
TRADE_COMMISSION = Mailing(
    "Federal Trade Commission",
    "600 Pennsylvania Avenue NW, Washington, DC 20580",
    "1-877-438-4338",
    "www.identitytheft.gov",
)


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
    cited = {part.replace("_", "-"): where for part, where in shape.manner.provisions}
    return rendered("notices/notice.jinja", shape.language, partial(_content, shape), cited.get)


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
