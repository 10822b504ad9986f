"""
The first pass over the contents of a package: amount, withheld data, and layout.

It holds counts and names of fields, so its size does not grow with the number of records.

File names are readable, unique, and valid on every system that unpacks them: ``<store>.<collection>`` where
that is unique, else ``<store>.<dataset>.<collection>``; where even that is not, or where a name had to be
changed, eight digits of a hash of the three names follow.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, tzinfo
from functools import partial
from itertools import repeat
from typing import Any

from services.fulfillment.datamap.model import Collection, MappedField
from services.fulfillment.package import labels
from services.fulfillment.package.labels import words
from services.fulfillment.package.people import People, redacts
from services.fulfillment.package.records import NESTED, TEXTUAL, Columns, Path
from services.fulfillment.package.redaction import Redacted, RedactedKind, Redactor
from services.fulfillment.package.staff_redactions import PackageRedactions, SectionRedactions
from services.fulfillment.package.values import MOST_COLUMNS, fits_in_a_row
from services.fulfillment.package.withheld import (
    NO_LAW,
    BlackedOut,
    DisclosureRules,
    WithheldCount,
    WithheldNotice,
    Withholding,
    traces,
)
from services.fulfillment.search.findings import Findings
from shared.law import Right
from shared.pages.translation import Words
from shared.runtime.mongo import Document, ObjectId


@dataclass(frozen=True, slots=True)
class Disclosed:
    """The person's part of the records of a collection; computed at every iteration."""

    findings: Findings
    key: str

    def __iter__(self) -> Iterator[Document]:
        """Yield the documents."""
        return (found.copied for found in self.findings.of(self.key))


@dataclass(frozen=True, slots=True)
class PackageSection:
    """
    A collection and the person's documents in it.

    The documents are read several times: pass a list, or an object that can be iterated again.

    Raises:
        TypeError: They can be read only once, which would leave some files empty.
    """

    collection: Collection
    documents: Iterable[Document]
    storage: str = ""
    """
    How long the records are kept, or the rule for it (GDPR Art. 15(1)(d)); by default the words of the data
    map.
    """

    def __post_init__(self) -> None:
        if isinstance(self.documents, Iterator):
            raise TypeError("documents are read several times: give a list, or an object that starts anew")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Data that the right does not cover: it is held, and not handed over with this answer."""

    collection: Collection
    field: MappedField | None
    """The field; None where it is the whole collection."""
    reason: str
    """Reason code, as letters explain it."""


OPEN, WITHDRAWN = "open", "withdrawn"


@dataclass(frozen=True, slots=True)
class PastRequest:
    """An earlier request of the person."""

    received_on: date
    right: Right
    outcome: str
    """An ``Outcome``, ``withdrawn`` or ``open``."""


@dataclass(frozen=True, slots=True)
class Contents:
    """A person's records and the statements of the answer."""

    request_id: str
    map_version: str
    """Content hash of the data map that the records were found with."""
    made_at: datetime
    controller: str
    sections: Sequence[PackageSection]
    left_out: Sequence[LeftOut] = ()
    earlier: Sequence[PastRequest] = ()
    """Earlier requests of the person."""
    contact: str = ""
    """Address for questions and objections."""
    person: str = ""
    people: People | None = None
    """
    The people in the records; without it, fields that may name others are withheld instead of blacked out.
    """
    locale: str = "en"
    """A tag such as ``de`` or ``de-AT``; other languages are answered in English."""
    zone: tzinfo = UTC
    """Time zone of the page."""
    rules: DisclosureRules = NO_LAW
    """Decide which values are withheld or masked."""
    redactions: PackageRedactions | None = None
    """What the staff withholds besides, after a review."""
    law: str = "gdpr"
    """Name of the law in ``about.json``: ``gdpr``, ``uk_gdpr``, ``ccpa`` and others."""
    received_on: date | None = None
    authority: str = ""
    """The supervisory authority for complaints (GDPR Art. 15(1)(f))."""
    automated_decisions: str = ""
    """The controller's statement under GDPR Art. 15(1)(h); left out if empty."""
    logo: bytes = field(default=b"", repr=False)
    """The controller's logo; empty: its name stands there."""


ESCAPED_BYTES = 6
"""Most bytes of an encoded character, as in ``\\u0000``."""
VALUE_BYTES = 64
"""Most bytes of the frame of a value, as in ``{"$numberDouble": "…"}``."""
SMALL = frozenset({int, float, bool, type(None), datetime, ObjectId})
"""Types of values that are never larger than their frame: nearly all except text."""

