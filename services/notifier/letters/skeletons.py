"""
Skeletons of letters: rendered templates with marks where values go. Pure.

A template is written once: its blocks (``section``, ``table``, ``button`` …) exist for HTML and for text, its
sentences for every language. So no form and no language of a letter can lack an element of another.

Letters of one shape (same kind, outcome, law, language, number of rows) differ in their values alone.
Jinja runs once per shape, which is some twenty times dearer than filling in values; and no cache holds
personal data.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial, reduce
from typing import Any, TypeAlias

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import escape

from services.notifier.letters import letter_models as said
from services.notifier.letters import translations
from services.notifier.letters.languages import CATALOGUES, TEMPLATES
from services.notifier.letters.mime import logo_id
from services.notifier.letters.reasons import IDENTITY_REASONS, REASONS
from shared.contract.answer import (
    AnswerGroup,
    BlackedOutGroup,
    CorrectedValue,
    DeclinedCorrection,
    GroundedGroup,
    KeptGroup,
    LeftGroup,
    WithheldGroup,
)
from shared.contract.events import Evidence
from shared.law import Demand, Policy, ReasonCode, Right, TimedDuty
from shared.law.company import INK_DARK
from shared.pages.law_names import RIGHTS, THEIR_RIGHTS, name_of

Say: TypeAlias = Callable[..., str]
"""Says a sentence in one language, as text or as HTML, with values put in their places."""
BLOCKS = ("paragraph", "section", "facts", "table", "bullets", "button", "link", "digits", "address")
"""Macros that ``html/blocks.jinja`` and ``text/blocks.jinja`` both define."""
TABLES = (
    "EXTENSIONS", "FEES", "NEXT_STEPS", "MARKETING_STOPS", "DEEDS", "PROMISES", "UNLIMITED_PROMISES",
    "HINDRANCES", "SETBACKS",
)  # fmt: skip
"""Translations that templates look up."""

VOICE = (
    "basis", "blacked_out", "body", "complaints", "corrected", "declined", "grounds", "kept", "laws", "left",
    "parts", "ways", "wishes", "withheld", "grounded",
)  # fmt: skip
"""Methods of :class:`Voice` that templates call."""

MARK = "\x00"
DASH = "—"
OWN_STATUS_LINK = frozenset({said.Duplicate.kind, said.InReview.kind})
"""Letters that show the link to the page of the request as a button."""
BLANK_LINES = re.compile(r"\n{3,}")
LABEL_END = re.compile(r"(?<=\S):(?=\s)")
"""The colon of a label, which the blocks write as in English."""
CHINESE_MARKS = (
    (
        re.compile(r"。 \(([^<\n]+)\)(?=<|\n)"),
        "\N{FULLWIDTH LEFT PARENTHESIS}\\1\N{FULLWIDTH RIGHT PARENTHESIS}。",
    ),
    (
        re.compile(r"(?<![A-Za-z]) \(([一-鿿][^()<\n]*)\)"),
        "\N{FULLWIDTH LEFT PARENTHESIS}\\1\N{FULLWIDTH RIGHT PARENTHESIS}",
    ),
    (re.compile(r"(?<=[一-鿿]):(?: |(?=\n))"), "\N{FULLWIDTH COLON}"),
    (re.compile(r"(?<=[一-鿿》]); "), "\N{FULLWIDTH SEMICOLON}"),
)
"""Marks that blocks and lists write as in English, and those that Chinese has in their place."""
BLOCK = re.compile(r'<(?:p|section|table) id="([a-z0-9-]+)"')


@dataclass(frozen=True, slots=True)
class Laws:
    """Editions of laws, compared by their ids alone. The first is the one that is answered under."""

    ids: tuple[str, ...]
    editions: tuple[Policy, ...] = field(compare=False, repr=False)

    @classmethod
    def of(cls, editions: tuple[Policy, ...]) -> "Laws":
        """Take *editions*, of which there is at least one."""
        return cls(tuple(edition.id for edition in editions), editions)

    def stand_still_for(self, kind: str) -> bool:
        """Return whether the period may stand still for *kind*, under each of them."""
        return all(edition.stands_still_for(kind) for edition in self.editions)


@dataclass(frozen=True, slots=True)
class Demanded:
    """The elements that the laws demand of one message."""

    laws: Laws
    letters: tuple[str, ...]
    """The kinds of letters that it is."""
    right: Right | None
    """The right that the letter is about; None for one that is about no right."""

    def __call__(self, element: str) -> bool:
        """Return whether one of the laws demands that the letter says *element*."""
        return any(self._demands(element, self.laws.editions))

    def everywhere(self, element: str) -> bool:
        """Return whether each of the laws demands it: for statements that one law alone would not allow."""
        return all(any(self._demands(element, [edition])) for edition in self.laws.editions)

    def laws_with(self, element: str) -> list[bool]:
        """Return for each law whether it demands *element*."""
        return [any(self._demands(element, [edition])) for edition in self.laws.editions]

    def provisions(self, element: str) -> tuple[str, ...]:
        """Return where the laws demand it."""
        return tuple(dict.fromkeys(one.provision for one in self._demands(element, self.laws.editions)))

    def days(self, element: str) -> str:
        """Return the number of days that the element states: the smallest that one of the laws gives."""
        return str(min(one.days for one in self._demands(element, self.laws.editions) if one.days))

    def appeal_days(self) -> str:
        """Return within how many days an appeal is decided."""
        rules = (edition.rule(TimedDuty.APPEAL, self.right or Right.ACCESS) for edition in self.laws.editions)
        return str(min(rule.length for rule in rules if rule))

    def _demands(self, element: str, editions: Iterable[Policy]) -> Iterator[Demand]:
        return (
            demand
            for edition in editions
            for demand in edition.letters
            if demand.element == element
            and any(demand.holds_for(letter, self.right) for letter in self.letters)
        )


@dataclass(frozen=True, slots=True)
class LetterShape:
    """A letter without its values: each of them is a mark."""

    facts: said.LetterFacts
    name: str
    reference: str
    sender: said.Sender
    authorities: tuple[said.AuthorityContact | None, ...]
    """For each of the laws; None where one before has the same."""
    laws: Laws
    language: str
    stop: str = ""
    """Link that stops the request; empty for a letter that has none."""
    page: str = ""
    """Page of the request; empty for a letter to a reader who must not see it."""
    totals: said.AnswerTotals | None = None
    """Numbers for the summary; None for a letter without one."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Literal text, and between the pieces the numbers of the values that belong there."""

    pieces: tuple[str, ...]
    holes: tuple[int, ...]

    @classmethod
    def of(cls, rendered: str) -> "Skeleton":
        """Take *rendered* apart at its marks."""
        parts = rendered.split(MARK)
        return cls(tuple(parts[::2]), tuple(int(number) for number in parts[1::2]))

    def fill(self, values: list[str]) -> str:
        """Return the text with *values* in their places."""
        parts = [""] * (len(self.pieces) + len(self.holes))
        parts[::2] = self.pieces
        parts[1::2] = [values[hole] for hole in self.holes]
        return "".join(parts)


