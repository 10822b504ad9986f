"""
The search job for the people affected by a breach: it finds them and seals their notices in batches.

The broker allows half an hour per message, and a million records take longer. So a message only enqueues a
scope, and one replica at a time works on it under a lease. Each step can be repeated: a crash leaves nothing
half done, and the next replica gets the same batches and numbers.

A person with two phases that go out at the same moment gets one letter: that of the phase found last. It is
not known yet when they go out, or whether one is withdrawn before. So this seals for each batch of the other
phases the people that this phase notifies as well, in case it goes with it.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Protocol
from uuid import NAMESPACE_OID, uuid5

from services.fulfillment.breach.affected import AffectedPerson
from services.fulfillment.breach.obligations import (
    AffectedCounter,
    BreachLawPort,
    Judge,
    Laws,
    NoticeGroup,
    without_edition,
)
from services.fulfillment.breach.scope_store import BreachScope, BreachScopes, ScopeStage
from services.fulfillment.breach.search import SCANNED_WITHIN, AffectedSearch, NamedCustomers
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.search.mailboxes import same
from services.fulfillment.stores.mongodb import Stores
from shared.contract.affected_people import (
    MOST_IN_BATCH,
    NoticeBatch,
    NoticeRecipient,
    NotifiedElsewhere,
    batch_item,
    elsewhere_item,
)
from shared.contract.envelope import encode
from shared.contract.events.breaches import BreachDeclared, BreachScoped
from shared.contract.ports import VaultPort
from shared.errors import ErrorNet, HabeasError, reason_of
from shared.law.taxonomy import covered
from shared.runtime.broker import Message
from shared.runtime.log import logger
from shared.runtime.vault import CaseKey

BATCH_BYTES = 8 * 1024 * 1024
"""Bytes of a batch, about: the vault accepts twice as many."""
BEAT_S, HANGS_S = 60.0, 86_400.0
LOOK_EVERY_S = 10.0
TRY_AGAIN_S = 60.0
BREACHES_AT_ONCE = 4
"""Incidents that one replica works on side by side: a slow store delays only its own."""
LOG_EVERY_S = 10.0
"""Seconds between two log lines about one long step."""
LATER = "breach scope is retried later"
Publish = Callable[[list[Message]], Awaitable[None]]


class KeyedVaultPort(VaultPort, Protocol):
    """A vault that returns the keys of cases."""

    async def key_of(self, case: str) -> CaseKey:
        """Return the key of a case."""


@dataclass
class ScopeProgress:
    """Reports progress on a scope: to other replicas by the lease, and sometimes in the log."""

    scopes: BreachScopes
    scope: BreachScope
    clock: Callable[[], datetime]
    handled: int = 0
    _logged_at: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    async def beat(self, handled: int, collection: str = "") -> None:
        """Count *handled* more records or people."""
        await self.scopes.prolong(self.scope, self.clock())
        self.handled += handled
        now = asyncio.get_running_loop().time()
        if now - self._logged_at > LOG_EVERY_S:
            self._logged_at = now
            logger().info(
                "breach scope is running",
                service="scoping",
                request_id=self.scope.incident,
                outcome=self.scope.stage.value,
                collection=collection,
                handled=self.handled,
            )


@dataclass(frozen=True, slots=True)
class ScopeJob:
    """Searches scopes of breaches, in one replica of fulfillment."""

    scopes: BreachScopes
    stores: Stores
    vault: KeyedVaultPort
    current: Callable[[], DataMap]
    law: BreachLawPort
    publish: Publish
    within: timedelta = SCANNED_WITHIN
    """Time limit of one query."""
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    async def run(self) -> None:
        """Work on every scope, for ever; the next replica continues after failures."""
        async with asyncio.TaskGroup() as group:
            for number in range(BREACHES_AT_ONCE):
                group.create_task(self._work_on(number * LOOK_EVERY_S / BREACHES_AT_ONCE))

    async def _work_on(self, after_s: float) -> None:
        """Work on one scope after the other; an idle task looks every :data:`LOOK_EVERY_S`."""
        await self.scopes.enqueued.pause(after_s)
        while True:
            self.scopes.enqueued.clear()
            await self.scopes.enqueued.pause(await self.take_turn())

    async def take_turn(self) -> float:
        """Work on all waiting scopes until one fails; return the seconds until the next attempt."""
        with ErrorNet() as net:
            while await self.work():
                pass
        return LOOK_EVERY_S if net.error is None else TRY_AGAIN_S

    async def work(self) -> bool:
        """
        Work on a scope, if one waits, until it is reported; return whether one did. Errors are logged.

        Raises:
            ScopeLeaseLost: Another replica works on it.
            StoreUnavailable: A store did not answer: nothing is reported before it does.
        """
        scope: BreachScope | None = None
        with ErrorNet() as net:
            scope = await self.scopes.begin(self.clock())
            if scope is not None:
                beats = asyncio.create_task(self._beat(scope))
                try:
                    await self._go_on(scope)
                finally:
                    beats.cancel()
        if net.error is not None:
            await self._note_failure(net.error, scope)
            raise net.error
        return scope is not None

    async def _note_failure(self, error: Exception, scope: BreachScope | None) -> None:
        """Record an error once: in the log, and for the incident of *scope*."""
        foreseen, reason = isinstance(error, HabeasError), reason_of(error)
        write = logger().warning if foreseen else logger().error
        which = {"request_id": scope.incident} if scope is not None else {}
        write(LATER, service="scoping", reason=reason, exc_info=None if foreseen else error, **which)
        if scope is not None:
            with suppress(HabeasError):
                await self.scopes.fail(scope, reason, self.clock())

    async def _beat(self, scope: BreachScope) -> None:
        """Keep the lease during long steps; a step that hangs for a day loses it."""
        for _ in range(int(HANGS_S / BEAT_S)):
            await asyncio.sleep(BEAT_S)
            with suppress(HabeasError):  # the next write reports it
                await self.scopes.prolong(scope, self.clock())

    async def _go_on(self, scope: BreachScope) -> None:
        sealed = await self.vault.open(scope.incident, scope.declaration)
        declared = BreachDeclared.model_validate_json(sealed).judged_by(scope.judged_at)
        key = await self.vault.key_of(scope.incident)
        if scope.stage is ScopeStage.GATHERING:
            scope = await self._gather(scope, declared, key)
        if scope.stage is ScopeStage.COMPLETING:
            scope = await self._complete(scope, key)
        if scope.stage is ScopeStage.JUDGING:
            scope = await self._judge(scope, declared, key)
        if scope.stage is ScopeStage.SEALING:
            scope = await self._seal(scope, declared, key)
        await self.scopes.end(scope)

    async def _gather(self, scope: BreachScope, declared: BreachDeclared, key: CaseKey) -> BreachScope:
        """Keep all people in the declaration, or in the records that it names."""
        pulse, finding, named = self._pulse(scope), self._finding(), NamedCustomers()
        async for portion in finding.portions(declared):
            named |= portion.named
            await self.scopes.add(scope, portion.people, key, self.clock())
            await pulse.beat(portion.records, portion.collection)
        counted = bool(declared.affected.collections)
        records = pulse.handled if counted else declared.records or 0
        found = {"records": records, "unnamed": named.unnamed}
        return await self.scopes.reach(scope, ScopeStage.COMPLETING, self.clock(), **found)

    async def _complete(self, scope: BreachScope, key: CaseKey) -> BreachScope:
        """Search other records for missing residences and languages."""
        pulse, lacking = self._pulse(scope), await self.scopes.lacking(scope)
        async for portion in self._finding().completions(lacking):
            await self.scopes.complete(scope, portion.people, key, self.clock())
            await pulse.beat(portion.records, portion.collection)
        await self.scopes.unite(scope, key, self.clock())
        return await self.scopes.reach(scope, ScopeStage.JUDGING, self.clock())

    async def _judge(self, scope: BreachScope, declared: BreachDeclared, key: CaseKey) -> BreachScope:
        """Store the obligations to each person: later changes of laws do not change them."""
        pulse, judge = self._pulse(scope), Judge(declared, self.law)
        async for page in self.scopes.pages(scope, key):
            groups = defaultdict[NoticeGroup, list[str]](list)
            for name, person in page:
                groups[judge.group_of(person)].append(name)
            await self.scopes.put_into(scope, groups, self.clock())
            await pulse.beat(len(page))
        return await self.scopes.reach(scope, ScopeStage.SEALING, self.clock())

    async def _seal(self, scope: BreachScope, declared: BreachDeclared, key: CaseKey) -> BreachScope:
        """Seal the batches, and publish the number of people by law; those of a drill name staff alone."""
        pulse, counting, sealed = self._pulse(scope), AffectedCounter(), 0
        async for group, people in self._batches(scope, key, counting, declared.drill):
            batch = NoticeBatch(to=group.to, laws=group.laws, language=group.language, people=tuple(people))
            content = batch.model_dump_json().encode()
            await self.vault.seal(scope.incident, batch_item(scope.phase, sealed), content)
            sealed += 1
            await pulse.beat(len(people))
        async for compared in self._seal_duplicates(scope, key):
            await pulse.beat(compared)
        await self.publish([_message(scope, counting, sealed)])
        done = {"service": "scoping", "request_id": scope.incident, "handled": counting.people}
        logger().info("breach scope is complete", **done)
        return await self.scopes.reach(scope, ScopeStage.REPORTED, self.clock())

    async def _batches(
        self, scope: BreachScope, key: CaseKey, counting: AffectedCounter, drill: Sequence[str]
    ) -> AsyncIterator[tuple[NoticeGroup, list[NoticeRecipient]]]:
        """Yield the people to notify, in batches; count all people."""
        last, waiting, size = NoticeGroup("", (), ""), list[NoticeRecipient](), 0
        async for group, name, person in self.scopes.in_groups(scope, key):
            counting.add(group, person)
            if waiting and (group != last or len(waiting) == MOST_IN_BATCH or size >= BATCH_BYTES):
                yield last, waiting
                waiting, size = [], 0
            if group.notified and drill:
                waiting += drill_recipients(person, name, drill) if group != last else ()
            elif group.notified:
                waiting.append(person.reached(name))
                size += len(waiting[-1].model_dump_json())
            last = group
        if waiting:
            yield last, waiting

    async def _seal_duplicates(self, scope: BreachScope, key: CaseKey) -> AsyncIterator[int]:
        """Seal the people of other phases that *scope* notifies as well; yield how many were compared."""
        for phase in await self.scopes.other_reported_phases(scope):
            number = 0
            while (batch := await self._opened(scope.incident, phase, number)) is not None:
                if found := await self._notified_here(scope, batch, key):
                    item = elsewhere_item(phase, number, scope.phase)
                    content = NotifiedElsewhere(numbers=found).model_dump_json().encode()
                    await self.vault.seal(scope.incident, item, content)
                yield len(batch.people)
                number += 1

    async def _opened(self, incident: str, phase: int, number: int) -> NoticeBatch | None:
        """Return a batch of another phase; None after the last, or if its people are forgotten."""
        try:
            sealed = await self.vault.open(incident, batch_item(phase, number))
        except KeyError:
            return None
        return NoticeBatch.model_validate_json(sealed)

    async def _notified_here(self, scope: BreachScope, batch: NoticeBatch, key: CaseKey) -> tuple[int, ...]:
        known = await self.scopes.notified_people(scope, [person.key for person in batch.people], key)
        return tuple(
            number
            for number, person in enumerate(batch.people)
            if person.key in known and covers_notice(*known[person.key], batch.laws, person)
        )

    def _finding(self) -> AffectedSearch:
        return AffectedSearch(self.current(), self.stores, self.within)

    def _pulse(self, scope: BreachScope) -> ScopeProgress:
        return ScopeProgress(self.scopes, scope, self.clock)


def _message(scope: BreachScope, counting: AffectedCounter, batches: int) -> Message:
    """Return the event; equal for all replicas that report one phase."""
    id_ = uuid5(NAMESPACE_OID, f"scoped {scope.id}").hex
    fact = BreachScoped(
        request_id=scope.incident,
        phase=scope.phase,
        groups=counting.groups(),
        categories=counting.categories(),
        customers=counting.customers,
        records=scope.records,
        unnamed=scope.unnamed,
        crowded=counting.crowded,
        chunks=batches,
        declaration=scope.declaration,
    )
    body = encode(fact, id=id_, source="habeas/scoping", time=datetime.now(UTC))
    return Message(fact.EXCHANGE, fact.TYPE, body, id_)


def drill_recipients(person: AffectedPerson, key: str, staff: Sequence[str]) -> Iterator[NoticeRecipient]:
    """
    Yield *staff* as recipients of a drill's notice, in place of *person* with the *key*.

    One person stands for all that get the same notice. Nothing that identifies them is left.
    """
    for number, mailbox in enumerate(staff):
        own = key if number == 0 else blake2b(f"{key} {number}".encode(), digest_size=16).hexdigest()
        categories = tuple(sorted(person.categories))
        yield NoticeRecipient(key=own, email=mailbox, categories=categories, services=person.services)


def covers_notice(group: NoticeGroup, affected: AffectedPerson, laws: Laws, person: NoticeRecipient) -> bool:
    """
    Return whether the notice to *affected* of *group* contains all of the notice to *person* under *laws*.

    If no letter reaches them, none replaces another; nor does a letter to another mailbox, which may be part
    of the breach itself.
    """
    return (
        affected.email is not None
        and (person.email is None or same(person.email, tagged=False) == same(affected.email, tagged=False))
        and set(map(without_edition, laws)) <= set(map(without_edition, group.laws))
        and all(covered(category, affected.categories) for category in person.categories)
        and set(person.services) <= set(affected.services)
    )
