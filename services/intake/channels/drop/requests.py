"""
Requests for matches of California's lists, and their withdrawal.

The same line is the same request in every repetition.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from services.intake.cases.errors import NotPossibleNow, TooManyAttempts
from services.intake.cases.service import RequestService
from services.intake.channels.drop.ledger import BatchStep, DropLedger, ListBatch, ListedAnswer
from services.intake.channels.drop.lists import BatchLists
from services.intake.channels.drop.terms import DropStatus
from shared.contract.drop import NO_IDENTITY, SOURCE, ListKind, ListMatch
from shared.contract.events import RequestSubmitted, Residence, Subject
from shared.errors import UnknownRequest
from shared.law import Regulation
from shared.portions import in_portions
from shared.runtime.log import logger

AT_ONCE: Final = 1_000
LODGED_AT_ONCE: Final = 50
NAME: Final = "intake"


@dataclass(frozen=True, slots=True)
class DropLodger:
    """Lodges requests."""

    ledger: DropLedger
    listing: BatchLists
    requests: RequestService

    async def lodge(self, batch: ListBatch) -> bool:
        """Lodge the requests of *batch*, once its matches are known; return whether they are."""
        found = await self.listing.found(batch.id)
        if found is None:
            return False
        if ListKind.REMOVED in batch.files:
            await self._withdraw(batch)
        lines = self.listing.lines(batch.id, found.matches)
        async for some in in_portions(lines, LODGED_AT_ONCE):
            several = [ListMatch.model_validate_json(line) for line in some if line]
            ids = await asyncio.gather(*(self._lodge(one, batch) for one in several))
            answers = [_answer(one, id_, batch) for one, id_ in zip(several, ids, strict=True)]
            await self.ledger.expect(answers)
        await self.ledger.advance(batch.id, BatchStep.LODGED)
        logger().info("requests of DROP lodged", service=NAME, request_id=batch.id, handled=found.found)
        return True

    async def _lodge(self, found: ListMatch, batch: ListBatch) -> str:
        """
        Lodge the request of a match; the same line is the same request.

        No proof is asked for, as the state has verified its consumers; no letter is written: it informs them.
        """
        request = RequestSubmitted(
            reference=f"{batch.id}/{found.id}/{found.number}",
            right=found.right,
            subject=_subject(found),
            residence=Residence(country="US", subdivision="CA"),
            regulation=Regulation.CCPA,
            received_at=batch.fetched_at,
        )
        return await self.requests.lodge(request, SOURCE)

    async def _withdraw(self, batch: ListBatch) -> None:
        """Withdraw open requests that are no longer listed; completed ones cannot be undone."""
        rows = self.listing.rows(batch.id, ListKind.REMOVED.item)
        async for some in in_portions(rows, AT_ONCE):
            for answer in await self.ledger.named([row.id for row in some]):
                for case in answer.cases if answer.status is None else ():
                    await self._take_back(case)

    async def _take_back(self, case: str) -> None:
        try:
            await self.requests.withdraw(case)
        except (NotPossibleNow, TooManyAttempts, UnknownRequest) as error:
            logger().warning(
                "a request of DROP was not withdrawn", service=NAME, request_id=case, reason=str(error)
            )


def _subject(found: ListMatch) -> Subject:
    """Return the person by the value in the records; staff answers if no request can have that value."""
    unidentified = Subject(identifiers={NO_IDENTITY: found.id})
    try:
        subject = Subject(identifiers=found.identifiers)
    except ValidationError:
        return unidentified
    return unidentified if subject.is_empty else subject


def _answer(found: ListMatch, case: str, batch: ListBatch) -> ListedAnswer:
    """Return that a status is awaited; requests without an earlier match were reported as not found."""
    before = None if found.origin == batch.id else DropStatus.NOT_FOUND
    return ListedAnswer(found.id, found.origin, found.kind, (case,), batch.fetched_at, reported=before)
