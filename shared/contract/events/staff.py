"""Events about the sessions of staff accounts, and about their work on cases that decides nothing."""

from datetime import timedelta
from typing import Annotated

from pydantic import AwareDatetime, StringConstraints, model_validator

from shared.contract.events.base import Code, Decision, Fact
from shared.vocabulary import StaffRole

MOST_SESSION = timedelta(hours=12)
"""Length of a session, at most."""
SESSION_ID = 32
"""Digits of a token that are the id of its session."""


class StaffSignedIn(Decision):
    """
    A staff account begins a session: the holder of its secret reads, and acts where no code is asked for.

    ``request_id`` is the number of the session: the first digits of *token*.
    """

    TYPE = "habeas.staff.signed_in.v1"
    ROLES = frozenset(StaffRole)
    OF_REQUEST = False

    token: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the session's secret (:func:`shared.contract.staff.session_token`)."""
    until: AwareDatetime

    @model_validator(mode="after")
    def _is_short_and_named_by_its_token(self) -> "StaffSignedIn":
        if self.request_id != self.token[:SESSION_ID]:
            raise ValueError("request_id: must be the first 32 digits of the token")
        if self.proof is not None and self.until > self.proof.at + MOST_SESSION:
            raise ValueError("until: must be at most 12 hours after the proof")
        return self


class MessageRepaired(Decision):
    """An administrator replays or discards a parked message."""

    TYPE = "habeas.message.repaired.v1"
    ROLES = frozenset({StaffRole.ADMIN})
    OF_REQUEST = False

    service: Code
    """The service whose message it is. ``request_id`` is the number of the repair."""
    replayed: bool
    """Whether it goes back to its service; else it is discarded."""
    content: Code
    """Digest of the console's record: the message's id and digest, and the reason, after a salt."""


class StaffSignedOut(Fact):
    """A session of a staff account ended before its time."""

    TYPE = "habeas.staff.signed_out.v1"
    TERMINAL = True

    by: Code
    """Name of the account."""


class CasesSearched(Fact):
    """An account searched for cases by mailbox or reference; intake's journal alone has it, keyed."""

    TYPE = "habeas.cases.searched.v1"
    TERMINAL = True

    by: Code
    """Name of the account. ``request_id`` is its session."""
    found: int
    """Number of the cases."""


class CaseAssigned(Fact):
    """A case has a new owner among the staff, or none any more."""

    TYPE = "habeas.case.assigned.v1"
    TERMINAL = True

    owner: Code | None = None
    """Name of the owner's account."""
    by: Code


class CaseNoted(Fact):
    """The staff wrote a note about a case."""

    TYPE = "habeas.case.noted.v1"
    TERMINAL = True

    note: Code
    """Name of its text in the vault."""
    by: Code


class FileAttached(Fact):
    """The staff attached a file to a case."""

    TYPE = "habeas.file.attached.v1"
    TERMINAL = True

    item: Code
    """Name of the file in the vault."""
    media_type: Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9.+-]{1,60}$")]
    """Its type by its first bytes."""
    by: Code


class TrailExported(Fact):
    """A staff account exported the trail of a case, which has no personal data."""

    TYPE = "habeas.trail.exported.v1"
    TERMINAL = True

    by: Code
