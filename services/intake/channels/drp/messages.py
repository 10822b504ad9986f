"""
Signed messages of agents, and the requests made of them. Pure.

The body is base64 of what libsodium calls combined mode: 64 bytes of an Ed25519 signature, then the message.
The order of the checks is that of the protocol (section 3.07): first the signature, then agent and business,
then the times, then the rest.

Raises:
    DrpCallRefused: A message has another signature, sender, recipient, time or version, or is malformed.
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BeforeValidator, Field, StrictBool, StringConstraints, ValidationError

from services.intake.channels.drp.agents import ListedAgent
from services.intake.channels.parts import CallbackUrl, ReceivedPart, unless_blank
from shared.contract.events import (
    NO_PERSON,
    Agent,
    Evidence,
    PostalAddress,
    RequestSubmitted,
    Residence,
    Subject,
    Text,
)
from shared.contract.field_errors import message_of, no_json
from shared.law import Regulation, Right

VERSION = "1.0"
SIGNATURE_BYTES = 64
CLOCKS_DIFFER = timedelta(seconds=60)
"""Tolerated difference of an agent's clock."""
CLAIMS = ("agent-id", "business-id", "issued-at", "expires-at")
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


class DrpCallRefused(Exception):
    """A call is refused; *fatal* if the same message will always be."""

    def __init__(self, status: HTTPStatus, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.fatal = fatal


def malformed(message: str) -> DrpCallRefused:
    """Return the refusal of a malformed message."""
    return DrpCallRefused(HTTPStatus.BAD_REQUEST, message, fatal=True)


def _spelt_today(value: object) -> object:
    """Return the present name of ``sale:opt_out``, as it was called until August 2025."""
    return value.replace("opt_", "opt-") if isinstance(value, str) else value


Claim: TypeAlias = Annotated[Text | None, BeforeValidator(unless_blank)]
"""The agent's statement about the person; blank is None."""


class AddressClaim(ReceivedPart):
    """An address claim (OpenID Connect Core 1.0, section 5.1.1)."""

    formatted: Claim = None
    street_address: Claim = None
    locality: Claim = None
    region: Claim = None
    postal_code: Claim = None
    country: Claim = None


class DrpMessage(ReceivedPart):
    """A request to exercise a right; unknown claims are ignored."""

    agent_id: str = Field(alias="agent-id")
    issued_at: datetime = Field(alias="issued-at")
    version: Literal["1.0"] = Field(alias="drp.version")
    exercise: Annotated[Exercise, BeforeValidator(_spelt_today)]
    regime: str | None = None
    """Absent, or ``voluntary``: without a law."""
    status_callback: Annotated[CallbackUrl | None, BeforeValidator(unless_blank)] = None
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


def verified_message(body: bytes, key: bytes) -> bytes:
    """Return the message in *body*, if it is signed with the public *key*."""
    try:
        signed = base64.b64decode(body, validate=True)
    except binascii.Error:
        raise malformed("the body is not base64") from None
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signed[:SIGNATURE_BYTES], signed[SIGNATURE_BYTES:])
    except InvalidSignature:
        raise DrpCallRefused(HTTPStatus.FORBIDDEN, "the agent has not signed this message") from None
    return signed[SIGNATURE_BYTES:]


def message_in(body: bytes) -> bytes:
    """Return the message in a *body* that was checked before."""
    return base64.b64decode(body)[SIGNATURE_BYTES:]


def unsigned(message: bytes) -> bytes:
    """Return *message* in the form of an unsigned body."""
    return base64.b64encode(bytes(SIGNATURE_BYTES) + message)


def digest_of(message: bytes) -> str:
    """Return the digest that identifies *message*; a body has many signatures and spellings in base64."""
    return sha256(message).hexdigest()


def read(message: bytes) -> Mapping[str, Any]:
    """Return the JSON object in *message*."""
    try:
        content = orjson.loads(message)
    except orjson.JSONDecodeError as error:
        raise malformed(f"the message {no_json(error.lineno, error.colno)}") from None
    if not isinstance(content, dict):
        raise malformed("the message is not a JSON object")
    return content


