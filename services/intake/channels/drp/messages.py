"""
Messages of agents, and the requests made of them. Pure.

The order of the checks is that of the protocol (section 3.07): first the signature (``signing``), then agent
and business, then the times, then the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias

import orjson
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    ValidationError,
)

from services.intake.channels.drp.directory import ListedAgent
from services.intake.channels.drp.signatures import DrpCallRefused, digest_of
from shared.contract.events import Agent, Evidence, PostalAddress, RequestSubmitted, Residence, Subject, Text
from shared.law import Regulation, Right

VERSION = "1.0"
CLOCKS_DIFFER = timedelta(seconds=60)
"""Tolerated difference of an agent's clock."""
LONGEST = timedelta(hours=1)
"""Longest validity of a message; the protocol recommends ten minutes."""


class Exercise(StrEnum):
    """The rights that an agent may exercise."""

    DELETION = "deletion"
    ACCESS = "access"
    ACCESS_CATEGORIES = "access:categories"
    ACCESS_SPECIFIC = "access:specific"
    OPT_OUT = "sale:opt-out"
    OPT_IN = "sale:opt-in"


RIGHTS: Mapping[Exercise, Right] = MappingProxyType(
    {
        Exercise.DELETION: Right.ERASURE,
        Exercise.ACCESS: Right.ACCESS,
        Exercise.ACCESS_CATEGORIES: Right.KNOW_CATEGORIES,
        Exercise.ACCESS_SPECIFIC: Right.ACCESS,
        Exercise.OPT_OUT: Right.OPT_OUT_OF_SALE,
    }
)
"""Opting in again is not a right: it is denied."""
IMPERSONAL = frozenset({"agent-id", "issued-at", "drp.version", "exercise", "agent-request-id"})
"""Fields stored of a request that is denied at once: it has no case that would end and destroy the rest."""


def _spelt_today(value: object) -> object:
    """Return the present name of ``sale:opt_out``, as it was called until August 2025."""
    return value.replace("opt_", "opt-") if isinstance(value, str) else value