LONGEST = 96
"""Characters; a full path on Windows has 260."""
NOT_ALLOWED = re.compile(
    r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\ud800-\udfff\u200b-\u200f\u202a-\u202e\u2060-\u2069]'
)
"""Characters that Windows refuses, and invisible ones."""
RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:$|\.)", re.IGNORECASE)
"""Device names on Windows, with any extension."""
SHORT, LONG, HASHED = range(3)


@dataclass(frozen=True, slots=True)
class Area:
    """A collection with records of the person, measured."""

    section: PackageSection
    stem: str
    label: str
    records: int
    columns: tuple[Path, ...]
    tabular: tuple[str, ...]
    """The fields, if all records fit into a table as wide as a page; else empty."""
    most_bytes: int
    withheld: tuple[WithheldCount, ...]
    blacked_out: tuple[BlackedOut, ...]
    withholding: Withholding
    redactions: SectionRedactions | None = None

    @property
    def collection(self) -> Collection:
        """The collection."""
        return self.section.collection

    def documents(self) -> Iterator[Document]:
        """Yield the records with notices in place of withheld values."""
        shown = map(self.withholding.apply, self.section.documents)
        if self.redactions is None:
            return shown
        return (document for document, stays in self.redactions.applied(shown) if stays)


@dataclass(frozen=True, slots=True)
class PackageSurvey:
    """A whole package, measured."""

    contents: Contents
    words: Words
    areas: tuple[Area, ...]
    empty: tuple[str, ...]
    """Labels of collections without findings."""
    left_out: tuple[WithheldCount, ...]
    """Data that is held and not disclosed, because the right does not cover it; not counted."""
    hidden: tuple[Area, ...] = ()
    """Collections of which the staff withholds every record."""

    @property
    def withheld(self) -> tuple[WithheldCount, ...]:
        """The withheld data."""
        return tuple(item for area in (*self.areas, *self.hidden) for item in area.withheld)

    @property
    def blacked_out(self) -> tuple[BlackedOut, ...]:
        """The blacked out data of other people."""
        return tuple(item for area in self.areas for item in area.blacked_out)

    @property
    def most_bytes(self) -> int:
        """Upper limit of the size of all records."""
        return sum(area.most_bytes for area in self.areas)

    @property
    def records(self) -> int:
        """Number of all records."""
        return sum(area.records for area in self.areas)


def survey(contents: Contents) -> PackageSurvey:
    """Read *contents* once and measure them; raises like :func:`filename_stems`."""
    spoken = words(contents.locale, contents.zone)
    areas = _areas(contents, spoken)
    return PackageSurvey(
        contents=contents,
        words=spoken,
        areas=tuple(area for area in areas if area.records),
        empty=tuple(area.label for area in areas if not (area.records or area.withheld)),
        left_out=tuple(_left_out(item, spoken) for item in contents.left_out),
        hidden=tuple(area for area in areas if area.withheld and not area.records),
    )


def outline(contents: Contents, counts: Mapping[str, int]) -> PackageSurvey:
    """Describe sections without documents by the *counts* of their records; raises like :func:`survey`."""
    spoken = words(contents.locale, contents.zone)
    areas = tuple(replace(area, records=counts[area.collection.key]) for area in _areas(contents, spoken))
    return PackageSurvey(contents=contents, words=spoken, areas=areas, empty=(), left_out=())


def _areas(contents: Contents, spoken: Words) -> list[Area]:
    stems = filename_stems([section.collection for section in contents.sections])
    named = zip(contents.sections, stems, strict=True)
    return [_area(section, stem, spoken, contents) for section, stem in named]


def _left_out(item: LeftOut, spoken: Words) -> WithheldCount:
    title = labels.title(item.collection)
    label = title if item.field is None else labels.withheld(item.collection, item.field, spoken)
    return WithheldCount(label, 0, item.reason, title)


def _area(section: PackageSection, stem: str, spoken: Words, contents: Contents) -> Area:
    redact = _redactor(section.collection, spoken, contents.people)
    named = partial(labels.withheld, section.collection, words=spoken)
    withholding = Withholding(section.collection, named, redact, contents.rules)
    redactions = _redactions(section.collection, contents)
    measure, withheld, masked = _Measure(), Counter[WithheldNotice](), Counter[RedactedKind]()
    shown = map(withholding.apply, section.documents)
    idle = withholding.idle and redactions is None
    for document, stays in redactions.applied(shown) if redactions else zip(shown, repeat(True)):
        if stays:
            measure.add(document)
        for trace in () if idle else traces(document):
            if isinstance(trace, Redacted):
                masked.update(trace.masked)
            else:
                withheld[trace.kind] += 1
    title = labels.title(section.collection)
    return Area(
        section=section,
        stem=stem,
        label=title,
        records=measure.records,
        columns=tuple(measure.columns.chosen([field.path for field in section.collection.fields])),
        tabular=measure.tabular,
        most_bytes=measure.most_bytes,
        withheld=_counted(withheld, title),
        blacked_out=tuple(
            BlackedOut(kind, spoken.say(labels.BLACKED_OUT[kind]), masked[kind], title)
            for kind in sorted(masked)
        ),
        withholding=withholding,
        redactions=redactions,
    )