def valid_until(content: Mapping[str, Any], agent: str, business: str, now: datetime) -> datetime:
    """Return the end of a message's validity, if *agent* sends it to *business*, and it is valid *now*."""
    check_stated(dict.fromkeys(CLAIMS) | dict(content), agent, business, now)
    issued_at, expires_at = (_instant(content, name) for name in ("issued-at", "expires-at"))
    if not timedelta() < expires_at - issued_at <= LONGEST:
        flaw = f"expires-at: more than {LONGEST} after issued-at, or before it"
        raise DrpCallRefused(HTTPStatus.FORBIDDEN, flaw, fatal=True)
    return expires_at


def check_stated(content: Mapping[str, Any], agent: str, business: str, now: datetime) -> None:
    """Check sender, recipient and times of a message, as far as it states them: a revocation need not."""
    if content.get("agent-id", agent) != agent:
        raise DrpCallRefused(HTTPStatus.FORBIDDEN, "agent-id: not the calling agent", fatal=True)
    if content.get("business-id", business) != business:
        raise DrpCallRefused(HTTPStatus.FORBIDDEN, "business-id: not this business", fatal=True)
    if "issued-at" in content and now + CLOCKS_DIFFER < _instant(content, "issued-at"):
        raise DrpCallRefused(HTTPStatus.FORBIDDEN, "issued-at: not yet")
    if "expires-at" in content and now > _instant(content, "expires-at"):
        raise DrpCallRefused(HTTPStatus.FORBIDDEN, "expires-at: too late", fatal=True)


def request_message(message: bytes) -> DrpMessage:
    """Return the request in *message*; an error names the path, never the value."""
    try:
        return DrpMessage.model_validate(read(message))
    except ValidationError as error:
        raise _refusal_of(error) from None


def without_claims(message: bytes) -> bytes:
    """Return the fields of *message* that do not concern the person."""
    return orjson.dumps({name: value for name, value in read(message).items() if name in IMPERSONAL})


def must_be_of_this_version(content: Mapping[str, Any], without: str = "") -> None:
    """Check the protocol version of a message; *without* is that of a message that states none."""
    if content.get("drp.version", without) != VERSION:
        raise malformed(f"drp.version: only {VERSION} is supported")


def request_in(message: bytes, agent: ListedAgent) -> RequestSubmitted | None:
    """Return the request of *agent*; None if the right is not supported."""
    said, digest = request_message(message), digest_of(message)
    if said.right is None:
        return None
    attested = f"Attested by {agent.name} under the Data Rights Protocol {VERSION}, message {digest}."
    power = f" Power of attorney: {said.power_of_attorney}" if said.power_of_attorney else ""
    try:
        request = RequestSubmitted(
            reference=digest,
            right=said.right,
            subject=Subject(
                name=_first_name_first(said.name),
                email=said.email,
                phone=said.phone_number,
                postal_address=_postal(said.address),
            ),
            residence=_residence(said.address),
            regulation=Regulation.CCPA if said.regime == "ccpa" else None,
            received_at=said.issued_at,
            agent=Agent(name=agent.name, email=agent.business_contact, permission=f"{attested}{power}"),
        )
    except ValidationError as error:
        raise _refusal_of(error) from None
    if request.subject.is_empty:
        raise malformed(f"the message {NO_PERSON}")
    return request


def _instant(content: Mapping[str, Any], name: str) -> datetime:
    value = content.get(name)
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        instant = None
    if instant is None or instant.utcoffset() is None:
        raise malformed(f"{name}: no ISO 8601 time with its zone")
    return instant


def _refusal_of(error: ValidationError) -> DrpCallRefused:
    # The paths come from our models: no other text of the agent is used.
    flaws = error.errors(include_url=False, include_input=False)
    return malformed(
        "; ".join(f"{'.'.join(map(str, flaw['loc']))}: {message_of(flaw, own=True)}" for flaw in flaws)
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
