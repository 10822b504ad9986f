"""The rules for the classification of mails, read from ``rules.yaml``."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from shared.law import DIRECT_MARKETING, Regulation, Right

PAGE = Path(__file__).with_name("rules.yaml")
PART = re.compile(r"\{([a-z]+)\}")
WEAK, NAMING = "?", "~"
EVERY = "any"
"""Key of the rules for all languages."""


class MailIntent(StrEnum):
    """An intent of a mail: a right, or a variant with its own handling."""

    ACCESS = "access"
    PORTABILITY = "portability"
    ERASURE = "erasure"
    RECTIFICATION = "rectification"
    RESTRICTION = "restriction"
    OBJECTION = "objection"
    OBJECTION_TO_MARKETING = "objection_to_marketing"
    CONSENT_WITHDRAWAL = "consent_withdrawal"
    KNOW_CATEGORIES = "know_categories"
    OPT_OUT_OF_SALE = "opt_out_of_sale"
    LIMIT_SENSITIVE_USE = "limit_sensitive_use"

    @property
    def right(self) -> Right:
        """The right."""
        return Right.OBJECTION if self is MailIntent.OBJECTION_TO_MARKETING else Right(self.value)

    @property
    def scope(self) -> tuple[str, ...]:
        """The scope of the right."""
        return (DIRECT_MARKETING,) if self is MailIntent.OBJECTION_TO_MARKETING else ()


@dataclass(frozen=True, slots=True)
class MailRule:
    """An expression, and the intent that it matches."""

    id: str
    pattern: re.Pattern[str]
    wish: MailIntent | None = None
    """None: words that it overlaps do not count."""
    weak: bool = False
    """Whether it names things and no action: it does not count beside another that it overlaps."""
    naming: bool = False
    """Whether it names a right: it counts if the author speaks in the first person."""


@dataclass(frozen=True, slots=True)
class Hint:
    """An expression, and the law or place that it names."""

    id: str
    pattern: re.Pattern[str]
    regulation: Regulation | None = None
    place: str | None = None
    subject_only: bool = False


@dataclass(frozen=True, slots=True)
class CombinedIntents:
    """Intents with a common answer."""

    wishes: frozenset[MailIntent]
    wish: MailIntent
    with_copy: bool


@dataclass(frozen=True, slots=True)
class NegationRules:
    """Expressions of a language that make the words of a rule doubtful, or remove a doubt."""

    negation: re.Pattern[str]
    asking: re.Pattern[str]
    """Questions about a request, without an intent."""
    polite: re.Pattern[str]
    """Requests in the form of a question."""
    anew: re.Pattern[str]
    """Starts of another clause."""
    first: re.Pattern[str]
    """Authors that speak for themselves."""
    stated: re.Pattern[str]
    """Statements of people's rights."""


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules."""

    rules: tuple[MailRule, ...]
    withdrawals: tuple[MailRule, ...]
    hints: tuple[Hint, ...]
    together: tuple[CombinedIntents, ...]
    languages: Mapping[str, frozenset[str]]
    """Language → words that identify it."""
    doubts: Mapping[str, NegationRules]


@lru_cache(maxsize=1)
def rulebook() -> Rulebook:
    """Return the rules; they are read once."""
    page = yaml.safe_load(PAGE.read_text(encoding="utf-8"))
    parts = page["parts"]
    return Rulebook(
        rules=tuple(_rules(page["rights"], parts)),
        withdrawals=tuple(_withdrawals(page["withdrawal"], parts)),
        hints=tuple(_hints(page)),
        together=tuple(map(_together, page["together"])),
        languages={name: frozenset(words.split()) for name, words in page["languages"].items()},
        doubts={name: _doubts(patterns) for name, patterns in page["doubts"].items()},
    )


def _rules(page: Mapping[str, Any], parts: Mapping[str, Any]) -> Iterator[MailRule]:
    for language, by_wish in page.items():
        for wish, patterns in by_wish.items():
            for number, text in enumerate([patterns] if isinstance(patterns, str) else patterns, 1):
                pattern = _compiled(text, {**parts[EVERY], **parts.get(language, {})})
                named = None if wish == "none" else MailIntent(wish.rstrip(WEAK + NAMING))
                yield MailRule(
                    f"{language}.{wish}.{number}", pattern, named, wish.endswith(WEAK), wish.endswith(NAMING)
                )


def _withdrawals(page: Mapping[str, Any], parts: Mapping[str, Any]) -> Iterator[MailRule]:
    for language, patterns in page.items():
        for number, text in enumerate(patterns, 1):
            yield MailRule(f"{language}.withdrawal.{number}", _compiled(text, parts[language]))


def _hints(page: Mapping[str, Any]) -> Iterator[Hint]:
    for entry in page["laws"]:
        law = Regulation(entry["law"])
        yield Hint(f"law.{law}", re.compile(entry["pattern"]), regulation=law)
    for entry in page["places"]:
        subject_only = entry.get("where") == "subject"
        name = f"place.{entry['place']}{'.subject' if subject_only else ''}"
        yield Hint(name, re.compile(entry["pattern"]), place=entry["place"], subject_only=subject_only)


def _together(entry: Mapping[str, Any]) -> CombinedIntents:
    wishes = frozenset(map(MailIntent, entry["rights"]))
    return CombinedIntents(wishes, MailIntent(entry["right"]), with_copy=entry.get("with_copy", False))


def _doubts(patterns: Mapping[str, str]) -> NegationRules:
    return NegationRules(**{name: re.compile(pattern) for name, pattern in patterns.items()})


def _compiled(text: str, parts: Mapping[str, str]) -> re.Pattern[str]:
    return re.compile(PART.sub(lambda found: parts[found[1]], text))
