"""
Comparison of the print of a card with its machine-readable part, and with well-known samples. Pure.

A forger that changes one part seldom changes both. Unread print is inconclusive, never a pass; a difference
counts where the print was read surely and says something else in the same place.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import combinations
from types import MappingProxyType
from typing import Self

from services.verifier.documents.cards.fields import (
    SURE,
    Printed,
    PrintedField,
    PrintedFields,
    is_label,
    print_of,
    printed_fields,
)
from services.verifier.documents.cards.samples import ALSO_NAMES, known_holder, made_up, marks_in
from services.verifier.documents.results import Check, CheckResult, Format, Licence, MachineZone, TextLine
from shared.matching import MatchOutcome, PersonName, match_parts
from shared.matching.name_words import GENERATIONS, split
from shared.matching.transliteration import spellings

_LEAST_CUT = 3
"""Letters of a cut name that are enough to know the printed one by."""
LEAST_NUMBER = 5
"""Characters of a number that is looked for within longer text."""
_LEAST_NAME = 3
"""Letters of a name; shorter words stand elsewhere, too."""
_LEAST_JOINED = 5
_LEAST_AGE = 14
"""Years between birth and expiry below which a date is not taken for a birth."""
_FEW = 2
"""Characters by which a number that was changed differs from the true one."""
_ALIKE = str.maketrans("OQILSBZG", "00115826")
"""Characters of numbers that readers take for each other."""
_LETTERS = str.maketrans("0158", "OISB")
_LACKING = MappingProxyType({"HUN": str.maketrans("õôû", "őőű"), "TUR": str.maketrans("č", "ğ")})
"""By country, letters that readers see, and those that they stand for."""
_SHARP_S = frozenset({"D", "AUT"})
"""Countries whose names have an ß, which readers take for a B."""


class MachineSource(StrEnum):
    """The part that a machine reads."""

    ZONE = "mrz"
    BARCODE = "barcode"


@dataclass(frozen=True, slots=True)
class ExpectedPrint:
    """The print that the machine-readable part implies."""

    source: MachineSource
    surname: str = ""
    given_names: str = ""
    truncated: bool = False
    number: str = ""
    born: date | None = None
    expires: date | None = None
    zone: tuple[str, ...] = ()
    """Lines of the zone, which are no print."""
    countries: tuple[str, ...] = ()
    """The issuer and the nationality, by which the letters of names are known."""
    suffix: str = ""

    def name(self, lines: Sequence[TextLine] = ()) -> PersonName:
        """Return the holder's name, to be compared with the claimed one; cut ones as printed in *lines*."""
        whole = self._uncut(lines) if self.truncated and self.source is MachineSource.ZONE else ""
        if whole:
            return PersonName(self.surname, whole)
        return PersonName(self.surname, self.given_names, truncated=self.truncated)

    def prints_suffix(self, lines: Sequence[TextLine]) -> bool:
        """Return whether the suffix is printed in *lines*, and no other."""
        printed = {GENERATIONS.get(word) for line in lines for word in split(line.text)} - {None}
        return bool(self.suffix) and printed == {GENERATIONS[self.suffix.casefold()]}

    def _uncut(self, lines: Sequence[TextLine]) -> str:
        """Return the printed given names that begin with those of the zone; empty if others are printed."""
        fields = printed_fields(print_of(lines, self.zone)).of(PrintedField.GIVEN_NAMES)
        sure = [one.text for one in fields if one.confidence >= SURE]
        alike = len({tuple(split(text)) for text in sure}) == 1
        return sure[0] if alike and _begins(split(self.given_names), split(sure[0])) else ""

    @classmethod
    def of(cls, read: MachineZone | Licence) -> Self:
        """Return the print expected on a card with *read*: on the front, where a barcode is on the back."""
        fields = (read.number, read.born, read.expires)
        if isinstance(read, Licence):
            holder = (read.surname, read.given_names, read.truncated)
            return cls(MachineSource.BARCODE, *holder, *fields, suffix=read.suffix)
        names = read.lines[2:3] if read.format is Format.TD1 else read.lines[:1]
        full = any(not line.endswith("<") for line in names)
        countries = (read.issuer, read.nationality)
        return cls(MachineSource.ZONE, read.surname, read.given_names, full, *fields, read.lines, countries)


