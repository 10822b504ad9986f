"""The signed trail of a case, which intake writes for an account in a session."""

from datetime import timedelta
from http import HTTPStatus

from fastapi import HTTPException, Response
from pydantic import ValidationError

from services.console.context import ConsoleParts
from services.console.decisions.submission import StepUp
from services.console.http.guard import Visitor
from services.console.signin.local import BUSY, WRONG, Credentials, SignInRefused, unlocked_by
from services.console.signin.sessions import UnlockedKey
from shared.contract.references import short_reference
from shared.runtime.staff_api import DecisionNotAccepted, StaffApiProblem


async def exported_trail(parts: ConsoleParts, visitor: Visitor, case: str, given: StepUp) -> Response:
    """
    Return the signed trail of *case* as an archive; the export is on record.

    Raises HTTPException as intake answers, and SignInRefused as :func:`unlocked_by`.
    """
    bearer = (await unlocked_session(parts, visitor, given)).bearer
    try:
        answer = await parts.intake.response("POST", f"/v1/staff/cases/{case}/trail", bearer)
    except StaffApiProblem as problem:
        if problem.status == HTTPStatus.UNAUTHORIZED:
            await parts.sessions.lock(visitor.session)
        raise HTTPException(problem.status, str(problem)) from None
    except DecisionNotAccepted as refused:
        raise HTTPException(HTTPStatus.FORBIDDEN, str(refused)) from None
    headers = {"Content-Disposition": f'attachment; filename="trail-{short_reference(case)}.zip"'}
    return Response(
        bytes(answer.content), media_type="application/zip", headers={**headers, "Cache-Control": "no-store"}
    )


async def unlocked_session(parts: ConsoleParts, visitor: Visitor, given: StepUp) -> UnlockedKey:
    """
    Return the session of *visitor* at intake; begin it with password and code where a provider signed in.

    Raises SignInRefused as :func:`unlocked_by`.
    """
    known, now = visitor.session.unlocked, parts.clock()
    if known is not None and known.until > now:
        return known
    if not parts.passwords.take(visitor.member.name):  # a thief of the provider's session would try many
        raise SignInRefused(BUSY)
    try:
        known_by = Credentials(visitor.member.name, given.password, given.code)
        found = await unlocked_by(parts, known_by, visitor.session.ends_at - timedelta(seconds=1))
    except ValidationError:
        raise SignInRefused(WRONG) from None
    await parts.sessions.unlock(visitor.session, found)
    return found
