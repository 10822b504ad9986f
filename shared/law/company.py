"""The profile of the company: its names, establishments, brand, and the rights it grants beyond the laws."""

import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import timedelta
from email.utils import quote
from typing import Annotated, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, model_validator

from shared.labels import DEFAULT_LANGUAGE, InvalidLabel, Label, label_of
from shared.law.terms import Money

Colour: TypeAlias = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
"""Red, green and blue: ``#0a58ca``."""

PAPER, PAPER_DARK = "#ffffff", "#15181c"
"""Background of pages by day and by night; ``style.css`` takes both from here."""
INK_DARK = "#10141a"
"""Text of a button by night."""
LEGIBLE = 4.5
"""Least contrast of text (WCAG 1.4.3)."""
TINT = 0.09
"""How much of the colour is mixed into the paper behind a notice."""
DARKEST, DIVISOR, OFFSET, SLOPE, POWER = 0.04045, 12.92, 0.055, 1.055, 2.4
"""The curve of sRGB, as WCAG writes it."""
WEIGHTS = (0.2126, 0.7152, 0.0722)


MAILBOX = re.compile(r"[^@\s/]+@[^@\s/]+")
NO_MAILBOX = "privacy@example.com"
SPECIAL = re.compile(r'[()<>@,:;.\[\]"\\]')
"""Characters for which a name in an address is quoted (RFC 5322, 3.2.3)."""
SVG = "image/svg+xml"
SIGNATURES: Mapping[bytes, str] = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


class Brand(BaseModel):
    """The look of a company's pages, letters and packages."""

    model_config = ConfigDict(frozen=True, defer_build=True, extra="forbid")

    colour: Colour = "#0a58ca"
    """Of links and buttons."""
    dark_colour: Colour | None = None
    """The same by night; None: as much lighter as is legible."""
    logo: str | None = None
    """An SVG, PNG, JPEG or GIF file, beside the company's; None: the name stands there."""
    letter_logo: str | None = None
    """A PNG, JPEG or GIF file for letters, since mail programs show no SVG; None: the logo, if it is none."""

    @model_validator(mode="after")
    def _is_legible(self) -> "Brand":
        worst = min(contrast(self.colour, PAPER), contrast(self.colour, mixed(self.colour, PAPER, TINT)))
        if worst < LEGIBLE:
            raise ValueError(f"colour: contrast {worst:.2f} on white, WCAG 1.4.3 wants {LEGIBLE}: darken it")
        tinted = mixed(self.by_night, PAPER_DARK, TINT)
        worst = min(contrast(self.by_night, one) for one in (PAPER_DARK, tinted, INK_DARK))
        if worst < LEGIBLE:
            raise ValueError(f"dark_colour: contrast {worst:.2f}, WCAG 1.4.3 wants {LEGIBLE}: lighten it")
        return self

    @property
    def by_night(self) -> Colour:
        """The colour on dark paper."""
        return self.dark_colour or _lightened(self.colour)


def media_type_of(logo: bytes) -> str | None:
    """Return the media type of *logo*; None where browsers would not show it."""
    found = (media_type for start, media_type in SIGNATURES.items() if logo.startswith(start))
    return next(found, SVG if b"<svg" in logo[:1024] else None)


def data_uri(logo: bytes) -> str:
    """Return *logo* as it stands in a page that loads nothing; empty without one."""
    return f"data:{media_type_of(logo)};base64,{b64encode(logo).decode()}" if logo else ""


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast of two colours, from 1 to 21 (WCAG 2.2, glossary: relative luminance)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def mixed(colour: Colour, paper: Colour, share: float) -> Colour:
    """Return *share* of *colour* mixed with *paper*."""
    pairs = zip(_parts(colour), _parts(paper), strict=True)
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in pairs)


def _lightened(colour: Colour) -> Colour:
    """Return *colour* with as much white as makes it well legible by night."""
    shares = (mixed("#ffffff", colour, step / 20) for step in range(21))
    return next(one for one in shares if contrast(one, mixed(one, PAPER_DARK, TINT)) >= LEGIBLE + 1.5)


def _luminance(colour: Colour) -> float:
    linear = (_linear(part / 255) for part in _parts(colour))
    return sum(weight * part for weight, part in zip(WEIGHTS, linear, strict=True))


def _linear(part: float) -> float:
    return part / DIVISOR if part <= DARKEST else float(((part + OFFSET) / SLOPE) ** POWER)


def _parts(colour: Colour) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _zone(name: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(name))
    except (KeyError, ValueError, OSError):
        raise ValueError("no such time zone; write one like Europe/Berlin") from None


