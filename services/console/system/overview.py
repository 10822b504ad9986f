"""The state of the installation: parts, queues, parked messages, the data map, unread laws."""

from dataclasses import dataclass
from typing import Any

from services.console.context import ConsoleParts
from services.console.state import WaitKind
from services.console.system.queue_states import queue_states
from services.console.system.reports import unread_laws
from shared.errors import TransientError
from shared.runtime.service_reports import ANSWERS, MAIL_SERVER

MAIL_QUEUES = frozenset({"notifier", "codes"})


@dataclass(frozen=True, slots=True)
class PartState:
    """A part of the installation, and whether it answers."""

    name: str
    answers: bool


async def overview(parts: ConsoleParts) -> dict[str, Any]:
    """Return the state of each part; raises BrokerUnavailable if the broker does not answer."""
    queues = await queue_states(parts.settings.amqp_url.get_secret_value())
    reports = await parts.reports.all()
    outside = {name: state for report in reports for name, state in report.parts.items()}
    work = await parts.cases.work(parts.today())
    return {
        "services": await _service_states(parts),
        "reports": reports,
        "outside": outside,
        "answers": ANSWERS,
        "mail_server": outside.get(MAIL_SERVER),
        "letters": sum(queue.messages for queue in queues if queue.name in MAIL_QUEUES),
        "undelivered": work.counts()[WaitKind.UNDELIVERED],
        "map": await parts.reports.data_map(),
        "queues": queues,
        "parked": await parts.parked.all(),
        "parked_count": sum(queue.messages for queue in queues if queue.parking),
        "repairs": await parts.parked.repairs(),
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
