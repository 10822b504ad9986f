"""
Skeletons of letters: rendered templates with marks where values go. Pure.

A template is written once: its blocks (``section``, ``table``, ``button`` …) exist for HTML and for text, its
sentences for every language. So no form and no language of a letter can lack an element of another.

Letters of one shape (same kind, outcome, law, language, number of rows) differ in their values alone.
Jinja runs once per shape, which is some twenty times dearer than filling in values; and no cache holds
personal data.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any, TypeAlias

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import escape

from services.notifier.letters import letter_models as said
from services.notifier.letters.languages import CATALOGUES, TEMPLATES
from services.notifier.letters.legal_content import Demanded, Laws
from services.notifier.letters.reasons import GROUNDS, IDENTITY_REASONS, ReasonCode
from services.notifier.letters.translations import (
    COMPLAINTS,
    DEEDS,
    ENDS_ONE_BY_ONE,
    EVIDENCE,
    EXTENSIONS,
    FEES,
    HINDRANCES,
    NEXT_STEPS,
    OPEN_END,
    PROMISES,
    RIGHTS,
    SETBACKS,
    TOGETHER,
    title,
)
from shared.contract.events import Evidence
from shared.law import Right
from shared.pages.law_names import name_of

Say: TypeAlias = Callable[..., str]
"""Says a sentence in one language, as text or as HTML, with values put in their places."""
BLOCKS = ("paragraph", "section", "facts", "table", "bullets", "button", "link", "digits", "address")
"""Macros that ``html/blocks.jinja`` and ``text/blocks.jinja`` both define."""

MARK = "\x00"
DASH = "—"
BLANK_LINES = re.compile(r"\n{3,}")
BLOCK = re.compile(r'<(?:p|section|table) id="([a-z0-9-]+)"')


@dataclass(frozen=True, slots=True)
class LetterShape:
    """A letter without its values: each of them is a mark."""

    facts: said.Facts
    name: str
    reference: str
    sender: said.Sender
    authorities: tuple[said.AuthorityContact | None, ...]
    """For each of the laws; None where one before has the same."""
    laws: Laws
    language: str
    stop: str = ""
    """Link that stops the request; empty for a letter that has none."""


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
    words = CATALOGUES.words(shape.language)
    template = f"{shape.facts.kind}.jinja"
    text = TEXT.get_template(template).render(_content(shape, words.say))
    html = HTML.get_template(template).render(_content(shape, words.markup))
    return Skeleton.of(BLANK_LINES.sub("\n\n", text).strip() + "\n"), Skeleton.of(_cited(html, shape))


def _demanded(shape: LetterShape) -> Demanded:
    acknowledges = isinstance(shape.facts, said.CodeLetter) and shape.facts.receipt is not None
    kinds = (shape.facts.kind, said.Acknowledgement.kind) if acknowledges else (shape.facts.kind,)
    return Demanded(shape.laws, kinds, getattr(shape.facts, "right", None))


def _cited(html: str, shape: LetterShape) -> str:
    """Return *html* with the provisions beside each block that they demand."""
    demanded = _demanded(shape)

    def cite(block: re.Match[str]) -> str:
        provisions = "; ".join(demanded.provisions(block[1]))
        return f'{block[0]} data-law="{escape(provisions)}"' if provisions else block[0]

    return BLOCK.sub(cite, html)


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
        found = {way: [one for its, one in authorities if its == way] for way in COMPLAINTS}
        return [(way, self.translate(COMPLAINTS[way]), bodies) for way, bodies in found.items() if bodies]

    def body(self, element: str) -> str:
        """Return the name of the authority of the law that demands *element*."""
        place = self.demanded.laws_with(element).index(True)
        authority = self.shape.authorities[place]
        return authority.name if authority else ""

    def _way(self, place: int) -> str:
        return next(way for way in COMPLAINTS if way == "complaint" or self.demanded.laws_with(way)[place])

    def parts(self, parts: Iterable[said.LetterGroup]) -> list[tuple[object, ...]]:
        """Return a row of label and number for each group of records."""
        return [(part.label, part.records) for part in parts]

    def kept(self, parts: Iterable[said.RetainedGroup]) -> list[tuple[object, ...]]:
        """Return a row of label, number, reason and end for each group of records that stays."""
        return [
            (
                part.label,
                part.records,
                self.ground(part.reason, part.citation),
                self._end(part),
            )
            for part in parts
        ]

    def _end(self, part: said.RetainedGroup) -> object:
        if part.first is not None:
            return self.translate(ENDS_ONE_BY_ONE, first=str(part.first), last=str(part.until))
        return part.until or self.translate(OPEN_END)

    def withheld(self, parts: Iterable[said.WithheldItem]) -> list[tuple[object, ...]]:
        """Return a row of label and reason for each kind of data that is not sent."""
        return [(part.label, self.ground(part.reason, part.citation)) for part in parts]

    def left(self, parts: Iterable[said.UnmarkedGroup]) -> list[tuple[object, ...]]:
        """Return a row of label, number and reason for each group of records that was not marked."""
        return [(part.label, part.records, self.ground(part.reason)) for part in parts]

    def corrected(self, parts: Iterable[said.CorrectedItem]) -> list[tuple[object, ...]]:
        """Return a row of label, old and new value for each correction; a dash for hidden values."""
        return [(part.label, part.before or DASH, part.after or DASH) for part in parts]

    def declined(self, parts: Iterable[said.DeclinedItem]) -> list[tuple[object, ...]]:
        """Return a row of label and reason for each correction that was not made."""
        return [(part.label, self.ground(part.reason)) for part in parts]

    def grounds(self, reasons: Iterable[ReasonCode]) -> list[str]:
        """Return a sentence for each reason."""
        return [self.ground(reason) for reason in reasons]

    def ground(self, reason: ReasonCode, citation: str = "") -> str:
        """Return the sentence for *reason*, with the provision in brackets where one is known."""
        ground = GROUNDS[reason]
        sentence = self.translate(ground.sentence)
        provisions = [ground.provisions.get(law, "") for law in self.shape.laws.regulations]
        provision = citation or "; ".join(map(self.translate, filter(None, provisions)))
        return sentence + f" ({provision})" if provision else sentence

    def ways(self, ways: Iterable[Iterable[Evidence]]) -> list[str]:
        """Return the requested evidence, one line for each of the *ways* that are enough."""
        lines = [[self.translate(EVIDENCE[one]) for one in way if one in EVIDENCE] for way in ways]
        return [reduce(self._together, line) for line in lines if line]

    def wishes(self, rights: Iterable[Right]) -> list[str]:
        """Return the names of *rights*."""
        return [self.translate(RIGHTS[right]) for right in rights]

    def _together(self, one: str, other: str) -> str:
        return self.translate(TOGETHER, one=one, other=other)


def _content(shape: LetterShape, translate: Say) -> dict[str, Any]:
    demanded = _demanded(shape)
    voice = Voice(translate, shape, demanded)
    return {
        "_": translate,
        "f": shape.facts,
        "demanded": demanded,
        "stands_still": shape.laws.stand_still_for("identity"),
        "sender": shape.sender,
        "name": shape.name,
        "reference": shape.reference,
        "stop": shape.stop,
        "title": translate(title(shape.facts)),
        "language": shape.language,
        "laws": voice.laws,
        "basis": voice.basis,
        "complaints": voice.complaints,
        "body": voice.body,
        "parts": voice.parts,
        "kept": voice.kept,
        "withheld": voice.withheld,
        "left": voice.left,
        "corrected": voice.corrected,
        "declined": voice.declined,
        "grounds": voice.grounds,
        "ways": voice.ways,
        "wishes": voice.wishes,
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
        RIGHTS=RIGHTS,
        EXTENSIONS=EXTENSIONS,
        FEES=FEES,
        NEXT_STEPS=NEXT_STEPS,
        DEEDS=DEEDS,
        PROMISES=PROMISES,
        IDENTITY_REASONS=IDENTITY_REASONS,
        HINDRANCES=HINDRANCES,
        SETBACKS=SETBACKS,
    )
    blocks: Mapping[str, Any] = vars(environment.get_template("blocks.jinja").module)
    environment.globals.update({name: blocks[name] for name in BLOCKS})
    return environment


HTML = _environment("html", autoescape=True)
TEXT = _environment("text", autoescape=False)
