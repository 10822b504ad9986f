"""
The page for the person: all data held, in words and tables, in the person's language.

It works without a network and runs no script; a policy in the page forbids both. Personal data reaches the
templates as values alone, is escaped there, and is never read as a template. Pure.
"""

import base64
import hashlib
import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from services.fulfillment.datamap.model import Collection
from services.fulfillment.package import about
from services.fulfillment.package.labels import TEMPLATES, stored_moment
from services.fulfillment.package.records import instant, is_nested, text_of
from services.fulfillment.package.survey import OPEN, WITHDRAWN, Area, PackageSurvey
from services.fulfillment.package.values import LONG_TEXT, TextValue, ValueReader, is_long
from services.fulfillment.package.withheld import MASKED, OTHER, REASONS, WithheldCount
from shared.contract.events import Outcome
from shared.contract.references import short_reference
from shared.law.company import data_uri
from shared.pages.law_names import RIGHTS
from shared.pages.translation import Words
from shared.pages.translation import mark as _
from shared.runtime.mongo import Document, ObjectId

MOST_RECORDS = 100
"""Records of an area on the page; more would slow down a browser, and the tables have them all."""
MOST_ROWS = 200
MOST_DESCRIBED = 1_024
"""Collections, each in one language, with cached parts of pages; and fields with cached names."""
MOST_FRAMES = 64
"""Beginnings and ends of pages that are cached."""
WIDE = ' class="wide"'
YOUR_DATA = _("Your data")
OUTCOMES: Mapping[str, str] = {
    Outcome.GRANTED: _("Granted"),
    Outcome.PARTLY_GRANTED: _("Granted in part"),
    Outcome.REFUSED: _("Refused"),
    Outcome.NOTHING_HELD: _("Nothing held"),
    WITHDRAWN: _("Withdrawn"),
    OPEN: _("Open"),
}
END = "\n</body>\n</html>"
LINES = 50
"""Lines of a table per call of the template."""
PIECE_CHARACTERS = 32 * 1024
PIECES = 8
"""Pieces of a template that are joined at a time."""
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Characters that HTML may not hold: controls and halves of surrogate pairs."""
CONTROLS = {code: "\ufffd" for code in range(128) if UNPRINTABLE.match(chr(code))}

STYLE = (TEMPLATES / "style.css").read_text("utf-8")
STYLE_HASH = f"sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}"
PAGES = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


def text(node: TextValue) -> Markup:
    """Return a single value as HTML, isolated from the direction of the text around it."""
    return Markup(_isolated(node))  # noqa: S704 - the values are escaped, and the roles are ours


def _isolated(node: TextValue) -> str:
    # A page has thousands of them, and a macro would take three times as long.
    shown, role = html.escape(node.text), node.role
    if node.exact:
        exact = html.escape(node.exact)
        return f'<time datetime="{exact}" title="{exact}" class="{role}">{shown}</time>'
    if role == "plain":
        return f"<bdi>{shown}</bdi>"
    reachable = ' tabindex="0"' if role == "long" else ""
    return f'<bdi class="{role}"{reachable}>{shown}</bdi>'


@dataclass(frozen=True)
class TableLines:
    """Lines of tables and flat records, as :class:`ValueReader` has them, without a node for each value."""

    reader: ValueReader

    def line(self, values: Iterable[Any]) -> str:
        """Return a line of *values*."""
        written, rare = self._written, self._rare
        cells = "</td><td>".join([written.get(type(value), rare)(value) for value in values])
        return f"<tr><td>{cells}</td></tr>"

    def record(self, document: Document) -> str:
        """Return names and values of the flat *document*."""
        written, rare, name = self._written, self._rare, self._name
        entries = [
            f"<dt><bdi>{name(key)}</bdi></dt>"
            f"<dd{WIDE if is_long(value) else ''}>{written.get(type(value), rare)(value)}</dd>\n"
            for key, value in document.items()
        ]
        return f"<dl>{''.join(entries)}</dl>"

    @cached_property
    def _name(self) -> Callable[[str], str]:
        return lru_cache(maxsize=MOST_DESCRIBED)(lambda key: str(escape(self.reader.name(key))))

    @cached_property
    def _written(self) -> Mapping[type, Callable[[Any], str]]:
        """Writers for the most frequent types."""
        number, code = '<bdi class="number">{}</bdi>'.format, '<bdi class="code">{}</bdi>'.format
        return {str: self._string, int: number, float: self._number, ObjectId: code, datetime: self._moment}

    def _string(self, value: str) -> str:
        if value and len(value) <= LONG_TEXT and "\n" not in value:
            return f"<bdi>{html.escape(value)}</bdi>"
        return self._rare(value)

    def _number(self, value: float) -> str:
        return f'<bdi class="number">{html.escape(self.reader.number(value))}</bdi>'

    def _moment(self, value: datetime) -> str:
        at = instant(value)
        exact, shown = text_of(at), html.escape(stored_moment(at, self.reader.words))
        return f'<time datetime="{exact}" title="{exact}" class="moment">{shown}</time>'

    def _rare(self, value: Any) -> str:
        return _isolated(self.reader.text(value))


def fact(name: str, said: str | None) -> Markup:
    """Return *name* and the text *said* under it as HTML, or nothing."""
    made = f"<dt>{escape(name)}</dt><dd>{escape(said)}</dd>\n" if said else ""
    return Markup(made)  # noqa: S704 - both are escaped


PAGES.globals.update(style=Markup(STYLE), style_hash=STYLE_HASH, text=text, fact=fact)  # noqa: S704 - our own file
PAGES.globals["short_reference"] = short_reference
NODES: Any = PAGES.get_template("values.jinja").module
"""Macros for nested values."""


def _view(area: Area, words: Words) -> dict[str, Any]:
    """Return *area* for the template: its texts, and its records as lines of a table or one by one."""
    reader = ValueReader(words, area.collection)
    written, shown = TableLines(reader), min(area.records, MOST_ROWS if area.tabular else MOST_RECORDS)
    storage = about.storage(area, words)
    return {
        "label": area.label,
        "facts": area.collection.facts,
        "described": _described(area.collection, area.label, storage, words),
        "linked": _linked(area.stem, words),
        "records": area.records,
        "shown": shown,
        "tabular": [reader.name(key) for key in area.tabular],
        "lines": _lines(area, shown, written),
        "entries": _entries(area, shown, written),
    }


def _lines(area: Area, shown: int, written: TableLines) -> Iterator[Markup]:
    """Yield the lines of the table, some at a time."""
    documents = islice(area.documents(), shown)
    rows = (written.line(map(document.get, area.tabular)) for document in documents)
    while lines := "\n".join(islice(rows, LINES)):
        yield Markup(lines)  # noqa: S704 - escaped already


def _entries(area: Area, shown: int, written: TableLines) -> Iterator[Markup]:
    """Yield the names and values of each record."""
    for document in islice(area.documents(), shown):
        if any(map(is_nested, document.values())):
            yield NODES.entries(written.reader.entries(document), "")
        else:
            yield Markup(written.record(document))  # noqa: S704 - escaped there


@lru_cache(maxsize=MOST_DESCRIBED)
def _described(collection: Collection, label: str, storage: str, words: Words) -> Markup:
    """Return the description of *collection* under its *label*, the same for all people."""
    said = (collection.description or "").strip()
    drawn = _drawn(
        "described.jinja",
        words,
        description="" if said.removesuffix(".") == label else said,
        facts=collection.facts,
        categories=dict.fromkeys(about.category_names(collection, words)),
        storage=storage,
    )
    return Markup("".join(drawn))  # noqa: S704 - the template has escaped it


@lru_cache(maxsize=MOST_DESCRIBED)
def _linked(stem: str, words: Words) -> Markup:
    """Return links to the files called *stem*, and back."""
    return Markup("".join(_drawn("linked.jinja", words, stem=stem)))  # noqa: S704 - the template has escaped it


def index(survey: PackageSurvey) -> Iterator[bytes]:
    """Yield ``index.html``."""
    contents, words = survey.contents, survey.words
    body = _drawn(
        "index.jinja",
        words,
        title=words.say(YOUR_DATA),
        contents=contents,
        logo=data_uri(contents.logo),
        received=words.day(contents.received_on) if contents.received_on else "",
        made=words.moment(contents.made_at),
        earlier=[
            (words.day(one.received_on), words.say(RIGHTS[one.right]), words.say(OUTCOMES[one.outcome]))
            for one in contents.earlier
        ],
        holds=_holds(survey),
        areas=[_view(area, words) for area in survey.areas],
        empty=survey.empty,
        withheld=_merged(item for item in survey.withheld if item.reason != MASKED),
        masked=_merged(item for item in survey.withheld if item.reason == MASKED),
        masked_reason=words.say(REASONS[MASKED]),
        blacked_out=survey.blacked_out,
        left_out=_merged(survey.left_out),
        reason=lambda code: words.say(REASONS.get(code, OTHER)),
    )
    yield _opening(words.say(YOUR_DATA), words, logo=bool(contents.logo))
    yield from _printable(body)
    law = contents.rules.law
    equal = law is not None and law.equal_treatment is not None
    further = tuple(about.rights(law, words))
    yield _closing(
        words, further, contents.contact, contents.authority, contents.automated_decisions, equal=equal
    )


@lru_cache(maxsize=MOST_FRAMES)
def _closing(  # noqa: PLR0913 - the values of the page
    words: Words,
    rights: tuple[str, ...],
    contact: str,
    authority: str,
    automated_decisions: str,
    *,
    equal: bool,
) -> bytes:
    """Return the end of ``index.html``, which is the same for all people of a controller."""
    drawn = _drawn(
        "closing.jinja",
        words,
        equal=equal,
        contact=contact,
        authority=authority,
        automated_decisions=automated_decisions,
        rights=rights,
    )
    return b"".join(_printable([*drawn, END]))


def categories(survey: PackageSurvey) -> Iterator[bytes]:
    """Yield the ``index.html`` of an answer that states kinds of data and no values."""
    contents, words = survey.contents, survey.words
    return page(
        "categories.jinja",
        words,
        title=words.say("Kinds of data about you"),
        contents=contents,
        logo=data_uri(contents.logo),
        received=words.day(contents.received_on) if contents.received_on else "",
        made=words.moment(contents.made_at),
        categories=about.by_category(survey),
        areas=survey.areas,
        empty=survey.empty,
        rights=about.rights(contents.rules.law, words),
    )


def page(template: str, words: Words, *, title: str, **values: Any) -> Iterator[bytes]:
    """Yield the page of *template* with *values* under *title*, in UTF-8."""
    yield _opening(title, words, logo=bool(values.get("logo")))
    yield from _printable(_drawn(template, words, title=title, **values))
    yield END.encode()


def _drawn(template: str, words: Words, **values: Any) -> Iterator[str]:
    return PAGES.get_template(template).generate(
        _=words.markup,
        language=words.language,
        number=words.number,
        records=lambda count: _records(count, words),
        **values,
    )


@lru_cache(maxsize=MOST_FRAMES)
def _opening(title: str, words: Words, *, logo: bool = False) -> bytes:
    """Return the beginning of each page with *title*, which allows no picture but a *logo* in the page."""
    return b"".join(_printable([*_drawn("opening.jinja", words, title=title, logo=logo), "\n"]))


def _printable(stream: Iterable[str]) -> Iterator[bytes]:
    held, texts = "", iter(stream)
    while some := tuple(islice(texts, PIECES)):
        held += "".join(some)
        if len(held) >= PIECE_CHARACTERS:
            yield _encoded(held)
            held = ""
    yield _encoded(held)


def _encoded(text: str) -> bytes:
    # For ASCII, this takes a fifth of the time.
    clean = text.translate(CONTROLS) if text.isascii() else UNPRINTABLE.sub("\ufffd", text)
    return clean.encode("utf-8")


def _merged(withheld: Iterable[WithheldCount]) -> list[dict[str, Any]]:
    """Return the kinds of data that are not shown, each once, with all of their areas."""
    groups: dict[tuple[str, str, str], list[WithheldCount]] = {}
    for item in withheld:
        groups.setdefault((item.label, item.reason, item.provision), []).append(item)
    return [
        {
            "label": label,
            "reason": reason,
            "provision": provision,
            "areas": [i.area for i in some],
            "count": sum(i.count for i in some),
        }
        for (label, reason, provision), some in sorted(groups.items())
    ]


def _records(count: int, words: Words) -> str:
    return words.say("1 record") if count == 1 else words.say("%(count)s records", count=words.number(count))


def _holds(survey: PackageSurvey) -> str:
    words, records = survey.words, _records(survey.records, survey.words)
    if len(survey.areas) == 1:
        return words.say("We found %(records)s about you.", records=records)
    areas = words.number(len(survey.areas))
    return words.say("We found %(records)s about you in %(areas)s areas.", records=records, areas=areas)
