"""
What all pages for people share: their frame, language, brand and headers.

Pages work without scripts and load nothing from anybody else. They store nothing in the browser.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from services.intake.pages.csrf import CsrfGuard
from services.intake.pages.languages import CATALOGUES, NAMES, TEMPLATES, is_spoken, negotiated
from shared.law import CompanyProfile
from shared.law.brand import INK_DARK, PAPER, PAPER_DARK, media_type_of
from shared.pages.translation import AT_HOME, Words

DRAWING = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Vary": "Accept-Language, Sec-GPC",
}
READ = ["GET", "HEAD"]
"""How a page is asked for; whoever checks links wants no more than its head (RFC 9110, section 9.3.2)."""
FORM: Mapping[str, str] = {**HEADERS, "Cache-Control": "no-store"}
"""Of pages with a form. With no referrer at all browsers would not say who sends it (``Origin: null``)."""
PRIVATE: Mapping[str, str] = {**FORM, "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
FOR_A_YEAR = "public, max-age=31536000, immutable"


def signals(request: Request) -> bool:
    """
    Tell whether the browser sends the Global Privacy Control signal.

    Law:
        11 CCR § 7025(b); Global Privacy Control: the header ``Sec-GPC`` counts when it is exactly ``1``.
    """
    return "1" in request.headers.getlist("sec-gpc")


@dataclass(frozen=True, slots=True)
class Site:
    """The pages of a company."""

    company: CompanyProfile
    guard: CsrfGuard
    style: str = field(init=False, repr=False)
    picture: bytes = field(init=False, repr=False)
    """The logo; empty where there is none."""
    version: str = field(init=False)
    """Changes whenever the style does, so that browsers may keep it for ever."""

    def __post_init__(self) -> None:
        colours = {"paper": PAPER, "paper_dark": PAPER_DARK, "ink_dark": INK_DARK}
        style = DRAWING.get_template("style.css").render(brand=self.company.brand, **colours)
        logo = self.company.brand.logo
        object.__setattr__(self, "picture", Path(logo).read_bytes() if logo else b"")
        object.__setattr__(self, "style", style)
        object.__setattr__(self, "version", sha256(style.encode()).hexdigest()[:12])

    @property
    def root(self) -> str:
        """Where people reach it, without a slash at the end."""
        return self.guard.public_url.rstrip("/")

    def at(self, request: Request) -> "SiteView":
        """Return how this site looks to whoever sends *request*."""
        asked = request.query_params.get("lang", "")
        accepted = request.headers.get("accept-language", "")
        tag = negotiated(asked, accepted, self.company.language)
        home = "US" if self.company.established_in.startswith("US") else AT_HOME
        words = CATALOGUES.words(tag, self.company.zone, at_home=home)
        chosen = words.language if is_spoken(asked) else ""
        here = f"/{request.url.path.lstrip('/' + chr(92))}"  # two slashes would lead to another host
        return SiteView(self, words, chosen, here, signal=signals(request))

    def logo(self) -> Response:
        """
        Return the logo.

        Raises:
            HTTPException: There is none.
        """
        media_type = media_type_of(self.picture)
        if media_type is None:
            raise HTTPException(404)
        # An SVG that is opened by itself is a page: it may do nothing.
        headers = {
            **HEADERS,
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        }
        return Response(self.picture, media_type=media_type, headers=headers)

    def stylesheet(self) -> Response:
        """Return the style of all pages."""
        headers = {"Cache-Control": FOR_A_YEAR, "X-Content-Type-Options": "nosniff"}
        return Response(self.style, media_type="text/css", headers=headers)


@dataclass(frozen=True, slots=True)
class SiteView:
    """A site as one person sees it."""

    site: Site
    words: Words
    chosen: str
    """The language that the address names; empty where it was found out otherwise."""
    here: str
    """Path of the page."""
    signal: bool
    """Whether the browser says that data must not be sold or shared (GPC)."""

    def draw(
        self,
        template: str,
        status: int = 200,
        *,
        here: str = "",
        headers: Mapping[str, str] = PRIVATE,
        **content: Any,
    ) -> HTMLResponse:
        """
        Return the page that *template* makes of *content*.

        Args:
            template: Extends ``layout.html.jinja``.
            status: Of the response.
            here: Path by which this page is read again in another language; the one asked for when empty.
            headers: :data:`PRIVATE` for what is somebody's, :data:`HEADERS` for what is everybody's.
            **content: What the template names.
        """
        page = DRAWING.get_template(template).render(self._frame(here or self.here) | content)
        return HTMLResponse(page, status, headers)

    def link(self, path: str) -> str:
        """Return the address of *path* on this site, in the language that was chosen."""
        return in_language(path, self.chosen) if self.chosen else path

    def _frame(self, here: str) -> dict[str, Any]:
        return {
            "_": self.words.markup,
            "words": self.words,
            "language": self.words.language,
            "languages": [(code, name, in_language(here, code)) for code, name in NAMES.items()],
            "link": self.link,
            "company": self.site.company,
            "signal": self.signal,
            "own_form": False,
            "reached": reached,
            "style": f"/style.css?v={self.site.version}",
        }


def reached(where: str) -> Markup:
    """Return *where* somebody is reached as HTML: a link, if it is a mail address or a page."""
    if where.startswith("https://"):
        return Markup('<a href="{0}">{0}</a>').format(where)
    if "@" in where and " " not in where:
        return Markup('<a href="mailto:{0}">{0}</a>').format(where)
    return escape(where)


def in_language(path: str, language: str) -> str:
    """Return *path*, which may have a query, so that it is read in *language*."""
    return f"{path}{'&' if '?' in path else '?'}{urlencode({'lang': language}, quote_via=quote)}"
