"""
What is being scoped, and the people found: in fulfillment's database, sealed with the incident's key.

Whoever works on a scope holds a lease. What they write is written together with the lease, in one
transaction: so whoever was overtaken meanwhile writes nothing any more, and a step that is done is done once.
"""

import hmac
from collections.abc import AsyncIterator, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

import orjson

from services.fulfillment.breach.affected import (
    CONTROLLERS,
    AffectedPerson,
    Earlier,
    Who,
    lasting,
    read,
    remembered,
    together,
    written,
)
from services.fulfillment.breach.obligations import NOBODY, NoticeGroup
from services.fulfillment.search.digests import spelled
from shared.errors import TransientError
from shared.runtime.mongo import (
    Client,
    Database,
    Document,
    DuplicateKeyError,
    ReturnDocument,
    Session,
    UpdateMany,
    UpdateOne,
    insert_new,
    transaction,
    translated,
)
from shared.runtime.vault import CaseKey

PURPOSE = "people of breaches"
"""What the key is for that they are recognised by."""
KEY_BYTES = 16
LEASE = timedelta(minutes=5)
"""How long whoever works on a scope may be silent before another goes on."""
NEVER = datetime(2018, 5, 25, tzinfo=UTC)
AT_ONCE = 1_000
_NONE: frozenset[Who] = frozenset()
THEMSELVES: Document = {"into": {"$exists": False}}
"""Those who stand for themselves, and not for somebody at another address."""


class ScopeLeaseLost(TransientError):
    """Somebody else works on the scope: the lease was over."""


class ScopeStage(StrEnum):
    """How far a scope is; each stage begins when the one before is done for good."""

    GATHERING = "gathering"
    COMPLETING = "completing"
    JUDGING = "judging"
    SEALING = "sealing"
    TOLD = "told"


@dataclass(frozen=True, slots=True)
class BreachScope:
    """One phase of an incident, of which it is found out whom it concerns."""

    incident: str
    phase: int
    declaration: str
    turn: int = 0
    """How often somebody has begun with it; whoever has an earlier one was overtaken."""
    stage: ScopeStage = ScopeStage.GATHERING
    records: int = 0
    unnamed: int = 0
    """Records of which nobody can say whose they are of the customers."""
    judged_at: datetime | None = None
    """By whose day the editions of laws are taken; None: by that of the declaration itself."""

    @property
    def id(self) -> str:
        """Return what it is stored under."""
        return f"{self.incident}.{self.phase}"


