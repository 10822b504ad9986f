"""
Actions of staff on a case that are no decisions: its owner, notes and files.

They need a session and no code: they change nothing for the person. Texts and files lie sealed; the journal
names them, with the account.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, TypeVar
from uuid import uuid4

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel

from services.intake.cases.sealed_content import single_piece
from services.intake.cases.service import UNKNOWN, RequestService
from services.intake.domain import CaseStatus
from services.intake.http import operations
from services.intake.http.staff_sessions import StaffSession, StaffSessions
from services.intake.http.uploads import kind_of
from shared.contract.answer import SUBMISSION, FileFacts, facts_of
from shared.contract.events import (
    CaseAssigned,
    CaseNoted,
    Code,
    Fact,
    FileAttached,
    LongText,
    RequestId,
    StaffRole,
    Strict,
)
from shared.contract.staff import StaffAccount
from shared.errors import Destroyed, UnknownRequest
from shared.runtime.client_limits import Allowance
from shared.runtime.file_names import name_in

F = TypeVar("F", bound=Fact)

ACTING = frozenset({StaffRole.AGENT, StaffRole.APPROVER, StaffRole.INCIDENT_OFFICER})
"""Roles of which an account needs one; the others only read."""
FILES = re.compile(r"/v1/staff/cases/[0-9a-f]{32}/files")
"""Paths for files, as large as a document of a person."""
MOST_NOTES, MOST_FILES = 500, 100
"""Of one case."""
MOST_FILE_BYTES = 200 << 20
"""Of all files of one case that the staff attached."""
MAY_NOT_ACT = "role_missing"
NO_OWNER = "owner: no enabled account of a person has this name."
TOO_MANY_NOTES = f"The case has {MOST_NOTES} notes; it takes no more."
TOO_MANY_FILES = f"The case takes {MOST_FILES} files at most, of {MOST_FILE_BYTES >> 20} MiB together."
NO_FILE = "The file is neither a picture (JPEG, PNG, HEIC, TIFF) nor a PDF nor an OpenPGP message."


class OwnerForm(Strict, defer_build=False):
    """The owner of a case; null: it has none."""

    owner: Code | None


class NoteForm(Strict, defer_build=False):
    """A note of the staff."""

    text: LongText


class SealedItem(BaseModel):
    """The name of a sealed text or file in its case."""

    item: Code


class StaffPerson(BaseModel):
    """An enabled account of a person."""

    account: Code
    display_name: str
    roles: Sequence[StaffRole]


@dataclass(frozen=True, slots=True)
class StaffActions:
    """Actions of signed-in accounts."""

    service: RequestService
    sessions: StaffSessions
    taken: Allowance

    def count(self, session: StaffSession) -> None:
        """Count an action of the account of *session*; answer 429 above the limit."""
        if not self.taken.take(session.account.name):
            raise HTTPException(429, "Too many actions of this account.", {"Retry-After": "3600"})

    async def acting(self, session: StaffSession, case_id: str) -> None:
        """
        Answer 403 if *session* has no role to act, or the request names a mailbox of its account's person.

        Raises UnknownRequest if intake has no case *case_id*.
        """
        if not session.account.roles & ACTING:
            raise HTTPException(HTTPStatus.FORBIDDEN, MAY_NOT_ACT)
        await self._must_not_concern(session.account, case_id)
        case, place = await self.service.look_up(case_id)
        if case.session is not None or case.status is CaseStatus.PURGED:
            raise UnknownRequest(UNKNOWN)
        if not place.n:
            await self.service.kept(case_id, SUBMISSION)  # at least lodged

    async def assign(self, session: StaffSession, case_id: str, owner: Code | None) -> None:
        """Make *owner* the owner of a case; answer 422 if it is no enabled account of a person."""
        account = None if owner is None else await self.sessions.accounts.account(owner)
        if owner is not None and (account is None or not _is_person(account)):
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, NO_OWNER)
        if account is not None:
            await self._must_not_concern(account, case_id)
        await self._record(CaseAssigned(request_id=case_id, owner=owner, by=session.account.name))

    async def _must_not_concern(self, account: StaffAccount, case_id: str) -> None:
        """Answer 403 if the request names a mailbox of the person of *account*, as decisions do."""
        taken = CaseAssigned(request_id=case_id, owner=account.name, by=account.name)
        if reason := await self.sessions.accounts.concerned(taken, account):
            raise HTTPException(HTTPStatus.FORBIDDEN, reason)

    async def note(self, session: StaffSession, case_id: str, text: str) -> str:
        """Seal a note and record it; return its name in the vault. Answer 409 if the case has too many."""
        if len(await self._of(case_id, CaseNoted)) >= MOST_NOTES:
            raise HTTPException(HTTPStatus.CONFLICT, TOO_MANY_NOTES)
        item = f"note_{uuid4().hex}"
        try:
            await self.service.vault.seal(case_id, item, text.encode())
        except Destroyed:
            raise UnknownRequest(UNKNOWN) from None
        await self._record(CaseNoted(request_id=case_id, note=item, by=session.account.name))
        return item

    async def attach(self, session: StaffSession, case_id: str, content: bytes, name: str) -> str:
        """
        Seal a file called *name*, and record it; return its item.

        Answers 415 for another type, 409 if the case has too many files.
        """
        item, media_type, by = f"file_{uuid4().hex}", kind_of(content), session.account.name
        if media_type is None:
            raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, NO_FILE)
        await self._must_have_room(case_id, len(content))
        try:
            await self.service.vault.seal_stream(case_id, item, single_piece(content))
            facts = FileFacts(name=name, size=len(content))
            await self.service.vault.seal(case_id, facts_of(item), facts.model_dump_json().encode())
        except Destroyed:
            raise UnknownRequest(UNKNOWN) from None
        await self._record(FileAttached(request_id=case_id, item=item, media_type=media_type, by=by))
        return item

    async def _must_have_room(self, case_id: str, size: int) -> None:
        """Answer 409 if a case takes no further file of *size* bytes."""
        files = await self._of(case_id, FileAttached)
        sizes = [await self._size(file) for file in files]
        if len(files) >= MOST_FILES or sum(sizes) + size > MOST_FILE_BYTES:
            raise HTTPException(HTTPStatus.CONFLICT, TOO_MANY_FILES)

    async def _size(self, file: FileAttached) -> int:
        """Return the bytes of *file*; 0 if it is gone."""
        try:
            content = await self.service.vault.open(file.request_id, facts_of(file.item))
        except (KeyError, Destroyed):
            return 0
        return FileFacts.model_validate_json(content).size or 0

    async def _of(self, case_id: str, kind: type[F]) -> list[F]:
        """Return the facts of a *kind* about a case."""
        _, rows = await self.service.rows(case_id)
        return [fact for row in rows for fact in row.facts if isinstance(fact, kind)]

    async def _record(self, fact: Fact) -> None:
        await self.service.record(fact.request_id, fact)

    async def people(self) -> list[StaffPerson]:
        """Return the people who can own a case, by name of account."""
        return [
            StaffPerson(account=one.name, display_name=one.display_name, roles=sorted(one.roles))
            async for one in self.sessions.accounts.accounts()
            if _is_person(one)
        ]


def _is_person(account: StaffAccount | None) -> bool:
    """Return whether *account* is there, enabled, and not of a program."""
    return account is not None and not account.disabled and bool(account.second_factor)


def action_routes(actions: StaffActions) -> APIRouter:
    """Return the API for actions of signed-in accounts."""
    router = APIRouter(prefix="/v1/staff")
    signed_in = Depends(actions.sessions.signed_in)

    async def actor(case_id: RequestId, session: Annotated[StaffSession, signed_in]) -> StaffSession:
        actions.count(session)
        await actions.acting(session, case_id)
        return session

    acting = Depends(actor)

    @router.get("/accounts", dependencies=[signed_in], **operations.LIST_STAFF)
    async def people() -> list[StaffPerson]:
        """Return the enabled accounts of people, for choosing an owner."""
        return await actions.people()

    @router.post("/cases/{case_id:id}/owner", status_code=HTTPStatus.NO_CONTENT, **operations.ASSIGN_CASE)
    async def assign(case_id: RequestId, form: OwnerForm, session: Annotated[StaffSession, acting]) -> None:
        """Give a case an owner, or none."""
        await actions.assign(session, case_id, form.owner)

    @router.post("/cases/{case_id:id}/notes", status_code=HTTPStatus.CREATED, **operations.NOTE_CASE)
    async def note(
        case_id: RequestId, form: NoteForm, session: Annotated[StaffSession, acting]
    ) -> SealedItem:
        """Add a note to a case; its text is sealed."""
        return SealedItem(item=await actions.note(session, case_id, form.text))

    @router.post("/cases/{case_id:id}/files", status_code=HTTPStatus.CREATED, **operations.ATTACH_FILE)
    async def attach(
        case_id: RequestId, request: Request, session: Annotated[StaffSession, acting]
    ) -> SealedItem:
        """
        Attach a file to a case: a picture, a PDF or an OpenPGP message, as the body.

        Its name, if it is to be kept, is in the header `Content-Disposition`, as in RFC 6266.
        """
        name = name_in(request.headers.get("content-disposition", ""))
        return SealedItem(item=await actions.attach(session, case_id, await request.body(), name))

    return router
