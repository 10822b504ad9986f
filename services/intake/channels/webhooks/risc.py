"""
Security events (RISC) of log-in providers, pushed by RFC 8935, as erasure requests.

The body is a Security Event Token (RFC 8417). It does not expire: its name (``jti``) makes it count once.

Raises:
    NotPushed: It is not signed by the issuer for this company.
    Malformed: It cannot be parsed.
    IssuerUnavailable: The issuer's keys are unavailable now.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from pydantic import Field, ValidationError

from services.intake.channels.parts import ReceivedPart
from services.intake.channels.webhooks.messages import (
    Malformed,
    PlatformRequest,
    WebhookRefused,
    platform_request,
    reference_of,
)
from shared.contract.events import SubmissionError, Text
from shared.contract.sources import ChannelSource, channel_source
from shared.law import Right
from shared.runtime import tokens
from shared.runtime.tokens import ExpectedToken, TokenRefused

SOURCE = channel_source(ChannelSource.RISC)
IDENTITY = "risc_sub"
"""The data map's name for the issuer's id of a person."""
REQUIRED = ("iat", "jti", "events")
PURGED = "https://schemas.openid.net/secevent/risc/event-type/account-purged"
"""The account is gone for good. Other events have no effect here (RFC 8417 section 2.2)."""
MEDIA_TYPE = "application/secevent+jwt"
MOST_NAMES = 10
ERRORS = {
    "token_alg": "invalid_key",
    "token_audience": "invalid_audience",
    "token_issuer": "invalid_issuer",
    "token_signature": "invalid_key",
}
"""Error codes of RFC 8935 section 2.4; others are ``invalid_request``."""


class NotPushed(WebhookRefused):
    """A token is refused, with an error code of RFC 8935 section 2.4."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(HTTPStatus.BAD_REQUEST, message)
        self.code = code


class RiscSubject(ReceivedPart):
    """The owner of the account (RFC 9493), in the forms that a search uses."""

    format: Text | None = None
    iss: Text | None = None
    sub: Text | None = None
    email: Text | None = None
    phone_number: Text | None = None
    identifiers: tuple["RiscSubject", ...] = Field(default=(), max_length=MOST_NAMES)
    """Other names of the same person (format ``aliases``)."""


async def verified_claims(body: bytes, media_type: str, expected: ExpectedToken) -> Mapping[str, Any]:
    """Return the claims of a token, once verified as made by the issuer for this company."""
    if media_type.partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise NotPushed("invalid_request", f"the type of the body is not {MEDIA_TYPE}")
    try:
        return await tokens.verified_claims(body.decode("ascii", errors="replace"), expected)
    except TokenRefused as error:
        code = ERRORS.get(error.code, "invalid_request")
        raise NotPushed(code, f"the token is not accepted: {error.code}") from None


def requests_in(claims: Mapping[str, Any]) -> Iterator[PlatformRequest]:
    """Yield the requests of a token, if any."""
    events = claims["events"]
    if not isinstance(events, dict):
        raise Malformed(SubmissionError(path="events", message="is no object"))
    if PURGED in events:
        person = _owner(events[PURGED], claims)
        yield PlatformRequest(SOURCE, platform_request(Right.ERASURE, reference_of(claims), person))


def _owner(event: object, claims: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the owner of the account.

    Source: Shared Signals Framework 1.0, RFC 9493 section 4.1: the claim ``sub_id`` of the token; earlier,
    ``subject`` of the event. Where both stand, they must name the same person.
    """
    before = event.get("subject") if isinstance(event, dict) else None
    said = [one for one in (claims.get("sub_id"), before) if one is not None]
    people = [_person(one, claims["iss"]) for one in said]
    if not people:
        raise Malformed(SubmissionError(path="sub_id", message="is required"))
    if people[0] != people[-1]:
        raise Malformed(SubmissionError(path="sub_id", message="names another person than events.subject"))
    return people[0]


def _person(said: object, issuer: str) -> dict[str, Any]:
    """Return the names of the person in a subject identifier; two values of one kind are refused."""
    try:
        subject = RiscSubject.model_validate(said)
    except ValidationError:
        raise Malformed(SubmissionError(path="sub_id", message="is no subject identifier")) from None
    found: dict[str, Any] = {}
    for one in subject.identifiers if subject.format == "aliases" else (subject,):
        for name, value in _names(one, issuer).items():
            if found.setdefault(name, value) != value:
                raise Malformed(SubmissionError(path="sub_id", message=f"has two values of {name}"))
    return found


def _names(subject: RiscSubject, issuer: str) -> dict[str, Any]:
    if subject.iss is not None and subject.iss.rstrip("/") != issuer.rstrip("/"):
        # Two issuers may use one id for different people.
        raise Malformed(SubmissionError(path="sub_id.iss", message="is another issuer"))
    said = {
        "email": subject.email,
        "phone": subject.phone_number,
        "identifiers": {IDENTITY: subject.sub} if subject.sub else None,
    }
    return {name: value for name, value in said.items() if value}
