"""
A trial run of the search for people affected by a breach; it keeps nothing.

People are recognised in an unnamed file that ends with the process, sealed with a key in memory: there may be
a million, and their data must not be stored before the decision to notify them.
"""

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from secrets import token_bytes

from services.fulfillment.breach.affected import AffectedPerson, merge_people, read, written
from services.fulfillment.breach.obligations import AffectedCounter, BreachLawPort, Judge, NoticeGroup
from services.fulfillment.breach.search import AffectedSearch, NamedCustomers, Portion
from services.fulfillment.search.digests import spelled
from shared.contract.events.breaches import BreachDeclared
from shared.runtime.vault import CaseKey

KEY_BYTES = 16
Progress = Callable[[str, int], None]
"""Called with the current collection, and the total number of records read."""
Each = Callable[[NoticeGroup, AffectedPerson], None]


@dataclass
class DryRunResult:
    """The result of a trial run."""

    counting: AffectedCounter = field(default_factory=AffectedCounter)
    records: int = 0
    by_collection: Counter[str] = field(default_factory=Counter)
    """Records found, by the keys of their collections."""
    named: NamedCustomers = field(default_factory=NamedCustomers)


async def run_dry(
    declared: BreachDeclared,
    finding: AffectedSearch,
    law: BreachLawPort,
    progress: Progress,
    each: Each = lambda *_: None,
) -> DryRunResult:
    """
    Return the people that *declared* affects, and their laws; *each* is called for every person.

    Raises:
        FilterRefused: The declaration does not name the records in a usable way.
        InvalidDataMap: The map names a collection that does not exist.
        StoreUnavailable: A store did not answer, which differs from an empty result.
    """
    with closing(_People()) as people:
        trial, found = DryRunResult(), finding.portions(declared)
        trial.by_collection, trial.named = await _gone_through(found, people.add, progress)
        trial.records = trial.by_collection.total()
        await _gone_through(finding.completions(people.lacking()), people.complete, progress)
        people.unite()
        judge = Judge(declared, law)
        for person in people.everyone():
            group = judge.group_of(person)
            trial.counting.add(group, person)
            each(group, person)
        if not declared.affected.collections:
            trial.records = declared.records or 0
        return trial


async def _gone_through(
    portions: AsyncIterator[Portion], keep: Callable[[Iterable[AffectedPerson]], None], progress: Progress
) -> tuple[Counter[str], NamedCustomers]:
    """Return the number of records in each collection, and the customers that they name."""
    handled, named = Counter[str](), NamedCustomers()
    async for portion in portions:
        keep(portion.people)
        handled[portion.collection] += portion.records
        named |= portion.named
        progress(portion.collection, handled.total())
    return handled, named


class _People:
    """The people found, each once."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("")  # an own file, deleted when it is closed
        self._file.execute("CREATE TABLE people (id TEXT PRIMARY KEY, lacks TEXT, sealed BLOB)")
        self._file.execute("CREATE TABLE aliases (alias TEXT, id TEXT, PRIMARY KEY (alias, id))")
        self._file.execute("CREATE TABLE united (id TEXT PRIMARY KEY, into_id TEXT)")
        self._key, self._sealing = token_bytes(KEY_BYTES), CaseKey.unnamed()

    def close(self) -> None:
        self._file.close()

    def add(self, people: Iterable[AffectedPerson]) -> None:
        """Keep *people*, and merge them into those that are known."""
        for id_, one in merge_people(people, self._id).items():
            known = self._known(id_)
            self._keep(id_, one if known is None else known.also(one))
            named = [(self._id(alias), id_) for alias in one.aliases]
            self._file.executemany("INSERT OR IGNORE INTO aliases VALUES (?, ?)", named)

    def unite(self) -> None:
        """Merge records of the same person at two addresses; they are read one by one."""
        rows = self._file.execute("SELECT alias, id FROM aliases ORDER BY alias, id")
        for _, some in groupby(rows, key=itemgetter(0)):
            ids = (id_ for _, id_ in some)
            first = next(ids)
            for other in ids:
                first = self._unite(first, other)

    def _united(self, id_: str) -> str:
        """Return the person that *id_* is merged into by now."""
        while row := self._file.execute("SELECT into_id FROM united WHERE id = ?", (id_,)).fetchone():
            id_ = row[0]
        return id_

    def _unite(self, one: str, other: str) -> str:
        """Merge two people, if they are two; return the id that remains."""
        first, second = sorted(map(self._united, (one, other)))
        known, same = self._known(first), self._known(second)
        if first != second and known is not None and same is not None:
            self._keep(first, known.with_address_of(same))
            self._file.execute("DELETE FROM people WHERE id = ?", (second,))
            self._file.execute("INSERT INTO united VALUES (?, ?)", (second, first))
        return first

    def complete(self, people: Iterable[AffectedPerson]) -> None:
        """Merge *people* into the known ones with missing facts."""
        for id_, one in merge_people(people, self._id).items():
            known = self._known(id_)
            if known is not None and known.lacks:
                self._keep(id_, known.also(one))

    def lacking(self) -> frozenset[str]:
        """Return the facts that are missing for some people."""
        rows = self._file.execute("SELECT DISTINCT lacks FROM people")
        return frozenset(fact for (several,) in rows for fact in several.split())

    def everyone(self) -> Iterator[AffectedPerson]:
        for id_, sealed in self._file.execute("SELECT id, sealed FROM people ORDER BY id"):
            yield read(self._sealing.open(sealed, id_))

    def _known(self, id_: str) -> AffectedPerson | None:
        row = self._file.execute("SELECT sealed FROM people WHERE id = ?", (id_,)).fetchone()
        return None if row is None else read(self._sealing.open(row[0], id_))

    def _keep(self, id_: str, person: AffectedPerson) -> None:
        row = (id_, " ".join(person.lacks), self._sealing.seal(written(person), id_))
        self._file.execute("INSERT OR REPLACE INTO people VALUES (?, ?, ?)", row)

    def _id(self, identity: tuple[Hashable, ...]) -> str:
        return blake2b(spelled(identity), digest_size=KEY_BYTES, key=self._key).hexdigest()
