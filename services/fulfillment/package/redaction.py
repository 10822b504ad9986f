"""
Blacks out other people in a text that is handed to one person: their addresses, numbers and names.

What is the person's own stays, however it is written. A name is known, because records name somebody else
so, or it stands where names stand: after a salutation, a title or the word that says who wrote. Everything
else that begins with a capital letter stays. Pure.

Law:
    GDPR Art. 15(4): the copy must not adversely affect the rights and freedoms of others; recital 63 and EDPB
    Guidelines 01/2022 para. 173: what concerns them is made illegible, and the rest is handed over.
    11 CCR § 7024(d): numbers of accounts and cards are never sent, whosesoever they are.
"""

import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple, Self, TypeAlias

import phonenumbers
from phonenumbers import (
    Leniency,
    NumberParseException,
    PhoneNumberMatch,
    PhoneNumberMatcher,
)


class Kind(StrEnum):
    """What can be blacked out."""

    EMAIL = "email"
    ACCOUNT = "account"
    PHONE = "phone"
    NAME = "name"


Words: TypeAlias = tuple[str, ...]
"""The words of a name, as they compare."""

MOST_NAMES = 5_000
"""Other people a collection may name; where it names more, its texts are withheld as a whole."""
SHORTEST_NAME = 3
"""Letters of a single word that is taken for somebody's name; shorter ones are mostly something else."""
LONGEST_RUN = 4
"""Words after a salutation that can be a name."""
LEAST_DIGITS = 6
"""Fewer make no telephone number."""

LOCAL = r"[\w.!#$%&'*+/=?^`{|}~-]"
LABEL = r"[^\W_](?:[\w-]*[^\W_])?"
ADDRESS = re.compile(rf"(?<!{LOCAL}){LOCAL}+[@\uff20\ufe6b](?:\[[\d.:a-fA-F]+\]|{LABEL}(?:\.{LABEL})*)")
"""Begins where a run of such characters begins, so that a long text is gone through once."""
APART = "`*/={}|~^#!$%&?"
"""What stands between a word and an address more often than it is part of one: ``user=``, ``to/``."""
DIGITS = re.compile(r"\d(?:[^\w\n]*\d){5}")
"""Anything that could be a telephone number; finding out whether it is one takes long."""
BETWEEN = r"[ \u00a0()./-]*"
"""What may stand between the digits of one number."""
IBAN = re.compile(r"(?<![^\W_])[A-Za-z]{2}\d{2}(?:[ \u00a0-]?[A-Za-z0-9]){11,30}")
CARD = re.compile(r"(?<!\d)\d(?:[ \u00a0-]?\d){12,18}(?!\d)")
WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f])*")
UMLAUTS = str.maketrans(
    {
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "Ä": "Ae",
        "Ö": "Oe",
        "Ü": "Ue",
        "ø": "oe",
        "Ø": "Oe",
        "å": "aa",
        "Å": "Aa",
    }
)
GAP = re.compile(r"[,.]?[ \t\u00a0]*|['\u2019-]")
"""What may stand between two words of one name."""
TITLES = r"frau|herrn?|mr|mrs|ms|mx|dr|prof|mme|mlle|monsieur|madame|señora?|sra?|sir|doña|don"
SALUTATIONS = (
    r"dear|hi|hello|hey|liebe[rs]?|hallo|(?:sehr )?geehrte[rs]?|guten (?:tag|morgen|abend)|moin|bonjour"
    r"|cher|chère|hola|estimad[oa]|querid[oa]"
)
CLOSINGS = (
    r"regards|sincerely(?: yours)?|cheers|best wishes"
    r"|(?:mit )?(?:freundlichen|besten|herzlichen|vielen|lieben) grüßen|(?:viele|liebe|beste|schöne) grüße"
    r"|gruß|mfg|cordialement|bien à vous|saludos|atentamente|gez"
)
WRITERS = r"from|by|to|cc|bcc|von|an|durch|de la part de|de parte de"
AFTER_ONE = re.compile(
    rf"(?<!\w)(?:(?:{TITLES}|{SALUTATIONS}|{CLOSINGS})\b[.,:!]?|(?:{WRITERS}):)\s*(?:(?:{TITLES})\b\.?\s*)*",
    re.IGNORECASE,
)
"""After these a single capitalised word is a name."""
AFTER_TWO = re.compile(rf"(?<!\w)(?:{WRITERS})\b[:.]?[ \t]*", re.IGNORECASE)
"""After these, which stand before much else, only two in a row are."""
NO_NAMES = frozenset(
    [
        *(
            "all",
            "everyone",
            "everybody",
            "team",
            "support",
            "customer",
            "customers",
            "sir",
            "madam",
            "there",
        ),
        *("alle", "zusammen", "damen", "herren", "kunde", "kundin", "kunden", "kollegen", "leute", "und"),
        *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "today", "tomorrow"),
        *("montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag", "heute", "morgen"),
        *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october"),
        *("november", "december", "januar", "februar", "marz", "mai", "juni", "juli", "oktober", "dezember"),
        *("i", "we", "the", "my", "our", "your", "ich", "wir", "der", "die", "das", "mein", "ihr", "ihre"),
        *("thank", "thanks", "danke", "please", "bitte", "vielen", "regards", "you", "sie"),
    ]
)
"""Words that stand where names stand and are none, as they compare."""


