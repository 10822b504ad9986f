"""
The scopes and the people found: in fulfillment's database, sealed with the incident's key.

A worker on a scope holds a lease. Its writes go with the lease in one transaction: so an overtaken worker
writes nothing any more, and a finished step is done once.
"""

import hmac
from collections.abc import AsyncIterator, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from itertools import islice
from typing import Any

import orjson

from services.fulfillment.breach.affected import (
    CONTROLLERS,
    AffectedPerson,
    EarlierFindings,
    PersonIdentity,
    merge_people,
    read,
    read_findings,
    written,
    written_findings,
)
from services.fulfillment.breach.obligations import NOT_NOTIFIED, NoticeGroup
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
from shared.runtime.worker import WakeUp

BREACH_PEOPLE_KEY = "people of breaches"
"""Purpose of the key for the hashes of people."""
KEY_BYTES = 16
LEASE = timedelta(minutes=5)
"""How long a worker on a scope may be silent before another replica takes over."""
NEVER = datetime(2018, 5, 25, tzinfo=UTC)
AT_ONCE = 1_000
FINDINGS_OF = "{} found"
"""The name under which findings about a person are sealed, apart from their identity."""
THEMSELVES: Document = {"into": {"$exists": False}}
"""People who are not merged into a person at another address."""


class ScopeLeaseLost(TransientError):
    """Another replica works on the scope: the lease was over."""


class ScopeStage(StrEnum):
    """The progress of a scope; each stage starts when the one before is complete."""

    GATHERING = "gathering"
    COMPLETING = "completing"
    JUDGING = "judging"
    SEALING = "sealing"
    REPORTED = "told"


@dataclass(frozen=True, slots=True)
class BreachScope:
    """One phase of an incident with its search for the people affected."""

    incident: str
    phase: int
    declaration: str
    turn: int = 0
    """The number of starts; a worker with a lower number was overtaken."""
    stage: ScopeStage = ScopeStage.GATHERING
    records: int = 0
    unnamed: int = 0
    """Records with unknown customer."""
    judged_at: datetime | None = None
    """The day for the editions of laws; None: the day of the declaration."""

    @property
    def id(self) -> str:
        """Return its id in the database."""
        return f"{self.incident}.{self.phase}"


