"""
Forms: the request in a submitted form, or its faults by field. Pure.

Messages are English sentences, translated when shown; none repeats the input.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from services.intake.pages.centre.options import FormPart, RequestOption
from shared.contract.events import RequestSubmitted, SubmissionError
from shared.law import Role
from shared.law.places import SUBDIVISIONS
from shared.pages.translation import mark as _

ADDRESS = re.compile(r"[^@\s<>,;]{1,64}@[^@\s<>,;]+\.[^@\s<>,;.]{2,}")
MOST_ADDRESS, MOST_LINE, MOST_STATEMENT = 320, 500, 10_000
THROUGH = "Knows us through: "

CORRECTABLE: Mapping[str, str] = MappingProxyType(
    {
        "name": _("Name"),
        "email": _("Email address"),
        "phone": _("Phone number"),
        "street": _("Street and house number"),
        "postal_code": _("Postal code"),
        "city": _("Town or city"),
        "date_of_birth": _("Date of birth"),
    }
)
"""Fields of most records → their label in a form."""

NO_ADDRESS = _("Enter your email address, such as name@example.com.")
NO_NAME = _("Enter your name.")
NO_COUNTRY = _("Choose the country in which you live.")
NO_STATE = _("Choose the State in which you live.")
NO_REASON = _("Tell us what we should stop, and why. A sentence is enough.")
NO_CORRECTION = _("Fill in at least one thing that we should correct.")
NOT_NAMED = _("Say what it is that should be corrected.")
NO_VALUE = _("Say how it should read.")
NO_ONE = _("Choose for whom you ask.")
NO_AGENT = _("Enter your own name.")
NO_AGENT_ADDRESS = _("Enter your own email address, such as name@example.com.")
NO_PERMISSION = _("Say what allows you to ask for this person.")
TOO_LONG = _("This is longer than we can take. Please shorten it.")
UNREADABLE = _("We cannot read this form. Please check what you wrote.")


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
    "with_copy",
    "transfer_to",
    *(f"fix_{name}" for name in CORRECTABLE),
    "other_field",
    "other_value",
    "statement",
)
"""The fields, in the order of the form."""
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

    def flaws(self) -> tuple[SubmissionError, ...]:
        """Return its faults, in the order of the form."""
        found = {flaw.path: flaw for flaw in self._flaws()}
        return tuple(found[name] for name in FIELDS if name in found)

    def request(self, reference: str, locale: str) -> RequestSubmitted | None:
        """
        Return its request; None if it has none, for a reason that no fault names.

        Args:
            reference: The reference.
            locale: Language and country of the form.
        """
        try:
            return RequestSubmitted.model_validate(
                self._submission() | {"reference": reference, "locale": locale}
            )
        except ValidationError:
            return None

    def _flaws(self) -> Iterator[SubmissionError]:
        yield from (
            SubmissionError(path=name, message=TOO_LONG)
            for name in FIELDS
            if len(self[name]) > (MOST_STATEMENT if name in LONG else MOST_LINE)
        )
        if not _is_address(self["email"]):
            yield SubmissionError(path="email", message=NO_ADDRESS)
        if FormPart.PERSON in self.option.parts:
            yield from self._flaws_of_person()
        if self["customer_of"] and len(self["statement"]) > MOST_STATEMENT - MOST_LINE - len(THROUGH) - 2:
            yield SubmissionError(path="statement", message=TOO_LONG)
        if FormPart.REASON in self.option.parts and not self["statement"]:
            yield SubmissionError(path="statement", message=NO_REASON)
        if FormPart.CORRECTIONS in self.option.parts:
            yield from self._flaws_of_corrections()

    def _flaws_of_person(self) -> Iterator[SubmissionError]:
        if not self["name"]:
            yield SubmissionError(path="name", message=NO_NAME)
        if not re.fullmatch("[A-Z]{2}", self["country"]):
            yield SubmissionError(path="country", message=NO_COUNTRY)
        if self["state"] not in SUBDIVISIONS.get(self["country"], {self["state"]: ""}):
            yield SubmissionError(path="state", message=NO_STATE)
        if self["for"] and self["for"] not in set(OnBehalf):
            yield SubmissionError(path="for", message=NO_ONE)
        if self.on_behalf is OnBehalf.SELF:
            return
        if not self["agent_name"]:
            yield SubmissionError(path="agent_name", message=NO_AGENT)
        if not _is_address(self["agent_email"]):
            yield SubmissionError(path="agent_email", message=NO_AGENT_ADDRESS)
        if not self["permission"]:
            yield SubmissionError(path="permission", message=NO_PERMISSION)

    def _flaws_of_corrections(self) -> Iterator[SubmissionError]:
        if self["other_value"] and not self["other_field"]:
            yield SubmissionError(path="other_field", message=NOT_NAMED)
        elif self["other_field"] and not self["other_value"]:
            yield SubmissionError(path="other_value", message=NO_VALUE)
        elif not any(True for _one in self.corrections):
            yield SubmissionError(path=f"fix_{next(iter(CORRECTABLE))}", message=NO_CORRECTION)

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
            "scope": self.option.scope,
            "corrections": [{"field": name, "value": value} for name, value in corrections],
            "transfer_to": (self["transfer_to"] or None) if FormPart.RECIPIENT in parts else None,
            "with_copy": bool(self["with_copy"]) and FormPart.COPY in parts,
        }


def _is_address(text: str) -> bool:
    return len(text) <= MOST_ADDRESS and text.isprintable() and bool(ADDRESS.fullmatch(text))
