"""A campaign that is killed over and over misses nobody, and doubles no more than it says and may."""

import os
from pathlib import Path

import pytest

from bench.campaign import KillCounts, Order, guarantee, prepared
from bench.servers import POSTFIX
from habeas.embedded.parts import broker
from tests.conftest import given, missing
from tests.extent import extent

PEOPLE, KILLS, CONNECTIONS = extent(400, 2_000), extent(2, 3), 16
SERVERS = extent(("sink",), ("sink", "postfix"))


@pytest.mark.campaign
@pytest.mark.timeout(240)
@pytest.mark.parametrize("server", SERVERS)
async def test_kills_in_the_middle_miss_nobody_and_double_no_more_than_a_letter_a_connection(
    tmp_path: Path, server: str
) -> None:
    if given("AMQP_URL"):
        pytest.skip("parts that run already are not ours to kill")
    if not broker.PROGRAM.is_file():
        missing(f"RabbitMQ is missing ({broker.PROGRAM}): {broker.REMEDY}")
    if server == "postfix" and not (POSTFIX.is_file() and os.geteuid() == 0):
        missing(f"Postfix is missing ({POSTFIX}), or we are not root: scripts/setup-tests")
    order = Order(PEOPLE, rounds=0, kills=KILLS, connections=CONNECTIONS, latency_ms=20, server=server)
    async with prepared(tmp_path, order) as ground:
        kept = await guarantee(ground, order, counts := KillCounts())
    assert kept.people == PEOPLE
    assert counts.kills == KILLS
    assert counts.restarts == 1
    assert kept.doubtful
    assert kept.sound, kept
