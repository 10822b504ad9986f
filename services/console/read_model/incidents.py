"""Reads incidents: their list, and the breach room of each."""

from collections.abc import Sequence

from services.console.domain import in_order, is_purged
from services.console.incidents import BreachRoom, room_of
from services.console.read_model.cases import CaseFilter
from services.console.read_model.histories import CaseHistories
from services.console.state import CaseKind

INCIDENTS = CaseFilter(kind=CaseKind.INCIDENT)


async def rooms_of(histories: CaseHistories, incidents: Sequence[str]) -> list[BreachRoom]:
    """Return the rooms of *incidents* that are not purged, in this order."""
    found = await histories.of(incidents)
    return [
        room_of(one, ((entry.at, entry.fact) for entry in in_order(found[one])))
        for one in incidents
        if one in found and not is_purged(found[one])
    ]