def mark(number: int) -> str:
    """Return the placeholder of value *number* in a shape."""
    return f"{MARK}{number}{MARK}"


@lru_cache(maxsize=1024)
def skeletons(shape: LetterShape) -> tuple[Skeleton, Skeleton]:
    """Return the skeletons of *shape*: text and HTML."""
    demanded = _demanded(shape)
    return rendered(
        f"{shape.facts.kind}.jinja",
        shape.language,
        lambda translate: _content(shape, demanded, translate),
        lambda element: "; ".join(demanded.provisions(element)),
        shape.sender,
    )


def rendered(
    template: str,
    language: str,
    content: Callable[[Say], Mapping[str, Any]],
    provisions: Callable[[str], str | None],
    sender: said.Sender,
) -> tuple[Skeleton, Skeleton]:
    """
    Return *template* as text and as HTML.

    Args:
        template: Its name.
        language: The language of the letter.
        content: Returns the values of the template, in the words of a form.
        provisions: Returns the provisions that demand an element; they stand beside its block in HTML.
        sender: Its colours and logo take the places that the templates leave for them: macros see no values.
    """
    words = CATALOGUES.words(language)
    text = TEXT.get_template(template).render(content(words.say))
    if language.startswith("fr"):
        text = LABEL_END.sub("\N{NO-BREAK SPACE}:", text)
    html = HTML.get_template(template).render(content(words.markup))
    if language.startswith("zh"):
        text, html = _chinese(text), _chinese(html)
    for place, brand in (
        ("@colour@", sender.colour),
        ("@dark-colour@", sender.dark_colour),
        ("@ink@", INK_DARK),
        ("@logo@", logo_id(sender.logo)),
    ):
        html = html.replace(place, brand)

    def cite(block: re.Match[str]) -> str:
        cited = provisions(block[1])
        return f'{block[0]} data-law="{escape(cited)}"' if cited else block[0]

    return Skeleton.of(BLANK_LINES.sub("\n\n", text).strip() + "\n"), Skeleton.of(BLOCK.sub(cite, html))


