"""Common parts of all pages: frame, language, style and headers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.console import labels
from services.console.http.guard import FORM_TOKEN, Visitor
from services.console.http.permissions import ConsoleAction
from services.console.pages import breach_labels
from shared.contract.references import short_reference
from shared.law import CompanyProfile
from shared.law.company import INK_DARK, PAPER, PAPER_DARK
from shared.pages.styles import STYLES
from shared.pages.translation import Catalogues, Words

TEMPLATES = Path(__file__).parents[1] / "templates"
CATALOGUES = Catalogues(TEMPLATES / "locale")
LANGUAGES: Mapping[str, str] = {"en": "English", "de": "Deutsch"}
LANGUAGE_COOKIE = "habeas-console-language"
DRAWING = Environment(
    loader=FileSystemLoader([TEMPLATES, STYLES]),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
FOR_A_YEAR = "public, max-age=31536000, immutable"
LENGTH_OF_DAY = 10
"""Characters of a day in ISO 8601."""
MENU: Mapping[str, tuple[str, ConsoleAction]] = {
    "/": (labels.INBOX, ConsoleAction.LIST),
    "/requests": (labels.REQUESTS, ConsoleAction.LIST),
    "/breaches": (labels.BREACHES, ConsoleAction.BREACH),
    "/holds": (labels.HOLDS, ConsoleAction.LIST),
    "/figures": (labels.FIGURES, ConsoleAction.FIGURES),
    "/audit": (labels.AUDIT, ConsoleAction.AUDIT),
    "/system": (labels.SYSTEM, ConsoleAction.SYSTEM),
}
"""Path → its name in the menu, and the action that it needs."""


@dataclass(frozen=True, slots=True)
class ConsoleSite:
    """The pages of a company's console."""

    company: CompanyProfile
    style: str = field(init=False, repr=False)
    script: str = field(init=False, repr=False)
    version: str = field(init=False)
    """Changes with style and script, so that browsers may cache them for ever."""

    def __post_init__(self) -> None:
        colours = {"paper": PAPER, "paper_dark": PAPER_DARK, "ink_dark": INK_DARK}
        style = DRAWING.get_template("console.css").render(brand=self.company.brand, **colours)
        script = (TEMPLATES / "console.js").read_text(encoding="utf-8")
        object.__setattr__(self, "style", style)
        object.__setattr__(self, "script", script)
        object.__setattr__(self, "version", sha256(f"{style}{script}".encode()).hexdigest()[:12])

    def draw(
        self,
        request: Request,
        template: str,
        content: Mapping[str, Any] | None = None,
        *,
        visitor: Visitor | None = None,
        status: int = 200,
    ) -> HTMLResponse:
        """Return the page of *template* with *content*, in the language of *request*."""
        language, words = language_of(request), self.words(request)
        frame = {
            "_": words.markup,
            "say": words.say,
            "words": words,
            "language": language,
            "languages": [(tag, name, _in_language(request, tag)) for tag, name in LANGUAGES.items()],
            "company": self.company,
            "version": self.version,
            "visitor": visitor,
            "form_field": FORM_TOKEN,
            "menu": _menu(visitor),
            "here": request.url.path,
            "labels": labels,
            "breach_labels": breach_labels,
            "reference": short_reference,
            "day": words.day,
            "moment": words.moment,
            "when": partial(written_time, words),
            "actions": ConsoleAction,
        }
        page = DRAWING.get_template(template).render({**frame, **(content or {})})
        response = HTMLResponse(page, status, HEADERS)
        if request.query_params.get("lang") in LANGUAGES:
            response.set_cookie(LANGUAGE_COOKIE, language, samesite="lax", httponly=True)
        return response

    def words(self, request: Request) -> Words:
        """Return the words of the language of *request*."""
        return CATALOGUES.words(language_of(request), self.company.zone)

    def stylesheet(self) -> Response:
        """Return the style of all pages."""
        return _static(self.style, "text/css")

    def javascript(self) -> Response:
        """Return the script of all pages."""
        return _static(self.script, "text/javascript")


def _static(text: str, media_type: str) -> Response:
    headers = {"Cache-Control": FOR_A_YEAR, "X-Content-Type-Options": "nosniff"}
    return Response(text, media_type=media_type, headers=headers)


def language_of(request: Request) -> str:
    """Return the language that the address, the cookie or the browser asks for."""
    accepted = request.headers.get("accept-language", "").split(",")
    tags = [one.partition(";")[0].strip().partition("-")[0].lower() for one in accepted[:20]]
    wanted = [request.query_params.get("lang", ""), request.cookies.get(LANGUAGE_COOKIE, ""), *tags]
    return next((tag for tag in wanted if tag in LANGUAGES), "en")


def _in_language(request: Request, tag: str) -> str:
    others = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return f"{request.url.path}?{urlencode([*others, ('lang', tag)])}"


def _menu(visitor: Visitor | None) -> list[tuple[str, str]]:
    if visitor is None:
        return []
    return [(path, name) for path, (name, action) in MENU.items() if visitor.may(action)]


def written_time(words: Words, text: object) -> str:
    """Return a day or moment in ISO 8601 as people write it; another *text* as it is."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return str(text)
    return words.day(at.date()) if len(str(text)) == LENGTH_OF_DAY else words.moment(at)


def days_left(due: date | None, today: date) -> int | None:
    """Return the days from *today* to *due*, negative if it is past."""
    return None if due is None else (due - today).days


def time_tag(moment: datetime) -> str:
    """Return *moment* as the value of a ``datetime`` attribute."""
    return moment.isoformat(timespec="seconds")