def print_checks(lines: Sequence[TextLine], read: MachineZone | Licence) -> tuple[Check, ...]:
    """Return the checks of the print in *lines* against *read*, by field, and whether it is a sample's."""
    expected = ExpectedPrint.of(read)
    printed = print_of(lines, expected.zone)
    fields = printed_fields(printed)
    answers = {
        "surname": _names(expected, expected.surname, PrintedField.SURNAME, printed, fields),
        "given_names": _names(expected, expected.given_names, PrintedField.GIVEN_NAMES, printed, fields),
        "number": _number(expected.number, printed, fields),
        "born": _born(expected, printed, fields),
        "expires": _expires(expected, printed, fields),
    }
    if isinstance(read, MachineZone) and read.by_two_engines and _all_but_number(answers):
        # Two engines read it alike with its check digit, and everything else ties the print to the zone.
        answers["number"] = _Answer.UNASKED
    # Where nothing agrees, the print was hardly read: it may stand on its head.
    softened = {} if _Answer.SAID in answers.values() else {_Answer.DIFFERENT: _Answer.ALIKE}
    return (
        *(_check(expected.source, name, softened.get(one, one)) for name, one in answers.items()),
        specimen_check(printed, expected),
    )


def _begins(cut: Sequence[str], whole: Sequence[str]) -> bool:
    """Return whether the names in *cut* are the first in *whole*; of the last the beginning is enough."""
    if not 0 < len(cut) <= len(whole) or len(cut[-1]) < _LEAST_CUT:
        return False
    *pairs, (short, long) = zip(cut, whole, strict=False)
    last = any(form.startswith(short) for form in spellings(long))
    return last and all(one in set(spellings(other)) for one, other in pairs)


def confirms_nothing(lines: Sequence[TextLine], read: MachineZone | Licence) -> bool:
    """Return whether no part of *read* is printed in *lines*, as where the picture is upside down."""
    checks = print_checks(lines, read)
    return not any(check.result is CheckResult.PASS for check in checks if "_print_" in check.name)


def naming_lines(lines: Sequence[TextLine], read: MachineZone) -> list[TextLine]:
    """Return the *lines* outside the zone that state a name of the holder, in any spelling."""
    expected = ExpectedPrint.of(read)
    names = {one for one in split(f"{read.surname} {read.given_names}") if len(one) >= _LEAST_NAME}
    printed = print_of(lines, expected.zone)
    return [
        line
        for line in printed
        if any(
            not names.isdisjoint(_forms(word, expected.countries)) for word in split(_with_letters(line.text))
        )
    ]


def worth_a_closer_look(lines: Sequence[TextLine], read: MachineZone) -> bool:
    """Return whether *lines* confirm a part of *read*, so that the rest may be printed and was not found."""
    results = [check.result for check in print_checks(lines, read) if "_print_" in check.name]
    unread = results.count(CheckResult.INCONCLUSIVE)
    return CheckResult.FAIL not in results and 0 < unread <= results.count(CheckResult.PASS) + 1


class _Answer(StrEnum):
    SAID = "said"
    DIFFERENT = "different"
    ALIKE = "alike"
    """Something like it stands there, changed or misread, or it stands elsewhere than its label says."""
    UNREAD = "unread"
    UNASKED = "unasked"


def _all_but_number(answers: Mapping[str, _Answer]) -> bool:
    said = {name for name, answer in answers.items() if answer is _Answer.SAID}
    return answers["number"] is _Answer.UNREAD and said == answers.keys() - {"number"}


def _check(source: MachineSource, field: str, answer: _Answer) -> Check:
    name, mismatch = f"{source}_print_{field}", f"{source}_print_mismatch"
    match answer:
        case _Answer.SAID:
            return Check.passed(name)
        case _Answer.DIFFERENT:
            return Check.failed(name, mismatch)
        case _Answer.ALIKE:
            return Check.unsure(name, mismatch)
        case _Answer.UNREAD:
            return Check.unsure(name, "print_unreadable")
        case _Answer.UNASKED:
            return Check(name=name, result=CheckResult.NOT_RUN)


def specimen_check(lines: Sequence[TextLine], expected: ExpectedPrint | None = None) -> Check:
    """Return whether a card is a sample: by the text printed across it, or by its holder."""
    texts = [line.text for line in lines]
    names = [expected.surname, expected.given_names] if expected is not None else []
    marks = marks_in([*texts, *names])
    if marks - ALSO_NAMES:
        return Check.failed("specimen", "specimen_document")
    known = expected is not None and known_holder(expected.surname, expected.given_names)
    across = any(line.across for line in lines)
    if marks or known or across or (expected is not None and made_up(expected.number)):
        # A real person may bear the name: the staff looks.
        return Check.unsure("specimen", "specimen_document")
    return Check.unsure("specimen", "print_unreadable", unless=bool(texts))