class BreachScopes:
    """The scopes and their people."""

    def __init__(self, client: Client, database: Database, key: bytes) -> None:
        """Keep them in *database* of *client*; *key* makes the hashes of people."""
        self._client = client
        self._scopes = database["breach_scopes"]
        self._people = database["breach_people"]
        self._aliases = database["breach_aliases"]
        self._key = key
        self.enqueued = WakeUp()
        """Set when this process has enqueued a scope, or given one up that others waited for."""

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the people of breaches"):
            await self._scopes.create_index("done", partialFilterExpression={"done": False})
            # Only one phase of an incident is started, even if several replicas have read the same.
            there = {"begun": {"$type": "string"}}
            await self._scopes.create_index("begun", unique=True, partialFilterExpression=there)
            await self._people.create_index([("incident", 1), ("phase", 1), ("group", 1), ("_id", 1)])
            await self._aliases.create_index([("incident", 1), ("phase", 1)])

    async def take(self, scope: BreachScope) -> None:
        """Enqueue *scope*, also if it was refused before; repeating it changes nothing."""
        await self._add(scope)
        self.enqueued.within(0)

    async def _add(self, scope: BreachScope) -> None:
        with translated("take the scope of a breach"):
            await self._scopes.delete_one({"_id": scope.id, "refused": True})
        await insert_new(self._scopes, [_fresh(scope)])

    async def refuse(self, scope: BreachScope, reason: str) -> None:
        """Record for the incident why *scope* cannot be searched as declared."""
        refused = {"failed": reason, "refused": True, "done": True}
        await insert_new(self._scopes, [_fresh(scope) | refused])
        with translated("refuse the scope of a breach"):
            await self._scopes.update_one({"_id": scope.id, "refused": True}, {"$set": {"failed": reason}})

    async def begin(self, now: datetime) -> BreachScope | None:
        """
        Take a free scope and return it.

        One phase of an incident runs at a time, the earliest or the one that was started: the people notified
        in one must be known before the next. Of several incidents, the one that rested longest comes first: a
        failing one delays no other.
        """
        with translated("begin the scope of a breach"):
            undone = await self._scopes.find({"done": False}).to_list(None)
            for found in sorted(undone, key=lambda one: one["at"]):
                alike = [one for one in undone if one["incident"] == found["incident"]]
                first = min(alike, key=lambda one: (one["turn"] == 0, one["phase"]))
                if found["at"] < now - LEASE and found is first:
                    taken = await self._taken(found, now)
                    if taken is not None:
                        return _scope(taken)
        return None

    async def _taken(self, found: Document, now: datetime) -> Document | None:
        """Take the scope *found*; return it, unless another of its incident is running already."""
        mine = {"_id": found["_id"], "turn": found["turn"], "done": False}
        begun = {"$set": {"at": now, "begun": found["incident"]}, "$inc": {"turn": 1}}
        taken: Document | None = None
        with suppress(DuplicateKeyError):
            taken = await self._scopes.find_one_and_update(mine, begun, return_document=ReturnDocument.AFTER)
        return taken

    async def prolong(self, scope: BreachScope, now: datetime) -> None:
        """Prolong the lease of *scope*; raises :class:`ScopeLeaseLost` if another replica has it."""
        with translated("prolong the scope of a breach"):
            await self._hold(scope, {"at": now})

    async def reach(self, scope: BreachScope, stage: ScopeStage, now: datetime, **found: int) -> BreachScope:
        """Record that all before *stage* is done, with the numbers *found*; return the scope."""
        with translated("go on with the scope of a breach"):
            await self._hold(scope, {"at": now, "stage": stage.value, "failed": None, **found})
        counted = {"records": scope.records, "unnamed": scope.unnamed, **found}
        return replace(scope, stage=stage, records=counted["records"], unnamed=counted["unnamed"])

    async def fail(self, scope: BreachScope, reason: str, now: datetime) -> None:
        """Record why *scope* fails, for the incident; it rests for a lease."""
        with translated("record why a breach is not scoped"):
            await self._hold(scope, {"failed": reason, "at": now})

    async def end(self, scope: BreachScope) -> None:
        """Record that *scope* is reported; only the batches hold its people from now on."""
        with translated("end the scope of a breach"):
            mine = {"incident": scope.incident, "phase": scope.phase}
            await self._people.update_many(mine, {"$unset": {"sealed": 1}})
            await self._hold(scope, {"done": True, "begun": None})

    async def give_up(self, scope: BreachScope) -> None:
        """
        Stop the search for *scope*, and delete its people; it may be repeated.

        Of people from an earlier phase, the earlier findings remain.
        """
        await self._add(scope)  # so that it is not taken later, if it comes later
        mine = {"incident": scope.incident, "phase": scope.phase}
        with translated("give up the scope of a breach"):
            await self._scopes.update_one({"_id": scope.id}, {"$set": {"done": True, "begun": None}})
            known = {**mine, "before": {"$exists": True}}
            await self._people.update_many(known, [{"$replaceWith": "$before"}])
            await self._people.delete_many(mine)
        self.enqueued.within(0)  # the next phase may begin

    async def forget_phase(self, incident: str, phase: int) -> None:
        """Delete the people of one *phase* of *incident*, except those found since; it may be repeated."""
        with translated("forget the people of a phase"):
            for part in (self._people, self._aliases):
                await part.delete_many({"incident": incident, "phase": phase})

    async def forget(self, incident: str) -> None:
        """Delete the people of *incident*; it may be repeated."""
        with translated("forget the people of a breach"):
            for part in (self._people, self._aliases, self._scopes):
                await part.delete_many({"incident": incident})

    async def _hold(
        self, scope: BreachScope, changes: Mapping[str, Any], session: Session | None = None
    ) -> None:
        mine = {"_id": scope.id, "turn": scope.turn, "done": False}
        held = await self._scopes.update_one(mine, {"$set": dict(changes)}, session=session)
        if held.matched_count == 0:
            raise ScopeLeaseLost(f"another replica works on phase {scope.phase} of {scope.incident}")

    @asynccontextmanager
    async def _held(self, scope: BreachScope, now: datetime) -> AsyncIterator[Session]:
        """Write while *scope* is ours, or nothing at all."""
        async with transaction(self._client, "keep the people of a breach") as session:
            await self._hold(scope, {"at": now}, session)
            yield session

    def key_of(self, incident: str, identity: tuple[Hashable, ...]) -> str:
        """Return the hash of a person's identity within *incident*; it needs the key."""
        content = f"{incident}\0".encode() + spelled(identity)
        return hmac.new(self._key, content, sha256).digest()[:KEY_BYTES].hex()

    async def add(
        self, scope: BreachScope, people: Iterable[AffectedPerson], key: CaseKey, now: datetime
    ) -> None:
        """
        Keep *people*, merged with the known ones of this phase or an earlier one.

        Raises:
            ScopeLeaseLost: Another replica works on the scope.
            StoreUnavailable: Nothing was kept.
        """
        fresh = self._together(scope, people)
        await insert_new(self._aliases, list(self._named(scope, fresh)))
        fresh = await self._where_united(fresh)
        waiting = iter(fresh)
        while some := tuple(islice(waiting, AT_ONCE)):
            async with self._held(scope, now) as session:
                known = await self._known(some, session)
                merged = {id_: _merged(fresh[id_], known.get(id_), scope, key) for id_ in some}
                news = {id_: one for id_, one in merged.items() if one is not None}
                changes = [_kept(scope, id_, one, key) for id_, one in news.items()]
                if changes:
                    await self._remember(scope, list(news), session)
                    await self._people.bulk_write(changes, ordered=False, session=session)

    async def _remember(self, scope: BreachScope, ids: Sequence[str], session: Session) -> None:
        """Keep the earlier findings about those of *ids* that are of an earlier phase."""
        moved = {"_id": {"$in": list(ids)}, "phase": {"$ne": scope.phase}}
        await self._people.update_many(moved, [{"$set": {"before": "$$ROOT"}}], session=session)

    def _named(self, scope: BreachScope, people: Mapping[str, AffectedPerson]) -> Iterator[Document]:
        """Yield the aliases of *people*; the same alias is the same before the last colon."""
        for id_, one in people.items():
            for alias in one.aliases:
                name = f"{scope.incident}:{self.key_of(scope.incident, alias)}:{id_.rpartition(':')[2]}"
                yield {"_id": name, "incident": scope.incident, "phase": scope.phase}

    async def _where_united(self, people: Mapping[str, AffectedPerson]) -> dict[str, AffectedPerson]:
        """Return *people* by the ids they are merged into, if any, without their aliases."""
        merged = await self._united(list(people))
        found: dict[str, AffectedPerson] = {}
        for id_, one in people.items():
            into, bare = merged[id_], replace(one, aliases=frozenset[PersonIdentity]())
            found[into] = found[into].with_address_of(bare) if into in found else bare
        return found

    async def _united(self, ids: Sequence[str]) -> dict[str, str]:
        """Return for each of *ids* the id it is merged into, or itself."""
        merged, asked = {id_: id_ for id_ in ids}, set(ids)
        while asked:
            wanted = {"_id": {"$in": sorted(asked)}, "into": {"$exists": True}}
            with translated("read merged people"):
                into = {one["_id"]: one["into"] async for one in self._people.find(wanted, {"into": 1})}
            merged = {id_: into.get(now, now) for id_, now in merged.items()}
            asked = set(into.values())
        return merged

    async def unite(self, scope: BreachScope, key: CaseKey, now: datetime) -> None:
        """Merge people of *scope* who are the same at two addresses; raises like :meth:`add`."""
        last, alike = "", list[str]()
        wanted = {"_id": {"$gt": f"{scope.incident}:", "$lt": f"{scope.incident};"}}
        with translated("read what people are known by"):
            async for named in self._aliases.find(wanted, {"_id": 1}, batch_size=AT_ONCE).sort("_id", 1):
                alias, _, owner = named["_id"].rpartition(":")
                if alias != last:
                    await self._unite(scope, alike, key, now)
                    last, alike = alias, []
                alike.append(f"{scope.incident}:{owner}")
            await self._unite(scope, alike, key, now)

    async def _unite(self, scope: BreachScope, ids: Sequence[str], key: CaseKey, now: datetime) -> None:
        """Merge *ids*, if several exist: the one known first remains."""
        if len(ids) <= 1:
            return
        merged = set((await self._united(ids)).values())
        async with self._held(scope, now) as session:
            known = await self._known(sorted(merged), session)
            here = [id_ for id_, one in known.items() if one["phase"] == scope.phase]
            if len(known) <= 1 or not here:
                return
            # People of an earlier phase come first.
            first = min(known, key=lambda id_: (id_ in here, "before" not in known[id_], id_))
            united = _as_one(known, first, [id_ for id_ in sorted(here) if id_ != first], scope, key)
            await self._remember(scope, [first], session)
            gone = {"$set": {"into": first, "group": NOT_NOTIFIED}, "$unset": {"sealed": 1}}
            others = {"_id": {"$in": [id_ for id_ in here if id_ != first]}}
            await self._people.update_many(others, gone, session=session)
            several = UpdateOne({"_id": first}, {"$set": {"united": True}})
            await self._people.bulk_write([_kept(scope, first, united, key), several], session=session)

    async def complete(
        self, scope: BreachScope, people: Iterable[AffectedPerson], key: CaseKey, now: datetime
    ) -> None:
        """Merge *people* into those of *scope* with missing facts; none are added."""
        more = await self._where_united(self._together(scope, people))
        waiting = iter(more)
        while some := tuple(islice(waiting, AT_ONCE)):
            async with self._held(scope, now) as session:
                known = await self._known(some, session, phase=scope.phase, lacks={"$ne": []})
                changes = [_kept(scope, id_, _joined(d, more[id_], key), key) for id_, d in known.items()]
                if changes:
                    await self._people.bulk_write(changes, ordered=False, session=session)

    async def lacking(self, scope: BreachScope) -> frozenset[str]:
        """Return the facts that are missing for some people of *scope*."""
        wanted = {"incident": scope.incident, "phase": scope.phase, **THEMSELVES}
        with translated("read the people of a breach"):
            return frozenset(await self._people.distinct("lacks", wanted))

    async def pages(
        self, scope: BreachScope, key: CaseKey
    ) -> AsyncIterator[list[tuple[str, AffectedPerson]]]:
        """Yield the people of *scope* in pages, each with their key."""
        last = f"{scope.incident}:"
        while True:
            ids = {"$gt": last, "$lt": f"{scope.incident};"}
            wanted = {"_id": ids, "phase": scope.phase, **THEMSELVES}
            with translated("read the people of a breach"):
                found = await self._people.find(wanted).sort("_id", 1).limit(AT_ONCE).to_list(AT_ONCE)
            if not found:
                return
            yield [(_key(document), read_from(document, key)) for document in found]
            last = found[-1]["_id"]

    async def put_into(
        self, scope: BreachScope, groups: Mapping[NoticeGroup, Sequence[str]], now: datetime
    ) -> None:
        """Store the members of *groups*, by their keys."""
        ids = {group: [f"{scope.incident}:{key}" for key in keys] for group, keys in groups.items()}
        changes = [
            UpdateMany({"_id": {"$in": some}}, {"$set": {"group": str(group)}}) for group, some in ids.items()
        ]
        async with self._held(scope, now) as session:
            await self._people.bulk_write(changes, ordered=False, session=session)

    async def in_groups(
        self, scope: BreachScope, key: CaseKey
    ) -> AsyncIterator[tuple[NoticeGroup, str, AffectedPerson]]:
        """Yield the people of *scope*, group by group, in a stable order."""
        wanted = {"incident": scope.incident, "phase": scope.phase, **THEMSELVES}
        with translated("read the people of a breach"):
            in_order = self._people.find(wanted, batch_size=AT_ONCE).sort([("group", 1), ("_id", 1)])
            async for document in in_order:
                yield NoticeGroup.named(document["group"]), _key(document), read_from(document, key)

    async def other_reported_phases(self, scope: BreachScope) -> list[int]:
        """Return the other reported phases of the incident."""
        reported = {"stage": ScopeStage.REPORTED.value, "phase": {"$ne": scope.phase}}
        wanted = {"incident": scope.incident, **reported}
        with translated("read the scopes of a breach"):
            return [one["phase"] async for one in self._scopes.find(wanted, {"phase": 1}).sort("phase", 1)]

    async def notified_people(
        self, scope: BreachScope, keys: Sequence[str], key: CaseKey
    ) -> dict[str, tuple[NoticeGroup, AffectedPerson]]:
        """Return the people of *keys* that *scope* notifies, by their keys."""
        merged = await self._united([f"{scope.incident}:{one}" for one in keys])
        wanted = {"_id": {"$in": sorted(set(merged.values()))}, "phase": scope.phase}
        with translated("read the people of a breach"):
            found = {one["_id"]: one async for one in self._people.find(wanted)}
        groups = {id_: NoticeGroup.named(one["group"]) for id_, one in found.items()}
        notified = {id_: (groups[id_], read_from(found[id_], key)) for id_ in found if groups[id_].notified}
        return {id_.rpartition(":")[2]: notified[into] for id_, into in merged.items() if into in notified}

    def _together(self, scope: BreachScope, people: Iterable[AffectedPerson]) -> dict[str, AffectedPerson]:
        """Return *people*, each once, by their ids in the database."""
        prefix = scope.incident
        return merge_people(people, lambda identity: f"{prefix}:{self.key_of(prefix, identity)}")

    async def _known(self, ids: Sequence[str], session: Session, **wanted: Any) -> dict[str, Document]:
        found = self._people.find({"_id": {"$in": list(ids)}, **wanted}, session=session)
        return {document["_id"]: document async for document in found}


