"""Sign-in of an account by password and one-time code, which intake verifies."""

import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from http import HTTPStatus

from pydantic import TypeAdapter, ValidationError

from services.console.context import ConsoleParts
from services.console.signin.sessions import ConsoleSession, UnlockedKey
from shared.contract.events import Code, StaffSignedIn
from shared.contract.staff import D, signed
from shared.errors import HabeasError
from shared.pages.translation import mark as _
from shared.runtime.staff_api import DecisionNotAccepted, StaffApiProblem

WRONG = _("Account, password and code do not fit together.")
BUSY = _("Too many sign-ins were tried. Please try again later.")
REFUSALS = {
    "tried_too_often": _("This account has used its try for this half-minute. Wait for the next code."),
    "code_spent": _("This code was used before. Wait for the next code."),
    "account_locked": _("This account is locked after too many wrong codes. An administrator can reset it."),
    "proof_stale": _("The clocks of the servers differ too much. Tell the operators."),
}
"""Reason of a refusal → its explanation; all others have one explanation."""
SESSION_DIGITS = 32
NAME: TypeAdapter[Code] = TypeAdapter(Code)


class SignInRefused(HabeasError):
    """The sign-in was refused; the message may be shown."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Account, password and code, as staff enter them."""

    account: Code
    password: str
    code: str


def nonce() -> str:
    """Return a fresh nonce of a proof."""
    return secrets.token_hex(16)


def decided(decision: D, unlocked: UnlockedKey, code: str, now: datetime) -> D:
    """Return *decision* signed by the unlocked account with a one-time *code*."""
    return signed(decision, unlocked.key, at=now, nonce=nonce(), code=code)


async def unlocked_by(parts: ConsoleParts, given: Credentials, until: datetime) -> UnlockedKey:
    """
    Begin a session at intake until a time at most, and return what the account needs to act.

    Raises:
        SignInRefused: Account, password and code do not fit, or the account is locked.
        TransientError: Intake does not answer, or too many passwords are being checked.
    """
    bearer = secrets.token_urlsafe(32)
    token, intake = sha256(bearer.encode()).hexdigest(), parts.intake
    try:
        salt = await intake.salt(given.account)
        key = await parts.keys.key(given.password, salt)
        unlocked = UnlockedKey(key, bearer, until)
        request = StaffSignedIn(request_id=token[:SESSION_DIGITS], by=given.account, token=token, until=until)
        taken = await intake.submit(decided(request, unlocked, given.code, parts.clock()))
        await intake.effect(taken.id)
    except DecisionNotAccepted as refused:
        raise SignInRefused(REFUSALS.get(str(refused), WRONG)) from None
    except StaffApiProblem as problem:
        raise SignInRefused(BUSY if problem.status == HTTPStatus.TOO_MANY_REQUESTS else WRONG) from None
    return unlocked


async def sign_in(parts: ConsoleParts, given: Credentials) -> ConsoleSession:
    """Sign an account in and return its session; raises as :func:`unlocked_by`."""
    now = parts.clock()
    unlocked = await unlocked_by(parts, given, now + parts.settings.session_length - timedelta(seconds=1))
    member = await parts.accounts.member(given.account)
    if member is None:
        raise SignInRefused(WRONG)
    return await parts.sessions.begin(member.name, member.public_key, now, unlocked)


async def sign_in_with(parts: ConsoleParts, account: str, password: str, code: str) -> ConsoleSession:
    """Sign in with what was entered; a text that is no name of an account is refused as a wrong one."""
    try:
        given = Credentials(NAME.validate_python(account), password, code.strip())
    except ValidationError:
        raise SignInRefused(WRONG) from None
    return await sign_in(parts, given)


async def sign_out(parts: ConsoleParts, session: ConsoleSession) -> None:
    """End *session* here and at intake, once: intake counts a bearer that has ended as a wrong one."""
    ended = await parts.sessions.end(session)
    if not ended or session.unlocked is None:
        return
    with suppress(StaffApiProblem):  # the session had ended there
        await parts.intake.call("DELETE", "/v1/staff/session", session.unlocked.bearer)
