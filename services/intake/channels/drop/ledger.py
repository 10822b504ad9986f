"""
Ledger of California's lists and of the statuses reported, in intake's database.

The id of a listed request says nothing about the person, and no hash is kept here. One replica at a time
calls the platform; after a crash another takes over.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from secrets import token_hex
from typing import Any, Final

from services.intake.channels.drop.terms import DropStatus
from shared.contract.drop import ListKind
from shared.portions import portions
from shared.runtime.mongo import Database, Document, UpdateOne, insert_new, translated

LEASE: Final = timedelta(minutes=1)
"""Silence after which another replica may call the platform."""
NEVER: Final = datetime(2018, 5, 25, tzinfo=UTC)
AT_ONCE: Final = 1_000
STATE: Final = "state"


class BatchStep(StrEnum):
    """The progress of a batch."""

    ARRIVING = "arriving"
    """The archive is being sealed; the vault knows whether it has arrived whole."""
    RECEIVED = "received"
    """The archive is in the vault as downloaded."""
    SEALED = "sealed"
    LISTED = "listed"
    LODGED = "lodged"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class SetAsideList:
    """A list, or rows of one, that cannot be read: the staff answers them in the state's portal."""

    batch: str
    file: str
    count: int = 0
    """Number of rows; 0 for a whole file, of an unknown kind or damaged."""
    rows: tuple[str, ...] = ()
    """The first of them: number of the line, and id where that can be read."""


@dataclass(frozen=True, slots=True)
class PlatformState:
    """The state of the platform."""

    since: datetime
    """The first call, or the time it was planned for."""
    pulled_at: datetime | None = None
    """The last download, or the last time when there were no lists."""
    pull_at: datetime = NEVER
    """The next download."""
    not_before: datetime = NEVER
    """Until when the platform asks for no calls."""
    trouble: str = ""
    """The error of the last call."""
    warned_on: str = ""
    """The day of the last warning that little time is left."""
    set_aside: tuple[SetAsideList, ...] = ()
    """Until the staff records that they are answered."""


@dataclass(frozen=True, slots=True)
class ListBatch:
    """Lists that came together; without lists, only the earlier ones are searched again."""

    id: str
    files: Mapping[ListKind, str]
    """The names of the files."""
    fetched_at: datetime
    step: BatchStep = BatchStep.SEALED
    uploaded: tuple[str, ...] = ()
    """Files with statuses that the platform accepted, as far as they were decided."""
    sending: tuple[str, ...] = ()
    """Files that were being sent; it is unknown whether they arrived."""
    refused: bool = False
    """Whether the platform ever refused one."""
    parts: int = 0
    """Number of accepted uploads."""

    @property
    def answerable(self) -> dict[ListKind, str]:
        """The files that get an answer."""
        return {kind: name for kind, name in self.files.items() if kind is not ListKind.REMOVED}


@dataclass(frozen=True, slots=True)
class ListedAnswer:
    """The status of a request that was found."""

    id: str
    batch: str
    """The batch it came with."""
    kind: ListKind
    cases: tuple[str, ...]
    since: datetime
    status: DropStatus | None = None
    reported: DropStatus | None = None


