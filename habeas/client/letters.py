"""
Previews of letters: one by one, in a gallery, and as the tables of ``docs/reference/letters.md``.

``python -m habeas.client.letters`` writes the tables; a test keeps them in step with the policies.

The readability of English text is the Flesch reading ease and the Flesch-Kincaid grade. Syllables are counted
by their sound groups, which is right for about nine words in ten and wrong to both sides for the rest; over a
letter that evens out to a few tenths of a grade.

Law:
    GDPR Art. 12(1): concise, transparent, intelligible, in clear and plain language. 11 CCR § 7003(a).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from html import unescape
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from habeas.client.specimen_words import company_words, localized
from habeas.client.specimens import LETTERS, SENDER, law_named, letter
from services.notifier.context import WITHOUT_PAGE
from services.notifier.letters.composer import LetterRequest, render
from services.notifier.letters.languages import LANGUAGES, REGIONAL
from services.notifier.letters.letter_models import (
    Acknowledgement,
    ErasureOutcome,
    Extension,
    LetterFacts,
    OverdueLetter,
    Sender,
    Weighing,
    form_of,
)
from services.notifier.letters.mime import Alternatives, logo_id
from shared.errors import ConfigurationError
from shared.law import (
    DeadlineCalculator,
    Demand,
    LetterElement,
    LetterForm,
    Policy,
    ReasonCode,
    TimedDuty,
    strictest,
)
from shared.law.breaches import NoticeElement, RequiredStatement
from shared.law.calendars import calendar_named
from shared.law.company import data_uri
from shared.law.library import EXAMPLE, breach_policies, company, policies

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "letters.md"
TABLES = re.compile(r"(<!-- tables: .*? -->\n).*(<!-- end of tables -->\n)", re.DOTALL)
NOTICES = re.compile(r"(<!-- notices: .*? -->\n).*(<!-- end of notices -->\n)", re.DOTALL)
CITED = re.compile(
    r'<(p|section|table) id="([a-z0-9-]+)"(?: data-law="([^"]*)")?([^>]*)>(\s*<h2>.*?</h2>)?', re.DOTALL
)
STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
CARD = re.compile(
    r'<td class="card"[^>]*>(.*)</td></tr>\s*<tr><td class="footer"[^>]*>(.*?)</td></tr>', re.DOTALL
)
CITE = (
    "cite.law{display:block;margin:0 0 2px;font-size:12px;line-height:1.3;font-style:normal;color:#8a4b08}"
    "cite.law::before{content:'§ '}@media (prefers-color-scheme:dark){cite.law{color:#f0b46a}}"
)
SPECIAL = {
    LetterForm.EXTENSION: LetterElement.DUE,
    LetterForm.FEE_QUOTED: LetterElement.FEE,
    LetterForm.SCOPE_ASKED: LetterElement.NARROWING,
    LetterForm.APPEAL_RECEIVED: LetterElement.DUE,
    LetterForm.APPEAL_DECIDED: LetterElement.ANSWER,
    LetterForm.COMPLAINT_RECEIVED: LetterElement.RECEIPT,
    LetterForm.COMPLAINT_DECIDED: LetterElement.ANSWER,
}
"""Letters of some laws only, by the element that such a law demands; others are written under any law."""
TEMPLATES = Environment(
    loader=PackageLoader("habeas"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

UNREFERENCED = frozenset({LetterForm.NAMED_MAILBOX, LetterForm.ALIAS_CODE})
"""Letters to the owner of a mailbox in the records, who may be another person."""

NOTICE_STATE = "us-tx"
"""The State that stands for all but California: they have one model."""

SENTENCE_END = re.compile(r"[.!?](?:\s|$)")
WORD = re.compile(r"[A-Za-z]+(?:['\N{RIGHT SINGLE QUOTATION MARK}][A-Za-z]+)?")
NO_WORDS = re.compile(r"https?://\S+|\S+@\S+|\([^)]*\d[^)]*\)|\S*\d\S*")
"""Addresses, numbers, and provisions in brackets, which have no syllables."""
SAID = re.compile(r"<(?:p(?! class)|li)\b[^>]*>(.*?)</(?:p|li)>", re.DOTALL)
MARKUP = re.compile(r"<[^>]*>")
GROUPS = re.compile(r"[aeiou]+(?:y(?![aeiou]))?|y(?![aeiou])")
APART = re.compile(r"(?<![tscg])i[aou]|(?<![qg])ua|ea$|ea(?=t[ei])")
"""Vowels side by side that are spoken one by one: various, usual, area, create."""
SILENT = re.compile(
    r"[^aeiou]e$|[^aeiousxzcgh]es$|[^aeioudt]ed$|(?<=[a-z])e(?=ly$|ment|less|ful)|(?<=som)e(?=[bt])"
)
SPOKEN = re.compile(r"[^aeiou]le$")
"""Ends on an e that is a syllable all the same: table."""


@dataclass(frozen=True, slots=True)
class Readability:
    """The measures of a text."""

    words: int
    sentences: int
    syllables: int

    @property
    def ease(self) -> float:
        """Flesch reading ease: 60 and more is plain English, 100 very easy."""
        return 206.835 - 1.015 * self.words / self.sentences - 84.6 * self.syllables / self.words

    @property
    def grade(self) -> float:
        """Flesch-Kincaid grade: years of school in the US that reading it takes."""
        return 0.39 * self.words / self.sentences + 11.8 * self.syllables / self.words - 15.59

    def __str__(self) -> str:
        """Return both scores in one line."""
        return f"reading ease {self.ease:.0f}, grade {self.grade:.1f} ({self.words} words)"


def measured(text: str) -> Readability:
    """Return the measures of *text*, in which each line ends a sentence."""
    lines = [NO_WORDS.sub(" ", line) for line in text.splitlines()]
    sentences = [WORD.findall(part) for line in lines for part in SENTENCE_END.split(line)]
    words = [word for sentence in sentences for word in sentence]
    return Readability(len(words), sum(map(bool, sentences)), sum(map(syllables, words)))


def of_letter(html: str) -> Readability:
    """Return the measures of the sentences and list items of a letter, without tables and addresses."""
    said = (MARKUP.sub("", one) for one in SAID.findall(html))
    return measured("\n".join(" ".join(unescape(one).split()) for one in said))


@lru_cache(maxsize=20_000)
def syllables(word: str) -> int:
    """Return about how many syllables the English *word* has."""
    word = word.lower()
    groups = len(GROUPS.findall(word)) + len(APART.findall(word))
    silent = 0 if SPOKEN.search(word) else len(SILENT.findall(word))
    return max(1, groups - silent)


@dataclass(frozen=True, slots=True)
class LetterPreview:
    """A letter for a preview."""

    name: str
    facts: LetterFacts
    body: Alternatives

    @property
    def slug(self) -> str:
        """The name as it stands in addresses and file names."""
        return re.sub(r"[^a-z0-9]+", "-", self.name)

    @property
    def citations(self) -> list[tuple[str, str]]:
        """The blocks of the letter with their provisions."""
        return citations(self.body.html)

    @property
    def cited(self) -> str:
        """The HTML form with visible provisions."""
        return with_citations(self.body.html)

    @property
    def card(self) -> str:
        """The body without the frame, for a page with many letters."""
        [(body, foot)] = CARD.findall(CITED.sub(_without_id, self.body.html))
        said = f'{body}<div class="foot">{foot}</div>'
        return re.sub(r"<(/?)h([12])", lambda tag: f"<{tag[1]}h{int(tag[2]) + 2}", said)

    @property
    def readability(self) -> Readability:
        """Readability of the sentences, for English only."""
        return of_letter(self.body.html)


def with_citations(html: str) -> str:
    """Return a letter with visible provisions."""
    return CITED.sub(_with_citation, html.replace("</style>", f"{CITE}</style>"))


def citations(html: str) -> list[tuple[str, str]]:
    """Return the demanded blocks of a letter with their provisions."""
    found = ((block[2], block[3]) for block in CITED.finditer(html))
    return [(block, unescape(provisions)) for block, provisions in found if provisions]


def outcomes_of(form: LetterForm) -> list[str]:
    """Return the possible outcomes in a kind of letter; empty if it has none."""
    found = (getattr(facts, "outcome", None) for facts in LETTERS.values() if form_of(facts) == form)
    return sorted({outcome.value for outcome in found if outcome})


def known_to(law: Policy, form: LetterForm) -> bool:
    """Return whether letters of that kind are written under *law*."""
    demanded = (demand for demand in law.letters if form in demand.letters)
    return form not in SPECIAL or any(demand.element is SPECIAL[form] for demand in demanded)


def preview(
    form: LetterForm,
    laws: Iterable[str],
    language: str,
    outcome: str | None = None,
    *,
    sender: Sender = SENDER,
) -> list[LetterPreview]:
    """
    Write the examples of a kind of letter of *sender*, in *language*; with *outcome* only those that have it.

    *laws* are names of the laws that protect the person; the request is answered under the first. Raises
    ConfigurationError if there is no such law, language or outcome.
    """
    if language not in (*LANGUAGES, *REGIONAL):
        known = ", ".join((*LANGUAGES, *REGIONAL))
        raise ConfigurationError(f"language {language!r}: unknown; known are {known}")
    if outcome and outcome not in outcomes_of(form):
        known = ", ".join(outcomes_of(form)) or "none"
        raise ConfigurationError(f"outcome {outcome!r} of {form}: unknown; known are {known}")
    editions = tuple(map(law_named, laws))
    return [
        LetterPreview(name, facts, _rendered(_letter(facts, editions, language), sender))
        for name, facts in LETTERS.items()
        if form_of(facts) == form and outcome in (None, getattr(facts, "outcome", None))
    ]


@lru_cache
def shown_laws() -> Mapping[str, str]:
    """Return the laws that the gallery and the tables show, with their names there."""
    return {policy.law: policy.gallery for policy in policies() if policy.gallery}


def _under(facts: LetterFacts, editions: tuple[Policy, ...]) -> LetterFacts:
    """Return *facts* as they are under *editions*: with their last day, and grounds if one has any."""
    if isinstance(facts, Acknowledgement | Weighing | Extension | OverdueLetter):
        received_at = datetime.combine(facts.received_on, time(12), UTC)
        counting = DeadlineCalculator(company(EXAMPLE), calendar_named, received_at)
        duties = (TimedDuty.ANSWER, TimedDuty.EXTENDED_ANSWER)
        last, extended = (strictest(editions, duty, facts.right, counting) for duty in duties)
        return _due(facts, last.last.due_on, (extended or last).last.due_on) if last else facts
    if isinstance(facts, ErasureOutcome) and not any(
        law.citation(ReasonCode.PURPOSE_ENDED) for law in editions
    ):
        return replace(facts, answer=facts.answer.model_copy(update={"grounds": ()}))
    return facts


def _due(
    facts: Acknowledgement | Weighing | Extension | OverdueLetter, last: date, extended: date
) -> LetterFacts:
    match facts:
        case Extension():
            return replace(facts, promised_on=last, due_on=extended)
        case OverdueLetter():
            return replace(facts, promised_on=last, expected_on=last + timedelta(days=8))
        case _:
            return replace(facts, due_on=last)


def _letter(facts: LetterFacts, editions: tuple[Policy, ...], language: str) -> LetterRequest:
    words = company_words(language.partition("-")[0])
    written = letter(localized(_under(facts, editions), words), editions, language)
    written = replace(written, authorities=localized(written.authorities, words))
    if facts.kind in UNREFERENCED:
        return replace(written, request_id="", name="")
    if facts.kind in WITHOUT_PAGE:
        return written
    return replace(written, page=f"https://privacy.example.com/requests/{written.request_id}")


def _rendered(written: LetterRequest, sender: Sender) -> Alternatives:
    """Return the letter with its logo in the HTML: a preview has no other parts."""
    body = render(written, sender)
    return replace(body, html=body.html.replace(f"cid:{logo_id(sender.logo)}", data_uri(sender.logo)))


def gallery() -> Iterator[tuple[str, str]]:
    """Yield file name and HTML of each page: a beginning, and one for each law and language."""
    yield "index.html", _page("letters_index.html.jinja", first=page_of("gdpr", "en"))
    for law in shown_laws():
        for language in LANGUAGES:
            yield page_of(law, language), _law_page(law, language)


def page_of(law: str, language: str) -> str:
    """Return the name of the page that shows the letters under *law* in *language*."""
    return f"{law}.{language}.html"


def _law_page(law: str, language: str) -> str:
    edition = law_named(law)
    chapters = [(form, preview(form, [law], language)) for form in LetterForm if known_to(edition, form)]
    style = STYLE.search(chapters[0][1][0].body.html)
    return _page(
        "letters_law.html.jinja",
        law=law,
        edition=edition,
        language=language,
        chapters=chapters,
        style=style[1] if style else "",
        cite=CITE,
    )


def _page(template: str, **content: object) -> str:
    return TEMPLATES.get_template(template).render(
        laws=shown_laws(),
        languages=LANGUAGES,
        page_of=page_of,
        explained=explained,
        forms=list(LetterForm),
        **content,
    )


@lru_cache
def explained(form: LetterForm) -> str:
    """Return a kind of letter in a sentence."""
    facts = next(type(facts) for facts in LETTERS.values() if facts.kind == form)
    return (facts.__doc__ or "").strip().splitlines()[0]


def _with_citation(block: re.Match[str]) -> str:
    return _beside(block, f'<{block[1]} id="{block[2]}"{block[4]}>')


def _without_id(block: re.Match[str]) -> str:
    """Return a block without its id, since ids are unique in a page."""
    return _beside(block, f"<{block[1]}{block[4]}>")


def _beside(block: re.Match[str], tag: str) -> str:
    """Return *tag*, and its heading if it has one, with the provisions: before a table, else inside."""
    cite = f'<cite class="law">{block[3]}</cite>' if block[3] else ""
    return cite + tag if block[1] == "table" else tag + (block[5] or "") + cite


def tables() -> str:
    """Return the elements of letters with provisions, as Markdown: first every letter, then each kind."""
    demands = [demand for law in shown_laws() for demand in _newest(law).letters]
    everywhere = [demand for demand in demands if demand.letters == "all"]
    particular = [demand for demand in demands if demand.letters != "all"]
    parts = ["### Every letter\n", *_table(everywhere)]
    for form in LetterForm:
        parts += [f"### {form.value.replace('_', ' ').capitalize()}\n", f"{explained(form)} {_where(form)}\n"]
        parts += _table([demand for demand in particular if form in demand.letters])
    return "\n".join(parts)


def _newest(law: str) -> Policy:
    return policies().in_force(law, max(policy.edition for policy in policies()))


def _where(form: LetterForm) -> str:
    under = [name for law, name in shown_laws().items() if known_to(_newest(law), form)]
    everywhere = len(under) == len(shown_laws())
    return "Written under any law." if everywhere else f"Written under: {', '.join(under)}."


def _table(
    demands: Iterable[Demand | RequiredStatement], elements: Iterable[StrEnum] = LetterElement
) -> Iterator[str]:
    """Yield the lines of a table of *elements* with the provisions of *demands*."""
    yield "| Element | Demanded by |\n|---|---|"
    cited: dict[str, dict[str, None]] = {element: {} for element in elements}
    for demand in demands:
        cited[demand.element][f"{demand.provision} ({demand.read})"] = None
    yield from (
        f"| `{element}` | {', '.join(provisions)} |" for element, provisions in cited.items() if provisions
    )
    yield ""


def refreshed(page: str) -> str:
    """Return *page* with its tables written anew."""
    page = TABLES.sub(lambda found: f"{found[1]}\n{tables()}{found[2]}", page)
    return NOTICES.sub(lambda found: f"{found[1]}\n{notice_tables()}{found[2]}", page)


def notice_tables() -> str:
    """Return the elements of notices to people, customers and authorities, as Markdown."""
    newest = {policy.law: policy for policy in breach_policies()}
    shown = [policy for law, policy in newest.items() if not law.startswith("us-")]
    shown += [newest["us-ca"], newest[NOTICE_STATE]]
    statements = {
        "people": [one for policy in shown for one in policy.letter],
        "customers of a processor": [one for policy in shown for one in policy.to_controller],
        "authorities": [one for policy in shown for one in policy.report],
    }
    return "\n".join(
        line for to, said in statements.items() for line in (f"### To {to}\n", *_table(said, NoticeElement))
    )


if __name__ == "__main__":
    PAGE.write_text(refreshed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