def _fresh(scope: BreachScope) -> Document:
    """Return a new scope."""
    state = {"stage": scope.stage.value, "failed": None, "at": NEVER, "done": False}
    return {"_id": scope.id, **asdict(scope), **state}


def read_from(document: Document, key: CaseKey) -> AffectedPerson:
    """Return the person of *document*, or raise :class:`ScopeLeaseLost` if only the batches hold them."""
    if "sealed" not in document:
        phase = f"phase {document['phase']} of {document['incident']}"
        raise ScopeLeaseLost(f"{phase} was reported by another replica")
    return read(key.open(document["sealed"], document["_id"]))


def _as_one(
    known: Mapping[str, Document], first: str, others: Sequence[str], scope: BreachScope, key: CaseKey
) -> AffectedPerson:
    """Return *first* and *others*, who are one person, merged; *first* may be of another phase."""
    here, stranger = known[first]["phase"] == scope.phase, AffectedPerson(identity=())
    united = read_from(known[first], key) if here else stranger.after(_earlier_from(known[first], key))
    for one in others:
        united = united.with_address_of(read_from(known[one], key))
    return united


def _kept(scope: BreachScope, id_: str, person: AffectedPerson, key: CaseKey) -> UpdateOne:
    found = EarlierFindings(person.earlier.laws, person.categories, person.place)
    kept = {
        "incident": scope.incident,
        "phase": scope.phase,
        "group": NOT_NOTIFIED,
        "lacks": list(person.lacks),
        "sealed": key.seal(written(person), id_),
        "found": key.seal(orjson.dumps(written_findings(found)), FINDINGS_OF.format(id_)),
    }
    return UpdateOne({"_id": id_}, {"$set": kept}, upsert=True)


