"""Mailboxes that a person's records name besides the proven one; each owner gets one notice."""

import unicodedata
from collections.abc import Iterator, Sequence

from services.fulfillment.context import FulfillmentContext
from services.fulfillment.datamap.graph import EMAIL
from services.fulfillment.datamap.model import DataMap
from services.fulfillment.datamap.paths import values_at
from services.fulfillment.erasure.masks import NOWHERE
from services.fulfillment.search.bson_equality import untagged
from services.fulfillment.search.confirmed_aliases import values_of_aliases
from services.fulfillment.search.findings import Findings
from services.fulfillment.search.identities import Identities
from services.fulfillment.search.mailboxes import addresses_in, same
from services.fulfillment.search.named_people import roles
from shared.contract.events import Assurance, Evidence, IdentityVerified, MailboxNamed, Requester
from shared.law import Right
from shared.runtime.dataloader import in_thread

MOST_NOTIFIED = 5
"""Limit of mailboxes notified for one request; with more, the staff decides."""
MAILBOX = "named_mailbox"
"""First part of the names under which other mailboxes lie in the vault."""
BY_OWNER = frozenset({Evidence.ACCOUNT, Evidence.MAILBOX})
"""Evidence that only the owner of a mailbox has."""
OWN_ROLES = frozenset({"buyer", "deliver", "delivery", "payer", "ship", "shipping", "to"})
"""Words in the names of fields (``billed_to``) that mean the record's own person."""


async def not_notified(
    findings: Findings, data_map: DataMap, event: IdentityVerified, ctx: FulfillmentContext, *more: str
) -> tuple[str, ...] | None:
    """
    Return the mailboxes in *findings* that get a notice and had none; *more* are notified already.

    None if the request would notify more than :data:`MOST_NOTIFIED` in all. A parent's request notifies none,
    since mailboxes in the records are the child's; a controller's instruction notifies none either.

    Law:
        GDPR Art. 28(3)(a), 29: a processor acts on the controller's instructions, who answers for them.
    """
    if event.requester is Requester.CONTROLLER:
        return ()
    notified = [(await ctx.vault.open(ctx.case_id, ref)).decode() for ref in ctx.known.mailboxes]
    proven = await _proven_by_the_owner(event, ctx)
    known = {EMAIL: (*proven, *notified, *more)}
    found = await in_thread(other_mailboxes, findings, data_map, known, small=findings.is_small)
    if len(notified) + len(found) > MOST_NOTIFIED:
        return None
    return () if event.requester is Requester.PARENT else found


async def _proven_by_the_owner(event: IdentityVerified, ctx: FulfillmentContext) -> tuple[str, ...]:
    """Return the mailboxes that a code, a log-in or a trusted source has proven; data points prove none."""
    submitted = await ctx.submission()
    vouched = event.assurance is Assurance.VOUCHED or event.proven is None
    sure = vouched or not BY_OWNER.isdisjoint(event.reasons)
    own = submitted.subject.email if sure and EMAIL in (event.proven or (EMAIL,)) else None
    aliases = await values_of_aliases(EMAIL, ctx.known.aliases_proven, ctx)
    return (*filter(None, (own,)), *aliases)


async def notices(mailboxes: Sequence[str], right: Right, ctx: FulfillmentContext) -> Sequence[MailboxNamed]:
    """Return the events that have the owners of *mailboxes* notified."""
    refs = [await ctx.sealed(MAILBOX, mailbox) for mailbox in mailboxes]
    return [MailboxNamed(request_id=ctx.case_id, right=right, ref=ref) for ref in refs]


def spelling_of(mailbox: str, findings: Findings, data_map: DataMap) -> str:
    """Return the spelling of the alias *mailbox* for letters to its owner."""
    # It is the spelling in the records: an alias may be written so that it finds them, but reaches another
    # mailbox. If the records have none, it is the alias in NFC, without its tag if the map ignores tags.
    tagged = _tagged(data_map)
    wanted = same(mailbox, tagged=tagged)
    found = (one for one in _addresses(findings, data_map) if same(one, tagged=tagged) == wanted)
    plain = unicodedata.normalize("NFC", mailbox.strip())
    return next(found, untagged(plain) if tagged else plain)


def other_mailboxes(findings: Findings, data_map: DataMap, proven: Identities) -> tuple[str, ...]:
    """
    Return the addresses in the person's own part of *findings*, without those *proven*.

    Addresses of recipients, relatives and helpers are other people's and do not identify the record's person.
    A mask that an earlier erasure has left is no mailbox. Of more than :data:`MOST_NOTIFIED` addresses, the
    first ones are returned, and one more.
    """
    tagged = _tagged(data_map)
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


def _tagged(data_map: DataMap) -> bool:
    """Return whether an address is the same with and without a part after a plus sign."""
    return any(field.plus_tags for collection in data_map.collections for field in collection.leaves)


def _addresses(findings: Findings, data_map: DataMap) -> Iterator[str]:
    for collection in data_map.collections:
        paths = [
            field.path
            for field in collection.leaves
            if field.identity == EMAIL or field.is_about(("user.contact.email",))
            if roles(field.path) <= OWN_ROLES
        ]
        for record in findings.of(collection.key) if paths else ():
            for path in paths:
                for value in values_at(record.disclosed, path):
                    if isinstance(value, str):
                        yield from addresses_in(value)
