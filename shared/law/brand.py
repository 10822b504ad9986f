"""
A company's brand: one colour, which must be legible, and a logo. Pure.

Law:
    WCAG 2.2, 1.4.3 (contrast of text, 4.5:1 at least) and "relative luminance" in its glossary.
"""

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

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


class Brand(BaseModel):
    """The look of a company's pages; its letters are plain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    colour: Colour = "#0a58ca"
    """Of links and buttons."""
    dark_colour: Colour | None = None
    """The same by night; None: as much lighter as is legible."""
    logo: str | None = None
    """An SVG or PNG file, beside the company's; None: the name stands there."""

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
    if logo.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    return "image/svg+xml" if b"<svg" in logo[:1024] else None


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast of two colours, from 1 to 21."""
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