def _names(
    expected: ExpectedPrint,
    wanted: str,
    field: PrintedField,
    lines: Sequence[TextLine],
    fields: PrintedFields,
) -> _Answer:
    names = split(wanted)
    if not names:
        return _Answer.UNASKED
    # A reader may have lost the blank behind the number of a field.
    seen = (*(line.text for line in lines), *(one.text for one in fields.of(field)))
    texts = [_with_letters(text) for text in seen]
    on_card = {form for text in texts for word in split(text) for form in _forms(word, expected.countries)}
    missing = [name for name in names if name not in on_card]
    if missing and len("".join(names)) >= _LEAST_JOINED:
        # A reader may have lost the blanks between names, and between a name and its label.
        whole = "".join(names)
        glued = {form.replace(whole, "", 1) for text in texts for form in _joined(text) if whole in form}
        missing = [] if any(not rest or is_label(rest) for rest in glued) else missing
    if expected.truncated and field is PrintedField.GIVEN_NAMES and missing == names[-1:]:
        missing = [] if any(word.startswith(missing[0]) for word in on_card) else missing
    labelled = [one for one in fields.of(field) if one.confidence >= SURE and _is_name(one.text)]
    several = len({tuple(split(one.text)) for one in labelled}) > 1
    if expected.truncated and field is PrintedField.GIVEN_NAMES and several:
        return _Answer.ALIKE  # one of them may be a slip that completes the cut name
    if not missing:
        return (
            _Answer.SAID if not labelled or _is_near(names, labelled, expected.countries) else _Answer.ALIKE
        )
    if labelled and all(match_parts(one.text, wanted).outcome is MatchOutcome.MISMATCH for one in labelled):
        return _Answer.DIFFERENT
    return _Answer.UNREAD


def _is_near(names: Iterable[str], labelled: Iterable[Printed], countries: Sequence[str]) -> bool:
    """Return whether one of *names* stands around the labels: elsewhere, it may be beside the card."""
    words = (word for one in labelled for text in one.near for word in split(_with_letters(text)))
    forms = {form for word in words for form in _forms(word, countries)}
    return any(name in form for form in forms for name in names)


def _forms(word: str, countries: Sequence[str]) -> Iterator[str]:
    """Yield the spellings of *word*, also with the letters of *countries* that readers take for others."""
    yield from spellings(word)
    for country in _LACKING.keys() & set(countries):
        yield from spellings(word.translate(_LACKING[country]))
    if not _SHARP_S.isdisjoint(countries):
        for place in re.finditer("[bβ]", word):
            yield from spellings(f"{word[: place.start()]}ss{word[place.end() :]}")
    if "ISL" in countries and word.startswith("p"):
        yield from spellings("th" + word[1:])  # a Þ


def _with_letters(text: str) -> str:
    """Return *text* with letters for the digits between letters that readers take for them."""
    return re.sub(r"(?<=[^\W\d_])[0158](?=[^\W\d_])", lambda digit: digit[0].translate(_LETTERS), text)


def _joined(text: str) -> Iterator[str]:
    return map("".join, zip(*map(spellings, split(text)), strict=True))


def _is_name(text: str) -> bool:
    return re.fullmatch(r"[^\d<]{2,}", text) is not None and bool(split(text))


def _number(wanted: str, lines: Sequence[TextLine], fields: PrintedFields) -> _Answer:
    number = _plain_number(wanted)
    if not number:
        return _Answer.UNASKED
    sure = [one.text for one in fields.of(PrintedField.NUMBER) if one.confidence >= SURE]
    labelled = [_plain_number(text) for text in sure if re.search(r"\d", text)]
    # One of the same length is the number, or another.
    distances = [
        sum(a != b for a, b in zip(one, number, strict=True)) for one in labelled if len(one) == len(number)
    ]
    if len(number) >= LEAST_NUMBER and (
        any(_has_number(line.text, number) for line in lines) or _in_row(lines, number)
    ):
        return _Answer.ALIKE if min(distances, default=0) else _Answer.SAID
    if not distances:
        return _Answer.UNREAD
    return _Answer.ALIKE if min(distances) <= _FEW else _Answer.DIFFERENT


