"""The context of intake's handlers."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from services.intake.cases.code_limits import CodeLimit
from services.intake.cases.deadlines import CaseTimer
from services.intake.cases.fingerprint import FirstRequest
from services.intake.cases.rate_limit import RateLane, WaitingRequest
from services.intake.domain import IntakeCase, RequestLodged
from shared.contract.correlation import Correlation
from shared.contract.envelope import Unreadable
from shared.contract.events import BurstDeclared, RequestRejected, RequestSubmitted, SubmissionError
from shared.contract.ports import TimersPort, VaultPort
from shared.errors import TooEarly
from shared.law import ClockRules
from shared.runtime.service import Moment

NOT_KNOWN = SubmissionError(path="data.request", message="no request has this id or reference")


class FirstRequestPort(Protocol):
    """The first requests by fingerprint."""

    async def claim(self, fingerprint: bytes, case: str, now: datetime) -> FirstRequest:
        """Return the claim that holds *fingerprint*: that of *case*, unless another is first."""

    async def pass_on(self, held: FirstRequest, case: str, now: datetime) -> bool:
        """Give *held* to *case*; return False if another was faster."""

    async def case(self, case: str) -> IntakeCase:
        """Return the state of *case*."""


class RequesterIndexPort(Protocol):
    """The cases of a mailbox."""

    async def add(self, case: str, request: RequestSubmitted, at: datetime) -> None:
        """Add the mailboxes of *request*, the case *case*, received *at*; it may be repeated."""


class WaitingQueuePort(Protocol):
    """The queue of waiting requests."""

    async def lane(self, source: str, received_at: datetime, now: datetime) -> RateLane:
        """Return the lane of a request of *source*."""

    async def enter(self, waiting: WaitingRequest, lane: RateLane, now: datetime) -> bool:
        """Return whether *waiting* may begin at once; otherwise it waits from now on."""

    async def hold(self, waiting: WaitingRequest, now: datetime) -> None:
        """Let *waiting*, which may begin, wait for the registration of the first request for the same."""

    async def is_full(self, source: str, now: datetime) -> bool:
        """Return whether a request of *source* would have to wait."""

    async def start_next(self, case: str) -> bool:
        """Start *case* next, regardless of the limit; return whether it waits."""

    async def admits_follow_up(self, source: str, now: datetime) -> bool:
        """Count an event of *source* that waits for its request; return whether it may wait."""

    async def lodged(self, case: str) -> RequestLodged | None:
        """Return the request *case*, if it waits."""

    async def begun(self, cases: Sequence[str], now: datetime) -> None:
        """Remove the registered *cases*, and count them."""

    async def declare(self, burst: BurstDeclared) -> None:
        """Store *burst*."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports that intake depends on, and the rules of its clocks."""

    vault: VaultPort = field(repr=False)
    timers: TimersPort = field(repr=False)
    duplicates: FirstRequestPort = field(repr=False)
    queue: WaitingQueuePort = field(repr=False)
    codes: CodeLimit = field(repr=False)
    requesters: RequesterIndexPort = field(repr=False)
    practice: ClockRules

    def context(self, moment: Moment[IntakeCase]) -> "IntakeContext":
        """Return the context of a handled event, or of an operation by HTTP or a channel."""
        return IntakeContext(
            self.vault,
            self.timers,
            self.duplicates,
            self.queue,
            self.codes,
            self.requesters,
            self.practice,
            case_id=moment.case,
            case=moment.state,
            now=moment.now,
            event_id=moment.event_id,
            source=moment.source,
            occurred_at=moment.occurred_at,
            correlation=moment.correlation,
        )


@dataclass(frozen=True, slots=True)
class IntakeContext(Ports):
    """The ports and the state that a handler of intake uses."""

    case_id: str
    case: IntakeCase
    now: datetime
    event_id: str
    source: str
    occurred_at: datetime
    correlation: Correlation | None = None


async def set_timers(waits: Sequence[CaseTimer], ctx: IntakeContext) -> None:
    """Set timers for *waits*."""
    await asyncio.gather(
        *(ctx.timers.set(ctx.case_id, wait.name, wait.at, ctx.correlation) for wait in waits)
    )


def rejected(ctx: IntakeContext, *flaws: SubmissionError) -> RequestRejected:
    """Return the rejection that reports the errors of a submission to its publisher."""
    source, id_ = ctx.source, ctx.event_id
    return RequestRejected(request_id=ctx.case_id, publisher_source=source, publisher_id=id_, errors=flaws)


def must_be_own(ctx: IntakeContext) -> None:
    """Refuse an event about the request of another source as ``Unreadable``: as if it did not exist."""
    if ctx.case.received is not None and ctx.case.received.source != ctx.source:
        raise Unreadable((NOT_KNOWN,))


async def end_waiting(ctx: IntakeContext) -> None:
    """Start the request next if it waits in the queue, and raise ``TooEarly``: the event is retried then."""
    if await ctx.queue.start_next(ctx.case_id):
        raise TooEarly("the request waits its turn; it begins next")
