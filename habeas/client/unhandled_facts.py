"""
The facts that a service has published and a listener has not handled, by a comparison of their journals.

A listener has handled a fact if a row of its journal names the event as its cause, or if the fact is among
its notes. Facts that it ignores, and those about purged cases, are not expected. The comparison needs no
broker, and holds whatever has become of the message.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from habeas.client.read_model import RECORDS
from habeas.client.watched_facts import AT_ONCE, ExpectedFact
from services.fulfillment.breach.handlers import SUBSCRIPTIONS as SCOPING
from services.fulfillment.erasure.window import window_ended
from services.fulfillment.handlers import SUBSCRIPTIONS as FULFILLMENT
from services.intake.breach.handlers import SUBSCRIPTIONS as INCIDENTS
from services.intake.handlers import SUBSCRIPTIONS as INTAKE
from services.notifier.breach.campaign.batch.handlers import SUBSCRIPTIONS as CHUNKS
from services.notifier.breach.campaign.handlers import SUBSCRIPTIONS as CAMPAIGNS
from services.notifier.codes.handlers import SUBSCRIPTIONS as CODES
from services.notifier.handlers import SUBSCRIPTIONS as NOTIFIER
from services.verifier.documents.examiner.handlers import SUBSCRIPTIONS as EXAMINER
from services.verifier.handlers import SUBSCRIPTIONS as VERIFIER
from services.verifier.login.handlers import SUBSCRIPTIONS as LOGIN
from shared.contract.events import DeadlineCame, Fact, RequestPurged, TimeCame
from shared.contract.events.breaches import BreachTimeCame
from shared.contract.topology import LISTENS, publishers_of
from shared.portions import portions
from shared.runtime.journal import PURGE_KEPT, Journal
from shared.runtime.mongo import Client, Database, Document, translated
from shared.runtime.republication import FactSource, Publications
from shared.runtime.scheduler import Timer, TimerEvent, row_of
from shared.runtime.service import Subscription

SUBSCRIPTIONS: Mapping[str, Iterable[Subscription[Any]]] = {
    "intake": INTAKE,
    "incidents": INCIDENTS,
    "verifier": VERIFIER,
    "examiner": EXAMINER,
    "login": LOGIN,
    "fulfillment": FULFILLMENT,
    "scoping": SCOPING,
    "notifier": NOTIFIER,
    "codes": CODES,
    "campaigns": CAMPAIGNS,
    "chunks": CHUNKS,
}
TIMERS: Mapping[str, Callable[..., TimerEvent]] = {
    "intake": DeadlineCame,
    "incidents": BreachTimeCame,
    "verifier": TimeCame,
    "fulfillment": window_ended,
}
"""Service → the event of its timers."""
PURGES_EXPECTED = PURGE_KEPT - timedelta(days=1)
"""Age up to which the row of a purge is expected in other journals: they remove it later."""


class PublishedFacts(NamedTuple):
    """The facts of a row, a timer or a publication, by id."""

    source: FactSource
    key: str
    at: datetime
    facts: Iterable[tuple[str, Fact]]


class FactComparison:
    """Compares the journals of an installation."""

    def __init__(self, client: Client, prefix: str) -> None:
        """Read the databases that begin with *prefix*."""
        self.client = client
        self.prefix = prefix
        self._subscribed = {
            (service, one.event): one for service, some in SUBSCRIPTIONS.items() for one in some
        }

    def database(self, service: str) -> Database:
        """Return the database of *service*."""
        return self.client[f"{self.prefix}_{service}"]

    async def expected(self, service: str, since: datetime) -> AsyncIterator[Sequence[ExpectedFact]]:
        """
        Yield in batches what is expected of the facts that *service* has published since a moment.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        batch: list[ExpectedFact] = []
        async for one in self._published(service, since):
            batch += self._of(service, one)
            if len(batch) >= AT_ONCE:
                yield batch
                batch = []
        yield batch

    async def unhandled(self, expected: Sequence[ExpectedFact]) -> list[ExpectedFact]:
        """Return those of *expected* that their listeners have not handled; raises StoreUnavailable."""
        return [one for some in portions(expected, AT_ONCE) for one in await self._unhandled(some)]

    async def _unhandled(self, expected: Sequence[ExpectedFact]) -> list[ExpectedFact]:
        by_listener: dict[str, list[ExpectedFact]] = defaultdict(list)
        for one in expected:
            by_listener[one.listener].append(one)
        left = [one for name, some in by_listener.items() for one in await self._left(name, some)]
        return await self._without_purged(left)

    async def _published(self, service: str, since: datetime) -> AsyncIterator[PublishedFacts]:
        database = self.database(service)
        async for row in Journal(database, RECORDS.get(service, ())).rows_since(since):
            yield PublishedFacts(FactSource.JOURNAL, row.key, row.at, row.published(service))
        async for id_, fact, at in Publications(database).since(since):
            yield PublishedFacts(FactSource.PUBLICATIONS, id_, at, [(id_, fact)])
        if service in TIMERS:
            published = {"published": True, "published_at": {"$gte": since}}
            with translated("read the timers"):
                async for one in database["timers"].find(published):
                    timer = Timer(one["case"], one["name"], one["at"])
                    facts = row_of(timer, TIMERS[service]).published(service)
                    yield PublishedFacts(FactSource.TIMERS, timer.key, timer.at, facts)

    def _of(self, service: str, published: PublishedFacts) -> Iterator[ExpectedFact]:
        source, key, at, facts = published
        for id_, fact in facts:
            for listener, types in LISTENS.items():
                if fact.TYPE in types and not self._is_ignored(listener, fact):
                    yield ExpectedFact(
                        listener, id_, fact.TYPE, fact.case, fact.request_id, service, source, key, at
                    )

    def _is_ignored(self, listener: str, fact: Fact) -> bool:
        return self._subscribed[listener, type(fact)].ignored(fact)

    async def _left(self, listener: str, expected: Sequence[ExpectedFact]) -> list[ExpectedFact]:
        """Return those of *expected* that are neither causes of rows of *listener* nor in its notes."""
        cases, ids = list({one.case for one in expected}), [one.id for one in expected]
        purge = [{f"{place}.type": RequestPurged.TYPE} for place in ("event", "facts")]
        wanted = {"case": {"$in": cases}, "$or": [{"cause": {"$in": ids}}, *purge]}
        shown = {"case": 1, "cause": 1, "event.type": 1, "facts.type": 1}
        with translated(f"read the journal of {listener}"):
            rows = await self.database(listener)["journal"].find(wanted, shown).to_list(None)
        causes, purged = {row["cause"] for row in rows}, {row["case"] for row in rows if _is_purge(row)}
        left = [one for one in expected if one.id not in causes and one.case not in purged]
        noted = await self._noted(listener, {one.case for one in left}) if left else set()
        return [one for one in left if (one.case, one.id) not in noted]

    async def _noted(self, listener: str, cases: Iterable[str]) -> set[tuple[str, str]]:
        """Return the facts in the notes about *cases*, as pairs of case and id of the event."""
        names = {"$map": {"input": {"$objectToArray": "$$ROOT"}, "in": "$$this.k"}}
        stages: list[Document] = [{"$match": {"_id": {"$in": list(cases)}}}, {"$project": {"names": names}}]
        with translated(f"read the notes of {listener}"):
            found = await self.database(listener)["notes"].aggregate(stages).to_list(None)
        return {(notes["_id"], name) for notes in found for name in notes["names"]}

    async def _without_purged(self, expected: Sequence[ExpectedFact]) -> list[ExpectedFact]:
        """Return *expected* without facts about purged cases, but with young purges themselves."""
        cases = list({case for one in expected for case in (one.case, one.request_id)})
        purged: set[str] = set()
        for service in publishers_of(RequestPurged.TYPE) if cases else ():
            wanted = {"case": {"$in": cases}, "facts.type": RequestPurged.TYPE}
            with translated("look for purged cases"):
                purged |= set(await self.database(service)["journal"].distinct("case", wanted))
        oldest = datetime.now(UTC) - PURGES_EXPECTED
        return [
            one
            for one in expected
            if (
                one.at > oldest if one.type == RequestPurged.TYPE else not purged & {one.case, one.request_id}
            )
        ]


def _is_purge(row: Document) -> bool:
    """Return whether a stored *row* is the last one of a purged case."""
    types = {fact.get("type") for fact in row.get("facts", ())}
    return RequestPurged.TYPE in types or (row.get("event") or {}).get("type") == RequestPurged.TYPE
