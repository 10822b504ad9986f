"""The declaration of a breach, as its form enters it. Pure."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from pydantic import ValidationError

from services.console.decisions.forms import MISSING, NO_CHOICE, CaseView, Choices, DecisionField, FieldKind
from shared.contract.envelope import errors_of
from shared.contract.events import SubmissionError
from shared.contract.events.breaches import BreachDeclared, BreachRole
from shared.contract.suggestions import suggestions_for
from shared.errors import HabeasError
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
NO_COLLECTION = _("The data map has no such collection.")
BAD_MOMENT = _("Enter date and time.")
WORDS = re.compile(r"[,;\s]+")


def _of(names: Mapping[str, str]) -> Callable[[CaseView], Choices]:
    return lambda _view: list(names.items())


def _choice(name: str, label: str, names: Mapping[str, str]) -> DecisionField:
    return DecisionField(name, label, FieldKind.CHOICE, choices=_of(names))


def _optional(name: str, label: str, kind: FieldKind = FieldKind.TEXT, hint: str = "") -> DecisionField:
    return DecisionField(name, label, kind, hint, required=False)


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
    DecisionField("language", _("Language of these four texts"), hint=_("Its code: de, or pt-BR.")),
    DecisionField(
        "categories", _("Categories of data"), hint=_("In the words of the data map: user.name, user.contact")
    ),
    _optional(
        "collections",
        _("Collections with affected records"),
        hint=_("All their records count: shop.orders, portal.contacts. Filters and lists need the command."),
    ),
    DecisionField("contact", _("Contact for questions"), hint=_("Name, mail address, telephone.")),
    _choice("risk", _("Risk for the people"), RISKS),
    _optional("rationale", _("Reasons for this risk"), FieldKind.LONG_TEXT),
    _choice("encrypted", _("Was the data encrypted?"), YES_OR_NO),
    _choice("key_taken", _("Was the key lost with it?"), YES_OR_NO),
    _optional("drill", _("Only a drill: mailboxes of staff"), hint=_("They alone get letters.")),
)
CHOICES: Mapping[str, Collection[str]] = {
    "role": ROLES,
    "risk": RISKS,
    "encrypted": YES_OR_NO,
    "key_taken": YES_OR_NO,
}
BY_PATH: Mapping[str, str] = {"affected": "collections", "high_risk": "risk", "risk_unlikely": "risk"}
"""First step of a path in a declaration → the field of the form."""


class DeclarationErrors(HabeasError):
    """A declaration does not fit; the errors may be shown."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        """Keep the errors by field; the empty name stands for the whole form."""
        super().__init__("the declaration does not fit")
        self.errors = errors


@dataclass(frozen=True, slots=True)
class EnteredDeclaration:
    """A declaration as an account has entered it."""

    fields: Mapping[str, str]
    by: str
    now: datetime
    zone: tzinfo
    """Of moments without an offset."""
    collections: Collection[str] = ()
    """Keys of the collections in the data map; none while it is not known."""


def declared_breach(entered: EnteredDeclaration) -> BreachDeclared:
    """Return the unsigned declaration; raises DeclarationErrors."""
    values = {one.name: entered.fields.get(one.name, "").strip() for one in FIELDS}
    missing = {one.name: MISSING for one in FIELDS if one.required and not values[one.name]}
    moments, wrong = _moments(values, entered.zone)
    wrong |= {name: NO_CHOICE for name, known in CHOICES.items() if values[name] not in known}
    if not all(_is_known(name, entered.collections) for name in _words(values["collections"])):
        wrong["collections"] = NO_COLLECTION
    if missing or wrong:
        raise DeclarationErrors({**wrong, **missing})
    try:
        declared = BreachDeclared.model_validate(_content(values) | moments | {"by": entered.by})
    except ValidationError as error:
        raise DeclarationErrors(_by_field(errors_of(error.errors(), within=None))) from None
    if found := suggestions_for(declared, now=entered.now):
        raise DeclarationErrors(_by_field(found))
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


def _is_known(name: str, collections: Collection[str]) -> bool:
    """Return whether *name* is a key of *collections*, or the collection in one; an unknown map has all."""
    return not collections or any(key == name or key.endswith(f".{name}") for key in collections)


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


def _by_field(errors: Sequence[SubmissionError]) -> dict[str, str]:
    """Return *errors* by field of the form; of several of one field the first."""
    names = {one.name for one in FIELDS}
    found: dict[str, str] = {}
    for one in errors:
        first = one.path.partition(".")[0]
        name = BY_PATH.get(first, first)
        found.setdefault(name if name in names else "", one.message)
    return found
