"""The state of an incident's notices: released phases, and number of resumptions. Pure."""

from dataclasses import dataclass, replace

from shared.contract.events import Fact
from shared.contract.events.breaches import CampaignAborted, CampaignResumed, NoticesReleased


@dataclass(frozen=True, slots=True)
class Campaign:
    """The notices of an incident."""

    released: tuple[NoticesReleased, ...] = ()
    turn: int = 0
    """How often its chunks were begun anew."""


def evolve(known: Campaign, fact: Fact) -> Campaign:
    """Return the state after *fact*."""
    match fact:
        case NoticesReleased():
            return replace(known, released=(*known.released, fact))
        case CampaignResumed() | CampaignAborted():
            return replace(known, turn=known.turn + 1)
        case _:
            return known
