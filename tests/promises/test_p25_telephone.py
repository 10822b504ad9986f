"""P25: a request by telephone counts as any other."""

import json
from datetime import timedelta
from zoneinfo import ZoneInfo

from tests.integration.pipeline import Pipeline, command, now
from tests.promises.people import People

MANNER = ("--manner", "telephone")


async def test_request_by_telephone_is_registered_from_the_day_of_the_call_and_answered(
    pipeline: Pipeline,
    people: People,
) -> None:
    person = people[0]
    called_at = now() - timedelta(days=5)
    words = (*MANNER, "--received", called_at.isoformat(), "--email", person.email, "--name", person.name)
    code, case, errors = await command(
        pipeline, "request", "register", *words, "--country", "DE", "--as", "anna"
    )
    assert code == 0, errors
    case = case.strip()
    mailed = await pipeline.code_for(person, case)
    (await pipeline.prove(case, mailed)).raise_for_status()
    page = await pipeline.closed(case)
    assert page["received_on"] == called_at.astimezone(ZoneInfo("Europe/Berlin")).date().isoformat()
    year = ("--year", str(called_at.year))
    await command(pipeline, "status", case, "--as", "anna")  # the console has noted its last events
    words = ("report", *year, "--register", "--format", "json", "--as", "anna")
    _, register, _ = await command(pipeline, *words)
    entries = map(json.loads, register.splitlines())
    [entry] = [entry for entry in entries if entry["request"] == case]
    assert (entry["manner"], entry["source"]) == ("telephone", "habeas/telephone")
    [row] = await pipeline.rows("intake", case=case, **{"event.type": "habeas.request.taken.v1"})
    assert row["event"]["data"]["by"] == "anna"
