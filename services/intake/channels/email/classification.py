"""
Classification of mails by rules: their intent, and the doubts about it. Pure.

Rules, not a model: the same mail always gets the same class, with the words that led to it. Words of a rule
may be denied, asked about, reported, or only mentioned: *I never asked you to delete my account* has all the
words of the intent. In doubt the person is asked: that costs a letter; a wrong match may cost their account.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from services.intake.channels.email.rulebook import (
    EVERY,
    Hint,
    MailIntent,
    MailRule,
    NegationRules,
    Rulebook,
)
from shared.contract.events import Residence
from shared.law import Regulation

MOST_CHARACTERS = 8_000
"""Characters of a mail's words that are read."""
MOST_MATCHES = 10
"""Matches of one rule: more do not make it clearer."""
SHORT = 600
"""Characters of a reply that may withdraw the request: the staff reads longer ones."""
FEWEST_WORDS = 2
ENGLISH = "en"
CHINESE = re.compile(r"[\u3400-\u9fff]")
TRADITIONAL = re.compile(r"[們個資這對請說讓與為處刪關]")
FEW_WORDS = 8
"""Words beside a proof: the staff reads more than that."""
ANSWER = re.compile(
    r"^\s*(?:(?:re|aw|antw?|sv|tr|rif|res|回复|答复|回覆)\s*(?:\[\d+\])?\s*[:：]\s*)+", re.IGNORECASE
)
PLACE = re.compile(r"(?P<country>[A-Z]{2})(?:-(?P<part>[A-Z0-9]{1,3}))?")
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


class Clarity(StrEnum):
    """How clear the intent of a mail is."""

    CLEAR = "clear"
    NOTHING = "nothing"
    """No rule matches."""
    DOUBTFUL = "doubtful"
    """Rules match words that are denied, asked about, or only mentioned."""
    CONTRADICTORY = "contradictory"
    """Rules match several intents that no single answer serves."""


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """A match of a rule."""

    rule: str
    where: str
    """``subject`` or ``words``."""
    start: int
    end: int
    text: str
    """The words, folded."""
    wish: MailIntent | None = None
    weak: bool = False
    naming: bool = False

    @property
    def language(self) -> str:
        """The language of the rule."""
        return self.rule.partition(".")[0]

    @property
    def weight(self) -> tuple[bool, int]:
        """The priority between overlapping words."""
        return not self.weak, self.end - self.start

    def overlaps(self, other: "RuleMatch") -> bool:
        """Return whether both match overlapping words."""
        return self.where == other.where and self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class MailMeaning:
    """The meaning of a mail, with its reasons."""

    clarity: Clarity
    wish: MailIntent | None
    with_copy: bool
    """Whether a copy is wanted before an erasure."""
    candidates: tuple[MailIntent, ...]
    """The intents matched by rules, before the decision."""
    matches: tuple[RuleMatch, ...]
    """The words that count."""
    passed_over: tuple[RuleMatch, ...]
    """Words covered or cancelled by others."""
    hints: tuple[RuleMatch, ...]
    regulation: Regulation | None
    residence: Residence | None
    language: str | None


def classify(subject: str, words: str, book: Rulebook) -> MailMeaning:
    """Return the intent of a mail; the subject of a reply is not its sender's and does not count."""
    own_subject = "" if ANSWER.match(subject) else subject
    texts = {"subject": folded(own_subject), "words": folded(words)}
    found = [match for where, text in texts.items() for match in _matches(book.rules, text, where)]
    language = language_of(f"{own_subject}\n{words}", book)
    standing = _counted(found)
    counted = [match for match in standing if _is_meant(match, texts, language, book)]
    wishes, with_copy = _joined(dict.fromkeys(match.wish for match in counted if match.wish), book)
    hints = [match for where, text in texts.items() for match in _hinted(book.hints, text, where)]
    return MailMeaning(
        clarity=_clarity(wishes, standing),
        wish=next(iter(wishes)) if len(wishes) == 1 else None,
        with_copy=with_copy,
        candidates=tuple(dict.fromkeys(match.wish for match in counted or standing if match.wish)),
        matches=tuple(counted),
        passed_over=tuple(match for match in found if match not in counted),
        hints=tuple(_counted(hints)),
        regulation=_regulation(_counted(hints), book),
        residence=_residence(hints, book),
        language=language or _language_of_rules(standing),
    )


def is_withdrawal(words: str, book: Rulebook) -> bool:
    """Return whether a reply withdraws its request, and says nothing else."""
    text = folded(words)
    if len(text) > SHORT:
        return False
    others = [match for match in _counted(_matches(book.rules, text, "words")) if match.wish]
    taken_back = list(_matches(book.withdrawals, text, "words"))
    if not taken_back or "?" in text or any(_is_denied_anywhere(text, match, book) for match in taken_back):
        return False
    return all(any(map(other.overlaps, taken_back)) for other in others)


def _is_denied_anywhere(text: str, match: RuleMatch, book: Rulebook) -> bool:
    """Return whether any words deny, except those that begin *match* itself: *I no longer want*."""
    negations = book.doubts[match.language].negation.finditer(text)
    return any(not match.start <= found.start() <= match.start + OPENING for found in negations)


def says_more(words: str, book: Rulebook) -> bool:
    """Return whether a reply with documents says more: many words, a question, or a denial."""
    text = folded(words)
    many = len(re.findall(r"[\u3400-\u9fff]|\w+", words)) > FEW_WORDS
    return many or "?" in text or any(doubts.negation.search(text) for doubts in book.doubts.values())


