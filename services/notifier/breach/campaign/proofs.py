"""The records of the notices to one address, for an account that asks: time and answer of the mail server."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import orjson

from services.notifier.breach.campaign.outcomes import LedgerDocument, elsewhere, letters
from services.notifier.breach.campaign.unreached import IN_DOUBT, ListWriter, failures
from services.notifier.smtp.return_path import CampaignNotice, NoticePaths
from shared.contract.affected_people import NoticeBatch, batch_item, proof_item
from shared.contract.events import Fact
from shared.contract.events.breaches import NoticeProofAsked, NoticesProven
from shared.contract.ports import VaultPort
from shared.contract.staff import written_text
from shared.errors import RefusedDecision
from shared.matching.contacts import mailbox


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


class NoticeFinder(ListWriter, Protocol):
    """The ledgers and states of campaigns, the vault, and the paths of notices."""

    @property
    def paths(self) -> NoticePaths:
        """Return the paths, which name each letter."""


async def prove_notice(event: NoticeProofAsked, ctx: NoticeFinder) -> Sequence[Fact]:
    """
    Seal the records of the notices to an address, for the account that asks.

    Raises RefusedDecision if no notices are out, or the address is not the one that was signed.
    """
    if not await ctx.standings.begun(event.request_id):
        raise RefusedDecision("not_released")
    incident, proof = event.request_id, proof_item(event.address)
    if not await ctx.vault.holds(incident, proof):  # else the event came again
        email = await _address(event, ctx.vault)
        found = [one async for one in notices_to(incident, email, ctx)]
        await ctx.vault.seal(incident, proof, orjson.dumps(found))
    notices = len(orjson.loads(await ctx.vault.open(incident, proof)))
    return [NoticesProven(request_id=incident, address=event.address, item=proof, notices=notices)]


async def _address(event: NoticeProofAsked, vault: VaultPort) -> str:
    """Return the signed address. Raises RefusedDecision if there is another one, or none."""
    try:
        text = written_text(event.address, await vault.open(event.request_id, event.address))
    except KeyError:
        text = None
    if text is None:
        raise RefusedDecision("text_differs")
    return text


async def notices_to(incident: str, email: str, ctx: NoticeFinder) -> AsyncIterator[NoticeRecord]:
    """Yield the records of notices to people with the address *email*; forgotten people have none."""
    wanted = _mailbox(email)
    async for ledger in ctx.ledgers.of(incident):
        try:
            sealed = await ctx.vault.open(incident, batch_item(ledger["phase"], ledger["chunk"]))
        except KeyError:
            continue
        for number, person in enumerate(NoticeBatch.model_validate_json(sealed).people):
            if wanted in map(_mailbox, filter(None, (person.email, *person.others))):
                yield _record(ledger, number, ctx.paths)
        await asyncio.sleep(0)  # an order to pause comes between two batches


def _record(ledger: LedgerDocument, number: int, paths: NoticePaths) -> NoticeRecord:
    notice = CampaignNotice(paths.campaign(ledger["incident"]), ledger["phase"], ledger["chunk"], number)
    at, said = _answer(ledger, number)
    returned = ledger.get("returned", {}).get(str(number), {})
    return NoticeRecord(
        phase=ledger["phase"],
        message_id=paths.message_id(notice, ledger["domain"]),
        accepted_at=at,
        said=said,
        doubtful=number in ledger["doubt"],
        returned={action: status for action, (status, _) in returned.items()},
    )


def _answer(ledger: LedgerDocument, number: int) -> tuple[datetime | None, str]:
    """Return when a letter was accepted, with the server's answer; without a moment why it was not."""
    written = {n: (at, said) for n, said, at in letters(ledger, "written")}
    if number in written:
        return written[number]
    if number in (failed := failures(ledger, aborted=False)):
        return None, ": ".join(failed[number])
    if number in elsewhere(ledger):
        return None, "covered by the letter of another phase, released at the same moment"
    return None, IN_DOUBT if number in ledger["doubt"] else "not sent yet"


def _mailbox(email: str) -> str:
    """Return *email* in the one spelling of its mailbox; an address of no mailbox as it is."""
    return mailbox(email) or email
