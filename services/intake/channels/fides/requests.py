"""
Requests made of the clients' bodies, with the rights of their policies and uses of data. Pure.

Raises:
    RequestNotTaken: A body does not identify a person, or asks for something unsupported.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from pydantic import ValidationError

from services.intake.channels.fides.bodies import (
    FidesIdentity,
    FidesLabelledValue,
    FidesRequestForm,
    RequestNotTaken,
)
from shared.contract.events import Details, RequestSubmitted, Residence, Subject
from shared.contract.field_errors import message_of
from shared.law import DIRECT_MARKETING, Right

NAME_FIELDS = ("name", "full_name")
"""Form fields with the person's name, besides ``first_name`` and ``last_name`` together."""
NO_IDENTITY = "You must provide at least one identity: an email, a phone_number, an external_id or your own."
NO_KEY = "Leave encryption_key out: the package opens with a code to the person's mailbox."
NO_OPT_IN = "The request has no opt-out; opting in is not supported."
DEFAULT_CONSENT_POLICY = "default_consent_policy"
Wish: TypeAlias = Right | Literal["direct_marketing"]
"""A right, or ``direct_marketing``: an objection to that alone."""
DEFAULTS: Mapping[str, Wish] = MappingProxyType(
    {
        "default_access_policy": Right.ACCESS,
        "default_erasure_policy": Right.ERASURE,
        DEFAULT_CONSENT_POLICY: Right.OPT_OUT_OF_SALE,
    }
)
DATA_USES: Mapping[str, Wish] = MappingProxyType({"marketing.communications": "direct_marketing"})


class FidesAction(StrEnum):
    """The clients' name for a kind of request."""

    ACCESS = "access"
    ERASURE = "erasure"
    CONSENT = "consent"
    UPDATE = "update"


ACTIONS: Mapping[Right, FidesAction] = MappingProxyType(
    {
        Right.ACCESS: FidesAction.ACCESS,
        Right.PORTABILITY: FidesAction.ACCESS,
        Right.KNOW_CATEGORIES: FidesAction.ACCESS,
        Right.ERASURE: FidesAction.ERASURE,
        Right.RECTIFICATION: FidesAction.UPDATE,
    }
)
"""Rights without an entry are consent in the clients' terms."""


def right_of(wish: Wish) -> Right:
    """Return the right."""
    return Right.OBJECTION if wish == DIRECT_MARKETING else Right(wish)


def action_of(wish: Wish) -> FidesAction:
    """Return the clients' name of the right."""
    return ACTIONS.get(right_of(wish), FidesAction.CONSENT)


@dataclass(frozen=True, slots=True)
class FidesPolicies:
    """The operator's meaning of policies and uses of data."""

    wishes: Mapping[str, Wish]
    """Key of a policy → the right that it requests."""
    data_uses: Mapping[str, Wish]
    """Use of data → the right requested by opting out of it and of its parts."""

    def opting_out(self, data_use: str, policy_key: str) -> Wish | None:
        """Return the request for opting out of *data_use*: its narrowest use's, else the policy's."""
        parts = data_use.split(".")
        uses = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
        narrower = (self.data_uses[use] for use in uses if use in self.data_uses)
        return next(narrower, self.wishes.get(policy_key))


def policy_object(key: str, wish: Wish) -> dict[str, Any]:
    """Return a policy in the clients' form."""
    action = action_of(wish)
    rule = {
        "name": f"{key} rule",
        "key": f"{key}_rule",
        "action_type": action,
        "storage_destination": None,
        "masking_strategy": None,
    }
    return {
        "name": key,
        "key": key,
        "rules": [rule],
        "drp_action": None,
        "execution_timeframe": None,
        "conditions": None,
    }


def request_kind(said: FidesRequestForm, policies: FidesPolicies) -> Wish:
    """Return the request of a body by its policy."""
    wish = policies.wishes.get(said.policy_key)
    if wish is None:
        raise RequestNotTaken(f"Policy with key {said.policy_key} does not exist.")
    if said.consent_preferences is not None and all(one.opt_in for one in said.consent_preferences):
        raise RequestNotTaken(NO_OPT_IN)
    return wish


def request_in(said: FidesRequestForm, wish: Wish, *, reference: str, public: bool) -> RequestSubmitted:
    """
    Return the request of a client.

    Args:
        said: The client's body.
        wish: The right.
        reference: The reference; not chosen by a client, so that none can name another's request.
        public: Whether it needed no token: then its own time of creation does not count.
    """
    if said.encryption_key:
        raise RequestNotTaken(NO_KEY)
    fields = said.custom_privacy_request_fields or {}
    try:
        return RequestSubmitted(
            reference=reference,
            right=right_of(wish),
            subject=_subject(said.identity, fields),
            residence=_residence(said.location),
            received_at=None if public else said.requested_at,
            details=Details(
                scope=(DIRECT_MARKETING,) if wish == DIRECT_MARKETING else (),
                statement="\n".join(_remarks(said, fields)) or None,
            ),
        )
    except ValidationError as error:
        raise RequestNotTaken(_flaws(error)) from None


def identifiers_in(identity: FidesIdentity) -> dict[str, str]:
    """Return the person's identifiers, besides name, e-mail address and telephone number."""
    named = {name: value for name, value in identity.named.items() if value is not None}
    labelled = {name: _values(one) for name, one in identity.labelled.items()}
    if any(len(values) > 1 for values in labelled.values()):
        raise RequestNotTaken("A custom identity must have one value.")
    return named | {name: values[0] for name, values in labelled.items() if values}


def _values(labelled: FidesLabelledValue) -> list[str]:
    values = labelled.value if isinstance(labelled.value, tuple) else (labelled.value,)
    return [str(value) for value in values if str(value).strip()]


def _subject(identity: FidesIdentity, fields: Mapping[str, FidesLabelledValue]) -> Subject:
    identifiers = identifiers_in(identity)
    if not (identity.email or identity.phone_number or identifiers):
        raise RequestNotTaken(NO_IDENTITY)
    subject = Subject(
        name=identity.name or _name_in(fields),
        email=identity.email,
        phone=identity.phone_number,
        identifiers=identifiers,
    )
    if subject.model_copy(update={"name": None}).is_empty:
        raise RequestNotTaken(NO_IDENTITY)
    return subject


def _name_in(fields: Mapping[str, FidesLabelledValue]) -> str | None:
    said = {name: str(one.value).strip() for name, one in fields.items() if isinstance(one.value, str)}
    whole = next((said[name] for name in NAME_FIELDS if said.get(name)), None)
    parts = [said.get("first_name"), said.get("last_name")]
    return whole or (" ".join(part for part in parts if part) if all(parts) else None)


def _residence(location: str | None) -> Residence | None:
    if location is None:
        return None
    country, _, subdivision = location.partition("-")
    return Residence(country=country, subdivision=subdivision or None)


def _remarks(said: FidesRequestForm, fields: Mapping[str, FidesLabelledValue]) -> Iterator[str]:
    """Yield the person's other answers, one per line."""
    for one in fields.values():
        if values := _values(one):
            yield f"{one.label}: {', '.join(values)}"
    for preference in said.consent_preferences or ():
        if not preference.opt_in:
            yield f"opts out of: {preference.data_use}"


def _flaws(error: ValidationError) -> str:
    # The rest of a path may be a name chosen by the client.
    flaws = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, flaw['loc'][:1]))}: {message_of(flaw, own=True)}" for flaw in flaws)
