"""
The printed fields of cards: by the numbers of European licences, or by words in eight languages. Pure.

Source: Directive 2006/126/EC, annex I: 1 surname, 2 other names, 3 birth, 4a issue, 4b expiry, 4d personal or
4c authority, 5 number, 8 residence. North American licences have the same numbers (AAMVA card design).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from rapidfuzz.fuzz import ratio

from services.verifier.documents.results import TextLine
from shared.matching.characters import folded, listed, stripped
from shared.matching.dates import WrittenDate, written_dates

SURE = 0.8
"""Confidence of a reader from which a field that differs says something."""
MOST_LABEL_WORDS = 5
_LEAST_NUMBERED = 3
"""Different numbers of a licence that must stand before lines for any of them to be one."""
_NUMBERED = re.compile(r"\s*(4\s?[abcdABCD]|[12358])\s*[.,:)]?\s*(?=\D|\d{2}[.\- ]|$)(.*)")
_FILLED = re.compile("[A-Z0-9]{24,}")
"""A line of a machine-readable zone, also where its fillers were misread as letters."""
_THRICE = re.compile(r"(.)\1\1")
"""What misread fillers look like."""
_LEAST_ROW = 28
"""Letters of such a line where blanks stand between them and no digit: long names are shorter."""


class PrintedField(StrEnum):
    """Kinds of printed fields."""

    SURNAME = "surname"
    GIVEN_NAMES = "given_names"
    BORN = "born"
    ISSUED = "issued"
    EXPIRES = "expires"
    NUMBER = "number"
    RESIDENCE = "residence"
    OTHER = "other"
    """Known to be something else, so that it is not taken for a value."""


_NUMBERS = MappingProxyType(
    {
        "1": PrintedField.SURNAME,
        "2": PrintedField.GIVEN_NAMES,
        "3": PrintedField.BORN,
        "4a": PrintedField.ISSUED,
        "4b": PrintedField.EXPIRES,
        "4c": PrintedField.OTHER,
        "4d": PrintedField.NUMBER,
        "5": PrintedField.NUMBER,
        "8": PrintedField.RESIDENCE,
    }
)
_LABELS = {
    PrintedField.SURNAME: """
        surname surnames familyname lastname nachname familienname name nom apellidos apellido primerapellido
        segundoapellido cognome achternaam naam nazwisko apelido apelidos ln sukunimi efternamn prezime
        prijmeni
        """,
    PrintedField.GIVEN_NAMES: """
        givennames givenname forenames forename firstname firstnames vornamen vorname prenoms prenom nombre
        nombres nome nomi voornamen voornaam imie imiona nomeproprio nomesproprios fn etunimet fornamn ime
        jmeno
        """,
    PrintedField.BORN: """
        dateofbirth birthdate birthday born dob geburtsdatum geburtstag geboren datedenaissance nele neele
        fechadenacimiento fechanacimiento datadinascita natoil geboortedatum dataurodzenia datadenascimento
        datanascimento bd
        """,
    PrintedField.ISSUED: """
        dateofissue issued issuedate iss ausstellungsdatum ausgestelltam datededelivrance delivrele
        fechadeexpedicion fechadeemision emision datadirilascio rilasciatail datumvanafgifte afgegevenop
        datawydania datadeemissao residentsince
        """,
    PrintedField.EXPIRES: """
        dateofexpiry expirydate expires exp expiry expirationdate dateofexpiration cardexpires validuntil
        gultigbis ablaufdatum datedexpiration expirele datedevalidite valablejusquau fechadecaducidad
        caducidad validez validohasta datadiscadenza scadenza geldigtot datumverval datawaznosci
        terminwaznosci validade datadevalidade
        """,
    PrintedField.NUMBER: """
        documentno documentnumber passportno passportnumber cardno cardnumber licenseno licenceno
        licencenumber licensenumber dl dln dlno lic licno idno idnumber number no nr ausweisnummer passnr
        passnummer reisepassnr nodupasseport passeportno numerodepassaporte numero nodocumento numsoporte
        idesp pasaporteno documentonr documentnr numerdokumentu numerpaszportu ndocumento uscis
        """,
    PrintedField.RESIDENCE: """
        address residence anschrift adresse wohnort adres domicilio direccion indirizzo residenza morada
        adreszamieszkania woonplaats
        """,
    PrintedField.OTHER: """
        sex gender geschlecht sexe sexo sesso geslacht plec nationality nationalite staatsangehorigkeit
        nacionalidad cittadinanza nationaliteit obywatelstwo nacionalidade placeofbirth geburtsort
        lieudenaissance lugardenacimiento luogodinascita geboorteplaats miejsceurodzenia height grosse taille
        augenfarbe eyes authority behorde autorite autoridad autorita type typ tipo code countryofbirth
        category
        """,
}
_MEANING = MappingProxyType({word: field for field, words in _LABELS.items() for word in listed(words)})


@dataclass(frozen=True, slots=True)
class Printed:
    """The content of a field, as far as a label shows it."""

    field: PrintedField
    text: str
    confidence: float
    near: tuple[str, ...] = ()
    """Texts in its row, above and below its label: whichever of them is the content, it is among them."""

    @property
    def dates(self) -> tuple[date, ...]:
        """Return the days that its date may mean."""
        return tuple(day for one in _dates_in(self.text) for day in one.dates)


@dataclass(frozen=True, slots=True)
class PrintedFields:
    """The printed fields of a card."""

    fields: tuple[Printed, ...] = ()
    dates: tuple[tuple[date, ...], ...] = ()
    """Every date on the card with the days it may mean."""

    def of(self, field: PrintedField) -> tuple[Printed, ...]:
        """Return the contents of the fields of a kind."""
        return tuple(one for one in self.fields if one.field is field)

    def text(self, field: PrintedField) -> str:
        """Return the first text in a field of a kind; empty where there is none."""
        return next((one.text for one in self.of(field)), "")


def printed_fields(lines: Sequence[TextLine]) -> PrintedFields:
    """Return the fields printed on a card; not the lines of its zone, which must not confirm themselves."""
    printed = print_of(lines)
    numbered = list(_by_number(printed))
    enough = len({field for field, _ in numbered}) >= _LEAST_NUMBERED
    fields = [one for _, one in numbered] if enough else []
    dates = tuple(one.dates for line in printed for one in _dates_in(line.text))
    return PrintedFields((*fields, *_by_words(printed)), dates)


_MONTHS_MISREAD = MappingProxyType({"0CT": "OCT", "N0V": "NOV", "AU6": "AUG", "FE8": "FEB", "JU1": "JUL"})
"""English abbreviations, one of them on every passport, with a digit that readers take for a letter."""
_DELTAS = str.maketrans("\u2206\u25b3", "ΔΔ")
"""Signs that readers take a Greek capital letter for, as in December."""
_MISREAD = re.compile(rf"(?<![A-Z])({'|'.join(_MONTHS_MISREAD)})(?![A-Z])")
_LOST_MONTH = re.compile(r"(?<=\d )(?=[^\s/]*\d)(?=[^\s/]*[^\W\d_])[^\s/]{2,6}\s?/\s?(?=[A-Z]{3})")
"""The month in another alphabet, read as something with a digit, before the English one."""
_UNTIL = re.compile(r"(?<=\d\d)\s?[-\u2013]\s?(?=\d{1,2}\.\d{1,2}\.)")
"""Stands between two dates, as where a card is valid from the one to the other."""


def _dates_in(text: str) -> tuple[WrittenDate, ...]:
    """Return the dates in *text*, also where a digit was read for a letter of the month."""
    months = _MISREAD.sub(
        lambda found: _MONTHS_MISREAD[found[0]], _LOST_MONTH.sub("", text.translate(_DELTAS))
    )
    return written_dates(_UNTIL.sub(" ", months))


def print_of(lines: Sequence[TextLine], zone: Iterable[str] = ()) -> tuple[TextLine, ...]:
    """Return *lines* without those of the machine-readable zone, of which *zone* was read."""
    pieces = list(_printed_nowhere_else(zone))
    rows = [line.replace("<", "") for line in zone]
    machine = [line for line in lines if _is_machine(line.text, pieces) or _is_row(line.text, rows)]
    return tuple(line for line in lines if not any(line is one or _same_row(line, one) for one in machine))


_LEAST_PIECE = 9
_LIKE_ROW = 90
"""Ratio of a text to a line of the zone."""


def _printed_nowhere_else(zone: Iterable[str]) -> Iterator[str]:
    """Yield long pieces of *zone* that are in it alone: with digits, or led by the issuer; not names."""
    for row, line in enumerate(zone):
        for place, piece in enumerate(filter(None, line.split("<"))):
            led = row == 0 and place <= 1
            if len(piece) >= _LEAST_PIECE and (led or not piece.isalpha()):
                yield piece


def _is_machine(text: str, pieces: Iterable[str]) -> bool:
    """Return whether *text* has fillers, or holds a piece of the zone in which letters and digits follow."""
    bare = text.replace(" ", "")
    names = bare != text and bare.isalpha() and len(bare) < _LEAST_ROW and not _THRICE.search(bare)
    filled = re.search("[<\u00ab\u2039]", bare) or (_FILLED.fullmatch(bare) and not names)
    return bool(filled) or any(piece in bare and len(bare) > len(piece) + 3 for piece in pieces)


def _is_row(text: str, rows: Iterable[str]) -> bool:
    """Return whether *text* is a whole line of a zone without fillers, one letter in ten misread."""
    bare = re.sub(r"(.)\1{2,}$", "", re.sub(r"[\W_]", "", text).upper())
    return any(ratio(bare, row) >= _LIKE_ROW for row in rows if len(row) >= _LEAST_PIECE)


def _same_row(line: TextLine, machine: TextLine) -> bool:
    if line.page != machine.page or not (line.box[3] and machine.box[3]):
        return False
    middle = line.box[1] + line.box[3] / 2
    return machine.box[1] <= middle <= machine.box[1] + machine.box[3]


def _by_number(lines: Sequence[TextLine]) -> Iterator[tuple[str, Printed]]:
    """Yield the texts behind the numbers of a licence."""
    for at, line in enumerate(lines):
        match = _NUMBERED.fullmatch(line.text)
        if match is None:
            continue
        number = match[1].replace(" ", "").lower()
        field, rest = _labelled(match[2])
        value = match[2].strip() if field is None else rest
        source = line if value else _right_of(lines, at)
        if source is not None:
            near = tuple(_near(lines, at))
            yield number, Printed(_NUMBERS[number], value or source.text.strip(), source.confidence, near)


def _by_words(lines: Sequence[TextLine]) -> Iterator[Printed]:
    """Yield the texts behind, beside or below a label."""
    for at, line in enumerate(lines):
        field, value = _labelled(line.text)
        if field is None or field is PrintedField.OTHER:
            continue
        candidates = (_right_of(lines, at), _below(lines, at))
        source = line if value else next((one for one in candidates if one and not _is_label(one.text)), None)
        if source is not None:
            yield Printed(field, value or source.text.strip(), source.confidence, tuple(_near(lines, at)))


def _labelled(text: str) -> tuple[PrintedField | None, str]:
    """Return the field that the first words of *text* name, and the text behind them."""
    words = re.sub(r"^\s*(?:4\s?[a-dA-D]|\d)[.)]?\s+(?=\D)", "", text).split()
    for count in range(min(len(words), MOST_LABEL_WORDS), 0, -1):
        field = _meaning(" ".join(words[:count]))
        if field is not None:
            return field, " ".join(words[count:]).lstrip(":.# ").strip()
    head, colon, rest = text.partition(":")
    return (_meaning(head), rest.strip()) if colon else (None, "")


def _meaning(label: str) -> PrintedField | None:
    """Return the field that *label* names, in one language or in several with strokes between."""
    parts = [re.sub(r"[\W_]+", "", stripped(folded(part))) for part in re.split(r"[/|]", label)]
    meant = [_MEANING[part] for part in parts if part in _MEANING]
    # "Name/Surname/Nom": the first that says it of itself, since Name is a surname in one language only.
    return meant[-1] if len(meant) > 1 and parts[0] in _UNSURE else next(iter(meant), None)


_UNSURE = frozenset({"name", "nome", "nom", "naam"})


def _is_label(text: str) -> bool:
    field, value = _labelled(text)
    return field is not None and not value


def _right_of(lines: Sequence[TextLine], at: int) -> TextLine | None:
    """Return the next line in the same row."""
    line = lines[at]
    left, top, width, height = line.box
    if not height:
        return None
    right = [
        other
        for other in lines
        if other.page == line.page and other.box[0] >= left + width / 2 and other is not line
        if top <= other.box[1] + other.box[3] / 2 <= top + height
    ]
    return min(right, key=lambda other: other.box[0], default=None)


def _below(lines: Sequence[TextLine], at: int) -> TextLine | None:
    """Return the line right below, which begins about where this one does; the next one where places lack."""
    line = lines[at]
    left, top, _, height = line.box
    if not height:
        return lines[at + 1] if at + 1 < len(lines) else None
    under = [
        other
        for other in lines
        if other.page == line.page and 0 < other.box[1] - top < _LOWER * max(height, other.box[3])
        if abs(other.box[0] - left) < _ASIDE
    ]
    return min(under, key=lambda other: other.box[1], default=None)


def _near(lines: Sequence[TextLine], at: int) -> Iterator[str]:
    """Yield the texts around a label and its own; where places lack, those of the lines beside it."""
    line = lines[at]
    left, top, width, height = line.box
    if not height:
        yield from (other.text for other in lines[max(at - 2, 0) : at + 3])
        return
    for other in lines:
        down = abs(other.box[1] + other.box[3] / 2 - top - height / 2)
        beside = max(other.box[0] - left - width, left - other.box[0] - other.box[2])
        far = _AROUND * max(height, other.box[3])
        if other.page == line.page and (down < height or (down < far and beside < _ASIDE)):
            yield other.text


_AROUND = 3.5
"""Heights of a line within which a value stands above or below its label."""
_LOWER = 2.2
"""Heights of a line by which a value may stand below its label."""
_ASIDE = 0.06
"""Part of the page by which a value may begin beside its label."""


def is_label(text: str) -> bool:
    """Return whether *text*, small and without blanks, is a label and nothing else."""
    return text in _MEANING