def _merged(
    person: AffectedPerson, known: Document | None, scope: BreachScope, key: CaseKey
) -> AffectedPerson | None:
    """
    Return *person* merged with the known data; None if there is nothing new to keep.

    The findings of an earlier phase, and its notices, remain. For customers they do not matter: each phase
    notifies them.
    """
    if known is None:
        return person
    if known["phase"] != scope.phase:
        return person if person.to == CONTROLLERS else person.after(_earlier_from(known, key))
    after = _joined(known, person, key)
    return None if after == read_from(known, key) else after


def _joined(known: Document, person: AffectedPerson, key: CaseKey) -> AffectedPerson:
    """Return the *known* person merged with *person*, the same person, perhaps at another address."""
    before = read_from(known, key)
    return before.with_address_of(person) if known.get("united") else before.also(person)


def _earlier_from(document: Document, key: CaseKey) -> EarlierFindings:
    """Return the findings of the phase of *document*, with the laws of all notices so far."""
    found = read_findings(orjson.loads(key.open(document["found"], FINDINGS_OF.format(document["_id"]))))
    laws = dict.fromkeys((*found.laws, *NoticeGroup.named(document["group"]).laws))
    return EarlierFindings(tuple(laws), found.categories, found.place)


def _key(document: Document) -> str:
    return str(document["_id"]).rpartition(":")[2]


def _scope(document: Document) -> BreachScope:
    # Those of an earlier version have no ``judged_at``.
    found: dict[str, Any] = {field.name: document.get(field.name) for field in fields(BreachScope)}
    return BreachScope(**found | {"stage": ScopeStage(document["stage"])})
