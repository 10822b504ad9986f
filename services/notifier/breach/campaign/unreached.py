"""People whom the letters of a breach have not reached, as a list for notices by other means."""

import csv
import io
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Protocol

from services.notifier.breach.campaign.ledgers import Ledgers
from services.notifier.breach.campaign.outcomes import LedgerDocument, elsewhere, letters
from services.notifier.breach.campaign.states import CampaignState, Standings
from services.notifier.breach.notices import mailboxes
from shared.contract.affected_people import (
    UNREACHED,
    NoticeBatch,
    NoticeRecipient,
    batch_item,
    unreached_item,
)
from shared.contract.events import Fact
from shared.contract.events.breaches import BreachDeclared, BreachOpened, UnreachedListed
from shared.contract.ports import VaultPort
from shared.pages.spreadsheets import safe_cell

COLUMNS = (
    "reason", "said", "name", "email", "others", "breached",
    "postal", "place", "language", "laws", "to", "phase",
)  # fmt: skip
IN_DOUBT = "a mail server may have taken it without an answer"

BYTE_ORDER_MARK = "\ufeff"
"""Spreadsheets take a file without it for another encoding."""
ROWS_IN_PART = 5_000
"""Rows of a sealed part of a list: a document of the database has a greatest size."""


@dataclass(frozen=True, slots=True)
class Unreached:
    """A person to notify by other means."""

    person: NoticeRecipient
    reason: str
    said: str
    ledger: LedgerDocument
    breached: Sequence[str] = ()
    """Their mailboxes with a breached password, which must not be used."""

    def row(self) -> Mapping[str, str]:
        """Return the row of the list."""
        person, ledger = self.person, self.ledger
        row = {
            "reason": self.reason,
            "said": self.said,
            "name": person.name,
            "email": person.email or "",
            "others": "\n".join(one for one in person.others if one not in self.breached),
            "breached": "\n".join(self.breached),
            "postal": "\n".join(person.postal),
            "place": person.place or "",
            "language": ledger["language"],
            "laws": " ".join(ledger["laws"]),
            "to": ledger["to"],
            "phase": str(ledger["phase"]),
        }
        return {name: safe_cell(text) for name, text in row.items()}


def failures(ledger: LedgerDocument, *, aborted: bool) -> dict[int, tuple[str, str]]:
    """Return the people of a batch to notify by other means, with reasons and answers."""
    failed = {n: (reason, said) for n, reason, said, _ in letters(ledger, "failures")}
    returned = ledger.get("returned", {}).items()
    failed |= {int(n): ("bounced", reports["failed"][0]) for n, reports in returned if "failed" in reports}
    if aborted:
        done = failed.keys() | {n for n, *_ in letters(ledger, "written")} | elsewhere(ledger)
        reasons = {
            True: ("doubtful", f"the campaign was stopped; {IN_DOUBT}"),
            False: ("aborted", "the campaign was stopped"),
        }
        left = (n for n in range(ledger["people"]) if n not in done)
        failed |= {n: reasons[n in ledger["doubt"]] for n in left}
    return failed


def waiting(ledger: LedgerDocument) -> dict[int, tuple[str, str]]:
    """Return the people with tried letters that were not taken; their batch may be parked."""
    done = {number for number, *_ in letters(ledger, "written", "failures")}
    tried = {int(number): ("waiting", later[2]) for number, later in ledger.get("later", {}).items()}
    return {number: why for number, why in tried.items() if number not in done}


def unreached_of(
    ledger: LedgerDocument, batch: NoticeBatch, declared: BreachDeclared | None, *, aborted: bool
) -> Iterator[Unreached]:
    """Yield the people of a *batch* who are not reached, by its *ledger*."""
    for number, (reason, said) in sorted(missed_in(ledger, aborted=aborted).items()):
        person = batch.people[number]
        unsafe = mailboxes.breached(person, declared) if declared else ()
        yield Unreached(person, reason, said, ledger, unsafe)


def missed_in(ledger: LedgerDocument, *, aborted: bool) -> dict[int, tuple[str, str]]:
    """Return the people of a batch who are not reached, with reasons and answers."""
    return waiting(ledger) | failures(ledger, aborted=aborted)


class ListWriter(Protocol):
    """The ledgers and states of campaigns, and the vault."""

    @property
    def ledgers(self) -> Ledgers:
        """Return the ledgers."""

    @property
    def standings(self) -> Standings:
        """Return the states."""

    @property
    def vault(self) -> VaultPort:
        """Return the vault."""


async def list_unreached(event: BreachOpened, ctx: ListWriter) -> Sequence[Fact]:
    """Seal the list of the people not reached, for the account that opened the incident."""
    if event.proof is None or not await ctx.standings.begun(event.request_id):
        return []
    name, people, parts = f"{UNREACHED}{event.proof.at.astimezone(UTC):%Y%m%d%H%M%S}", 0, 0
    rows: list[Unreached] = []
    async for one in people_not_reached(event.request_id, ctx):
        rows.append(one)
        people += 1
        if len(rows) == ROWS_IN_PART:
            await _seal(event.request_id, name, parts, rows, ctx.vault)
            rows, parts = [], parts + 1
    await _seal(event.request_id, name, parts, rows, ctx.vault)
    return [UnreachedListed(request_id=event.request_id, people=people, list=name, parts=parts + 1)]


async def people_not_reached(incident: str, ctx: ListWriter) -> AsyncIterator[Unreached]:
    """Yield the people of *incident* who are not reached by a letter, or perhaps not."""
    aborted = await ctx.standings.of(incident) is CampaignState.ABORTED
    async for ledger in ctx.ledgers.of(incident):
        if not missed_in(ledger, aborted=aborted):
            continue
        try:
            item = batch_item(ledger["phase"], ledger["chunk"])
            batch = NoticeBatch.model_validate_json(await ctx.vault.open(incident, item))
        except KeyError:  # the people are forgotten by now
            continue
        sealed = await ctx.vault.open(incident, ledger["declaration"])
        declared = BreachDeclared.model_validate_json(sealed)
        for one in unreached_of(ledger, batch, declared, aborted=aborted):
            yield one


async def _seal(incident: str, list_: str, part: int, rows: Sequence[Unreached], vault: VaultPort) -> None:
    """Seal a *part* of a list; the first one has the names of the columns."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS)
    if not part:
        text.write(BYTE_ORDER_MARK)
        table.writeheader()
    table.writerows(one.row() for one in rows)
    await vault.seal(incident, unreached_item(list_, part), text.getvalue().encode())