def _redactions(collection: Collection, contents: Contents) -> SectionRedactions | None:
    made = contents.redactions
    return None if made is None else SectionRedactions(collection, made, contents.rules.law)


def _counted(withheld: Mapping[WithheldNotice, int], area: str) -> tuple[WithheldCount, ...]:
    ordered = sorted(withheld.items(), key=lambda item: (item[0].label, item[0].reason))
    return tuple(
        WithheldCount(note.label, count, note.reason, area, note.category, note.provision)
        for note, count in ordered
    )


def _redactor(collection: Collection, spoken: Words, people: People | None) -> Callable[[str], str] | None:
    """Return the redactor for texts of *collection*; None if its people are unknown."""
    others = people.others(collection) if people is not None and redacts(collection) else None
    if people is None or others is None:
        return None
    return Redactor(people.own, others, lambda kind: spoken.say(labels.PLACEHOLDERS[kind]))


class _Measure:
    """Measures the size of records, and the columns of their tables."""

    def __init__(self) -> None:
        self.records = self.most_bytes = 0
        self.columns = Columns()
        self._keys: dict[str, None] = {}
        self._fits = True
        self._names: tuple[str, ...] | None = None
        """The fields of the record before, if it was flat."""
        self._frame_bytes = 0
        """Most bytes of a record with such fields without its large values."""

    def add(self, document: Document) -> None:
        self.records += 1
        large = [value for value in document.values() if type(value) not in SMALL]
        names = tuple(document)
        if names != self._names or dict in map(type, large):  # most records are like the one before
            self._note(document, names, flat=dict not in map(type, large))
        self.most_bytes += self._frame_bytes + sum(map(_bytes_inside, large))
        self._fits = self._fits and all(map(fits_in_a_row, large))

    def _note(self, document: Document, names: tuple[str, ...], *, flat: bool) -> None:
        self.columns.add(document)
        self._names = names if flat else None
        self._frame_bytes = _frame_bytes(names)
        if self._fits:
            self._keys.update(dict.fromkeys(names))
            self._fits = len(self._keys) <= MOST_COLUMNS

    @property
    def tabular(self) -> tuple[str, ...]:
        return tuple(self._keys) if self._fits and self.records > 1 else ()


def _frame_bytes(names: Sequence[str]) -> int:
    return (1 + len(names)) * VALUE_BYTES + sum(map(len, names)) * ESCAPED_BYTES


def _bytes_inside(value: Any) -> int:
    """Return an upper limit for the bytes inside *value* in each of its forms."""
    if isinstance(value, TEXTUAL):
        return len(value) * ESCAPED_BYTES
    if isinstance(value, dict):
        return _frame_bytes(tuple(value)) + sum(map(_bytes_inside, value.values()))
    if isinstance(value, NESTED):
        return _frame_bytes(tuple(map(str, range(len(value))))) + sum(map(_bytes_inside, value))
    return 0


def filename_stems(collections: Sequence[Collection]) -> list[str]:
    """Return a name without extension for each of *collections*; a repeated one is a :class:`ValueError`."""
    if len({(c.store, c.dataset, c.name) for c in collections}) < len(collections):
        raise ValueError("a collection is in the package twice")
    levels = [SHORT] * len(collections)
    while True:
        names = [_stem(c, level) for c, level in zip(collections, levels, strict=True)]
        # Systems that ignore case would unpack one file over the other.
        uses = Counter(name.casefold() for name in names)
        clashing = [i for i, name in enumerate(names) if uses[name.casefold()] > 1 and levels[i] < HASHED]
        if not clashing:
            return names
        for index in clashing:
            levels[index] += 1


def _stem(collection: Collection, level: int) -> str:
    parts = (collection.store, collection.dataset, collection.name)
    wanted = ".".join(parts if level > SHORT else (collection.store, collection.name))
    possible = NOT_ALLOWED.sub("_", unicodedata.normalize("NFC", wanted)).rstrip(". ")[:LONGEST]
    if RESERVED.match(possible) or possible.startswith((".", " ")):
        possible = f"_{possible}"
    if possible == wanted and level < HASHED:
        return possible
    named = "\x00".join(parts).encode("utf-8", "surrogatepass")
    return f"{possible}-{hashlib.sha256(named).hexdigest()[:8]}"
