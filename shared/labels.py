"""
Texts that an operator writes for people, in several languages. Pure.

A text is a plain string, or a mapping of languages: ``{en: Invoices, de: Rechnungen, pt-BR: Faturas}``. Rows,
events and settings hold its default alone, which is English, else the first.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Self

from babel import Locale, UnknownLocaleError

from shared.errors import PermanentError

DEFAULT_LANGUAGE = "en"


class InvalidLabel(PermanentError):
    """A text is in no language that exists, or in none at all."""


class Label(str):
    """A text in one language, with its default and its translations; without these, a plain string."""

    __slots__ = ("by_language", "default")
    by_language: Mapping[str, str]
    """Language tag (``de``, ``pt-BR``) → text; empty for a text without translations."""
    default: str
    """The text that identifies this one, whatever its language."""

    def __new__(
        cls, text: str, by_language: Mapping[str, str] = MappingProxyType({}), default: str | None = None
    ) -> Self:
        """Create the label that reads *text*."""
        label = super().__new__(cls, text)
        label.by_language, label.default = by_language, str(text) if default is None else default
        return label


def label_of(stated: Mapping[str, str]) -> Label:
    """
    Return the label with the texts *stated* by language.

    Raises:
        InvalidLabel: It has no text, or a key is no language.
    """
    texts = {_tag(language): text.strip() for language, text in stated.items()}
    if not texts or not all(texts.values()):
        raise InvalidLabel("has a language without text")
    return Label(texts.get(DEFAULT_LANGUAGE) or next(iter(texts.values())), texts)


@lru_cache(maxsize=512)
def _tag(language: str) -> str:
    try:
        return str(Locale.parse(language.replace("-", "_"))).replace("_", "-")
    except (ValueError, UnknownLocaleError):
        raise InvalidLabel(f"has no language `{language}`") from None


def is_language(tag: str) -> bool:
    """Return whether *tag* names a language: ``pt-BR``."""
    try:
        return bool(_tag(tag))
    except InvalidLabel:
        return False


def is_translated(text: str) -> bool:
    """Return whether *text* is stated by language."""
    return isinstance(text, Label) and bool(text.by_language)


def localized(text: str, locale: str) -> str:
    """Return *text* in the language of *locale* (``de_AT``), else without its region, else by default."""
    if not isinstance(text, Label):
        return text
    known = text.by_language
    found = next((known[tag] for tag in _tags(locale) if tag in known), text.default)
    return Label(found, known, text.default)


def covers(text: str, language: str) -> bool:
    """Return whether *text* has a form for readers of *language*; a plain one is in the default language."""
    known = text.by_language if isinstance(text, Label) else {}
    return any(tag in (known or {DEFAULT_LANGUAGE: text}) for tag in _tags(language))


def forms_of(text: str) -> frozenset[str]:
    """Return *text* in all its languages."""
    return frozenset(text.by_language.values() or (text,)) if isinstance(text, Label) else frozenset((text,))


def default_of(text: str) -> str:
    """Return the default of *text*: the name that settings and rows know it by."""
    return text.default if isinstance(text, Label) else text


def _tags(locale: str) -> Iterator[str]:
    parts = locale.replace("_", "-").split("-")
    return ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