class Redacted(str):
    """A text in which something was blacked out, and how often of each kind."""

    __slots__ = ("masked",)
    masked: Mapping[Kind, int]

    def __new__(cls, text: str, masked: Mapping[Kind, int]) -> Self:
        """Return *text* with what is known of it."""
        self = super().__new__(cls, text)
        self.masked = MappingProxyType(dict(masked))
        return self


@dataclass(frozen=True)
class Own:
    """What is the person's, as they and the records write it."""

    emails: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    region: str | None = None
    """Where a telephone number without country code is dialled: a country's two letters."""

    @cached_property
    def addresses(self) -> frozenset[str]:
        """The e-mail addresses as they compare."""
        return frozenset(map(folded, self.emails))

    @cached_property
    def numbers(self) -> re.Pattern[str]:
        """What finds the telephone numbers, whatever stands between their digits."""
        forms = {form for phone in self.phones for form in _forms(phone, self.region)}
        found = [BETWEEN.join(form) for form in sorted(forms) if len(form) >= LEAST_DIGITS]
        return re.compile(rf"(?<!\d)(?:\+ ?)?\(?(?:{'|'.join(found) or '(?!)'})(?!\d)")

    @cached_property
    def called(self) -> frozenset[Words]:
        """The names, as lists of words."""
        return frozenset(words for name in self.names for words in _spelt(name))

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word of the names."""
        return frozenset(word for words in self.called for word in words)

    def is_called(self, name: str) -> bool:
        """Tell whether *name* is one of the person's names, in whatever order or with more or fewer parts."""
        words = words_of(name)
        return all(map(self.has, words)) or any(set(own) <= set(words) for own in self.called)

    def has(self, word: str) -> bool:
        """Tell whether *word* is part of one of the names, or the first letter of a part."""
        return word in self.words or (len(word) == 1 and any(own.startswith(word) for own in self.words))


