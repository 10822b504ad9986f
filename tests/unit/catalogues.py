"""The catalogues of a service beside the sentences that stand in its code."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from shared.law import LetterElement, Regulation
from shared.law.library import policies
from shared.pages import law_names

NAMED_PROVISIONS = {
    (demand.element, demand.provision)
    for policy in policies()
    for demand in policy.letters
    if demand.element in (LetterElement.PROVISION, LetterElement.CATEGORIES, LetterElement.NARROWING)
    and policy.regulation is not Regulation.US_STATE
}
"""Provisions that letters and pages name in a sentence. Those of States are cited alike in all languages."""
OPTIONS = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
METHODS = [("**.py", "python"), ("templates/**.jinja", "jinja2")]


@dataclass(frozen=True)
class Translated:
    """A service whose sentences are translated."""

    code: Path

    @cached_property
    def sentences(self) -> Sequence[str]:
        """What stands in ``_()`` in templates and modules, and what both services say."""
        options = {"templates/**.jinja": OPTIONS}
        found = extract_from_dir(self.code, METHODS, options, keywords={"_": None})
        shared = (law_names.RIGHTS, law_names.THEIR_RIGHTS)
        rights = (name for names in shared for name in names.values())
        return [*(str(one[2]) for one in found), *rights, *(law.title for law in policies() if law.title)]

    @cache  # noqa: B019 - there are two, to the end
    def catalogue(self, language: str) -> Catalog:
        """Return the catalogue of *language*."""
        with (self.code / "templates" / "locale" / f"{language}.po").open("rb") as file:
            return read_po(file, locale=language, abort_invalid=True)

    def entries(self, language: str) -> Iterator[Message]:
        """Return the entries of a catalogue, without its head."""
        return (entry for entry in self.catalogue(language) if entry.id)

    def flawed(self, language: str) -> list[object]:
        """Return the entries that are empty, fuzzy or obsolete."""
        unsaid = [entry.id for entry in self.entries(language) if not entry.string or entry.fuzzy]
        return [*unsaid, *self.catalogue(language).obsolete]

    def misplaced(self, language: str, places: re.Pattern[str]) -> list[object]:
        """Return the entries of which the translation has not the same *places* as the sentence."""
        return [
            entry.id
            for entry in self.entries(language)
            if sorted(places.findall(str(entry.id))) != sorted(places.findall(str(entry.string)))
        ]
