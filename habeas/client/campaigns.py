"""The results of an incident's notices: progress, people not reached, and proofs of sending."""

import csv
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from habeas.client.private_files import open_private
from services.notifier.breach.campaign.bootstrap import STEERING
from services.notifier.breach.campaign.ledgers import COUNTS
from services.notifier.breach.campaign.outcomes import elsewhere, letters
from services.notifier.breach.campaign.states import CampaignState
from services.notifier.breach.campaign.unreached import (
    COLUMNS,
    IN_DOUBT,
    Unreached,
    failures,
    missed_in,
    unreached_of,
)
from services.notifier.letters.mime import addr_spec
from services.notifier.settings import notice_paths
from services.notifier.smtp.return_path import CampaignNotice, NoticePaths
from shared.contract.affected_people import NoticeBatch, batch_item
from shared.contract.events.breaches import BreachDeclared
from shared.errors import ConfigurationError, MailRefused
from shared.runtime.key_rings import RootKey
from shared.runtime.mongo import Collection, Document, connect, translated
from shared.runtime.vault import Vault

RECENT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of the notices under one law."""

    phase: int
    laws: tuple[str, ...]
    people: int
    sent: int
    doubtful: int
    failed: int
    elsewhere: int
    """People covered by the letter of another phase."""
    chunks: int
    through: int

    @property
    def left(self) -> int:
        """Notices not sent yet."""
        return self.people - self.sent - self.failed - self.elsewhere


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """Progress of the notices of an incident."""

    standing: CampaignState
    parts: tuple[Progress, ...]
    per_minute: int

    @property
    def left(self) -> int:
        """Notices not sent yet."""
        return sum(part.left for part in self.parts)

    @property
    def minutes(self) -> float | None:
        """Remaining minutes at the last minute's rate; None without letters in it."""
        return self.left / self.per_minute if self.per_minute else None

    def plain(self) -> dict[str, Any]:
        """Return it for programs."""
        counts = {"left": self.left, "per_minute": self.per_minute, "minutes": self.minutes}
        parts = [{**asdict(part), "left": part.left} for part in self.parts]
        return {"standing": self.standing.value, **counts, "parts": parts}


@dataclass(frozen=True, slots=True)
class NoticeRecord:
    """The record of the notice to one person."""

    phase: int
    message_id: str
    accepted_at: datetime | None
    said: str
    """The server's answer, or the reason for no letter."""
    doubtful: bool
    returned: Mapping[str, str]
    """Later report → enhanced status code."""

    def plain(self) -> dict[str, Any]:
        """Return it for programs."""
        at = self.accepted_at.isoformat() if self.accepted_at else None
        return {**asdict(self), "accepted_at": at}


