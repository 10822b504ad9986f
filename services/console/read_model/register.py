"""
The register of requests: the entry of each, which the row of its case keeps.

Law:
    11 CCR § 7101(a)-(b): records of requests and responses.
"""

from collections.abc import AsyncIterator, Iterable
from zoneinfo import ZoneInfo

from services.console.domain import HistoryEntry, in_order
from services.console.read_model.cases import BY_RECEIPT, EXPORTED_AT_ONCE
from services.console.state import CaseKind, Document, name_of
from shared.contract.events import RequestReceived
from shared.contract.register import CaseHistory, RegisterEntry
from shared.runtime.mongo import Database, translated

REGISTER_FIELDS = (
    *("request", "received_on", "right", "law", "also", "manner", "source", "requester", "due_on"),
    *("extended", "paused_days", "answered_on", "days", "result", "grounds", "late", "appeals"),
    *("ended_at", "kept_for", "incident"),
)
"""Fields of an entry, in reading order."""


def register_entry(history: Iterable[HistoryEntry], zone: ZoneInfo) -> RegisterEntry | None:
    """Return the entry of a case, days of *zone*; None if it is no request."""
    ordered = in_order(history)
    submissions = [one.correlation for one in ordered if isinstance(one.fact, RequestReceived)]
    as_event = any(one is not None and one.event is not None for one in submissions)
    return CaseHistory.of(((one.at, one.fact) for one in ordered), as_event=as_event).entry(zone)


class RegisterReader:
    """Reads the register."""

    def __init__(self, database: Database) -> None:
        """Read it in *database*."""
        self._cases = database["cases"]

    async def entries(self, year: int, law: str = "") -> AsyncIterator[Document]:
        """Yield the entries of requests received in *year*, of people whom *law* protects, or any."""
        wanted = {
            "kind": CaseKind.REQUEST.value,
            "received_on": {"$gte": f"{year}-01-01", "$lte": f"{year}-12-31"},
        }
        with translated("read the register"):
            found = self._cases.find(wanted, {"register": 1}, hint=BY_RECEIPT)
            async for row in found.sort(BY_RECEIPT).batch_size(EXPORTED_AT_ONCE):
                entry = row["register"]
                if not law or law in map(name_of, (entry["law"], *entry["also"])):
                    yield {name: entry[name] for name in REGISTER_FIELDS}
