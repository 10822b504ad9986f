"""
Comparison of the print of a card with its machine-readable part. Pure.

A forger that changes one seldom changes both. Unread print is inconclusive, never a pass; a difference
counts where the print was read surely and says something else in the same place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.verifier.documents.cards.fields import (
    SURE,
    Printed,
    PrintedField,
    PrintedFields,
    is_label,
    print_of,
    printed_fields,
)
from services.verifier.documents.cards.specimens import ALSO_NAMES, known_holder, marks_in
from services.verifier.documents.results import (
    Check,
    CheckResult,
    Format,
    Licence,
    MachineZone,
    Reason,
    TextLine,
)
from shared.matching import MatchOutcome, PersonName, match_parts
from shared.matching.name_words import split
from shared.matching.transliteration import spellings

LEAST_NUMBER = 5
"""Characters of a number that is looked for within longer text."""
_LEAST_JOINED = 5
_LEAST_AGE = 14
"""Years between birth and expiry below which a date is not taken for a birth."""
_FEW = 2
"""Characters by which a number that was changed differs from the true one."""
_ALIKE = str.maketrans("OQILSBZG", "00115826")
"""Characters that readers take for each other."""


class MachineSource(StrEnum):
    """The part that a machine reads."""

    ZONE = "mrz"
    BARCODE = "barcode"

    @property
    def mismatch(self) -> Reason:
        """Return the reason for a print that says something else."""
        return f"{self.value}_print_mismatch"


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

    @property
    def name(self) -> PersonName:
        """Return the holder's name, to be compared with the one that is claimed."""
        return PersonName(self.surname, self.given_names, truncated=self.truncated)

    @classmethod
    def of(cls, read: ExpectedPrint | MachineZone | Licence) -> ExpectedPrint:
        """Return the print expected for *read*, the machine-readable part."""
        match read:
            case MachineZone():
                return cls.of_zone(read)
            case Licence():
                return cls.of_licence(read)
            case ExpectedPrint():
                return read

    @classmethod
    def of_zone(cls, zone: MachineZone) -> ExpectedPrint:
        """Return the print expected for a card with *zone*."""
        names = zone.lines[2:3] if zone.format is Format.TD1 else zone.lines[:1]
        full = any(not line.endswith("<") for line in names)
        return cls(
            MachineSource.ZONE,
            zone.surname,
            zone.given_names,
            full,
            zone.number,
            zone.born,
            zone.expires,
            zone.lines,
        )

    @classmethod
    def of_licence(cls, licence: Licence) -> ExpectedPrint:
        """Return the print expected on the front of the card with *licence* on its back."""
        return cls(
            MachineSource.BARCODE,
            licence.surname,
            licence.given_names,
            licence.truncated,
            licence.number,
            licence.born,
            licence.expires,
        )


def print_checks(lines: Sequence[TextLine], read: ExpectedPrint | MachineZone | Licence) -> tuple[Check, ...]:
    """
    Return the checks of the print in *lines* against *read*, field by field, and whether it is a sample's.

    Args:
        lines: Printed text of the card, with their places.
        read: Content of the zone or the barcode.
    """
    expected = ExpectedPrint.of(read)
    printed = print_of(lines, expected.zone)
    fields = printed_fields(printed)
    answers = {
        "surname": _names(expected.surname, PrintedField.SURNAME, printed, fields),
        "given_names": _names(
            expected.given_names, PrintedField.GIVEN_NAMES, printed, fields, cut=expected.truncated
        ),
        "number": _number(expected.number, printed, fields),
        "born": _born(expected, fields),
        "expires": _expires(expected, fields),
    }
    if _Answer.SAID not in answers.values():
        # Where nothing agrees, the print was hardly read: it may stand on its head.
        answers = {name: _softened(answer) for name, answer in answers.items()}
    return (
        *(_check(expected.source, name, answer) for name, answer in answers.items()),
        specimen_check(printed, expected),
    )


class _Answer(StrEnum):
    SAID = "said"
    DIFFERENT = "different"
    """In the same place stands something else."""
    ALIKE = "alike"
    """Something like it stands there: changed, or misread."""
    UNREAD = "unread"
    UNASKED = "unasked"


def _softened(answer: _Answer) -> _Answer:
    return _Answer.ALIKE if answer is _Answer.DIFFERENT else answer


def _check(source: MachineSource, field: str, answer: _Answer) -> Check:
    results: dict[_Answer, tuple[CheckResult, tuple[Reason, ...]]] = {
        _Answer.SAID: (CheckResult.PASS, ()),
        _Answer.DIFFERENT: (CheckResult.FAIL, (source.mismatch,)),
        _Answer.ALIKE: (CheckResult.INCONCLUSIVE, (source.mismatch,)),
        _Answer.UNREAD: (CheckResult.INCONCLUSIVE, ("print_unreadable",)),
        _Answer.UNASKED: (CheckResult.NOT_RUN, ()),
    }
    result, reasons = results[answer]
    return Check(name=f"{source.value}_print_{field}", result=result, reasons=reasons)


def specimen_check(lines: Iterable[TextLine], expected: ExpectedPrint | None = None) -> Check:
    """Return whether a card is a sample: by the text printed across it, or by its holder."""
    texts = [line.text for line in lines]
    names = [expected.surname, expected.given_names] if expected is not None else []
    marks = marks_in([*texts, *names])
    if marks - ALSO_NAMES:
        return Check(name="specimen", result=CheckResult.FAIL, reasons=("specimen_document",))
    known = expected is not None and known_holder(expected.surname, expected.given_names, expected.number)
    if marks or known:
        # A real person may bear the name: the staff looks.
        return Check(name="specimen", result=CheckResult.INCONCLUSIVE, reasons=("specimen_document",))
    if not texts:
        return Check(name="specimen", result=CheckResult.INCONCLUSIVE, reasons=("print_unreadable",))
    return Check(name="specimen", result=CheckResult.PASS)