class CampaignReader:
    """The campaigns of one installation."""

    def __init__(self, database: Any, vault: Vault, paths: NoticePaths) -> None:
        self._campaigns: Collection = database["campaigns"]
        self._ledgers: Collection = database["ledgers"]
        self._vault = vault
        self._paths = paths

    async def report(self, incident: str, now: datetime | None = None) -> CampaignReport:
        """Return the progress of an incident's notices. Raises ConfigurationError if none were released."""
        with translated("read a campaign"):
            found = await self._campaigns.find_one({"_id": incident})
            if found is None:
                raise ConfigurationError(
                    f"incident {incident}: no notices were released; `habeas breach list` lists all"
                )
            groups = self._ledgers.aggregate([{"$match": {"incident": incident}}, {"$group": _BY_LAW}])
            parts = [_progress(group) async for group in groups]
        parts.sort(key=lambda part: (part.phase, part.laws))
        rate = await self._rate(incident, now or datetime.now(UTC))
        return CampaignReport(CampaignState(found["standing"]), tuple(parts), rate)

    async def _rate(self, incident: str, now: datetime) -> int:
        """Return the current rate of letters a minute, of the last minute or since the first batch."""
        since = now - RECENT
        stages: list[Document] = [
            {"$match": {"incident": incident, "at": {"$gte": since}}},
            {"$unwind": "$written"},
            {"$match": {"written.at": {"$gte": since}}},
            {
                "$group": {
                    "_id": None,
                    "letters": {"$sum": {"$size": "$written.letters"}},
                    "begun_at": {"$min": "$begun_at"},
                }
            },
        ]
        with translated("read a campaign"):
            found = await self._ledgers.aggregate(stages).to_list(1)
        rate = 0.0
        for one in found:
            # Letters could go out since the first batch began, a second ago at least.
            window = min(RECENT, max(now - one["begun_at"], timedelta(seconds=1)))
            rate += one["letters"] * (RECENT / window)
        return round(rate)

    async def unreached(self, incident: str) -> AsyncIterator[Unreached]:
        """Yield people not reached: no address, refused, returned, given up, aborted, or not taken yet."""
        aborted = (await self.report(incident)).standing is CampaignState.ABORTED
        async for ledger, batch in self._opened(incident):
            declared = await self._declared(ledger) if missed_in(ledger, aborted=aborted) else None
            for one in unreached_of(ledger, batch, declared, aborted=aborted):
                yield one

    async def _declared(self, ledger: Document) -> BreachDeclared | None:
        """Return the declaration that notices of *ledger* use, if it is recorded."""
        name = ledger.get("declaration")
        sealed = name and await self._vault.open(ledger["incident"], name)
        return BreachDeclared.model_validate_json(sealed) if sealed else None

    async def proofs(self, incident: str, email: str) -> AsyncIterator[NoticeRecord]:
        """Yield the records of notices to people with the address *email*."""
        wanted = _mailbox(email)
        async for ledger, batch in self._opened(incident):
            for number, person in enumerate(batch.people):
                if wanted in map(_mailbox, filter(None, (person.email, *person.others))):
                    yield self._proof(ledger, number)

    async def _opened(self, incident: str) -> AsyncIterator[tuple[Document, NoticeBatch]]:
        """Yield each batch of *incident* with its ledger."""
        await self.report(incident)
        with translated("read ledgers"):
            async for ledger in self._ledgers.find({"incident": incident}).sort([("phase", 1), ("chunk", 1)]):
                try:
                    item = batch_item(ledger["phase"], ledger["chunk"])
                    batch = NoticeBatch.model_validate_json(await self._vault.open(incident, item))
                except KeyError:
                    why = "affected people are not kept any more (HABEAS_INCIDENT_PEOPLE_MONTHS)"
                    raise ConfigurationError(f"incident {incident}: {why}") from None
                yield ledger, batch

    def _proof(self, ledger: Document, number: int) -> NoticeRecord:
        campaign = self._paths.campaign(ledger["incident"])
        notice = CampaignNotice(campaign, ledger["phase"], ledger["chunk"], number)
        written = {n: (at, said) for n, said, at in letters(ledger, "written")}
        at, said = written.get(number, (None, IN_DOUBT if number in ledger["doubt"] else "not sent yet"))
        if at is None and number in (failed := failures(ledger, aborted=False)):
            said = ": ".join(failed[number])
        elif at is None and number in elsewhere(ledger):
            said = "covered by the letter of another phase, released at the same moment"
        returned = ledger.get("returned", {}).get(str(number), {})
        return NoticeRecord(
            phase=ledger["phase"],
            message_id=self._paths.message_id(notice, ledger["domain"]),
            accepted_at=at,
            said=said,
            doubtful=number in ledger["doubt"],
            returned={action: status for action, (status, _) in returned.items()},
        )


@asynccontextmanager
async def opened(mongo_url: str, prefix: str, master_key: RootKey) -> AsyncIterator[CampaignReader]:
    """Open the campaigns at *mongo_url*. Raises StoreUnavailable if the database does not answer."""
    with closing(connect(mongo_url, app_name="habeas command")) as client:
        vault = Vault(client, prefix=prefix, master_key=master_key)
        yield CampaignReader(client[f"{prefix}_{STEERING}"], vault, notice_paths("", master_key))


def write(file: Path, rows: list[Unreached]) -> None:
    """Write *rows* to *file* as CSV for its owner only. Raises ConfigurationError if it cannot be written."""
    try:
        with open(file, "w", encoding="utf-8-sig", newline="", opener=open_private) as out:
            table = csv.DictWriter(out, COLUMNS)
            table.writeheader()
            table.writerows(one.row() for one in rows)
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be written ({error.strerror})") from None


_BY_LAW: Document = {
    "_id": {"phase": "$phase", "laws": "$laws"},
    "people": {"$sum": "$people"},
    **{name: {"$sum": count} for name, count in COUNTS.items()},
    "chunks": {"$sum": 1},
    "through": {"$sum": {"$cond": ["$through", 1, 0]}},
}


def _progress(group: Document) -> Progress:
    counts = {name: group[name] for name in ("people", *COUNTS, "chunks", "through")}
    return Progress(phase=group["_id"]["phase"], laws=tuple(group["_id"]["laws"]), **counts)


def _mailbox(email: str) -> str:
    """Return *email* for comparison: as sent to a mail server, in small letters."""
    try:
        return addr_spec(email).casefold()
    except MailRefused:
        return email.strip().casefold()
