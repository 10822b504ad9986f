"""Committed decisions that the broker did not take at once: none is lost, none uses up a code."""

import json
import uuid
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import aio_pika
import httpx
import pytest
import pytest_asyncio

from habeas.embedded.stack import Stack, StackPart
from shared.contract import topology
from shared.contract.events import PackageCodeIssued
from shared.errors import BrokerUnavailable
from shared.runtime.broker import Parking
from tests.integration.pipeline import PORTAL, Pipeline, comes_true, running
from tests.unit.platforms import SHOP, SHOPIFY, shopify_headers

REJECTED = "habeas.request.rejected.v1"


@pytest_asyncio.fixture(scope="module")
async def pipeline(parts: Stack | None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pipeline]:
    folder: Path = tmp_path_factory.mktemp("outbox")
    secrets = json.dumps([SHOPIFY.decode()])
    async with running(parts, folder, HABEAS_SHOPIFY_SECRETS=secrets) as pipeline:
        yield pipeline


async def erase_shop(pipeline: Pipeline, shop: str) -> httpx.Response:
    """Send the webhook that names no person: it is set aside, and its publisher is informed."""
    body = json.dumps({"shop_id": 954889, "shop_domain": shop}).encode()
    headers = shopify_headers("shop/redact", body)
    return await pipeline.http.post("/webhooks/shopify", content=body, headers=headers)


async def declared(pipeline: Pipeline) -> str:
    """Declare a durable queue of rejections, as an upstream system does; return its name."""
    name = f"rejections-{uuid.uuid4().hex}"
    connection = await aio_pika.connect(pipeline.amqp_url)
    async with connection, connection.channel() as channel:
        queue = await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})
        await queue.bind(topology.EVENTS, REJECTED)
    return name


async def is_rejected(pipeline: Pipeline, queue: str) -> bool:
    """Return whether a rejection lies in *queue*."""
    try:
        async with Parking(pipeline.amqp_url, queue) as lying:
            return bool([delivery.body async for delivery in lying])
    except BrokerUnavailable:
        return False


async def unpublished(pipeline: Pipeline) -> int:
    return len(await pipeline.rows("intake", unpublished=True))


async def test_rows_committed_while_the_broker_is_away_are_published_once_it_is_back(
    stack: Stack, pipeline: Pipeline
) -> None:
    person = (await pipeline.people())[2]
    asked = person.asks("access")
    await pipeline.send(asked, source=PORTAL)
    case = await pipeline.id_of(asked)
    await pipeline.closed(case)
    queue = await declared(pipeline)
    await stack.broker.settle()
    await stack.kill(StackPart.BROKER)
    assert (await erase_shop(pipeline, SHOP)).json() == {"status": "set_aside"}
    assert (await pipeline.http.post(f"/v1/requests/{case}/package/codes")).status_code == 202
    assert await unpublished(pipeline) == 2
    await stack.start(StackPart.BROKER)
    await comes_true(partial(is_rejected, pipeline, queue))
    code = await pipeline.code_for(person, case)
    package = await pipeline.http.get(f"/v1/requests/{case}/package", params={"code": code})
    assert package.status_code == 200
    issued = await pipeline.rows("intake", case=case, **{"facts.type": PackageCodeIssued.TYPE})
    assert len(issued) == 1
    await comes_true(partial(no_row_waits, pipeline))


async def no_row_waits(pipeline: Pipeline) -> bool:
    return await unpublished(pipeline) == 0
