"""How a breach stands, for tests that declare some."""

import json
from datetime import timedelta
from functools import reduce
from typing import Any
from zoneinfo import ZoneInfo

from services.console.read_model.histories import CaseHistories
from services.console.read_model.incidents import rooms_of
from services.intake.breach.domain import RECORDS, Incident, evolve
from shared.runtime.journal import Journal, events_of
from tests.integration.pipeline import Pipeline, command
from tests.waiting import eventually

WITHIN = timedelta(seconds=120)


async def shown(pipeline: Pipeline, incident: str, account: str = "ada") -> dict[str, Any]:
    """Return the incident that `habeas breach show` prints to an *account*."""
    code, said, complaint = await command(pipeline, "breach", "show", incident, "--as", account, "--json")
    assert code == 0, complaint
    return dict(json.loads(said)["incident"])


async def shown_once_it_is(pipeline: Pipeline, incident: str, status: str, phase: int = 1) -> dict[str, Any]:
    """Return the incident that `habeas breach show` prints once a *phase* is *status*."""
    await pipeline.console()
    await until_it_is(pipeline, incident, status, phase)
    return await shown(pipeline, incident)


async def until_it_is(pipeline: Pipeline, incident: str, status: str, phase: int = 1) -> None:
    """Wait until a *phase* of an incident is *status*, also at the console if it runs."""

    async def there() -> bool:
        known = await statuses(pipeline, incident)
        assert known[phase - 1 : phase] == [status], known
        return True

    async def seen() -> bool:
        database = pipeline.client[f"{pipeline.prefix}_console"]
        rooms = await rooms_of(CaseHistories(database, ZoneInfo("UTC")), [incident])
        assert [one.phases[phase - 1].stated.status for one in rooms] == [status]
        return True

    _: bool = await eventually(there, WITHIN)
    if pipeline.console_process is not None:
        _ = await eventually(seen, WITHIN)


async def statuses(pipeline: Pipeline, incident: str) -> list[str]:
    """Return the status of each phase from the journal; a command takes half a second of a processor."""
    journal = Journal(pipeline.client[f"{pipeline.prefix}_incidents"], RECORDS)
    rows = (await journal.histories({incident})).get(incident, [])
    known = reduce(evolve, events_of(rows), Incident())
    return [one.status.value for one in known.phases]
