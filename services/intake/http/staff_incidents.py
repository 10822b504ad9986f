"""
The sealed content of an incident, for an account of the staff that has opened it.

The journal of incidents has the opening before anything is read: it is a signed decision, and lasts for
fifteen minutes.
"""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import Response, StreamingResponse

from services.intake.cases.service import RequestService
from services.intake.http import operations
from services.intake.http.staff_content import SAFE
from services.intake.http.staff_sessions import StaffSession, StaffSessions
from shared.contract.affected_people import UNREACHED, unreached_item
from shared.contract.breach_facts import FILING
from shared.contract.events import Code, RequestId
from shared.contract.events.breaches import BreachDeclared, BreachOpened, BreachRegistered
from shared.errors import Destroyed
from shared.runtime.journal import JournalRow, facts_of

OPEN_FOR = timedelta(minutes=15)
NOT_THERE = "The incident has no such content, or no longer."
SAMPLE = re.compile(r"sample_[0-9]{1,4}_[0-9]{1,4}(_[a-z0-9_]{2,40})?")
DOCUMENT = re.compile(rf"{FILING}[0-9]{{14}}_[0-9]{{1,4}}")
DECLARATION = re.compile(r"declaration_([0-9]{1,4})")
LIST = re.compile(rf"{UNREACHED}[0-9]{{14}}")


class IncidentHistories(Protocol):
    """The journal of incidents, as :class:`shared.runtime.journal.Journal` reads it."""

    async def histories(self, cases: set[str]) -> dict[str, list[JournalRow]]:
        """Return the rows of each of *cases*, the oldest first."""


@dataclass(frozen=True, slots=True)
class IncidentContent:
    """Gives the content of opened incidents out."""

    journal: IncidentHistories
    service: RequestService
    clock: Callable[[], datetime]

    async def must_be_open(self, incident: str, session: StaffSession) -> None:
        """Answer 403 with the reason if the account of *session* has not opened *incident*."""
        account = session.account
        if not account.roles & BreachOpened.ROLES:
            raise HTTPException(HTTPStatus.FORBIDDEN, "role_missing")
        rows = (await self.journal.histories({incident})).get(incident, [])
        since = self.clock() - OPEN_FOR
        if not any(
            isinstance(fact, BreachOpened) and fact.by == account.name and at > since
            for at, fact in facts_of(rows)
        ):
            raise HTTPException(HTTPStatus.FORBIDDEN, "not_opened")

    async def item(self, incident: str, item: str) -> Response:
        """
        Return a sample of a letter, a document, a declaration, or a list of people not reached.

        Answers 404 for any other name.
        """
        try:
            if SAMPLE.fullmatch(item) or DOCUMENT.fullmatch(item):
                letter = await self.service.vault.open(incident, item)
                return Response(letter, media_type="text/html; charset=utf-8", headers=dict(SAFE))
            if phase := DECLARATION.fullmatch(item):
                declared = await self._declaration(incident, int(phase[1]))
                return Response(declared, media_type="application/json", headers=_download(f"{item}.json"))
            if LIST.fullmatch(item) and await self.service.vault.holds(incident, unreached_item(item, 0)):
                parts, download = self._parts(incident, item), _download(f"{item}.csv")
                return StreamingResponse(parts, media_type="text/csv; charset=utf-8", headers=download)
        except (KeyError, Destroyed):
            pass
        raise HTTPException(HTTPStatus.NOT_FOUND, NOT_THERE)

    async def _declaration(self, incident: str, phase: int) -> bytes:
        """Return the declaration of *phase* as JSON. Raises KeyError if there is none (any more)."""
        rows = (await self.journal.histories({incident})).get(incident, [])
        registered = (fact for _, fact in facts_of(rows) if isinstance(fact, BreachRegistered))
        items = {fact.phase: fact.declaration for fact in registered}
        sealed = await self.service.vault.open(incident, items[phase])
        return (
            BreachDeclared.model_validate_json(sealed).model_dump_json(indent=2, exclude_none=True).encode()
        )

    async def _parts(self, incident: str, list_: str) -> AsyncIterator[bytes]:
        part = 0
        while await self.service.vault.holds(incident, unreached_item(list_, part)):
            yield await self.service.vault.open(incident, unreached_item(list_, part))
            part += 1


def _download(name: str) -> dict[str, str]:
    return {**SAFE, "Content-Disposition": f'attachment; filename="{name}"'}


def incident_routes(content: IncidentContent, sessions: StaffSessions) -> APIRouter:
    """Return the API for the content of opened incidents."""
    router = APIRouter(prefix="/v1/staff/incidents/{incident:id}/content")
    signed_in = Depends(sessions.signed_in)

    @router.get("/{item}", response_class=Response, **operations.GET_INCIDENT_ITEM)
    async def item(incident: RequestId, item: Code, session: Annotated[StaffSession, signed_in]) -> Response:
        """
        Return an item of an opened incident.

        Items are samples of letters, documents for authorities, declarations and lists of people.

        A `habeas.breach.opened.v1` opens it for fifteen minutes.
        """
        await content.must_be_open(incident, session)
        return await content.item(incident, item)

    return router