def _has_number(text: str, number: str) -> bool:
    """Return whether *number* stands in *text*, whole or as a series and its number: SERIES XY NO 123."""
    pairs = combinations(map(_plain_number, text.split()), 2)
    return number in _plain_number(text) or any(
        first + second == number for first, second in pairs if len(second) >= LEAST_NUMBER
    )


def _in_row(lines: Sequence[TextLine], number: str) -> bool:
    """Return whether a series and its number stand in one row, read apart."""
    ends = [line for line in lines if number.endswith(_plain_number(line.text) or "-")]
    return any(
        _has_number(f"{other.text} {end.text}", number)
        for end in ends
        if len(_plain_number(end.text)) >= LEAST_NUMBER and end.box[3]
        for other in lines
        if other.page == end.page and abs(_middle(other) - _middle(end)) < end.box[3] / 2
    )


def _middle(line: TextLine) -> float:
    return line.box[1] + line.box[3] / 2


def _plain_number(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", text.upper()).translate(_ALIKE)


def _born(expected: ExpectedPrint, lines: Sequence[TextLine], fields: PrintedFields) -> _Answer:
    born = expected.born
    if born is None:
        return _Answer.UNASKED
    labelled = _sure_dates(fields, PrintedField.BORN)
    if labelled:
        return _Answer.SAID if any(born in days for days in labelled) else _Answer.DIFFERENT
    coded = "ROU" in expected.countries and any(_codes_birth(line.text, expected) for line in lines)
    if coded or _is_printed(born, lines, fields):
        return _Answer.SAID
    rivals = (_may_be_birth(day, born, expected.expires) for days in fields.dates for day in days)
    return _Answer.ALIKE if any(rivals) else _Answer.UNREAD


def _codes_birth(text: str, expected: ExpectedPrint) -> bool:
    """
    Return whether *text* is the Romanian personal code of the holder: older cards print no other birth date.

    It is a digit for sex and century, six for the date and six more; the zone has all but the date.
    """
    code = re.sub(r"\D", "", text)
    rest = f"{code[:1]}{code[7:]}"
    return len(code) == _CODE_DIGITS and f"{expected.born:%y%m%d}" == code[1:7] and rest in expected.zone[-1]


_CODE_DIGITS = 13


def _is_printed(day: date, lines: Sequence[TextLine], fields: PrintedFields) -> bool:
    """Return whether *day* is printed, also where the reader lost marks between its parts: ``05.062018``."""
    bare = {f"{day:%d%m%Y}", f"{day:%Y%m%d}"}
    runs = (re.sub(r"\D", "", run) for line in lines for run in _RUNS.findall(line.text))
    return any(day in days for days in fields.dates) or any(run in bare for run in runs)


_RUNS = re.compile(r"\d[\d ./-]*\d")


def _may_be_birth(day: date, born: date, expires: date | None) -> bool:
    """Return whether *day* is the date of birth with one part of it changed."""
    changed = (day.year != born.year) + (day.month != born.month) + (day.day != born.day)
    return changed == 1 and (expires is None or day.year <= expires.year - _LEAST_AGE)


def _expires(expected: ExpectedPrint, lines: Sequence[TextLine], fields: PrintedFields) -> _Answer:
    """Return whether the expiry is printed: a forger may compute the zone anew and leave the print."""
    if expected.expires is None:
        return _Answer.UNASKED
    labelled = _sure_dates(fields, PrintedField.EXPIRES)
    there = not labelled or any(expected.expires in days for days in labelled)
    if _is_printed(expected.expires, lines, fields):
        return _Answer.SAID if there else _Answer.ALIKE
    if labelled:
        return _Answer.DIFFERENT
    return _Answer.ALIKE if _expires_otherwise(expected.born, fields) else _Answer.UNREAD


def _expires_otherwise(born: date | None, fields: PrintedFields) -> bool:
    """Return whether a date is printed that may be another expiry: after birth, and not the day of issue."""
    if any(one.dates for one in fields.of(PrintedField.EXPIRES)):
        return True
    issued = {day for one in fields.of(PrintedField.ISSUED) for day in one.dates}
    unexplained = (days for days in fields.dates if issued.isdisjoint(days) and born not in days)
    later = {days for days in unexplained if born is not None and any(day > born for day in days)}
    # One of them may be the day of issue where nothing says which that is.
    return len(later) > (0 if issued else 1)


def _sure_dates(fields: PrintedFields, field: PrintedField) -> list[tuple[date, ...]]:
    return [one.dates for one in fields.of(field) if one.confidence >= SURE and one.dates]
