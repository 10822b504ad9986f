"""Deadlines are told once, by three replicas of intake of which one is killed while they tell."""

import asyncio
import base64
import json
import os
import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest_asyncio

from habeas.embedded.parts.ports import HOST, dial, free_port
from habeas.embedded.parts.process import Command, Process
from services.intake.cases.deadlines import APPROACHING
from services.intake.domain import request_id
from shared.contract.envelope import STRUCTURED
from shared.contract.events import DeadlineApproaching, DeadlineMissed, RequestReceived
from shared.contract.topology import REQUESTS
from shared.runtime.broker import Bus, Message, user_of
from shared.runtime.key_rings import derived_key
from shared.runtime.mongo import Client, Document
from tests.integration.forked_processes import started
from tests.waiting import eventually

REPLICAS, REQUESTS_MADE = 3, 500
WITHIN = timedelta(seconds=120)
SOURCE, MASTER_KEY = "shop", bytes(32)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
LONG_AGO = datetime.now(UTC) - timedelta(days=90)


@pytest_asyncio.fixture
async def replicas(
    amqp_url: str, mongo_url: str, database_prefix: str, tmp_path: Path
) -> AsyncIterator[list[Process]]:
    running = []
    for number in range(REPLICAS):
        port = free_port()
        settings = {
            **os.environ,
            "HABEAS_AMQP_URL": amqp_url,
            "HABEAS_MONGO_URL": mongo_url,
            "HABEAS_DATABASE_PREFIX": database_prefix,
            "HABEAS_SOURCES": json.dumps({user_of(amqp_url): [SOURCE]}),
            "HABEAS_MASTER_KEY": base64.b64encode(MASTER_KEY).decode(),
            "HABEAS_PUBLIC_URL": "https://privacy.example.com",
            "HABEAS_TRUSTED_PROXIES": "[]",
            "HABEAS_HTTP_HOST": HOST,
            "HABEAS_HTTP_PORT": str(port),
        }
        command = Command((), Path.cwd(), tmp_path / f"{number}.log", settings)
        running.append(await started("services.intake", command))
        await running[-1].until(lambda port=port: dial(port), WITHIN)  # type: ignore[misc]
    yield running
    await asyncio.gather(*(process.stop(WITHIN) for process in running))


def waiting(reference: str) -> Document:
    """Return the moment that intake would set for a request, put off until all are registered."""
    case = request_id(SOURCE, reference, key=derived_key(MASTER_KEY, "request ids"))
    name = f"{case}/{APPROACHING}"
    return {"_id": name, "case": case, "name": APPROACHING, "at": NEVER, "published": False}


def submitted(id_: str) -> Message:
    body: dict[str, Any] = {
        "specversion": "1.0",
        "id": id_,
        "source": SOURCE,
        "type": "habeas.request.submitted.v1",
        "time": datetime.now(UTC).isoformat(),
        "data": {
            "reference": id_,
            "right": "access",
            "subject": {"email": f"{id_}@example.org"},
            "residence": {"country": "DE"},
            "received_at": LONG_AGO.isoformat(),
        },
    }
    return Message(REQUESTS, body["type"], orjson.dumps(body), id_, STRUCTURED)


async def test_each_deadline_is_reported_once_despite_a_killed_replica(
    replicas: list[Process], amqp_url: str, mongo_client: Client, database_prefix: str
) -> None:
    journal = mongo_client[f"{database_prefix}_intake"]["journal"]

    async def told(type_: str) -> Counter[str]:
        rows = journal.find({"facts.type": type_}, {"case": 1})
        return Counter([row["case"] async for row in rows])

    async def registered() -> int:
        rows = await journal.count_documents({"facts.type": RequestReceived.TYPE})
        return rows if rows >= REQUESTS_MADE else 0

    async def begun() -> Counter[str]:
        some = await told(DeadlineApproaching.TYPE)
        return some if len(some) > REQUESTS_MADE // 10 else Counter()

    async def all_of(type_: str) -> Counter[str]:
        found = await told(type_)
        return found if len(found) == REQUESTS_MADE else Counter()

    timers = mongo_client[f"{database_prefix}_intake"]["timers"]
    references = [uuid.uuid4().hex for _ in range(REQUESTS_MADE)]
    await timers.insert_many([waiting(reference) for reference in references])
    bus = Bus(amqp_url, name="test")
    try:
        await bus.publish([submitted(reference) for reference in references])
    finally:
        await bus.close()
    rows: int = await eventually(registered, WITHIN)
    assert rows == REQUESTS_MADE
    # All at once, so that two replicas come upon the same ones.
    await timers.update_many({}, {"$set": {"at": datetime.now(UTC)}})
    _: Counter[str] = await eventually(begun, WITHIN, at_once=True)
    await random.choice(replicas).kill()
    missed: Counter[str] = await eventually(partial(all_of, DeadlineMissed.TYPE), WITHIN)
    # What the killed one had begun is told by another, be it after the last day.
    approaching: Counter[str] = await eventually(partial(all_of, DeadlineApproaching.TYPE), WITHIN)
    assert set(missed.values()) == set(approaching.values()) == {1}
    assert missed.keys() == approaching.keys()
