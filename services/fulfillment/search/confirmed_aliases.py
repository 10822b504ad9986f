"""
Unverified aliases in the person's records, and their confirmation.

An answer offers them by number to the staff; their values lie sealed. Once an account confirms that one is
the person's, it counts as proven, and its records are searched as well.
"""

import unicodedata
from collections.abc import Iterable, Sequence

import orjson

from services.fulfillment.context import FulfillmentContext
from services.fulfillment.datamap.graph import EMAIL
from services.fulfillment.search.identities import Identities, spellings_of
from services.fulfillment.search.mailboxes import addresses_in
from services.fulfillment.state import FulfillmentCase, FulfillmentStatus
from shared.contract.events import AliasConfirmed, Code, ErasureScheduled, OfferedAliases, Requester

OFFER = "aliases"
"""Prefix of the vault names of offered aliases."""
WINDOW = "alias_window_"
"""Prefix of the names of the timers for the end of confirmed aliases' windows."""
MOST_OFFERED = 20


async def offered(claims: Identities, ctx: FulfillmentContext) -> OfferedAliases | None:
    """Seal the unverified values in the person's records, and return them by number, if there are any."""
    # A mailbox is only offered in the spelling of letters to it: a look-alike may find another's records.

    def is_exact(mailbox: str) -> bool:
        plain = mailbox.strip()
        return list(addresses_in(plain)) == [plain] and unicodedata.is_normalized("NFC", plain)

    named = ((name, value) for name, values in claims.items() for value in values)
    pairs = [(name, value) for name, value in named if name != EMAIL or is_exact(value)][:MOST_OFFERED]
    if not pairs:
        return None
    ref = await ctx.sealed(OFFER, orjson.dumps(pairs))
    return OfferedAliases(ref=ref, identities=tuple(name for name, _ in pairs))


def values_of(sealed: bytes) -> Sequence[tuple[str, str]]:
    """Return the identities and values that :func:`offered` sealed; the first one is number 1."""
    return [(name, value) for name, value in orjson.loads(sealed)]


def objection(event: AliasConfirmed, known: FulfillmentCase, *, two: bool) -> Code | None:
    """Return why the confirmation *event* is refused, or None; *two* says whether two must decide."""
    if known.stopped:
        return "request_stopped"
    if known.status is not FulfillmentStatus.FULFILLED:
        return "not_answered"
    if not known.offers(event):
        return "alias_unknown"
    earlier = known.confirmations_of(event)
    if len(earlier) > two or (event.aliases, event.number) in known.aliases_proven:
        return "alias_confirmed"
    return "decider_decided_before" if event.by in earlier else None


async def with_confirmed(identities: Identities, ctx: FulfillmentContext) -> dict[str, tuple[str, ...]]:
    """Return *identities* and the aliases that were confirmed in the case."""
    found = {name: tuple(spellings) for name, spellings in identities.items()}
    for name, value in await _values(ctx.known.confirmed(two=ctx.house.two_deciders), ctx):
        found[name] = tuple(dict.fromkeys((*found.get(name, ()), *spellings_of(name, value))))
    return found


async def values_of_aliases(
    identity: str, aliases: Iterable[tuple[Code, int]], ctx: FulfillmentContext
) -> tuple[str, ...]:
    """Return the values of *aliases*, by name and number, that are of the kind *identity*."""
    return tuple(value for name, value in await _values(aliases, ctx) if name == identity)


async def _values(aliases: Iterable[tuple[Code, int]], ctx: FulfillmentContext) -> Sequence[tuple[str, str]]:
    return [values_of(await ctx.vault.open(ctx.case_id, ref))[number - 1] for ref, number in aliases]


async def own_mailbox(
    event: AliasConfirmed, requester: Requester, ctx: FulfillmentContext
) -> tuple[str, ...]:
    """Return the confirmed alias if it is a mailbox: its owner is notified, for staff may be deceived."""
    # A parent's request notifies no mailbox: it is the child's. Nor does a controller's instruction.
    name, value = values_of(await ctx.vault.open(ctx.case_id, event.aliases))[event.number - 1]
    silent = requester in {Requester.PARENT, Requester.CONTROLLER}
    return (value,) if name == EMAIL and not silent else ()


def window_name(window: ErasureScheduled) -> str:
    """Return the name of the timer for the end of *window* of a confirmed alias."""
    return f"{WINDOW}{int(window.at.timestamp())}"