def _chinese(text: str) -> str:
    """Return *text* with the full-width marks of Chinese after Chinese words."""
    for written, meant in CHINESE_MARKS:
        text = written.sub(meant, text)
    return text


def _demanded(shape: LetterShape) -> Demanded:
    receipt = (said.Acknowledgement.kind,) if said.acknowledges_receipt(shape.facts) else ()
    kinds = (said.form_of(shape.facts), *receipt)
    return Demanded(shape.laws, kinds, getattr(shape.facts, "right", None))


@dataclass(frozen=True, slots=True)
class Voice:
    """Functions of templates beyond sentences: lists and rows in one language, under some laws."""

    translate: Say
    shape: LetterShape
    demanded: Demanded

    def laws(self) -> str:
        """Return the names of the laws."""
        return "; ".join(name_of(edition, self.translate) for edition in self.shape.laws.editions)

    def basis(self, element: str) -> str:
        """Return in words where the laws demand *element*."""
        return "; ".join(map(self.translate, self.demanded.provisions(element)))

    def complaints(self) -> list[tuple[str, str, list[said.AuthorityContact]]]:
        """Return for each way to an authority: its block, a sentence, and the authorities."""
        authorities = [
            (self._way(place), authority)
            for place, authority in enumerate(self.shape.authorities)
            if authority
        ]
        found = {way: [one for its, one in authorities if its == way] for way in translations.COMPLAINTS}
        return [
            (way, self.translate(translations.COMPLAINTS[way]), bodies)
            for way, bodies in found.items()
            if bodies
        ]

    def body(self, element: str) -> str:
        """Return the name of the authority of the law that demands *element*."""
        place = self.demanded.laws_with(element).index(True)
        authority = self.shape.authorities[place]
        return authority.name if authority else ""

    def _way(self, place: int) -> str:
        return next(
            way
            for way in translations.COMPLAINTS
            if way == "complaint" or self.demanded.laws_with(way)[place]
        )

    def parts(self, parts: Iterable[AnswerGroup]) -> list[tuple[object, ...]]:
        """Return a row of label and number for each group of records."""
        return [(part.label, part.records) for part in parts]

    def blacked_out(self, parts: Iterable[BlackedOutGroup]) -> list[tuple[object, ...]]:
        """Return a row of label and number for each group of other people's data made illegible."""
        return [(part.label, part.count) for part in parts]

    def kept(self, parts: Iterable[KeptGroup]) -> list[tuple[object, ...]]:
        """Return a row of label, number, reason and end for each group of records that stays."""
        return [(part.label, part.records, self._kept_ground(part), self._end(part)) for part in parts]

    def _kept_ground(self, part: KeptGroup) -> str:
        """
        Return the sentence for a reason to keep records; its citation is the company's law, not the reader's.

        Law:
            11 CCR § 7022(f)(1): the basis in detail, conflicts with the law of another place included.
        """
        if part.reason != ReasonCode.RETENTION_DUTY or not part.citation:
            return self.ground(part.reason)
        sentence = self.translate(translations.COMPANY_LAW, provision=part.citation)
        return self._cited(sentence, ReasonCode.RETENTION_DUTY)

    def _end(self, part: KeptGroup) -> object:
        if part.first is not None:
            return self.translate(translations.ENDS_ONE_BY_ONE, first=str(part.first), last=str(part.until))
        return part.until or self.translate(translations.OPEN_END)

    def withheld(self, parts: Iterable[WithheldGroup]) -> list[tuple[object, ...]]:
        """Return a row of label, number and reason for each kind of data that is not sent as it is."""
        return [(part.label, part.values or DASH, self.ground(part.reason, part.citation)) for part in parts]

    def grounded(self, parts: Iterable[GroundedGroup]) -> list[tuple[object, ...]]:
        """Return a row of label and ground for each kind of data that was erased."""
        return [(part.label, self.ground(part.reason)) for part in parts]

    def left(self, parts: Iterable[LeftGroup]) -> list[tuple[object, ...]]:
        """Return a row of label, number and reason for each group of records that was not marked."""
        return [(part.label, part.records, self.ground(part.reason)) for part in parts]

    def corrected(self, parts: Iterable[CorrectedValue]) -> list[tuple[object, ...]]:
        """Return a row of label, old and new value for each correction; a dash for hidden values."""
        return [(part.label, part.before or DASH, part.after or DASH) for part in parts]

    def declined(self, parts: Iterable[DeclinedCorrection]) -> list[tuple[object, ...]]:
        """Return a row of label and reason for each correction that was not made."""
        return [(part.label, self.ground(part.reason)) for part in parts]

    def grounds(self, reasons: Iterable[ReasonCode]) -> list[str]:
        """Return a sentence for each reason."""
        return [self.ground(reason) for reason in reasons]

    def ground(self, reason: str, citation: str = "") -> str:
        """Return the sentence for *reason*, with the provision in brackets where one is known."""
        code = ReasonCode(reason)
        sentence = self.translate(REASONS[code])
        return f"{sentence} ({self.translate(citation)})" if citation else self._cited(sentence, code)

    def _cited(self, sentence: str, reason: ReasonCode) -> str:
        """Return *sentence* with the provisions of the reader's laws in brackets."""
        provisions = dict.fromkeys(law.citation(reason) for law in self.shape.laws.editions)
        cited = "; ".join(map(self.translate, filter(None, provisions)))
        return f"{sentence} ({cited})" if cited else sentence

    def ways(self, ways: Iterable[Iterable[Evidence]]) -> list[str]:
        """Return the requested evidence, one line for each of the *ways* that are enough."""
        lines = [
            [self.translate(translations.EVIDENCE[one]) for one in way if one in translations.EVIDENCE]
            for way in ways
        ]
        together = partial(self.translate, translations.TOGETHER)
        return [reduce(lambda one, other: together(one=one, other=other), line) for line in lines if line]

    def wishes(self, rights: Iterable[Right]) -> list[str]:
        """Return the names of *rights*."""
        return [self.translate(RIGHTS[right]) for right in rights]


