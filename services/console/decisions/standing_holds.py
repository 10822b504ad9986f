"""Standing legal holds that keep records from the erasure of a case, or may do so."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.console.context import ConsoleParts
from services.console.decisions.forms import CaseView
from services.console.state import CaseKind
from shared.contract.events import HoldPlaced
from shared.vocabulary import HoldScope, Right


@dataclass(frozen=True, slots=True)
class StandingHolds:
    """The holds that stand while a case is decided on."""

    own: Sequence[HoldPlaced] = ()
    """On the request, or on its person."""
    collections: Sequence[str] = ()
    """Collections with a hold."""
    people: int = 0
    """Holds on the people of other requests: the console does not know whether one is the same person."""


async def holds_on(parts: ConsoleParts, view: CaseView) -> StandingHolds:
    """Return the holds that stand on the case, and those of others that an open erasure may meet."""
    row = view.row
    if row.kind is not CaseKind.REQUEST:
        return StandingHolds()
    own = own_holds(view)
    if row.right != Right.ERASURE or not row.open:
        return StandingHolds(own)
    others = [one for one in await parts.holds.standing(view.today) if one.case != row.id]
    collections = sorted({one.collection for one in others if one.collection})
    return StandingHolds(own, collections, sum(one.scope is HoldScope.PERSON for one in others))


def own_holds(view: CaseView) -> Sequence[HoldPlaced]:
    """Return the holds on the request or its person that stand."""
    return [one for one in view.holds if one.until is None or one.until >= view.today]