def _label(stated: object) -> Label:
    """Return the label that the profile states: a text, or a text a language."""
    if isinstance(stated, str):
        stated = {DEFAULT_LANGUAGE: stated}
    if not isinstance(stated, Mapping) or not all(isinstance(text, str) for text in stated.values()):
        raise ValueError("must be a text, or a text for each language")
    try:
        return label_of(stated)
    except InvalidLabel as error:
        raise ValueError(str(error)) from None


LabelText: TypeAlias = Annotated[Label, PlainValidator(_label)]
Zone: TypeAlias = Annotated[ZoneInfo, BeforeValidator(_zone)]
PlaceCode: TypeAlias = Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
"""A country or a part of one (ISO 3166): ``DE-BE``."""
Url: TypeAlias = Annotated[str, Field(pattern=r"^https://[^\s\"'<>]+$")]


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True, extra="forbid")


class EstablishmentAuthority(_Said):
    """The supervisory authority of the place of establishment."""

    name: Annotated[str, Field(min_length=1)]
    url: Url
    address: str = ""


class RetainedData(_Said):
    """Data that stays when an account is deleted: each a text, or a text a language (``{en: …, de: …}``)."""

    what: LabelText
    why: LabelText
    until: LabelText
    """How long, in words."""


SUBSTITUTES: Mapping[str, str] = {
    "privacy_policy": "refusals offer the policy on request instead of a link",
    "opt_out": "letters link the page /opt-out of Habeas",
    "contact": "letters give the sender's address for questions",
}
"""What letters have instead of a link or address that the company's profile lacks."""


class CompanyProfile(_Said):
    """The controller: one file, ``policies/company.yaml``."""

    name: Annotated[str, Field(min_length=1)]
    postal_address: tuple[str, ...] = ()
    officer: str = ""
    """How the data protection officer is reached."""
    contact: str = ""
    """How the people that answer requests are reached: a mail address, or a page."""
    established_in: PlaceCode
    """Place of the public holidays that count where the law does not say so."""
    also_established_in: tuple[PlaceCode, ...] = ()
    """Further places; their laws protect every requester."""
    zone: Zone
    """Where requests are answered: days begin and end there."""
    authority: EstablishmentAuthority
    products: tuple[str, ...] = ()
    """Names of its products: letters list them."""
    affiliates: tuple[str, ...] = ()
    """Companies that it answers for as well: letters list them."""
    privacy_policy: Url | None = None
    """Where the privacy policy is."""
    opt_out: Url | None = None
    """Where the sale and sharing of data is stopped; None: on the page ``/opt-out`` of Habeas."""
    complaints: Url | None = None
    """Where people complain to the company itself, if it has a form for that."""
    grants_to_others: str = "gdpr"
    """The law that applies to people outside all laws."""
    grants_to_everybody: str | None = None
    """A law that applies to all people besides their own; None for no such law."""
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")] = "en"
    """Language of pages for visitors without a stated language."""
    brand: Brand = Brand()
    """How pages and letters look."""
    apps: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")], str] = {}
    """Apps in which people have accounts: their ids in the stores, and their names there."""
    developer: str = ""
    """The company's name in app stores; its name when empty."""
    keeps: tuple[RetainedData, ...] = ()
    """Data that stays when an account is deleted."""
    small: bool = False
    """Whether it is a small company to which the law of Brazil gives twice as long (ANPD Res. 2/2022)."""
    margin_days: Annotated[int, Field(ge=0, le=20)] | None = None
    """How long before the last day an answer should be sent; None: as long as the period makes sensible."""

    further_copy_fee: Money | None = None
    """The price of a copy of the data after those that are free by law; None: all are free."""

    @property
    def sender(self) -> str:
        """The sender of letters unless settings name another: the company's name and mailbox (RFC 5322)."""
        name = f'"{quote(self.name)}"' if SPECIAL.search(self.name) else self.name
        return f"{name} <{self.contact if MAILBOX.fullmatch(self.contact) else NO_MAILBOX}>"

    @property
    def margin(self) -> timedelta | None:
        """How long before the last day an answer should be sent, where the company says so."""
        return None if self.margin_days is None else timedelta(days=self.margin_days)

    @property
    def gaps(self) -> Mapping[str, str]:
        """
        Return the empty lines of the profile that letters need, each with its substitute.

        Law:
            11 CCR § 7024(b), 7022(g); GDPR Art. 12(2): the privacy policy, the opt-out, the way to ask.
        """
        return {line: instead for line, instead in SUBSTITUTES.items() if not getattr(self, line)}

    @property
    def places(self) -> tuple[PlaceCode, ...]:
        """Every place of establishment, the first one first."""
        return (self.established_in, *self.also_established_in)