def _content(shape: LetterShape, demanded: Demanded, translate: Say) -> dict[str, Any]:
    voice = Voice(translate, shape, demanded)
    return {
        "_": translate,
        "f": shape.facts,
        "demanded": demanded,
        "stands_still_for": shape.laws.stand_still_for,
        "sender": shape.sender,
        "name": shape.name,
        "reference": shape.reference,
        "stop": shape.stop,
        "page": shape.page,
        "totals": shape.totals,
        "title": translate(translations.title(shape.facts)),
        "language": shape.language,
        **{name: getattr(voice, name) for name in VOICE},
    }


def _environment(form: str, *, autoescape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader([TEMPLATES / form, TEMPLATES / "letters"]),
        autoescape=autoescape,  # noqa: S701 - off for plain text alone
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(
        {name: getattr(translations, name) for name in TABLES}, RIGHTS=RIGHTS, THEIR_RIGHTS=THEIR_RIGHTS
    )
    environment.globals |= {"IDENTITY_REASONS": IDENTITY_REASONS, "OWN_STATUS_LINK": OWN_STATUS_LINK}
    blocks: Mapping[str, Any] = vars(environment.get_template("blocks.jinja").module)
    environment.globals.update({name: blocks[name] for name in BLOCKS})
    return environment


HTML = _environment("html", autoescape=True)
TEXT = _environment("text", autoescape=False)
