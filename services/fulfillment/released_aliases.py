"""
Unverified aliases in the person's records, and the release of records by a confirmed one.

An answer offers them by number to the staff; their values lie sealed. Once an account confirms that one is
the person's, it counts as proven, and its records are released.
"""

from collections.abc import Sequence

import orjson

from services.fulfillment.context import Fulfillment
from services.fulfillment.datamap.graph import EMAIL
from services.fulfillment.search.identities import Identities, spellings_of
from services.fulfillment.state import FulfillmentStatus, Fulfilment
from shared.contract.events import AliasConfirmed, Code, ErasureScheduled, OfferedAliases, Requester

OFFER = "aliases"
"""Prefix of the vault names of offered aliases."""
WINDOW = "alias_window_"
"""Prefix of the names of the timers for the end of confirmed aliases' windows."""
MOST_OFFERED = 20


async def offered(claims: Identities, ctx: Fulfillment) -> OfferedAliases | None:
    """Seal the unverified values that the person's records name, and return them by number; None if none."""
    pairs = [(name, value) for name, values in claims.items() for value in values][:MOST_OFFERED]
    if not pairs:
        return None
    ref = await ctx.sealed(OFFER, orjson.dumps(pairs))
    return OfferedAliases(ref=ref, identities=tuple(name for name, _ in pairs))


def values_of(sealed: bytes) -> Sequence[tuple[str, str]]:
    """Return the identities and values that :func:`offered` sealed; the first one is number 1."""
    return [(name, value) for name, value in orjson.loads(sealed)]


def objection(event: AliasConfirmed, known: Fulfilment, *, two: bool) -> Code | None:
    """Return why the confirmation *event* is refused, or None; *two* says whether two must decide."""
    offer = next((one for one in known.offered if one.ref == event.aliases), None)
    earlier = known.confirmations_of(event)
    match known:
        case Fulfilment(stopped=True):
            return "request_stopped"
        case Fulfilment(status=FulfillmentStatus.FULFILLED) if offer is None or event.number > len(
            offer.identities
        ):
            return "alias_unknown"
        case Fulfilment(status=FulfillmentStatus.FULFILLED) if len(earlier) > two:
            return "alias_confirmed"
        case Fulfilment(status=FulfillmentStatus.FULFILLED):
            return "decider_decided_before" if event.by in earlier else None
        case _:
            return "not_answered"


async def with_confirmed(identities: Identities, ctx: Fulfillment) -> dict[str, tuple[str, ...]]:
    """Return *identities* and the aliases that were confirmed in the case."""
    found = {name: tuple(spellings) for name, spellings in identities.items()}
    for ref, number in ctx.known.confirmed(two=ctx.house.two_deciders):
        name, value = values_of(await ctx.vault.open(ctx.case_id, ref))[number - 1]
        found[name] = tuple(dict.fromkeys((*found.get(name, ()), *spellings_of(name, value))))
    return found


async def own_mailbox(event: AliasConfirmed, requester: Requester, ctx: Fulfillment) -> tuple[str, ...]:
    """
    Return the confirmed alias where it is a mailbox; its owner is notified, for staff may have been deceived.

    A parent's request notifies no mailbox: it is the child's.
    """
    name, value = values_of(await ctx.vault.open(ctx.case_id, event.aliases))[event.number - 1]
    return (value,) if name == EMAIL and requester is not Requester.PARENT else ()


def window_name(window: ErasureScheduled) -> str:
    """Return the name of the timer for the end of *window* of a confirmed alias."""
    return f"{WINDOW}{int(window.at.timestamp())}"
