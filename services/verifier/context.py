"""The context of the verifier's handlers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import reduce
from typing import Protocol

from services.verifier.assurance.levels import Sensitivity
from services.verifier.domain import Verification, evolve
from shared.contract.answer import SUBMISSION
from shared.contract.events import Fact, RequestReceived, RequestSubmitted
from shared.contract.ports import TimersPort, VaultPort
from shared.law import AnswerPeriod, ClockRules, end_of_wait


class CodeAllowancePort(Protocol):
    """The limit on codes to a mailbox."""

    async def take(self, mailbox: str, what: str, now: datetime) -> bool:
        """Return whether *mailbox* may be sent *what*; asking again for the same changes nothing."""


@dataclass(frozen=True, slots=True)
class AssuranceRules:
    """How this company verifies identities: the choices that the law leaves to it."""

    clock: ClockRules
    trusted: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    """Sources with a log-in that counts as proof, and the identities that each verifies; None: not stated."""
    confirming: frozenset[str] = frozenset()
    """Sources that have the person confirm an erasure or a transfer before they pass the request on."""
    sensitivity: Sensitivity = Sensitivity.ORDINARY
    patience: timedelta = timedelta(days=30)
    """How long a person is waited for; less where the law leaves less time."""
    logs_in: bool = False
    """Whether tokens of the company's own log-in are taken."""
    four_eyes: bool = False
    """Whether two of the staff must decide for a requester."""


@dataclass(frozen=True, slots=True)
class VerifierContext:
    """The context of a handler."""

    case_id: str
    event_id: str
    known: Verification
    now: datetime
    vault: VaultPort = field(repr=False)
    timers: TimersPort = field(repr=False)
    allowances: CodeAllowancePort = field(repr=False)
    key: bytes = field(repr=False)
    """Codes are hashed with it."""
    practice: AssuranceRules

    def request(self) -> RequestReceived:
        """Return the request that is verified."""
        if self.known.request is None:
            raise AssertionError("a verification that is open has a request")
        return self.known.request

    def lapses_at(self) -> datetime | None:
        """Return when the request lapses: the patience is over, or the law leaves no more time to wait."""
        known = self.known
        if known.lapses_at is None:
            return None
        begun_at = known.asked_at or self.request().received_at
        last_wait = self.last_wait("identity" if known.paused else None)
        return end_of_wait(begun_at, known.lapses_at - begun_at, last_wait)

    def last_wait(self, paused_for: str | None) -> datetime | None:
        """Return the end of the time that the laws leave to wait, while clocks are paused for a reason."""
        return self.practice.clock.last_wait(self._period(paused_for))

    def end_of_windows(self) -> datetime | None:
        """Return when the windows after the proof must have ended, so that the answer is in time."""
        return self.practice.clock.end_of_windows(self._period(None))

    def _period(self, paused_for: str | None) -> AnswerPeriod:
        request = self.request()
        return AnswerPeriod(
            laws=request.laws,
            right=request.right,
            received_at=request.received_at,
            paused_days=self.known.paused_days,
            paused_for=paused_for,
        )

    def with_facts(self, *facts: Fact) -> "VerifierContext":
        """Return this after *facts*."""
        return replace(self, known=reduce(evolve, facts, self.known))

    async def submission(self) -> RequestSubmitted:
        """Return the request as it was submitted."""
        return RequestSubmitted.model_validate_json(await self.vault.open(self.case_id, SUBMISSION))
