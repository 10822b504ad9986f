"""What the handlers of intake may know and use."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from services.intake.cases.clock import ClockRules
from services.intake.cases.deadlines import DeadlineTimer
from services.intake.cases.fingerprint import FirstRequest
from services.intake.cases.rate_limit import RateLane, WaitingRequest
from services.intake.domain import IntakeCase
from shared.contract.envelope import Unreadable
from shared.contract.events import BurstDeclared, RequestRejected, SubmissionError
from shared.contract.ports import TimersPort, VaultPort
from shared.errors import TooEarly

NOT_KNOWN = SubmissionError(path="data.request", message="no request has this id or reference")


class FirstRequestPort(Protocol):
    """Who was the first to ask for something."""

    async def claim(self, wish: bytes, case: str, now: datetime) -> FirstRequest:
        """Return whose *wish* is: that of *case*, unless another has claimed it."""

    async def pass_on(self, held: FirstRequest, case: str, now: datetime) -> bool:
        """Make *held* the claim of *case*; return whether it is, and nobody was faster."""

    async def case(self, case: str) -> IntakeCase:
        """Return what is known of *case*."""


class WaitingQueuePort(Protocol):
    """Where requests wait their turn."""

    async def lane(self, source: str, received_at: datetime, now: datetime) -> RateLane:
        """Return which requests one of *source* is counted with."""

    async def enter(self, visitor: WaitingRequest, lane: RateLane, now: datetime) -> bool:
        """Return whether *visitor* may begin at once; whoever may not waits from now on."""

    async def hurry(self, case: str) -> bool:
        """Let *case* begin next, whatever the limit says; return whether it waits."""

    async def declare(self, burst: BurstDeclared) -> None:
        """Remember *burst*."""


class CodeFailures(Protocol):
    """The wrong codes of all requests."""

    async def failed(self, attempt: str, now: datetime) -> None:
        """Count a wrong code; the same attempt counts once."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What a handler may know and use."""

    case_id: str
    case: IntakeCase
    now: datetime
    event_id: str
    source: str
    occurred_at: datetime
    vault: VaultPort = field(repr=False)
    timers: TimersPort = field(repr=False)
    firsts: FirstRequestPort = field(repr=False)
    room: WaitingQueuePort = field(repr=False)
    codes: CodeFailures = field(repr=False)
    practice: ClockRules


async def set_timers(waits: Sequence[DeadlineTimer], ctx: Intake) -> None:
    """Have each of *waits* told when it has come."""
    for wait in waits:
        await ctx.timers.set(ctx.case_id, wait.name, wait.at)


def rejected(ctx: Intake, *flaws: SubmissionError) -> RequestRejected:
    """Return what tells the publisher of a submission what is wrong with it."""
    return RequestRejected(
        request_id=ctx.case_id, publisher_source=ctx.source, publisher_id=ctx.event_id, errors=flaws
    )


def must_be_own(ctx: Intake) -> None:
    """
    Refuse what a publisher says of the request of another source, in the words for one that is not there.

    Raises:
        Unreadable: It is another's.
    """
    if ctx.case.received is not None and ctx.case.received.source != ctx.source:
        raise Unreadable((NOT_KNOWN,))


async def end_waiting(ctx: Intake) -> None:
    """
    Let the request begin next if it waits its turn: somebody has more to say of it.

    Raises:
        TooEarly: It waited; what is said of it is heard once it has begun.
    """
    if await ctx.room.hurry(ctx.case_id):
        raise TooEarly("the request waits its turn; it begins next")
