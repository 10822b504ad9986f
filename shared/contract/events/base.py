"""Forms of values and base classes of events."""

import unicodedata
from functools import partial
from typing import Annotated, ClassVar, TypeAlias

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

from shared.vocabulary import StaffRole

RequestId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Code: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.]{1,80}$")]
"""A reason, kind or name from a closed vocabulary; free text does not fit in."""
PolicyId: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}@[0-9]{4}-[0-9]{2}-[0-9]{2}$")
]
"""A law and the first day of its edition."""
Text: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
LongText: TypeAlias = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)
]
Mailbox: TypeAlias = Annotated[
    str,
    StringConstraints(pattern=r"^[^@\s<>,;]{1,64}@[^@\s<>,;]{1,255}$"),
    AfterValidator(partial(unicodedata.normalize, "NFC")),
]
"""A mail address in NFC: records are searched by the characters that a letter is sent to."""
Country: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Locale: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")]


class Event(BaseModel):
    """A message that a handler can receive. Readers ignore unknown fields, so adding one is compatible."""

    model_config = ConfigDict(frozen=True, defer_build=True, extra="ignore", hide_input_in_errors=True)

    TYPE: ClassVar[str]
    EXCHANGE: ClassVar[str]


class Fact(Event):
    """Something that happened, for the consumers of ``habeas.events``."""

    EXCHANGE: ClassVar[str] = "habeas.events"
    PUBLISHED: ClassVar[bool] = True
    TERMINAL: ClassVar[bool] = False
    """Whether no service of ours consumes it: it is for upstream systems and may find no queue."""

    request_id: RequestId

    @property
    def case(self) -> str:
        """The case in which it is handled, one event after the other."""
        return self.request_id

    @property
    def cases(self) -> tuple[str, ...]:
        """The cases that it speaks of."""
        return (self.request_id,) if self.case == self.request_id else (self.request_id, self.case)


class Record(Fact):
    """A fact that only its own service needs to remember: journalled, never published."""

    PUBLISHED: ClassVar[bool] = False


class EventPart(BaseModel):
    """A piece of an event."""

    model_config = ConfigDict(frozen=True, defer_build=True, extra="ignore", hide_input_in_errors=True)


MOST_BATCHED = 100
"""Decisions that one code makes, at most."""


class StaffProof(EventPart):
    """Proof that a staff account made a decision: a signature over all of it, and a one-time code."""

    account: Code
    at: AwareDatetime
    """When it was signed; the code belongs to this moment."""
    nonce: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    code: Annotated[str, StringConstraints(pattern=r"^([0-9]{6}|[a-z2-7]{16})?$")] = ""
    """
    From the second factor (RFC 6238), or a recovery code; it counts once. Empty for the account of a program.
    """
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]
    """Ed25519, by the key that follows from the account's password."""
    batch: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")], ...],
        Field(max_length=MOST_BATCHED, exclude_if=lambda batch: not batch),
    ] = ()
    """Digests of all decisions that were signed together, by one code; empty for a single decision."""


class Decision(Fact):
    """
    A decision of the privacy staff.

    The runtime of each service that acts on it verifies the proof before the handler runs
    (shared.contract.staff).
    """

    ROLES: ClassVar[frozenset[StaffRole]]
    """Roles of which the account needs one."""
    OF_REQUEST: ClassVar[bool] = True
    """Whether it is about a request; else about an incident, a purge or a mail."""

    by: Code
    """Name of the account."""
    proof: StaffProof | None = None

    @property
    def of_request(self) -> bool:
        """Whether this one is about a request."""
        return self.OF_REQUEST


class ReasonedDecision(Decision):
    """A decision for which the account may give a reason in words."""

    remark: Code | None = None
    """Name, in the vault, of the account's reason, for the staff."""


class DecisionRefused(Fact):
    """A service refused a decision of the staff: its proof, its account or the case does not allow it."""

    TYPE = "habeas.decision.refused.v1"

    decision: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """Id of the refused event."""
    type: Code
    """Type of the refused event."""
    account: Code
    reason: Code