def _names(
    wanted: str, field: PrintedField, lines: Sequence[TextLine], fields: PrintedFields, *, cut: bool = False
) -> _Answer:
    names = split(wanted)
    if not names:
        return _Answer.UNASKED
    on_card = {form for line in lines for word in split(line.text) for form in spellings(word)}
    missing = [name for name in names if name not in on_card]
    if missing and len("".join(names)) >= _LEAST_JOINED:
        # A reader may have lost the blanks between names, and between a name and its label.
        glued = {
            rest for line in lines for form in _joined(line.text) if (rest := _without(form, names)) != form
        }
        missing = [] if any(not rest or is_label(rest) for rest in glued) else missing
    if cut and missing == names[-1:]:
        missing = [] if any(word.startswith(missing[0]) for word in on_card) else missing
    if not missing:
        return _Answer.SAID
    labelled = [one for one in fields.of(field) if one.confidence >= SURE and _is_name(one.text)]
    if labelled and all(match_parts(one.text, wanted).outcome is MatchOutcome.MISMATCH for one in labelled):
        return _Answer.DIFFERENT
    return _Answer.UNREAD


def _without(text: str, names: Sequence[str]) -> str:
    """Return *text*, which has lost its blanks, without *names*; as it is where one of them is not in it."""
    whole = "".join(names)
    return text.replace(whole, "", 1)


def _joined(text: str) -> Iterator[str]:
    columns = zip(*map(spellings, split(text)), strict=True)
    yield from ("".join(column) for column in columns)


def _is_name(text: str) -> bool:
    return re.fullmatch(r"[^\d<]{2,}", text) is not None and bool(split(text))


def _number(wanted: str, lines: Sequence[TextLine], fields: PrintedFields) -> _Answer:
    number = _plain_number(wanted)
    if not number:
        return _Answer.UNASKED
    if len(number) >= LEAST_NUMBER and any(number in _plain_number(line.text) for line in lines):
        return _Answer.SAID
    labelled = [one for one in fields.of(PrintedField.NUMBER) if one.confidence >= SURE]
    return _differing(labelled, lambda one: _apart(_plain_number(one.text), number))


def _differing(labelled: Sequence[Printed], differs: Callable[[Printed], int | None]) -> _Answer:
    """Return the result of fields with a number: one of the same length is it, or another."""
    distances = [apart for one in labelled if (apart := differs(one)) is not None]
    if not distances:
        return _Answer.UNREAD
    return _Answer.ALIKE if min(distances) <= _FEW else _Answer.DIFFERENT


def _apart(one: str, other: str) -> int | None:
    """Return in how many places two texts differ; none where they are not of one length."""
    return sum(a != b for a, b in zip(one, other, strict=True)) if len(one) == len(other) else None


def _plain_number(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", text.upper()).translate(_ALIKE)


def _born(expected: ExpectedPrint, fields: PrintedFields) -> _Answer:
    born = expected.born
    if born is None:
        return _Answer.UNASKED
    labelled = _sure_dates(fields, PrintedField.BORN)
    if labelled:
        return _Answer.SAID if any(born in days for days in labelled) else _Answer.DIFFERENT
    if any(born in days for days in fields.dates):
        return _Answer.SAID
    rivals = [
        days for days in fields.dates if any(_may_be_birth(day, born, expected.expires) for day in days)
    ]
    return _Answer.ALIKE if rivals else _Answer.UNREAD


def _may_be_birth(day: date, born: date, expires: date | None) -> bool:
    """Return whether *day* is the date of birth with one part of it changed."""
    parts = zip((day.year, day.month, day.day), (born.year, born.month, born.day), strict=True)
    return sum(a != b for a, b in parts) == 1 and (expires is None or day.year <= expires.year - _LEAST_AGE)


def _expires(expected: ExpectedPrint, fields: PrintedFields) -> _Answer:
    """
    Return whether the expiry is printed: a document that states one to a machine prints it, too.

    A forger of a valid expiry computes the zone anew and leaves the print. So an expiry
    that was not read in the print is an open question, not one that need not be asked.
    """
    if expected.expires is None:
        return _Answer.UNASKED
    if any(expected.expires in days for days in fields.dates):
        return _Answer.SAID
    if _sure_dates(fields, PrintedField.EXPIRES):
        return _Answer.DIFFERENT
    return _Answer.ALIKE if _expires_otherwise(expected.born, fields) else _Answer.UNREAD


def _expires_otherwise(born: date | None, fields: PrintedFields) -> bool:
    """Return whether a date is printed that may be another expiry: after birth, and not the day of issue."""
    if any(one.dates for one in fields.of(PrintedField.EXPIRES)):
        return True
    issued = {day for one in fields.of(PrintedField.ISSUED) for day in one.dates}
    later = {days for days in fields.dates if _is_later(days, born) and issued.isdisjoint(days)}
    # One of them may be the day of issue where nothing says which that is.
    return len(later) > (0 if issued else 1)


def _is_later(days: Sequence[date], born: date | None) -> bool:
    return born is not None and born not in days and any(day > born for day in days)


def _sure_dates(fields: PrintedFields, field: PrintedField) -> list[tuple[date, ...]]:
    return [one.dates for one in fields.of(field) if one.confidence >= SURE and one.dates]