def _unless_blank(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


Claim: TypeAlias = Annotated[Text | None, BeforeValidator(_unless_blank)]
"""The agent's statement about the person; blank is None."""
Https: TypeAlias = Annotated[str, StringConstraints(pattern=r"^https://", max_length=2_000)]


class AddressClaim(BaseModel):
    """An address claim (OpenID Connect Core 1.0, section 5.1.1)."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    formatted: Claim = None
    street_address: Claim = None
    locality: Claim = None
    region: Claim = None
    postal_code: Claim = None
    country: Claim = None


class DrpMessage(BaseModel):
    """A request to exercise a right; unknown claims are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    agent_id: str = Field(alias="agent-id")
    issued_at: datetime = Field(alias="issued-at")
    version: Literal["1.0"] = Field(alias="drp.version")
    exercise: Annotated[Exercise, BeforeValidator(_spelt_today)]
    regime: str | None = None
    """Absent, or ``voluntary``: without a law."""
    status_callback: Annotated[Https | None, BeforeValidator(_unless_blank)] = None
    agent_request_id: Annotated[str, StringConstraints(max_length=500)] | None = Field(
        default=None, alias="agent-request-id"
    )
    name: Claim = None
    email: Claim = None
    email_verified: StrictBool | None = None
    phone_number: Claim = None
    address: AddressClaim | None = None
    power_of_attorney: Claim = None

    @property
    def right(self) -> Right | None:
        """The right; None if it is not supported."""
        return RIGHTS.get(self.exercise)

    @property
    def attested(self) -> tuple[Evidence, ...]:
        """The agent's evidence: its permission, and the person's mailbox."""
        if self.email and self.email_verified:
            return Evidence.PERMISSION, Evidence.MAILBOX
        return (Evidence.PERMISSION,)


@dataclass(frozen=True, slots=True)
class ExpectedMessage:
    """The sender, recipient and validity that a message must have."""

    agent: str
    business: str
    now: datetime


def read(message: bytes) -> Mapping[str, Any]:
    """
    Return the JSON object in *message*.

    Raises:
        DrpCallRefused: It is not JSON.
    """
    try:
        content = orjson.loads(message)
    except orjson.JSONDecodeError:
        content = None
    if not isinstance(content, dict):
        raise DrpCallRefused(HTTPStatus.BAD_REQUEST, "the message is not a JSON object", fatal=True)
    return content


def valid_until(content: Mapping[str, Any], expected: ExpectedMessage) -> datetime:
    """
    Return the end of a message's validity, if it has the right sender and recipient, and is valid now.

    Raises:
        DrpCallRefused: Another agent or business, too early, too late, or valid for too long.
    """
    if content.get("agent-id") != expected.agent:
        raise DrpCallRefused(HTTPStatus.FORBIDDEN, "agent-id: not the calling agent", fatal=True)
    if content.get("business-id") != expected.business:
        raise DrpCallRefused(HTTPStatus.FORBIDDEN, "business-id: not this business", fatal=True)
    issued_at, expires_at = (_instant(content, name) for name in ("issued-at", "expires-at"))
    if expected.now + CLOCKS_DIFFER < issued_at:
        raise DrpCallRefused(HTTPStatus.FORBIDDEN, "issued-at: not yet")
    if expected.now > expires_at:
        raise DrpCallRefused(HTTPStatus.FORBIDDEN, "expires-at: too late", fatal=True)
    if not timedelta() < expires_at - issued_at <= LONGEST:
        flaw = f"expires-at: more than {LONGEST} after issued-at, or before it"
        raise DrpCallRefused(HTTPStatus.FORBIDDEN, flaw, fatal=True)
    return expires_at


def request_message(message: bytes) -> DrpMessage:
    """
    Return the request in *message*.

    Raises:
        DrpCallRefused: It does not fit its schema; the error names the path, never the value.
    """
    try:
        return DrpMessage.model_validate(read(message))
    except ValidationError as error:
        raise _malformed(error) from None


def without_claims(message: bytes) -> bytes:
    """Return the fields of *message* that do not concern the person."""
    return orjson.dumps({name: value for name, value in read(message).items() if name in IMPERSONAL})


def must_be_of_this_version(content: Mapping[str, Any]) -> None:
    """
    Check the protocol version of a message.

    Raises:
        DrpCallRefused: Another one.
    """
    if content.get("drp.version") != VERSION:
        raise DrpCallRefused(HTTPStatus.BAD_REQUEST, f"drp.version: only {VERSION} is supported", fatal=True)


def request_in(message: bytes, agent: ListedAgent) -> RequestSubmitted | None:
    """
    Return the request of *agent*; None if the right is not supported.

    Raises:
        DrpCallRefused: A claim about the person is invalid.
    """
    said, digest = request_message(message), digest_of(message)
    if said.right is None:
        return None
    try:
        return RequestSubmitted(
            reference=digest,
            right=said.right,
            subject=_subject(said),
            residence=_residence(said.address),
            regulation=Regulation.CCPA if said.regime == "ccpa" else None,
            received_at=said.issued_at,
            agent=Agent(
                name=agent.name, email=agent.business_contact, permission=_permission(said, agent, digest)
            ),
        )
    except ValidationError as error:
        raise _malformed(error) from None


def _instant(content: Mapping[str, Any], name: str) -> datetime:
    value = content.get(name)
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        instant = None
    if instant is None or instant.utcoffset() is None:
        raise DrpCallRefused(HTTPStatus.BAD_REQUEST, f"{name}: no ISO 8601 time with its zone", fatal=True)
    return instant


def _malformed(error: ValidationError) -> DrpCallRefused:
    # The paths come from our models: no other text of the agent is used.
    flaws = error.errors(include_url=False, include_input=False)
    said = "; ".join(f"{'.'.join(map(str, flaw['loc']))}: {flaw['msg']}" for flaw in flaws)
    return DrpCallRefused(HTTPStatus.BAD_REQUEST, said, fatal=True)


def _subject(said: DrpMessage) -> Subject:
    return Subject(
        name=_first_name_first(said.name),
        email=said.email,
        phone=said.phone_number,
        postal_address=_postal(said.address),
    )


def _first_name_first(name: str | None) -> str | None:
    """Return *name* with the first name first: agents send ``Last, First``."""
    parts = [part.strip() for part in (name or "").split(",")]
    return f"{parts[1]} {parts[0]}" if len(parts) == len(["last", "first"]) and all(parts) else name


def _postal(address: AddressClaim | None) -> PostalAddress | None:
    if address is None:
        return None
    lines = (address.street_address or address.formatted or "").splitlines()
    return PostalAddress(
        lines=tuple(line.strip() for line in lines if line.strip()),
        city=address.locality,
        region=address.region,
        postal_code=address.postal_code,
        country=_country(address),
    )


def _country(address: AddressClaim) -> str | None:
    """Return the country, if it is given by its code; words choose no law."""
    code = (address.country or "").upper()
    return code if len(code) == len("US") and code.isascii() and code.isalpha() else None


def _residence(address: AddressClaim | None) -> Residence | None:
    country = _country(address) if address else None
    if address is None or country is None:
        return None
    region = (address.region or "").upper()
    coded = region.isascii() and region.isalnum() and len(region) <= len("ABC")
    return Residence(country=country, subdivision=region if coded else None)


def _permission(said: DrpMessage, agent: ListedAgent, digest: str) -> str:
    text = f"Attested by {agent.name} under the Data Rights Protocol {VERSION}, message {digest}."
    return f"{text} Power of attorney: {said.power_of_attorney}" if said.power_of_attorney else text
