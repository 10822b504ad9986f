"""
Reports and amendments of statuses to California.

A report is stored before it is sent, so that it is the same after a crash.
"""

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import IO, Final

from services.intake.channels.drop import client
from services.intake.channels.drop.ledger import BatchStep, DropLedger, ListBatch, ListedAnswer
from services.intake.channels.drop.lists import BatchLists
from services.intake.channels.drop.terms import HEADER, DropStatus, combined_status, lines_of, part_of
from services.intake.domain import CaseStatus, IntakeCase
from shared.contract.drop import ListKind
from shared.portions import in_portions
from shared.runtime.log import logger

WITHIN: Final = timedelta(days=45)
"""Counted from the day of the download (Cal. Civ. Code § 1798.99.86(c))."""
MARGIN: Final = timedelta(days=3)
"""Time before the last day of a batch at which it is answered, complete or not."""
AGAIN_SOONEST, AGAIN_LATEST = timedelta(seconds=2), timedelta(minutes=10)
AGES_SHARE: Final = 20
EXEMPTED_AGAIN: Final = timedelta(days=1)
"""Interval of checks whether exempt data has been deleted since."""
AT_ONCE: Final = 1_000
NAME: Final = "intake"


@dataclass(frozen=True, slots=True)
class DropReporter:
    """Reports statuses."""

    platform: client.DropClient
    ledger: DropLedger
    listing: BatchLists
    clock: Callable[[], datetime]

    async def check_statuses(self) -> bool:
        """Check the status of some requests; return whether any has changed."""
        now = self.clock()
        answers = await self.ledger.to_look_at(now)
        if not answers:
            return False
        cases = await self.listing.cases({case for answer in answers for case in answer.cases})
        decided = {one.id: _decided(one, cases, now) for one in answers}
        await self.ledger.decide(decided)
        return any(decided[one.id][0] is not one.status for one in answers)

    async def report(self, batch: ListBatch) -> bool:
        """
        Report the decided statuses of *batch*, once due; return whether more may follow at once.

        Raises:
            DropRetryLater: The platform does not answer, or too little is decided.
            DropCallRejected: It has not accepted all.
        """
        waiting = await self.ledger.undecided(batch.id)
        if waiting and self.clock() < batch.fetched_at + WITHIN - MARGIN:
            return False
        if waiting:
            logger().error(
                "requests of DROP are undecided", service=NAME, request_id=batch.id, handled=waiting
            )
        if await self._upload(batch):
            return True
        if waiting:
            raise client.DropRetryLater("requests of DROP are undecided", client.LATER)
        await self.ledger.advance(batch.id, BatchStep.ANSWERED)
        await self.ledger.note(trouble="")
        await self.listing.discard(batch.id)
        logger().info("DROP answered", service=NAME, request_id=batch.id)
        return True

    async def _upload(self, batch: ListBatch) -> bool:
        """Upload decided statuses that were not reported yet; return whether there were any."""
        if not batch.sending:
            await self.ledger.settle(batch.id)
        made = {kind: await self._file(batch, kind, name) for kind, name in batch.answerable.items()}
        try:
            uploads = {kind: one for kind, one in made.items() if one.reported}
            if not uploads:
                await self.ledger.sending(batch.id, ())
                return bool(batch.sending)
            taken = await self._sent(batch, list(uploads.values()))
        finally:
            _close(made.values())
        kinds = [kind for kind, upload in uploads.items() if upload.name in taken.accepted]
        refused = len(kinds) < len(uploads)
        await self.ledger.mark_reported(batch.id, kinds)
        await self.ledger.uploaded(batch.id, [batch.files[kind] for kind in kinds], refused=refused)
        _must_have_taken(taken, [upload.name for upload in uploads.values()])
        return True

    async def _sent(self, batch: ListBatch, uploads: Sequence[client.StatusFile]) -> client.UploadResult:
        """
        Send *uploads*.

        A refusal because no statuses are expected is accepted only if the same files were about to be sent
        before, with unknown result: otherwise the lists would be dropped without an answer.
        """
        names = [upload.name for upload in uploads]
        await self.ledger.sending(batch.id, names)
        try:
            return await self.platform.upload(uploads)
        except client.DropRetryLater as error:
            if not error.perhaps:
                await self.ledger.sending(batch.id, batch.sending)
            raise
        except client.DropCallRejected as error:
            same = set(names) == set(batch.sending) and not batch.refused
            if error.status == HTTPStatus.CONFLICT and same:
                logger().warning("DROP has the statuses already", service=NAME, request_id=batch.id)
                return client.UploadResult(tuple(names), ())
            await self.ledger.sending(batch.id, batch.sending)
            raise

    async def _file(self, batch: ListBatch, kind: ListKind, name: str) -> client.StatusFile:
        """
        Return the statuses of a list, without undecided ones.

        The first file of a list reports all requests without a match; later ones the rest alone.
        """
        content: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - it is handed on
        content.write(HEADER)
        made = client.StatusFile(part_of(name, batch.parts), content)
        if name in batch.uploaded:
            rest = await self.ledger.rest(batch.id, kind)
            content.writelines(lines_of(rest.items()))
            content.seek(0)
            return replace(made, reported=len(rest))
        async for rows in in_portions(self.listing.rows(batch.id, kind.item), AT_ONCE):
            known = await self.ledger.statuses([row.id for row in rows])
            statuses = ((row.id, known.get(row.id, DropStatus.NOT_FOUND)) for row in rows)
            reported = [(id_, status) for id_, status in statuses if status]
            content.writelines(lines_of(reported))
            made.reported += len(reported)
        content.seek(0)
        return made

    async def amend(self) -> bool:
        """Amend some outdated statuses; return whether there were any."""
        async for origin, kind in self.ledger.to_amend():
            batch = (await self.ledger.batches([origin])).get(origin)
            reported = await self.ledger.amendments(origin, kind)
            if batch is None or not reported:
                continue
            file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
            file.writelines((HEADER, *lines_of(reported.items())))
            file.seek(0)
            upload = client.StatusFile(batch.files[kind], file)
            try:
                taken = await self.platform.amend([upload])
            finally:
                _close([upload])
            _must_have_taken(taken, [upload.name])
            await self.ledger.mark_amended(reported)
            logger().info("DROP corrected", service=NAME, request_id=origin, handled=len(reported))
            return True
        return False


def _decided(
    answer: ListedAnswer, cases: Mapping[str, IntakeCase], now: datetime
) -> tuple[DropStatus | None, bool, datetime]:
    """Return the status of *answer*, whether it may change, and the next check."""
    if any(cases[case].status is CaseStatus.PURGED for case in answer.cases):
        # The case is gone; the reported status stands.
        return answer.status or DropStatus.NOT_FOUND, False, now
    status = combined_status(cases[case] for case in answer.cases)
    if status is None:
        wait = min(AGAIN_LATEST, max(AGAIN_SOONEST, (now - answer.since) / AGES_SHARE))
        return None, True, now + wait
    return status, status is DropStatus.EXEMPTED, now + EXEMPTED_AGAIN


def _must_have_taken(taken: client.UploadResult, names: Iterable[str]) -> None:
    """Check that the platform has files called *names*. Raises DropCallRejected: it has not."""
    if set(names) - set(taken.accepted):
        raise client.DropCallRejected("DROP accepted only some files", HTTPStatus.BAD_REQUEST)


def _close(files: Iterable[client.StatusFile]) -> None:
    for file in files:
        file.content.close()