def folded(text: str) -> str:
    """Return *text* in the form of the rules: lower case, without accents, single blanks."""
    plain = unicodedata.normalize("NFKD", text[:MOST_CHARACTERS])
    bare = "".join(character for character in plain if not unicodedata.combining(character))
    return " ".join(bare.casefold().replace("’", "'").replace("´", "'").split())


def language_of(text: str, book: Rulebook) -> str | None:
    """Return the language of *text* as a tag; None if unsure."""
    chinese = len(CHINESE.findall(text[:MOST_CHARACTERS]))
    if chinese * 5 > len("".join(text[:MOST_CHARACTERS].split())):
        return "zh-Hant" if TRADITIONAL.search(text) else "zh"
    words = Counter(re.findall(r"\w+", folded(text)))
    counts = Counter({name: sum(words[word] for word in own) for name, own in book.languages.items()})
    (first, most), (_, next_most) = counts.most_common(2)
    return first if most >= FEWEST_WORDS and most > next_most else None


def _matches(rules: Iterable[MailRule], text: str, where: str) -> list[RuleMatch]:
    return [
        RuleMatch(rule.id, where, found.start(), found.end(), found[0], rule.wish, rule.weak, rule.naming)
        for rule in rules
        for found in islice(rule.pattern.finditer(text), MOST_MATCHES)
        if found[0]
    ]


def _hinted(hints: Iterable[Hint], text: str, where: str) -> list[RuleMatch]:
    return [
        RuleMatch(hint.id, where, found.start(), found.end(), found[0])
        for hint in hints
        if where == "subject" or not hint.subject_only
        for found in islice(hint.pattern.finditer(text), MOST_MATCHES)
    ]


def _counted(found: Sequence[RuleMatch]) -> list[RuleMatch]:
    """Return the matches that count, in order: none that is cancelled or covered by a longer one."""
    vetoes = [match for match in found if ".none." in match.rule]
    standing = [match for match in found if not any(map(match.overlaps, vetoes))]
    return [
        match
        for match in standing
        if not any(other.weight > match.weight and match.overlaps(other) for other in standing)
    ]


def _is_meant(match: RuleMatch, texts: Mapping[str, str], language: str | None, book: Rulebook) -> bool:
    """Return whether the author means the words at *match*: in the language of the mail, and of the rule."""
    spoken = {(language or "")[:2], match.language} - {"", EVERY}
    place = SentencePlace(texts[match.where], match.start, match.end)
    doubts = [book.doubts[name] for name in spoken or {ENGLISH}]
    if match.wish is None or not all(_is_meant_by(place, match.wish, one) for one in doubts):
        return False
    own = texts["words"] if match.where == "subject" else place.sentence
    return not match.naming or len(texts["words"]) <= FEW or any(one.first.search(own) for one in doubts)


def _joined(found: Iterable[MailIntent], book: Rulebook) -> tuple[frozenset[MailIntent], bool]:
    """Return *found* with intents of a common answer combined, and whether a copy is wanted besides."""
    wishes, with_copy = frozenset(found), False
    for together in book.together:
        if together.wishes <= wishes:
            wishes = wishes - together.wishes | {together.wish}
            with_copy = with_copy or together.with_copy
    return wishes, with_copy


def _clarity(wishes: Collection[MailIntent], standing: Collection[RuleMatch]) -> Clarity:
    if not wishes:
        return Clarity.DOUBTFUL if standing else Clarity.NOTHING
    return Clarity.CLEAR if len(wishes) == 1 else Clarity.CONTRADICTORY


def _language_of_rules(matches: Iterable[RuleMatch]) -> str | None:
    languages = {match.language for match in matches} - {EVERY}
    return languages.pop() if len(languages) == 1 else None


def _regulation(matches: Iterable[RuleMatch], book: Rulebook) -> Regulation | None:
    """Return the law that is named; None for several: then the person's words choose none."""
    rules = {match.rule for match in matches}
    named = {hint.regulation for hint in book.hints if hint.id in rules and hint.regulation}
    return named.pop() if len(named) == 1 else None


def _residence(matches: Iterable[RuleMatch], book: Rulebook) -> Residence | None:
    rules = {match.rule for match in matches}
    named = {hint.place for hint in book.hints if hint.id in rules and hint.place}
    place = PLACE.fullmatch(named.pop()) if len(named) == 1 else None
    return Residence(country=place["country"], subdivision=place["part"]) if place else None


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


def _is_meant_by(place: SentencePlace, wish: MailIntent, doubts: NegationRules) -> bool:
    """Return whether the author means *wish* by the words at *place*."""
    stated = doubts.stated.search(place.sentence) and not doubts.first.search(place.sentence)
    return not (stated or _is_denied(place, wish, doubts) or _is_asked(place, wish, doubts))


def _is_denied(place: SentencePlace, wish: MailIntent, doubts: NegationRules) -> bool:
    negations = doubts.negation.finditer(place.text, place.begin, place.finish)
    return wish not in REFUSALS and any(_denies(found, place, wish, doubts) for found in negations)


def _denies(found: re.Match[str], place: SentencePlace, wish: MailIntent, doubts: NegationRules) -> bool:
    if found.start() < place.start:
        marks = CLAUSE.finditer(place.text, found.end(), place.start)
        return not any(doubts.anew.match(place.text, mark.end()) for mark in marks)
    if found.end() <= place.end:
        return wish not in DENYING
    return APART.search(place.text, place.end, found.start()) is None


def _is_asked(place: SentencePlace, wish: MailIntent, doubts: NegationRules) -> bool:
    if wish in QUESTIONS or "?" not in place.text[place.end : place.finish]:
        return False
    for_news = doubts.asking.search(place.text, place.begin, place.start)
    return bool(for_news) or not doubts.polite.search(place.sentence)
