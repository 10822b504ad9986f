"""Deadlines are told once, by three replicas of intake of which one is killed while they tell."""

import asyncio
import base64
import os
import random
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest_asyncio

from habeas.parts.ports import HOST, dial, free_port
from habeas.parts.process import Command, Process
from shared.bus import Bus, Message
from shared.envelope import STRUCTURED
from shared.events import DeadlineApproaching, DeadlineMissed
from shared.mongo import Client
from shared.topology import REQUESTS
from tests.waiting import eventually

REPLICAS, REQUESTS_MADE = 3, 200
WITHIN = timedelta(seconds=60)
LONG_AGO = datetime.now(UTC) - timedelta(days=90)


@pytest_asyncio.fixture
async def replicas(
    amqp_url: str, mongo_url: str, database_prefix: str, tmp_path: Path
) -> AsyncIterator[list[Process]]:
    started = []
    for number in range(REPLICAS):
        port = free_port()
        settings = {
            **os.environ,
            "HABEAS_AMQP_URL": amqp_url,
            "HABEAS_MONGO_URL": mongo_url,
            "HABEAS_DATABASE_PREFIX": database_prefix,
            "HABEAS_MASTER_KEY": base64.b64encode(bytes(32)).decode(),
            "HABEAS_PUBLIC_URL": "https://privacy.example.com",
            "HABEAS_ZONE": "Europe/Berlin",
            "HABEAS_CALENDAR": "DE-BE",
            "HABEAS_HTTP_HOST": HOST,
            "HABEAS_HTTP_PORT": str(port),
        }
        command = Command(
            (sys.executable, "-m", "services.intake"), Path.cwd(), tmp_path / f"{number}.log", settings
        )
        started.append(await Process.start(command))
        await started[-1].until(lambda port=port: dial(port), WITHIN)  # type: ignore[misc]
    yield started
    await asyncio.gather(*(process.stop(WITHIN) for process in started))


def submitted() -> Message:
    id_ = uuid.uuid4().hex
    body: dict[str, Any] = {
        "specversion": "1.0",
        "id": id_,
        "source": "shop",
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


async def test_each_deadline_is_told_once_though_a_replica_is_killed_meanwhile(
    replicas: list[Process], amqp_url: str, mongo_client: Client, database_prefix: str
) -> None:
    journal = mongo_client[f"{database_prefix}_intake"]["journal"]

    async def told(type_: str) -> Counter[str]:
        rows = journal.find({"facts.type": type_}, {"case": 1})
        return Counter([row["case"] async for row in rows])

    async def begun() -> Counter[str]:
        some = await told(DeadlineApproaching.TYPE)
        return some if len(some) > REQUESTS_MADE // 10 else Counter()

    async def all_missed() -> Counter[str]:
        missed = await told(DeadlineMissed.TYPE)
        return missed if len(missed) == REQUESTS_MADE else Counter()

    bus = Bus(amqp_url, name="test")
    try:
        await bus.publish([submitted() for _ in range(REQUESTS_MADE)])
    finally:
        await bus.close()
    _: Counter[str] = await eventually(begun, WITHIN)
    await random.choice(replicas).kill()
    missed: Counter[str] = await eventually(all_missed, WITHIN)
    approaching = await told(DeadlineApproaching.TYPE)
    assert set(missed.values()) == set(approaching.values()) == {1}
    assert missed.keys() == approaching.keys()
