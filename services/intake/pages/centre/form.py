"""
The forms of the privacy centre: requests on offer, and the request in a submitted form or its faults. Pure.

Messages are English sentences, translated when shown; none repeats the input.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from shared.contract.events import RequestSubmitted, SubmissionError
from shared.law import DIRECT_MARKETING, Regulation, Right, Role, needs_proof
from shared.law.places import SUBDIVISIONS
from shared.pages.translation import mark as _


class FormPart(StrEnum):
    """A part of a form beyond the mail address."""

    PERSON = "person"
    """Name, residence, and the person it is for."""
    COPY = "copy"
    """Whether a copy is wanted before the erasure."""
    SCOPE = "scope"
    """The kinds of data that are meant."""
    VALUES = "values"
    """Whether sensitive values are wanted in full."""
    CORRECTIONS = "corrections"
    RECIPIENT = "recipient"
    STATEMENT = "statement"
    REASON = "reason"
    """The reason: required."""


@dataclass(frozen=True, slots=True)
class RequestOption:
    """A kind of request."""

    right: Right
    title: str
    short: str
    """Its effect, in one sentence."""
    notes: tuple[str, ...] = ()
    """Information before the request, by paragraph."""
    parts: tuple[FormPart, ...] = (FormPart.PERSON, FormPart.STATEMENT)
    path: str = ""
    scope: tuple[str, ...] = ()
    invoked: Regulation | None = None
    label: str = _("Anything else we should know")
    """The label of the field for a statement."""
    hint: str = _("For example, which of your data you mean. You do not need to give a reason.")

    @property
    def where(self) -> str:
        """Path of its form."""
        return self.path or f"/ask/{self.right}"

    @property
    def needs_proof(self) -> bool:
        """Whether a proof of identity will be needed."""
        return needs_proof(self.right, direct_marketing=DIRECT_MARKETING in self.scope)

    @property
    def at_once(self) -> bool:
        """Whether it is a form without a summary: one click (11 CCR § 7004(a); GDPR Art. 7(3))."""
        return not self.needs_proof


SEE = (
    RequestOption(
        Right.ACCESS,
        _("Get a copy of your data"),
        _("We will collect all data that we hold about you and provide it as a download."),
        (_("You will also learn where the data comes from, what we use it for, and who received it."),),
        parts=(FormPart.PERSON, FormPart.SCOPE, FormPart.VALUES, FormPart.STATEMENT),
    ),
    RequestOption(
        Right.KNOW_CATEGORIES,
        _("Learn what kinds of data we hold"),
        _("We will list the kinds of data, their sources, purposes and recipients, without the data itself."),
    ),
    RequestOption(
        Right.PORTABILITY,
        _("Take your data to another service"),
        _("You will receive the data that you gave us in a form that other services can read."),
        parts=(FormPart.PERSON, FormPart.SCOPE, FormPart.RECIPIENT, FormPart.VALUES, FormPart.STATEMENT),
    ),
)
CHANGE = (
    RequestOption(
        Right.RECTIFICATION,
        _("Correct your data"),
        _("We will correct what is wrong or incomplete and notify the recipients of the data."),
        parts=(FormPart.PERSON, FormPart.CORRECTIONS, FormPart.STATEMENT),
        hint=_("For example, how we can verify that it is wrong."),
    ),
    RequestOption(
        Right.ERASURE,
        _("Delete your data"),
        _("We will delete the data that we hold about you. This cannot be undone."),
        (
            _("If a law requires us to keep some of it, we will tell you what, why and until when."),
            _("Your account will be deleted with your data, including what you bought or stored with it."),
        ),
        parts=(FormPart.PERSON, FormPart.SCOPE, FormPart.COPY, FormPart.VALUES, FormPart.STATEMENT),
    ),
    RequestOption(
        Right.RESTRICTION,
        _("Pause the use of your data"),
        _("While a question is open, we will only store your data and not use it otherwise."),
        hint=_("For example, that the data is wrong, or that you need it for a legal claim."),
    ),
)
STOP = (
    RequestOption(
        Right.OBJECTION,
        _("Object to what we do with your data"),
        _("We will stop, unless we can show compelling reasons that override yours."),
        parts=(FormPart.PERSON, FormPart.REASON),
        label=_("What should we stop, and why?"),
        hint=_("Please describe your particular situation. One or two sentences are enough."),
    ),
    RequestOption(
        Right.CONSENT_WITHDRAWAL,
        _("Withdraw your consent"),
        _("We will stop the processing that you consented to. You do not need to give a reason."),
        parts=(FormPart.STATEMENT,),
        label=_("Which consent do you mean?"),
        hint=_("If you leave this field empty, your request applies to all of them."),
    ),
)
MARKETING = RequestOption(
    Right.OBJECTION,
    _("Stop advertising"),
    _("We will no longer send you advertising by any means or use your data for it."),
    parts=(),
    path="/no-marketing",
    scope=(DIRECT_MARKETING,),
)
OPT_OUT = RequestOption(
    Right.OPT_OUT_OF_SALE,
    _("Do Not Sell or Share My Personal Information"),
    _("We will no longer sell your data, nor share it for advertising across other sites."),
    (_("We will also notify recipients that have received your data from us since your request."),),
    parts=(),
    path="/opt-out",
    invoked=Regulation.CCPA,
)
LIMIT = RequestOption(
    Right.LIMIT_SENSITIVE_USE,
    _("Limit the Use of My Sensitive Personal Information"),
    _(
        "We will use sensitive data, such as health, origin or exact location, only for what you asked us to "
        "do."
    ),
    parts=(),
    path="/limit",
    invoked=Regulation.CCPA,
)
CHOICES = (OPT_OUT, LIMIT, MARKETING)
OPTIONS: Mapping[str, RequestOption] = {option.where: option for option in (*SEE, *CHANGE, *STOP, *CHOICES)}
"""Path → request of its form."""

ADDRESS = re.compile(r"[^@\s<>,;]{1,64}@[^@\s<>,;]+\.[^@\s<>,;.]{2,}")
MOST_ADDRESS, MOST_LINE, MOST_STATEMENT = 320, 500, 10_000
THROUGH = "Knows us through: "

CORRECTABLE: Mapping[str, str] = {
    "name": _("Name"),
    "email": _("Email address"),
    "phone": _("Phone number"),
    "street": _("Street and house number"),
    "postal_code": _("Postal code"),
    "city": _("Town or city"),
    "date_of_birth": _("Date of birth"),
}
"""Fields of most records → their label in a form."""

SCOPES: Mapping[str, str] = {
    f"scope_{name}": f"user.{name}"
    for name in (
        "account", "contact", "content", "behavior", "financial", "location", "device", "privacy_preferences",
    )
}  # fmt: skip
"""Field of the form → category of data that it limits the request to."""
ON_CONSENT = "scope_consent"
"""Field of the form of an erasure that limits it to the data that rests on consent alone."""

NO_ADDRESS = _("Enter your email address, such as name@example.com.")
NO_NAME = _("Enter your name.")
NO_COUNTRY = _("Choose the country in which you live.")
NO_STATE = _("Choose the State in which you live.")
NO_REASON = _("State what we should stop, and why. One sentence is enough.")
NO_CORRECTION = _("Fill in at least one thing that we should correct.")
NOT_NAMED = _("State what should be corrected.")
NO_VALUE = _("State how it should read.")
NO_ONE = _("Choose on whose behalf you are making the request.")
NO_AGENT = _("Enter your own name.")
NO_AGENT_ADDRESS = _("Enter your own email address, such as name@example.com.")
NO_PERMISSION = _("State what authorises you to make the request for this person.")
TOO_LONG = _("This text is too long. Please shorten it.")
UNREADABLE = _("We could not read this form. Please check your entries.")


class OnBehalf(StrEnum):
    """The person that a request is for."""

    SELF = "self"
    OTHER = "other"
    CHILD = "child"


FIELDS = (
    "email",
    "name",
    "country",
    "state",
    "for",
    "agent_name",
    "agent_email",
    "permission",
    "customer_of",
    *SCOPES,
    ON_CONSENT,
    "with_copy",
    "full_values",
    "transfer_to",
    *(f"fix_{name}" for name in CORRECTABLE),
    "other_field",
    "other_value",
    "statement",
)
LONG = frozenset({"permission", "other_value", "statement"})


@dataclass(frozen=True, slots=True)
class FilledForm:
    """A submitted form."""

    option: RequestOption
    given: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __getitem__(self, name: str) -> str:
        """Return the text of the field *name*, stripped."""
        return self.given.get(name, "").strip()

    @property
    def on_behalf(self) -> OnBehalf:
        """The person that it is for."""
        known = self["for"] in set(OnBehalf)
        return OnBehalf(self["for"]) if known and FormPart.PERSON in self.option.parts else OnBehalf.SELF

    @property
    def corrections(self) -> Iterator[tuple[str, str]]:
        """The corrections: the wrong data, and the right."""
        yield from ((name, self[f"fix_{name}"]) for name in CORRECTABLE if self[f"fix_{name}"])
        if self["other_field"] and self["other_value"]:
            yield self["other_field"], self["other_value"]

    @property
    def scope(self) -> tuple[str, ...]:
        """The categories of data that it is limited to; none: all."""
        offered = SCOPES if FormPart.SCOPE in self.option.parts else {}
        chosen = tuple(category for name, category in offered.items() if self[name])
        alone = self.option.right is Right.ERASURE and bool(self[ON_CONSENT])
        return ("consent",) if alone else chosen

    def flaws(self) -> tuple[SubmissionError, ...]:
        """Return its faults, in the order of the form."""
        found = {flaw.path: flaw for flaw in self._flaws()}
        return tuple(found[name] for name in FIELDS if name in found)

    def request(self, reference: str, locale: str) -> RequestSubmitted | None:
        """Return its request, in the language and country *locale*; None for a reason that no fault names."""
        try:
            return RequestSubmitted.model_validate(
                self._submission() | {"reference": reference, "locale": locale}
            )
        except ValidationError:
            return None

    def _flaws(self) -> Iterator[SubmissionError]:
        for wrong, path, message in (*self._common_flaws(), *self._person_flaws(), *self._correction_flaws()):
            if wrong:
                yield SubmissionError(path=path, message=message)

    def _common_flaws(self) -> Iterator[tuple[bool, str, str]]:
        for name in FIELDS:
            yield len(self[name]) > (MOST_STATEMENT if name in LONG else MOST_LINE), name, TOO_LONG
        yield not _is_address(self["email"]), "email", NO_ADDRESS
        with_customer = len(self["statement"]) + MOST_LINE + len(THROUGH) + 2
        yield bool(self["customer_of"]) and with_customer > MOST_STATEMENT, "statement", TOO_LONG
        yield FormPart.REASON in self.option.parts and not self["statement"], "statement", NO_REASON

    def _person_flaws(self) -> Iterator[tuple[bool, str, str]]:
        if FormPart.PERSON in self.option.parts:
            states = SUBDIVISIONS.get(self["country"], {self["state"]: ""})
            yield not self["name"], "name", NO_NAME
            yield not re.fullmatch("[A-Z]{2}", self["country"]), "country", NO_COUNTRY
            yield self["state"] not in states, "state", NO_STATE
            yield bool(self["for"]) and self["for"] not in set(OnBehalf), "for", NO_ONE
        if self.on_behalf is not OnBehalf.SELF:
            yield not self["agent_name"], "agent_name", NO_AGENT
            yield not _is_address(self["agent_email"]), "agent_email", NO_AGENT_ADDRESS
            yield not self["permission"], "permission", NO_PERMISSION

    def _correction_flaws(self) -> Iterator[tuple[bool, str, str]]:
        if FormPart.CORRECTIONS in self.option.parts:
            field, value = bool(self["other_field"]), bool(self["other_value"])
            yield value and not field, "other_field", NOT_NAMED
            yield field and not value, "other_value", NO_VALUE
            nothing = field == value and not any(True for _one in self.corrections)
            yield nothing, f"fix_{next(iter(CORRECTABLE))}", NO_CORRECTION

    def _submission(self) -> dict[str, Any]:
        about_person = FormPart.PERSON in self.option.parts
        return {
            "right": self.option.right,
            "regulation": self.option.invoked,
            "subject": {"email": self["email"]} | ({"name": self["name"]} if about_person else {}),
            "residence": self._residence() if about_person else None,
            "role": Role.END_USER if self["customer_of"] and about_person else Role.CONSUMER,
            "child": self.on_behalf is OnBehalf.CHILD,
            "agent": self._agent() if self.on_behalf is not OnBehalf.SELF else None,
            "details": self._details(),
        }

    def _residence(self) -> dict[str, str | None]:
        state = self["state"] if self["state"] in SUBDIVISIONS.get(self["country"], {}) else ""
        return {"country": self["country"], "subdivision": state.partition("-")[2] or None}

    def _agent(self) -> dict[str, Any]:
        return {
            "name": self["agent_name"],
            "email": self["agent_email"],
            "permission": self["permission"],
            "parent": self.on_behalf is OnBehalf.CHILD,
        }

    def _details(self) -> dict[str, Any]:
        parts = self.option.parts
        said = [self["statement"] if {FormPart.STATEMENT, FormPart.REASON} & set(parts) else ""]
        if self["customer_of"] and FormPart.PERSON in parts:
            said.append(f"{THROUGH}{self['customer_of']}")
        corrections = self.corrections if FormPart.CORRECTIONS in parts else ()
        return {
            "statement": "\n\n".join(filter(None, said)) or None,
            "scope": (*self.option.scope, *self.scope),
            "corrections": [{"field": name, "value": value} for name, value in corrections],
            "transfer_to": (self["transfer_to"] or None) if FormPart.RECIPIENT in parts else None,
            "with_copy": bool(self["with_copy"]) and FormPart.COPY in parts,
            "full_values": self._wants_values(),
        }

    def _wants_values(self) -> bool:
        """Return whether values are wanted in full: of an erasure, in the copy before it alone."""
        parts = self.option.parts
        copied = FormPart.COPY not in parts or bool(self["with_copy"])
        return bool(self["full_values"]) and FormPart.VALUES in parts and copied


def _is_address(text: str) -> bool:
    return len(text) <= MOST_ADDRESS and text.isprintable() and bool(ADDRESS.fullmatch(text))
