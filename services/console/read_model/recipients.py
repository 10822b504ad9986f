"""
Notices to recipients of data, and their states, as the facts of their cases state them.

They end with their case. Each filter has an index in the order of time, the newest first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, TypeAlias

from services.console.domain import HistoryEntry, in_order
from services.console.read_model.marks import IndexKeys, page_by_place
from services.console.state import Document, RecipientState
from shared.contract import events
from shared.runtime.mongo import Database, IndexModel, translated

NoticeResult: TypeAlias = events.RecipientNotified | events.RecipientAcknowledged | events.RecipientFailed
RESULTS: Mapping[type[NoticeResult], RecipientState] = {
    events.RecipientNotified: RecipientState.NOTIFIED,
    events.RecipientAcknowledged: RecipientState.ACKNOWLEDGED,
    events.RecipientFailed: RecipientState.FAILED,
}


@dataclass(frozen=True, slots=True)
class RecipientNotice:
    """A notice to a recipient of data."""

    id: str
    case: str
    recipient: str
    about: str
    """Type of the fact that the recipient must hear of."""
    at: datetime
    """Since when it is in its state."""
    state: RecipientState
    reason: str | None = None
    """Of a failed one."""

    def fails(self, recipient: str) -> bool:
        """Return whether it is a failed one to *recipient*."""
        return (self.recipient, self.state) == (recipient, RecipientState.FAILED)

    def document(self) -> Document:
        """Return it as it is stored, without its id."""
        stored = {name: value for name, value in asdict(self).items() if name != "id"}
        place = f"{self.at.isoformat(timespec='milliseconds')} {self.id}"
        return {**stored, "state": self.state.value, "place": place}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "RecipientNotice":
        """Return the notice of a stored *document*."""
        known = {one.name: document[one.name] for one in fields(cls) if one.name != "id"}
        return cls(id=document["_id"], **{**known, "state": RecipientState(document["state"])})


@dataclass(frozen=True, slots=True)
class NoticePage:
    """One page of notices, the newest first."""

    notices: Sequence[RecipientNotice]
    next: str | None
    """Mark of the next page; None for the last one."""


class NoticeList:
    """Reads the notices of all cases."""

    def __init__(self, database: Database) -> None:
        """Read them in *database*."""
        self._notices = database["notices"]

    async def prepare(self) -> None:
        """Create the indexes."""
        with translated("index the notices to recipients"):
            indexes = [*(_index(failed=one) for one in (True, False)), [("case", 1)]]
            await self._notices.create_indexes([IndexModel(one) for one in indexes])

    async def page(self, *, failed: bool, after: str = "") -> NoticePage:
        """
        Return the page that begins after the mark *after*; of *failed* notices alone, if so.

        Raises:
            ValueError: *after* is no mark.
            StoreUnavailable: The server did not answer.
        """
        query = {"state": RecipientState.FAILED.value} if failed else {}
        with translated("list notices to recipients"):
            documents, mark = await page_by_place(self._notices, query, _index(failed=failed), after)
        return NoticePage([RecipientNotice.read(one) for one in documents], mark)


def notices_of(case: str, history: Iterable[HistoryEntry]) -> list[RecipientNotice]:
    """Return the notices in the *history* of a case."""
    found: dict[str, RecipientNotice] = {}
    for entry in in_order(history):
        match entry.fact:
            case events.RecipientConcerned() as fact:
                before = found.get(fact.notice)
                if before is None or before.at < entry.at:  # of the same moment, the result came later
                    found[fact.notice] = _notice(case, entry.at, fact, RecipientState.UNDER_WAY)
            case events.RecipientInformed(recipient=recipient):
                found |= {one.id: _informed(one, entry.at) for one in found.values() if one.fails(recipient)}
            case fact if isinstance(fact, NoticeResult):
                found[fact.notice] = _notice(case, entry.at, fact, RESULTS[type(fact)])
            case _:
                pass
    return list(found.values())


def _informed(notice: RecipientNotice, at: datetime) -> RecipientNotice:
    return replace(notice, at=at, state=RecipientState.INFORMED, reason=None)


def _notice(
    case: str, at: datetime, fact: events.RecipientConcerned | NoticeResult, state: RecipientState
) -> RecipientNotice:
    reason = fact.reason if isinstance(fact, events.RecipientFailed) else None
    return RecipientNotice(fact.notice, case, fact.recipient, fact.about, at, state, reason)


def _index(*, failed: bool) -> IndexKeys:
    return [*([("state", 1)] if failed else []), ("place", -1)]
