"""Submissions of upstream systems: personal data, strict, sealed on arrival."""

import re
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    AwareDatetime,
    Base64Bytes,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.contract.codes import MOST_TYPED, TYPED
from shared.contract.erasure_claims import ErasureClaim, erasure_claim
from shared.contract.events.base import (
    Code,
    Country,
    Event,
    EventPart,
    Locale,
    LongText,
    Mailbox,
    RequestId,
    Text,
)
from shared.law.terms import DIRECT_MARKETING, Regulation, Right, Role
from shared.vocabulary import ProofSlot


class Strict(BaseModel):
    """A piece of a submission: an unknown key is an error, so that a typing slip is not lost silently."""

    model_config = ConfigDict(frozen=True, defer_build=True, extra="forbid", hide_input_in_errors=True)


class Submission(Event):
    """A message of an upstream system to ``habeas.requests``."""

    model_config = ConfigDict(frozen=True, defer_build=True, extra="forbid", hide_input_in_errors=True)
    EXCHANGE: ClassVar[str] = "habeas.requests"


class PostalAddress(Strict):
    """A person's address."""

    lines: tuple[Text, ...] = ()
    city: Text | None = None
    region: Text | None = None
    postal_code: Text | None = None
    country: Country | None = None


CONTACTS: Mapping[str, str] = MappingProxyType({"email": "email", "phone_number": "phone", "phone": "phone"})
"""Identifiers that mean the same as a field of a subject, and the field."""


class Subject(Strict):
    """The person the data is about, as the requester describes them."""

    name: Text | None = None
    email: Mailbox | None = None
    phone: Text | None = None
    postal_address: PostalAddress | None = None
    date_of_birth: date | None = None
    identifiers: dict[Code, Text] = Field(default_factory=dict, max_length=50)
    """`email`, `phone_number` and `phone` among them are moved to the fields `email` and `phone`."""

    @property
    def is_empty(self) -> bool:
        """
        Whether it identifies no person: no name, contact, identifier or address with a letter or a digit.

        Intake rejects such a request; the model accepts it, as 0.1.0 did.
        """
        lines = self.postal_address.lines if self.postal_address else ()
        texts = (self.name, self.email, self.phone, *self.identifiers.values(), *lines)
        return not any(character.isalnum() for text in texts if text for character in text)

    @model_validator(mode="before")
    @classmethod
    def _contacts_moved(cls, content: Any) -> Any:
        """
        Move a mailbox and a telephone number from the identifiers to their fields.

        The mailbox that the search uses is then the one that gets codes and letters.

        Raises:
            ValidationError: The field holds another value.
        """
        identifiers = content.get("identifiers") if isinstance(content, Mapping) else None
        if not isinstance(identifiers, Mapping) or CONTACTS.keys().isdisjoint(identifiers):
            return content
        moved, rest = dict(content), dict(identifiers)
        for name in filter(rest.__contains__, CONTACTS):
            field, value = CONTACTS[name], rest.pop(name)
            if moved.get(field) is None:
                moved[field] = value
            elif _contact(field, moved[field]) != _contact(field, value):
                raise _contradiction(cls.__name__, name, field)
        return moved | {"identifiers": rest}


NO_PERSON = "identifies no person: a name, an email, a phone, an address or an identifier is needed"
"""The error of an empty subject."""


def _contact(field: str, value: object) -> str:
    """Return a mailbox or a telephone number in a normal form for comparison."""
    return re.sub(r"\D", "", str(value)) if field == "phone" else str(value).strip().lower()


def _contradiction(title: str, name: str, field: str) -> ValidationError:
    error = PydanticCustomError("contradiction", "must not differ from the field {field}", {"field": field})
    return ValidationError.from_exception_data(
        title, [InitErrorDetails(type=error, loc=("identifiers", name), input=None)]
    )


class Residence(Strict):
    """The person's legal residence; it chooses the regulation."""

    country: Country
    subdivision: Code | Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,3}$")] | None = None


class Correction(Strict):
    """One field that the person wants changed, and the value it should have."""

    field: Text
    value: LongText


class Details(Strict):
    """Further statements of the person."""

    statement: LongText | None = None
    scope: tuple[Text, ...] = ()
    corrections: tuple[Correction, ...] = ()
    transfer_to: Text | None = None
    with_copy: bool = False
    """An erasure only: hand over a copy first. Nothing is erased before the copy is safe."""
    ground: ErasureClaim | None = None
    """An erasure only: the ground that the person claims, where the staff judges it."""
    full_values: bool = False
    """Disclose sensitive values in full where they would be masked; this needs more proof."""

    @property
    def erasure_claim(self) -> ErasureClaim | None:
        """The ground of an erasure that is claimed, by the field or in words."""
        return self.ground or erasure_claim(self.statement or "")


class Agent(Strict):
    """An agent acting on the person's behalf, and the permission they show."""

    name: Text
    email: Text
    permission: LongText
    parent: bool = False
    """Whether it is a parent, or a guardian, acting for a child."""


