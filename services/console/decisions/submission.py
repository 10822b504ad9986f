"""Signing of a decision with the session's key and a one-time code, and the wait for its effect."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from http import HTTPStatus
from typing import Final

from services.console.context import ConsoleParts
from services.console.decisions.forms import DecisionDraft
from services.console.domain import HistoryEntry, refusals_in
from services.console.handlers import observed
from services.console.http.guard import Visitor
from services.console.signin.local import SESSION_DIGITS, decided, nonce
from services.console.signin.sessions import ConsoleSession, UnlockedKey
from shared.contract.events import Decision, HoldPlaced, StaffSignedIn
from shared.contract.events.breaches import BreachDeclared
from shared.contract.staff import StaffDecision, signed_batch
from shared.errors import HabeasError, TransientError
from shared.runtime.staff_api import DecisionNotAccepted, DecisionState, StaffApiProblem, TakenDecision

SEEN_WITHIN_S: Final = 5.0
POLL_S: Final = 0.05
WRONG_CODE: Final = "code_wrong"
NO_ANSWER: Final = (TransientError, StaffApiProblem)
"""Errors of the wait for the effect of a decision, which is recorded all the same."""


@dataclass(frozen=True, slots=True)
class StepUp:
    """The code, and the password if it is needed, that sign a decision."""

    code: str
    password: str = ""
    """Needed in a session that a provider began: its account's key is not known yet."""


@dataclass(frozen=True, slots=True)
class MadeDecision:
    """A decision that intake has published."""

    id: str
    """Of its event; empty if intake did not publish it."""
    answered: bool
    """Whether a service has answered it, as far as is known."""
    case: str = ""
    results: Sequence[str] = ()
    """Types of the events that it caused."""
    reason: str | None = None
    """Code of the reason of a refused decision of a batch."""


class WrongPassword(HabeasError):
    """The password is not that of the account."""


async def decide(parts: ConsoleParts, visitor: Visitor, draft: DecisionDraft, given: StepUp) -> str:
    """Make the decision as :func:`make_decision`; return the id of its event."""
    return (await make_decision(parts, visitor, draft, given)).id


async def make_decision(
    parts: ConsoleParts, visitor: Visitor, draft: DecisionDraft, given: StepUp
) -> MadeDecision:
    """
    Sign the decision of *draft*, submit it, and wait for its effect.

    Errors after it was submitted leave it without an answer: it is made.

    Raises:
        DecisionNotAccepted: It was refused; the message is the code of the reason.
        WrongPassword: The session has no key, and the password gives another one.
        StaffApiProblem: There is no such request, or the form is wrong.
        IntakeUnavailable: Intake does not answer.
        KeysBusy: Too many passwords are being checked.
    """
    unlocked = visitor.session.unlocked
    if unlocked is None or unlocked.until <= parts.clock():
        taken, bearer = await _with_session(parts, visitor, draft, given)
    else:
        taken, bearer = await _submitted(parts, visitor, unlocked, draft, given.code)
    try:
        results = await parts.intake.effect(taken.id, bearer=bearer)
        await _wait_for_results(parts, taken, results, opens_case=_opens_case(draft.decision))
    except DecisionNotAccepted:
        await _wait_for_refusal(parts, taken)
        raise
    except NO_ANSWER:  # the page of the case says so
        return MadeDecision(taken.id, answered=False, case=taken.case)
    return MadeDecision(taken.id, answered=True, case=taken.case, results=results)


async def make_batch(
    parts: ConsoleParts, session: ConsoleSession, drafts: Sequence[DecisionDraft], code: str
) -> list[MadeDecision]:
    """
    Sign *drafts* with one *code*, submit them, and wait for their effects; return these in order.

    Raises as :meth:`StaffApi.submit_batch`.
    """
    unlocked = session.unlocked
    if unlocked is None:
        raise WrongPassword("the session has no key")
    decisions = [one.decision for one in drafts if isinstance(one.decision, Decision)]
    signed = signed_batch(decisions, unlocked.key, at=parts.clock(), nonce=nonce(), code=code)
    taken = await parts.intake.submit_batch(signed, [one.text for one in drafts], unlocked.bearer)
    await _count_wrong(parts, session, *(str(one) for one in taken if isinstance(one, DecisionNotAccepted)))
    ids = [one.id for one in taken if isinstance(one, TakenDecision)]
    effects = await parts.intake.effects(ids, bearer=unlocked.bearer) if ids else {}
    pairs = zip(decisions, taken, strict=True)
    return [_batched(decision.request_id, one, effects) for decision, one in pairs]


def _batched(
    case: str, taken: TakenDecision | DecisionNotAccepted, effects: Mapping[str, DecisionState]
) -> MadeDecision:
    if isinstance(taken, DecisionNotAccepted):
        return MadeDecision("", answered=True, case=case, reason=str(taken))
    effect = effects[taken.id]
    answered = effect.status != "pending"
    return MadeDecision(taken.id, answered, case, effect.results, effect.reason)


async def _count_wrong(parts: ConsoleParts, session: ConsoleSession, *reasons: str) -> None:
    """Count a wrong code; after a few, the session needs the password: they would lock its account."""
    if WRONG_CODE in reasons and not parts.wrong_codes.take(session.token):
        await parts.sessions.lock(session)


