"""
The sealed content of an incident, for an account of the staff that has opened it.

The journal of incidents has the opening before anything is read: it is a signed decision, and lasts for
fifteen minutes.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import JSONResponse, Response, StreamingResponse

from services.intake.cases.service import RequestService
from services.intake.http import operations
from services.intake.http.staff_content import SAFE
from services.intake.http.staff_sessions import StaffSession, StaffSessions
from shared.contract.affected_people import PROOF, UNREACHED, proof_item, unreached_item
from shared.contract.breach_facts import ENTRY, FILE, FILING
from shared.contract.events import Code, RequestId
from shared.contract.events.breaches import (
    BreachDeclared,
    BreachOpened,
    BreachRegistered,
    IncidentDecision,
    NoticeProofAsked,
    RegisterOpened,
)
from shared.errors import Destroyed
from shared.runtime.journal import JournalRow, facts_of

OPEN_FOR = timedelta(minutes=15)
NOT_THERE = "The incident has no such content, or no longer."
SAMPLE = re.compile(r"sample_[0-9]{1,4}_[0-9]{1,4}(_[a-z0-9_]{2,40})?")
DOCUMENT = re.compile(rf"{FILING}[0-9]{{14}}_[0-9]{{1,4}}")
FILES = re.compile(rf"{FILING}[0-9]{{14}}_[0-9]{{1,4}}{FILE}")
DECLARATION = re.compile(r"declaration_([0-9]{1,4})")
PROVEN = re.compile(rf"{PROOF}[0-9a-f]{{64}}")
LIST = re.compile(rf"{UNREACHED}[0-9]{{14}}")


class IncidentHistories(Protocol):
    """The journal of incidents, as :class:`shared.runtime.journal.Journal` reads it."""

    async def histories(self, cases: set[str]) -> dict[str, list[JournalRow]]:
        """Return the rows of each of *cases*, the oldest first."""


class BreachRegister(Protocol):
    """The register of breaches, with the sealed declarations."""

    async def refusal(self, id_: RequestId, declared: BreachDeclared) -> Code | None:
        """Return why the staff cannot declare a further phase of the incident *id_* so; None if it can."""

    async def entry(self, id_: RequestId, now: datetime) -> Mapping[str, Any] | None:
        """Return the entry of the incident *id_*; None if there is none."""


@dataclass(frozen=True, slots=True)
class IncidentContent:
    """Gives the content of opened incidents out."""

    journal: IncidentHistories
    service: RequestService
    clock: Callable[[], datetime]
    register: BreachRegister | None = None

    async def must_be_open(self, incident: str, item: str, session: StaffSession) -> None:
        """Answer 403 with the reason if the account of *session* has not opened the *item* of *incident*."""
        account = session.account
        if not account.roles & BreachOpened.ROLES:
            raise HTTPException(HTTPStatus.FORBIDDEN, "role_missing")
        rows = (await self.journal.histories({incident})).get(incident, [])
        since = self.clock() - OPEN_FOR
        if not any(
            isinstance(fact, IncidentDecision) and _opens(fact, item) and fact.by == account.name
            for at, fact in facts_of(rows)
            if at > since
        ):
            raise HTTPException(HTTPStatus.FORBIDDEN, "not_opened")

    async def item(self, incident: str, item: str) -> Response:
        """
        Return a sample of a letter, a document, a file, a declaration, an entry of the register, or a list.

        Answers 404 for any other name.
        """
        try:
            found = await self._shown(incident, item) or await self._downloaded(incident, item)
        except (KeyError, Destroyed):
            found = None
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, NOT_THERE)
        return found

    async def _shown(self, incident: str, item: str) -> Response | None:
        """Return a page, which runs nothing; None for another name. Raises KeyError if there is none."""
        if not (SAMPLE.fullmatch(item) or DOCUMENT.fullmatch(item)):
            return None
        letter = await self.service.vault.open(incident, item)
        return Response(letter, media_type="text/html; charset=utf-8", headers=dict(SAFE))

    async def _downloaded(self, incident: str, item: str) -> Response | None:
        """Return a file to download; None for another name. Raises KeyError if there is none."""
        if FILES.fullmatch(item):
            content = await self.service.vault.open(incident, item)
            apart = {**SAFE, "Content-Disposition": "attachment"}
            return Response(content, media_type="application/octet-stream", headers=apart)
        if PROVEN.fullmatch(item):
            records = await self.service.vault.open(incident, item)
            return Response(records, media_type="application/json", headers=_download(f"{PROOF}.json"))
        if phase := DECLARATION.fullmatch(item):
            declared = await self._declaration(incident, int(phase[1]))
            return Response(declared, media_type="application/json", headers=_download(f"{item}.json"))
        if item == ENTRY and self.register and (entry := await self.register.entry(incident, self.clock())):
            return JSONResponse(entry, headers=_download(f"{item}.json"))
        if LIST.fullmatch(item) and await self.service.vault.holds(incident, unreached_item(item, 0)):
            parts, download = self._parts(incident, item), _download(f"{item}.csv")
            return StreamingResponse(parts, media_type="text/csv; charset=utf-8", headers=download)
        return None

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


def _opens(fact: IncidentDecision, item: str) -> bool:
    """Return whether *fact* opens *item*: records of notices are read by the account that asked for them."""
    if item.startswith(PROOF):
        return isinstance(fact, NoticeProofAsked) and proof_item(fact.address) == item
    return isinstance(fact, RegisterOpened if item == ENTRY else BreachOpened)


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

        A `habeas.breach.opened.v1` opens it for fifteen minutes; the item `register_entry` is opened by a
        `habeas.breach.register_opened.v1`, records of notices to an address by their
        `habeas.breach.proof_asked.v1`.
        """
        await content.must_be_open(incident, item, session)
        return await content.item(incident, item)

    return router
