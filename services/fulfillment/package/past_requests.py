"""
Earlier requests of the same person, for a copy of their data: day, right and outcome of each.

The entries hold keyed hashes of proven identities and no clear data. They name cases, whose journal has the
outcome, and go with the case. Requests that need no proof are not among them: anyone can make one in
another person's name.

Law:
    GDPR Art. 15(1): data about requests is data about the person.
"""

import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from hashlib import sha256

from services.fulfillment.package.survey import OPEN, WITHDRAWN, PastRequest
from services.fulfillment.search.identities import Identities, plain
from shared.contract.events import IdentityVerified, Outcome, RequestFulfilled, RequestWithdrawn
from shared.law import Right
from shared.runtime.bulk_insert import Insertions
from shared.runtime.journal import Journal, JournalRow
from shared.runtime.mongo import Database, Document, translated

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
        with translated("index the past requests"):
            await self._requests.create_index([("person", 1), ("received_on", -1)])
            await self._requests.create_index("case")

    async def note(self, event: IdentityVerified, identities: Identities) -> None:
        """Register the request that *event* verifies under the person's *identities*; it may be repeated."""
        case, on = event.request_id, event.received_on.isoformat()
        noted: Document = {"case": case, "received_on": on, "right": event.right.value}
        people = self._hashes(identities)
        await self._insertions.add([{"_id": f"{one}/{case}", "person": one} | noted for one in people])

    async def before(self, case: str, identities: Identities) -> Sequence[PastRequest]:
        """Return the verified requests of the person but *case*, the oldest first."""
        wanted = {"person": {"$in": list(self._hashes(identities))}, "case": {"$ne": case}}
        found: dict[str, Document] = {}
        with translated("look for past requests"):
            newest = self._requests.find(wanted).sort("received_on", -1).limit(MOST_LISTED)
            async for entry in newest:
                found[entry["case"]] = entry
        histories = await self._journal.histories(found) if found else {}
        return tuple(_listed(found, histories))

    async def forget(self, case: str) -> None:
        """Remove the entries of *case*; it may be repeated."""
        with translated("forget a past request"):
            await self._requests.delete_many({"case": case})

    def _hashes(self, identities: Identities) -> Iterator[str]:
        named = ((name, spelling) for name, spellings in identities.items() for spelling in spellings)
        for name, value in dict.fromkeys((name, plain(name, spelling)) for name, spelling in named):
            # The key is that of the copies; the hashes of the two cannot be compared.
            yield hmac.new(self._key, f"request\x00{name}\x00{value}".encode(), sha256).hexdigest()


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