@dataclass(frozen=True)
class Redactor:
    """Blacks out of texts who is not the person."""

    own: Own
    others: frozenset[str]
    """Names of other people that the records give."""
    say: Callable[[Kind], str] = field(repr=False)
    """What stands in place of what is blacked out."""

    def __call__(self, text: str) -> str:
        """Return *text* without other people: as it is where nobody else is in it, else as `Redacted`."""
        spans = _apart(text, self._spans(text))
        if not spans:
            return text
        pieces: list[str] = []
        end = 0
        for span in spans:
            pieces += [text[end : span.start], self.say(span.kind)]
            end = span.end
        return Redacted("".join([*pieces, text[end:]]), Counter(span.kind for span in spans))

    def _spans(self, text: str) -> list["_Span"]:
        mine: list[_Span] = []
        spans: list[_Span] = []
        for span, own in (*self._addresses(text), *self._numbers(text)):
            (mine if own else spans).append(span)
        spans += _outside(_accounts(text), mine)
        return spans + _outside(self._names(text), [*mine, *spans])

    def _addresses(self, text: str) -> Iterator[tuple["_Span", bool]]:
        for match in ADDRESS.finditer(text):
            yield _Span(*match.span(), Kind.EMAIL), self._is_own(folded(match[0]))

    def _is_own(self, address: str) -> bool:
        """Tell whether *address* is the person's, with or without what stands before it."""
        before = [address.removesuffix(own) for own in self.own.addresses if address.endswith(own)]
        return any(rest == "" or rest[-1] in APART or not any(map(str.isalnum, rest)) for rest in before)

    def _numbers(self, text: str) -> Iterator[tuple["_Span", bool]]:
        if not DIGITS.search(text):
            return
        mine = [_Span(*match.span(), Kind.PHONE) for match in self.own.numbers.finditer(text)]
        yield from ((span, True) for span in mine)
        found = PhoneNumberMatcher(text, self.own.region, leniency=Leniency.POSSIBLE)
        numbers = (match for match in found if _is_dialled(text, match, self.own.region))
        others = (_Span(match.start, match.end, Kind.PHONE) for match in numbers)
        yield from ((span, False) for span in _outside(others, mine))

    def _names(self, text: str) -> Iterator["_Span"]:
        words = [(match.start(), match.end(), _plain(match[0])) for match in WORD.finditer(text)]
        yield from self._known(text, words)
        starts = [start for start, _, _ in words]
        for opening, least in ((AFTER_ONE, 1), (AFTER_TWO, 2)):
            for match in opening.finditer(text):
                run = list(_run(text, words, bisect_left(starts, match.end()), match.end()))
                if len(run) >= least:
                    yield from (_Span(a, b, Kind.NAME) for a, b, word in run if not self.own.has(word))

    def _known(self, text: str, words: Sequence[tuple[int, int, str]]) -> Iterator["_Span"]:
        at = 0
        while at < len(words):
            length, own = self._longest(text, words, at)
            if length and not own:
                yield _Span(words[at][0], words[at + length - 1][1], Kind.NAME)
            at += length or 1

    def _longest(self, text: str, words: Sequence[tuple[int, int, str]], at: int) -> tuple[int, bool]:
        """Return how many words from *at* are a name, and whether it is the person's own."""
        most = self._follows(text, words, at)
        for length in range(most, 0, -1):
            name = tuple(word for _, _, word in words[at : at + length])
            if name in self._own_names:
                return length, True
            if name in self._other_names and (length > 1 or _is_capital(text, words[at])):
                return length, False
        return 0, False

    def _follows(self, text: str, words: Sequence[tuple[int, int, str]], at: int) -> int:
        """Return how many words from *at* stand so close that they can be one name."""
        most = min(self._most_words, len(words) - at)
        for length, (before, after) in enumerate(pairwise(words[at : at + most]), start=1):
            if not GAP.fullmatch(text, before[1], after[0]):
                return length
        return most

    @cached_property
    def _own_names(self) -> frozenset[Words]:
        return frozenset(form for words in self.own.called for form in _orders(words)) | {
            (word,) for word in self.own.words
        }

    @cached_property
    def _other_names(self) -> frozenset[Words]:
        names = {words for name in self.others for words in _spelt(name)}
        single = {(word,) for words in names for word in words if len(word) >= SHORTEST_NAME}
        whole = {form for words in names if len(words) > 1 for form in _orders(words)}
        return frozenset(whole | single) - {(word,) for word in NO_NAMES}

    @cached_property
    def _most_words(self) -> int:
        return max(map(len, self._own_names | self._other_names), default=0)


class _Span(NamedTuple):
    start: int
    end: int
    kind: Kind


def folded(text: str) -> str:
    """Return *text* as it compares: case, width and composition do not count."""
    return unicodedata.normalize("NFKC", text).casefold()


def words_of(name: str) -> Words:
    """Return the words of *name* as they compare."""
    return tuple(_plain(word) for word in WORD.findall(name))


def _spelt(name: str) -> Iterator[Words]:
    """Yield the words of *name*, and as they are written where there are no umlauts."""
    for spelling in (name, unicodedata.normalize("NFC", name).translate(UMLAUTS)):
        if words := words_of(spelling):
            yield words


def _plain(word: str) -> str:
    """Return *word* as it compares within names: accents do not count."""
    parts = unicodedata.normalize("NFKD", word)
    return "".join(part for part in parts if not unicodedata.combining(part)).casefold()