class DropLedger:
    """The ledger of lists and statuses."""

    def __init__(self, database: Database) -> None:
        self._state = database["drop_state"]
        self._batches = database["drop_batches"]
        self._answers = database["drop_answers"]
        self._holder = token_hex(8)

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the statuses for DROP"):
            await self._batches.create_index("step")
            await self._answers.create_index("look_at", partialFilterExpression={"open": True})
            await self._answers.create_index("batch", partialFilterExpression={"amend": True})
            await self._answers.create_index([("batch", 1), ("status", 1)])

    # --- lease ------------------------------------------------------------------------------------------

    async def lease(self, now: datetime) -> PlatformState | None:
        """Lease the platform and return its state; None if another replica holds it."""
        await insert_new(self._state, [{"_id": STATE, "since": now, "held_until": NEVER, "holder": ""}])
        free = {"_id": STATE, "$or": [{"held_until": {"$lte": now}}, {"holder": self._holder}]}
        change = {"$set": {"held_until": now + LEASE, "holder": self._holder}}
        with translated("lease DROP"):
            found: Document | None = await self._state.find_one_and_update(free, change)
        return None if found is None else _state(found)

    async def release(self, now: datetime) -> None:
        """Release the lease of the platform."""
        with translated("release DROP"):
            own = {"_id": STATE, "holder": self._holder}
            await self._state.update_one(own, {"$set": {"held_until": now}})

    async def state(self) -> PlatformState | None:
        """Return the state of the platform; None before the first call."""
        with translated("read the state of DROP"):
            found: Document | None = await self._state.find_one({"_id": STATE})
        return None if found is None else _state(found)

    async def note(self, **changes: Any) -> None:
        """Set fields of :class:`PlatformState`."""
        with translated("store the state of DROP"):
            await self._state.update_one({"_id": STATE}, {"$set": changes}, upsert=True)

    async def set_aside(self, lists: Sequence[SetAsideList]) -> None:
        """Record *lists* for the staff; recording them again has no effect."""
        entries = [asdict(one) | {"rows": list(one.rows)} for one in lists]
        with translated("set lists of DROP aside"):
            await self._state.update_one({"_id": STATE}, {"$addToSet": {"set_aside": {"$each": entries}}})

    async def answered_by_hand(self, batch: str) -> bool:
        """Record that the staff has answered the set-aside lists of *batch*; return whether any were."""
        with translated("record answers to DROP"):
            own = {"_id": STATE, "set_aside.batch": batch}
            found = await self._state.update_one(own, {"$pull": {"set_aside": {"batch": batch}}})
        return bool(found.modified_count)

    # --- batches ----------------------------------------------------------------------------------------

    async def begin(self, batch: ListBatch) -> None:
        """Store *batch*; storing it again has no effect."""
        files = {kind.value: name for kind, name in batch.files.items()}
        fresh = {"_id": batch.id, "files": files, "fetched_at": batch.fetched_at, "step": batch.step.value}
        await insert_new(self._batches, [fresh | {"uploaded": []}])

    async def received(self, batch: str) -> bool:
        """Record that the archive of *batch* is in the vault; return whether the batch still exists."""
        with translated("store the lists of DROP"):
            arriving = {"_id": batch, "step": BatchStep.ARRIVING.value}
            await self._batches.update_one(arriving, {"$set": {"step": BatchStep.RECEIVED.value}})
            return await self._batches.count_documents({"_id": batch}, limit=1) > 0

    async def forget(self, batch: str) -> bool:
        """Forget *batch* during its download; return False if another replica did."""
        with translated("forget lists of DROP"):
            gone = await self._batches.delete_one({"_id": batch, "step": BatchStep.ARRIVING.value})
        return bool(gone.deleted_count)

    async def open(self) -> ListBatch | None:
        """Return the batch without an answer yet; there is at most one."""
        with translated("read the lists of DROP"):
            unanswered = {"step": {"$ne": BatchStep.ANSWERED.value}}
            found: Document | None = await self._batches.find_one(unanswered, sort=[("fetched_at", 1)])
        return None if found is None else _batch(found)

    async def batches(self, ids: Iterable[str]) -> Mapping[str, ListBatch]:
        """Return the batches with *ids*."""
        with translated("read the lists of DROP"):
            found = self._batches.find({"_id": {"$in": list(ids)}})
            return {document["_id"]: _batch(document) async for document in found}

    async def advance(self, batch: str, step: BatchStep) -> None:
        """Record that *batch* has reached *step*."""
        await self._change(batch, {"$set": {"step": step.value}})

    async def unpacked(self, batch: str, files: Mapping[ListKind, str]) -> None:
        """Record the *files* in the archive of *batch*."""
        known = {"files": {kind.value: name for kind, name in files.items()}, "step": BatchStep.SEALED.value}
        await self._change(batch, {"$set": known})

    async def sending(self, batch: str, names: Iterable[str]) -> None:
        """Record that files called *names* are about to be sent; none: no upload is under way."""
        await self._change(batch, {"$set": {"sending": list(names)}})

    async def uploaded(self, batch: str, names: Iterable[str], *, refused: bool) -> None:
        """Record the files with accepted statuses, and whether any were refused."""
        change = {
            "$addToSet": {"uploaded": {"$each": list(names)}},
            "$set": {"sending": []} | ({"refused": True} if refused else {}),
            "$inc": {"parts": 1},
        }
        await self._change(batch, change)

    async def _change(self, batch: str, change: Document) -> None:
        with translated("advance the lists of DROP"):
            await self._batches.update_one({"_id": batch}, change)

    # --- answers ----------------------------------------------------------------------------------------

    async def expect(self, answers: Sequence[ListedAnswer]) -> None:
        """Await the cases of *answers*, in addition to those awaited before."""
        with translated("await requests of DROP"):
            for some in portions(answers, AT_ONCE):
                await self._answers.bulk_write([_expected(one) for one in some], ordered=False)

    async def undecided(self, batch: str) -> int:
        """Return the number of requests of *batch* without a first status yet."""
        waiting = {"batch": batch, "status": None, "answered": {"$ne": True}}
        with translated("count requests of DROP"):
            return int(await self._answers.count_documents(waiting))

    async def to_look_at(self, now: datetime) -> list[ListedAnswer]:
        """Return some answers that are due for a check."""
        with translated("read requests of DROP"):
            found = self._answers.find({"open": True, "look_at": {"$lte": now}}).sort("look_at", 1)
            return [_answer(document) for document in await found.to_list(AT_ONCE)]

    async def decide(self, decided: Mapping[str, tuple[DropStatus | None, bool, datetime]]) -> None:
        """Store, by id, the statuses of requests, whether they may change, and the next check."""
        if decided:
            changes = [
                UpdateOne({"_id": id_}, [{"$set": change}, {"$set": {"amend": _AMENDED}}])
                for id_, (status, may_change, at) in decided.items()
                for change in [{"status": status, "open": may_change, "look_at": at}]
            ]
            with translated("store statuses of DROP"):
                await self._answers.bulk_write(changes, ordered=False)

    async def settle(self, batch: str) -> None:
        """Determine the next statuses to send: those decided of *batch* and not reported yet."""
        with translated("read requests of DROP"):
            await self._answers.update_many(
                {"batch": batch, "answered": {"$ne": True}, "status": {"$ne": None}},
                [{"$set": {"sent": "$status"}}],
            )

    async def statuses(self, ids: Sequence[str]) -> Mapping[str, DropStatus | None]:
        """Return the statuses to send for those of *ids* that were found; without undecided ones."""
        with translated("read requests of DROP"):
            found = self._answers.find({"_id": {"$in": list(ids)}}, {"sent": 1})
            return {document["_id"]: _status(document.get("sent")) async for document in found}

    async def rest(self, batch: str, kind: ListKind) -> dict[str, DropStatus]:
        """Return the statuses to send, by id, for a list that was partly reported before."""
        unreported = {"batch": batch, "kind": kind.value, "answered": {"$ne": True}, "sent": {"$gt": 0}}
        with translated("read requests of DROP"):
            return {one["_id"]: DropStatus(one["sent"]) async for one in self._answers.find(unreported)}

    async def named(self, ids: Sequence[str]) -> list[ListedAnswer]:
        """Return those of *ids* that were found."""
        with translated("read requests of DROP"):
            return [_answer(document) async for document in self._answers.find({"_id": {"$in": list(ids)}})]

    async def mark_reported(self, batch: str, kinds: Iterable[ListKind]) -> None:
        """Record that the statuses of lists were reported; later differences are amended."""
        sent = {"kind": {"$in": [kind.value for kind in kinds]}, "sent": {"$gt": 0}}
        with translated("record the reported statuses"):
            await self._answers.update_many(
                {"batch": batch, "answered": {"$ne": True}, **sent},
                [{"$set": {"told": "$sent", "answered": True}}, {"$set": {"amend": _AMENDED}}],
            )

    async def to_amend(self) -> AsyncIterator[tuple[str, ListKind]]:
        """Yield the lists with reported statuses that are outdated."""
        with translated("read outdated statuses"):
            groups = self._answers.aggregate(
                [{"$match": {"amend": True}}, {"$group": {"_id": {"batch": "$batch", "kind": "$kind"}}}]
            )
            async for group in groups:
                yield group["_id"]["batch"], ListKind(group["_id"]["kind"])

    async def amendments(self, batch: str, kind: ListKind) -> dict[str, DropStatus]:
        """Return some outdated statuses, by id, with the present value."""
        with translated("read outdated statuses"):
            found = self._answers.find({"amend": True, "batch": batch, "kind": kind.value})
            several = await found.to_list(AT_ONCE * 10)
        return {document["_id"]: DropStatus(document["status"]) for document in several}

    async def mark_amended(self, statuses: Mapping[str, DropStatus]) -> None:
        """Record that amendments were reported."""
        changes = [
            UpdateOne({"_id": id_}, {"$set": {"told": int(one), "amend": False}})
            for id_, one in statuses.items()
        ]
        with translated("record the amended statuses"):
            await self._answers.bulk_write(changes, ordered=False)

    async def counts(self) -> dict[str, int]:
        """Return the number of found requests by status."""
        with translated("count requests of DROP"):
            groups = self._answers.aggregate([{"$group": {"_id": "$status", "count": {"$sum": 1}}}])
            found = {group["_id"]: group["count"] async for group in groups}
        return {"undecided" if key is None else DropStatus(key).name.lower(): n for key, n in found.items()}


