"""
Negation: words of a rule that are denied, asked about, reported, or only mentioned. Pure.

*I never asked you to delete my account* has all the words of the intent. Asking back costs the person a
letter; a wrong match costs them their account.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from services.intake.channels.email.rulebook import MailIntent, NegationRules

END = re.compile(r"(?<!\bart)(?<!\bno)\.(?= |$)|[!?;。]")
"""The end of a sentence; the period of *Art. 17* is none."""
REACH = 200
"""Characters of a sentence that are read before and after the words."""
CLAUSE = re.compile(r"[,:()\u2013\u2014] ?|\b(?:and|so|und|et|donc|y|e|en|dus)\b ")
"""The possible start of another clause."""
APART = re.compile(
    r"[,:()\u2013\u2014](?! ?(?:but|aber|mais|pero|ma|mas|maar|sondern|但|不过)\b)"
    r"|\b(?:because|as|since|weil|denn|car|puisque|porque|ya que|perche|poiche|pois|omdat|want)\b|因"
)
"""Separators of an intent from its reason."""
OPENING = 3
"""Characters within which words begin."""
FEW = 60
"""Characters of a mail in which a name is enough: *Unsubscribe.*"""
REFUSALS = frozenset({MailIntent.OBJECTION_TO_MARKETING, MailIntent.OPT_OUT_OF_SALE})
"""Intents with denying words: the rules list the words that deny them in turn."""
DENYING = frozenset({MailIntent.RECTIFICATION})
"""Intents with words that may name an error."""
QUESTIONS = frozenset({MailIntent.ACCESS, MailIntent.KNOW_CATEGORIES, MailIntent.PORTABILITY})
"""Intents that are questions by nature."""


@dataclass(frozen=True, slots=True)
class SentencePlace:
    """Words in a text, with their sentence."""

    text: str
    start: int
    end: int

    @property
    def begin(self) -> int:
        """The start of the sentence."""
        first = max(0, self.start - REACH)
        return max((found.end() for found in END.finditer(self.text, first, self.start)), default=first)

    @property
    def finish(self) -> int:
        """The end of the sentence."""
        last = min(len(self.text), self.end + REACH)
        found = END.search(self.text, self.end)
        return min(last, found.end()) if found else last

    @property
    def sentence(self) -> str:
        """The sentence."""
        return self.text[self.begin : self.finish].strip()


def asks(text: str) -> bool:
    """Return whether *text* has a question."""
    return "?" in text


def is_meant(place: SentencePlace, wish: MailIntent, doubts: NegationRules) -> bool:
    """Return whether the author means *wish* by the words at *place*."""
    stated = doubts.stated.search(place.sentence) and not doubts.first.search(place.sentence)
    return not (stated or _is_denied(place, wish, doubts) or _is_asked(place, wish, doubts))


def is_denied_anywhere(place: SentencePlace, doubts: NegationRules) -> bool:
    """Return whether any words deny, except those that begin *place* itself: *I no longer want*."""
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