def _orders(words: Words) -> Iterator[Words]:
    """Yield the orders in which a name is written: ``Ada Example``, ``Example, Ada``."""
    yield words
    yield (words[-1], *words[:-1])


def _is_capital(text: str, word: tuple[int, int, str]) -> bool:
    return text[word[0]].isupper()


def _run(
    text: str, words: Sequence[tuple[int, int, str]], at: int, start: int
) -> Iterator[tuple[int, int, str]]:
    """Yield the capitalised words that follow one another from *start*; nothing that is no name."""
    end = start
    for word in words[at : at + LONGEST_RUN]:
        gap = text[end : word[0]]
        if gap.strip() if end == start else not GAP.fullmatch(gap):
            return
        if not _is_capital(text, word) or word[2] in NO_NAMES:
            return
        yield word
        end = word[1]


def _forms(number: str, region: str | None) -> Iterator[str]:
    """Yield the digits of *number* in the forms in which it is dialled."""
    yield "".join(str(unicodedata.digit(character)) for character in number if character.isdigit())
    try:
        parsed = phonenumbers.parse(number, region)
    except NumberParseException:
        return
    national = phonenumbers.national_significant_number(parsed)
    yield from (f"{lead}{national}" for lead in (parsed.country_code, f"00{parsed.country_code}"))
    yield from (f"{parsed.country_code}0{national}", f"0{national}", national)


def _is_dialled(text: str, match: PhoneNumberMatch, region: str | None) -> bool:
    """Tell a telephone number from another one that is as long: it can be dialled as it is written."""
    if text[max(match.start - 1, 0) : match.start].isalnum():
        return False
    if match.raw_string.lstrip("( ").startswith(("+", "\uff0b", "0")):
        return sum(map(str.isdigit, match.raw_string)) > LEAST_DIGITS
    begins = phonenumbers.ndd_prefix_for_region(region or "", True)
    return begins != "0" and phonenumbers.is_valid_number(match.number)


def _accounts(text: str) -> Iterator[_Span]:
    for match in IBAN.finditer(text):
        end = _iban_end(text, match)
        if end:
            yield _Span(match.start(), end, Kind.ACCOUNT)
    for match in CARD.finditer(text):
        if _luhn(match[0]):
            yield _Span(*match.span(), Kind.ACCOUNT)


def _iban_end(text: str, match: re.Match[str]) -> int:
    """Return where the account number at *match* ends, by its check digits (ISO 13616); 0 if it is none."""
    places = [at for at in range(match.start(), match.end()) if text[at].isalnum()]
    for length in range(len(places), 14, -1):
        end = places[length - 1] + 1
        compact = "".join(text[at] for at in places[:length])
        if not text[end : end + 1].isalnum() and _mod_97(compact):
            return end
    return 0


def _mod_97(compact: str) -> bool:
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def _luhn(number: str) -> bool:
    """Tell whether the last digit checks the others (ISO/IEC 7812-1)."""
    digits = [int(character) for character in reversed(number) if character.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _outside(spans: Iterable[_Span], taken: Iterable[_Span]) -> list[_Span]:
    """Return those of *spans* that meet none of *taken*."""
    apart = _joined(taken)
    starts = [span.start for span in apart]

    def meets(span: _Span) -> bool:
        before = bisect_left(starts, span.end)
        return before > 0 and apart[before - 1].end > span.start

    return [span for span in spans if not meets(span)]


def _apart(text: str, spans: Iterable[_Span]) -> list[_Span]:
    """Return *spans* in order, the words of one name as one."""
    apart: list[_Span] = []
    for span in _joined(spans):
        last = apart[-1] if apart else None
        same = last is not None and last.kind is span.kind is Kind.NAME
        if last is not None and same and GAP.fullmatch(text, last.end, span.start):
            apart[-1] = last._replace(end=span.end)
        else:
            apart.append(span)
    return apart


def _joined(spans: Iterable[_Span]) -> list[_Span]:
    """Return *spans* in order, those that overlap as one, of the kind of the longest."""
    joined: list[_Span] = []
    for span in sorted(spans):
        last = joined[-1] if joined else None
        if last is None or span.start >= last.end:
            joined.append(span)
            continue
        kind = last.kind if last.end - last.start >= span.end - span.start else span.kind
        joined[-1] = _Span(last.start, max(last.end, span.end), kind)
    return joined