_AMENDED = {"$and": [{"$eq": ["$answered", True]}, {"$ne": ["$status", None]}, {"$ne": ["$status", "$told"]}]}
"""Whether the reported status is outdated."""


def _expected(one: ListedAnswer) -> UpdateOne:
    fresh = {
        "batch": one.batch,
        "kind": one.kind.value,
        "since": one.since,
        "told": one.reported,
        # Requests without a match were reported as not found.
        "answered": one.reported is not None,
        "amend": False,
    }
    change = {"status": None, "open": True, "look_at": NEVER}
    added = {"cases": {"$each": list(one.cases)}}
    return UpdateOne(
        {"_id": one.id}, {"$setOnInsert": fresh, "$set": change, "$addToSet": added}, upsert=True
    )


def _state(document: Document) -> PlatformState:
    names = ("since", "pulled_at", "pull_at", "not_before", "trouble", "warned_on")
    aside = tuple(SetAsideList(**one | {"rows": tuple(one["rows"])}) for one in document.get("set_aside", ()))
    return PlatformState(**{name: document[name] for name in names if name in document}, set_aside=aside)


def _batch(document: Document) -> ListBatch:
    files = {ListKind(kind): name for kind, name in document["files"].items()}
    return ListBatch(
        document["_id"],
        files,
        document["fetched_at"],
        BatchStep(document["step"]),
        tuple(document["uploaded"]),
        tuple(document.get("sending", ())),
        document.get("refused", False),
        document.get("parts", 0),
    )


def _answer(document: Document) -> ListedAnswer:
    return ListedAnswer(
        document["_id"],
        document["batch"],
        ListKind(document["kind"]),
        tuple(document["cases"]),
        document["since"],
        _status(document["status"]),
        _status(document["told"]),
    )


def _status(value: int | None) -> DropStatus | None:
    return None if value is None else DropStatus(value)
