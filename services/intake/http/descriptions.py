"""Descriptions of calls as HTML: converts the marks of docstrings. Pure."""

import re

from markupsafe import Markup, escape

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
