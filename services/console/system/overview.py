"""The state of the installation: parts, queues, parked messages, the data map, unread laws."""

import asyncio
from dataclasses import dataclass
from typing import Any

from services.console.context import ConsoleParts
from services.console.state import WaitKind
from services.console.system.queue_states import queue_states
from services.console.system.reports import unread_laws
from shared.contract.topology import inboxes, parking_of
from shared.errors import TransientError
from shared.runtime.service_reports import ANSWERS, MAIL_SERVER

MAIL_QUEUES = frozenset({"notifier", "codes"})
MOST_STALLED = 100
"""Facts that are not handled, of those that the page lists."""


@dataclass(frozen=True, slots=True)
class PartState:
    """A part of the installation, and whether it answers."""

    name: str
    answers: bool


async def overview(parts: ConsoleParts) -> dict[str, Any]:
    """Return the state of each part; raises BrokerUnavailable if the broker does not answer."""
    queues, reports, work, states, drawn, repairs = await asyncio.gather(
        queue_states(parts.settings.amqp_url.get_secret_value()),
        parts.reports.all(),
        parts.cases.work(parts.today()),
        _service_states(parts),
        parts.reports.data_map(),
        parts.parked.repairs(),
    )
    outside = {name: state for report in reports for name, state in report.parts.items()}
    sizes = {queue.name: queue.messages for queue in queues}
    return {
        "services": states,
        "reports": reports,
        "outside": outside,
        "answers": ANSWERS,
        "mail_server": outside.get(MAIL_SERVER),
        "letters": sum(queue.messages for queue in queues if queue.name in MAIL_QUEUES),
        "undelivered": work.counts()[WaitKind.UNDELIVERED],
        "map": drawn,
        "queues": queues,
        "parked": await parts.parked.all(one for one in inboxes() if sizes[parking_of(one)]),
        "parked_count": sum(queue.messages for queue in queues if queue.parking),
        "stalled": await parts.stalled.all(MOST_STALLED),
        "stalled_count": await parts.stalled.count(),
        "repairs": repairs,
        "laws": unread_laws(parts.settings.laws_accepted),
        "now": parts.clock(),
    }


async def _service_states(parts: ConsoleParts) -> list[PartState]:
    """Return which parts answer; database and broker do, or the page is not shown."""
    try:
        await parts.intake.response("GET", "/livez")
    except TransientError:
        return [PartState("intake", answers=False)]
    return [PartState("intake", answers=True)]
