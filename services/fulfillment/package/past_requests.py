"""
Earlier requests of the same person, for a copy of their data: day, right and outcome of each.

The entries hold keyed hashes of proven identities and no clear data. They name cases, whose journal has the
outcome, and go with the case. Requests that need no proof are not among them: anyone can make one in
another person's name.

People share mailboxes and telephone numbers. An earlier request counts only if all identities that it has
proven are proven now, too, with the same values, and are more than a telephone number beside others. Where
requests with the same identities state different names, only those with the requester's name count.

Law:
    GDPR Art. 15(1): data about requests is data about the person; Art. 15(4): not at the expense of others.
"""

import hmac
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from hashlib import sha256

from services.fulfillment.datamap.graph import PHONE
from services.fulfillment.package.survey import OPEN, WITHDRAWN, PastRequest
from services.fulfillment.search.identities import Identities, plain
from shared.contract.events import IdentityVerified, Outcome, RequestFulfilled, RequestWithdrawn
from shared.law import Right
from shared.runtime.bulk_insert import Insertions
from shared.runtime.journal import Journal, JournalRow
from shared.runtime.mongo import Database, Document, create_compressed, translated

MOST_LISTED = 100
"""Earlier requests that a copy lists; the newest ones."""


class PastRequests:
    """The verified requests of people, by keyed hashes of their identities."""

    def __init__(self, database: Database, journal: Journal, key: bytes) -> None:
        """Keep entries in *database*; identities are hashed with *key*, outcomes are in *journal*."""
        self._requests = database["requests"]
        self._journal = journal
        self._key = key
        self._insertions = Insertions(self._requests)

    async def prepare(self) -> None:
        """Create the indexes."""
        await create_compressed(self._requests)
        with translated("index the past requests"):
            await self._requests.create_index([("person", 1), ("received_on", -1)])
            await self._requests.create_index("case")

    async def note(self, event: IdentityVerified, identities: Identities, name: str | None) -> None:
        """Register the request of *name* that *event* verifies by *identities*; it may be repeated."""
        case, on = event.request_id, event.received_on.isoformat()
        noted: Document = {"case": case, "received_on": on, "right": event.right.value}
        if name is not None:
            noted["name"] = self._name_hash(name)
        # The first spelling is the usual one; another one would be an identity more.
        people = {self._hash(identity, spellings[0]) for identity, spellings in identities.items()}
        await self._insertions.add([{"_id": f"{one}/{case}", "person": one} | noted for one in people])

    async def before(self, case: str, identities: Identities, name: str | None) -> Sequence[PastRequest]:
        """Return the verified requests of the person but *case*, the oldest first."""
        wanted = {"person": {"$in": list(self._hashes(identities))}, "case": {"$ne": case}}
        cases: dict[str, None] = {}
        with translated("look for past requests"):
            newest = self._requests.find(wanted).sort("received_on", -1).limit(MOST_LISTED)
            async for entry in newest:
                cases[entry["case"]] = None
            entries = [entry async for entry in self._requests.find({"case": {"$in": list(cases)}})]
        found = self._same_person(entries, identities, None if name is None else self._name_hash(name))
        histories = await self._journal.histories(found) if found else {}
        return tuple(_listed(found, histories))

    def _same_person(
        self, entries: Sequence[Document], identities: Identities, name: str | None
    ) -> Mapping[str, Document]:
        """Return an entry of each case in *entries* that was proven by *identities* alone, under *name*."""
        mine = set(self._hashes(identities))
        stronger = {key: values for key, values in identities.items() if key != PHONE}
        deciding = set(self._hashes(stronger)) or mine
        proven: dict[str, set[str]] = {}
        by_case = {entry["case"]: entry for entry in entries}
        for entry in entries:
            proven.setdefault(entry["case"], set()).add(entry["person"])
        found = {case: by_case[case] for case, by in proven.items() if by <= mine and by & deciding}
        names = {entry["name"] for entry in by_case.values() if "name" in entry} | ({name} - {None})
        if len(names) <= 1:
            return found
        return {case: entry for case, entry in found.items() if name and entry.get("name") == name}

    async def forget(self, case: str) -> None:
        """Remove the entries of *case*; it may be repeated."""
        with translated("forget a past request"):
            await self._requests.delete_many({"case": case})

    def _hashes(self, identities: Identities) -> Iterator[str]:
        named = ((name, spelling) for name, spellings in identities.items() for spelling in spellings)
        yield from dict.fromkeys(self._hash(name, spelling) for name, spelling in named)

    def _hash(self, identity: str, spelling: str) -> str:
        return self._keyed(f"request\x00{identity}\x00{plain(identity, spelling)}")

    def _name_hash(self, name: str) -> str:
        """Return the hash of the words of *name*, in any order and case."""
        words = re.findall(r"\w+", unicodedata.normalize("NFKC", name).casefold())
        return self._keyed(f"name\x00{' '.join(sorted(words))}")

    def _keyed(self, text: str) -> str:
        # The key is that of the copies; the hashes of the two cannot be compared.
        return hmac.new(self._key, text.encode(), sha256).hexdigest()


def _listed(
    found: Mapping[str, Document], histories: Mapping[str, Sequence[JournalRow]]
) -> Iterator[PastRequest]:
    """Yield the requests that have a journal, the oldest first: a purged case is forgotten."""
    for case, entry in sorted(found.items(), key=lambda item: (item[1]["received_on"], item[0])):
        if rows := histories.get(case):
            on = date.fromisoformat(entry["received_on"])
            yield PastRequest(on, Right(entry["right"]), outcome_of(rows))


def outcome_of(rows: Iterable[JournalRow]) -> Outcome | str:
    """Return the outcome of the last answer in *rows*; without one, whether the request is withdrawn."""
    outcome: Outcome | str = OPEN
    for fact in (fact for row in rows for fact in row.events()):
        if isinstance(fact, RequestFulfilled):
            outcome = fact.outcome
        elif isinstance(fact, RequestWithdrawn) and outcome == OPEN:
            outcome = WITHDRAWN
    return outcome
