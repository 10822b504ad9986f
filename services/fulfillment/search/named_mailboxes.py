"""Mailboxes that a person's records name besides the proven one; each owner gets one notice."""

import asyncio
from collections.abc import Iterator, Sequence

from services.fulfillment.context import Fulfillment
from services.fulfillment.datamap.categories import covered
from services.fulfillment.datamap.graph import EMAIL
from services.fulfillment.datamap.model import Collection, DataMap, MappedField
from services.fulfillment.datamap.paths import values_at
from services.fulfillment.erasure.masks import NOWHERE
from services.fulfillment.search.findings import Findings
from services.fulfillment.search.identities import Identities
from services.fulfillment.search.mailboxes import addresses_in, same
from services.fulfillment.search.roles import roles
from shared.contract.events import MailboxNamed, Requester
from shared.law import Right

MOST_NOTIFIED = 5
"""Limit of mailboxes notified for one request; with more, the staff decides."""
MAILBOX = "named_mailbox"
"""Prefix of the names of other mailboxes in the vault."""
OWN_ROLES = frozenset({"buyer", "deliver", "delivery", "payer", "ship", "shipping", "to"})
"""Words in the names of fields (``billed_to``) that mean the record's own person."""


async def not_notified(
    findings: Findings, data_map: DataMap, proven: Identities, requester: Requester, ctx: Fulfillment
) -> tuple[str, ...] | None:
    """
    Return the other mailboxes in *findings* with owners that this request has yet to notify.

    None if they are more than :data:`MOST_NOTIFIED`, counting those already notified. A parent's request
    notifies no mailbox: those in the records are the child's.
    """
    notified = [(await ctx.vault.open(ctx.case_id, ref)).decode() for ref in ctx.known.mailboxes]
    known = {**proven, EMAIL: (*proven.get(EMAIL, ()), *notified)}
    # In a thread: a million records take long, and the broker needs heartbeats.
    found = await asyncio.to_thread(other_mailboxes, findings, data_map, known)
    if len(notified) + len(found) > MOST_NOTIFIED:
        return None
    return () if requester is Requester.PARENT else found


async def notices(mailboxes: Sequence[str], right: Right, ctx: Fulfillment) -> Sequence[MailboxNamed]:
    """Return the events that have the owners of *mailboxes* notified."""
    refs = [await ctx.sealed(MAILBOX, mailbox) for mailbox in mailboxes]
    return [MailboxNamed(request_id=ctx.case_id, right=right, ref=ref) for ref in refs]


def other_mailboxes(findings: Findings, data_map: DataMap, proven: Identities) -> tuple[str, ...]:
    """
    Return the addresses in the person's own part of *findings*, without those *proven*.

    Addresses of recipients, relatives and helpers are other people's and do not identify the record's person.
    A mask that an earlier erasure has left is no mailbox. Of more than :data:`MOST_NOTIFIED` addresses, the
    first ones are returned, and one more.
    """
    tagged = any(field.plus_tags for collection in data_map.collections for field in collection.fields)
    known = {same(address, tagged=tagged) for address in proven.get(EMAIL, ())}
    found: list[str] = []
    for address in _addresses(findings, data_map):
        mailbox = same(address, tagged=tagged)
        if mailbox not in known and not address.endswith(NOWHERE):
            known.add(mailbox)
            found.append(address)
        if len(found) > MOST_NOTIFIED:
            break
    return tuple(found)


def _addresses(findings: Findings, data_map: DataMap) -> Iterator[str]:
    for collection in data_map.collections:
        if fields := _fields(collection):
            for record in findings.of(collection.key):
                for field in fields:
                    for value in values_at(record.disclosed, field.path):
                        if isinstance(value, str):
                            yield from addresses_in(value)


def _fields(collection: Collection) -> list[MappedField]:
    return [
        field
        for field in collection.leaves
        if roles(field.path) <= OWN_ROLES
        and (field.identity == EMAIL or any(covered(c, ("user.contact.email",)) for c in field.categories))
    ]
