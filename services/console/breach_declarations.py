"""The declaration of a breach, as its form enters it. Pure."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

from pydantic import ValidationError

from services.console.breach_translations import MOST_LANGUAGES, TEXTS, EnteredTranslations
from services.console.decisions.forms import MISSING, NO_CHOICE, CaseView, Choices, DecisionField, FieldKind
from shared.contract.envelope import errors_of
from shared.contract.events import SubmissionError
from shared.contract.events.breaches import BreachDeclared, BreachRole
from shared.contract.suggestions import nearest_word, suggestions_for
from shared.errors import HabeasError
from shared.law.taxonomy import DEFAULT_CATEGORIES
from shared.pages.categories import called
from shared.pages.translation import mark as _

ROLES: Mapping[str, str] = {
    BreachRole.CONTROLLER: _("Controller: the data is our own"),
    BreachRole.PROCESSOR: _("Processor: the data is that of our customers"),
}
HIGH, SOME, UNLIKELY = "high", "some", "unlikely"
RISKS: Mapping[str, str] = {
    HIGH: _("High risk for people"),
    SOME: _("Risk, but not high"),
    UNLIKELY: _("No risk is likely"),
}
YES_OR_NO: Mapping[str, str] = {"yes": _("Yes"), "no": _("No")}
NO_CATEGORY = _("The data map has no category %(name)s. The nearest is %(nearest)s.")
NO_COLLECTION = _("The data map has no collection %(name)s. The nearest is %(nearest)s.")
UNKNOWN: Mapping[str, str] = {"categories": NO_CATEGORY, "collections": NO_COLLECTION}
BAD_MOMENT = _("Enter date and time.")
MOST_CHOICES = 200
"""Choices of a field of names in the data map; a longer list is entered as text."""
MOST_ENTRIES = 2 * MOST_CHOICES + (len(TEXTS) + 1) * MOST_LANGUAGES + 50
WORDS = re.compile(r"[,;\s]+")


def _of(names: Mapping[str, str]) -> Callable[[CaseView], Choices]:
    return lambda _view: list(names.items())


def _choice(name: str, label: str, names: Mapping[str, str]) -> DecisionField:
    return DecisionField(name, label, FieldKind.CHOICE, choices=_of(names))


def _optional(name: str, label: str, kind: FieldKind = FieldKind.TEXT, hint: str = "") -> DecisionField:
    return DecisionField(name, label, kind, hint, required=False)


CATEGORIES, COLLECTIONS, OTHERS = "categories", "collections", "other_categories"
FIELDS: Sequence[DecisionField] = (
    DecisionField(
        "reference",
        _("Your reference of the incident"),
        hint=_("The same reference again declares the next phase. No personal data."),
    ),
    _choice("role", _("Role of the company"), ROLES),
    DecisionField("occurred_from", _("It began"), FieldKind.MOMENT),
    _optional("occurred_to", _("It ended"), FieldKind.MOMENT, _("Empty if it is not over, or not known.")),
    DecisionField("detected_at", _("Its first sign was seen"), FieldKind.MOMENT),
    DecisionField(
        "aware_at",
        _("It was reasonably certain"),
        FieldKind.MOMENT,
        _("That personal data is breached: clocks run from here."),
    ),
    DecisionField("nature", _("Events, for the letter to the people"), FieldKind.LONG_TEXT),
    DecisionField("consequences", _("Likely consequences for them"), FieldKind.LONG_TEXT),
    DecisionField("measures", _("Measures taken"), FieldKind.LONG_TEXT),
    DecisionField("advice", _("Advice to them"), FieldKind.LONG_TEXT),
    DecisionField(
        "language",
        _("Language of these four texts"),
        hint=_("Its code: de, or pt-BR."),
    ),
    DecisionField(
        CATEGORIES, _("Categories of data"), hint=_("In the words of the data map: user.name, user.contact")
    ),
    _optional(
        COLLECTIONS,
        _("Collections with affected records"),
        hint=_("All their records count: shop.orders, portal.contacts. Filters and lists need the command."),
    ),
    DecisionField("contact", _("Contact for questions"), hint=_("Name, mail address, telephone.")),
    _choice("risk", _("Risk for the people"), RISKS),
    _optional("rationale", _("Reasons for this risk"), FieldKind.LONG_TEXT),
    _choice("encrypted", _("Was the data encrypted?"), YES_OR_NO),
    DecisionField(
        "key_taken",
        _("Was the key lost with it?"),
        FieldKind.CHOICE,
        _("Needed if the data was encrypted."),
        _of(YES_OR_NO),
        required=False,
    ),
    _optional("drill", _("Only a drill: mailboxes of staff"), hint=_("They alone get letters.")),
)
OTHER_CATEGORIES = _optional(
    OTHERS, _("Other categories of data"), hint=_("Of data outside the data map: user.name, user.contact")
)
OF_THE_MAP: Mapping[str, str] = {
    CATEGORIES: _("Those that the fields of the data map have."),
    COLLECTIONS: _("All their records count. Filters and lists need the command."),
}
"""Field with the names of the data map as choices → its hint."""
CHOICES: Mapping[str, Collection[str]] = {
    "role": ROLES,
    "risk": RISKS,
    "encrypted": YES_OR_NO,
    "key_taken": YES_OR_NO,
}
BY_PATH: Mapping[str, str] = {"affected": "collections", "high_risk": "risk", "risk_unlikely": "risk"}
"""First step of a path in a declaration → the field of the form."""


class UnknownWord(NamedTuple):
    """A word that the data map does not have."""

    name: str
    nearest: str


@dataclass(frozen=True, slots=True)
class MapNames:
    """Names in the data map, as far as they are known."""

    collections: Sequence[str] = ()
    """Keys of collections; none while the map is not known."""
    categories: Sequence[str] | None = None

    def unknown(self, collections: Iterable[str], categories: Iterable[str]) -> Mapping[str, UnknownWord]:
        """Return the first word of each field that the map does not have; an unknown map has all."""
        found: dict[str, UnknownWord] = {}
        if self.collections:
            wrong = [one for one in collections if not self._has(one)]
            found |= _unknown(COLLECTIONS, wrong, self.collections)
        if self.categories is not None:
            known = DEFAULT_CATEGORIES.union(self.categories)
            found |= _unknown(CATEGORIES, (one for one in categories if one not in known), sorted(known))
        return found

    def _has(self, name: str) -> bool:
        """Return whether *name* is the key of a collection, or the name of one in its dataset."""
        return any(key == name or key.endswith(f".{name}") for key in self.collections)


def _unknown(field_name: str, wrong: Iterable[str], known: Sequence[str]) -> Mapping[str, UnknownWord]:
    first = next(iter(wrong), None)
    return (
        {} if first is None else {field_name: UnknownWord(first, nearest_word(first, known, 0) or known[0])}
    )


def fields_for(names: MapNames, language: str) -> Sequence[DecisionField]:
    """Return the fields of the form; names of the data map are choices, in *language*, once it is known."""
    choices: dict[str, Choices] = {COLLECTIONS: [(key, key) for key in names.collections]}
    choices[CATEGORIES] = [(one, _category(one, language)) for one in names.categories or ()]
    found: list[DecisionField] = []
    for one in FIELDS:
        offered = choices.get(one.name)
        if not offered or len(offered) > MOST_CHOICES:
            found.append(one)
            continue
        found.append(_several(one, offered))
        if one.name == CATEGORIES:
            found.append(OTHER_CATEGORIES)
    return found


def _several(one: DecisionField, choices: Choices) -> DecisionField:
    hint = OF_THE_MAP[one.name]
    return replace(one, kind=FieldKind.SEVERAL, hint=hint, choices=lambda _view: choices)


def _category(category: str, language: str) -> str:
    name = called(category, language)
    return f"{name} ({category})" if name else category


class DeclarationErrors(HabeasError):
    """A declaration does not fit; the errors may be shown."""

    def __init__(self, errors: Mapping[str, str], words: Mapping[str, UnknownWord] | None = None) -> None:
        """Keep the errors by field, and unknown *words*; the empty name stands for the whole form."""
        super().__init__("the declaration does not fit")
        self.errors = errors
        self.words = words or {}

    def written(self, say: Callable[..., str]) -> Mapping[str, str]:
        """Return the errors by field, translated by *say*."""
        found = {name: say(text) for name, text in self.errors.items() if name not in self.words}
        return found | {name: say(self.errors[name], **word._asdict()) for name, word in self.words.items()}


@dataclass(frozen=True, slots=True)
class EnteredDeclaration:
    """A declaration as an account has entered it."""

    fields: Mapping[str, str]
    by: str
    now: datetime
    zone: tzinfo
    """Of moments without an offset."""
    names: MapNames = field(default_factory=MapNames)
    """Of the data map."""


def declared_breach(entered: EnteredDeclaration) -> BreachDeclared:
    """Return the unsigned declaration; raises DeclarationErrors."""
    values = {one.name: entered.fields.get(one.name, "").strip() for one in FIELDS}
    values[CATEGORIES] = f"{values[CATEGORIES]} {entered.fields.get(OTHERS, '')}".strip()
    missing = {one.name: MISSING for one in FIELDS if not values[one.name] and _is_required(one, values)}
    moments, wrong = _moments(values, entered.zone)
    translations = EnteredTranslations.read(entered.fields)
    wrong |= translations.errors
    wrong |= {name: NO_CHOICE for name, known in CHOICES.items() if values[name] not in {*known, ""}}
    unknown = entered.names.unknown(_words(values[COLLECTIONS]), _words(values[CATEGORIES]))
    wrong |= {name: UNKNOWN[name] for name in unknown}
    if missing or wrong:
        raise DeclarationErrors({**wrong, **missing}, unknown)
    more = {"by": entered.by, "translations": translations.texts}
    try:
        declared = BreachDeclared.model_validate(_content(values) | moments | more)
    except ValidationError as error:
        raise DeclarationErrors(_by_field(errors_of(error.errors(), within=None), translations)) from None
    if found := suggestions_for(declared, entered.names.categories, now=entered.now):
        raise DeclarationErrors(_by_field(found, translations))
    return declared


def _moments(values: Mapping[str, str], zone: tzinfo) -> tuple[dict[str, datetime], dict[str, str]]:
    """Return the moments that were entered, and the errors of those that are none."""
    found: dict[str, datetime] = {}
    wrong: dict[str, str] = {}
    for one in FIELDS:
        text = values[one.name]
        if one.kind is not FieldKind.MOMENT or not text:
            continue
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            wrong[one.name] = BAD_MOMENT
        else:
            found[one.name] = at if at.tzinfo else at.replace(tzinfo=zone)
    return found, wrong


def _is_required(one: DecisionField, values: Mapping[str, str]) -> bool:
    """Return whether the field has to be filled in; a key is asked for of encrypted data alone."""
    return one.required or (one.name == "key_taken" and values["encrypted"] == "yes")


def _content(values: Mapping[str, str]) -> dict[str, Any]:
    same = ("reference", "role", "nature", "consequences", "measures", "advice", "language", "contact")
    collections = [{"collection": name} for name in _words(values["collections"])]
    return {
        **{name: values[name] for name in same},
        "categories": _words(values["categories"]),
        "affected": {"collections": collections},
        "high_risk": values["risk"] == HIGH,
        "risk_unlikely": values["risk"] == UNLIKELY,
        "rationale": values["rationale"] or None,
        "encrypted": values["encrypted"] == "yes",
        "key_taken": values["key_taken"] == "yes",
        "drill": _words(values["drill"]),
    }


def _words(text: str) -> list[str]:
    return [word for word in WORDS.split(text) if word]


def _by_field(errors: Sequence[SubmissionError], translations: EnteredTranslations) -> dict[str, str]:
    """Return *errors* by field of the form; of several of one field the first."""
    names = {one.name for one in FIELDS}
    found: dict[str, str] = {}
    for one in errors:
        first = one.path.partition(".")[0]
        name = BY_PATH.get(first, first)
        found.setdefault(name if name in names else translations.field_of(one.path), one.message)
    return found
