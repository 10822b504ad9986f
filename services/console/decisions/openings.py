"""The sealed content of a case: its opening by an account on record, and its reading."""

from http import HTTPStatus
from typing import Any

from fastapi import HTTPException

from services.console import labels
from services.console.context import ConsoleParts
from services.console.decisions.forms import DecisionDraft
from services.console.decisions.submission import StepUp, decide
from services.console.http.guard import Visitor
from shared.contract.case_openings import EVERYTHING
from shared.contract.events import ContentOpened
from shared.runtime.staff_api import DecisionNotAccepted, StaffApiProblem

NOT_OPENED = "not_opened"
NO_REVIEW = "no package waits for a review"


async def open_case(parts: ConsoleParts, visitor: Visitor, case: str, reason: str, given: StepUp) -> None:
    """Open *case* on record; raises as :func:`decide`."""
    if reason not in labels.READINGS:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "not a reason")
    event = ContentOpened(request_id=case, by=visitor.member.name, item=EVERYTHING, reason=reason)
    await decide(parts, visitor, DecisionDraft(event), given)


async def opened_content(parts: ConsoleParts, visitor: Visitor, case: str) -> dict[str, Any] | None:
    """Return the content of a *case* that *visitor* has opened; None if it has not."""
    answer = await read_opened(parts, visitor, f"/v1/staff/cases/{case}/content")
    return None if answer is None else dict(answer.json())


async def opened_item(parts: ConsoleParts, visitor: Visitor, case: str, item: str) -> Any:
    """Return the stream of intake with an *item* of the content; answer 403 if the case is not opened."""
    answer = await read_opened(parts, visitor, f"/v1/staff/cases/{case}/content/{item}", stream=True)
    if answer is None:
        raise HTTPException(HTTPStatus.FORBIDDEN, "the case is not opened")
    return answer


async def records_to_review(parts: ConsoleParts, visitor: Visitor, case: str, start: int) -> dict[str, Any]:
    """Return records of the package to review; answer 409 if the case is not open any more."""
    path = f"/v1/staff/cases/{case}/content/review/records?start={start}"
    answer = await read_opened(parts, visitor, path)
    if answer is None:
        raise HTTPException(HTTPStatus.CONFLICT, NO_REVIEW)
    return dict(answer.json())


async def read_opened(parts: ConsoleParts, visitor: Visitor, path: str, **options: Any) -> Any:
    """Return the answer of intake to a session of *visitor*; None if it has not opened the case."""
    unlocked = visitor.session.unlocked
    if unlocked is None or unlocked.until <= parts.clock():
        return None
    try:
        return await parts.intake.response("GET", path, unlocked.bearer, **options)
    except DecisionNotAccepted as refused:
        if str(refused) != NOT_OPENED:
            raise HTTPException(HTTPStatus.FORBIDDEN, str(refused)) from None
        return None
    except StaffApiProblem as problem:
        if problem.status == HTTPStatus.UNAUTHORIZED:
            await parts.sessions.lock(visitor.session)
            return None
        raise HTTPException(problem.status, str(problem)) from None
