"""The texts of a breach in further languages, as the form of a declaration enters them. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from services.console.breach_decisions import BAD_LANGUAGE
from services.console.decisions.forms import MISSING, DecisionField
from shared.pages.translation import mark as _

CODE = re.compile("[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
LANGUAGE = "language"
TEXTS = ("nature", "consequences", "measures", "advice")
MOST_LANGUAGES = 9
"""Further languages of the form; a file has up to fifty."""
SAME_LANGUAGE = _("The texts in this language are there already.")


@dataclass(slots=True)
class EnteredTranslations:
    """The texts in further languages, and the errors in them by field."""

    texts: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """Language → its texts."""
    errors: dict[str, str] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)
    """Of the groups of fields that the texts come from, in the same order."""

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> "EnteredTranslations":
        """Return what *fields* hold; groups without a text are left out."""
        found = cls()
        for number in range(1, languages_in(fields) + 1):
            group = {name: fields.get(f"{name}_{number}", "").strip() for name in (LANGUAGE, *TEXTS)}
            if any(group.values()):
                found._add(number, group, fields.get(LANGUAGE, "").strip())
        return found

    def _add(self, number: int, group: dict[str, str], first: str) -> None:
        self.errors |= {f"{name}_{number}": MISSING for name, text in group.items() if not text}
        language = group.pop(LANGUAGE)
        if language and not CODE.fullmatch(language):
            self.errors[f"{LANGUAGE}_{number}"] = BAD_LANGUAGE
        elif language in {first, *self.texts}:
            self.errors[f"{LANGUAGE}_{number}"] = SAME_LANGUAGE
        self.texts[language] = group
        self.numbers.append(number)

    def field_of(self, path: str) -> str:
        """Return the field of an error at *path* in the declaration; empty if it is none of these."""
        first, _dot, place = path.partition(".")
        known = first == "translations" and place.isdecimal()
        return f"{LANGUAGE}_{self.numbers[int(place)]}" if known else ""


def languages_in(fields: Mapping[str, str]) -> int:
    """Return the number of groups for further languages in the form."""
    return max((n for n in range(1, MOST_LANGUAGES + 1) if f"{LANGUAGE}_{n}" in fields), default=0)


def translation_fields(fields: Sequence[DecisionField], groups: int) -> Sequence[Sequence[DecisionField]]:
    """Return the *groups* of fields for further languages, made of the *fields* of the first."""
    known = {one.name: one for one in fields}
    return [
        [replace(known[name], name=f"{name}_{number}", required=False) for name in (LANGUAGE, *TEXTS)]
        for number in range(1, groups + 1)
    ]