class BreachScopes:
    """The scopes and their people."""

    def __init__(self, client: Client, database: Database, key: bytes) -> None:
        """Keep them in *database* of *client*; *key* makes the hashes that people are recognised by."""
        self._client = client
        self._scopes = database["breach_scopes"]
        self._people = database["breach_people"]
        self._aliases = database["breach_aliases"]
        self._key = key

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the people of breaches"):
            await self._scopes.create_index("done", partialFilterExpression={"done": False})
            # Of one incident nobody begins with two phases, whatever several replicas have seen before.
            there = {"begun": {"$type": "string"}}
            await self._scopes.create_index("begun", unique=True, partialFilterExpression=there)
            await self._people.create_index([("incident", 1), ("phase", 1), ("group", 1), ("_id", 1)])
            await self._aliases.create_index([("incident", 1), ("phase", 1)])

    # --- scopes -----------------------------------------------------------------------------------------

    async def take(self, scope: BreachScope) -> None:
        """Have *scope* worked on, also if it was refused before; taking it again changes nothing."""
        with translated("take the scope of a breach"):
            await self._scopes.delete_one({"_id": scope.id, "refused": True})
        await insert_new(self._scopes, [_fresh(scope)])

    async def refuse(self, scope: BreachScope, reason: str) -> None:
        """Say to whoever looks at the incident why nobody can work on *scope* as it was declared."""
        refused = {"failed": reason, "refused": True, "done": True}
        await insert_new(self._scopes, [_fresh(scope) | refused])
        with translated("refuse the scope of a breach"):
            await self._scopes.update_one({"_id": scope.id, "refused": True}, {"$set": {"failed": reason}})

    async def begin(self, now: datetime) -> BreachScope | None:
        """
        Return a scope that nobody is at, and be at it.

        Of one incident one phase is worked on at a time, the earliest or the one that was begun: who is told
        in one must be known before the next. Of several incidents the one comes first that was left
        for longest: one that nobody gets on with holds up no other.
        """
        with translated("begin the scope of a breach"):
            undone = await self._scopes.find({"done": False}).to_list(None)
            for found in sorted(undone, key=_longest_left):
                alike = [one for one in undone if one["incident"] == found["incident"]]
                if found["at"] < now - LEASE and found is min(alike, key=_first_begun):
                    taken = await self._taken(found, now)
                    if taken is not None:
                        return _scope(taken)
        return None

    async def _taken(self, found: Document, now: datetime) -> Document | None:
        """Take the scope that was *found*; return it, unless another of its incident is begun already."""
        mine = {"_id": found["_id"], "turn": found["turn"], "done": False}
        begun = {"$set": {"at": now, "begun": found["incident"]}, "$inc": {"turn": 1}}
        try:
            taken: Document | None = await self._scopes.find_one_and_update(
                mine, begun, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError:
            return None
        return taken

    async def alive(self, scope: BreachScope, now: datetime) -> None:
        """
        Say that somebody is at *scope* still.

        Raises:
            Overtaken: It is somebody else.
        """
        with translated("say that the scope of a breach goes on"):
            await self._hold(scope, {"at": now})

    async def reach(self, scope: BreachScope, stage: ScopeStage, now: datetime, **found: int) -> BreachScope:
        """Say that all before *stage* is done, and what was *found*; return the scope as it is then."""
        with translated("go on with the scope of a breach"):
            await self._hold(scope, {"at": now, "stage": stage.value, "failed": None, **found})
        counted = {"records": scope.records, "unnamed": scope.unnamed, **found}
        return replace(scope, stage=stage, records=counted["records"], unnamed=counted["unnamed"])

    async def fail(self, scope: BreachScope, reason: str, now: datetime) -> None:
        """Say why nobody gets on with *scope*, for whoever looks at the incident; it rests for a lease."""
        with translated("say why a breach is not scoped"):
            await self._hold(scope, {"failed": reason, "at": now})

    async def end(self, scope: BreachScope) -> None:
        """Say that *scope* is told; what it holds of people lies in the chunks alone from now on."""
        with translated("end the scope of a breach"):
            await self._people.update_many(
                {"incident": scope.incident, "phase": scope.phase}, {"$unset": {"sealed": 1}}
            )
            await self._hold(scope, {"done": True, "begun": None})

    async def give_up(self, scope: BreachScope) -> None:
        """
        Have *scope* worked on no more, and forget whom it concerned; it may be repeated.

        Of who is known from an earlier phase there stays what was known then.
        """
        await self.take(scope)  # so that nobody takes it later, if it comes later
        mine = {"incident": scope.incident, "phase": scope.phase}
        with translated("give up the scope of a breach"):
            await self._scopes.update_one({"_id": scope.id}, {"$set": {"done": True, "begun": None}})
            known = {**mine, "before": {"$exists": True}}
            await self._people.update_many(known, [{"$replaceWith": "$before"}])
            await self._people.delete_many(mine)

    async def forget_phase(self, incident: str, phase: int) -> None:
        """Forget whom one *phase* of *incident* concerned, and none since; it may be repeated."""
        with translated("forget the people of a phase"):
            await self._people.delete_many({"incident": incident, "phase": phase})
            await self._aliases.delete_many({"incident": incident, "phase": phase})

    async def forget(self, incident: str) -> None:
        """Forget whom *incident* concerned; it may be repeated."""
        with translated("forget the people of a breach"):
            await self._people.delete_many({"incident": incident})
            await self._aliases.delete_many({"incident": incident})
            await self._scopes.delete_many({"incident": incident})

    async def _hold(
        self, scope: BreachScope, changes: Mapping[str, Any], session: Session | None = None
    ) -> None:
        mine = {"_id": scope.id, "turn": scope.turn, "done": False}
        held = await self._scopes.update_one(mine, {"$set": dict(changes)}, session=session)
        if held.matched_count == 0:
            raise ScopeLeaseLost(f"somebody else works on phase {scope.phase} of {scope.incident}")

    @asynccontextmanager
    async def _held(self, scope: BreachScope, now: datetime) -> AsyncIterator[Session]:
        """Write while *scope* is ours, or nothing at all."""
        async with transaction(self._client, "keep the people of a breach") as session:
            await self._hold(scope, {"at": now}, session)
            yield session

    # --- people -----------------------------------------------------------------------------------------

    def key_of(self, incident: str, who: tuple[Hashable, ...]) -> str:
        """Return what somebody is recognised by within *incident*, and by nobody without the key."""
        content = f"{incident}\0".encode() + spelled(who)
        return hmac.new(self._key, content, sha256).digest()[:KEY_BYTES].hex()

    async def add(
        self, scope: BreachScope, people: Iterable[AffectedPerson], key: CaseKey, now: datetime
    ) -> None:
        """
        Keep *people*, and what they tell of those who are known, in this phase or an earlier one.

        Raises:
            Overtaken: Somebody else works on the scope.
            StoreUnavailable: Nothing was kept.
        """
        fresh = self._together(scope, people)
        await insert_new(self._aliases, list(self._named(scope, fresh)))
        fresh = await self._where_united(fresh)
        for some in _chunks(list(fresh), AT_ONCE):
            async with self._held(scope, now) as session:
                known = await self._known(some, session)
                merged = {id_: _merged(fresh[id_], known.get(id_), scope, key) for id_ in some}
                news = {id_: one for id_, one in merged.items() if one is not None}
                changes = [_kept(scope, id_, one, key) for id_, one in news.items()]
                if changes:
                    await self._remember(scope, list(news), session)
                    await self._people.bulk_write(changes, ordered=False, session=session)

    async def _remember(self, scope: BreachScope, ids: Sequence[str], session: Session) -> None:
        """Have those of *ids* who are of an earlier phase remember what they were then."""
        moved = {"_id": {"$in": list(ids)}, "phase": {"$ne": scope.phase}}
        await self._people.update_many(moved, [{"$set": {"before": "$$ROOT"}}], session=session)

    def _named(self, scope: BreachScope, people: Mapping[str, AffectedPerson]) -> Iterator[Document]:
        """Yield which of *people* has which alias; the same alias is the same before the last colon."""
        for id_, one in people.items():
            for alias in one.aliases:
                name = f"{scope.incident}:{self.key_of(scope.incident, alias)}:{id_.rpartition(':')[2]}"
                yield {"_id": name, "incident": scope.incident, "phase": scope.phase}

    async def _where_united(self, people: Mapping[str, AffectedPerson]) -> dict[str, AffectedPerson]:
        """Return *people* by who they are united with, where that is known; by what, is kept beside them."""
        whom = await self._united(list(people))
        found: dict[str, AffectedPerson] = {}
        for id_, one in people.items():
            into, bare = whom[id_], replace(one, aliases=_NONE)
            found[into] = found[into].with_address_of(bare) if into in found else bare
        return found

    async def _united(self, ids: Sequence[str]) -> dict[str, str]:
        """Return whom each of *ids* is united with, or themselves."""
        whom = {id_: id_ for id_ in ids}
        asked = set(ids)
        while asked:
            wanted = {"_id": {"$in": sorted(asked)}, "into": {"$exists": True}}
            with translated("read who is one person"):
                into = {one["_id"]: one["into"] async for one in self._people.find(wanted, {"into": 1})}
            whom = {id_: into.get(now, now) for id_, now in whom.items()}
            asked = set(into.values())
        return whom

    async def unite(self, scope: BreachScope, key: CaseKey, now: datetime) -> None:
        """
        Make one of those of *scope* who are the same person at two addresses; it may be repeated.

        Raises:
            Overtaken: Somebody else works on the scope.
        """
        last, alike = "", list[str]()
        wanted = {"_id": {"$gt": f"{scope.incident}:", "$lt": f"{scope.incident};"}}
        with translated("read what people are known by"):
            async for named in self._aliases.find(wanted, {"_id": 1}, batch_size=AT_ONCE).sort("_id", 1):
                alias, _, whose = named["_id"].rpartition(":")
                if alias != last:
                    await self._unite(scope, alike, key, now)
                    last, alike = alias, []
                alike.append(f"{scope.incident}:{whose}")
            await self._unite(scope, alike, key, now)

    async def _unite(self, scope: BreachScope, ids: Sequence[str], key: CaseKey, now: datetime) -> None:
        """Make one of *ids*, if several of them are found: whoever was known first stands for all."""
        if len(ids) <= 1:
            return
        whom = set((await self._united(ids)).values())
        async with self._held(scope, now) as session:
            known = await self._known(sorted(whom), session)
            here = [id_ for id_, one in known.items() if one["phase"] == scope.phase]
            if len(known) <= 1 or not here:
                return
            first = min(known, key=lambda id_: _known_first(known[id_], scope))
            united = _as_one(known, first, [id_ for id_ in sorted(here) if id_ != first], scope, key)
            await self._remember(scope, [first], session)
            gone = {"$set": {"into": first, "group": NOBODY}, "$unset": {"sealed": 1}}
            others = {"_id": {"$in": [id_ for id_ in here if id_ != first]}}
            await self._people.update_many(others, gone, session=session)
            several = UpdateOne({"_id": first}, {"$set": {"united": True}})
            await self._people.bulk_write([_kept(scope, first, united, key), several], session=session)

    async def tell_more(
        self, scope: BreachScope, people: Iterable[AffectedPerson], key: CaseKey, now: datetime
    ) -> None:
        """Keep what *people* tell of those of *scope* of whom more should be known; nobody is added."""
        more = await self._where_united(self._together(scope, people))
        for some in _chunks(list(more), AT_ONCE):
            async with self._held(scope, now) as session:
                known = await self._known(some, session, phase=scope.phase, lacks={"$ne": []})
                changes = [_kept(scope, id_, _joined(d, more[id_], key), key) for id_, d in known.items()]
                if changes:
                    await self._people.bulk_write(changes, ordered=False, session=session)

    async def lacking(self, scope: BreachScope) -> frozenset[str]:
        """Return what should be known of people of *scope*, and of somebody is not."""
        wanted = {"incident": scope.incident, "phase": scope.phase, **THEMSELVES}
        with translated("read the people of a breach"):
            return frozenset(await self._people.distinct("lacks", wanted))

    async def pages(
        self, scope: BreachScope, key: CaseKey
    ) -> AsyncIterator[list[tuple[str, AffectedPerson]]]:
        """Yield the people of *scope*, many at once, each with their key."""
        last = f"{scope.incident}:"
        while True:
            wanted = {"_id": {"$gt": last, "$lt": f"{scope.incident};"}, "phase": scope.phase}
            wanted |= THEMSELVES
            with translated("read the people of a breach"):
                found = await self._people.find(wanted).sort("_id", 1).limit(AT_ONCE).to_list(AT_ONCE)
            if not found:
                return
            yield [(_key(document), read_from(document, key)) for document in found]
            last = found[-1]["_id"]

    async def put_into(
        self, scope: BreachScope, groups: Mapping[NoticeGroup, Sequence[str]], now: datetime
    ) -> None:
        """Keep who is in which of *groups*, by their keys."""
        changes = [
            UpdateMany(
                {"_id": {"$in": [f"{scope.incident}:{key}" for key in keys]}},
                {"$set": {"group": str(group)}},
            )
            for group, keys in groups.items()
        ]
        async with self._held(scope, now) as session:
            await self._people.bulk_write(changes, ordered=False, session=session)

    async def in_groups(
        self, scope: BreachScope, key: CaseKey
    ) -> AsyncIterator[tuple[NoticeGroup, str, AffectedPerson]]:
        """Yield the people of *scope*, group by group, in an order that is always the same."""
        wanted = {"incident": scope.incident, "phase": scope.phase, **THEMSELVES}
        with translated("read the people of a breach"):
            in_order = self._people.find(wanted, batch_size=AT_ONCE).sort([("group", 1), ("_id", 1)])
            async for document in in_order:
                yield NoticeGroup.named(document["group"]), _key(document), read_from(document, key)

    async def others_told(self, scope: BreachScope) -> list[int]:
        """Return the other phases of the incident of which it is known whom they concern."""
        wanted = {"incident": scope.incident, "stage": ScopeStage.TOLD.value, "phase": {"$ne": scope.phase}}
        with translated("read what is scoped of a breach"):
            return [one["phase"] async for one in self._scopes.find(wanted, {"phase": 1}).sort("phase", 1)]

    async def those_told(
        self, scope: BreachScope, keys: Sequence[str], key: CaseKey
    ) -> dict[str, tuple[NoticeGroup, AffectedPerson]]:
        """Return who of *keys* is told something in *scope*, by their keys."""
        whom = await self._united([f"{scope.incident}:{one}" for one in keys])
        wanted = {"_id": {"$in": sorted(set(whom.values()))}, "phase": scope.phase}
        with translated("read the people of a breach"):
            found = {one["_id"]: one async for one in self._people.find(wanted)}
        groups = {id_: NoticeGroup.named(one["group"]) for id_, one in found.items()}
        told = {id_: (groups[id_], read_from(found[id_], key)) for id_ in found if groups[id_].told}
        return {id_.rpartition(":")[2]: told[into] for id_, into in whom.items() if into in told}

    def _together(self, scope: BreachScope, people: Iterable[AffectedPerson]) -> dict[str, AffectedPerson]:
        """Return *people*, each once, by what they are stored under."""
        return together(people, lambda who: f"{scope.incident}:{self.key_of(scope.incident, who)}")

    async def _known(self, ids: Sequence[str], session: Session, **wanted: Any) -> dict[str, Document]:
        found = self._people.find({"_id": {"$in": list(ids)}, **wanted}, session=session)
        return {document["_id"]: document async for document in found}


def _fresh(scope: BreachScope) -> Document:
    """Return a scope that nobody was at."""
    return {
        "_id": scope.id,
        "incident": scope.incident,
        "phase": scope.phase,
        "declaration": scope.declaration,
        "turn": 0,
        "stage": ScopeStage.GATHERING.value,
        "records": 0,
        "unnamed": 0,
        "judged_at": scope.judged_at,
        "failed": None,
        "at": NEVER,
        "done": False,
    }


async def failures(database: Database, incident: str) -> dict[int, str]:
    """Return of which phases of *incident* nobody gets on with finding out whom they concern, and why."""
    waits = {"$or": [{"done": False}, {"refused": True}]}
    stuck = {"incident": incident, "failed": {"$ne": None}, **waits}
    with translated("read what is scoped of a breach"):
        return {one["phase"]: one["failed"] async for one in database["breach_scopes"].find(stuck)}


def read_from(document: Document, key: CaseKey) -> AffectedPerson:
    """
    Return who is sealed in *document*.

    Raises:
        Overtaken: Somebody else has told of the phase meanwhile: who they are lies in the chunks alone.
    """
    if "sealed" not in document:
        raise ScopeLeaseLost(f"somebody else has told of phase {document['phase']} of {document['incident']}")
    return read(key.open(document["sealed"], document["_id"]))


def _known_first(document: Document, scope: BreachScope) -> tuple[bool, bool, str]:
    """Return what whoever was found in an earlier phase comes first by."""
    return document["phase"] == scope.phase, "before" not in document, document["_id"]


def _as_one(
    known: Mapping[str, Document], first: str, others: Sequence[str], scope: BreachScope, key: CaseKey
) -> AffectedPerson:
    """Return what is *known* of *first* and *others*, who are one person; *first* may be of another phase."""
    if known[first]["phase"] == scope.phase:
        united = read_from(known[first], key)
    else:
        united = AffectedPerson(who=()).after(_earlier_from(known[first], key))
    for one in others:
        united = united.with_address_of(read_from(known[one], key))
    return united


def _kept(scope: BreachScope, id_: str, somebody: AffectedPerson, key: CaseKey) -> UpdateOne:
    found = Earlier(somebody.earlier.laws, somebody.categories, somebody.place)
    kept = {
        "incident": scope.incident,
        "phase": scope.phase,
        "group": NOBODY,
        "lacks": list(somebody.lacks),
        "sealed": key.seal(written(somebody), id_),
        "found": key.seal(orjson.dumps(lasting(found)), _found_of(id_)),
    }
    return UpdateOne({"_id": id_}, {"$set": kept}, upsert=True)


def _merged(
    somebody: AffectedPerson, known: Document | None, scope: BreachScope, key: CaseKey
) -> AffectedPerson | None:
    """
    Return *somebody* with what is known of them; none where that is all there is to keep.

    Of an earlier phase there is left what was found of people, and what they were told. Of customers it does
    not matter: each phase tells them.
    """
    if known is None:
        return somebody
    if known["phase"] != scope.phase:
        return somebody if somebody.to == CONTROLLERS else somebody.after(_earlier_from(known, key))
    after = _joined(known, somebody, key)
    return None if after == read_from(known, key) else after


def _joined(known: Document, somebody: AffectedPerson, key: CaseKey) -> AffectedPerson:
    """Return who is *known* with what *somebody* tells, who is the same, and may be at another address."""
    before = read_from(known, key)
    return before.with_address_of(somebody) if known.get("united") else before.also(somebody)


def _earlier_from(document: Document, key: CaseKey) -> Earlier:
    """Return what the phase of *document* found, and the laws by which it or one before has told."""
    found = remembered(orjson.loads(key.open(document["found"], _found_of(document["_id"]))))
    laws = dict.fromkeys((*found.laws, *NoticeGroup.named(document["group"]).laws))
    return Earlier(tuple(laws), found.categories, found.place)


def _found_of(id_: str) -> str:
    """Return the name under which it is sealed what was found of somebody, apart from who they are."""
    return f"{id_} found"


def _longest_left(scope: Document) -> datetime:
    at: datetime = scope["at"]
    return at


def _first_begun(scope: Document) -> tuple[bool, int]:
    return scope["turn"] == 0, scope["phase"]


def _key(document: Document) -> str:
    return str(document["_id"]).rpartition(":")[2]


def _scope(document: Document) -> BreachScope:
    return BreachScope(
        document["incident"],
        document["phase"],
        document["declaration"],
        document["turn"],
        ScopeStage(document["stage"]),
        document["records"],
        document["unnamed"],
        document.get("judged_at"),  # none in those that were taken by a version before
    )


def _chunks(items: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