async def _submitted(
    parts: ConsoleParts, visitor: Visitor, unlocked: UnlockedKey, draft: DecisionDraft, code: str
) -> tuple[TakenDecision, str | None]:
    """Submit the decision in the session at intake, or without it, if that has ended; return its bearer."""
    signed = decided(draft.decision, unlocked, code, parts.clock())
    try:
        taken = await parts.intake.submit(signed, draft.text, unlocked.bearer, draft.package)
    except DecisionNotAccepted as refused:
        await _count_wrong(parts, visitor.session, str(refused))
        raise
    except StaffApiProblem as problem:
        if problem.status != HTTPStatus.UNAUTHORIZED:
            raise
    else:
        return taken, unlocked.bearer
    await parts.sessions.lock(visitor.session)
    return await parts.intake.submit(signed, draft.text, None, draft.package), None


async def _with_session(
    parts: ConsoleParts, visitor: Visitor, draft: DecisionDraft, given: StepUp
) -> tuple[TakenDecision, str | None]:
    """Begin a session at intake and submit the decision, both by one code; return the session's bearer."""
    now, name = parts.clock(), visitor.member.name
    if not parts.passwords.take(name):  # a thief of the provider's session would try many
        raise WrongPassword("too many passwords were tried")
    salt = await parts.intake.salt(name)
    key = await parts.keys.key(given.password, salt)
    if key.public_key().public_bytes_raw() != visitor.member.public_key:
        raise WrongPassword("the password is wrong")
    bearer = secrets.token_urlsafe(32)
    token, until = sha256(bearer.encode()).hexdigest(), visitor.session.ends_at - timedelta(seconds=1)
    begun = StaffSignedIn(request_id=token[:SESSION_DIGITS], by=name, token=token, until=until)
    if not isinstance(draft.decision, Decision) or draft.package is not None:
        raise WrongPassword("the session has no key, and no batch has such a decision")
    both: Sequence[Decision] = (begun, draft.decision)
    proven = signed_batch(both, key, at=now, nonce=nonce(), code=given.code)
    session, taken = await parts.intake.submit_batch(proven, (None, draft.text))
    if isinstance(session, DecisionNotAccepted):
        raise session
    begins = await _unlocked(parts, visitor, session, UnlockedKey(key, bearer, until))
    if isinstance(taken, DecisionNotAccepted):
        raise taken
    return taken, bearer if begins else None


async def _unlocked(
    parts: ConsoleParts, visitor: Visitor, session: TakenDecision, unlocked: UnlockedKey
) -> bool:
    """Keep the key in the session of *visitor* once *session* begins at intake; return whether it does."""
    try:
        await parts.intake.effect(session.id)
        await parts.sessions.unlock(visitor.session, unlocked)
    except NO_ANSWER:
        return False
    return True


def _opens_case(decision: StaffDecision) -> bool:
    """Return whether *decision* opens a case: a declaration of a breach, or a hold on a collection."""
    placed = isinstance(decision, HoldPlaced) and not decision.of_request
    return placed or isinstance(decision, BreachDeclared)


async def _wait_for_results(
    parts: ConsoleParts, taken: TakenDecision, results: Sequence[str], *, opens_case: bool
) -> None:
    """
    Wait until the row of the case shows the decision and its results, or for a few seconds.

    Earlier facts of the same types are no results: a second decision may lead to what a first one has led to.
    Of a decision that *opens_case* the row is awaited, which comes last. A declared breach is a submission:
    the model has its results alone.
    """
    wanted = {kind.TYPE for kind in observed()}.intersection(results)

    async def is_seen(history: Sequence[HistoryEntry]) -> bool:
        own = noted(history, taken.id)
        known = await parts.cases.row(taken.case) if opens_case else own
        later = (one for one in history if own is None or one.at >= own.at)
        return known is not None and wanted <= {one.fact.TYPE for one in later}

    await _wait_for_history(parts, taken, is_seen)


async def _wait_for_refusal(parts: ConsoleParts, taken: TakenDecision) -> None:
    """Wait until the row of the case shows the refusal: before, the account may not decide again."""

    async def is_seen(history: Sequence[HistoryEntry]) -> bool:
        return taken.id in refusals_in(history)

    with suppress(TransientError):  # the refusal is what the account has to know
        await _wait_for_history(parts, taken, is_seen)


async def _wait_for_history(
    parts: ConsoleParts, taken: TakenDecision, is_seen: Callable[[Sequence[HistoryEntry]], Awaitable[bool]]
) -> None:
    """Wait until *is_seen* holds of the history that the row of the case shows, or for a few seconds."""
    until = time.monotonic() + SEEN_WITHIN_S
    while time.monotonic() < until:
        if await is_seen(await parts.histories.shown(taken.case)):
            return
        await asyncio.sleep(POLL_S)


def noted(history: Sequence[HistoryEntry], decision: str) -> HistoryEntry | None:
    """Return the entry of the *decision* with this id; None if the read model does not have it."""
    return next((one for one in history if one.id == decision), None)
