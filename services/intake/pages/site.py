"""
Common parts of all pages: frame, language, brand and headers.

Pages work without scripts, load nothing from other sites, and store nothing in the browser.

The pages have one address per language: the browser stores no choice, and every link keeps it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from babel import Locale
from fastapi import HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from services.intake.pages.csrf import CsrfGuard
from shared.contract.references import short_reference
from shared.labels import Label, localized
from shared.law import CompanyProfile, Policy
from shared.law.company import INK_DARK, PAPER, PAPER_DARK, media_type_of
from shared.law.library import picture
from shared.pages.styles import STYLES
from shared.pages.translation import SOURCE_LANGUAGE, Catalogues, Words, home_of
from shared.runtime.openpgp import OpenPgpCertificate

TEMPLATES = Path(__file__).parents[1] / "templates"
CATALOGUES = Catalogues(TEMPLATES / "locale")
LANGUAGES = CATALOGUES.languages
REGIONAL = CATALOGUES.regional

DRAWING = Environment(
    loader=FileSystemLoader([TEMPLATES, STYLES]),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
DRAWING.globals["short_reference"] = short_reference
DRAWING.policies["json.dumps_kwargs"] = {"sort_keys": False}
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
"""Methods to read a page; link checkers only ask for the head (RFC 9110, section 9.3.2)."""
FORM: Mapping[str, str] = {**HEADERS, "Cache-Control": "no-store"}
"""For pages with a form. Without any referrer, browsers hide the form's origin (``Origin: null``)."""
PRIVATE: Mapping[str, str] = {**FORM, "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
SIGNED_IN = "/requests/sign-in"
"""Path to which the company's sign-in sends its token."""
FOR_A_YEAR = "public, max-age=31536000, immutable"


def signals(request: Request) -> bool:
    """
    Return whether the browser sends the Global Privacy Control signal.

    Law:
        11 CCR § 7025(b); Global Privacy Control: the header ``Sec-GPC`` counts when it is exactly ``1``.
    """
    return "1" in request.headers.getlist("sec-gpc")


@dataclass(frozen=True, slots=True)
class AccountSignIn:
    """The company's sign-in page, for proofs of identity (OpenID Connect Core 1.0, section 3.2)."""

    url: str
    """Its authorization endpoint."""
    client: str

    def address(self, case_id: str, root: str, language: str) -> str:
        """Return the address at which a person signs in anew, for the request *case_id* alone."""
        wanted = {
            "response_type": "id_token",
            "response_mode": "form_post",
            "scope": "openid email",
            "client_id": self.client,
            "redirect_uri": f"{root}{SIGNED_IN}",
            "nonce": case_id,
            "state": case_id,
            "prompt": "login",
            "max_age": "600",
            "ui_locales": language,
        }
        return f"{self.url}{'&' if '?' in self.url else '?'}{urlencode(wanted)}"


@dataclass(frozen=True, slots=True)
class Site:
    """The pages of a company."""

    company: CompanyProfile
    guard: CsrfGuard
    key: OpenPgpCertificate | None = None
    """The company's certificate: people may encrypt proofs to it."""
    sign_in: AccountSignIn | None = None
    editable: Mapping[str, Label] = field(default_factory=dict)
    """Fields that people may correct → their labels; empty: the form asks for a name."""
    style: str = field(init=False, repr=False)
    picture: bytes = field(init=False, repr=False)
    """The logo; empty without one."""
    version: str = field(init=False)
    """Changes with the style, so that browsers may cache it for ever."""

    def __post_init__(self) -> None:
        colours = {"paper": PAPER, "paper_dark": PAPER_DARK, "ink_dark": INK_DARK}
        style = DRAWING.get_template("style.css").render(brand=self.company.brand, **colours)
        object.__setattr__(self, "picture", picture(self.company.brand.logo))
        object.__setattr__(self, "style", style)
        object.__setattr__(self, "version", sha256(style.encode()).hexdigest()[:12])

    @property
    def root(self) -> str:
        """The public address, without a slash at the end."""
        return self.guard.public_url.rstrip("/")

    def at(self, request: Request) -> "SiteView":
        """Return this site for the sender of *request*."""
        asked = request.query_params.get("lang", "")
        accepted = request.headers.get("accept-language", "")
        tag = negotiated(asked, accepted, self.company.language)
        home = home_of([self.company.established_in])
        words = CATALOGUES.words(tag, self.company.zone, at_home=home)
        chosen = words.language if is_spoken(asked) else ""
        here = f"/{request.url.path.lstrip('/' + chr(92))}"  # two slashes would lead to another host
        names_country = "-" in tag.replace("_", "-")
        return SiteView(self, words, chosen, here, names_country=names_country, signal=signals(request))

    def logo(self) -> Response:
        """Return the logo; answer 404 without one."""
        media_type = media_type_of(self.picture)
        if media_type is None:
            raise HTTPException(404)
        # An SVG opened by itself is a page: it must be inert.
        headers = {
            **HEADERS,
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        }
        return Response(self.picture, media_type=media_type, headers=headers)

    def certificate(self) -> Response:
        """Return the company's OpenPGP certificate; answer 404 without one."""
        if self.key is None:
            raise HTTPException(404)
        headers = {"X-Content-Type-Options": "nosniff"}
        return Response(self.key.armored, media_type="application/pgp-keys", headers=headers)

    def stylesheet(self) -> Response:
        """Return the style of all pages."""
        headers = {"Cache-Control": FOR_A_YEAR, "X-Content-Type-Options": "nosniff"}
        return Response(self.style, media_type="text/css", headers=headers)


@dataclass(frozen=True, slots=True)
class SiteView:
    """A site for one reader."""

    site: Site
    words: Words
    chosen: str
    """The language in the address; empty if negotiated."""
    here: str
    names_country: bool
    """Whether the language tag names a country: ``pt-PT``, not ``pt``."""
    signal: bool

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
        Return the page of *template* with *content*.

        *here* is its path in another language, if not the requested one; *headers* are :data:`PRIVATE` for
        personal pages, :data:`HEADERS` for public ones.
        """
        page = DRAWING.get_template(template).render(self._frame(here or self.here) | content)
        return HTMLResponse(page, status, headers)

    def under(self, laws: Iterable[Policy]) -> "SiteView":
        """Return this view in the regional catalogue of the country of *laws*, unless its tag has one."""
        home = home_of(place for law in laws for place in law.places)
        regional = f"{self.words.locale.language}-{home}"
        if self.names_country or regional not in REGIONAL:
            return self
        return replace(self, words=CATALOGUES.words(regional, self.words.zone))

    def link(self, path: str) -> str:
        """Return the address of *path* on this site, in the chosen language."""
        return in_language(path, self.chosen) if self.chosen else path

    def _frame(self, here: str) -> dict[str, Any]:
        return {
            "_": self.words.markup,
            "words": self.words,
            "language": self.words.language,
            "own_name": NAMES[self.words.language],
            "languages": [(code, name, in_language(here, code)) for code, name in NAMES.items()],
            "link": self.link,
            "company": self.site.company,
            "signal": self.signal,
            "own_form": False,
            "reached": reached,
            "said": lambda text: localized(text, str(self.words.locale)),
            "style": f"/style.css?v={self.site.version}",
        }


def reached(where: str) -> Markup:
    """Return the contact *where* as HTML: a link, if it is a mail address or a page."""
    if where.startswith("https://"):
        return Markup('<a href="{0}">{0}</a>').format(where)
    if "@" in where and " " not in where:
        return Markup('<a href="mailto:{0}">{0}</a>').format(where)
    return escape(where)


def in_language(path: str, language: str) -> str:
    """Return *path*, possibly with a query, in *language*."""
    return f"{path}{'&' if '?' in path else '?'}{urlencode({'lang': language}, quote_via=quote)}"


def _own_name(tag: str) -> str:
    name = str(Locale.parse(tag, sep="-").display_name)
    return name[0].upper() + name[1:]


NAMES: Mapping[str, str] = {one: _own_name(one) for one in sorted((*LANGUAGES, *REGIONAL))}
"""Tag of a language → its name for itself."""
TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")
WANTED = re.compile(rf"\s*({TAG.pattern}|\*)\s*(?:;\s*q=([01](?:\.[0-9]{{0,3}})?)\s*)?", re.IGNORECASE)
MOST_WANTED = 20
"""Languages of ``Accept-Language`` (RFC 9110, section 12.5.4) that are read; browsers send a handful."""


def negotiated(chosen: str, accepted: str, ours: str) -> str:
    """Return a language with translations: *chosen* in the address, *accepted* by the browser, or *ours*."""
    return next(filter(is_spoken, (chosen, *_by_preference(accepted), ours)), SOURCE_LANGUAGE)


def is_spoken(tag: str) -> bool:
    """Return whether pages have translations for the language *tag*."""
    return bool(TAG.fullmatch(tag)) and re.split("[-_]", tag)[0].lower() in LANGUAGES


def _by_preference(accepted: str) -> Iterator[str]:
    wanted = [found for one in accepted.split(",")[:MOST_WANTED] if (found := WANTED.fullmatch(one))]
    weighed = [(float(found[2] or 1), found[1]) for found in wanted]
    yield from (tag for weight, tag in sorted(weighed, key=lambda one: -one[0]) if weight > 0)


PARAGRAPHS = re.compile(r"\n\s*\n")
CODE = re.compile(r"`{1,2}([^`]+)`{1,2}")
EMPHASIS = re.compile(r"\*([^*\s](?:[^*]*[^*\s])?)\*")


def paragraphs(description: str) -> list[Markup]:
    """Return the paragraphs of *description*, as HTML."""
    return [_marked(text) for text in PARAGRAPHS.split(description.strip())]


def _marked(text: str) -> Markup:
    """Convert code first: it contains no other marks."""
    pieces = CODE.split(str(escape(text)))
    return Markup("").join(
        Markup(f"<code>{piece}</code>" if number % 2 else EMPHASIS.sub(r"<em>\1</em>", piece))  # noqa: S704
        for number, piece in enumerate(pieces)
    )