class Controller(Strict):
    """A customer for which the company holds a person's data, and that decides about it."""

    name: Text
    email: Mailbox


class EmailCode(Strict):
    """The code that was mailed: six digits, or eight letters for an erasure or a transfer."""

    kind: Literal["email_code"]
    code: Annotated[str, StringConstraints(max_length=MOST_TYPED, pattern=TYPED)]


class Confirmation(Strict):
    """
    The person's confirmation of an erasure or a transfer, after right, consequence and recipient were shown.

    It counts once everything else is proven, and only where no code can be mailed.
    """

    kind: Literal["confirmation"]
    right: Right
    """The confirmed right; it must be the right of the request."""


class NewCode(Strict):
    """A wish for another code, because the first expired or never arrived."""

    kind: Literal["new_code"]


MOST_DOCUMENT_BYTES = 10 << 20
"""As many as a photo of a telephone has, in the best quality."""
OPENPGP_MESSAGE = "application/pgp-encrypted"
"""Media type of a document that the person encrypted."""


class DataPoints(Strict):
    """Claims about data held, to be compared with the records: field name of the data map → value."""

    kind: Literal["data_points"]
    points: dict[Code, Text] = Field(min_length=1, max_length=20)


class IdToken(Strict):
    """The claims of the company's own log-in about the person (OpenID Connect Core § 2)."""

    kind: Literal["id_token"]
    token: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9_=-]+(\.[A-Za-z0-9_=-]+){2}$", max_length=8_192)
    ]


def _no_larger_than_a_document(content: bytes) -> bytes:
    if len(content) > MOST_DOCUMENT_BYTES:
        raise ValueError(f"must be at most {MOST_DOCUMENT_BYTES} bytes")
    return content


class Document(Strict):
    """A picture or a PDF of a document."""

    kind: Literal["document"]
    slot: ProofSlot
    media_type: Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9.+-]{1,60}$")]
    content: Annotated[Base64Bytes, AfterValidator(_no_larger_than_a_document)] = Field(
        min_length=1, max_length=MOST_DOCUMENT_BYTES * 4 // 3 + 4
    )
    """Base64; that limit counts before it is decoded."""


class Declaration(Strict):
    """The statement that the person signs under penalty of perjury."""

    kind: Literal["declaration"]
    text: LongText
    name: Text
    """The signature: the person's name, as they typed it."""
    signed_at: AwareDatetime


MOST_PROOFS = 10
Proof: TypeAlias = Annotated[
    EmailCode | NewCode | DataPoints | IdToken | Document | Declaration | Confirmation,
    Field(discriminator="kind"),
]


class RequestSubmitted(Submission):
    """A person asks; an upstream system passes it on."""

    TYPE = "habeas.request.submitted.v1"

    reference: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """Unique per CloudEvents source: the same pair again is the same request."""
    right: Right
    subject: Subject
    residence: Residence | None = None
    regulation: Regulation | None = None
    role: Role = Role.CONSUMER
    """The person's role towards the company; some laws do not protect people at work."""
    child: bool = False
    """Whether the person is a child, regardless of their date of birth."""
    controller: Controller | None = None
    """The customer that decides about the data of an end user, where the publisher knows it."""
    locale: Locale | None = None
    received_at: AwareDatetime | None = None
    """When the request reached the company; the event's own time when left out."""
    details: Details = Details()
    agent: Agent | None = None
    proofs: tuple[Proof, ...] = Field(default=(), max_length=MOST_PROOFS)

    @property
    def direct_marketing(self) -> bool:
        """Whether it is an objection to direct marketing, and to nothing else."""
        return self.right is Right.OBJECTION and set(self.details.scope) == {DIRECT_MARKETING}


class ProofSubmitted(Submission):
    """A person offers proof of identity for a request made before."""

    TYPE = "habeas.proof.submitted.v1"

    request: RequestId | None = None
    reference: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    proofs: tuple[Proof, ...] = Field(min_length=1, max_length=MOST_PROOFS)


class WithdrawalSubmitted(Submission):
    """A person takes a request back."""

    TYPE = "habeas.request.withdrawn.v1"

    request: RequestId | None = None
    reference: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    reason: LongText | None = None


class AppealSubmitted(Submission):
    """A person disagrees with an answer, or with how their request is dealt with."""

    TYPE = "habeas.appeal.submitted.v1"

    request: RequestId | None = None
    reference: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    statement: LongText
    """The person's words."""


class UnreadableSubmission(Submission):
    """A message on ``habeas.requests`` that could not be read or handled: it is set aside, sealed."""

    body: bytes
    flaws: tuple["SubmissionError", ...]
    publisher_source: str | None
    publisher_id: str | None
    reference: str | None = None
    admitted: bool = False
    """Whether the broker user may publish as the source."""


class SubmissionError(EventPart):
    """An error of a submission, and its place; never the value."""

    path: str
    message: str

    def __str__(self) -> str:
        """Return both in one line."""
        return f"{self.path}: {self.message}" if self.path else self.message
