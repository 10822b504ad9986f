"""
Fetches California's lists, has them looked up, lodges a request for whoever is found, and answers.

One step of one batch at a time, each of which may be repeated: whoever dies leaves the next the same step.
The one thing that cannot be repeated is the download itself (:mod:`services.intake.drop.fetching`); where
lists were lost it says so, loudly.

Law:
    Cal. Civ. Code § 1798.99.86(c): from 1 August 2026 lists are fetched, and what they name is deleted, at
    least every 45 days.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import IO, Any, Final, Protocol

from services.intake.domain import Case, Status
from services.intake.door import Door
from services.intake.drop import fetching
from services.intake.drop.client import LATER, NotYet, Taken, Turned, Upload
from services.intake.drop.fetching import Fetching
from services.intake.drop.files import HEADER, Hours, is_closed, lines_of, part_of
from services.intake.drop.ledger import LEASE, NEVER, Answer, Batch, Ledger, State, Step
from services.intake.drop.statuses import Told, told_of_all
from services.intake.listing import Listing
from services.intake.obstacles import NotNow, TooOften
from shared import metrics
from shared.drop import SOURCE, Found, ListKind
from shared.errors import HabeasError, UnknownRequest
from shared.events import RequestSubmitted, Residence, Subject
from shared.law import Regulation
from shared.log import logger

LOOK_EVERY_S: Final = 1.0
WITHIN: Final = timedelta(days=45)
MARGIN: Final = timedelta(days=3)
"""How long before its last day a batch is answered, whatever is not decided yet."""
WARNED: Final = timedelta(days=10)
AGAIN_SOONEST, AGAIN_LATEST = timedelta(seconds=2), timedelta(minutes=10)
AGES_SHARE: Final = 20
EXEMPTED_AGAIN: Final = timedelta(days=1)
"""How often it is looked whether what was exempt has been deleted since."""
AT_ONCE: Final = 1_000
LODGED_AT_ONCE: Final = 50
NAME: Final = "intake"


class Platform(fetching.Platform, Protocol):
    """The way to the platform, as :class:`services.intake.drop.client.Platform` is it."""

    async def upload(self, files: Sequence[Upload]) -> Taken:
        """Tell the statuses of the lists that were fetched last."""

    async def amend(self, files: Sequence[Upload]) -> Taken:
        """Correct statuses that were told before."""


@dataclass(slots=True)
class _File:
    """Statuses of a list, as a file without a name."""

    kind: ListKind
    name: str
    content: IO[bytes]
    told: int = 0
    """How many statuses there are."""


@dataclass(frozen=True, slots=True)
class Puller:
    """What speaks to the platform, in one replica of intake."""

    platform: Platform
    ledger: Ledger
    listing: Listing
    door: Door
    every: timedelta
    closed: Hours | None
    """When the platform takes no calls."""
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    @property
    def fetching(self) -> Fetching:
        """Who fetches lists."""
        return Fetching(self.platform, self.ledger, self.listing, self.door, self.clock)

    async def for_ever(self) -> None:
        """Do what is due, until cancelled; an outage only delays it."""
        while True:
            try:
                while await self.turn():
                    pass
            except HabeasError as error:
                logger().warning("DROP is served later", service=NAME, reason=str(error))
            except Exception as error:  # noqa: BLE001 - its words may hold what the state has sent
                logger().error("DROP is served later", service=NAME, reason=type(error).__name__)
            await asyncio.sleep(LOOK_EVERY_S)

    async def turn(self) -> bool:
        """Do one step, unless another replica does; return whether there may be another at once."""
        state = await self.ledger.hold(self.clock())
        if state is None:
            return False
        holding = asyncio.create_task(self._hold_on())
        try:
            return await self._step(state)
        except NotYet as error:
            await self._leave_alone(str(error), error.after)
        except Turned as error:
            # 409: what was handed out was lost, or somebody else answers by hand.
            logger().error("DROP refused a call", service=NAME, code=error.status, reason=str(error))
            await self._leave_alone(str(error), LATER)
        finally:
            holding.cancel()
            await self.ledger.let_go(self.clock())
        return False

    async def _hold_on(self) -> None:
        """Remain the one who speaks to the platform; where that fails, another may begin the step anew."""
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            with suppress(HabeasError):
                await self.ledger.hold(self.clock())

    async def _step(self, state: State) -> bool:
        await self._tell_how_long(state)
        batch = await self.ledger.open()
        if await self._look():
            return True
        if batch is None:
            return await self._at_rest(state)
        match batch.step:
            case Step.ARRIVING:
                return await self._recovered(batch)
            case Step.RECEIVED:
                return self.clock() >= state.not_before and await self._unpacked(batch)
            case Step.SEALED:
                return await self._listed(batch)
            case Step.LISTED:
                return await self._lodged(batch)
            case _:
                return self._may_call(state) and await self._answered(batch)

    async def _at_rest(self, state: State) -> bool:
        if not self._may_call(state):
            return False
        if self.clock() >= state.pull_at:
            return await self._pull()
        return await self._amend()

    # --- fetching -----------------------------------------------------------------------------------------

    async def _pull(self) -> bool:
        await self._note_fetched(await self.fetching.fetched())
        return True

    async def _recovered(self, batch: Batch) -> bool:
        if await self.fetching.recovered(batch):
            await self._note_fetched(batch)
        return True

    async def _note_fetched(self, batch: Batch) -> None:
        now = batch.fetched_at
        await self.ledger.note(pulled_at=now, pull_at=now + self.every, not_before=NEVER, trouble="")
        logger().info("lists of DROP fetched", service=NAME, request_id=batch.id)

    async def _unpacked(self, batch: Batch) -> bool:
        await self.fetching.unpack(batch)
        return True

    async def _listed(self, batch: Batch) -> bool:
        await self.listing.announce(batch.id, tuple(kind.item for kind in batch.files))
        await self.ledger.advance(batch.id, Step.LISTED)
        return False

    # --- lodging ------------------------------------------------------------------------------------------

    async def _lodged(self, batch: Batch) -> bool:
        found = await self.listing.found(batch.id)
        if found is None:
            return False
        if ListKind.REMOVED in batch.files:
            await self._withdraw(batch)
        lines = self.listing.lines(batch.id, found.matches)
        async for some in _in_portions(lines, LODGED_AT_ONCE):
            several = [Found.model_validate_json(line) for line in some if line]
            ids = await asyncio.gather(*(self._lodge(one, batch) for one in several))
            await self.ledger.expect(
                [_answer(one, id_, batch) for one, id_ in zip(several, ids, strict=True)]
            )
        await self.ledger.advance(batch.id, Step.LODGED)
        logger().info("requests of DROP lodged", service=NAME, request_id=batch.id, handled=found.found)
        return True

    async def _lodge(self, found: Found, batch: Batch) -> str:
        """
        Lodge the request of somebody who was found; the same line is the same request.

        No proof is asked for: the state has verified that its consumers live in California. Nor is there a
        letter, for the state tells them.
        """
        request = RequestSubmitted(
            reference=f"{batch.id}/{found.id}/{found.number}",
            right=found.right,
            subject=Subject(identifiers=found.identifiers),
            residence=Residence(country="US", subdivision="CA"),
            regulation=Regulation.CCPA,
            received_at=batch.fetched_at,
        )
        return await self.door.lodge(request, SOURCE)

    async def _withdraw(self, batch: Batch) -> None:
        """Take back what is not answered yet and was withdrawn; what was done cannot be undone."""
        rows = self.listing.rows(batch.id, ListKind.REMOVED.item)
        async for some in _in_portions(rows, AT_ONCE):
            for answer in await self.ledger.named([row.id for row in some]):
                for case in answer.cases if answer.status is None else ():
                    await self._take_back(case)

    async def _take_back(self, case: str) -> None:
        try:
            await self.door.withdraw(case)
        except (NotNow, TooOften, UnknownRequest) as error:
            logger().warning("a request of DROP goes on", service=NAME, request_id=case, reason=str(error))

    # --- what became of them ------------------------------------------------------------------------------

    async def _look(self) -> bool:
        """Look what became of some requests; return whether anything has become of any."""
        now = self.clock()
        answers = await self.ledger.to_look_at(now)
        if not answers:
            return False
        cases = await self.listing.cases({case for answer in answers for case in answer.cases})
        decided = {one.id: _decided(one, cases, now) for one in answers}
        await self.ledger.decide(decided)
        return any(status is not one.status for one in answers for status in [decided[one.id][0]])

    async def _answered(self, batch: Batch) -> bool:
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
            raise NotYet("requests of DROP are undecided", LATER)
        for kind in batch.files:
            if await self.listing.spoilt(batch.id, kind.item):
                raise Turned("rows of a list cannot be read, nor be answered", HTTPStatus.OK)
        await self.ledger.advance(batch.id, Step.ANSWERED)
        await self.ledger.note(trouble="")
        await self.listing.discard(batch.id)
        logger().info("DROP answered", service=NAME, request_id=batch.id)
        return True

    async def _upload(self, batch: Batch) -> bool:
        """
        Tell what is decided and was never told; return whether anything was to tell.

        What is sent is laid down before, so that whoever goes on after a crash sends the same.
        """
        if not batch.sending:
            await self.ledger.settle(batch.id)
        made = [await self._file(batch, kind, name) for kind, name in batch.answerable.items()]
        try:
            uploads = {one.kind: Upload(one.name, one.content) for one in made if one.told}
            if not uploads:
                await self.ledger.sending(batch.id, ())
                return bool(batch.sending)
            taken = await self._sent(batch, list(uploads.values()))
        finally:
            _close(made)
        kinds = [kind for kind, upload in uploads.items() if upload.name in taken.accepted]
        refused = len(kinds) < len(uploads)
        await self.ledger.told(batch.id, kinds)
        await self.ledger.uploaded(batch.id, [batch.files[kind] for kind in kinds], refused=refused)
        _must_have_taken(taken, [upload.name for upload in uploads.values()])
        return True

    async def _sent(self, batch: Batch, uploads: Sequence[Upload]) -> Taken:
        """
        Send *uploads*.

        A refusal because no statuses are awaited is believed only where the same files were about to be sent
        before, and nobody knows whether they arrived: else the lists would be thrown away unanswered.
        """
        names = [upload.name for upload in uploads]
        await self.ledger.sending(batch.id, names)
        try:
            return await self.platform.upload(uploads)
        except NotYet as error:
            if not error.perhaps:
                await self.ledger.sending(batch.id, batch.sending)
            raise
        except Turned as error:
            same = set(names) == set(batch.sending) and not batch.refused
            if error.status == HTTPStatus.CONFLICT and same:
                logger().warning("DROP has the statuses already", service=NAME, request_id=batch.id)
                return Taken(tuple(names), ())
            await self.ledger.sending(batch.id, batch.sending)
            raise

    async def _file(self, batch: Batch, kind: ListKind, name: str) -> _File:
        """
        Return the statuses of a list; what is not decided is not in it.

        The first file of a list tells of all whom nobody was found for; the next ones of the rest alone.
        """
        content: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - it is handed on
        content.write(HEADER)
        made = _File(kind, part_of(name, batch.parts), content)
        if name in batch.uploaded:
            rest = await self.ledger.rest(batch.id, kind)
            content.writelines(lines_of(rest.items()))
            content.seek(0)
            return replace(made, told=len(rest))
        async for rows in _in_portions(self.listing.rows(batch.id, kind.item), AT_ONCE):
            known = await self.ledger.statuses([row.id for row in rows])
            told = [(row.id, status) for row in rows if (status := known.get(row.id, Told.NOT_FOUND))]
            content.writelines(lines_of(told))
            made.told += len(told)
        content.seek(0)
        return made

    async def _amend(self) -> bool:
        """Correct some of what the platform was told; return whether anything was."""
        async for origin, kind in self.ledger.to_amend():
            batch = (await self.ledger.batches([origin])).get(origin)
            told = await self.ledger.amendments(origin, kind)
            if batch is None or not told:
                continue
            file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
            file.writelines((HEADER, *lines_of(told.items())))
            file.seek(0)
            upload = Upload(batch.files[kind], file)
            try:
                taken = await self.platform.amend([upload])
            finally:
                _close([upload])
            _must_have_taken(taken, [upload.name])
            await self.ledger.amended(told)
            logger().info("DROP corrected", service=NAME, request_id=origin, handled=len(told))
            return True
        return False

    # --- when ---------------------------------------------------------------------------------------------

    def _may_call(self, state: State) -> bool:
        now = self.clock()
        return now >= state.not_before and not is_closed(now, self.closed)

    async def _leave_alone(self, reason: str, after: timedelta) -> None:
        await self.ledger.note(not_before=self.clock() + after, trouble=reason)

    async def _tell_how_long(self, state: State) -> None:
        """Say how many days are left; in the log once a day, where they are few."""
        now = self.clock()
        left, day = last_day(state) - now, now.date().isoformat()
        metrics.drop(days_left=left / timedelta(days=1))
        if left < WARNED and state.warned_on != day:
            level = logger().error if left < timedelta() else logger().warning
            level("lists of DROP are due", service=NAME, reason=f"{left.days} days left; {state.trouble}")
            await self.ledger.note(warned_on=day)


def last_day(state: State) -> datetime:
    """
    Return by when the lists must be fetched, and the last ones answered, for no others are handed out before.

    Law:
        Cal. Civ. Code § 1798.99.86(c)(1): at least once every 45 days.
    """
    return (state.pulled_at or state.since) + WITHIN


def _decided(answer: Answer, cases: Mapping[str, Case], now: datetime) -> tuple[Told | None, bool, datetime]:
    """Return the status of *answer*, whether it may change, and when to look at it again."""
    if any(cases[case].status is Status.PURGED for case in answer.cases):
        return answer.status or Told.NOT_FOUND, False, now  # nobody knows any more; what was told stands
    status = told_of_all(cases[case] for case in answer.cases)
    if status is None:
        wait = min(AGAIN_LATEST, max(AGAIN_SOONEST, (now - answer.since) / AGES_SHARE))
        return None, True, now + wait
    return status, status is Told.EXEMPTED, now + EXEMPTED_AGAIN


def _answer(found: Found, case: str, batch: Batch) -> Answer:
    """Return that an answer is awaited; who has found nobody before was told of as not found."""
    before = None if found.origin == batch.id else Told.NOT_FOUND
    return Answer(found.id, found.origin, found.kind, (case,), batch.fetched_at, told=before)


def _must_have_taken(taken: Taken, names: Iterable[str]) -> None:
    """
    Make sure that the platform has files called *names*.

    Raises:
        Turned: It has not.
    """
    if set(names) - set(taken.accepted):
        raise Turned("DROP took some files and others not", HTTPStatus.BAD_REQUEST)


def _close(files: Iterable[_File | Upload]) -> None:
    for file in files:
        file.content.close()


async def _in_portions(items: AsyncIterator[Any], size: int) -> AsyncIterator[list[Any]]:
    portion: list[Any] = []
    async for item in items:
        portion.append(item)
        if len(portion) >= size:
            yield portion
            portion = []
    if portion:
        yield portion
