"""
Says where words of a rule are there and yet not meant: denied, asked about, told of, or only named. Pure.

*I never asked you to delete my account* has all the words of the wish. Whoever doubts asks back, which costs
the person a letter; to take it for the wish costs them their account.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from services.intake.channels.email.rulebook import MailIntent, NegationRules

END = re.compile(r"(?<!\bart)(?<!\bno)\.(?= |$)|[!?;。]")
"""Of a sentence; the period of *Art. 17* is none."""
REACH = 200
"""Characters of a sentence that are looked at before words and after them."""
CLAUSE = re.compile(r"[,:()\u2013\u2014] ?|\b(?:and|so|und|et|donc|y|e|en|dus)\b ")
"""Where another clause may begin."""
APART = re.compile(
    r"[,:()\u2013\u2014](?! ?(?:but|aber|mais|pero|ma|mas|maar|sondern|但|不过)\b)"
    r"|\b(?:because|as|since|weil|denn|car|puisque|porque|ya que|perche|poiche|pois|omdat|want)\b|因"
)
"""What parts a wish from its reason."""
OPENING = 3
"""Characters within which words begin."""
FEW = 60
"""Characters of a mail in which a name is enough: *Unsubscribe.*"""
REFUSALS = frozenset({MailIntent.OBJECTION_TO_MARKETING, MailIntent.OPT_OUT_OF_SALE})
"""Wishes that something be left alone: their words deny, and the rules say what denies them in turn."""
DENYING = frozenset({MailIntent.RECTIFICATION})
"""Wishes whose words may say what is not right."""
QUESTIONS = frozenset({MailIntent.ACCESS, MailIntent.KNOW_CATEGORIES, MailIntent.PORTABILITY})
"""Wishes that are questions by nature."""


@dataclass(frozen=True, slots=True)
class SentencePlace:
    """Words in a text, and the sentence that they stand in."""

    text: str
    start: int
    end: int

    @property
    def begin(self) -> int:
        """Where the sentence begins."""
        first = max(0, self.start - REACH)
        return max((found.end() for found in END.finditer(self.text, first, self.start)), default=first)

    @property
    def finish(self) -> int:
        """Where the sentence ends."""
        last = min(len(self.text), self.end + REACH)
        found = END.search(self.text, self.end)
        return min(last, found.end()) if found else last

    @property
    def sentence(self) -> str:
        """The sentence."""
        return self.text[self.begin : self.finish].strip()


def asks(text: str) -> bool:
    """Tell whether there is a question in *text*."""
    return "?" in text


def is_meant(place: SentencePlace, wish: MailIntent, doubts: NegationRules) -> bool:
    """Tell whether who wrote the words at *place* means *wish* by them."""
    stated = doubts.stated.search(place.sentence) and not doubts.first.search(place.sentence)
    return not (stated or _is_denied(place, wish, doubts) or _is_asked(place, wish, doubts))


def is_denied_anywhere(place: SentencePlace, doubts: NegationRules) -> bool:
    """Tell whether anything in the text denies, but what *place* itself begins with: *I no longer want*."""
    return any(
        not place.start <= found.start() <= place.start + OPENING
        for found in doubts.negation.finditer(place.text)
    )


def _is_denied(place: SentencePlace, wish: MailIntent, doubts: NegationRules) -> bool:
    if wish in REFUSALS:
        return False
    return any(_denies(found, place, wish, doubts) for found in _negations(place, doubts))


def _negations(place: SentencePlace, doubts: NegationRules) -> Iterator[re.Match[str]]:
    return doubts.negation.finditer(place.text, place.begin, place.finish)


def _denies(found: re.Match[str], place: SentencePlace, wish: MailIntent, doubts: NegationRules) -> bool:
    if found.start() < place.start:
        marks = CLAUSE.finditer(place.text, found.end(), place.start)
        return not any(doubts.anew.match(place.text, mark.end()) for mark in marks)
    if found.end() <= place.end:
        return wish not in DENYING
    return APART.search(place.text, place.end, found.start()) is None


def _is_asked(place: SentencePlace, wish: MailIntent, doubts: NegationRules) -> bool:
    if wish in QUESTIONS or not asks(place.text[place.end : place.finish]):
        return False
    for_news = doubts.asking.search(place.text, place.begin, place.start)
    return bool(for_news) or not doubts.polite.search(place.sentence)
